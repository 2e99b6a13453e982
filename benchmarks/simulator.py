"""Events a second of a simulated project in model mode, whether that stays flat, and bytes a workunit.

    python benchmarks/simulator.py                    10^4 and 10^5 workunits
    python benchmarks/simulator.py --large            also 10^6
    python benchmarks/simulator.py --fleet            300,000 workunits of quorum 2 on 3,633 hosts, 30 days

An event is a change of a workunit, result or host. Seconds are of this process on one core. A bare heapq loop and simpy
(if installed) do nothing but put off as many events: what any simulation in Python costs at least.
"""

from __future__ import annotations

import argparse
import heapq
import multiprocessing
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

from pyboinc.model import JobSettings
from pyboinc_local.fleet.faults import LIAR, NONE
from pyboinc_local.model_time import LogNormal
from pyboinc_local.project import Project, Submit
from pyboinc_local.server.rows import Config
from pyboinc_local.simulation import HostSpec, Model, Simulation

HOSTS = 3633


class Job(NamedTuple):
    name: str


def project(workunits: int, hosts: int) -> Simulation:
    """A simulation that is ready to run: its jobs take about 30 days, if there are 300,000."""
    made = Project(config=Config(one_result_per_user_per_wu=True), seed=1)
    app = made.add_app("model")
    made.add_version(app, 1, "x86_64-pc-linux-gnu")
    batch = made.add_batch(app, JobSettings(quorum=2), read=Model.read)
    simulation = Simulation(made, Model(LogNormal(13_500.0, 0.4), 1))
    for number in range(hosts):
        simulation.add_host(HostSpec(speed=0.5 + number % 11 / 10, faults=LIAR if number % 100 == 99 else NONE))
    simulation.handle(Submit(batch, [Job(f"job {number}") for number in range(workunits)]))
    return simulation


def run(workunits: int, hosts: int) -> tuple[float, int, float, int]:
    """Seconds, events, days, megabytes at most."""
    begin = time.process_time()
    simulation = project(workunits, hosts)
    simulation.run()
    return time.process_time() - begin, simulation.project.events, simulation.now / 86400, peak_megabytes()


def peak_megabytes() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (2**20 if sys.platform == "darwin" else 1024)


def bare_heapq(events: int, waiting: int) -> float:
    """Seconds an event: take the first, put the next."""
    random = Random(1).random
    heap = [(random(), number) for number in range(waiting)]
    heapq.heapify(heap)
    begin = time.process_time()
    for _ in range(events):
        now, number = heapq.heappop(heap)
        heapq.heappush(heap, (now + random(), number))
    return (time.process_time() - begin) / events


def simpy(events: int, waiting: int) -> float | None:
    try:
        import simpy as package
    except ImportError:
        return None
    random = Random(1).random
    environment = package.Environment()

    def process() -> Iterator[Any]:
        while True:
            yield environment.timeout(random())

    for _ in range(waiting):
        environment.process(process())
    begin = time.process_time()
    for _ in range(events):
        environment.step()
    return (time.process_time() - begin) / events


def memory(workunits: int) -> tuple[float, float]:
    """Bytes a workunit: of one that waits, with its results; of a purged one."""
    tracemalloc.start()
    project(0, 0)
    before = tracemalloc.get_traced_memory()[0]
    simulation = project(workunits, 0)
    waiting = (tracemalloc.get_traced_memory()[0] - before) / workunits
    tracemalloc.stop()
    archive = simulation.project.archive
    tracemalloc.start()
    for wu in simulation.project.workunits.values():
        archive.add(wu, 1.0)
    purged = tracemalloc.get_traced_memory()[0] / workunits
    tracemalloc.stop()
    return waiting, purged


def alone(function: Callable[..., Any], *arguments: object) -> Any:
    """In a process of its own, so that memory and caches start afresh."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--fleet", action="store_true")
    options = parser.parse_args()
    sizes = [300_000] if options.fleet else [10_000, 100_000, *([1_000_000] if options.large else [])]
    print(f"{'workunits':>10}{'hosts':>7}{'days':>7}{'seconds':>9}{'events':>12}{'events/s':>10}{'us/event':>10}{'MB':>7}")
    for size in sizes:
        seconds, events, days, megabytes = alone(run, size, HOSTS)
        each = seconds / events * 1e6
        print(f"{size:>10,}{HOSTS:>7,}{days:>7.1f}{seconds:>9.1f}{events:>12,}{events / seconds:>10,.0f}{each:>10.2f}{megabytes:>7}")
    print(f"\nbare heapq loop: {1 / alone(bare_heapq, 1_000_000, HOSTS):,.0f} events/s")
    rate = alone(simpy, 500_000, HOSTS)
    print(f"simpy: {1 / rate:,.0f} events/s" if rate else "simpy: not installed")
    waiting, purged = alone(memory, 20_000)
    print(f"bytes a workunit: {waiting:,.0f} waiting, with two results and its name; {purged:,.0f} purged (and its name)")


if __name__ == "__main__":
    main()
