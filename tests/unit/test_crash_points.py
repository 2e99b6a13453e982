"""The reference example, killed at every step of master and delivery, and resumed.

The master's own code and the assimilator's delivery run on a file system in memory. It dies at crash point 1, 2, 3, ... of a
run; then the same command runs again on what a killed process leaves, and on what a power cut leaves. As on a real project,
jobs and their results outlive the master here, and are delivered again if it is not known that they were.
"""

import json
import sys
from pathlib import Path

import pytest

from pyboinc.batchdir import JOURNAL
from pyboinc.hookspecs import hookimpl
from pyboinc.model import JobSettings, siblings
from pyboinc.plugins import Plugin, manager_of
from pyboinc.run import Run, pyboinc_call
from pyboinc.settings import Options
from pyboinc.slave.runner import Program, run_job
from pyboinc.testing import Crash, ManualClock, MemoryFileSystem
from pyboinc_assimilator.decide import Workunit, decide
from pyboinc_assimilator.deliver import deliver

EXAMPLE = Path(__file__).parents[2] / "examples" / "sum_of_squares"
CALLS, ANSWER = 100, 338350
BATCH = "/batch"
PROGRAMS = {}


class LastingProject:
    """A project that outlives the master: jobs by name, records until they are known to be delivered."""

    def __init__(self, folder):
        self.fs = None
        self.folder = folder
        self.batches = []
        self.made = {}
        self.undelivered = []
        self.runs = 0
        self.deliver = deliver

    @hookimpl
    def pyboinc_start_batch(self, batch):
        self.fs = batch.fs
        if batch.token not in self.batches:
            self.batches.append(batch.token)
        return self.batches.index(batch.token) + 1

    @hookimpl
    def pyboinc_submit_jobs(self, batch, jobs):
        for job in jobs:
            if job.name not in self.made:
                files = run_job(self._program(job.program), job.data, lambda: ("", ""))
                self.made[job.name] = decide(Workunit(job.name, files, 0))
                self.runs += 1
            if self.made[job.name] not in self.undelivered:
                self.undelivered.append(self.made[job.name])

    def _program(self, program):
        path = self.folder / f"{program.sha256}.pyz"
        if path not in PROGRAMS:
            path.write_bytes(program.data)
            PROGRAMS[path] = Program(str(path))
        return PROGRAMS[path]

    @hookimpl
    def pyboinc_wait(self, batch, timeout):
        some = self.undelivered[:7]
        self.deliver(self.fs, batch.folder, some)
        del self.undelivered[:7]  # a crash between the two delivers them again


class Laboratory:
    def __init__(self, tmp_path, calls_per_job=1):
        self.project = LastingProject(tmp_path)
        self.settings = JobSettings(calls_per_job=calls_per_job)

    def run(self, fs, handle=lambda output: None):
        """One run of the master; the values in the order handled. handle: called as well with each output."""
        from app_types import Input

        values = []

        def call_by_call():
            for i in range(1, CALLS + 1):
                pyboinc_call("app_slave.py", Input(i))
                yield

        def all_at_once():
            list(call_by_call())

        options = Options("lasting", "", BATCH, False, True, self.settings, {})
        manager = manager_of([Plugin("lasting", "", "", self.project)])
        run = Run(options, str(EXAMPLE), manager, fs, ManualClock())
        make_calls = all_at_once if self.settings.calls_per_job == 1 else call_by_call

        def handle_result(output):
            values.append(output.value)
            handle(output)

        assert run.go(make_calls, handle_result, None, in_flight=40) == []
        return values

    def check(self, fs):
        before = handled(fs)
        values = self.run(fs)
        assert sum(values) == ANSWER and len(values) == CALLS
        after = handled(fs)
        assert after[: len(before)] == before
        assert [(int(position) + 1) ** 2 for position in after] == values, "each once, in the journal's order"
        jobs = [entry for entry in journal(fs) if entry[0] == "made"]
        assert self.project.runs == len(jobs), "no job is made twice"
        assert self.project.runs >= CALLS / self.settings.calls_per_job
        assert len(self.project.batches) == 1
        return after


def journal(fs):
    try:
        return [json.loads(line) for line in fs.read(f"{BATCH}/{JOURNAL}").split(b"\n")[:-1]]
    except FileNotFoundError:
        return []


def handled(fs):
    """Positions in the order of the journal."""
    calls = {entry[1]: len(entry[3]) for entry in journal(fs) if entry[0] == "made"}
    return [position for entry in journal(fs) if entry[0] == "handled" for position in siblings(entry[1], calls[entry[1]])]


@pytest.fixture(params=[1, 7], ids=["one call a job", "a generator, seven calls a job"])
def laboratory(tmp_path, monkeypatch, request):
    monkeypatch.syspath_prepend(str(EXAMPLE))
    yield lambda: Laboratory(tmp_path, request.param)
    sys.modules.pop("app_types", None)


def crash(laboratory, at):
    fs = MemoryFileSystem(crash_at=at)
    with pytest.raises(Crash):
        laboratory.run(fs)
    return fs


@pytest.mark.parametrize("what_is_left", ["after_kill", "after_power_cut"])
def test_every_crash_point(laboratory, what_is_left):
    whole = MemoryFileSystem()
    lab = laboratory()
    lab.check(whole)
    lab.check(whole.after_kill())
    print(f"{whole.steps} crash points")
    assert whole.steps > 50
    for point in range(whole.steps):
        lab = laboratory()
        died = crash(lab, point)
        if what_is_left == "after_power_cut" and not died.after_power_cut().exists(f"{BATCH}/pyboinc_checkpoint"):
            lab.project.batches.clear()  # the folder is as new: so is its batch
            assert lab.project.runs == 0
        left = getattr(died, what_is_left)()
        lab.check(left)


def test_what_is_handled_outlives_a_power_cut_whoever_has_delivered_it(laboratory):
    """An assimilator may have died before it synced the folder: what a master has acted upon is not to become something else."""

    def die_before_the_sync(fs, folder, records):
        with pytest.raises(Crash):
            deliver(DiesBeforeTheSync(fs), folder, records)

    class DiesBeforeTheSync:
        def __init__(self, fs):
            self.fs = fs

        def __getattr__(self, name):
            return getattr(self.fs, name)

        def sync_folder(self, path):
            raise Crash

    lab, fs = laboratory(), MemoryFileSystem()
    lab.project.deliver = die_before_the_sync
    lost = []

    def handle(output):
        left = fs.disk.after_power_cut().files
        kept = b"".join(file.data for path, file in left.items() if path.startswith((f"{BATCH}/new/", f"{BATCH}/old/")))
        lost.extend(job for job in lab.project.made if job.encode() not in kept and job not in undelivered(lab.project))

    lab.run(fs, handle)
    assert lost == []


def undelivered(project):
    return {record.job for record in project.undelivered}


def test_crashes_while_recovering(laboratory):
    whole = MemoryFileSystem()
    laboratory().run(whole)
    for first in range(whole.steps // 5, whole.steps, whole.steps // 4):
        for second in range(0, whole.steps, whole.steps // 12):
            lab = laboratory()
            fs = crash(lab, first).after_kill(crash_at=second)
            try:
                lab.run(fs)
            except Crash:
                lab.check(fs.after_power_cut())
