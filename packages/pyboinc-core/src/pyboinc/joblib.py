"""Importing this module lets joblib run its calls as BOINC jobs::

    import joblib
    import pyboinc.joblib

    with joblib.parallel_backend("pyboinc"):
        joblib.Parallel()(joblib.delayed(function)(i) for i in range(1000))

Further arguments of `parallel_backend` are those of `pyboinc.Executor`, e.g. ``calls_per_job=100`` or ``batch="folder"``. Volunteers
need no joblib: in a script import it under ``if __name__ == "__main__":``. Works with joblib 1.3 and later.
"""

from __future__ import annotations

from concurrent.futures import Future, wait
from typing import Any

from joblib.parallel import ParallelBackendBase, register_parallel_backend

from .executor import Executor

NAME = "pyboinc"


class Backend(ParallelBackendBase):  # type: ignore[misc]
    """joblib's calls, each one of an executor: it groups them itself (`calls_per_job`)."""

    default_n_jobs = -1
    supports_retrieve_callback = True
    supports_return_generator = True
    supports_timeout = True

    def __init__(self, nesting_level: int | None = None, inner_max_num_threads: int | None = None, **options: Any) -> None:
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads)
        self._options = options
        self._executor: Executor | None = None

    def configure(self, n_jobs: int = 1, parallel: Any = None, **_: Any) -> int:
        self.parallel = parallel
        if n_jobs == 1:
            return 1  # joblib computes here and now, and does not tell when it has ended
        self._executor = Executor(**self._options)
        return self.effective_n_jobs(n_jobs)

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """How many calls joblib keeps on their way; -1 and None: as many as the executor does."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        everything = self._executor.in_flight if self._executor else 1000
        return everything if n_jobs is None or n_jobs < 0 else n_jobs

    def submit(self, func: Any, callback: Any = None) -> Future[list[Any]]:
        """A group of joblib's calls: the list of their results."""
        assert self._executor is not None
        group: Future[list[Any]] = Future()
        calls = [self._executor.submit(function, *args, **kwargs) for function, args, kwargs in func.items]
        left = len(calls)

        def one_done(_: object) -> None:
            nonlocal left
            left -= 1  # all in the executor's thread, but for calls that are done already
            if not left and not group.done():
                error = next((each.exception() for each in calls if not each.cancelled() and each.exception()), None)
                if error is not None:
                    group.set_exception(error)
                elif any(each.cancelled() for each in calls):
                    group.cancel()
                else:
                    group.set_result([each.result() for each in calls])

        if callback is not None:
            group.add_done_callback(callback)
        for each in calls:
            each.add_done_callback(one_done)
        return group

    apply_async = submit

    def retrieve_result_callback(self, out: Future[list[Any]]) -> list[Any]:
        return out.result()

    def retrieve_result(self, out: Future[list[Any]], timeout: float | None = None) -> list[Any]:
        wait([out], timeout)
        return out.result(0)

    def terminate(self) -> None:
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None

    def abort_everything(self, ensure_ready: bool = True) -> None:
        if self._executor is not None:
            self._executor._run.stop()
            self._executor = Executor(**self._options) if ensure_ready else None


register_parallel_backend(NAME, Backend)
