"""Bugs that the laboratory has found, each as the smallest world in which it happened. They are repaired, and stay so."""

import pytest
from laboratory import crashes
from laboratory.plan import (
    ASSIMILATOR,
    CANCEL,
    DATABASE_AWAY,
    DISK_FULL,
    GENERATOR,
    KILL,
    KILL_ASLEEP,
    MASTER,
    POWER_CUT,
    TOOL_FAILS,
    UPGRADE,
    UPLOADS_AWAY,
    VALIDATOR,
    WEB_ABORT,
    WINDOWS,
    Fault,
    Plan,
    sound,
)
from laboratory.world import Death, World

from pyboinc.model import JobSettings
from pyboinc_local.fleet.availability import OnOff
from pyboinc_local.fleet.faults import Faults
from pyboinc_local.model_time import Exponential
from pyboinc_local.server.rows import HR_COARSE
from pyboinc_local.simulation import HostSpec

TWO = JobSettings(quorum=2)
HOSTS = (HostSpec(ncpus=4),) * 3


def outcome(plan):
    ended = World(plan).run()
    assert ended.violation is None, ended.violation
    return ended


def test_a_master_that_is_restarted_while_create_work_makes_its_jobs():
    """The new master's create_work met jobs that the old one's had just made, and after five tries in a moment the master gave up.
    What the old one made after the start was never counted."""
    plan = Plan(1, calls=17, settings=TWO, hosts=HOSTS, tool_chunk=3, tool_seconds=30.0, faults=(Fault(UPGRADE, 14.0),))
    ended = outcome(plan)
    assert ended.state == "finished" and ended.happened.get("the master was refused", 0) == 0


@pytest.mark.parametrize("kind", [CANCEL, WEB_ABORT])
def test_a_batch_that_is_cancelled_when_the_disk_is_full(kind):
    """The master ended with OSError and a traceback, instead of what to do."""
    faults = Fault(kind, 1000.0), Fault(DISK_FULL, 1000.0, amount=30_000.0)
    assert outcome(Plan(1, settings=TWO, hosts=HOSTS, faults=faults)).state == "cancelled"


def test_jobs_of_which_some_are_purged_are_counted_when_a_master_starts():
    """It took the rows that were there for all, although others had ended and were gone."""
    assert outcome(Plan(1, GENERATOR, calls=9, in_flight=2, settings=TWO, hosts=HOSTS, purge_min_age=600.0)).state == "finished"


def test_two_power_cuts_in_a_row():
    """The second took lines of the journal that had been synced, and records that were between two folders: the disk that is simulated
    lost what no file system with a journal loses."""
    hosts = (
        HostSpec(),
        HostSpec(ncpus=2, faults=Faults(wrong=0.3), detaches=True),
        HostSpec(
            ncpus=4,
            speed=3.0,
            faults=Faults(doubled=0.03, lost=0.03, late=0.09),
            availability=OnOff(Exponential(7200.0), Exponential(3600.0)),
        ),
    )
    faults = (
        Fault(UPLOADS_AWAY, 1553.0, amount=556.0),
        Fault(POWER_CUT, 23249.5, VALIDATOR, 1.0),
        Fault(POWER_CUT, 27960.3, VALIDATOR, 4.0),
    )
    settings = JobSettings(quorum=2, deadline=5400.0, max_error_results=1, max_total_results=6, max_success_results=3)
    plan = Plan(
        11231, calls=13, settings=settings, hosts=hosts, sleeps=300.0, patience=3600.0, purge_min_age=600.0, tool_chunk=1, faults=faults
    )
    assert outcome(plan).state == "finished"


@pytest.mark.parametrize("seed", [1, 6, 7])
def test_a_power_cut_after_a_master_was_killed_while_it_wrote_its_journal(seed):
    """The next master handled what the journal said, and the power cut took the line: then results were handled in another order."""
    faults = Fault(KILL, 100.0, MASTER, 4.0), Fault(POWER_CUT, 200.0, ASSIMILATOR, 30.0)
    plan = Plan(seed, calls=3, settings=JobSettings(quorum=1), hosts=(HostSpec(),) * 2, sleeps=5.0, faults=faults)
    assert outcome(plan).state == "finished"


@pytest.mark.parametrize("kind", [CANCEL, WEB_ABORT])
@pytest.mark.parametrize("killed", [(), (65.0,), (65.0, 110.0)])
def test_a_batch_that_is_cancelled_while_a_create_work_goes_on(kind, killed):
    """Of a master that was killed, or that has waited long enough: nobody cancelled what it made after that."""
    faults = Fault(kind, 70.0), *[Fault(KILL_ASLEEP, at, MASTER) for at in killed]
    assert outcome(Plan(1, calls=9, settings=TWO, hosts=HOSTS, tool_chunk=3, tool_seconds=200.0, faults=faults)).state == "cancelled"


def test_a_power_cut_when_jobs_have_just_been_made():
    """It took input files that were not synced: hosts could not fetch them, and the jobs failed before the master was there again."""
    program = "genetic_algorithm"
    undisturbed = crashes.world(program)
    deaths = [Death(MASTER, point, power_cut=True) for point in range(180, undisturbed.run().points[MASTER], 40)]
    worlds = [crashes.world(program, death) for death in deaths]
    assert [each.run().violation for each in worlds] == [None] * len(worlds)
    assert {answer for each in worlds for answer in each.answers} == set(undisturbed.answers)


def test_a_file_comes_back_when_the_disk_is_full():
    """The master ended with OSError and a traceback, instead of what to do."""
    hosts = tuple(sound(WINDOWS, ncpus=count) for count in (4, 1, 4))
    faults = Fault(DATABASE_AWAY, 1200.0, amount=500.0), Fault(DISK_FULL, 1800.0, amount=800.0)
    settings, writes = JobSettings(quorum=3, replication=4), frozenset(range(7))
    plan = Plan(
        1848, GENERATOR, 7, settings=settings, hr=HR_COARSE, writes=writes, hosts=hosts, job_seconds=300.0, patience=300.0, faults=faults
    )
    ended = outcome(plan)
    assert ended.state == "finished" and ended.happened["the master was refused"]


def test_a_batch_that_is_cancelled_before_its_jobs_are_made():
    """Their input files stayed on the project for ever."""
    faults = Fault(TOOL_FAILS, 0.0), Fault(CANCEL, 4.0)
    assert {outcome(Plan(seed, calls=9, settings=TWO, hosts=HOSTS, faults=faults)).state for seed in range(8)} == {"cancelled"}


def test_an_upload_that_comes_again_after_its_job_was_cancelled():
    """BOINC had deleted the file, the host sent it once more, and the validator took it: the laboratory took the file for gone."""
    hosts = (HostSpec(faults=Faults(duplicate=1.0)),) * 2
    plan = Plan(1, calls=3, settings=JobSettings(quorum=1), hosts=hosts, sleeps=1200.0, faults=(Fault(CANCEL, 1000.0),))
    assert outcome(plan).state == "cancelled"
