"""The programs that run in the laboratory."""

from __future__ import annotations

import contextlib
import functools
import io
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol
from unittest.mock import patch

from pyboinc import bundle, output_file, pyboinc_call
from pyboinc.attachments import Attachments
from pyboinc.errors import PyBoincError
from pyboinc.model import Attachment, Call
from pyboinc.run import Run

from .plan import GENERATOR, Plan
from .slaves import DATA, attachment
from .threads import taking_turns

if TYPE_CHECKING:
    from .witness import Witness

FOLDER = str(Path(__file__).parent / "program")
SLAVE = "lab_slave.py"
if FOLDER not in sys.path:
    sys.path.append(FOLDER)

_build = bundle.build
_built: dict[str, bundle.Program] = {}


def _build_once(*what: Any) -> bundle.Program:
    """Nobody changes programs while the laboratory runs."""
    key = repr(what)
    if key not in _built:
        _built[key] = _build(*what)
    return _built[key]


bundle.build = _build_once


class DataFiles(Attachments):
    """Of the master's computer. look: raises PyBoincError if they are not there now."""

    def __init__(self, look: Callable[[], None]) -> None:
        super().__init__("", float("inf"))
        self._look = look

    def _read(self, name: str, path: str) -> Attachment:
        self._look()
        return attachment(name)


class App(Protocol):
    """A program, for one run of its master.

    go: the run, to its end.  is_right: whether this is what a slave gives for this input; an output of None is an exception.
    answer: what it has printed.
    """

    folder: str
    answer: str

    def go(self, run: Run) -> None: ...

    @staticmethod
    def is_right(given: Any, output: Any) -> bool: ...


class LabApp:
    """The program of a plan: some calls, whose handlers make further ones. witness: told of all that it makes and handles."""

    folder = FOLDER
    answer = ""

    def __init__(self, plan: Plan, witness: Witness) -> None:
        self._plan = plan
        self._witness = witness
        self._for_all = [*DATA][: min(plan.reads, 1)]
        self._for_some = [*DATA][1 : plan.reads]

    def go(self, run: Run) -> None:
        self._run = run
        handle_error = self.handle_error if self._plan.handles_errors else None
        run.go(self.make_calls, self.handle_result, handle_error, self._plan.in_flight, self._for_all)

    @staticmethod
    def is_right(given: Any, output: Any) -> bool:
        if output is None or given.fails:
            return output is None and bool(given.fails)
        level = math.sinh(given.value % 12 * 0.7306 + 0.31)  # as lab_slave.py has it
        right = type(output.level) is float and math.isclose(output.level, level, rel_tol=1e-9)
        return right and (output.value, output.children) == (_value(given), given.children)

    def make_calls(self) -> Iterator[None] | None:
        calls = self._all()
        if self._plan.app == GENERATOR:
            return calls
        for _ in calls:
            pass
        return None

    def _all(self) -> Iterator[None]:
        for number in range(self._plan.calls):
            children = self._plan.children if number % 3 == 0 else 0
            self._call(number, children, number in self._plan.failing, number in self._plan.writes)
            yield

    def _call(self, value: int, children: int = 0, fails: bool = False, writes: bool = False) -> None:
        from lab_types import Input

        some = self._for_some if value % 2 else []
        given = Input(value, children, fails, tuple(self._for_all + some), writes)
        self._witness.call_made(pyboinc_call(SLAVE, given, data_files=some))

    def handle_result(self, output: Any) -> None:
        position = self._run.handling
        self._witness.result_handled(position, output, None)
        if self._witness.inputs[position].writes:
            self._witness.file_came(position, self._file(), f"{_value(self._witness.inputs[position])} ".encode() * 10)
        if type(output.children) is int and output.children < 10:  # a lie may be anything
            for child in range(output.children):
                self._call(100 + child)

    def handle_error(self, call: Call, error: Exception) -> None:
        self._witness.result_handled(call.position, None, error)

    def _file(self) -> bytes | None:
        with contextlib.suppress(PyBoincError):
            return self._run.batch.fs.read(output_file("lab.txt"))
        return None


def _value(given: Any) -> int:
    return math.prod(int(DATA[name]) for name in given.reads) * int(given.value) ** 2


class Example:
    """A script of examples/, as it is: `pyboinc_master`, or an executor, gives the run to the world."""

    def __init__(self, folder: str, arguments: Sequence[str], witness: Witness) -> None:
        self.folder = folder
        self.answer = ""
        self._arguments = arguments
        self._witness = witness

    def go(self, run: Run) -> None:
        import pyboinc

        def call(slave: str, given: Any, **more: Any) -> Call:
            made = pyboinc_call(slave, given, **more)
            self._witness.call_made(made)
            return made

        def master(make_calls: Callable[[], Any], handle_result: Callable[[Any], Any]) -> None:
            def handle(output: Any) -> None:
                self._witness.result_handled(run.handling, output, None)
                handle_result(output)

            run.go(make_calls, handle, None)

        path = os.path.join(self.folder, "app_master.py")
        before = pyboinc.pyboinc_call, pyboinc.pyboinc_master, sys.argv
        pyboinc.pyboinc_call, pyboinc.pyboinc_master, sys.argv = call, master, [path, *self._arguments]
        out = io.StringIO()
        script = ModuleType("__main__")
        vars(script).update(__file__=path, print=functools.partial(print, file=out))
        try:
            with taking_turns(run), patch.dict(sys.modules, {"__main__": script}):
                exec(compile(Path(path).read_text("utf-8"), path, "exec"), vars(script))
        finally:
            pyboinc.pyboinc_call, pyboinc.pyboinc_master, sys.argv = before  # type: ignore[misc]
        self.answer = out.getvalue()

    @staticmethod
    def is_right(given: Any, output: Any) -> bool:
        return output is not None  # the answer will tell
