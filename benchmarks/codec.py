"""The codec against C pickle, side by side in one run: ``PYTHONPATH=packages/pyboinc-core/src python benchmarks/codec.py``.

For each value: the median of interleaved rounds of pickle (protocol 4) and of ours, their ratio, and the goal.
"""

from __future__ import annotations

import gc
import pickle
import random
import statistics
import sys
import time
from collections.abc import Callable

from pyboinc import codec


@codec.register
class Sample:
    def __init__(self, i: int) -> None:
        self.index = i
        self.value = i * 0.1
        self.label = "sample"
        self.count = 1000


def median_times(calls: list[Callable[[], object]], repeat: int, rounds: int) -> list[float]:
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, seen in zip(calls, times, strict=True):
            start = time.perf_counter()
            for _ in range(repeat):
                call()
            seen.append((time.perf_counter() - start) / repeat)
    return [statistics.median(seen) for seen in times]


def main() -> None:
    rng = random.Random(1)
    cases: list[tuple[str, object, int, float]] = [
        ("instance of 4 fields", Sample(7), 2000, 5),
        ("list of 1M floats", [rng.random() for _ in range(1_000_000)], 1, 5),
        ("10 MB of bytes", rng.randbytes(10_000_000), 3, 2),
        ("list of 1M ints, mixed sizes", [rng.randrange(-100, 1 << rng.randrange(1, 40)) for _ in range(1_000_000)], 1, 0),
        ("10k instances", [Sample(i) for i in range(10_000)], 1, 0),
        ("dict of 10k str to float", {f"key{i}": i / 7 for i in range(10_000)}, 1, 0),
        ("10k tuples (int, float)", [(i, i / 3) for i in range(10_000)], 1, 0),
    ]
    print(f"Python {sys.version.split()[0]}; medians; ratio = ours / C pickle; goal 0 = none set")
    print(f"{'value':30}{'':7}{'pickle':>12}{'ours':>12}{'ratio':>8}{'goal':>6}")
    gc.disable()  # pickle makes no cycles, nor do we: the collector would only measure the heap around
    for name, value, repeat, goal in cases:
        ours = codec.dumps(value)
        theirs = pickle.dumps(value, 4)
        dumps, our_dumps, loads, our_loads, parse = median_times(
            [
                lambda v=value: pickle.dumps(v, 4),  # type: ignore[misc]
                lambda v=value: codec.dumps(v),  # type: ignore[misc]
                lambda b=theirs: pickle.loads(b),  # type: ignore[misc]
                lambda b=ours: codec.loads(b),  # type: ignore[misc]
                lambda b=ours: codec.parse(b),  # type: ignore[misc]
            ],
            repeat,
            9,
        )
        for what, base, mine in (("dumps", dumps, our_dumps), ("loads", loads, our_loads), ("parse", loads, parse)):
            ratio = mine / base
            verdict = "" if not goal else "ok" if ratio <= goal else "OVER"
            print(f"{name:30}{what:7}{base * 1e6:10.1f}us{mine * 1e6:10.1f}us{ratio:8.2f}{goal:6g} {verdict}")


if __name__ == "__main__":
    main()
