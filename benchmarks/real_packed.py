"""Calls of a millisecond on a real BOINC project, packed and one a job: ``python benchmarks/real_packed.py PROJECT``.

From the start of the master to the last result in its hands. The project is set up and started, and clients are attached that do
nothing else; run it as the project's owner. Where calls have a job each they are fewer, `--singly`: a job takes a client seconds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SLAVE = """
import time
from pyboinc import get_input, return_output
end = time.perf_counter() + 0.001
while time.perf_counter() < end: pass
return_output(get_input())
"""
MASTER = """
import sys
from pyboinc import call, master
calls, packed, total = int(sys.argv[1]), int(sys.argv[2]), 0
def make_calls():
    for i in range(calls): call("app_slave.py", i)
def handle_result(output):
    global total
    total += output
master(make_calls, handle_result, job={"quorum": 1, "calls_per_job": packed}, argv=["--quiet", "-p", sys.argv[3]])
assert total == calls * (calls - 1) // 2
"""


def measure(project: str, calls: int, packed: int) -> float:
    """Seconds of a run."""
    with tempfile.TemporaryDirectory(prefix="bench_real_packed_", dir=".") as folder:
        Path(folder, "app_slave.py").write_text(SLAVE)
        Path(folder, "app_master.py").write_text(MASTER)
        start = time.perf_counter()
        subprocess.run([sys.executable, "app_master.py", str(calls), str(packed), project], cwd=folder, check=True)
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="What a small call costs on a real project.")
    parser.add_argument("project", metavar="PROJECT")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--packed", type=int, default=1000, help="calls that share a job")
    parser.add_argument("--singly", type=int, default=1000, help="calls of the run in which each has a job")
    options = parser.parse_args()
    project = os.path.abspath(options.project)
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; calls of 1 ms, quorum 1, {project}")
    print(f"{'':16}{'calls':>8}{'jobs':>8}{'seconds':>10}{'ms a call':>12}")
    costs = []
    for name, calls, packed in (("packed", options.calls, options.packed), ("one call a job", options.singly, 1)):
        seconds = measure(project, calls, packed)
        costs.append(seconds / calls)
        print(f"{name:16}{calls:8}{-(-calls // packed):8}{seconds:10.1f}{seconds / calls * 1e3:12.2f}", flush=True)
    print(f"a packed call costs 1/{costs[1] / costs[0]:.0f} of one with a job of its own")


if __name__ == "__main__":
    main()
