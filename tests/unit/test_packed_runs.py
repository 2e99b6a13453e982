"""Jobs of several calls, run as a user runs them."""

import json
import sys

import pytest

SLAVE = "from pyboinc import pyboinc_get_input, pyboinc_return_output\nvalue = pyboinc_get_input()\n"
MASTER = "import sys, time\nfrom pyboinc import pyboinc_call, pyboinc_master\ngot = []\n"


@pytest.mark.skipif(sys.platform == "win32", reason="os._exit of a worker there is not tested")
def test_a_slave_that_dies_goes_on_from_its_last_finished_call(app):
    (app.folder / "runs").mkdir()
    app.slave(
        """
import os, time
note = os.path.join(*value)
with open(note, "a") as file: file.write("x")
if value[1] == "16": time.sleep(1.2)
if value[1] == "17" and os.path.getsize(note) == 1: os._exit(9)
pyboinc_return_output(int(value[1]))
""",
        head=SLAVE,
    )
    app.master(
        f"""
def make_calls():
    for i in range(40): pyboinc_call("app_slave.py", ({str(app.folder / "runs")!r}, str(i)))
pyboinc_master(make_calls, got.append, job={{"calls_per_job": 40}})
print(got == list(range(40)))
""",
        head=MASTER,
    )
    assert app.run()[0] == "True\n"
    runs = {path.name: len(path.read_text()) for path in (app.folder / "runs").iterdir()}
    assert runs == {str(i): 2 if i == 17 else 1 for i in range(40)}


def test_every_result_of_a_packed_batch_survives_a_kill(app):
    app.slave("pyboinc_return_output(value * value)", head=SLAVE)
    app.master(
        """
def make_calls():
    for i in range(3000):
        pyboinc_call("app_slave.py", i)
        yield
def handle_result(value):
    got.append(value)
    if "--hang" in sys.argv and len(got) == 1000:
        print("handled", flush=True)
        time.sleep(600)
pyboinc_master(make_calls, handle_result, job={"calls_per_job": 100}, in_flight=500)
print(len(got), sum(got))
""",
        head=MASTER,
    )
    process = app.start("--hang", "--quiet")
    assert process.stdout.readline() == "handled\n"
    process.kill()
    process.communicate()
    journal = app.folder / "pyboinc_journal"
    before = [json.loads(line) for line in journal.read_text().splitlines()]
    assert app.run()[0] == f"3000 {sum(i * i for i in range(3000))}\n"
    after = [json.loads(line) for line in journal.read_text().splitlines()]
    assert after[: len(before)] == before
    made = [(entry[1], len(entry[3])) for entry in after if entry[0] == "made"]
    assert sum(count for _, count in made) == 3000 and len(made) == len(dict(made)) < 60, "each call in one job, once"
