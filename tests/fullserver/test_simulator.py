"""The simulator against the truth: the same jobs on a real project with four clients, and simulated on hosts of the same speed.

    python3 noxfile.py -s integration -- --boinc-project DIR -k simulation -s

shows both, side by side. The simulated hosts know of the real ones how many processors they have and how long a job takes them;
the settings of the project; and of BOINC's source how its clients and daemons wait (`pyboinc_local.pace`).
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from pyboinc.model import JobSettings
from pyboinc_local.pace import Pace
from pyboinc_local.project import Answer, Submit
from pyboinc_local.simulation import HostSpec, Model
from pyboinc_local.stage import Setup, simulation

SEEDS = range(25)  # of the simulation: its median is compared
CRASH = 3  # exit status
SLAVE = """
import os, time
from pyboinc import pyboinc_get_input, pyboinc_return_output
number, seconds, crashes = pyboinc_get_input()
time.sleep(seconds)
if crashes:
    os._exit({CRASH})
pyboinc_return_output(number)
"""
MASTER = """
from pyboinc import pyboinc_call, pyboinc_master
total = failed = 0
def make_calls():
    for number in range({jobs}):
        pyboinc_call("app_slave.py", (number, {seconds}, number in {crashing}))
def handle_result(output):
    global total
    total += output
def handle_error(call, error):
    global failed
    failed += 1
pyboinc_master(make_calls, handle_result, handle_error, job={settings!r})
print(total, failed)
"""


class Case(NamedTuple):
    """processors: of each host.  seconds: that a job takes.  crashing: numbers of the jobs that end with an error on each host."""

    processors: tuple[int, ...]
    jobs: int
    seconds: int
    settings: dict[str, Any]
    crashing: frozenset[int] = frozenset()

    def all_settings(self) -> dict[str, Any]:
        """Clients without a benchmark take themselves for 1e9 operations a second."""
        return {**self.settings, "fpops_estimate": self.seconds * 1e9}


CASES = {
    "all well": Case((1, 2, 2, 3), 60, 20, {"quorum": 2}),
    "a job that crashes": Case((1, 2, 3, 2), 40, 20, {"quorum": 3, "max_error_results": 2}, frozenset({0})),
}


@dataclass(frozen=True)
class Course:
    """What became of the jobs. received, delivered: seconds from the making of the first until the last of each.

    workunits, results: how many rows there are in each state.
    """

    received: float
    delivered: float
    workunits: Counter
    results: Counter


def real(server, folder, case):
    """The course of a batch, and for each host its processors and how long a job took it."""
    begun = time.time()
    assert server.run(folder) == f"{sum(set(range(case.jobs)) - case.crashing)} {len(case.crashing)}\n"
    ended = time.time()
    batch = server.batch(folder)
    [(created,)] = server.rows("SELECT MIN(create_time) FROM workunit WHERE batch = %s", batch)
    [(received,)] = server.rows("SELECT MAX(received_time) FROM result WHERE batch = %s", batch)
    workunits = server.rows("SELECT canonical_resultid > 0, error_mask, assimilate_state FROM workunit WHERE batch = %s", batch)
    results = server.rows("SELECT server_state, outcome, validate_state FROM result WHERE batch = %s", batch)
    sql = "SELECT hostid, elapsed_time FROM result WHERE batch = %s AND outcome = 1"
    times = {}
    for host, elapsed in server.rows(sql, batch):
        times.setdefault(host, []).append(elapsed)
    known = dict(server.rows("SELECT id, p_ncpus FROM host"))
    assert begun - 5 < created
    course = Course(received - created, ended - created, Counter(workunits), Counter(results))
    return course, [(known[host], statistics.mean(each)) for host, each in sorted(times.items())]


def simulated(config, crowd, seed, case):
    """The course that simulated hosts take: for each its processors and how long a job takes it."""
    interval = config.min_sendwork_interval
    pace = Pace(request_delay=max(1.01 * interval, interval + 1), next_rpc_delay=config.next_rpc_delay)
    settings = JobSettings(**case.all_settings())
    specs = tuple(HostSpec(ncpus=processors, userid=number) for number, (processors, _) in enumerate(crowd, 1))

    def run(volunteer, wu, result):
        seconds = crowd[volunteer.host.id - 1][1]
        return Answer(seconds, CRASH, None) if wu.job.number in case.crashing else Answer(seconds, 0, Model.TOKEN)

    made, batch = simulation(Setup(settings, specs, seed, pace=pace), run, read=Model.read)
    while made.now < 60:  # they wait for work already
        made.step()
    created = made.now - made.until_sent()
    jobs = [Named(f"job {number}", number) for number in range(case.jobs)]
    made.handle(Submit(batch, jobs))
    delivered = 0.0
    while made.advance():
        delivered = max(delivered, made.now + made.until_delivered())
    rows = made.project.workunits.values()
    results = [result for wu in rows for result in wu.results]
    received = max(each.received_time for each in results)
    return Course(
        received - created,
        delivered - created,
        Counter((int(wu.canonical_resultid > 0), wu.error_mask, wu.assimilate_state) for wu in rows),
        Counter((each.server_state, each.outcome, each.validate_state) for each in results),
    )


@dataclass(frozen=True)
class Named:
    name: str
    number: int


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_simulation_takes_the_same_course(case, server, join, tmp_path):
    join(*({"ncpus": each, "buffer": 0} for each in case.processors))
    (tmp_path / "app_slave.py").write_text(SLAVE.replace("{CRASH}", str(CRASH)))
    words = {"jobs": case.jobs, "seconds": case.seconds, "settings": case.all_settings(), "crashing": sorted(case.crashing)}
    (tmp_path / "app_master.py").write_text(MASTER.format(**words))
    truth, there = real(server, tmp_path, case)
    courses = sorted((simulated(server.config, there, seed, case) for seed in SEEDS), key=lambda each: each.received)
    model = courses[len(courses) // 2]
    hosts = [(processors, round(seconds, 1)) for processors, seconds in there]
    print(f"\n{case.jobs} jobs of {case.seconds} s, {case.settings}; hosts (processors, seconds a job took): {hosts}")
    print(f"{'':24}{'real':>10}{'simulated':>12}{'(of seeds)':>18}")
    for name in ("received", "delivered"):
        one, other, every = getattr(truth, name), getattr(model, name), sorted(getattr(each, name) for each in courses)
        print(f"last result {name:12}{one:8.0f} s{other:10.0f} s{every[0]:10.0f} to {every[-1]:.0f}   {100 * (other / one - 1):+.1f} %")
    for name in ("workunits", "results"):
        print(f"{name:24}{dict(getattr(truth, name))!s}  {dict(getattr(model, name))!s}")
    assert model.workunits == truth.workunits
    if case.crashing:  # of a job that has failed, what is on its way then is chance
        for state in model.results.keys() | truth.results.keys():
            counts = [each.results[state] for each in courses]
            assert min(counts) <= truth.results[state] <= max(counts), state
    else:
        assert model.results == truth.results
    assert abs(model.received / truth.received - 1) < 0.1 and abs(model.delivered / truth.delivered - 1) < 0.1
