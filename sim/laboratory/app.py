"""The programs that run in the laboratory, and what their slaves return.

A slave's output follows from program and input, so that each is computed once, whatever the number of hosts, runs and seeds.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pyboinc import bundle, pyboinc_call
from pyboinc.model import Call
from pyboinc.run import Run
from pyboinc.slave.files import parse_output_file
from pyboinc.slave.runner import HostFault, Program, run_job

from .plan import GENERATOR, Plan

FOLDER = str(Path(__file__).parent / "program")
SLAVE = "lab_slave.py"
if FOLDER not in sys.path:
    sys.path.append(FOLDER)

bundle.build = functools.cache(bundle.build)  # nobody changes programs while the laboratory runs
_scratch = tempfile.TemporaryDirectory(prefix="pyboinc_lab_")


@functools.cache
def _program(data: bytes) -> Program:
    path = os.path.join(_scratch.name, f"{len(os.listdir(_scratch.name))}.pyz")
    with open(path, "wb") as file:
        file.write(data)
    return Program(path)


class Ran(NamedTuple):
    """What a job of so many calls gives on an honest host."""

    output: bytes
    report: bytes
    calls: int


@functools.lru_cache(200_000)
def outcome(program: bytes, data: bytes) -> Ran | None:
    """None if the host is at fault."""
    try:
        output, report = run_job(_program(program), data, lambda: ("", ""))
    except HostFault:
        return None
    return Ran(output, report, len(parse_output_file(output)))


class LabApp:
    """The program of a plan: some calls, whose handlers make further ones. told: of each call made, and each result handled."""

    folder = FOLDER

    def __init__(self, plan: Plan, made: Callable[[Call], None], handled: Callable[[str, Any, Exception | None], None]) -> None:
        self._plan = plan
        self._made = made
        self._handled = handled
        self.run: Run | None = None

    def make_calls(self) -> Iterator[None] | None:
        calls = self._all()
        if self._plan.app == GENERATOR:
            return calls
        for _ in calls:
            pass
        return None

    def _all(self) -> Iterator[None]:
        from lab_types import Input

        plan = self._plan
        for number in range(plan.calls):
            children = plan.children if number % 3 == 0 else 0
            self._made(pyboinc_call(SLAVE, Input(number, children, number in plan.failing)))
            yield

    def handle_result(self, output: Any) -> None:
        from lab_types import Input

        assert self.run is not None
        self._handled(self.run.handling, output, None)
        if type(output.children) is int and output.children < 10:
            for child in range(output.children):
                self._made(pyboinc_call(SLAVE, Input(100 + child)))

    def handle_error(self, call: Call, error: Exception) -> None:
        self._handled(call.position, None, error)
