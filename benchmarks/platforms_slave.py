"""What another platform's arithmetic costs a slave, and what one more host platform costs a process.

    python benchmarks/platforms_slave.py [PROFILE ...]       all profiles, or these

Processor times of this process: medians of several runs of the same input under each profile, divided by the same run of the
plain program. *arithmetic* is what `+ - * /`, comparisons and calls do (n bodies); *calls* is a loop of sin, cos, exp, log and ``**``;
*further* is a host platform more in a process that has one already: loading the program, importing its modules, `math`, `random` and
`statistics`. The platform that this computer is itself is left to it by workers (`pyboinc_local.worker`); here it is computed too.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from pyboinc import bundle
from pyboinc.slave import files, runner
from pyboinc_local import platforms
from pyboinc_local.platforms.program import RoutedProgram
from pyboinc_local.worker import NATIVE

RUNS = 7
ARITHMETIC = """
from pyboinc import pyboinc_get_input, pyboinc_return_output

def advance(bodies, steps, dt):
    for _ in range(steps):
        for k, one in enumerate(bodies):
            for other in bodies[k + 1:]:
                dx, dy, dz = one[0] - other[0], one[1] - other[1], one[2] - other[2]
                square = dx * dx + dy * dy + dz * dz + 0.01
                pull = dt / (square * square)
                one[3] -= dx * other[6] * pull; one[4] -= dy * other[6] * pull; one[5] -= dz * other[6] * pull
                other[3] += dx * one[6] * pull; other[4] += dy * one[6] * pull; other[5] += dz * one[6] * pull
        for body in bodies:
            body[0] += dt * body[3]; body[1] += dt * body[4]; body[2] += dt * body[5]

bodies = [[0.1 * k, 0.3 * k - 1.0, 0.01 * k * k, 0.0, 0.1, -0.1, 1.0 + k] for k in range(5)]
advance(bodies, pyboinc_get_input(), 0.001)
pyboinc_return_output(bodies)
"""
CALLS = """
from math import cos, exp, log, sin
from pyboinc import pyboinc_get_input, pyboinc_return_output

def chain(steps):
    x, y, total = 0.3, 0.7, 0.0
    for k in range(steps):
        angle = x * 3.1 + 0.001 * k
        x = sin(angle) * exp(-y * y)
        y = cos(angle) + log(1.5 + x * x) * 0.3
        total += (1.0 + x * x) ** 1.37
    return x, y, total

pyboinc_return_output(chain(pyboinc_get_input()))
"""
SETUP = """
import math, random, statistics
from pyboinc import pyboinc_get_input, pyboinc_return_output
import helper
pyboinc_return_output(helper.half(pyboinc_get_input()))
"""


def build(folder: Path, source: str) -> str:
    folder.mkdir()
    (folder / "app_slave.py").write_text(source)
    (folder / "helper.py").write_text("def half(x):\n    return x ** 0.5\n")
    path = folder / "program.pyz"
    path.write_bytes(bundle.build("app_slave.py", folder).data)
    return str(path)


def run(program: runner.Program, value: int) -> float:
    """Seconds of one call."""
    data = files.input_file(1, "0", [files.encode_input(value)])
    program.enter()
    begin = time.process_time()
    output, _ = runner.run_job(program, data, lambda: ("", ""))
    seconds = time.process_time() - begin
    program.leave()
    assert files.read_output_file(output)[0][0], "the slave raised an error"
    return seconds


def ratio(path: str, value: int, profile: str) -> float:
    """Times of the plain program; one after the other, so that a busy machine slows both."""
    plain, routed = runner.Program(path), RoutedProgram(path, platforms.load(profile))
    pairs = [(run(plain, value), run(routed, value)) for _ in range(RUNS)]
    return statistics.median(second for _, second in pairs) / statistics.median(first for first, _ in pairs)


def further(path: str, profile: str) -> float:
    """Milliseconds of a further host platform."""
    platform = platforms.load(profile)
    run(RoutedProgram(path, platform), 4)
    times = []
    for _ in range(RUNS):
        begin = time.process_time()
        program = RoutedProgram(path, platform)
        run(program, 4)
        times.append(time.process_time() - begin)
    return 1e3 * statistics.median(times)


def main() -> None:
    profiles = sys.argv[1:] or [name for name in platforms.names() if name != NATIVE]
    with tempfile.TemporaryDirectory() as folder:
        arithmetic, calls, setup = (build(Path(folder, name), source) for name, source in (("a", ARITHMETIC), ("c", CALLS), ("s", SETUP)))
        print(f"{'':<20}{'arithmetic':>12}{'calls':>10}{'further':>12}")
        for profile in profiles:
            times = ratio(arithmetic, 400, profile), ratio(calls, 3000, profile)
            print(f"{profile:<20}{times[0]:>11.2f}x{times[1]:>9.1f}x{further(setup, profile):>9.1f} ms", flush=True)


if __name__ == "__main__":
    main()
