"""A task from start to end under a client: what is shipped, as built, in real processes."""

import io
import random
import signal
import time
import zipfile

import pytest

from pyboinc.slave import files
from pyboinc_boinc import appversion

PROCESS_CONTROL, APP_STATUS = 0, 5
RETURN = "pyboinc_return_output(Output(pyboinc_get_input().value ** 2))\n"
GOOD = [9, 16]
PID = "open('pid.new', 'w').write(str(os.getpid())); os.rename('pid.new', 'pid')\n"
# The regular expression runs for years, in C, and keeps the interpreter's lock; a child beside it.
STUCK = "import re, subprocess\nsubprocess.Popen(['sleep', '60'])\n" + PID + "re.match('(a+)+b', 'a' * 60)\n"


def squares(client, path=None):
    return [entry[1].fields["value"] for entry in client.outputs(path)]


def test_the_runtime_is_reproducible_and_complete():
    data = appversion.runtime_zip()
    assert data == appversion.runtime_zip()
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert {"pyboinc/__init__.py", "pyboinc/slave/runner.py", "pyboinc_boinc/__init__.py", "pyboinc_boinc/slave/app_client.py"} <= {*names}
    ours = {name for name in names if name.startswith("pyboinc_boinc/") and not name.startswith("pyboinc_boinc/slave/")}
    assert ours == {"pyboinc_boinc/", "pyboinc_boinc/__init__.py"}  # nothing of the server's side


@pytest.mark.parametrize("how", ["copy", "softlink", "symlink"])
def test_copies_and_links(client, how, python):
    client.job(how=how)
    client.talks()
    runtime = "runtime.zip" if how == "copy" else str(client.project / "runtime.zip_0f3a")
    assert client.run(python=python, runtime=runtime) == ""
    home = client.slot if how == "copy" else client.project
    assert squares(client, home / ("output" if how == "copy" else "output_0f3a")) == GOOD
    assert (client.slot / "boinc_finish_called").read_text() == "0\n"
    if how != "copy":
        assert (client.slot / "output").is_symlink() == (how == "symlink")
    assert not client.pids()


def test_standalone(client, python):
    client.job()
    assert client.run(python=python) == ""
    assert squares(client) == GOOD


def test_a_report_only_if_there_is_something_to_tell(client):
    client.job("import sys\nprint('out', pyboinc_get_input().value)\nprint('err', file=sys.stderr)\n" + RETURN)
    client.run()
    assert files.read_report_file((client.slot / "report").read_bytes())[1] == ("out 4\n", "err\n", "", "")
    assert client.stderr() == ""
    client.job()
    client.run()
    assert not (client.slot / "report").exists()


def test_files_of_the_slave_do_not_meet_those_of_boinc(client):
    client.job("for name in ('output', 'input', 'init_data.xml', 'stderr.txt'): open(name, 'w').write('mine')\n" + RETURN)
    client.talks()
    client.run()
    assert squares(client) == GOOD
    assert (client.slot / "slave" / "output").read_text() == "mine"


def test_nothing_of_the_volunteer_reaches_the_slave(client):
    client.job(
        "import gc\nvalue = repr((dict(os.environ), open('/proc/self/environ').read(), sys.argv, sys.path, "
        "[each for each in gc.get_objects() if type(each) in (dict, list)]))\n"
        "pyboinc_return_output(Output([word for word in ('DIS' 'PLAY', '5ec4' 'e70f', 'ali' 'ce') if word in value]))\n"
    )
    client.talks()
    client.run(str(client.project / "launch_1.sh"), environ={"DISPLAY": ":0", "XAUTHORITY": "/home/alice/.Xauthority"})
    assert squares(client) == [[], []]


def test_what_python_s_site_gives(client):
    slave = "value = [path for path in sys.path if path.endswith('-packages')]\npyboinc_return_output(Output(value))\nexit()\n"
    client.job(slave)
    client.run()
    assert squares(client) == [[], []]
    client.job(slave, requires=["numpy"])
    client.run()
    assert squares(client)[0] != []


# -- the client's wishes


@pytest.fixture
def stuck(client, eventually):
    """A slave that loops in C."""
    client.job(STUCK)
    client.talks()
    client.start()
    eventually((client.slot / "slave" / "pid").exists)
    return client


def used(client, seconds=0.3):
    """CPU time in ticks that the slave uses while we wait."""
    before = client.slave_cpu()
    time.sleep(seconds)
    return client.slave_cpu() - before


def test_suspend_is_real(stuck, eventually):
    eventually(lambda: used(stuck, 0.1) > 0)
    stuck.send(PROCESS_CONTROL, "<suspend/>")
    eventually(lambda: used(stuck, 0.1) == 0)
    stuck.receive(APP_STATUS)
    assert used(stuck) == 0
    assert stuck.receive(APP_STATUS) is None
    stuck.send(PROCESS_CONTROL, "<resume/>")
    eventually(lambda: used(stuck, 0.1) > 0)
    eventually(lambda: stuck.receive(APP_STATUS))


@pytest.mark.parametrize("suspended", [False, True])
@pytest.mark.parametrize("order, status", [("<quit/>", 0), ("<abort/>", 194)])
def test_quit_and_abort(stuck, eventually, order, status, suspended):
    if suspended:
        stuck.send(PROCESS_CONTROL, "<suspend/>")
        eventually(lambda: used(stuck, 0.1) == 0)
    stuck.send(PROCESS_CONTROL, order)
    assert stuck.task.wait(60) == status
    assert not (stuck.slot / "boinc_finish_called").exists()
    assert not stuck.pids()
    assert stuck.stderr() == ""


def test_a_task_that_was_quit_runs_again(stuck):
    stuck.send(PROCESS_CONTROL, "<quit/>")
    assert stuck.task.wait(60) == 0
    stuck.job()
    stuck.run()
    assert squares(stuck) == GOOD


def test_status(client, eventually):
    client.job("end = time.process_time() + .4\nwhile time.process_time() < end: pass\n" + RETURN)
    client.talks()
    client.start()
    eventually(lambda: client.memory[APP_STATUS * 1024])
    first = client.receive(APP_STATUS)
    assert "<checkpoint_cpu_time>1.005000e+02</checkpoint_cpu_time>" in first
    heard = []
    eventually(lambda: heard.append(client.receive(APP_STATUS) or "") or "<fraction_done>5.000000e-01" in heard[-1])
    assert client.task.wait(60) == 0  # from here on nobody reads
    last = client.receive(APP_STATUS)
    assert "<fraction_done>1.000000e+00" in last
    assert 101.3 < float(last[len("<current_cpu_time>") :].partition("<")[0]) < 103


# -- what a slave may ask for


STEPS = """
import random, pyboinc
at, drawn = pyboinc.restore() or (0, [])
while at < 3:
    at, drawn = at + 1, [*drawn, random.random()]
    pyboinc.fraction_done(at / 4)
    pyboinc.checkpoint((at, drawn))
    if at == 2 and not os.path.exists('again'):
        open('again', 'w').close()
        INTERRUPTED
pyboinc_return_output(Output(drawn))
"""


def test_quit_and_restart_from_the_checkpoint(client, eventually, python):
    client.job(STEPS.replace("INTERRUPTED", "time.sleep(60)"), values=(1,))
    client.talks()
    client.start(python=python)
    heard = []
    eventually(lambda: heard.append(client.receive(APP_STATUS) or "") or "<fraction_done>5.000000e-01" in heard[-1])
    kept = float(heard[-1].partition("<checkpoint_cpu_time>")[2].partition("<")[0])
    assert 100.5 < kept < 160
    eventually((client.slot / "slave" / "again").exists)
    client.send(PROCESS_CONTROL, "<quit/>")
    assert client.task.wait(60) == 0
    client.run(python=python)
    drawn = random.Random("7/5")
    assert squares(client) == [[drawn.random() for _ in range(3)]]


def test_a_temporary_exit(client):
    client.job(STEPS.replace("INTERRUPTED", "pyboinc.temporary_exit(30, 'no memory now')"), values=(1,))
    client.talks()
    client.run()
    assert (client.slot / "boinc_temporary_exit").read_text() == "30\nno memory now\n"
    assert not (client.slot / "boinc_finish_called").exists()
    client.run()
    assert len(squares(client)[0]) == 3
    assert (client.slot / "boinc_finish_called").exists()


def test_trickles_reach_the_client(client, eventually):
    client.job("import pyboinc\npyboinc.trickle_up('half', 'a < b')\npyboinc.trickle_up('half', 'c')\n" + RETURN, values=(1,))
    client.talks()
    client.start()
    for text in ("a &lt; b", "c"):
        eventually(lambda: client.receive(6) == "<have_new_trickle_up/>\n")
        assert (client.slot / "trickle_up.xml").read_text() == f"<variety>half</variety>\n<text>{text}</text>\n"
        (client.slot / "trickle_up.xml").unlink()
    assert client.task.wait(60) == 0


# -- nobody is left behind


@pytest.mark.parametrize("suspended", [False, True])
def test_the_runtime_is_killed(stuck, eventually, suspended):
    if suspended:
        stuck.send(PROCESS_CONTROL, "<suspend/>")
        eventually(lambda: used(stuck, 0.1) == 0)
    assert len(stuck.pids()) == 4
    stuck.task.kill()
    eventually(lambda: not stuck.pids())


def test_the_runtime_is_asked_to_end(stuck, eventually):
    stuck.task.terminate()
    assert stuck.task.wait(60) == -signal.SIGTERM  # the client starts it again
    eventually(lambda: not stuck.pids())


def test_the_client_is_killed(client, eventually, python):
    client.job(STUCK)
    client.start_from_another(python)
    eventually((client.slot / "slave" / "pid").exists)
    client.task.kill()
    client.task.wait()
    eventually(lambda: not client.pids())
    assert not (client.slot / "boinc_finish_called").exists()


def test_no_heartbeat_from_a_client_without_a_pid(client, eventually):
    client.job(STUCK)
    client.talks(client_pid="")
    client.start()
    eventually(lambda: client.beat() or (client.slot / "slave" / "pid").exists())
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        client.beat()
        time.sleep(0.02)
    assert client.task.poll() is None
    assert client.task.wait(60) == 0
    assert not client.pids()


def test_what_the_slave_left_running_ends_with_it(client):
    client.job("import subprocess\nsubprocess.Popen(['sleep', '60'])\n" + RETURN)
    client.talks()
    client.run()
    assert squares(client) == GOOD
    assert not client.pids()


# -- the lock


def test_the_slot_is_taken(client, locked):
    client.job()
    client.talks()
    assert "another task is in this slot" in client.run()
    assert (client.slot / "boinc_temporary_exit").read_text() == "600\nanother task holds this slot\n"
    assert not (client.slot / "output").exists()


def test_the_slot_becomes_free(client, locked, eventually):
    client.job()
    client.talks()
    client.start()
    eventually(lambda: "another task" in client.stderr())
    locked()
    assert client.task.wait(60) == 0
    assert squares(client) == GOOD


def test_the_lock_lasts_as_long_as_the_task(stuck):
    import fcntl

    with open(stuck.slot / "boinc_lockfile", "ab") as file, pytest.raises(BlockingIOError):
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_finish_file_of_a_run_that_was_killed(stuck):
    stuck.task.kill()
    stuck.task.wait()
    (stuck.slot / "boinc_finish_called").write_text("0\n")
    (stuck.slot / "slave" / "pid").unlink()
    stuck.job("import os\nassert not os.path.exists('../boinc_finish_called')\n" + RETURN)
    stuck.run()
    assert squares(stuck) == GOOD


# -- client errors


@pytest.mark.parametrize(
    "slave, status, text",
    [
        ("sys.exit(3)", 3, "app_slave.py ended with sys.exit(3)"),
        ("sys.exit(256)", 1, "app_slave.py ended with sys.exit(256)"),
        ("print('so far', file=sys.stderr)\nopen('/nowhere/x')", 1, "so far\npyboinc: Traceback (most recent call last)"),
        ("import nosuch", 1, "can't import what the slave needs"),
        ("os._exit(0)", 1, "pyboinc: the slave ended its process before it was done"),
        ("os._exit(7)", 7, ""),
        ("print('so far', file=sys.stderr, flush=True)\nos.abort()", 1, "so far\nFatal Python error: Aborted"),
        ("os.kill(os.getpid(), 9)", 1, "pyboinc: the slave was ended by SIGKILL (as a system does that is out of memory)"),
        ("raise MemoryError", 1, "MemoryError"),
        ("os.makedirs('../output', exist_ok=True)\n" + RETURN, 1, "a file of the job"),
    ],
)
def test_client_errors(client, python, slave, status, text):
    client.job(slave, requires=["nosuch"])
    client.talks()
    assert text in client.run(status=status, python=python)
    assert not (client.slot / "boinc_finish_called").exists()
    assert not client.pids()


@pytest.mark.parametrize("name, text", [("program", "the program can't be read"), ("input", "the input file can't be read")])
def test_a_damaged_file(client, name, text):
    client.job()
    client.talks()
    path = client.slot / name
    path.write_bytes(path.read_bytes()[:-30])
    assert client.run(status=1).startswith(f"pyboinc: {text}: ")


@pytest.mark.parametrize("name", ["program", "input"])
def test_a_missing_file(client, name):
    client.job()
    (client.slot / name).unlink()
    assert name in client.run(status=1)


def test_without_shared_memory_nothing_runs(client):
    client.job()
    client.talks(channels=False)
    assert client.run(status=1).startswith("pyboinc: boinc_mmap_file can't be used")


def test_init_data_of_nobody(client):
    client.job()
    (client.slot / "init_data.xml").write_text("")
    assert client.run(status=1).startswith("pyboinc: init_data.xml can't be read")


def test_a_slave_that_is_asked_to_end(client):
    client.job("os.kill(os.getpid(), 15)\ntime.sleep(60)")
    client.talks()
    assert client.run() == ""
    assert (client.slot / "boinc_temporary_exit").read_text() == "60\nthe slave was ended by SIGTERM\n"


def test_an_error_of_the_app_is_an_output(client):
    client.job("value = 1 / (pyboinc_get_input().value - 3)\n" + RETURN)
    client.talks()
    client.run()
    assert client.outputs()[0] == (False, "ZeroDivisionError", (("__main__", "<module>", 4),))
