"""Worlds in which all goes wrong, drawn from seeds: a sample of what `python3 noxfile.py -s sim -- --seeds 10000` runs."""

import subprocess
import sys
from pathlib import Path

from laboratory import crashes
from laboratory.plan import draw
from laboratory.shrink import Shape
from laboratory.swarm import Figures, reproduce, run_seed
from laboratory.world import World

SEEDS = range(1, 71)
HERE = Path(__file__).parent


def test_a_sample_of_seeds():
    figures = Figures()
    for seed in SEEDS:
        figures.add(run_seed(seed))
    print(figures.line(1))
    assert not figures.failed, "\n".join(f"{reproduce(seed)}: {told}" for seed, told in figures.failed.items())
    assert len(figures.never) < 16, "most of what can happen does"


def test_the_same_seed_is_the_same_to_the_last_event():
    script = "import sys; from laboratory.swarm import run_seed; print(*[run_seed(int(seed)).trace for seed in sys.argv[1:]])"
    seeds = ["12", "24", "100"]
    runs = [
        subprocess.run([sys.executable, "-c", script, *order], cwd=HERE, env={"PYTHONHASHSEED": hashseed}, capture_output=True, text=True)
        for hashseed, order in (("1", seeds), ("2", seeds[::-1]))
    ]
    first, second = (run.stdout.split() for run in runs)
    assert first == second[::-1] and len(set(first)) == 3, runs[0].stderr + runs[1].stderr


def test_what_is_left_of_a_plan_is_as_it_was():
    plan = draw(4)
    smaller = plan.smaller(2, (1, 2), (0,))
    assert smaller.hosts == plan.hosts[1:3] and smaller.faults == plan.faults[:1] and smaller.settings == plan.settings
    assert World(plan.smaller(*Shape.of(plan))).run().trace == World(plan).run().trace


def test_some_crash_points():
    """All of them: `python3 noxfile.py -s sim -- --crash-points all`."""
    for program, every in (("lab", 29), ("prime_finder", 41), ("genetic_algorithm", 499), ("collatz", 151)):
        tried = crashes.try_all(program, every)
        print(tried)
        assert not tried.failed and tried.runs > 3
