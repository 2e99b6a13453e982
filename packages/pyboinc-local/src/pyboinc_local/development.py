"""Development mode: the project in real time, with this computer as its one host and worker processes as its processors."""

from __future__ import annotations

from collections.abc import Sequence

from pyboinc.model import Batch, Job, SettingsError
from pyboinc_validator.comparators import Comparator
from pyboinc_validator.quorum import Candidate

from .delivery import Delivery
from .options import LocalOptions
from .project import Action, Answer, Deliver, Project, Report, Request, Send, Submit
from .server.rows import Config, Result, Workunit
from .tally import Tally
from .worker import NATIVE
from .workers import Work, Workers

PLATFORM = "this computer"


def _trusted(_workunit: Workunit, result: Result) -> Candidate:
    """The user's own computer: its one result is right."""
    return Candidate(result.id, result.output)


class Development:
    """Jobs in, records out. The project lives in the thread of the workers, `submit` and `wait` are the master's."""

    def __init__(self, batch: Batch, options: LocalOptions, comparator: Comparator) -> None:
        if batch.settings.min_quorum > 1:
            raise SettingsError(
                f"quorum {batch.settings.min_quorum} needs hosts that can agree, and in development mode there is one, this computer. "
                "Add simulated ones: --hosts 5, or hosts = 5 in [local] of pyboinc.toml",
                "job",
                "quorum",
            )
        self._batch = batch
        self._count = options.workers_wanted
        self._project = Project(config=Config(daily_result_quota=0, purge_min_age=0.0), seed=options.seed)
        self._project.host_name = lambda _host: PLATFORM
        app = self._project.add_app("pyboinc")
        self._project.add_version(app, 1, PLATFORM)
        self._host = self._project.add_host((PLATFORM,), p_ncpus=self._count)
        self._number = self._project.add_batch(app, batch.settings, comparator, read=_trusted)
        self._running: dict[int, Result] = {}
        self._delivery = Delivery(batch)
        self._tally = Tally(batch, self._project.count_results)
        self._workers: Workers | None = None
        self._profile = NATIVE
        if batch.runtime is not None:
            from . import deterministic

            self._profile = deterministic.profile(batch.runtime, batch.settings)

    def submit(self, jobs: list[Job]) -> None:
        if self._workers is None:
            self._workers = Workers(self._count, self, self._batch.clock, self._batch.folder)
        self._workers.call(lambda: self._submit(jobs))

    def wait(self, timeout: float) -> None:
        self._delivery.wait(timeout)

    def stop(self) -> None:
        if self._workers is not None:
            self._workers.stop()
            self._tally.close()
        self._delivery.stop()

    # -- in the thread of the workers

    def _submit(self, jobs: Sequence[Job]) -> None:
        self._carry_out(self._project.handle(Submit(self._number, jobs), self._batch.clock.now()))
        self._ask_for_work()

    def done(self, number: int, output: bytes, report: bytes, seconds: float) -> None:
        self._report(number, Answer(seconds, 0, output, report))

    def failed(self, number: int, exit_status: int, stderr: str) -> None:
        self._report(number, Answer(0.0, exit_status or 1, None, b"", stderr))

    def broken(self, error: Exception) -> None:
        self._delivery.fail(error)

    def _report(self, number: int, answer: Answer) -> None:
        result = self._running.pop(number)
        self._carry_out(self._project.handle(Report(self._host, result, answer), self._batch.clock.now()))
        self._ask_for_work()
        self._tally.write_if_due()

    def _ask_for_work(self) -> None:
        """The host takes all there is; its workers share it out."""
        if self._project.unsent:
            self._carry_out(self._project.handle(Request(self._host, self._project.unsent), self._batch.clock.now()))

    def _carry_out(self, actions: Sequence[Action]) -> None:
        jobs = {}
        for action in actions:
            if isinstance(action, Deliver):
                self._delivery.put(action.record)
            elif isinstance(action, Send) and isinstance(action.wu.job, Job):
                self._running[action.result.id] = action.result
                jobs[action.result.id] = Work(action.wu.job.program, action.wu.job.data, self._profile, action.wu.job.files)
        if jobs and self._workers is not None:
            self._workers.add(jobs)
