"""A batch through submit, results, timeouts, crashes, resumes and cancelling in any order, against a model of twenty lines.

Master, journal, batch directory and backend are the ones that users run; the disk is in memory, so that a crash can come at
any of its steps. hypothesis chooses what happens (`BatchMachine`); a subclass says on which project.
"""

from __future__ import annotations

import os
import threading
from abc import abstractmethod
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from pyboinc import batchdir
from pyboinc.batchdir import CHECKPOINT, BatchDir, BatchError, Checkpoint
from pyboinc.hookspecs import hookimpl
from pyboinc.model import JobSettings
from pyboinc.plugins import Plugin, manager_of
from pyboinc.run import Run, pyboinc_call
from pyboinc.settings import Options
from pyboinc.testing import Crash, ManualClock, MemoryFileSystem

SECONDS = 120
_numbers = count(1)
SLAVE = """from pyboinc import get_input, return_output
value = get_input()
if value % 5 == 4: raise ArithmeticError(value)
return_output(value * value)
"""


class Model:
    """What a batch is to its owner.

    calls: as submitted.  handled: (position, what came), in the order of the first time.  again: how many of these the run
    has handled.  made: calls that it has made.
    """

    def __init__(self, expects: Callable[[Any], Any]) -> None:
        self.calls: list[Any] = []
        self.handled: list[tuple[str, Any]] = []
        self.again = self.made = 0
        self.cancelled = False
        self._expects = expects

    def submit(self, values: list[Any]) -> None:
        self.calls += values

    def resume(self) -> None:
        self.again = self.made = 0

    def handle(self, position: str, came: Any) -> None:
        if self.again < len(self.handled):
            assert (position, came) == self.handled[self.again], "a later run handles the same in the same order"
        else:
            assert position not in dict(self.handled), "each call once"
            assert came in self._expects(self.calls[int(position)]), "what its slave gives"
            self.handled.append((position, came))
        self.again += 1

    def finish(self) -> None:
        assert not self.cancelled and {int(position) for position, _ in self.handled} == set(range(self.made))


class Turns:
    """A backend whose every wait is a turn of the test's. The master has a thread of its own, and runs only in between."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._go, self._gone = threading.Semaphore(0), threading.Semaphore(0)
        self.killed = self.ended = False
        self.error: BaseException | None = None

    @hookimpl
    def pyboinc_start_batch(self, batch: Any) -> int:
        return self._backend.pyboinc_start_batch(batch)  # type: ignore[no-any-return]

    @hookimpl
    def pyboinc_submit_jobs(self, batch: Any, jobs: Any) -> None:
        self._backend.pyboinc_submit_jobs(batch, jobs)

    @hookimpl
    def pyboinc_wait(self, batch: Any, timeout: float) -> None:
        self._backend.pyboinc_wait(batch, timeout)
        self._gone.release()
        self._go.acquire()
        if self.killed:
            raise Crash("killed")

    @hookimpl
    def pyboinc_cancel_batch(self, batch: Any) -> None:
        self._backend.pyboinc_cancel_batch(batch)

    @hookimpl
    def pyboinc_stop(self, batch: Any) -> None:
        self._backend.pyboinc_stop(batch)

    def start(self, what: Callable[[], None]) -> None:
        def whole() -> None:
            try:
                what()
            except BaseException as error:
                self.error = error
            self.ended = True
            self._gone.release()

        threading.Thread(target=whole, daemon=True).start()
        self._await()

    def turn(self) -> None:
        """Until the master waits again, or has ended."""
        self._go.release()
        self._await()

    def _await(self) -> None:
        assert self._gone.acquire(timeout=SECONDS), "the master hangs"


class BatchMachine(RuleBasedStateMachine):
    app: Path
    """The folder of app_slave.py."""
    interface: str
    project_home = ""
    calls_per_job = 1

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(self.expects)
        self.fs = MemoryFileSystem()
        self.folder = f"/batch-{next(_numbers)}"  # a project outlives an example, and still delivers to earlier ones
        self.clock = ManualClock()
        self.turns: Turns | None = None

    @classmethod
    def in_folder(cls, folder: Path) -> None:
        """Where the program is."""
        (folder / "app_slave.py").write_text(SLAVE)
        cls.app = folder

    @classmethod
    def play(cls, folder: Path, examples: int) -> None:
        """PYBOINC_STATES=N in the environment: so many instead, for a long run."""
        cls.in_folder(folder)
        number = int(os.environ.get("PYBOINC_STATES", examples))
        quiet = list(HealthCheck)  # an example takes as long as a batch
        run_state_machine_as_test(
            cls, settings=settings(max_examples=number, stateful_step_count=20, deadline=None, suppress_health_check=quiet)
        )

    # -- what a project is

    @abstractmethod
    def backend(self) -> Any: ...

    @abstractmethod
    def table(self) -> dict[str, Any]:
        """The backend's part of pyboinc.toml."""

    @abstractmethod
    def expects(self, value: Any) -> list[Any]:
        """What may come of the call."""

    def settings(self) -> JobSettings:
        return JobSettings()

    def settle(self) -> None:
        """Everything happens that can while the master waits."""

    # -- what happens

    @initialize(calls_per_job=st.sampled_from([1, 1, 3]), values=st.lists(st.integers(0, 9), min_size=1, max_size=6))
    def begin(self, calls_per_job: int, values: list[int]) -> None:
        self.calls_per_job = calls_per_job
        self.model.submit(values)

    @rule(values=st.lists(st.integers(0, 9), min_size=1, max_size=5))
    def submit(self, values: list[int]) -> None:
        """The program makes more calls: in this run if it is not through with its calls, else in the next."""
        self.model.submit(values)

    @precondition(lambda self: self.turns is None)
    @rule(crash_at=st.none() | st.integers(0, 60))
    def resume(self, crash_at: int | None) -> None:
        self.fs = self.fs.after_kill(crash_at)
        self.model.resume()
        self.turns = Turns(self.backend())
        manager = manager_of([Plugin(self.interface, "", "", self.turns)])
        options = Options(
            self.interface,
            self.project_home,
            self.folder,
            False,
            True,
            self.settings().with_({"calls_per_job": self.calls_per_job}),
            {self.interface: self.table()},
        )
        self.turns.start(lambda: self._master(Run(options, str(self.app), manager, self.fs, self.clock)))
        self._look()

    def _master(self, master: Run) -> None:
        def make_calls() -> Any:
            while self.model.made < len(self.model.calls):
                self.model.made += 1
                pyboinc_call("app_slave.py", self.model.calls[self.model.made - 1])
                yield

        def handle_result(output: Any) -> None:
            self.model.handle(master.handling, output)

        def handle_error(call: Any, error: Exception) -> None:
            self.model.handle(call.position, type(error).__name__)

        master._thread = threading.get_ident()
        master.go(make_calls, handle_result, handle_error, in_flight=4)

    @precondition(lambda self: self.turns is not None)
    @rule(times=st.integers(1, 8))
    def go_on(self, times: int) -> None:
        """The master waits, and looks again."""
        for _ in range(times):
            if self.turns is not None:
                self.turns.turn()
                self._look()

    def _look(self) -> None:
        """How the run has ended, if it has."""
        assert self.turns is not None
        if not self.turns.ended:
            return
        error = self.turns.error
        self.turns = None
        if error is None:
            self.model.finish()
        elif isinstance(error, BatchError) and "was cancelled" in str(error):
            assert self.model.cancelled
        elif not isinstance(error, Crash):
            raise error

    @precondition(lambda self: self.turns is not None)
    @rule(power_cut=st.booleans())
    def crash(self, power_cut: bool) -> None:
        """kill -9, or the end of the power."""
        assert self.turns is not None
        left = self.fs.after_power_cut() if power_cut else self.fs.after_kill()
        self.fs.points.dead = True
        self.turns.killed = True
        self.turns.turn()
        assert self.turns.ended
        self.turns = None
        self.fs = left

    @rule()
    def cancel(self) -> None:
        """`pyboinc cancel` asks for it."""
        directory = BatchDir(self.fs, self.folder)
        if self.model.cancelled or self.fs.points.dead or not self.fs.exists(directory.path(CHECKPOINT)):
            return
        token = Checkpoint.load(self.fs.read(directory.path(CHECKPOINT)), CHECKPOINT).token
        try:
            batchdir.ask_to_cancel(self.fs, self.folder, token)
            self.model.cancelled = True
        except Crash:
            pass

    def teardown(self) -> None:
        """Once nothing goes wrong any more, the batch ends; and a last run handles it all again."""
        if self.turns is not None:
            self.crash(power_cut=False)
        for _ in range(2):
            self.resume(None)
            for _ in range(1000):
                if self.turns is None:
                    break
                self.settle()
                self.go_on(1)
            assert self.turns is None, "the batch does not end"
            if not self.model.cancelled:
                assert self.model.again == self.model.made == len(self.model.calls)
