"""The waits of clients and daemons, in virtual time."""

from dataclasses import dataclass
from itertools import pairwise

import pytest

from pyboinc.model import JobSettings
from pyboinc_local.fleet.faults import Faults
from pyboinc_local.pace import Pace
from pyboinc_local.project import Answer, Request, Submit
from pyboinc_local.simulation import HostSpec, Model
from pyboinc_local.stage import Setup, simulation

JOB = 20.0


@dataclass(frozen=True)
class Named:
    name: str


def play(pace, *specs, jobs=12, quorum=1, seconds=JOB, seed=3):
    """The simulation at its end, and each request: when, by which host, how many jobs it asked for."""
    settings = JobSettings(quorum=quorum, fpops_estimate=JOB * 1e9)
    runs = []

    def run(volunteer, wu, result):
        runs.append((made.now, volunteer.host.id))
        return Answer(seconds, 0, Model.TOKEN)

    made, batch = simulation(Setup(settings, specs or (HostSpec(),), seed, pace=pace), run, read=Model.read)
    requests = []
    handle = made.project.handle

    def watched(event, now):
        if isinstance(event, Request):
            requests.append((now, event.host.id, event.jobs))
        return handle(event, now)

    made.project.handle = watched
    made.handle(Submit(batch, [Named(f"job {number}") for number in range(jobs)]))
    made.run()
    results = [result for wu in made.project.workunits.values() for result in wu.results]
    assert all(result.validate_state == 1 for result in results if result.outcome == 1)
    return made, requests, runs


def test_a_client_keeps_a_buffer_and_fills_it_seldom():
    _, requests, runs = play(Pace(next_rpc_delay=60.0))
    assert requests[0][2] == 9, "180 seconds of jobs of 20"
    times = [now for now, _, _ in requests]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) >= 7.0, "the scheduler's delay"
    assert all((now - times[0]) % 5.0 == pytest.approx(0.0, abs=1e-6) or (now - times[0]) % 5.0 == pytest.approx(5.0) for now in times)
    starts = [now for now, _ in runs]
    assert starts[0] - times[0] == pytest.approx(3.0), "files come, and the client looks"
    assert {round(later - earlier, 6) for earlier, later in pairwise(starts)} == {21.0}, "one after the other, from the buffer"


@pytest.mark.parametrize("next_rpc_delay", [0.0, 60.0])
def test_who_gets_nothing_asks_again_when_the_project_says(next_rpc_delay):
    _, requests, _ = play(Pace(next_rpc_delay=next_rpc_delay), HostSpec(), HostSpec(), jobs=1, seconds=3000.0)
    empty = {host for _, host, _ in requests} - {min(requests)[1]}
    times = [now for now, host, _ in requests if host in empty]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    expected = next_rpc_delay or 600.0
    assert expected <= gaps[0] < expected + 5.0


def test_what_is_done_is_reported_at_the_next_call():
    made, _, runs = play(Pace(), jobs=1)
    [wu] = made.project.workunits.values()
    [result] = wu.results
    assert runs[0][0] + JOB + 2.0 <= result.received_time <= runs[0][0] + JOB + 2.0 + 5.0
    assert 0.0 <= made.until_delivered() <= 15.0 and 0.0 <= made.until_sent() <= 10.0


def test_a_client_whose_tasks_fail_keeps_silent_for_longer_and_longer():
    hosts = [HostSpec(faults=Faults(crash=1.0))] * 4  # one more than a job may have errors
    made, requests, runs = play(Pace(next_rpc_delay=5.0), *hosts, jobs=3)
    host = runs[0][1]
    starts = [now for now, each in runs if each == host]
    calls = [now for now, each, _ in requests if each == host]
    assert len(starts) == 3 and made.project.open == 0
    silent = max(later - earlier for earlier, later in pairwise(calls))
    assert 8 * 60.0 / 2 < silent < 8 * 60.0 + 4 * JOB, "three errors: 60 s doubled three times, down to half of it by chance"


def test_faults_happen_to_patient_clients_too():
    specs = [HostSpec(ncpus=2, faults=Faults(crash=0.2, lost=0.1, late=0.1, duplicate=0.2)) for _ in range(9)]
    made, _, _ = play(Pace(next_rpc_delay=60.0), *specs, jobs=40, quorum=2)
    assert made.project.open == 0
    first, second = (play(Pace(next_rpc_delay=60.0), *specs, jobs=40, quorum=2)[0].now for _ in range(2))
    assert first == second == made.now
