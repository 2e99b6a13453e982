"""Production code as a process of the simulated world.

Each process has a stack of its own (a greenlet), and gives the turn back when it sleeps. So the code under test needs no change,
and the order of all that happens follows from the seed alone.
"""

from __future__ import annotations

from collections.abc import Callable

from greenlet import getcurrent, greenlet

from pyboinc.testing import Crash, CrashPoints


class Process:
    """Runs `body` when it is resumed, until that sleeps or ends.

    points: at which it may die.  error: what it ended with, None if it returned.  asked_to_end: the exception with which its next
    sleep ends, as after a signal.  turns: how often it was resumed; an alarm set for an earlier sleep is none.
    """

    def __init__(self, name: str, body: Callable[[Process], object], points: CrashPoints) -> None:
        self.name = name
        self.points = points
        self.ended = False
        self.error: BaseException | None = None
        self.asked_to_end: BaseException | None = None
        self.turns = 0
        self._body = body
        self._stack = self._here = greenlet(self._run)
        self._world = getcurrent()

    def resume(self) -> None:
        """Its turn."""
        self.turns += 1
        self._stack.parent = self._world = getcurrent()
        self._here.switch()

    def pause(self) -> None:
        """Called by the process: the turn of others, until it is resumed. Raises what it is to end with."""
        self._here = getcurrent()  # an executor has a second stack
        self._world.switch()
        self.check()

    def check(self) -> None:
        """Called by the process. Raises what it is to end with."""
        if self.points.dead:
            raise Crash("killed")
        if self.asked_to_end is not None:
            error, self.asked_to_end = self.asked_to_end, None
            raise error

    def kill(self) -> None:
        """It dies now, wherever it is."""
        self.points.dead = True
        if not self.ended:
            self.resume()

    def _run(self) -> None:
        try:
            self.check()
            self._body(self)
        except BaseException as error:  # all that ends it is looked at by the world
            self.error = error
        self.ended = True
