"""The sample, run: each call under each profile, and natively in ways that must not matter."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pyboinc.errors import PyBoincError
from pyboinc.ports import Clock

from ..workers import Work, Workers
from .collect import Sampled


class Outcome(NamedTuple):
    """What a call gave. output (bytes | None): its output file; None if the task failed.  text: why.  seconds: what it took."""

    output: bytes | None
    text: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Native:
    """The sample on this computer, call by call, each time in one process: what comes out must be the same every time.

    first: in order.  again: the same once more.  other_hashes: with another hash seed.  reverse: in reverse order.
    """

    first: tuple[Outcome, ...]
    again: tuple[Outcome, ...]
    other_hashes: tuple[Outcome, ...]
    reverse: tuple[Outcome, ...]


Progress = Callable[[int, int], object]
"""Is told how many of how many runs are done."""


def natively(calls: Sequence[Sampled], folder: str, clock: Clock) -> Native:
    """Four runs of the sample on this computer. Raises PyBoincError if workers can't be started."""

    def run(order: Sequence[int], hash_seed: str) -> tuple[Outcome, ...]:
        work = {number: Work(calls[number].program, calls[number].data, files=calls[number].files) for number in order}
        outcomes = _Runs(1, folder, clock, hash_seed).run(work)
        return tuple(outcomes[number] for number in range(len(calls)))

    forward = range(len(calls))
    return Native(run(forward, "1"), run(forward, "1"), run(forward, "2"), run(forward[::-1], "1"))


def under(
    profiles: Sequence[str], calls: Sequence[Sampled], workers: int, folder: str, clock: Clock, progress: Progress
) -> dict[str, tuple[Outcome, ...]]:
    """The outcomes of all calls, by profile."""
    numbers = {(profile, call): len(calls) * k + call for k, profile in enumerate(profiles) for call in range(len(calls))}
    work = {number: Work(calls[call].program, calls[call].data, profile, calls[call].files) for (profile, call), number in numbers.items()}
    outcomes = _Runs(workers, folder, clock, "1", progress).run(work)
    return {profile: tuple(outcomes[numbers[profile, call]] for call in range(len(calls))) for profile in profiles}


class _Runs:
    """Jobs in, outcomes out."""

    def __init__(self, workers: int, folder: str, clock: Clock, hash_seed: str, progress: Progress = lambda done, of: None) -> None:
        self._workers = Workers(workers, self, clock, folder, {**os.environ, "PYTHONHASHSEED": hash_seed})
        self._progress = progress
        self._outcomes: dict[int, Outcome] = {}
        self._error: Exception | None = None
        self._changed = threading.Condition()

    def run(self, work: Mapping[int, Work]) -> dict[int, Outcome]:
        try:
            self._workers.call(lambda: self._workers.add(work))
            with self._changed:
                while len(self._outcomes) < len(work):
                    if self._error is not None:
                        raise PyBoincError(str(self._error)) from self._error
                    self._changed.wait(0.5)
                    self._progress(len(self._outcomes), len(work))
                return self._outcomes
        finally:
            self._workers.stop()

    # -- called by Workers, in their thread

    def done(self, number: int, output: bytes, report: bytes, seconds: float) -> None:
        self._came(number, Outcome(output, "", seconds))

    def failed(self, number: int, exit_status: int, stderr: str) -> None:
        self._came(number, Outcome(None, stderr))

    def broken(self, error: Exception) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def _came(self, number: int, outcome: Outcome) -> None:
        with self._changed:
            self._outcomes[number] = outcome
            self._changed.notify_all()


