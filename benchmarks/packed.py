"""Small calls that share jobs, beside joblib's automatic batches: ``python benchmarks/packed.py``.

100,000 calls that give back the int they get, 2 worker processes. joblib groups them by their run times; here a job has 2,000.
Each run has a Python of its own, the contenders take turns; seconds are of the whole run, workers' start and end included,
imports excluded. PyBOINC's results survive `kill -9` of everything at any moment, and with ``power-cut`` that too; joblib keeps none.
Beside the seconds: CPU time of the master and of the workers, which tells more on a machine that does other things too.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from calls import WORKERS, same

OURS = "PyBOINC, kill -9"
GOAL = 2.0  # times what joblib needs
PACKED = 2000


def joblib(calls: int) -> int:
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    total = sum(Parallel(n_jobs=WORKERS)(delayed(same)(i) for i in range(calls)))
    get_reusable_executor().shutdown(wait=True)
    return total


def master(durability: str) -> Callable[[int], int]:
    def run(calls: int) -> int:
        from pyboinc import pyboinc_call, pyboinc_master

        _write_settings(durability)
        Path("same_slave.py").write_text(
            "from pyboinc import pyboinc_get_input, pyboinc_return_output\npyboinc_return_output(pyboinc_get_input())\n"
        )
        total = 0

        def make_calls() -> None:
            for i in range(calls):
                pyboinc_call("same_slave.py", i)

        def handle_result(output: int) -> None:
            nonlocal total
            total += output

        pyboinc_master(make_calls, handle_result, argv=["--quiet"], job={"calls_per_job": PACKED})
        return total

    return run


def executor(calls: int) -> int:
    from pyboinc import Executor

    _write_settings("kill")
    with Executor("calls", calls_per_job=PACKED, argv=[]) as pool:
        return sum(each.result() for each in [pool.submit(abs, i) for i in range(calls)])


def _write_settings(durability: str) -> None:
    Path("pyboinc.toml").write_text(f'durability = "{durability}"\n[local]\nworkers = {WORKERS}\n')
    sys.modules["__main__"].__file__ = str(Path.cwd() / "app_master.py")  # where PyBOINC looks for the app


CONTENDERS: dict[str, Callable[[int], int]] = {
    "joblib": joblib,
    OURS: master("kill"),
    "PyBOINC, power cut": master("power-cut"),
    "PyBOINC, Executor, kill -9": executor,
}


def measure(name: str, calls: int) -> list[float]:
    """Seconds of one run in a new process and a new folder; its CPU seconds, and those of its workers."""
    with tempfile.TemporaryDirectory(prefix="bench_packed_", dir=".") as folder:
        command = [sys.executable, os.path.abspath(__file__), "--one", name, "--calls", str(calls)]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # as installed
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return list(map(float, done.stdout.split()))


def main() -> None:
    parser = argparse.ArgumentParser(description="What a small call costs that shares its job.")
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        start = time.perf_counter()
        assert CONTENDERS[options.one](options.calls) == options.calls * (options.calls - 1) // 2
        elapsed = time.perf_counter() - start
        workers = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(elapsed, time.process_time(), workers.ru_utime + workers.ru_stime)
        return
    found: dict[str, list[list[float]]] = {name: [] for name in CONTENDERS}
    for number in range(options.rounds):
        for name in CONTENDERS:
            print(f"\rround {number + 1} of {options.rounds}: {name:30}", end="", file=sys.stderr, flush=True)
            found[name].append(measure(name, options.calls))
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {options.calls} no-op calls,")
    print(f"{WORKERS} workers, {PACKED} calls a job; medians of {options.rounds} interleaved rounds; us a call")
    print(f"{'':28}{'whole':>9}{'range':>16}{'/ joblib':>10}{'CPU master':>12}{'workers':>9}   goal")
    whole = {name: statistics.median(each[0] for each in rounds) for name, rounds in found.items()}
    for name, rounds in found.items():
        low, high = (f"{pick(each[0] for each in rounds) / options.calls * 1e6:.0f}" for pick in (min, max))
        own, workers = (statistics.median(each[k] for each in rounds) / options.calls * 1e6 for k in (1, 2))
        ratio = whole[name] / whole["joblib"]
        goal = f"at most {GOAL:.0f}: {'ok' if ratio <= GOAL else 'MISSED'}" if name == OURS else ""
        print(f"{name:28}{whole[name] / options.calls * 1e6:9.1f}{low + ' to ' + high:>16}{ratio:10.2f}{own:12.1f}{workers:9.1f}   {goal}")


if __name__ == "__main__":
    main()
