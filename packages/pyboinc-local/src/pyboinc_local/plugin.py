"""The backend ``local``: this machine as a BOINC project."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Mapping
from typing import Any

from pyboinc.errors import PyBoincError
from pyboinc.hookspecs import hookimpl
from pyboinc.model import Batch, ErrorMask, Job, Outcome, Record, ResultSummary, SettingsError, nearest
from pyboinc_assimilator.decide import Workunit, decide
from pyboinc_assimilator.deliver import deliver

from .workers import Workers


class LocalBackend:
    """One run's local project, in development mode: one result for each job, on this machine's cores.

    The project lives as long as the run: jobs without a record run again in the next one.
    """

    def __init__(self) -> None:
        self._workers: Workers | None = None
        self._project: _Project | None = None

    @hookimpl
    def pyboinc_start_batch(self, batch: Batch) -> int:
        if batch.project:
            raise SettingsError("the local project has no project home: leave out -p, or choose -i boinc")
        self._count = _workers_wanted(batch.options)
        self._project = _Project(batch)
        return 1

    @hookimpl
    def pyboinc_submit_jobs(self, batch: Batch, jobs: list[Job]) -> None:
        assert self._project is not None
        if self._workers is None:
            self._workers = Workers(self._count, self._project, batch.clock)
        self._workers.add(self._project.accept(jobs))

    @hookimpl
    def pyboinc_wait(self, batch: Batch, timeout: float) -> None:
        assert self._project is not None
        self._project.wait(timeout)

    @hookimpl
    def pyboinc_stop(self, batch: Batch) -> None:
        if self._workers is not None:
            self._workers.stop()
        if self._project is not None:
            self._project.stop()


def _workers_wanted(options: Mapping[str, Any]) -> int:
    for key in options:
        if key != "workers":
            raise SettingsError(f"pyboinc.toml, [local]: unknown key {key!r}{nearest(key, ['workers'])}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = options.get("workers", cores)
    if type(count) is not int or count < 1:
        raise SettingsError(f"pyboinc.toml, [local], workers = {count!r}: must be a whole number, at least 1")
    return count


class _Project:
    """What becomes of each job, and the delivery of its record.

    Delivery has a thread of its own: while one file is brought safely to disk the next records collect, so that one fsync
    serves many of them when many come, and none waits when few do.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._numbers = itertools.count(1)
        self._jobs: dict[int, str] = {}
        self._names: set[str] = set()
        self._results: dict[int, list[ResultSummary]] = {}
        self._records: list[Record] = []
        self._error: BaseException | None = None
        self._stopping = False
        self._changed = threading.Condition()
        self._arrived = threading.Event()
        self._deliverer = threading.Thread(target=self._deliver, name="pyboinc-assimilator", daemon=True)
        self._deliverer.start()

    def accept(self, jobs: list[Job]) -> list[tuple[int, Any, bytes]]:
        """Numbers, programs and inputs of those jobs that are new."""
        accepted = []
        for job in jobs:
            if job.name not in self._names:
                self._names.add(job.name)
                number = next(self._numbers)
                self._jobs[number] = job.name
                accepted.append((number, job.program, job.data))
        return accepted

    def wait(self, timeout: float) -> None:
        self._arrived.wait(timeout)
        self._arrived.clear()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._deliverer.join(1.0)

    # -- called by Workers, in their thread

    def done(self, job: int, output: bytes, report: bytes) -> None:
        self._end(Workunit(self._jobs.pop(job), (output, report), 0))

    def failed(self, job: int, exit_status: int, stderr: str) -> bool:
        results = self._results.setdefault(job, [])
        results.append(ResultSummary(Outcome.CLIENT_ERROR, exit_status, "this computer", stderr))
        if len(results) <= self._batch.settings.max_error_results:
            return True
        del self._results[job]
        self._end(Workunit(self._jobs.pop(job), None, ErrorMask.TOO_MANY_ERROR_RESULTS, tuple(results)))
        return False

    def broken(self, error: PyBoincError) -> None:
        self._error = error
        self._arrived.set()

    def _end(self, workunit: Workunit) -> None:
        record = decide(workunit)
        assert record is not None
        with self._changed:
            self._records.append(record)
            self._changed.notify()

    # -- the delivering thread

    def _deliver(self) -> None:
        while True:
            with self._changed:
                while not self._records and not self._stopping:
                    self._changed.wait()
                records, self._records = self._records, []
                if not records:
                    return
            try:
                deliver(self._batch.fs, self._batch.folder, records)
            except Exception as error:  # raised in the run's thread, not lost with this one
                self._error = error
                if isinstance(error, OSError):
                    text = f"results can't be written to {self._batch.folder}: {error.strerror or error}. Mend that and run again"
                    self._error = PyBoincError(text)
                self._arrived.set()
                return
            self._arrived.set()
