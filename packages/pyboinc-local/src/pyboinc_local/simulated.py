"""Simulated volunteers: the project in virtual time.

The slaves run for real, in worker processes: each job once for each arithmetic (`HostSpec.profile`) of the hosts that get it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence, Set
from itertools import count
from typing import TextIO

from pyboinc.bundle import Program
from pyboinc.codec import dumps
from pyboinc.display import say
from pyboinc.model import Batch, Job, Record, SettingsError
from pyboinc.slave import files
from pyboinc_assimilator.deliver import deliver
from pyboinc_validator.comparators import Comparator

from .eventlog import EventLog
from .fleet.estimate import Sample
from .fleet.study import Study
from .options import MODEL, LocalOptions, default_run_time
from .project import Answer, Deliver, ProjectError, Submit
from .server.rows import Workunit
from .simulation import Volunteer
from .tally import Tally
from .worker import NATIVE, RUNTIME, WASM
from .workers import Work, Workers

NOTHING = dumps(None)


class Simulated:
    """Jobs in, records out, all in the master's thread.

    kept: the run is studied afterwards (`pyboinc simulate`): what slaves returned is kept, and who studies it calls `close`.
    """

    def __init__(self, batch: Batch, options: LocalOptions, comparator: Comparator, kept: bool = False) -> None:
        self._batch = batch
        self._kept = kept
        self._log = _Log(options.event_log)
        profiles = {host.profile for host in options.hosts}
        self._runs: _Runs = _ModelRuns() if options.slave == MODEL else _RealRuns(batch, options.workers_wanted, profiles)
        log = EventLog(self._log.write) if options.event_log else None
        times = options.run_time or default_run_time(batch.settings.fpops_estimate)
        setup = options.setup(batch.settings, comparator)
        self.study = Study(setup, times, self._runs.start, log, per_call=options.run_time is not None)
        self._played = self.study.played
        self._tally: Tally | None = None

    @property
    def finished(self) -> bool:
        """No job is open."""
        return not self._played.simulation.project.open

    def submit(self, jobs: list[Job]) -> None:
        self._log.begin()
        if self._tally is None:
            self._tally = Tally(self._batch, self._played.simulation.project.count_results)
        self._runs.add(jobs)
        if self._kept:
            self.study.jobs += jobs
        self._deliver(self._played.simulation.handle(Submit(self._played.batch, jobs)))

    def wait(self, timeout: float) -> None:
        """Let virtual time go by until something is delivered."""
        self._deliver(self._played.simulation.advance())
        if self._tally is not None:
            self._tally.write_if_due()

    def stop(self) -> None:
        self._log.close()
        if self._tally is not None:
            self._tally.close()
        if not self._kept:
            self.close()

    def close(self) -> None:
        """The slaves' processes end."""
        self._runs.stop()

    def _deliver(self, deliveries: Sequence[Deliver]) -> None:
        records: list[Record] = [each.record for each in deliveries]
        if records:
            deliver(self._batch.fs, self._batch.folder, records)
            if not self._kept:
                self._runs.forget([record.job for record in records])


class _Log:
    """The file of the event log. Not touched before there is work: a finished run that is repeated leaves it as it is."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._first: list[str] = []

    def begin(self) -> None:
        """There is work. Raises SettingsError if the file can't be written."""
        if self._path and self._file is None:
            try:
                self._file = open(self._path, "w", encoding="ascii", newline="\n")  # noqa: SIM115  (close is below)
            except OSError as error:
                raise SettingsError(f"event_log: {self._path}: {error.strerror}") from None
            self._file.writelines(self._first)

    def write(self, line: str) -> None:
        if self._file is None:
            self._first.append(line)
        else:
            self._file.write(line)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class _ModelRuns:
    """``slave = "model"``: nothing runs; each call's output is None."""

    def add(self, jobs: list[Job]) -> None: ...

    def start(self, volunteer: Volunteer, wu: Workunit) -> Callable[[], Answer]:
        assert isinstance(wu.job, Job)
        answer = Answer(0.0, 0, files.output_file([files.ok_entry(NOTHING)] * wu.job.count))
        return lambda: answer

    def forget(self, names: list[str]) -> None: ...

    def stop(self) -> None: ...


class _Run:
    """A job with one arithmetic. answer: None while it runs."""

    __slots__ = ("answer",)

    def __init__(self) -> None:
        self.answer: Answer | None = None


def _profiles(batch: Batch, profiles: Set[str]) -> Callable[[str], str]:
    """What workers are told for a host's profile: in a batch for the deterministic runtime always that, and for the platform
    of that name if one is there.
    """
    if batch.runtime is not None:
        from . import deterministic

        for_all = deterministic.profile(batch.runtime, batch.settings)
        return lambda profile: for_all
    if WASM not in profiles:
        return lambda profile: profile
    from . import deterministic

    real = deterministic.profile_if_there()
    say(f"hosts of the platform {WASM} run {'the deterministic runtime' if real else 'a model of the deterministic runtime'}")
    return lambda profile: real if real and profile == WASM else profile


class _RealRuns:
    """Runs each job once for each profile that it is sent to; hosts answer with what came of that, each after its own time."""

    def __init__(self, batch: Batch, workers: int, profiles: Set[str]) -> None:
        self._batch = batch
        self._count = workers
        self._profile = _profiles(batch, profiles)
        profiles = {self._profile(each) for each in profiles}
        self._only_profile = next(iter(profiles)) if len(profiles) == 1 else None
        self._workers: Workers | None = None
        self._numbers = count()
        self._running: dict[int, _Run] = {}
        self._runs: dict[str, dict[str, _Run]] = {}
        self._warned: set[str] = set()
        self._error: Exception | None = None
        self._changed = threading.Condition()

    def add(self, jobs: list[Job]) -> None:
        """Jobs that hosts may get; if all have one arithmetic, they will, and run ahead of that."""
        if self._workers is None:
            self._workers = Workers(self._count, self, self._batch.clock, self._batch.folder)
        for job in jobs:
            self._runs[job.name] = {}
        if self._only_profile is not None:
            self._run([(job, self._only_profile) for job in jobs])

    def start(self, volunteer: Volunteer, wu: Workunit) -> Callable[[], Answer]:
        """A host begins; what is returned waits for the answer."""
        assert isinstance(wu.job, Job)
        profile = self._profile(volunteer.spec.profile)
        if profile not in self._runs.get(wu.name, {}):
            self._run([(wu.job, profile)])
        run = self._runs[wu.name][profile]
        return lambda: self._answer(run)

    def _run(self, wanted: list[tuple[Job, str]]) -> None:
        work = {}
        for job, profile in wanted:
            if profile != NATIVE and not profile.startswith(RUNTIME):
                self._warn(job.program)
            number = next(self._numbers)
            self._running[number] = self._runs.setdefault(job.name, {})[profile] = _Run()
            work[number] = Work(job.program, job.data, profile, job.files)
        workers = self._workers
        assert workers is not None
        workers.call(lambda: workers.add(work))

    def _warn(self, program: Program) -> None:
        """What no host's arithmetic reaches, once for each program."""
        if program.sha256 not in self._warned:
            from .check import lints

            self._warned.add(program.sha256)
            for each in lints.of(program):
                if each.kind == lints.UNROUTED:
                    say(f"{each.file}, line {each.line}: {each.text}")

    def _answer(self, run: _Run) -> Answer:
        with self._changed:
            while run.answer is None:
                if self._error is not None:
                    raise ProjectError(str(self._error))
                self._changed.wait(0.5)  # not for ever: Windows hears ^C only in between
            return run.answer

    def forget(self, names: list[str]) -> None:
        """These jobs are done; hosts that still have one know its run."""
        for name in names:
            self._runs.pop(name, None)

    def stop(self) -> None:
        if self._workers is not None:
            self._workers.stop()

    # -- called by Workers, in their thread

    def done(self, number: int, output: bytes, report: bytes, seconds: float) -> None:
        self._came(number, Answer(0.0, 0, output, report))

    def failed(self, number: int, exit_status: int, stderr: str) -> None:
        self._came(number, Answer(0.0, exit_status or 1, None, b"", stderr))

    def broken(self, error: Exception) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def _came(self, number: int, answer: Answer) -> None:
        with self._changed:
            self._running.pop(number).answer = answer
            self._changed.notify_all()


_Runs = _ModelRuns | _RealRuns


class Sampling:
    """Takes the time of some of a program's jobs, and ends the program: `pyboinc estimate`.

    most: jobs to run, spread over all that make_calls makes.  sample: what was found.
    """

    def __init__(self, batch: Batch, options: LocalOptions, comparator: Comparator, most: int) -> None:
        self._batch = batch
        self._most = most
        self._jobs: list[Job] = []
        self._setup = options.setup(batch.settings, comparator)
        self._ended: queue.SimpleQueue[float | Exception] = queue.SimpleQueue()
        self.sample: Sample | None = None

    def submit(self, jobs: list[Job]) -> None:
        self._jobs += jobs

    def wait(self, timeout: float) -> None:
        """All jobs are made that can be without results."""
        chosen = self._jobs[:: max(1, len(self._jobs) // self._most)][: self._most]
        workers = Workers(1, self, self._batch.clock, self._batch.folder)  # one: nothing of ours is to disturb its time
        try:
            work = {number: Work(job.program, job.data, files=job.files) for number, job in enumerate([chosen[0], *chosen])}
            workers.call(lambda: workers.add(work))
            times = []
            for _ in work:
                time = self._ended.get()
                if isinstance(time, Exception):
                    raise time
                times.append(time)
        finally:
            workers.stop()
        self.sample = Sample(tuple(times[1:]), len(self._jobs), self._setup)  # the first one has also imported what the slave needs
        raise SystemExit(0)

    def stop(self) -> None: ...

    # -- called by Workers, in their thread

    def done(self, number: int, output: bytes, report: bytes, seconds: float) -> None:
        self._ended.put(seconds)

    def failed(self, number: int, exit_status: int, stderr: str) -> None:
        self._ended.put(ProjectError(f"a job of the sample has failed with status {exit_status}: {stderr}"))

    def broken(self, error: Exception) -> None:
        self._ended.put(error)
