"""The two threads of an executor, as stacks that take turns: each goes on until it waits for the other one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import patch

from greenlet import getcurrent, greenlet

import pyboinc.executor
from pyboinc.ports import Clock

from .backend import PLUGIN

if TYPE_CHECKING:
    from pyboinc.run import Run


class Threads:
    """Of one process, whose program has the first stack and starts the executor's. clock: on which the executor sleeps."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._program = getcurrent()
        self._executor: greenlet | None = None
        self._program_may_go_on: Callable[[], bool] = lambda: False

    def start(self, body: Callable[[], object]) -> None:
        """The executor's thread; its turn comes when the program waits. The program goes on when it has ended."""
        self._executor = greenlet(body, self._program)

    def wait(self, until: Callable[[], bool], timeout: float | None = None) -> None:
        """The turn of the other one, until this holds, or for so many seconds of the executor's sleep."""
        if getcurrent() is self._program:
            self._program_may_go_on = until
            while not until() and self._executor is not None and not self._executor.dead:
                self._executor.switch()
            self._program_may_go_on = lambda: False
        elif not (until() or self.program_had_a_turn() or until()) and timeout is not None:
            self._clock.sleep(timeout)

    def program_had_a_turn(self) -> bool:
        """Asked by the executor before it sleeps."""
        if not self._program_may_go_on():
            return False
        self._program.switch()
        return True


class Condition:
    """What the executor and its futures need of `threading.Condition`, and of a lock, which is never held when turns change."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._told = 0

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None: ...

    def wait(self, timeout: float | None = None) -> bool:
        before = self._told
        self._threads.wait(lambda: self._told > before, timeout)
        return self._told > before

    def notify(self) -> None:
        self._told += 1

    notify_all = notify


@contextlib.contextmanager
def taking_turns(run: Run) -> Iterator[None]:
    """Executors that are made in this context have the batch, the backend, the disk and the clock of `run`."""
    threads = Threads(run._clock)

    class Thread:
        def __init__(self, target: Callable[[], object], **_: object) -> None:
            self.start = lambda: threads.start(target)

        def join(self) -> None:
            threads.wait(lambda: False)

    class Future(pyboinc.executor.Future):
        def __init__(self) -> None:
            super().__init__()
            self._condition = Condition(threads)  # type: ignore[assignment]

    stand_ins = {
        "threading": SimpleNamespace(
            Thread=Thread, Lock=lambda: Condition(threads), Condition=lambda lock: Condition(threads), current_thread=lambda: None
        ),
        "Future": Future,
        "plugins": SimpleNamespace(for_run=lambda interface: (PLUGIN.manager, [])),
        "Disk": lambda sync: run._fs,
        "SystemClock": lambda: run._clock,
        "_options": lambda *_: (run.options, True),
    }
    with patch.multiple(pyboinc.executor, **stand_ins), patch.object(PLUGIN, "somebody_goes_on", threads.program_had_a_turn):
        yield
