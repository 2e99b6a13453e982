"""Simulated volunteers: the project in virtual time. The slaves run for real, once for each job, in worker processes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from random import Random
from typing import TextIO

from pyboinc import plugins
from pyboinc.codec import dumps
from pyboinc.model import Batch, Job, Record, SettingsError
from pyboinc.slave import files
from pyboinc_assimilator.deliver import deliver
from pyboinc_validator import comparators

from .eventlog import EventLog
from .options import HR, MODEL, LocalOptions, default_run_time
from .project import Answer, Deliver, Project, ProjectError, Submit
from .server.rows import Config, Result, Workunit
from .simulation import Simulation, Volunteer
from .workers import Workers

NOTHING = dumps(None)


class Simulated:
    """Jobs in, records out, all in the master's thread."""

    def __init__(self, batch: Batch, options: LocalOptions) -> None:
        extensions, _ = plugins.for_commands()
        comparator = comparators.load(batch.settings.comparator, comparators.known(extensions))
        self._batch = batch
        self._log: TextIO | None = None
        config = Config(one_result_per_user_per_wu=options.one_result_per_user_per_wu, daily_result_quota=0)
        project = Project(config=config, seed=options.seed, log=self._open_log(options.event_log))
        app = project.add_app("pyboinc", target_nresults=options.adaptive, homogeneous_redundancy=HR.index(options.hr))
        for platform in sorted({platform for host in options.hosts for platform in host.platforms}):
            project.add_version(app, 1, platform)
        self._runs: _Runs = _ModelRuns() if options.slave == MODEL else _RealRuns(batch, options.workers_wanted)
        self._times = options.run_time or default_run_time(batch.settings.fpops_estimate)
        self._random = Random(f"{options.seed} run times")
        self._simulation = Simulation(project, self._run)
        for host in options.hosts:
            self._simulation.add_host(host)
        self._number = project.add_batch(app, batch.settings, comparator)

    def _open_log(self, path: str) -> EventLog | None:
        if not path:
            return None
        try:
            self._log = open(path, "w", encoding="ascii", newline="\n")  # noqa: SIM115  (closed by stop)
        except OSError as error:
            raise SettingsError(f"event_log: {path}: {error.strerror}") from None
        return EventLog(self._log.write)

    def submit(self, jobs: list[Job]) -> None:
        self._runs.add(jobs)
        self._deliver(self._simulation.handle(Submit(self._number, jobs)))

    def wait(self, timeout: float) -> None:
        """Let virtual time go by until something is delivered."""
        self._deliver(self._simulation.advance())

    def stop(self) -> None:
        self._runs.stop()
        if self._log is not None:
            self._log.close()

    def _run(self, volunteer: Volunteer, wu: Workunit, result: Result) -> Answer:
        seconds = self._times(self._random) / volunteer.speed
        return self._runs.answer(wu.name)._replace(elapsed_time=seconds)

    def _deliver(self, deliveries: Sequence[Deliver]) -> None:
        records: list[Record] = [each.record for each in deliveries]
        if records:
            deliver(self._batch.fs, self._batch.folder, records)


class _ModelRuns:
    """``slave = "model"``: nothing runs; each call's output is None."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, jobs: list[Job]) -> None:
        self._counts.update((job.name, job.count) for job in jobs)

    def answer(self, name: str) -> Answer:
        return Answer(0.0, 0, files.output_file([files.ok_entry(NOTHING)] * self._counts[name]))

    def stop(self) -> None: ...


class _RealRuns:
    """Runs each job once; hosts that are sent it answer with what came of that, each after its own time."""

    def __init__(self, batch: Batch, workers: int) -> None:
        self._batch = batch
        self._count = workers
        self._workers: Workers | None = None
        self._names: dict[int, str] = {}
        self._answers: dict[str, Answer] = {}
        self._error: Exception | None = None
        self._changed = threading.Condition()

    def add(self, jobs: list[Job]) -> None:
        if self._workers is None:
            self._workers = Workers(self._count, self, self._batch.clock, self._batch.folder)
        numbers = range(len(self._names), len(self._names) + len(jobs))
        self._names.update(zip(numbers, (job.name for job in jobs), strict=True))
        work = [(number, job.program, job.data) for number, job in zip(numbers, jobs, strict=True)]
        workers = self._workers
        workers.call(lambda: workers.add(work))

    def answer(self, name: str) -> Answer:
        """What the job's run gave; waits for it."""
        with self._changed:
            while name not in self._answers:
                if self._error is not None:
                    raise ProjectError(str(self._error))
                self._changed.wait(0.5)  # not for ever: Windows hears ^C only in between
            return self._answers[name]

    def stop(self) -> None:
        if self._workers is not None:
            self._workers.stop()

    # -- called by Workers, in their thread

    def done(self, number: int, output: bytes, report: bytes) -> None:
        self._came(number, Answer(0.0, 0, output, report))

    def failed(self, number: int, exit_status: int, stderr: str) -> None:
        self._came(number, Answer(0.0, exit_status or 1, None, b"", stderr))

    def broken(self, error: Exception) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def _came(self, number: int, answer: Answer) -> None:
        with self._changed:
            self._answers[self._names[number]] = answer
            self._changed.notify_all()


_Runs = _ModelRuns | _RealRuns
