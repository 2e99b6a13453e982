"""A clock that moves when it is told to."""

from __future__ import annotations


class ManualClock:
    """`pyboinc.ports.Clock` whose time is a number; sleeping adds to it."""

    def __init__(self, now: float = 0.0) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
