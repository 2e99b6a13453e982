"""Virtual time, and that one seed gives the same bytes."""

import glob
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pluggy
import pytest

import pyboinc
import pyboinc_assimilator
import pyboinc_local
import pyboinc_validator
from pyboinc.codec import dumps
from pyboinc.model import JobSettings
from pyboinc.slave.files import ok_entry, output_file, read_output_file
from pyboinc_local.fleet.faults import LIAR, NONE
from pyboinc_local.model_time import Fixed, LogNormal
from pyboinc_local.project import Answer, Deliver, Project, ProjectError, Submit
from pyboinc_local.server.rows import Config
from pyboinc_local.simulation import HostSpec, Model, Simulation
from pyboinc_local.wrong import wrong_output


class Job(NamedTuple):
    name: str


def a_simulation(hosts, jobs=20, seed=1, run=None, read=Model.read, config=None, **settings):
    project = Project(config=config or Config(one_result_per_user_per_wu=True), seed=seed)
    app = project.add_app("app")
    project.add_version(app, 1, "x86_64-pc-linux-gnu")
    batch = project.add_batch(app, JobSettings(**{"quorum": 2, **settings}), read=read)
    simulation = Simulation(project, run or Model(LogNormal(3600.0), seed))
    for spec in hosts:
        simulation.add_host(spec)
    simulation.handle(Submit(batch, [Job(f"job {number}") for number in range(jobs)]))
    return simulation, batch


def test_all_jobs_are_delivered_and_time_goes_by():
    simulation, _ = a_simulation([HostSpec()] * 5)
    records = []
    simulation.run(records.append)
    assert sorted(each.record.job for each in records) == sorted(f"job {number}" for number in range(20))
    assert all(each.record.output == Model.TOKEN for each in records)
    assert 20 * 2 * 3600 / 5 / 2 < simulation.now < 20 * 2 * 3600 / 5 * 3


@pytest.mark.parametrize("quorum", [2, 3])
def test_a_wrong_host_is_outvoted(quorum):
    hosts = [HostSpec(faults=LIAR if number == 1 else NONE) for number in range(5)]
    simulation, _ = a_simulation(hosts, jobs=50, quorum=quorum)
    records = []
    simulation.run(records.append)
    assert [each.record.output for each in records] == [Model.TOKEN] * 50
    wrong = simulation.project.hosts[2]
    assert all(each.consecutive_valid == 0 for each in wrong.app_versions.values())


def test_a_fast_host_does_more():
    simulation, _ = a_simulation([HostSpec(), HostSpec(speed=4.0), HostSpec(ncpus=4)], jobs=60, quorum=1, run=Model(Fixed(1000.0), 1))
    simulation.run()
    done = [0, 0, 0]
    for archived in simulation.project.workunits.values():
        done[archived.results[0].hostid - 1] += 1
    assert done[0] * 3 < done[1] and done[0] * 3 < done[2]


def test_jobs_can_come_while_others_run():
    simulation, batch = a_simulation([HostSpec()] * 3, jobs=2)
    names = []
    while deliveries := simulation.advance():
        for delivery in deliveries:
            names.append(delivery.record.job)
            if len(names) < 10:
                simulation.handle(Submit(batch, [Job(f"{delivery.record.job}.0")]))
    assert len(names) == 11 and len(set(names)) == 11


def test_run_stops_at_a_time_and_goes_on():
    simulation, _ = a_simulation([HostSpec()] * 3)
    simulation.run(until=3600.0)
    assert simulation.now <= 3600.0 and simulation.project.open
    simulation.run()
    assert not simulation.project.open


def test_a_slow_host_is_late_and_another_takes_over():
    simulation, _ = a_simulation([HostSpec(speed=0.001), HostSpec(), HostSpec()], jobs=1, run=Model(Fixed(3600.0), 1), deadline=86400.0)
    (delivery,) = simulation.advance()
    assert delivery.record.output == Model.TOKEN and 86400.0 < simulation.now < 4 * 86400.0


LATE = {"run": Model(Fixed(1e300), 1), "quorum": 1, "deadline": 60.0}


@pytest.mark.parametrize(
    ("hosts", "options", "why"),
    [
        ([], {}, "There are no hosts"),
        ([HostSpec()], {}, "The quorum is 2, of different volunteers, and there are 1"),
        ([HostSpec(userid=7)] * 3, {}, "The quorum is 2, of different volunteers, and there are 1"),
        ([HostSpec()], {"config": Config(one_result_per_host_per_wu=True)}, "of different hosts, and there are 1"),
        ([HostSpec(), HostSpec(platforms=("vax",))], {}, "there are 1, not counting hosts whose platform has no app version"),
        ([HostSpec(platforms=("vax",))] * 3, {"quorum": 1}, r"no version for the hosts' platforms \(vax\)"),
        ([HostSpec(faults=LIAR)] * 2, {}, "Each volunteer has had a result of job job 0"),
        ([HostSpec(ncpus=9)] * 2, LATE, "every result missed the deadline of 60 seconds"),
    ],
)
def test_a_project_that_nobody_can_finish_says_why(hosts, options, why):
    simulation, _ = a_simulation(hosts, seed=42, jobs=2, **options)
    with pytest.raises(ProjectError, match=rf"no host can do what is left: 2 jobs are open.*seed 42.*{why}"):
        simulation.run()


def test_what_the_slave_raises_names_job_and_seed():
    def run(volunteer, wu, result):
        raise OSError("disk")

    simulation, _ = a_simulation([HostSpec()], seed=42, run=run)
    with pytest.raises(ProjectError, match=r"OSError: disk \(job job 0, .*seed 42"):
        simulation.run()


def test_a_wrong_output_is_well_formed():
    for value, changed in (
        (7, 10),
        (True, 4),
        ("a", "a 3"),
        ([None, 2.5], [None, 5.5]),
        ({"a": (1,)}, {"a": (4,)}),
        (float("inf"), 3.0),
    ):
        data = output_file([ok_entry(dumps(value)), ok_entry(dumps(5))])
        assert read_output_file(wrong_output(data, 3)) == [(True, changed), (True, 5)]
    assert wrong_output(b"token", 3) == b"token wrong 3"
    assert read_output_file(wrong_output(output_file([ok_entry(dumps(None))]), 3)) == [(True, 4)]


def test_outputs_of_a_real_slave_are_compared_as_files():
    right = output_file([ok_entry(dumps(49))])
    hosts = [HostSpec(faults=LIAR if number == 0 else NONE) for number in range(4)]
    simulation, _ = a_simulation(hosts, run=lambda v, wu, r: Answer(60.0, 0, right), read=None)
    records = []
    simulation.run(records.append)
    assert len(records) == 20 and all(isinstance(each, Deliver) and each.record.output == right for each in records)


# -- one seed, the same bytes

SCENARIO = """
import hashlib, sys
from typing import NamedTuple
from pyboinc.model import JobSettings
from pyboinc_local.eventlog import EventLog
from pyboinc_local.fleet.availability import OnOff
from pyboinc_local.fleet.faults import Faults
from pyboinc_local.model_time import Exponential, LogNormal, Weibull
from pyboinc_local.project import Cancel, Detach, Project, Submit
from pyboinc_local.server.rows import HR_FINE, Config
from pyboinc_local.simulation import HostSpec, Model, Simulation

class Job(NamedTuple):
    name: str

seed = int(sys.argv[1])
digest = hashlib.sha256()
log = EventLog(lambda line: digest.update(line.encode()))
project = Project(config=Config(one_result_per_user_per_wu=True, daily_result_quota=20), seed=seed, log=log)
plain, adaptive = project.add_app("plain", homogeneous_redundancy=HR_FINE), project.add_app("adaptive", target_nresults=2)
systems = {"Linux": "x86_64-pc-linux-gnu", "Windows": "windows_x86_64", "Darwin": "x86_64-apple-darwin"}
for app in (plain, adaptive):
    for platform in systems.values():
        project.add_version(app, 1, platform)
simulation = Simulation(project, Model(LogNormal(20000.0, 1.5), seed))
for number in range(40):
    os_name = list(systems)[number % 3]
    vendor, model = (("GenuineIntel", "Core i5"), ("AuthenticAMD", "Athlon 64"))[number % 2]
    faults = Faults(crash=0.02, wrong=number % 9 == 0, truncated=0.02, doubled=0.01, lost=0.02, late=0.05, duplicate=0.1, clock_skew=1e4)
    sessions = OnOff(Weibull(30000.0, 0.6), Exponential(9000.0)) if number % 2 else None
    processor = vendor, model, 1 + number % 3, 0.5 + number % 4
    life = Exponential(4e6) if number % 5 == 0 else None
    simulation.add_host(HostSpec((systems[os_name],), os_name, *processor, faults, sessions, life, number % 2 == 0))
batches = [
    project.add_batch(plain, JobSettings(quorum=2, deadline=40000.0), read=Model.read),
    project.add_batch(adaptive, JobSettings(quorum=1, priority=1, deadline=90000.0), read=Model.read),
]
for batch in batches:
    simulation.handle(Submit(batch, [Job(f"{batch} {n} \\u00e4") for n in range(150)]))
simulation.run(until=100000.0)
simulation.handle(Detach(project.hosts[5]))
simulation.handle(Cancel(batches[0], [f"{batches[0]} {n} \\u00e4" for n in range(140, 150)]))
simulation.run()
print(project.events, repr(simulation.now), digest.hexdigest())
"""


def run_scenario(python, folder, hash_seed, seed=5):
    homes = [Path(each.__file__).parents[1] for each in (pyboinc, pyboinc_assimilator, pyboinc_validator, pyboinc_local, pluggy)]
    environment = {
        "PYTHONPATH": os.pathsep.join(map(str, homes)),
        "PYTHONHASHSEED": hash_seed,
        "PATH": os.environ["PATH"],
    }
    out = subprocess.run([python, "-c", SCENARIO, str(seed)], cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out.stderr
    return out.stdout


def test_one_seed_gives_the_same_log_in_another_process_folder_and_hash_seed(tmp_path):
    first = run_scenario(sys.executable, tmp_path, "0")
    assert int(first.split()[0]) > 5000
    assert run_scenario(sys.executable, os.path.expanduser("~"), "12345") == first
    assert run_scenario(sys.executable, tmp_path, "0", seed=6) != first


OTHER_PYTHONS = sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.1[0-9].*/bin/python3")))


@pytest.mark.slow
@pytest.mark.skipif(not OTHER_PYTHONS, reason="no other Python versions here")
def test_one_seed_gives_the_same_log_under_other_python_versions(tmp_path):
    first = run_scenario(sys.executable, tmp_path, "0")
    for python in OTHER_PYTHONS:
        assert run_scenario(python, tmp_path, "99") == first, python
