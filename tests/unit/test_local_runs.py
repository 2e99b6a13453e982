"""Whole runs on the local project, as a user starts them: `python app_master.py` in a folder."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SLAVE_HEAD = """
from app_types import Output
from pyboinc import pyboinc_get_input, pyboinc_return_output
value = pyboinc_get_input().value
"""

SUM = """
def make_calls():
    for i in range({n}): pyboinc_call("app_slave.py", Input(i))
pyboinc_master(make_calls, handle_result)
print(len(outputs), sum(outputs))
"""


# ---- what a slave finds


def test_each_call_has_a_clean_namespace_and_modules_are_imported_once_per_process(app):
    app.write("helper.py", "import os\nwith open(os.environ['IMPORTS'], 'a') as file: file.write(f'{os.getpid()}\\n')\n")
    app.slave(
        "import helper, os, sys\n"
        "assert 'left' not in globals() and __name__ == '__main__' and sys.modules['__main__'].__dict__ is globals()\n"
        "left = 1\npyboinc_return_output(Output(os.getpid()))\n"
    )
    app.master("os.environ['IMPORTS'] = os.path.abspath('imports')" + SUM.format(n=40) + "print(len(set(outputs)))")
    stdout, _ = app.run()
    pids = (app.folder / "imports").read_text().split()
    assert len(pids) == len(set(pids)) == int(stdout.split()[-1])


def test_random_is_the_same_in_every_run_and_differs_between_calls(app):
    app.slave("import random\npyboinc_return_output(Output(random.random()))")
    app.master(SUM.format(n=20) + "print(sorted(outputs), len(set(outputs)))")
    other = app.folder / "other"
    other.mkdir()

    def drawn(*arguments):
        return app.run(*arguments)[0].partition("\n")[2]  # without the sum, whose last bit depends on the order

    first = drawn()
    assert first == drawn("--fresh") == drawn("--batch", str(other))
    assert first.split()[-1] == "20"
    app.write("pyboinc.toml", "[job]\nseed = 1\n")
    assert drawn("--fresh") != first


def test_a_slave_may_end_by_exit_0_after_its_output(app):
    app.slave("pyboinc_return_output(Output(value))\nraise SystemExit(0)")
    app.master(SUM.format(n=3))
    assert app.run()[0] == "3 3\n"


def test_large_inputs_and_outputs(app):
    app.slave("pyboinc_return_output(Output(value[::-1]))")
    app.master(
        "def make_calls():\n    for i in range(6): pyboinc_call('app_slave.py', Input(bytes([i]) * 5_000_000))\n"
        "pyboinc_master(make_calls, handle_result)\nprint(sorted((each[0], len(each)) for each in outputs))"
    )
    assert eval(app.run()[0]) == [(i, 5_000_000) for i in range(6)]


def test_two_slaves_share_the_workers(app):
    app.slave("pyboinc_return_output(Output(value))")
    app.write("other.py", SLAVE_HEAD + "import app_types\npyboinc_return_output(Output(-value))")
    app.master(
        "def make_calls():\n    for i in range(50): pyboinc_call(('app_slave.py', 'other.py')[i % 2], Input(i))\n"
        "pyboinc_master(make_calls, handle_result)\nprint(sorted(outputs) == sorted(i if i % 2 == 0 else -i for i in range(50)))"
    )
    assert app.run()[0] == "True\n"


def test_calls_behind_a_long_one_do_not_wait_for_it(app):
    """The long one waits for all others."""
    (app.folder / "done").mkdir()
    app.slave(f"""
import os, time
folder = {str(app.folder / "done")!r}
if value == 100:
    end = time.time() + 60
    while (value := -len(os.listdir(folder))) > -299 and time.time() < end: time.sleep(0.02)
else:
    open(os.path.join(folder, str(value)), "w").close()
pyboinc_return_output(Output(value))
""")
    app.master(SUM.format(n=300).replace("sum(outputs)", "min(outputs)"))
    app.write("pyboinc.toml", "[local]\nworkers = 2\n")
    assert app.run()[0].split()[1] == "-299"


# ---- errors


def failing(app, *arguments, status=1):
    app.master(SUM.format(n=4))
    stdout, stderr = app.run(*arguments, status=status)
    assert stdout == ""
    return stderr


def test_an_exception_is_shown_with_its_traceback_and_what_the_slave_printed(app):
    app.slave("print('working on', value)\nif value == 2: 1 / 0\npyboinc_return_output(Output(value))")
    stderr = failing(app)
    assert "1 of 4 calls failed" in stderr
    assert "call 2: app_slave.py(Input(value=2))" in stderr
    assert "ZeroDivisionError: division by zero" in stderr
    assert 'File "app_slave.py", line 6, in <module>' in stderr
    assert "if value == 2: 1 / 0" in stderr
    assert "| working on 2" in stderr and "working on 1" not in stderr


def test_control_characters_are_escaped(app):
    app.slave("raise ValueError('\\x1b[2J\\x07 gone')")
    stderr = failing(app)
    assert "\x1b" not in stderr and "\\x1b[2J" in stderr


@pytest.mark.parametrize(
    "slave, message",
    [
        ("pass", "app_slave.py ended without pyboinc_return_output"),
        ("pyboinc_return_output(Output(1)); pyboinc_return_output(Output(2))", "has returned an output already"),
        (
            "pyboinc_return_output(Output(1))\ntry: pyboinc_return_output(Output(2))\nexcept Exception: pass",
            "returned more than one output",
        ),
        ("pyboinc_return_output(Output(open))", r"output.value"),
        ("class Mine: pass\npyboinc_return_output(Mine())", "app_types.py"),
        ("def f(n): return f(n + 1)\nf(0)", "RecursionError"),
        ("raise Exception", "Exception"),
        ("class E(Exception):\n    def __str__(self): 1/0\nraise E", "E"),
    ],
)
def test_errors_of_the_slave(app, slave, message):
    app.slave(slave)
    stderr = failing(app)
    assert "4 of 4 calls failed" in stderr and message in stderr


@pytest.mark.parametrize(
    "slave, message",
    [
        ("import os; os._exit(3)", "ended with status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("raise SystemExit(4)", "sys.exit(4)"),
        ("raise MemoryError('no room')", "no room"),
        ("open('/no/such/file')", "No such file"),
        ("import math; from math import no_such_thing", "can't import what the slave needs"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_faults_of_the_host_are_tried_again_then_reported(app, slave, message):
    app.write("pyboinc.toml", "[job]\nmax_error_results = 1\n")
    app.slave(f"if value == 1:\n    {slave}\npyboinc_return_output(Output(value))")
    stderr = failing(app)
    assert "1 of 4 calls failed" in stderr and message in stderr
    assert "too many of its results ended in an error" in stderr
    assert stderr.count("CLIENT_ERROR") == 2


def test_a_worker_that_dies_once_costs_nothing(app):
    app.slave(
        "import os\nif value % 10 == 3 and not os.path.exists(f'{os.environ[\"MARKS\"]}/{value}'):\n"
        "    open(f'{os.environ[\"MARKS\"]}/{value}', 'w').close()\n    os._exit(1)\npyboinc_return_output(Output(value))"
    )
    app.master("os.environ['MARKS'] = os.getcwd()" + SUM.format(n=100))
    assert app.run()[0] == "100 4950\n"


def test_handle_error_gets_call_and_error(app):
    app.slave("if value: raise ValueError('no', value)\npyboinc_return_output(Output(0))")
    app.master(
        "from pyboinc import SlaveError\nerrors = []\n"
        "def make_calls():\n    for i in range(3): pyboinc_call('app_slave.py', Input(i), name=f'number {i}')\n"
        "def handle_error(call, error):\n    assert isinstance(error, SlaveError) and 'line 5' in error.traceback\n"
        "    errors.append((call.position, call.name, call.slave, call.input.value, error.type_name, error.message))\n"
        "pyboinc_master(make_calls, handle_result, handle_error)\nprint(sorted(errors), outputs)"
    )
    stdout, _ = app.run()
    assert stdout == (
        "[('1', 'number 1', 'app_slave.py', 1, 'ValueError', \"('no', 1)\"), "
        "('2', 'number 2', 'app_slave.py', 2, 'ValueError', \"('no', 2)\")] [0]\n"
    )


def test_a_job_error_says_why(app):
    app.slave("import os; os._exit(9)")
    app.master(
        "from pyboinc import JobError\ndef make_calls(): pyboinc_call('app_slave.py', Input(1))\n"
        "def handle_error(call, error):\n    assert isinstance(error, JobError)\n"
        "    print(error.error_mask, len(error.results), error.results[0].exit_status)\n"
        "pyboinc_master(make_calls, handle_result, handle_error, job={'max_error_results': 0})"
    )
    assert app.run()[0] == "2 1 9\n"


def test_a_missing_import_is_an_error_at_submission(app):
    app.slave("import no_such_module\npyboinc_return_output(Output(value))")
    stderr = failing(app, status=2)
    assert "no_such_module" in stderr and "requires" in stderr and "app_slave.py, line 5" in stderr


def test_an_input_that_cannot_travel_names_the_field_and_the_line(app):
    app.slave("pyboinc_return_output(Output(value))")
    app.master("\ndef make_calls():\n    pyboinc_call('app_slave.py', Input([1, print]))\npyboinc_master(make_calls, handle_result)")
    _, stderr = app.run(status=2)
    assert "app_master.py, line 9" in stderr and "input.value[1]" in stderr


def test_an_exception_in_a_handler_stops_the_run_and_the_next_one_replays_up_to_it(app):
    app.slave("pyboinc_return_output(Output(value))")
    app.master(
        "def handle_result(output):\n    outputs.append(output.value)\n"
        "    if len(outputs) == 5 and '--bad' in sys.argv: raise RuntimeError('mine')\n" + SUM.format(n=10) + "print(outputs)"
    )
    _, stderr = app.run("--bad", status=1)
    assert "RuntimeError: mine" in stderr
    stdout, _ = app.run()
    assert stdout.startswith("10 45\n")
    assert app.run()[0] == stdout, "the order is kept for good"


# ---- slaves that do what slaves seldom do

ODD_SLAVES = {
    "a forked child that runs on to the end": "import os\nos.fork()\npyboinc_return_output(Output(value))",
    "a forked child that exits": "import os, sys\nif os.fork() == 0: sys.exit(0)\npyboinc_return_output(Output(value))",
    "a daemon that outlives it": "import os, time\nif value == 3 and os.fork() == 0:\n    time.sleep(5)\n    os._exit(0)\n"
    "pyboinc_return_output(Output(value))",
    "closed stdout": "import sys\nprint('x')\nsys.stdout.close()\npyboinc_return_output(Output(value))",
    "closed descriptors": "import os\nos.close(1)\nos.close(2)\npyboinc_return_output(Output(value))",
    "another stdout": "import os\nos.dup2(os.open('/dev/null', os.O_WRONLY), 1)\npyboinc_return_output(Output(value))",
    "another folder": "import os\nos.chdir('/')\npyboinc_return_output(Output(value))",
    "a process of its own": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1)'])\n"
    "pyboinc_return_output(Output(value))",
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("slave", ODD_SLAVES.values(), ids=ODD_SLAVES)
def test_odd_slaves(app, slave):
    app.slave(slave)
    app.master(SUM.format(n=20))
    assert app.run(timeout=120)[0] == "20 190\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_worker_that_dies_while_its_child_lives_on(app):
    app.slave(
        "import os, time\nif value == 3:\n    if os.fork() == 0:\n        time.sleep(300)\n        os._exit(0)\n    os._exit(3)\n"
        "pyboinc_return_output(Output(value))"
    )
    app.write("pyboinc.toml", "[job]\nmax_error_results = 0\n")
    app.master(SUM.format(n=20))
    assert "1 of 20 calls failed" in app.run(status=1)[1]


def test_a_thread_left_over_from_one_call_cannot_answer_another(app):
    app.write("pyboinc.toml", "[local]\nworkers = 1\n")
    app.slave(
        "import threading, time\n"
        "def late():\n    time.sleep(0.1)\n    pyboinc_return_output(Output(10**6))\n"
        "if value == 0: threading.Thread(target=late).start()\nelse: time.sleep(0.3)\n"
        "pyboinc_return_output(Output(value))"
    )
    app.master(SUM.format(n=2))
    assert app.run()[0] == "2 1\n"


def test_an_interpreter_that_cannot_be_started(app):
    app.slave("pyboinc_return_output(Output(value))")
    app.master("sys.executable = '/nonexistent'\n" + SUM.format(n=2))
    assert "no worker process can be started: /nonexistent" in app.run(status=2)[1]


# ---- masters that do what masters seldom do


def test_calls_from_another_thread_are_refused(app):
    app.slave("pyboinc_return_output(Output(value))")
    app.master(
        "import threading\nfrom pyboinc import PyBoincError\ndef call():\n    try: pyboinc_call('app_slave.py', Input(1))\n"
        "    except PyBoincError as error: print(error)\n"
        "def make_calls():\n    thread = threading.Thread(target=call)\n    thread.start()\n    thread.join()\n"
        "pyboinc_master(make_calls, handle_result)\n"
    )
    assert "another thread" in app.run()[0]


def test_async_handlers_are_refused(app):
    app.master("async def make_calls(): pass\npyboinc_master(make_calls, handle_result)")
    assert "make_calls is an async function" in app.run(status=2)[1]


def test_a_generator_makes_its_calls(app):
    app.slave("pyboinc_return_output(Output(value))")
    app.master(
        "def make_calls():\n    for i in range(3): yield pyboinc_call('app_slave.py', Input(i))\n"
        + SUM.partition("pyboinc_master")[1]
        + "(make_calls, handle_result)\nprint(sum(outputs))"
    )
    assert app.run()[0] == "3\n"


@pytest.mark.parametrize("first", ["call", "master"])
def test_short_names_in_any_order(app, first):
    app.slave(
        "pyboinc_return_output(Output(value))",
        head=SLAVE_HEAD.replace("pyboinc_get_input, pyboinc_return_output", "get_input, return_output").replace(
            "pyboinc_get_input", "get_input"
        )
        + "pyboinc_return_output = return_output\n",
    )
    second = {"call": "master", "master": "call"}[first]
    app.master(
        f"from pyboinc import {first}, {second}\nimport pyboinc.batchdir, pyboinc.run\nimport pyboinc\nassert pyboinc.master is master\n"
        "master(lambda: call('app_slave.py', Input(5)), handle_result)\nprint(outputs)"
    )
    assert app.run()[0] == "[5]\n"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(app):
    app.master(SUM.format(n=2))
    app.folder.chmod(0o500)
    assert "Permission denied" in app.run(status=2)[1]


def test_a_folder_that_is_a_file(app):
    app.slave("pyboinc_return_output(Output(value))")
    app.master(SUM.format(n=2))
    app.write("file", "")
    for arguments in (["--batch", "file"], ["--batch", "file/below"]):
        _, stderr = app.run(*arguments, status=2)
        assert "file" in stderr and "Traceback" not in stderr
    app.write("new", "")
    assert "new" in app.run(status=2)[1]


def test_fresh_with_a_wrong_setting_leaves_the_batch_where_it_is(app):
    app.slave("pyboinc_return_output(Output(value))")
    app.master(SUM.format(n=3))
    app.run()
    app.write("pyboinc.toml", "[local]\nworker = 1\n")
    app.run("--fresh", status=2)
    app.write("pyboinc.toml", "")
    assert app.run()[0] == "3 3\n"
    assert not list(app.folder.glob("pyboinc_earlier_*"))


# ---- stopping and going on

SLOW = "import time\ntime.sleep(0.05)\npyboinc_return_output(Output(value))"


def workers_of(master):
    """Process IDs of the master's workers."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"PPid:\t{master}\n" in (entry / "status").read_text():
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def alive(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def test_interrupted_it_says_how_to_go_on(app, wait_for):
    app.slave(SLOW)
    app.master(SUM.format(n=100))
    process = app.start()
    wait_for(lambda: len(app.results()) > 3)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "of 100 calls were handled" in stderr and "app_master.py" in stderr and "Traceback" not in stderr
    assert app.run()[0] == "100 4950\n"


def test_the_second_interrupt_stops_at_once(app):
    app.slave(SLOW)
    app.master(
        "import time\ndef handle_result(output):\n    print('in the handler')\n"
        "    try: time.sleep(60)\n    except BaseException: time.sleep(60)\n" + SUM.format(n=100)
    )
    process = app.start()
    assert process.stdout.readline() == "in the handler\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)  # well below the handler's 60 s
    assert process.returncode == 130


@linux
@pytest.mark.parametrize(
    "slave",
    [
        "import time\ntime.sleep(60)",
        "sum(iter(int, 1))",
        "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\ntime.sleep(60)",
    ],
)
def test_workers_end_within_a_second_of_the_masters_death(app, wait_for, slave):
    app.slave(f"if value: pyboinc_return_output(Output(value))\nelse:\n    {slave.replace(chr(10), chr(10) + '    ')}")
    app.master(SUM.format(n=20))
    process = app.start()
    wait_for(lambda: len(workers_of(process.pid)) >= 1 and app.results())
    workers = workers_of(process.pid)
    process.kill()
    process.communicate()
    wait_for(lambda: not any(map(alive, workers)), seconds=5)  # one on a quiet machine


@linux
@pytest.mark.parametrize("victim", ["master", "worker", "both"])
def test_killed_at_any_moment_nothing_is_lost_or_doubled(app, victim):
    app.slave("import time\ntime.sleep(0.004)\npyboinc_return_output(Output(value))")
    app.master("def handle_result(output):\n    assert output.value not in outputs\n    outputs.append(output.value)\n" + SUM.format(n=200))
    for moment in (0.15, 0.4, 0.55, 0.7):
        process = app.start()
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            for worker in workers_of(process.pid) if victim != "master" else []:
                os.kill(worker, signal.SIGKILL)
            if victim != "worker":
                process.kill()
                process.communicate()
                assert app.results() == app.results(), "nothing moves any more"
                continue
        stdout, stderr = process.communicate(timeout=120)
        assert stdout == "200 19900\n", stderr
    assert app.run()[0] == "200 19900\n"
    assert not (app.folder / "pyboinc_workers").exists()


def test_a_finished_run_removes_what_one_that_was_killed_has_left(app):
    app.slave("pyboinc_return_output(Output(value))")
    app.master(SUM.format(n=3))
    stdout, _ = app.run()
    left = app.folder / "pyboinc_workers" / "worker_1_x"
    left.mkdir(parents=True)
    (left / "stderr.txt").write_text("")
    assert app.run()[0] == stdout
    assert not left.parent.exists()


def test_dynamic_calls_are_replayed_exactly(app, wait_for):
    app.slave("import time\ntime.sleep(0.01 * (value % 3))\npyboinc_return_output(Output(value))")
    app.master(
        "tree = []\n"
        "def handle_result(output):\n    tree.append(output.value)\n"
        "    if output.value < 100:\n        for k in (1, 2): pyboinc_call('app_slave.py', Input(output.value * 10 + k))\n"
        "def make_calls():\n    for i in (1, 2, 3): pyboinc_call('app_slave.py', Input(i))\n"
        "pyboinc_master(make_calls, handle_result)\nprint(tree)"
    )
    process = app.start()
    wait_for(lambda: len(app.results()) > 5)
    process.kill()
    process.communicate()
    stdout, _ = app.run()
    assert len(eval(stdout)) == len(set(eval(stdout))) == 3 + 6 + 12
    assert app.run()[0] == stdout


def test_one_master_at_a_time(app, wait_for):
    app.slave("import os, time\nwhile value and not os.path.exists('../../go'): time.sleep(0.01)\npyboinc_return_output(Output(value))")
    app.master(SUM.format(n=4))
    first = app.start()
    wait_for(app.results)
    _, stderr = app.run(status=2)
    assert "another master is running" in stderr
    app.write("go", "")
    first.communicate(timeout=120)
    assert first.returncode == 0


def test_a_changed_slave_in_a_used_folder(app):
    app.slave("pyboinc_return_output(Output(value))")
    app.master(SUM.format(n=3))
    app.run()
    app.slave("pyboinc_return_output(Output(-value))")
    _, stderr = app.run(status=2)
    assert "app_slave.py or a module that it imports has changed" in stderr and "--fresh" in stderr
    assert app.run("--fresh")[0] == "3 -3\n"
    assert list(app.folder.glob("pyboinc_earlier_*/*/*"))


def test_a_changed_seed_in_a_used_folder(app):
    app.slave("pyboinc_return_output(Output(value))")
    app.master(SUM.format(n=3))
    app.run()
    app.write("pyboinc.toml", "[job]\nseed = 5\n")
    assert "with the seed 0, and this run's is 5" in app.run(status=2)[1]


def test_a_long_chain_of_calls(app):
    app.slave("pyboinc_return_output(Output(value + 1))")
    app.master(
        "def make_calls(): pyboinc_call('app_slave.py', Input(0))\n"
        "def handle_result(output):\n    outputs.append(output.value)\n"
        "    if output.value < 150: pyboinc_call('app_slave.py', Input(output.value))\n"
        "pyboinc_master(make_calls, handle_result)\nprint(outputs == list(range(1, 151)))"
    )
    assert app.run()[0] == app.run()[0] == "True\n"
    assert max(map(len, app.results())) < 120


def test_a_changed_call_in_a_used_folder(app):
    app.slave("pyboinc_return_output(Output(value))")
    app.master(SUM.format(n=3))
    app.run()
    app.master(SUM.format(n=3).replace("Input(i)", "Input(i + 1)"))
    _, stderr = app.run(status=2)
    assert "then  app_slave.py(Input(value=0))" in stderr and "now   app_slave.py(Input(value=1))" in stderr


def test_another_backend_in_a_used_folder(app, tmp_path):
    app.slave("pyboinc_return_output(Output(value))")
    app.master(SUM.format(n=3))
    app.run()
    checkpoint = app.folder / "pyboinc_checkpoint"
    checkpoint.write_text(checkpoint.read_text().replace("backend: local", "backend: boinc"))
    assert "holds a batch of the backend boinc" in app.run(status=2)[1]


# ---- what a person sees


def test_lines_when_piped_and_nothing_when_quiet(app):
    app.slave("pyboinc_return_output(Output(value))")
    app.master(SUM.format(n=3))
    assert app.run("--quiet") == ("3 3\n", "")
    assert app.run("--quiet") == ("3 3\n", "")
    assert "going on with batch 1" in app.run()[1]


def test_an_unknown_backend_lists_those_installed_nearest_first(app):
    app.master(SUM.format(n=3))
    assert "no backend is called 'locl'; did you mean 'local'? installed are: local" in app.run("-i", "locl", status=2)[1]
    assert "-p" in app.run("-i", "local", "-p", "/somewhere", status=2)[1]


def test_settings_of_the_backend(app):
    app.slave("import os\npyboinc_return_output(Output(os.getpid()))")
    app.master(SUM.format(n=50) + "print(len(set(outputs)))")
    app.write("pyboinc.toml", "[local]\nworkers = 1\n")
    assert app.run()[0].split()[-1] == "1"
    app.write("pyboinc.toml", "[local]\nworker = 1\n")
    assert "unknown key 'worker'; did you mean 'workers'" in app.run(status=2)[1]
    app.write("pyboinc.toml", "[local]\nworkers = 0\n")
    assert "workers = 0" in app.run(status=2)[1]


def test_calls_outside_of_a_run(app):
    app.master("\npyboinc_call('app_slave.py', Input(1))")
    assert "works inside make_calls" in app.run(status=1)[1]


def test_a_slave_started_by_hand_says_what_to_do(app):
    app.slave("")
    ran = subprocess.run([sys.executable, "app_slave.py"], cwd=app.folder, capture_output=True, text=True)
    assert ran.returncode == 1 and "Run the master" in ran.stderr
