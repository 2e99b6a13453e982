"""The command: ``python3 noxfile.py -s sim -- --seeds 10000 --jobs 2``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import crashes
from .plan import Plan, draw
from .shrink import Shape
from .swarm import Figures, outcomes, reproduce, smallest
from .world import World

NIGHTLY = 5000  # seeds from which on what never happened is a failure
SHRUNK = 3  # failing seeds that are made small


def main(argv: Sequence[str] | None = None) -> int:
    words = _parser().parse_args(argv)
    if words.crash_points:
        return crashes.main(words.crash_points, words.every, words.jobs)
    if words.seed is not None:
        return _one(words)
    figures = Figures()
    try:
        for outcome in outcomes(range(words.first_seed, words.first_seed + words.seeds), words.jobs):
            figures.add(outcome)
            if outcome.violation:
                print(f"seed {outcome.plan.seed}: {outcome.violation}\n  {reproduce(outcome.plan.seed)}", flush=True)
                if len(figures.failed) <= SHRUNK:
                    shape, small = smallest(outcome.plan.seed)
                    print(f"  smallest: {small.violation}\n  {reproduce(outcome.plan.seed, shape)}", flush=True)
    except KeyboardInterrupt:
        print("stopped")
    print(figures.line(words.jobs))
    if figures.never and (words.nightly or words.seeds >= NIGHTLY):
        print(f"never happened: {', '.join(figures.never)}")
        return 1
    return 1 if figures.failed else 0


def _one(words: argparse.Namespace) -> int:
    """One seed, or what is left of it, told in full."""
    whole = draw(words.seed)
    plan = whole.smaller(*_shape(whole, words))
    world = World(plan, keep=words.trace)
    outcome = world.run()
    _tell(plan)
    for line in world.witness.lines or ():
        print(line)
    print(f"{outcome.violation or outcome.state}; trace {outcome.trace}; {dict(sorted(outcome.happened.items()))}")
    return 1 if outcome.violation else 0


def _tell(plan: Plan) -> None:
    print(f"{plan.app}, {plan.calls} calls, {plan.settings}")
    for host in plan.hosts:
        print(f"host: {host}")
    for fault in plan.faults:
        print(fault)


def _shape(plan: Plan, words: argparse.Namespace) -> Shape:
    whole = Shape.of(plan)
    chosen = {name: getattr(words, name) for name in whole._fields if getattr(words, name) is not None}
    return whole._replace(**chosen)


def _numbers(text: str) -> tuple[int, ...]:
    return () if text == "none" else tuple(map(int, text.split(",")))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="laboratory", description=__doc__, allow_abbrev=False)
    parser.add_argument("--seeds", type=int, default=1000, metavar="N", help="how many")
    parser.add_argument("--first-seed", type=int, default=1, metavar="N")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes")
    parser.add_argument("--nightly", action="store_true", help=f"fail if a kind of event never happens; as with {NIGHTLY} seeds and more")
    parser.add_argument("--seed", type=int, metavar="N", help="this one alone, with its plan")
    parser.add_argument("--trace", action="store_true", help="of --seed: with all that happens")
    parser.add_argument("--calls", type=int, metavar="N", help="of --seed: only so many")
    parser.add_argument("--hosts", type=_numbers, metavar="N,N", help="of --seed: only these, or none")
    parser.add_argument("--faults", type=_numbers, metavar="N,N", help="of --seed: only these, or none")
    about = f"instead of seeds: kill each process at its crash points in a run of {', '.join(crashes.PROGRAMS)}, or all"
    parser.add_argument("--crash-points", metavar="PROGRAM", help=about)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="of --crash-points: only each Nth")
    return parser


if __name__ == "__main__":
    sys.exit(main())
