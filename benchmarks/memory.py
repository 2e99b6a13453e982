"""What the master keeps in memory for each call: ``python benchmarks/memory.py``.

Runs of 10,000 and of 100,000 calls, all made at once, live on the local backend and resumed; each in a Python of its own.
``--generator``: made as work is needed, 1,000 to a job; try ``--calls 10000 1000000``.
Peak memory of the master's process (RSS) and the difference of the two sizes per call: what is shared by all calls cancels
out. ``--traced`` adds Python's objects in it (tracemalloc), in runs of their own that take minutes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SLAVE = "from pyboinc import pyboinc_get_input, pyboinc_return_output\npyboinc_return_output(pyboinc_get_input())\n"
MASTER = """
import sys, tracemalloc
from pyboinc import pyboinc_call, pyboinc_master

CALLS = int(sys.argv[1])
if sys.argv[2] == "traced":
    tracemalloc.start()
total = 0
def make_calls():
    for i in range(CALLS):
        pyboinc_call("same_slave.py", i)
def generate_calls():
    for i in range(CALLS):
        pyboinc_call("same_slave.py", i)
        yield
def handle_result(output):
    global total
    total += output
if sys.argv[3] == "generator":
    pyboinc_master(generate_calls, handle_result, argv=["--quiet"], job={"calls_per_job": 1000}, in_flight=10_000)
else:
    pyboinc_master(make_calls, handle_result, argv=["--quiet"])
assert total == CALLS * (CALLS - 1) // 2
if sys.argv[2] == "traced":
    print(tracemalloc.get_traced_memory()[1])
elif sys.platform == "linux":
    with open("/proc/self/status") as status:
        print(next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")))
else:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


def peak(folder: str, calls: int, how: str, making: str) -> int:
    """Bytes at the peak of one run."""
    command = [sys.executable, "app_master.py", str(calls), how, making]
    return int(subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description="What the master keeps in memory for each call.")
    parser.add_argument("--calls", type=int, nargs=2, default=(10_000, 100_000), metavar=("FEW", "MANY"))
    parser.add_argument("--traced", action="store_true", help="measure Python's objects, too")
    parser.add_argument("--generator", action="store_true", help="make calls as work is needed")
    options = parser.parse_args()
    few, many = options.calls
    print(f"Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}; peak memory of the master, MB")
    print(f"{'':28}{f'{few} calls':>15}{f'{many} calls':>15}{'bytes a call':>15}{'ratio':>8}")
    titles = {"plain": "process (RSS)"} | ({"traced": "objects (tracemalloc)"} if options.traced else {})
    for how, title in titles.items():
        found: dict[str, list[int]] = {"live run": [], "resume": []}
        for calls in (few, many):
            with tempfile.TemporaryDirectory(prefix="bench_memory_", dir=".") as folder:
                Path(folder, "same_slave.py").write_text(SLAVE)
                Path(folder, "app_master.py").write_text(MASTER)
                for kind in found:
                    found[kind].append(peak(folder, calls, how, "generator" if options.generator else "all"))
        for kind, (small, large) in found.items():
            each = (large - small) / (many - few)
            print(f"{f'{kind}, {title}':32}{small / 1e6:11.1f}{large / 1e6:15.1f}{each:15.0f}{large / small:8.1f}", flush=True)


if __name__ == "__main__":
    main()
