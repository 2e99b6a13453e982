"""The deterministic runtime on volunteers' computers, validated by BOINC's own bitwise validator with a quorum of two.

WASMTIME names wasmtime's command line, BOINC_WRAPPER BOINC's wrapper, PYBOINC_RUNTIME the folder of ``pyboinc build-runtime``, where
the runtime must have been compiled by that wasmtime.
"""

import os

import pytest

NEEDED = ("WASMTIME", "BOINC_WRAPPER", "PYBOINC_RUNTIME")
LINUX = "x86_64-pc-linux-gnu"
APP = "deterministic"
TOML = f'runtime = "wasm"\n[boinc]\napp = "{APP}"\n'
SLAVE = """
import math, os, random, sys
from pyboinc import checkpoint, data_file, fraction_done, get_input, output_file, restore, return_output
value = get_input()
restore()
fraction_done(.5)
checkpoint(value)
with open(data_file("b")) as one, open(data_file("a")) as two: texts = one.read() + two.read()
with open(output_file("written"), "w") as file: file.write(f"{value}")
try:
    seen = open("/../init_data.xml").read()
except OSError:
    seen = ""
bits = random.random(), sum(math.exp(-i / 7) ** .3 for i in range(1000))
return_output((value, texts, bits, sys.platform, seen, sorted(os.listdir("/"))))
"""
MASTER = """
from pyboinc import call, master, output_file
found = []
def make_calls():
    for i in range(4): call("app_slave.py", i, data_files={"a": "a.txt", "b": f"{i % 2}.txt"})
def handle_result(output):
    with open(output_file("written")) as file: assert file.read() == str(output[0])
    found.append(output)
master(make_calls, handle_result)
print(sorted(found))
"""


@pytest.fixture(scope="module")
def able(server):
    """The project, with an app that has the deterministic runtime."""
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        pytest.skip(f"{', '.join(missing)} must say where they are")
    said = server.pyboinc("setup", "-p", server.folder, "--app", APP, "--validator", "boinc", "--quorum", "2")
    assert "sample_bitwise_validator" in said
    engine, wrapper, runtime = (os.environ[name] for name in NEEDED)
    words = ["--engine", f"{LINUX}={engine}", "--engine-wrapper", f"{LINUX}={wrapper}", "--runtime", runtime]
    server.pyboinc("setup", "-p", server.folder, "--app", APP, *words)
    assert "Nothing to change" in server.pyboinc("setup", "-p", server.folder, "--app", APP)
    server.stop()
    server.tool("bin/start")
    return server


def test_a_batch_in_the_deterministic_runtime(able, volunteers, example):
    folder = example("sum_of_squares", "runtime", app_slave=SLAVE, app_master=MASTER, pyboinc=TOML)
    for name in ("a", "0", "1"):
        (folder / f"{name}.txt").write_text(name)
    found = eval(able.run(folder))
    assert [each[:2] for each in found] == [(i, f"{i % 2}a") for i in range(4)]
    assert {each[3] for each in found} == {"wasi"} and {each[4] for each in found} == {""}
    assert {"input", "program"} < set(found[0][5]) and "init_data.xml" not in found[0][5]
    batch = able.batch(folder)
    rows = able.rows("SELECT DISTINCT min_quorum, app_version_num FROM workunit WHERE batch = %s", batch)
    [(quorum, version)] = rows
    assert quorum == 2
    assert able.rows("SELECT COUNT(*) FROM result WHERE batch = %s AND validate_state = 1", batch) == [(8,)]
    hosts = able.rows("SELECT COUNT(DISTINCT hostid) FROM result WHERE batch = %s", batch)
    assert hosts == [(2,)]
    for volunteer in volunteers:
        assert not list(volunteer.folder.glob("projects/*/*.gz*")), "unpacked by the client"

    native = example("sum_of_squares", "native", pyboinc=TOML.replace("wasm", "native"))
    with able.running(native) as master:
        able.until((native / "pyboinc_checkpoint").exists)
        able.until(lambda: able.batch(native) and able.rows("SELECT 1 FROM workunit WHERE batch = %s LIMIT 1", able.batch(native)))
        master.terminate()
        master.communicate()
    able.pyboinc("cancel", native)
    assert able.rows("SELECT DISTINCT app_version_num FROM workunit WHERE batch = %s", able.batch(native)) != [(version,)]


def test_the_reference_example(able, volunteers, example):
    folder = example("sum_of_squares", pyboinc=TOML + "[job]\ncalls_per_job = 20\n")
    assert able.run(folder).endswith("338350\n")
