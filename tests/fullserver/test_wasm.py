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
ONE_CALL = """
from pyboinc import call, master
master(lambda: call("app_slave.py", None), print)
"""
FULL = """
from pyboinc import get_input, return_output
get_input()
kept = []
try:
    while True: kept.append(bytes(1_000_000))
except MemoryError:
    full, kept = len(kept), None
with open("/checkpoint_period") as file: return_output((full, float(file.read())))
"""
# Computes until the file is there. A restart is a quarter further on.
LONG = """
import os
from pyboinc import checkpoint, fraction_done, get_input, restore, return_output, time_to_checkpoint
get_input()
at = (restore() or 0) + 1
checkpoint(at)
fraction_done(at / 4)
while not os.path.exists("/go"):
    if time_to_checkpoint(): checkpoint(at)
return_output("done")
"""
PAUSE = """
from pyboinc import checkpoint, get_input, restore, return_output, temporary_exit
get_input()
if restore() is None:
    checkpoint(1)
    temporary_exit(5, "a moment, please")
return_output(restore())
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


def checkpoints_every(seconds, volunteers):
    """So they prefer, until they are started again."""
    for volunteer in volunteers:
        preferences = volunteer.folder / "global_prefs_override.xml"
        end = "</global_preferences>"
        preferences.write_text(preferences.read_text().replace(end, f"<disk_interval>{seconds}</disk_interval>{end}"))
        volunteer.ask("--read_global_prefs_override")


def test_the_workunits_memory_and_the_volunteers_checkpoint_period(able, volunteers, example):
    checkpoints_every(34, volunteers)
    folder = example("sum_of_squares", "memory", app_slave=FULL, app_master=ONE_CALL, pyboinc=TOML + "[job]\nmemory = 150_000_000\n")
    full, period = eval(able.run(folder))
    assert 50 < full < 150 and period == 34


def test_fraction_suspend_resume_quit_and_a_killed_client(able, volunteers, example):
    checkpoints_every(3, volunteers)
    folder = example("sum_of_squares", "long", app_slave=LONG, app_master=ONE_CALL, pyboinc=TOML)
    with able.running(folder) as master:
        batch = able.begun(folder)
        volunteer, task = able.at_work(volunteers, batch, 0.25)
        able.until(lambda: [each for each in volunteer.tasks() if float(each.get("CPU time at last checkpoint", 0)) > 0])
        volunteer.suspend(task)
        volunteer.resume(task)
        volunteer.stop()
        assert not volunteer.processes()
        volunteer.start()
        able.until(lambda: [each for each in volunteer.tasks() if float(each.get("fraction done", 0)) == 0.5])

        # Ended while it is suspended, too: nothing is left that would run beside the next start.
        volunteer.suspend(task)
        volunteer.stop()
        able.until(lambda: not volunteer.processes(), 60)
        volunteer.start()
        volunteer.resume(task)
        able.until(lambda: [each for each in volunteer.tasks() if float(each.get("fraction done", 0)) == 0.75])

        volunteer.kill(90)  # the wrapper hears nothing for half a minute
        volunteer.start()
        able.until(lambda: volunteer.used() > 10)

        def go():
            for each in volunteers:
                for job in each.folder.glob("slots/*/job"):
                    (job / "go").touch()
            return master.poll() is not None

        able.until(go)
        assert able.finished(master, 0)[0] == "done\n"


def test_a_temporary_exit(able, volunteers, example):
    folder = example("sum_of_squares", "pause", app_slave=PAUSE, app_master=ONE_CALL, pyboinc=TOML)
    assert able.run(folder) == "1\n"
    [text, _] = able.rows("SELECT stderr_out FROM result WHERE batch = %s", able.batch(folder))
    assert b"a temporary exit of 5 s: a moment, please" in bytes(text[0])
