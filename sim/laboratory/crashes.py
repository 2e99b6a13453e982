"""Every crash point of a run: master, validator and assimilator die at each, alone or with the power, and are started again."""

from __future__ import annotations

import functools
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pyboinc.model import JobSettings
from pyboinc_local.simulation import HostSpec

from .app import App, Example, LabApp
from .plan import NESTED, PROCESSES, Plan
from .witness import Witness
from .world import Death, World

EXAMPLES = Path(__file__).parents[2] / "examples"
_FILE = os.path.join(tempfile.gettempdir(), "pyboinc_laboratory.svg")
PROGRAMS: dict[str, Sequence[str]] = {
    "lab": (),
    "sum_of_squares": (),
    "string_counter": (),
    "prime_finder": ("--below", "400000"),
    "monte_pi": ("--points", "20000"),
    "genetic_algorithm": ("--generations", "2", "--plot", _FILE),
    "collatz": (),
    "sunspots": ("--plot", _FILE),
}
"""Programs, and arguments with which they have little to compute; "lab" is the laboratory's own."""
CALLS_PER_JOB = {"monte_pi": 5, "string_counter": 4, "sunspots": 10}
"""One a job, if not said here, where that would take hours."""
PLAN = Plan(
    0,
    NESTED,
    calls=9,
    children=2,
    settings=JobSettings(quorum=2),
    reads=2,
    writes=frozenset((0, 4, 5)),
    hosts=(HostSpec(ncpus=4),) * 5,
    tool_chunk=20,
)


def world(program: str, death: Death | None = None) -> World:
    """The program on honest hosts, two of which must agree; at most one process dies."""
    settings = replace(PLAN.settings, calls_per_job=CALLS_PER_JOB.get(program, 1))
    return World(replace(PLAN, settings=settings), make_app=_app(program), death=death)


def _app(program: str) -> Callable[[Plan, Witness], App]:
    return LabApp if program == "lab" else functools.partial(_example, program)


def _example(program: str, plan: Plan, witness: Witness) -> Example:
    _enter(str(EXAMPLES / program))
    return Example(str(EXAMPLES / program), PROGRAMS[program], witness)


def _enter(folder: str) -> None:
    """Programs have modules of the same names: those of another one are forgotten."""
    if folder not in sys.path:
        for name, module in list(sys.modules.items()):
            if str(EXAMPLES) in (getattr(module, "__file__", None) or ""):
                del sys.modules[name]
        sys.path[:] = [each for each in sys.path if str(EXAMPLES) not in each]
        sys.path.insert(0, folder)


@dataclass
class Tried:
    """points: of each process, in a run in which none dies.  runs: in which one did.  failed: how, and what was broken."""

    program: str
    points: dict[str, int]
    runs: int
    failed: list[str]

    def __str__(self) -> str:
        points = ", ".join(f"{name} {count:,}" for name, count in self.points.items())
        return f"{self.program}: crash points: {points}; {self.runs:,} times one was reached: {len(self.failed)} failed"


def try_all(program: str, every: int = 1, processes: int = 1) -> Tried:
    """Each process dies at each of its crash points, or each `every`th: killed, or in a power cut."""
    whole = world(program)
    outcome = whole.run()
    if outcome.violation:
        return Tried(program, outcome.points, 0, [f"undisturbed: {outcome.violation}"])
    points = outcome.points
    deaths = [Death(name, point, cut) for name in PROCESSES for cut in (False, True) for point in range(0, points[name], every)]
    failed = [told for told in _all(functools.partial(_try, program, whole.answers[0]), deaths, processes) if told]
    return Tried(program, points, len(deaths), failed)


def _all(attempt: Callable[[Death], str], deaths: Sequence[Death], processes: int) -> Iterator[str]:
    if processes == 1:
        yield from map(attempt, deaths)
        return
    with multiprocessing.Pool(processes) as pool:
        yield from pool.imap(attempt, deaths, 20)


def _try(program: str, answer: str, death: Death) -> str:
    """What was broken; empty if nothing was."""
    made = world(program, death)
    violation = made.run().violation
    if violation:
        return f"{death}: {violation}"
    if set(made.answers) != {answer}:
        return f"{death}: the answer was {made.answers}"
    return ""


def main(program: str, every: int, processes: int) -> int:
    failed = 0
    for each in PROGRAMS if program == "all" else [program]:
        tried = try_all(each, every, processes)
        print(tried, flush=True)
        for told in tried.failed:
            print(f"  {told}")
        failed += len(tried.failed)
    return 1 if failed else 0
