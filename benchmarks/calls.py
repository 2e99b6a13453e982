"""What a call costs: PyBOINC's local backend beside three ways to spread calls over processes; ``python benchmarks/calls.py``.

10,000 calls that give back the int they get, one call a job or task, 2 worker processes everywhere. Each run has a Python
of its own; the contenders take turns, round after round, so that a busy machine slows all alike. Two figures, each the
median over the rounds: *whole*, with the start and end of workers (imports excluded), and *further*, what each call after
the first thousand costs, which leaves start and end out for everybody. Ratios are those of the medians.

PyBOINC's results survive `kill -9` of everything and a power cut; with ``durability = "kill"`` they survive `kill -9` only.
The others keep nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

WORKERS = 2
FEW = 1000
OURS, KILL_ONLY = "PyBOINC", "PyBOINC, kill -9 only"


def same(value: int) -> int:
    return value


def futures(calls: int) -> tuple[float, int]:
    from concurrent.futures import ProcessPoolExecutor

    start = time.perf_counter()
    with ProcessPoolExecutor(WORKERS) as pool:
        total = sum(each.result() for each in [pool.submit(same, i) for i in range(calls)])
    return time.perf_counter() - start, total


def joblib(calls: int, batch_size: int | str = 1) -> tuple[float, int]:
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    start = time.perf_counter()
    total = sum(Parallel(n_jobs=WORKERS, batch_size=batch_size)(delayed(same)(i) for i in range(calls)))
    get_reusable_executor().shutdown(wait=True)
    return time.perf_counter() - start, total


def joblib_auto(calls: int) -> tuple[float, int]:
    return joblib(calls, "auto")


def dask(calls: int) -> tuple[float, int]:
    from distributed import Client, LocalCluster

    start = time.perf_counter()
    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        total = sum(client.gather(client.map(same, range(calls), pure=False)))
    return time.perf_counter() - start, total


def pyboinc(calls: int, durability: str = "power-cut") -> tuple[float, int]:
    from pyboinc import pyboinc_call, pyboinc_master

    (Path.cwd() / "same_slave.py").write_text(
        "from pyboinc import pyboinc_get_input, pyboinc_return_output\npyboinc_return_output(pyboinc_get_input())\n"
    )
    (Path.cwd() / "pyboinc.toml").write_text(f'durability = "{durability}"\n[local]\nworkers = {WORKERS}\n')
    sys.modules["__main__"].__file__ = str(Path.cwd() / "app_master.py")  # where PyBOINC looks for the app
    total = 0

    def make_calls() -> None:
        for i in range(calls):
            pyboinc_call("same_slave.py", i)

    def handle_result(output: int) -> None:
        nonlocal total
        total += output

    start = time.perf_counter()
    pyboinc_master(make_calls, handle_result, argv=["--quiet"])
    return time.perf_counter() - start, total


def pyboinc_kill(calls: int) -> tuple[float, int]:
    return pyboinc(calls, "kill")


CONTENDERS: dict[str, Callable[[int], tuple[float, int]]] = {
    OURS: pyboinc,
    KILL_ONLY: pyboinc_kill,
    "ProcessPoolExecutor": futures,
    "joblib, batch_size=1": joblib,
    "dask.distributed": dask,
    "joblib, many calls a task": joblib_auto,
}
NO_GOAL = "joblib, many calls a task"


def measure(name: str, calls: int) -> float:
    """Seconds of one run in a new process and a new folder, on the file system of the current folder."""
    with tempfile.TemporaryDirectory(prefix="bench_calls_", dir=".") as folder:
        command = [sys.executable, os.path.abspath(__file__), "--one", name, "--calls", str(calls)]
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def fsync_time() -> float:
    times = []
    with tempfile.TemporaryFile(dir=".") as file:
        for _ in range(20):
            file.write(b"x" * 4096)
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description="What a call costs.")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--one", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    calls = options.calls
    if options.one:
        seconds, total = CONTENDERS[options.one](calls)
        assert total == calls * (calls - 1) // 2
        print(seconds)
        return

    whole: dict[str, list[float]] = {name: [] for name in options.only}
    few: dict[str, list[float]] = {name: [] for name in options.only}
    for number in range(options.rounds):
        for name in options.only:
            print(f"\rround {number + 1} of {options.rounds}: {name:30}", end="", file=sys.stderr, flush=True)
            whole[name].append(measure(name, calls))
            few[name].append(measure(name, FEW))
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr)

    per_call = {name: statistics.median(times) / calls * 1e6 for name, times in whole.items()}
    further = {name: (statistics.median(whole[name]) - statistics.median(few[name])) / (calls - FEW) * 1e6 for name in whole}
    print(
        f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f};"
        f" an fsync takes {fsync_time() * 1e3:.1f} ms in {os.getcwd()}"
    )
    print(f"{calls} no-op calls, one a job or task, {WORKERS} workers; medians of {options.rounds} interleaved rounds; us a call")
    print(f"{'':28}{'whole':>9}{'range':>16}{'/ ours':>8}{'further':>10}{'/ ours':>8}   goal")
    for name in options.only:
        low, high = (f"{each / calls * 1e6:.0f}" for each in (min(whole[name]), max(whole[name])))
        ratio, ratio_further = per_call[name] / per_call[OURS], further[name] / further[OURS]
        goal = ""
        if name not in (OURS, KILL_ONLY, NO_GOAL):
            goal = "over 1: " + ("ok" if min(ratio, ratio_further) > 1 else "MISSED")
        print(f"{name:28}{per_call[name]:9.1f}{low + ' to ' + high:>16}{ratio:8.2f}{further[name]:10.1f}{ratio_further:8.2f}   {goal}")
    if KILL_ONLY in per_call:
        print(
            f"Surviving a power cut costs {per_call[OURS] - per_call[KILL_ONLY]:+.1f} us a call"
            f" ({per_call[OURS] / per_call[KILL_ONLY] - 1:+.0%}) over surviving kill -9 only."
        )


if __name__ == "__main__":
    main()
