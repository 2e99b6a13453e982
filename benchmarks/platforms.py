"""What a call costs on each platform, against `math` itself.

    python benchmarks/platforms.py [PLATFORM]...

Microseconds per call, median of five runs over 200 arguments; in brackets how many times as long as `math` takes. Below: a call of
`pyboinc.exactmath`, and what it takes to set up a further platform.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from pyboinc import exactmath
from pyboinc_local import platforms

FUNCTIONS = ("sin", "cos", "tan", "exp", "log", "pow", "**", "atan2", "sinh", "tanh", "asin", "erf", "gamma", "sqrt")
BETWEEN_0_AND_1 = {"asin"}


def arguments(name: str) -> list[tuple[float, ...]]:
    rnd = random.Random(name)
    one = (lambda: rnd.uniform(0.05, 0.95)) if name in BETWEEN_0_AND_1 else (lambda: rnd.uniform(0.1, 20.0))
    return [(one(), rnd.uniform(-5.0, 5.0)) if name in ("pow", "**", "atan2") else (one(),) for _ in range(200)]


def cost(function: Callable[..., Any], tried: list[tuple[float, ...]]) -> float:
    """Microseconds of a call."""
    times = []
    for _ in range(5):
        start = time.process_time()
        for each in tried:
            function(*each)
        times.append(time.process_time() - start)
    return statistics.median(times) / len(tried) * 1e6


def function_of(platform: platforms.Platform, name: str) -> Callable[..., Any]:
    return platform.pow if name == "**" else getattr(platform.math, name)


def table(title: str, found: dict[str, Callable[[str], Callable[..., Any] | None]]) -> None:
    native = platforms.load("native")
    base = {name: cost(function_of(native, name), arguments(name)) for name in FUNCTIONS}
    print(f"{title:18}" + "".join(f"{name:>13}" for name in FUNCTIONS))
    print(f"{'math':18}" + "".join(f"{base[name]:13.2f}" for name in FUNCTIONS))
    for title, of in found.items():
        cells = []
        for name in FUNCTIONS:
            function = of(name)
            if function is None:
                cells.append(f"{'':13}")
                continue
            taken = cost(function, arguments(name))
            cells.append(f"{f'{taken:.2f} ({taken / base[name]:.0f})':>13}")
        print(f"{title:18}" + "".join(cells))


def of_module(module: ModuleType) -> Callable[[str], Callable[..., Any] | None]:
    return lambda name: getattr(module, name, None)


SETUP = """
import sys, time
from pyboinc_local import platforms
platforms.load("windows11")
start = time.process_time()
platforms.load(sys.argv[1])
print((time.process_time() - start) * 1000)
"""


def main(chosen: list[str]) -> None:
    found: dict[str, Callable[[str], Callable[..., Any] | None]] = {}
    for name in chosen or platforms.names()[1:]:
        found[name] = partial(function_of, platforms.load(name))
    table("us per call", {**found, "exactmath": of_module(exactmath)})
    print("\nset-up of a further platform, ms")
    for name in found:
        runs = [
            float(subprocess.run([sys.executable, "-c", SETUP, name], capture_output=True, text=True, check=True).stdout) for _ in range(3)
        ]
        print(f"{name:18}{statistics.median(runs):8.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
