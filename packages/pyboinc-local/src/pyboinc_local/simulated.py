"""Simulated volunteers: the project in virtual time.

The slaves run for real, in worker processes: each job once for each arithmetic that hosts have (`HostSpec.profile`).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from itertools import count
from random import Random
from typing import TextIO

from pyboinc.codec import dumps
from pyboinc.model import Batch, Job, Record, SettingsError
from pyboinc.slave import files
from pyboinc_assimilator.deliver import deliver
from pyboinc_validator.comparators import Comparator

from .eventlog import EventLog
from .options import HR, MODEL, LocalOptions, default_run_time
from .project import Answer, Deliver, Project, ProjectError, Submit
from .server.rows import Config, Result, Workunit
from .simulation import HostSpec, Simulation, Volunteer
from .workers import Work, Workers

NOTHING = dumps(None)


class Simulated:
    """Jobs in, records out, all in the master's thread."""

    def __init__(self, batch: Batch, options: LocalOptions, comparator: Comparator) -> None:
        self._batch = batch
        self._log = _Log(options.event_log)
        config = Config(one_result_per_user_per_wu=options.one_result_per_user_per_wu, daily_result_quota=0)
        project = Project(config=config, seed=options.seed, log=EventLog(self._log.write) if options.event_log else None)
        app = project.add_app("pyboinc", target_nresults=options.adaptive, homogeneous_redundancy=HR.index(options.hr))
        for platform in sorted({platform for host in options.hosts for platform in host.platforms}):
            project.add_version(app, 1, platform)
        self._runs: _Runs = _ModelRuns() if options.slave == MODEL else _RealRuns(batch, options.workers_wanted, _profiles(options.hosts))
        self._times = options.run_time or default_run_time(batch.settings.fpops_estimate)
        self._per_call = options.run_time is not None  # the estimate is of a job
        self._random = Random(f"{options.seed} run times")
        self._simulation = Simulation(project, self._run)
        for host in options.hosts:
            self._simulation.add_host(host)
        self._number = project.add_batch(app, batch.settings, comparator)

    def submit(self, jobs: list[Job]) -> None:
        self._log.begin()
        self._runs.add(jobs)
        self._deliver(self._simulation.handle(Submit(self._number, jobs)))

    def wait(self, timeout: float) -> None:
        """Let virtual time go by until something is delivered."""
        self._deliver(self._simulation.advance())

    def stop(self) -> None:
        self._runs.stop()
        self._log.close()

    def _run(self, volunteer: Volunteer, wu: Workunit, result: Result) -> Answer:
        seconds = self._times(self._random) / volunteer.speed
        if self._per_call and isinstance(wu.job, Job):
            seconds *= wu.job.count
        return self._runs.answer(wu.name, volunteer.spec.profile)._replace(elapsed_time=seconds)

    def _deliver(self, deliveries: Sequence[Deliver]) -> None:
        records: list[Record] = [each.record for each in deliveries]
        if records:
            deliver(self._batch.fs, self._batch.folder, records)
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

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, jobs: list[Job]) -> None:
        self._counts.update((job.name, job.count) for job in jobs)

    def forget(self, names: list[str]) -> None:
        for name in names:
            self._counts.pop(name, None)

    def answer(self, name: str, profile: str) -> Answer:
        return Answer(0.0, 0, files.output_file([files.ok_entry(NOTHING)] * self._counts[name]))

    def stop(self) -> None: ...


def _profiles(hosts: Sequence[HostSpec]) -> list[str]:
    """Each once, the most frequent first."""
    return [profile for profile, _ in Counter(host.profile for host in hosts).most_common()]


class _RealRuns:
    """Runs each job once for each profile; hosts that are sent it answer with what came of that, each after its own time."""

    def __init__(self, batch: Batch, workers: int, profiles: list[str]) -> None:
        self._batch = batch
        self._count = workers
        self._profiles = profiles
        self._workers: Workers | None = None
        self._running: dict[int, tuple[str, str]] = {}
        self._numbers = count()
        self._answers: dict[str, dict[str, Answer]] = {}
        self._error: Exception | None = None
        self._changed = threading.Condition()

    def add(self, jobs: list[Job]) -> None:
        if self._workers is None:
            self._workers = Workers(self._count, self, self._batch.clock, self._batch.folder)
        work = {}
        for job in jobs:
            self._answers[job.name] = {}
            for profile in self._profiles:
                number = next(self._numbers)
                self._running[number] = job.name, profile
                work[number] = Work(job.program, job.data, profile)
        workers = self._workers
        workers.call(lambda: workers.add(work))

    def answer(self, name: str, profile: str) -> Answer:
        """What the job's run gave; waits for it."""
        with self._changed:
            while profile not in self._answers[name]:
                if self._error is not None:
                    raise ProjectError(str(self._error))
                self._changed.wait(0.5)  # not for ever: Windows hears ^C only in between
            return self._answers[name][profile]

    def forget(self, names: list[str]) -> None:
        """No host will run these jobs any more."""
        with self._changed:
            for name in names:
                self._answers.pop(name, None)

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
            name, profile = self._running.pop(number)
            if name in self._answers:  # else it is done, by hosts of other profiles
                self._answers[name][profile] = answer
                self._changed.notify_all()


_Runs = _ModelRuns | _RealRuns
