"""How long a finished batch takes when its master is run again: ``python benchmarks/resume.py``.

The batch is made by a real run on the local backend first. Then the same program runs again, as after a crash of its last
moment: make_calls makes all calls, and each result is read and handled, in the order of the first time. Goal: under 10 s for
100,000 calls. Beside it, the same number of results by a plain loop of ``pickle.load`` over a single file: what handling
costs at the very least.
"""

from __future__ import annotations

import argparse
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GOAL = 10.0

SLAVE = "from pyboinc import pyboinc_get_input, pyboinc_return_output\npyboinc_return_output(pyboinc_get_input())\n"
MASTER = """
import sys, time
from pyboinc import pyboinc_call, pyboinc_master

CALLS = int(sys.argv[1])
total = 0
def make_calls():
    for i in range(CALLS):
        pyboinc_call("same_slave.py", i)
def handle_result(output):
    global total
    total += output
start = time.perf_counter()
pyboinc_master(make_calls, handle_result, argv=["--quiet"])
seconds = time.perf_counter() - start
assert total == CALLS * (CALLS - 1) // 2
print(seconds)
"""


def run(folder: str, calls: int) -> tuple[float, float]:
    """Seconds inside pyboinc_master, and of the whole process."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "app_master.py", str(calls)], cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout), time.perf_counter() - start


def plain_loop(folder: str, calls: int) -> float:
    path = Path(folder, "plain.pickle")
    with path.open("wb") as file:
        for i in range(calls):
            pickle.dump(i, file)
    start = time.perf_counter()
    total = 0
    with path.open("rb") as file:
        for _ in range(calls):
            total += pickle.load(file)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="How long a finished batch takes to resume.")
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench_resume_", dir=".") as folder:
        Path(folder, "same_slave.py").write_text(SLAVE)
        Path(folder, "app_master.py").write_text(MASTER)
        first, _ = run(folder, options.calls)
        resumed, plain = [], []
        for _ in range(options.rounds):
            resumed.append(run(folder, options.calls))
            plain.append(plain_loop(folder, options.calls))
        files = len(os.listdir(Path(folder, "old")))
    inside, whole = (statistics.median(each) for each in zip(*resumed, strict=True))
    print(f"Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}; {options.calls} calls in {files} result files")
    print(f"first run               {first:8.2f} s  {first / options.calls * 1e6:8.1f} us a call")
    each = inside / options.calls * 1e6
    print(f"resume, median of {options.rounds}     {whole:8.2f} s  {each:8.1f} us a call; {inside:.2f} s in pyboinc_master")
    print(f"resume / first run      {inside / first:8.2f}")
    print(f"resume / loop of loads  {inside / statistics.median(plain):8.1f}")
    goal = GOAL * options.calls / 100_000
    print(f"goal: under {goal:g} s: {'ok' if whole < goal else 'MISSED'}")


if __name__ == "__main__":
    main()
