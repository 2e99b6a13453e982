"""`pyboinc check`, as a user runs it."""

import json
import math
import re
import subprocess
import sys

import pytest

from pyboinc_local import platforms

MASTER = """
def make_calls():
    for value in {values!r}: pyboinc_call("app_slave.py", Input(value))
pyboinc_master(make_calls, handle_result)
print("it is done")
"""


def check(app, *arguments, status):
    command = [sys.executable, "-c", "from pyboinc.cli import main; main()", "check", "app_master.py", *arguments]
    ran = subprocess.run(command, cwd=app.folder, capture_output=True, text=True, timeout=120)
    assert ran.returncode == status, ran.stdout + ran.stderr
    assert status or "Traceback" not in ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def exponents():
    """Arguments at which this computer's exp and musl's are the same, and at which they are not."""
    musl = platforms.load("linux-musl").math.exp
    arguments = [k / 1013.0 for k in range(1, 40_000)]
    different = [x for x in arguments if musl(x) != math.exp(x)][:2]
    if not different:
        pytest.skip("this computer's exp is musl's")
    return arguments[0], different


def test_the_operation_is_found(app, exponents):
    same, different = exponents
    app.slave("import energy\npyboinc_return_output(Output([energy.of(value), 1.0]))")
    app.write("energy.py", "import math\ndef of(x):\n    y = math.sqrt(x)\n    return math.exp(x) + y - y  # <script>alert(1)</script>\n")
    app.master(MASTER.format(values=[same, *different]))
    found = json.loads(check(app, "--json", "--report", "page.html", status=1))
    assert not found["agree"] and set(found["hit"]) >= {"1", "2"} and found["positions"] == ["0", "1", "2"]
    assert found["matrix"][found["here"]]["linux-musl"] == found["differs"]["linux-musl"] == 2
    assert sorted(path.name for path in app.folder.iterdir()) == ["app_master.py", "app_slave.py", "app_types.py", "energy.py", "page.html"]

    (operation,) = [each for each in found["operations"] if "linux-musl" in each["profiles"]]
    example = operation["example"]
    assert (example["file"], example["line"], example["function"]) == ("energy.py", 4, "math.exp")
    x = float(example["arguments"])
    assert x in [same, *different] and float.fromhex(example["arguments_hex"]) == x
    assert float(example["one"]) == float.fromhex(example["one_hex"]) == math.exp(x)
    other = platforms.load(example["other_profile"]).math.exp(x)
    assert float(example["other"]) == float.fromhex(example["other_hex"]) == other != math.exp(x)

    assert found["spread"]["floats"] == 6 and found["spread"]["differing"] >= 2 and not found["spread"]["other"]
    assert 0 < found["spread"]["relative"] < 1e-13
    assert found["tolerance"]["relative"]["room"] >= 2
    for each in found["redundancy"].values():
        assert 0 < sum(inner["share"] for inner in each["classes"]) + each["without_class"] <= 1.0001

    page = (app.folder / "page.html").read_text("utf-8")
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page
    assert "default-src 'none'" in page and not re.search(r"(src|href)\s*=", page)
    assert page.count("<svg") == 2 and "energy.py:4" in page


def test_what_it_prints(app, exponents):
    _, (value, _) = exponents
    app.slave("import math\npyboinc_return_output(Output(math.exp(value)))")
    app.master(MASTER.format(values=[value]))
    printed = check(app, status=1)
    assert printed.startswith("Honest computers DISAGREE on 1 of 1 call.\n")
    assert f"app_slave.py:6: math.exp({value!r}), in 1 call" in printed
    assert math.exp(value).hex() in printed and "WHAT WOULD HELP" in printed
    assert "it is done" not in printed

    app.write("pyboinc.toml", '[job]\ncomparator = "ulp:4"\n')
    assert check(app, status=0).startswith("Honest computers agree by the program's comparator, ulp:ulps=4; bit for bit they do not, on 1")


def test_whole_numbers_agree(app):
    app.slave("pyboinc_return_output(Output(1 // (value - 49)))")
    app.master(MASTER.format(values=list(range(50))))
    printed = check(app, "--sample", "3", status=0)
    assert printed.startswith("Honest computers agree, bit for bit, on all 3 calls.\n3 calls of 50")
    assert "1 call ended in an error of the slave's, which is what was compared: 49." in printed


def test_versions_of_python(app):
    app.slave("pyboinc_return_output(Output(sum([value] * 10)))")
    app.master(MASTER.format(values=[0.1]))
    found = json.loads(check(app, "--json", status=1))
    assert not found["hit"] and found["versions_hit"] == ["0"]
    (operation,) = found["operations"]
    assert operation["example"]["function"] == "sum" and operation["profiles"] == ["Python 3.12", "Python 3.14"]
    assert operation["source"] == "pyboinc_return_output(Output(sum([value] * 10)))"
    assert [each["kind"] for each in found["lints"]] == ["sum"]


UNSTABLE = """
import os, cache
if value == "clock": result = os.urandom(8)
elif value == "order": result = list({"north", "east", "south", "west", "up", "down", "left", "right"})
elif value == "state": result = cache.count()
else: result = 0
cache.count()
pyboinc_return_output(Output(result))
"""


def test_what_is_not_the_same_twice(app):
    app.slave(UNSTABLE)
    app.write("cache.py", "counter = 0\ndef count():\n    global counter\n    counter += 1\n    return counter\n")
    app.master(MASTER.format(values=["nothing", "clock", "order", "state"]))
    found = json.loads(check(app, "--json", status=1))
    assert {position: why.partition(":")[0] for position, why in found["unstable"].items()} == {
        "1": "it differs each time",
        "2": "it depends on the hash seed",
        "3": "it depends on the calls before it",
    }
    assert {each["kind"] for each in found["lints"]} == {"clock", "order"}
    assert found["hit"] == [], "what differs on one computer says nothing about two"


def test_calls_of_handlers_are_followed(app):
    app.slave("pyboinc_return_output(Output(value + 1))")
    app.master("""
def make_calls(): pyboinc_call("app_slave.py", Input(0))
def handle(output):
    if output.value < 4: pyboinc_call("app_slave.py", Input(output.value))
pyboinc_master(make_calls, handle)
""")
    found = json.loads(check(app, "--json", status=0))
    assert found["positions"] == ["0", "0.0", "0.0.0", "0.0.0.0"] and found["whole"]


def test_a_program_with_an_executor_is_stopped_quietly_and_leaves_nothing(app):
    app.master("""
import pyboinc
def square(x): return x * x
def main():
    with pyboinc.Executor(batch="calls") as executor: print(sum(executor.map(square, range(30))))
if __name__ == "__main__": main()
""")
    before = sorted(app.folder.iterdir())
    found = json.loads(check(app, "--json", "--sample", "3", status=0))
    assert len(found["positions"]) == 3 and sorted(app.folder.iterdir()) == before


def test_what_cant_be_checked_is_told(app):
    app.slave("raise MemoryError('too large')")
    app.master(MASTER.format(values=[1]))
    assert "can't be checked: the slave fails on this computer" in check(app, status=1)
    app.write("app_master.py", "print('no master')")
    assert check(app, status=2) == ""
