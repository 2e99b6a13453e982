"""Whole runs with simulated volunteers: `python app_master.py --quorum 2 --hosts 5`, and pyboinc.toml."""

import glob
import hashlib
import json
import os
import subprocess
import sys

import pytest

from pyboinc.model import SettingsError
from pyboinc_local import options

RUN = """
def make_calls():
    for i in range(40): pyboinc_call("app_slave.py", Input(i))
pyboinc_master(make_calls, handle_result)
print(sorted(outputs) == [i * i for i in range(40)])
"""
HOSTS = """
[local]
event_log = "events.jsonl"
[[local.hosts]]
number = 4
[[local.hosts]]
number = {liars}
platform = "windows_x86_64"
honest = false
speed = 3.0
"""


@pytest.fixture
def squares(app):
    app.slave("pyboinc_return_output(Output(value * value))")
    app.master(RUN)
    return app


def pyboinc(app, *arguments):
    command = [sys.executable, "-c", "from pyboinc.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=app.folder, capture_output=True, text=True, check=True).stdout


def events(app):
    return (app.folder / "events.jsonl").read_text()


def test_a_quorum_on_simulated_hosts(squares):
    assert squares.run("--quorum", "2", "--hosts", "5")[0] == "True\n"


def test_a_wrong_host_is_outvoted(squares):
    squares.write("pyboinc.toml", "[job]\nquorum = 2\n" + HOSTS.format(liars=1))
    assert squares.run()[0] == "True\n"
    assert events(squares).count('"validate":2') > 3
    told = [result for name in squares.results() for record in squares.records(name) for result in record.results]
    assert {result.host for result in told} == {"host 5"} and {result.validate_state for result in told} == {2}
    (liar,) = json.loads(pyboinc(squares, "errors", "--json"))["outvoted"]
    assert set(liar) == {"host", "positions"} and liar["host"] == "host 5" and len(liar["positions"]) == len(told)
    shown = pyboinc(squares, "errors")
    assert "outvoted" in shown and f"host 5: {len(told)}, of calls" in shown


def test_liars_that_make_a_quorum_of_their_own_are_not_believed_unless_they_agree(squares):
    squares.write("pyboinc.toml", "[job]\nquorum = 2\nmax_total_results = 20\nmax_success_results = 20\n" + HOSTS.format(liars=3))
    assert squares.run()[0] == "True\n", "each lies in its own way, so no two of them agree"


def test_without_a_quorum_a_wrong_host_is_believed(squares):
    squares.write("pyboinc.toml", HOSTS.format(liars=1))
    assert squares.run()[0] == "False\n"


def test_no_quorum_is_an_error_that_says_so(squares):
    squares.master(RUN.replace("handle_result)", "handle_result, lambda call, error: print(error.error_mask, len(error.results)))"))
    squares.write("pyboinc.toml", "[job]\nquorum = 2\nmax_success_results = 2\n[local]\n[[local.hosts]]\nnumber = 3\nhonest = false\n")
    assert squares.run()[0].startswith("4 "), "too many success results"


def test_one_seed_one_log(squares, tmp_path):
    squares.write("pyboinc.toml", "[job]\nquorum = 2\n" + HOSTS.format(liars=1).replace("[local]", "[local]\nseed = 7"))
    logs = set()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for hash_seed, folder in (("0", squares.folder), ("1", elsewhere)):
        os.environ["PYTHONHASHSEED"] = hash_seed
        try:
            squares.run("--batch", str(folder))
        finally:
            del os.environ["PYTHONHASHSEED"]
        logs.add((folder / "events.jsonl").read_bytes())
    assert len(logs) == 1
    squares.write("pyboinc.toml", "[job]\nquorum = 2\n" + HOSTS.format(liars=1).replace("[local]", "[local]\nseed = 8"))
    squares.run("--fresh")
    assert (squares.folder / "events.jsonl").read_bytes() not in logs


PYTHONS = [path for version in ("3.12", "3.13") for path in glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*/bin/python"))]


@pytest.mark.skipif(not PYTHONS, reason="no other Python here")
def test_one_seed_one_log_under_other_pythons(squares):
    squares.write("pyboinc.toml", "[job]\nquorum = 2\n" + HOSTS.format(liars=1))
    import click
    import pluggy
    import rich

    import pyboinc
    import pyboinc_assimilator
    import pyboinc_local
    import pyboinc_validator

    modules = (click, pluggy, rich, pyboinc, pyboinc_local, pyboinc_validator, pyboinc_assimilator)
    paths = {os.path.dirname(os.path.dirname(module.__file__)) for module in modules}
    squares.run()
    expected = hashlib.sha256(events(squares).encode()).hexdigest()
    code = (
        "import runpy, sys\nfrom pyboinc import plugins\nfrom pyboinc_local.plugin import LocalBackend\nimport pyboinc_validator.plugin\n"
        "found = {'local': LocalBackend, 'validator': pyboinc_validator.plugin}\n"
        "plugins.installed = lambda: [plugins.Plugin(name, '', '', module) for name, module in found.items()]\n"
        "sys.path.insert(0, '.')\nrunpy.run_path('app_master.py', run_name='__main__')"
    )
    for python in PYTHONS:
        ran = subprocess.run(
            [python, "-c", code, "--fresh", "--quiet"],
            cwd=squares.folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sorted(paths))},
            capture_output=True,
            text=True,
        )
        assert ran.stdout == "True\n", ran.stderr
        assert hashlib.sha256(events(squares).encode()).hexdigest() == expected


def test_the_seed_is_in_errors(squares):
    squares.write("pyboinc.toml", "[job]\nquorum = 3\n[local]\nhosts = 2\nseed = 1234\n")
    _, stderr = squares.run(status=2)
    assert "no host can do what is left" in stderr and "seed 1234" in stderr


def test_app_exceptions_agree_on_honest_hosts(squares):
    squares.slave("1 / (value - 5)\npyboinc_return_output(Output(value * value))")
    _, stderr = squares.run("--quorum", "2", "--hosts", "4", status=1)
    assert "1 of 40 calls failed" in stderr and "ZeroDivisionError" in stderr


def test_a_host_fault_fails_everywhere(squares):
    squares.slave("import os\nif value == 5: os._exit(3)\npyboinc_return_output(Output(value * value))")
    _, stderr = squares.run("--quorum", "2", "--hosts", "9", status=1)
    assert "1 of 40 calls failed" in stderr and "too many of its results ended in an error" in stderr


def test_a_tolerance_comparator(squares):
    squares.slave("pyboinc_return_output(Output(float(value * value)))")
    squares.write("pyboinc.toml", '[job]\nquorum = 2\ncomparator = "tolerance:absolute=10"\n' + HOSTS.format(liars=1))
    squares.run()
    assert events(squares).count('"validate":2') == 0, "this liar adds less than that"
    squares.write("pyboinc.toml", '[job]\ncomparator = "bitwize"\n[local]\nhosts = 2\n')
    assert "did you mean 'bitwise'" in squares.run("--fresh", status=2)[1]


def test_adaptive_replication_sends_less(squares):
    log = {}
    for adaptive in (0, 2):
        quorum = 1 if adaptive else 2
        squares.write("pyboinc.toml", f'[job]\nquorum = {quorum}\n[local]\nhosts = 3\nadaptive = {adaptive}\nevent_log = "events.jsonl"\n')
        squares.master(RUN.replace("range(40)", "range(300)"))
        assert squares.run("--fresh")[0] == "True\n"
        log[adaptive] = events(squares).count('"event":"sent"')
    assert 300 < log[2] < log[0] == 600


def test_model_mode_runs_no_slave(squares):
    squares.slave("raise SystemExit('never run')")
    squares.write("pyboinc.toml", '[local]\nhosts = 5\nslave = "model"\nrun_time = "exponential 600"\n')
    squares.master(
        "from app_types import Input\nfrom pyboinc import pyboinc_call, pyboinc_master\noutputs = []\n"
        "def make_calls():\n    for i in range(1000): pyboinc_call('app_slave.py', Input(i))\n"
        "pyboinc_master(make_calls, outputs.append)\nprint(outputs == [None] * 1000)",
        head="",
    )
    assert squares.run()[0] == "True\n"


def test_interrupted_and_resumed(squares, wait_for):
    import signal

    squares.slave("import time\ntime.sleep(0.05)\npyboinc_return_output(Output(value * value))")
    process = squares.start("--quorum", "2", "--hosts", "5")
    wait_for(lambda: len(squares.results()) > 3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert squares.run("--quorum", "2", "--hosts", "5")[0] == "True\n"


def test_a_quorum_needs_hosts(squares):
    assert "--hosts 5" in squares.run("--quorum", "2", status=2)[1]


@pytest.mark.parametrize(
    "table, match",
    [
        ({"worker": 1}, "unknown key 'worker'; did you mean 'workers'"),
        ({"workers": 0}, "workers = 0: must be a whole number, at least 1"),
        ({"hosts": 0}, "hosts = 0"),
        ({"hosts": []}, "hosts"),
        ({"hosts": [{"nmber": 1}]}, r"\[\[local.hosts\]\] number 1: unknown key 'nmber'; did you mean 'number'"),
        ({"hosts": [{"platform": "amiga"}]}, "platform = 'amiga': must be 'x86_64-pc-linux-gnu'"),
        ({"hosts": [{"speed": 0}]}, "speed = 0: must be a number above 0"),
        ({"hosts": [{"honest": "no"}]}, "honest = 'no': must be true or false"),
        ({"slave": "modl"}, "slave = 'modl': must be 'real' or 'model'"),
        ({"run_time": "sometimes"}, "run time 'sometimes'"),
        ({"run_time": ""}, "run time ''"),
        ({"hr": "medium"}, "hr = 'medium'"),
        ({"adaptive": -1}, "adaptive = -1"),
        ({"seed": "x"}, "seed = 'x'"),
        ({"event_log": 3}, "event_log = 3"),
        ({"one_result_per_user_per_wu": 1}, "true or false"),
    ],
)
def test_options_are_checked(table, match):
    with pytest.raises(SettingsError, match=match):
        options.read(table, "/")


def test_options():
    found = options.read({"hosts": [{"number": 2, "speed": 2, "platform": "windows_x86_64"}, {"honest": False}], "event_log": "a"}, "/b")
    assert [(host.platforms[0], host.speed, host.faults.wrong) for host in found.hosts] == [
        ("windows_x86_64", 2.0, 0.0),
        ("windows_x86_64", 2.0, 0.0),
        ("x86_64-pc-linux-gnu", 1.0, 1.0),
    ]
    assert found.event_log == os.path.join("/b", "a")


def test_a_comparator_of_the_users_own(squares):
    squares.write("close.py", "def same(a, b):\n    return abs(a.fields['value'] - b.fields['value']) < 10\n")
    squares.write("pyboinc.toml", '[job]\nquorum = 2\ncomparator = "close:same"\n' + HOSTS.format(liars=1))
    squares.run()
    assert events(squares).count('"validate":2') == 0
    squares.write("close.py", "def same(a, b):\n    return a.filds == b.filds\n")
    assert "close:same" in (stderr := squares.run("--fresh", status=2)[1]) and "filds" in stderr


def test_a_repeated_run_leaves_the_event_log(squares):
    squares.write("pyboinc.toml", "[job]\nquorum = 2\n" + HOSTS.format(liars=1))
    squares.run()
    before = events(squares)
    squares.run()
    assert events(squares) == before


def test_max_output_and_the_comparator_hold_in_both_modes(squares):
    for local in ("", "[local]\nhosts = 3\n"):
        squares.write("pyboinc.toml", "[job]\nmax_output = 10\nmax_error_results = 0\n" + local)
        assert "max_output is 10" in squares.run("--fresh", status=1)[1]
        squares.write("pyboinc.toml", '[job]\ncomparator = "nonsense"\n' + local)
        assert "nonsense" in squares.run("--fresh", status=2)[1]
