"""Many seeds, one after the other or on several processors, and the figures of them all."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .plan import Plan, draw
from .shrink import Shape, shrink
from .witness import SOMETIMES
from .world import Outcome, World

AT_ONCE = 10  # seeds that a process is given
COMMAND = "python3 noxfile.py -s sim --"


@dataclass
class Figures:
    """Of all runs. failed: seeds, and what was broken.  faulty_jobs: of runs with a fault on the server or on a host."""

    runs: int = 0
    jobs: int = 0
    faulty_jobs: int = 0
    faults: int = 0
    host_faults: int = 0
    points: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    failed: dict[int, str] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    def add(self, outcome: Outcome) -> None:
        hosts = sum(count for name, count in outcome.happened.items() if name.startswith("host: "))
        self.runs += 1
        self.jobs += outcome.jobs
        self.faulty_jobs += outcome.jobs if hosts or outcome.faults else 0
        self.faults += outcome.faults
        self.host_faults += hosts
        self.points += sum(outcome.points.values())
        self.ends[outcome.state] += 1
        self.happened.update(outcome.happened)
        if outcome.violation:
            self.failed[outcome.plan.seed] = str(outcome.violation)

    @property
    def never(self) -> list[str]:
        """What should have happened some time."""
        return [name for name in SOMETIMES if not self.happened[name]]

    def line(self, processes: int) -> str:
        seconds = time.perf_counter() - self.started
        lies = self.happened["liars formed a quorum"]
        return (
            f"{self.runs:,} runs, {len(self.failed)} failed; {self.jobs:,} simulated jobs, {self.faults:,} faults on the server,"
            f" {self.host_faults:,} on hosts; {self.points:,} crash points passed; {self.ends['finished']:,} batches finished,"
            f" {self.ends['cancelled']:,} cancelled; {lies:,} lies accepted, each with its quorum of liars;"
            f" {len(SOMETIMES) - len(self.never)} of {len(SOMETIMES)} kinds of events seen; {seconds:.0f} s on {processes} processes:"
            f" {60 * self.faulty_jobs / seconds:,.0f} jobs with faults a minute"
        )


def run(plan: Plan) -> Outcome:
    return World(plan).run()


def run_seed(seed: int) -> Outcome:
    return run(draw(seed))


def outcomes(seeds: Iterable[int], processes: int) -> Iterator[Outcome]:
    """In any order."""
    if processes == 1:
        yield from map(run_seed, seeds)
        return
    with multiprocessing.Pool(processes, _leave_interrupts) as pool:
        yield from pool.imap_unordered(run_seed, seeds, AT_ONCE)


def _leave_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def reproduce(seed: int, shape: Shape | None = None) -> str:
    """The command."""
    if shape is None:
        return f"{COMMAND} --seed {seed}"
    numbers = {"hosts": shape.hosts, "faults": shape.faults}
    chosen = " ".join(f"--{name} {','.join(map(str, each)) or 'none'}" for name, each in numbers.items())
    return f"{COMMAND} --seed {seed} --calls {shape.calls} {chosen}"


def smallest(seed: int) -> tuple[Shape, Outcome]:
    """The smallest form of a failing seed, and how it ends."""
    plan = draw(seed)
    violation = run(plan).violation
    assert violation is not None
    shape = shrink(plan, lambda smaller: (found := run(smaller).violation) is not None and found.rule == violation.rule)
    return shape, run(plan.smaller(*shape))
