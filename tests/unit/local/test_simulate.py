"""`pyboinc simulate`, `estimate` and `fleets`, as a user runs them; and what the figures mean."""

import json
import os
import re
import subprocess
import sys

import pytest

from pyboinc.model import JobSettings
from pyboinc_local.fleet import estimate as estimating
from pyboinc_local.fleet import hosts, schema, study
from pyboinc_local.fleet.estimate import Sample, estimate
from pyboinc_local.fleet.tell import span
from pyboinc_local.model_time import Fixed
from pyboinc_local.project import Submit
from pyboinc_local.simulation import Model
from pyboinc_local.stage import Setup

FLEET = """
description = "</title><script>alert(1)</script>"
[[hosts]]
number = 8
[[hosts]]
name = "<img src=x onerror=alert(2)>"
number = 2
platform = "windows_x86_64"
profile = "native"
wrong = 1.0
duplicate = 0.5
"""
MASTER = """
total = 0
def make_calls():
    for i in range(20): pyboinc_call("app_slave.py", Input(i))
def handle_result(output):
    global total
    total += output.value
    if output.value == 49: pyboinc_call("app_slave.py", Input(100))
pyboinc_master(make_calls, handle_result)
print("the answer is", total)
"""
ANSWER = f"the answer is {sum(i * i for i in range(20)) + 10_000}"


@pytest.fixture
def squares(app):
    app.slave("pyboinc_return_output(Output(value * value))")
    app.master(MASTER)
    app.write("fleet.toml", FLEET)
    return app


def pyboinc(app, *arguments, status=0, **environment):
    command = [sys.executable, "-c", "from pyboinc.cli import main; main()", *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC")} | environment
    ran = subprocess.run(command, cwd=app.folder, env=clean, capture_output=True, text=True, timeout=120)
    assert ran.returncode == status, ran.stderr
    return ran


def test_a_program_on_a_fleet(squares):
    before = sorted(os.listdir(squares.folder))
    arguments = ("simulate", "app_master.py", "--fleet", "fleet.toml", "--quorum", "2", "--seed", "7")
    ran = pyboinc(squares, *arguments, "--log", "a.jsonl", "--report", "page.html")
    assert ran.stdout.startswith(ANSWER + "\n\non the fleet fleet, seed 7: quorum 2")
    assert "wrong results accepted      0" in ran.stdout and "quorum = 1" in ran.stdout
    assert sorted(os.listdir(squares.folder)) == sorted([*before, "a.jsonl", "page.html"]), "nothing else is left"

    again = pyboinc(squares, *arguments, "--log", "b.jsonl", "--json", "--no-trials", PYTHONHASHSEED="5")
    assert ANSWER in again.stderr
    told = json.loads(again.stdout)
    assert (squares.folder / "a.jsonl").read_bytes() == (squares.folder / "b.jsonl").read_bytes(), "one seed, one course"
    events = [json.loads(line) for line in (squares.folder / "a.jsonl").read_text().splitlines()]
    assert told["jobs"] == 21 == sum(each["event"] == "workunit" for each in events), "one was made by a handler"
    assert told["results"]["sent"] == sum(each["event"] == "sent" for each in events)
    assert told["results"]["disagreed"] == sum(each["event"] == "checked" and each["validate"] == 2 for each in events) > 0
    assert told["results"]["agreed"] == sum(each["event"] == "checked" and each["validate"] == 1 for each in events)
    assert told["results"]["refused_reports"] == sum(each["event"] == "refused" for each in events) > 0
    assert told["simulated_seconds"] == max(each["t"] for each in events if each["event"] == "assimilated")
    assert told["truth"] == {
        "wrong_accepted": 0,
        "wrong_credited": 0,
        "honest_refused": 0,
        "jobs_on_which_honest_hosts_disagree": 0,
    }
    pymw = told["pymw"]
    assert pymw["num_total_workers"] == told["hosts"] == 10 and pymw["num_executed_tasks"] == told["results"]["sent"]
    assert pymw["total_cpu_time"] == pytest.approx(told["time"]["total"])
    assert pymw["mean_wall_time"] >= pymw["mean_cpu_time"] > 0 and pymw["median_cpu_time"] > 0 and pymw["stddev_wall_time"] > 0
    assert set(told["time"]) == {"total", "canonical", "replication", "lost"} and told["time"]["lost"] > 0

    page = (squares.folder / "page.html").read_text()
    assert "<script" not in page and "<img" not in page and "&lt;script&gt;" in page and "&lt;img src=x" in page
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)[1]
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    assert page.count("<svg") == 4 and " style=" not in page and "http:" not in page and "https:" not in page
    assert "prefers-color-scheme:dark" in page


def test_without_a_quorum_it_knows_that_the_answer_is_wrong(squares):
    ran = pyboinc(squares, "simulate", "app_master.py", "--fleet", "fleet.toml", "--hosts", "4", "--seed", "1")
    assert ANSWER not in ran.stdout and "the answer may be wrong" in ran.stdout
    assert re.search(r"quorum = 2 .* better: |quorum = 2 .*results are checked, fewer wrong results", ran.stdout)


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("--fleet", "voluntiers"), "there is no fleet 'voluntiers'"),
        (("--fleet", "fleet.toml", "--report", "nowhere/a.html"), "there is no folder"),
        (("--fleet", "fleet.toml", "--quorum", "3", "--hosts", "2"), "The quorum is 3, of different volunteers, and there are 2"),
        ((), "missing option '--fleet'"),
    ],
)
def test_what_is_refused(squares, arguments, told):
    assert told in pyboinc(squares, "simulate", "app_master.py", *arguments, status=2).stderr


def test_failed_calls_are_told_and_the_figures_too(squares):
    squares.slave("1 / (value - 5)\npyboinc_return_output(Output(value * value))")
    ran = pyboinc(squares, "simulate", "app_master.py", "--fleet", "fleet.toml", "--quorum", "2", "--no-trials", status=1)
    assert "ZeroDivisionError" in ran.stderr and "jobs                        21" in ran.stdout


def test_a_fleet_in_pyboinc_toml(squares):
    squares.write("pyboinc.toml", '[job]\nquorum = 2\n[local]\nfleet = "fleet.toml"\nhosts = 5\n')
    assert squares.run()[0] == ANSWER + "\n"
    squares.write("pyboinc.toml", '[local]\nfleet = "fleet.toml"\n[[local.hosts]]\nnumber = 1\n')
    assert "the number of hosts, as fleet says what they are like" in squares.run("--fresh", status=2)[1]


def test_an_estimate(squares):
    ran = pyboinc(squares, "estimate", "app_master.py", "--fleet", "lab", "--sample", "3", "--seeds", "3", "--json")
    told = json.loads(ran.stdout)
    assert told["jobs"] == 20 and told["sampled"] == 3 and told["simulations"] == 3 and told["hosts"] == 40
    assert 0 < told["done_seconds"]["least"] <= told["done_seconds"]["median"] <= told["done_seconds"]["most"]
    assert ANSWER not in ran.stderr, "it ends before it has one"


def test_what_an_estimate_is_made_of(monkeypatch):
    """A job takes 100 s here, a computer of speed 4; so 400 s on a host of speed 1, of which there are ten."""
    fleet = schema.parse("[[hosts]]\nnumber = 10", "a.toml")
    setup = Setup(JobSettings(), ())
    found = estimate(Sample((100.0,), 1000, setup), fleet, None, 1, 3, 4.0)
    assert found.done == (40_000.0,) * 3 and found.nearly[0] == pytest.approx(0.99 * 40_000)
    assert found.week == 1, "one host needs 400,000 s, and a week has 604,800"
    assert estimate(Sample((1000.0,), 1000, setup), fleet, None, 1, 2, 4.0).week == 7
    shown = "\n".join(found.lines())
    assert "1,000 jobs; 1 took 100 s here" in shown and "done on 10 hosts of a in 11.1 h: 11.1 h to 11.1 h in 3 simulations" in shown
    monkeypatch.setattr(estimating, "MOST_JOBS", 200)
    large = estimate(Sample((1000.0,), 1600, setup), fleet, 400, 1, 2, 4.0)
    assert large.scale == 8 and large.done[0] == pytest.approx(16_000)


def test_fleets_are_listed(app):
    shown = pyboinc(app, "fleets").stdout
    for name in schema.ready():
        assert name in shown


def played(fleet, settings, jobs=40, run=None):
    setup = Setup(settings, hosts.hosts(schema.parse(fleet, "a.toml"), 1), 1)
    done = study.play(setup, run or Model(Fixed(100.0), 1), read=Model.read)
    done.simulation.handle(Submit(done.batch, [Job(f"{number}") for number in range(jobs)]))
    done.simulation.run()
    return done.tally


class Job:
    def __init__(self, name):
        self.name = name


def test_where_the_computing_goes():
    tally = played("[[hosts]]\nnumber = 4", JobSettings(quorum=2))
    assert (tally.total_time, tally.useful, tally.valid_time) == (8000.0, 4000.0, 8000.0)
    assert tally.summary()["time"] == {"total": 8000.0, "canonical": 4000.0, "replication": 4000.0, "lost": 0.0}
    assert tally.results_of_jobs == {2: 40} and tally.pairs == {("x86_64-pc-linux-gnu", "x86_64-pc-linux-gnu"): [40, 40]}
    assert tally.last == tally.ended[-1] == 2000.0


def test_broken_uploads_are_invalid_and_lost_results_never_come():
    tally = played("[[hosts]]\nnumber = 20\ntruncated = 0.2\nlost = 0.1\nlate = 0.1\ndoubled = 0.1", JobSettings(deadline=5000.0))
    assert tally.invalid > 5 and tally.disagreed == 0 and tally.wrong_accepted == 0
    assert tally.late > 0 and tally.no_reply > tally.late


def test_hosts_that_leave_are_replaced():
    tally = played("[[hosts]]\nnumber = 5\nlife = 'exponential 500'", JobSettings(deadline=3000.0), jobs=100)
    assert tally.hosts_left > 5 and tally.summary()["hosts"] == 5 and tally.no_reply > 0
    tally = played("[[hosts]]\nnumber = 5\nlife = 'exponential 500'\ndetaches = true", JobSettings(deadline=3000.0), jobs=100)
    assert tally.hosts_left > 5 and tally.no_reply == 0, "who says so is not waited for"


def test_what_is_tried_fits_the_settings():
    for settings in (JobSettings(own_hosts_only=True), JobSettings(quorum=2, replication=3), JobSettings(quorum=3)):
        setup = Setup(settings, hosts.hosts(schema.parse("[[hosts]]\nnumber = 5", "a.toml"), 1), 1)
        tried = dict(study._alternatives(setup, played("[[hosts]]\nnumber = 5", settings)))
        assert tried and all(each != setup for each in tried.values())
        assert not settings.own_hosts_only or not any("quorum" in change for change in tried)


def test_a_clock_that_is_ahead_of_the_deadline_aborts():
    patient = JobSettings(deadline=4000.0, max_error_results=30, max_total_results=40)
    tally = played("[[hosts]]\nnumber = 10\nclock_skew = '1d'\n[[hosts]]\nnumber = 5", patient)
    assert tally.errors > 0 and tally.canonical == 40 and not tally.failed


def test_spans():
    assert [span(each) for each in (0, 59, 60, 3599, 7200, 86400 * 1.5, 86400 * 3, 86400 * 800)] == [
        "0 s", "59 s", "1.0 min", "60.0 min", "2.0 h", "36.0 h", "3.0 days", "2.2 years"
    ]  # fmt: skip
