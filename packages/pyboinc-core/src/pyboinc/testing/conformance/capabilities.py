"""What one backend can do and another can't."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from ...model import nearest

CAPABILITIES = {
    "background": "slaves run beside the master: it waits, handles results and stops while they work",
    "calls_per_job": "a job may have several calls",
    "console": "what slaves print comes home in the report of the record",
    "crashes": "a slave that takes its process with it fails its own job only",
    "files": "jobs may have data files, and files that slaves write come back",
    "lasting": "jobs outlive the master: the next run finds them as they are",
    "numpy": "a job may require numpy",
    "result_counts": "it tells what became of a batch's results, by platform and with their turnaround",
    "retries": "a job that fails on a host gets another result, until more than max_error_results have failed",
    "shared_disk": "slaves can write to the disk of the tests",
}
"""Each capability and what it means."""

Test = TypeVar("Test", bound=Callable[..., object])


class _Requires:
    """``@requires.console`` above a test: only backends that list the capability ``console`` run it."""

    def __getattr__(self, capability: str) -> Callable[[Test], Test]:
        check([capability])

        def mark(test: Test) -> Test:
            test.__dict__["required"] = [*required(test), capability]
            return test

        return mark


requires = _Requires()


def required(test: object) -> list[str]:
    """The capabilities that a test requires."""
    return list(getattr(test, "required", ()))


def check(capabilities: Iterable[str]) -> None:
    """Raises AttributeError for one that is not known."""
    for each in capabilities:
        if each not in CAPABILITIES:
            raise AttributeError(f"no capability is called {each!r}{nearest(each, list(CAPABILITIES))}")
