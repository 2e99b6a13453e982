"""Fleets: how long simulations of whole projects take, and their memory.

    python benchmarks/fleets.py             a project of LHC@home's size; 100,000 hosts; the sunspots on 200 volunteers
    python benchmarks/fleets.py lhc         one of lhc, large, sunspots

The first two are in model mode: no slave runs. Each is a process of its own on one core, and seconds are of its processor. The
third is `pyboinc simulate` as a user calls it, slaves included, in seconds of the clock.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from simulator import peak_megabytes

from pyboinc.model import JobSettings
from pyboinc_local.fleet import hosts, schema
from pyboinc_local.fleet.study import play
from pyboinc_local.model_time import LogNormal
from pyboinc_local.project import Submit
from pyboinc_local.simulation import Model
from pyboinc_local.stage import Setup

SUNSPOTS = Path(__file__).parents[1] / "examples" / "sunspots"


class Job(NamedTuple):
    name: str


def project(number: int, jobs: int, run_time: float) -> str:
    """`jobs` workunits of quorum 2 on as many of the fleet `volunteers`; a job takes run_time seconds at speed 1."""
    begin = time.process_time()
    fleet = hosts.scaled(schema.load("volunteers"), number)
    setup = Setup(JobSettings(quorum=2, deadline=14 * 86400.0), hosts.hosts(fleet, 1), 1)
    played = play(setup, Model(LogNormal(run_time, 0.4), 1), read=Model.read)
    played.simulation.handle(Submit(played.batch, [Job(f"job {each}") for each in range(jobs)]))
    played.simulation.run()
    seconds, tally, events = time.process_time() - begin, played.tally, played.simulation.project.events
    days = sorted(tally.ended)[int(0.99 * len(tally.ended))] / 86400
    return (
        f"{number:>8,}{jobs:>10,}{days:>10.1f}{tally.last / 86400:>8.1f}{tally.results_sent:>11,}{seconds:>9.1f}{peak_megabytes():>7}"
        f"{seconds / events * 1e6:>10.2f}"
    )


def sunspots() -> float:
    """Seconds of the clock."""
    with tempfile.TemporaryDirectory() as folder:
        app = shutil.copytree(SUNSPOTS, Path(folder, "sunspots"))
        command = [sys.executable, "-c", "from pyboinc.cli import main; main()", "simulate", "app_master.py", "--fleet", "volunteers"]
        begin = time.monotonic()
        subprocess.run([*command, "--hosts", "200", "--quorum", "2", "--seed", "7"], cwd=app, check=True)
        return time.monotonic() - begin


def alone(function: Callable[..., Any], *arguments: object) -> Any:
    """In a process of its own, so that memory and caches start afresh."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", nargs="*", default=["lhc", "large", "sunspots"], choices=["lhc", "large", "sunspots"])
    which = parser.parse_args().which
    if {"lhc", "large"} & set(which):
        print("   hosts workunits 99 % days    days    results  seconds     MB  us/event", flush=True)
    if "lhc" in which:
        print(alone(project, 3_633, 300_000, 200_000.0), "  goal: 60 s, 1,000 MB", flush=True)
    if "large" in which:
        print(alone(project, 100_000, 300_000, 200_000.0), flush=True)
    if "sunspots" in which:
        print(f"sunspots on 200 volunteers: {sunspots():.1f} s  goal: 60 s")


if __name__ == "__main__":
    main()
