"""A laboratory that finds nothing proves nothing: bugs planted in the production code, one at a time, each of which it must find.

Each is a mistake that somebody could make; what is broken is named by the rule that objects.
"""

import contextlib

import pytest
from laboratory import crashes, swarm
from laboratory.__main__ import main
from laboratory.plan import draw
from laboratory.tables import SimulatedBatches
from laboratory.world import Death

import pyboinc_assimilator.daemon
import pyboinc_validator.comparators
import pyboinc_validator.judge
from pyboinc import session
from pyboinc.batchdir import BatchDir
from pyboinc.calllog import CallLog
from pyboinc.decisions import Master
from pyboinc.testing.filesystem import _Append
from pyboinc_assimilator.daemon import Assimilator
from pyboinc_boinc.jobs import Pipeline
from pyboinc_local.server import scheduler
from pyboinc_validator import quorum

SEEDS = range(1, 400)


def first_violation(seeds=SEEDS):
    for seed in seeds:
        if violation := swarm.run_seed(seed).violation:
            return violation, seed
    pytest.fail("the planted bug was not found")


def a_minority_is_enough(monkeypatch):
    whole = quorum.check_set
    monkeypatch.setattr(
        pyboinc_validator.judge, "check_set", lambda candidates, needed, *rest, **more: whole(candidates, min(needed, 1), *rest, **more)
    )
    return {"no quorum"}


def marked_before_it_is_delivered(monkeypatch):
    """And a crash in between loses the record."""
    deliver = pyboinc_assimilator.daemon.deliver

    def do_batch(self, batch, rows):
        for records, those in self._portions(batch, rows) if batch else ():
            self._tables.mark(those)
            if records:
                with contextlib.suppress(OSError):
                    deliver(self._fs, batch.directory, records)
        return bool(rows)

    monkeypatch.setattr(Assimilator, "_do_batch", do_batch)
    return {"every batch ends"}


def handled_before_it_is_journalled(monkeypatch):
    write = BatchDir.write_journal

    def write_journal(self, entries, sync=True):
        write(self, [each for each in entries if each[0] != "handled"], sync)

    monkeypatch.setattr(BatchDir, "write_journal", write_journal)
    return {"the same order in each run"}


def the_journal_is_not_synced(monkeypatch):
    write = BatchDir.write_journal
    monkeypatch.setattr(BatchDir, "write_journal", lambda self, entries, sync=True: write(self, entries, sync=False))
    return {"the same order in each run"}


def records_are_written_in_place(monkeypatch):
    """So that a master may find half of one."""
    import pyboinc_assimilator.deliver

    def in_place(fs, folder, name, data):
        fs.write(f"{folder}/{name}", data)
        fs.rename(f"{folder}/{name}", f"{folder}/{name}")

    monkeypatch.setattr(pyboinc_assimilator.deliver, "arrive", in_place)
    return {"nothing ends for no reason", "nothing breaks"}


def a_job_has_another_name_after_a_restart(monkeypatch):
    name = session.job_name
    runs = []
    start = session.Session._open

    def opened(self, in_flight):
        runs.append(self)
        start(self, in_flight)

    monkeypatch.setattr(session.Session, "_open", opened)
    monkeypatch.setattr(session, "job_name", lambda batch, token, first, attempt: name(batch, token, first, attempt + len(runs) % 2))
    return {"every batch ends", "nothing breaks", "nothing ends for no reason", "no result is handled without its quorum"}


def existing_jobs_are_made_again(monkeypatch):
    submit = Pipeline.submit

    def forgetful(self, jobs):
        known = self._batches.known([job.name for job in jobs])
        self._batches.forget(known.values())
        submit(self, jobs)

    monkeypatch.setattr(Pipeline, "submit", forgetful)
    return {"no job is made twice"}


def a_late_output_replaces_an_error(monkeypatch):
    def record_of(self, job):
        return self._arrived.get((job.first, job.attempt, True)) or self._arrived.get((job.first, job.attempt, False))

    monkeypatch.setattr(Master, "_record_of", record_of)
    return {"the same results in each run"}


def files_that_come_back_are_not_looked_at(monkeypatch):
    monkeypatch.setattr(pyboinc_validator.comparators, "all_came_back", lambda entries, report: True)
    return {"a wrong result was accepted"}


def nobody_notes_which_files_a_batch_uses(monkeypatch):
    monkeypatch.setattr(SimulatedBatches, "begin", lambda self, batch, template, files: None)
    return {"a retired batch leaves nothing"}


def a_tolerance_bears_any_number(monkeypatch):
    monkeypatch.setattr(pyboinc_validator.comparators._Close, "agree", lambda self, a, b: True)
    return {"no quorum", "a wrong result was accepted"}


def homogeneous_redundancy_is_forgotten(monkeypatch):
    """By the scheduler, once a job is sent."""
    send = scheduler.send

    def sent(result, wu, host, host_class, *rest):
        return send(result, wu, host, 0, *rest)

    monkeypatch.setattr(scheduler, "send", sent)
    return {"a job keeps to a class of hosts"}


BUGS = [
    files_that_come_back_are_not_looked_at,
    nobody_notes_which_files_a_batch_uses,
    a_tolerance_bears_any_number,
    homogeneous_redundancy_is_forgotten,
    a_minority_is_enough,
    marked_before_it_is_delivered,
    handled_before_it_is_journalled,
    the_journal_is_not_synced,
    records_are_written_in_place,
    existing_jobs_are_made_again,
    a_job_has_another_name_after_a_restart,
    a_late_output_replaces_an_error,
]


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__.replace("_", " "))
def test_a_planted_bug_is_found(monkeypatch, plant):
    rules = plant(monkeypatch)
    violation, seed = first_violation()
    print(f"seed {seed}: {violation}")
    assert violation.rule in rules


def test_an_executor_whose_log_is_not_synced_is_found(monkeypatch):
    sync = CallLog.sync

    def flush(self):
        with monkeypatch.context() as patch:
            patch.setattr(_Append, "sync", lambda self: None)
            sync(self)

    monkeypatch.setattr(CallLog, "sync", flush)
    violations = (crashes.world("collatz", Death("master", point, power_cut=True)).run().violation for point in range(0, 300, 20))
    told = str(next(filter(None, violations)))
    assert "and the journal tells of call" in told or "pyboinc_calls is lost" in told


def test_a_failing_seed_is_made_small_and_told_how_to_repeat(monkeypatch, capsys):
    a_minority_is_enough(monkeypatch)
    _, seed = first_violation()
    assert main(["--seeds", "1", "--first-seed", str(seed)]) == 1
    told = capsys.readouterr().out
    command = next(line for line in told.splitlines() if "--hosts" in line)
    words = command.split(" -- ")[1].split()
    assert main(words) == 1, "and it fails again"
    assert "no quorum" in capsys.readouterr().out
    shape, outcome = swarm.smallest(seed)
    whole = draw(seed)
    assert shape.calls < whole.calls and len(shape.faults) < max(1, len(whole.faults)) and len(shape.hosts) <= len(whole.hosts)
    assert outcome.violation.rule == "no quorum"
