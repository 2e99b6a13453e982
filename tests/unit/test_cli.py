"""The command line: `pyboinc run`, and looking at and changing a batch, as a user types it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from pyboinc import codec, plugins, settings
from pyboinc.batchdir import BatchDir, BatchError
from pyboinc.cli import change, group
from pyboinc.cli.folder import Arrivals, open_folder
from pyboinc.cli.watch import picture
from pyboinc.model import ErrorMask, Outcome, Record, ResultSummary, job_name
from pyboinc.overview import Counts, Ledger, groups, survey
from pyboinc.ports import Disk
from pyboinc.records import dump_records
from pyboinc.slave import files

CLI_PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
SLAVE = "from pyboinc import pyboinc_get_input, pyboinc_return_output\nvalue = pyboinc_get_input()\n"
MASTER = """
import os, sys, time
from pyboinc import pyboinc_call, pyboinc_master
outputs = []
def handle_result(output): outputs.append(output)
def make_calls():
    for i in range({n}): pyboinc_call("app_slave.py", i)
"""
END = "pyboinc_master(make_calls, handle_result)\nprint(len(outputs), sum(outputs))\n"


class App:
    """A program in a folder, and the command line beside it."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = []

    def write(self, slave, n=4, end=END):
        (self.folder / "app_slave.py").write_text(SLAVE + slave)
        (self.folder / "app_master.py").write_text(MASTER.format(n=n) + end)

    def start(self, *arguments, cwd=None):
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC")} | {"PYTHONUNBUFFERED": "1"}
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", "from pyboinc.cli import main; main()", *map(str, arguments)]
        process = subprocess.Popen(command, cwd=cwd or self.folder, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environ)
        self.processes.append(process)
        return process

    def run(self, *arguments, status=0, cwd=None):
        """stdout and stderr of a process."""
        process = self.start(*arguments, cwd=cwd)
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == status, (stdout, stderr)
        return stdout, stderr

    def __call__(self, *arguments, status=0):
        """stdout of a command in this process; stderr if it is refused."""
        result = CliRunner().invoke(group, [*map(str, arguments)])
        assert result.exit_code == status, (result.output, result.exception)
        if status == 2:
            assert result.stdout == "" and result.stderr.startswith("pyboinc: error: ")
            return result.stderr
        return result.stdout

    def json(self, command, *arguments, status=0):
        return json.loads(self(command, *arguments, self.folder, "--json", status=status))

    def wait_until(self, condition):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.05)
        raise AssertionError([process.communicate() for process in self.processes if process.poll() is not None])

    def handled(self):
        try:
            return self.json("status")["calls"]["handled"]
        except AssertionError:  # no checkpoint yet
            return 0

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def app(tmp_path):
    made = App(tmp_path)
    yield made
    made.end()


# ---- run


def test_run_strips_its_own_options_before_and_after_the_script(app):
    app.write("pyboinc_return_output(value)", end="print(sys.argv)\n" + END)
    own, rest = ["-i", "local", "--batch", "there"], ["--help", "--", "-p", "x"]
    stdout, stderr = app.run("run", "--quiet", "app_master.py", "--points", "9", *own, *rest)
    assert eval(stdout.splitlines()[0]) == ["app_master.py", "--points", "9", "--help", "--", "-p", "x"]
    assert stdout.splitlines()[1] == "4 6" and stderr == ""
    assert (app.folder / "there" / "pyboinc_checkpoint").exists()


def test_run_is_as_if_python_had_started_the_script(app):
    app.write(
        "pyboinc_return_output(value)",
        end="import app_types, pickle\nclass Mine: pass\n"
        "assert sys.modules['__main__'].__dict__ is globals() and __name__ == '__main__'\n"
        "assert pickle.loads(pickle.dumps(Mine())).__class__ is Mine\n"
        "print(__file__ == os.path.abspath(sys.argv[0]), sys.path[0] == os.path.dirname(__file__))\n" + END,
    )
    (app.folder / "app_types.py").write_text("")
    elsewhere = app.folder / "elsewhere"
    elsewhere.mkdir()
    stdout, _ = app.run("run", "../app_master.py", cwd=elsewhere)
    assert stdout == "True True\n4 6\n"
    assert (app.folder / "pyboinc_checkpoint").exists(), "beside the script"


def test_options_of_run_count_even_if_the_program_takes_none(app):
    app.write("pyboinc_return_output(value)", end=END.replace("handle_result)", "handle_result, argv=[])"))
    app.run("run", "app_master.py", "--batch", "there", "--batch_size", "3")
    assert (app.folder / "there" / "pyboinc_checkpoint").exists()


def test_a_programs_own_error_and_exit_status_are_its_own(app):
    app.write("pyboinc_return_output(value)", end="def f(): 1 / 0\nf()\n")
    _, stderr = app.run("run", "app_master.py", status=1)
    assert stderr.endswith("ZeroDivisionError: division by zero\n") and "click" not in stderr and "program.py" not in stderr
    assert 'app_master.py", line' in stderr
    app.write("pyboinc_return_output(value)", end="raise SystemExit(7)")
    app.run("run", "app_master.py", status=7)
    app.write("pyboinc_return_output(value)", end="def f(:\n")
    assert "SyntaxError" in app.run("run", "app_master.py", status=1)[1]


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["run"], "name the script of the master:  pyboinc run app_master.py"),
        (["run", "app_mastr.py"], "there is no file app_mastr.py; did you mean 'app_master.py'? there are: app_master.py, app_slave.py"),
        (["run", "."], ". is a folder: name the script of the master; did you mean 'app_master.py'?"),
        (["run", "nowhere/app_master.py"], "there is no folder nowhere"),
        (["run", "--quite", "app_master.py"], "pyboinc run has no option --quite; did you mean '--quiet'?"),
        (["run", "app_master.py", "-i", "locl"], "no backend is called 'locl'; did you mean 'local'? installed are: local"),
        (["run", "app_master.py", "--runtime", "native2"], "--runtime"),
        (["stauts"], "no command is called 'stauts'; did you mean 'status'? there are: status, "),
        (["status", "--jsn"], "pyboinc status: there is no option --jsn; did you mean '--json'?"),
        (["status", "a", "b"], "pyboinc status: got unexpected extra argument (b)"),
        (["rerun"], "name what is to run again: pyboinc rerun --failed [DIR], or pyboinc rerun DIR POSITION..."),
        (["rerun", "3", "4"], "3 is not a folder. Its name comes first:  pyboinc rerun DIR POSITION..."),
        (["rerun", "--failed", ".", "4"], "name what is to run again"),
        (["errors", "nowhere"], "nowhere is not there: name the folder of a batch"),
        (["cancel", "app_master.py"], "app_master.py is not a folder"),
        (["retire"], "holds no batch: no pyboinc_checkpoint is there"),
    ],
)
def test_what_is_refused(app, arguments, text):
    app.write("pyboinc_return_output(value)")
    stdout, stderr = app.run(*arguments, status=2)
    assert stdout == "" and stderr.startswith("pyboinc: error: ") and text in stderr and "Traceback" not in stderr


def test_run_shows_errors_of_pyboinc_toml(app):
    app.write("pyboinc_return_output(value)")
    (app.folder / "pyboinc.toml").write_text("[job]\nquorm = 2\n")
    _, stderr = app.run("run", "app_master.py", status=2)
    assert re.match(r"pyboinc: error: .*pyboinc.toml, line 2, quorm: unknown job setting 'quorm'; did you mean 'quorum'\?", stderr)


def test_the_command_to_go_on(app, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["app_master.py", "--points", "9"])
    monkeypatch.setattr(settings, "taken", ["--fresh", "-i", "local"])
    assert settings.command_to_go_on() == ["pyboinc", "run", "app_master.py", "-i", "local", "--points", "9"]


def test_help_is_of_one_voice():
    for command in group.commands.values():
        if command.name in ("run", "status", "errors", "cancel", "retire", "rerun"):
            text = CliRunner().invoke(group, [command.name, "-h"]).stdout
            assert "Exit status: " in text and "-h, --help" in text
            if command.name != "run":
                assert "--json" in text and "[DIR]" in text and "DIR is the folder of the master" in " ".join(text.split())
    assert CliRunner().invoke(group, []).stdout == CliRunner().invoke(group, ["--help"]).stdout


# ---- status


def test_status_while_it_runs_after_kill_and_at_the_end(app):
    app.write("import os, time\nif value > 3: time.sleep(60 if not os.path.exists({!r}) else 0)\npyboinc_return_output(value)", n=6)
    text = (app.folder / "app_slave.py").read_text().replace("{!r}", repr(str(app.folder / "go")))
    (app.folder / "app_slave.py").write_text(text)
    master = app.start("run", "app_master.py")
    app.wait_until(lambda: app.handled() == 4)
    there = app.json("status")
    assert there["calls"] == {"made": 6, "handled": 4, "arrived": 0, "in_progress": 2, "failed": 0}
    assert there["master_running"] and there["state"] == "running" and there["backend"] == "local"
    assert "state     running\n" in app("status", app.folder)
    master.kill()
    master.wait()
    there = app.json("status")
    assert not there["master_running"] and there["calls"]["handled"] == 4
    assert "stopped before its end: start its master again to go on" in app("status", app.folder)
    (app.folder / "go").touch()
    assert app.run("run", "app_master.py")[0] == "6 15\n"
    there = app.json("status")
    assert there["state"] == "finished" and there["calls"]["handled"] == there["calls"]["made"] == 6
    assert "state     finished\n" in app("status", app.folder)
    assert [each["slave"] for each in there["slaves"]] == ["app_slave.py"]


def test_status_counts_what_arrived_while_no_master_ran(tmp_path):
    made(tmp_path, 5)
    arrive(tmp_path, [(0, returned), (1, raised), (2, no_output)], together=True)
    arrive(tmp_path, [(3, returned)])
    app = App(tmp_path)
    there = app.json("status")
    assert there["calls"] == {"made": 5, "handled": 0, "arrived": 4, "in_progress": 1, "failed": 2}
    assert there["slaves"][0] == {"slave": "app_slave.py"} | there["calls"]
    assert there["changed"].endswith("+00:00")


def test_looking_takes_no_lock_and_changes_nothing(tmp_path):
    made(tmp_path, 2)
    arrive(tmp_path, [(0, raised)])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    app = App(tmp_path)
    directory = BatchDir(Disk(), str(tmp_path))
    app.json("status")
    app.json("errors", status=1)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    directory.lock()
    assert app.json("status")["master_running"]
    directory.close()
    assert not app.json("status")["master_running"]


def test_a_lock_is_seen_from_another_process(tmp_path):
    path = str(tmp_path / "lock")
    disk = Disk()
    assert not disk.is_locked(path) and not os.path.exists(path)
    held = disk.lock(path)
    look = [sys.executable, "-c", f"from pyboinc.ports import Disk; print(Disk().is_locked({path!r}))"]
    assert subprocess.check_output(look, text=True) == "True\n"
    held.release()
    assert subprocess.check_output(look, text=True) == "False\n"


@pytest.mark.parametrize(
    "file, content, text",
    [
        ("pyboinc_checkpoint", b"rubbish\n", "pyboinc_checkpoint: its format is missing"),
        ("pyboinc_checkpoint", None, "has a journal but no pyboinc_checkpoint"),
        ("pyboinc_journal", b"[[\n", "pyboinc_journal, line 1: damaged"),
        ("pyboinc_journal", b"[[1]]\n", "pyboinc_journal, line 1: damaged"),
        ("pyboinc_journal", b'["handled","7",true]\n', "pyboinc_journal, line 1: damaged: it tells what became of call 7"),
        ("pyboinc_journal", b'["rerun",["7"]]\n', "pyboinc_journal, line 1: damaged: it tells what became of call 7"),
        ("pyboinc_journal", b"[" * 200_000 + b"\n", "pyboinc_journal, line 1: damaged"),
        ("new/pyboinc_1_c0ffee_0", b"rubbish", "pyboinc_1_c0ffee_0: "),
    ],
)
def test_a_damaged_folder_is_a_clear_error(tmp_path, file, content, text):
    made(tmp_path, 2)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(content)
    app = App(tmp_path)
    for command in (["status"], ["errors"], ["rerun", "--failed"]):
        assert text in app(*command, tmp_path, status=2)


def test_a_folder_above_batches_names_them(tmp_path):
    (tmp_path / "first").mkdir()
    made(tmp_path / "first", 1)
    assert "there are batches in its folders first" in App(tmp_path)("status", tmp_path, status=2)


# ---- errors


def test_errors_are_grouped_by_traceback(app):
    failing = "if value % 4 == 0: 1 / 0\nif value % 4 == 1: raise ValueError(f'no {value}')\n"
    app.write(f"print('working on', value)\n{failing}pyboinc_return_output(value)", n=200)
    app.run("run", "app_master.py", status=1)
    found = app.json("errors", status=1)
    assert found["failed"] == 100 == app.json("status")["calls"]["failed"]
    first, second = sorted(found["groups"], key=lambda each: each["type"])
    assert (first["type"], first["count"], second["type"], second["count"]) == ("ValueError", 50, "ZeroDivisionError", 50)
    assert second["positions"] == [str(i) for i in range(0, 200, 4)]
    assert second["example"]["call"] == "app_slave.py(0)" and second["example"]["stdout"] == "working on 0\n"
    assert "1 / 0" in second["example"]["traceback"]
    text = app("errors", app.folder, status=1)
    assert "100 of 200 calls failed, in 2 ways" in text
    assert "50 calls of app_slave.py: ZeroDivisionError: division by zero\n    at 0, 4, 8," in text
    assert text.count("Traceback") == 2 and "    | working on 0\n" in text and "working on 4" not in text


def test_no_errors(app):
    app.write("pyboinc_return_output(value)")
    app.run("run", "app_master.py")
    assert app("errors", app.folder).startswith("no call failed: batch 1 in ")
    assert app.json("errors") | {"folder": ""} == {"folder": "", "batch": 1, "state": "finished", "failed": 0, "groups": [], "outvoted": []}


def test_jobs_without_output_show_their_results_and_control_characters_are_escaped(tmp_path):
    made(tmp_path, 2)
    arrive(tmp_path, [(0, no_output), (1, no_output)])
    app = App(tmp_path)
    text = app("errors", tmp_path, status=1)
    assert "2 calls of app_slave.py: job pyboinc_1_c0ffee_0 failed: too many of its results ended in an error" in text
    assert "result on a host\\x07: CLIENT_ERROR, exit status 195" in text and "| MemoryError: \\x1b[2J" in text
    assert "\x1b[2J" not in text and "\x07" not in text
    [group_] = app.json("errors", status=1)["groups"]
    assert group_["count"] == 2 and group_["example"]["results"][0]["exit_status"] == 195


def test_a_failed_call_whose_result_is_gone_or_whose_output_the_program_refused(tmp_path):
    journal = made(tmp_path, 2, [["handled", "0", True], ["failed", "0"], ["handled", "1", True], ["failed", "1"]])
    arrive(tmp_path, [(1, returned)], "old")
    found = App(tmp_path).json("errors", status=1)
    assert [each["message"] for each in found["groups"]] == [
        "its result file is not in the folder any more",
        "the output can't be read with the program's classes",
    ]
    assert survey(Ledger(journal), []).calls == Counts(made=2, handled=2, arrived=0, failed=2)


def test_the_result_of_a_failed_call_is_found_under_any_name(tmp_path):
    made(tmp_path, 3, [["handled", "0", True], ["failed", "0"], ["handled", "1", True], ["failed", "1"]])
    arrive(tmp_path, [(0, raised), (1, raised)], "old")
    arrive(tmp_path, [(2, returned)])
    (tmp_path / "old" / record(0, raised).job).rename(tmp_path / "old" / "kept")
    (tmp_path / "old" / record(1, raised).job).rename(tmp_path / "old" / job_name(1, "c0ffee", "77", 0))
    (tmp_path / "new" / record(2, returned).job).rename(tmp_path / "new" / "renamed")
    app = App(tmp_path)
    assert [(each["type"], each["count"]) for each in app.json("errors", status=1)["groups"]] == [("E", 2)]
    assert app.json("status")["calls"]["arrived"] == 1


def test_a_damaged_journal_ends_a_run_in_the_words_of_status(app):
    app.write("pyboinc_return_output(value)", n=1)
    app.run("run", "app_master.py")
    (app.folder / "pyboinc_journal").write_text('["handled","7",true]\n')
    stderr = app.run("run", "app_master.py", status=2)[1]
    assert "pyboinc_journal, line 1: damaged: it tells what became of call 7" in stderr and "--fresh" in stderr
    assert stderr.split("error: ")[1].split() == app("status", app.folder, status=2).split("error: ")[1].split()
    (app.folder / "pyboinc_journal").unlink()
    assert "put that file back" in app.run("run", "app_master.py", status=2)[1]


@pytest.mark.parametrize(
    "toml, arguments, text",
    [
        ("[local]\nseed = 1\nworkers = 0\n", [], "{}, line 3, workers: workers = 0: must be"),
        ("\n[local]\nworker = 1\n", [], "{}, line 3, worker: [local]: unknown key"),
        ("local.workers = 0\n", [], "{}, line 1, workers: workers = 0"),
        ("local = {{workers = 0}}\n".replace("{{", "{").replace("}}", "}"), [], "{}, line 1, workers: workers = 0"),
        ("[[local.hosts]]\nspeed = 1\n[[local.hosts]]\nspeed = 0\n", [], "{}, line 4, speed: [[local.hosts]] number 2, speed = 0: must be"),
        ("[local]\nhosts = [{speed = 0}]\n", [], "{}, line 2, speed: [[local.hosts]] number 1, speed = 0: must be"),
        ("[local]\nhosts = 2\n", ["--hosts", "0"], "--hosts 0: hosts = 0: must be"),
        ("", ["--hosts", "0"], "--hosts 0: hosts = 0: must be"),
        ("[job]\nquorum = 2\n", ["--quorum", "0"], "--quorum 0: quorum = 0: must be"),
        ('[job]\nseed = 0\ncomparator = "ulps"\n[local]\nhosts = 2\n', [], "{}, line 3, comparator: comparator 'ulps': no comparator"),
    ],
)
def test_every_wrong_setting_names_its_place(app, toml, arguments, text):
    app.write("pyboinc_return_output(value)", n=1)
    (app.folder / "pyboinc.toml").write_text(toml)
    stderr = app.run("run", "app_master.py", *arguments, status=2)[1]
    assert stderr.startswith("pyboinc: error: " + text.format(app.folder / "pyboinc.toml"))


def test_an_output_wins_over_an_error_unless_the_error_was_handled():
    journal = [["program", "app_slave.py", "f" * 64], ["made", "0", 0, [["d", "app_slave.py(0)"]]]]
    both = [record(0, no_output), record(0, returned)]
    assert survey(Ledger(journal), both).failed == []
    journal += [["handled", "0", False], ["failed", "0"]]
    [failure] = survey(Ledger(journal), both, details=True).failures
    assert "failed: too many" in str(failure.error)
    assert survey(Ledger([*journal, ["rerun", ["0"]]]), both, details=True).calls == Counts(made=1)


def test_jobs_of_several_calls_and_several_slaves():
    journal = [
        ["program", "a.py", "f" * 64],
        ["program", "b (2).py", "f" * 64],
        ["made", "0", 0, [["d", "a.py(0)"], ["d", "b (2).py(1)"], ["d", "a.py(2)"]]],
    ]
    output = files.output_file([files.ok_entry(codec.dumps(1)), files.error_entry("E", ()), files.ok_entry(codec.dumps(1))])
    found = survey(Ledger(journal), [Record(job_name(1, "c0ffee", "0", 0), output)], details=True)
    assert found.failed == ["1"] and [len(each) for each in groups(found.failures)] == [1]
    assert found.slaves == {"a.py": Counts(2, 0, 2, 0), "b (2).py": Counts(1, 0, 1, 1)}


# ---- cancel


def test_cancel_ends_a_running_master(app):
    app.write("import time\nif value > 1: time.sleep(600)\npyboinc_return_output(value)", n=6)
    master = app.start("run", "app_master.py")
    app.wait_until(lambda: app.handled() == 2)
    assert app("cancel", app.folder).startswith("cancelled: batch 1 in ")
    stdout, stderr = master.communicate(timeout=60)
    assert master.returncode == 2 and stdout == ""
    assert re.fullmatch(r"pyboinc: error: batch 1 in \S+ was cancelled; the results that came are kept there\n", stderr)
    assert app.json("status")["state"] == "cancelled" and app.json("status")["calls"]["handled"] == 2
    assert not (app.folder / "pyboinc_cancel").exists()
    assert "was cancelled: --fresh starts anew" in app.run("run", "app_master.py", status=2)[1]
    assert app.json("cancel")["state"] == "cancelled", "again is harmless"
    assert "is cancelled: none of its calls can run again" in app("rerun", "--failed", app.folder, status=2)
    app.write("pyboinc_return_output(value)")
    assert app.run("run", "app_master.py", "--fresh")[0] == "4 6\n"


def test_cancel_reaches_a_master_that_makes_calls_for_ever_and_swallows_errors(app):
    end = """
def make_calls():
    i = 0
    while not os.path.exists("stop"):
        i += 1
        try: pyboinc_call("app_slave.py", i)
        except Exception: open("stop", "w").close()
        time.sleep(0.01)
"""
    app.write("pyboinc_return_output(value)", end=end + END)
    master = app.start("run", "app_master.py")
    app.wait_until(lambda: (app.folder / "pyboinc_journal").exists())
    app("cancel", app.folder)
    assert master.wait(timeout=60) == 2
    assert app.json("status")["state"] == "cancelled"


def test_cancel_without_a_master_and_what_is_done_already(app):
    made(app.folder, 2)
    assert app.json("cancel") == {"folder": str(app.folder), "batch": 1, "state": "cancelled"}
    assert app.json("retire")["state"] == "retired"
    assert "is retired: nothing is left to cancel" in app("cancel", app.folder, status=2)


def test_cancel_tells_if_the_master_has_not_ended_yet(tmp_path, monkeypatch):
    made(tmp_path, 2)
    monkeypatch.setattr(change, "PATIENCE", 0.2)
    app = App(tmp_path)
    master = BatchDir(Disk(), str(tmp_path))
    master.lock()
    assert "It is told to end" in app("cancel", tmp_path, status=1)
    assert master.asked_to_cancel(master.read_checkpoint())
    for command in (["retire"], ["rerun", "--failed"]):
        assert "another master is running" in app(*command, tmp_path, status=2)
    master.close()
    assert app.json("cancel")["state"] == "cancelled"
    assert not (tmp_path / "pyboinc_cancel").exists()


def test_a_request_to_cancel_is_for_one_batch_only(tmp_path):
    made(tmp_path, 1)
    directory = BatchDir(Disk(), str(tmp_path))
    checkpoint = directory.read_checkpoint()
    directory.ask_to_cancel(checkpoint)
    directory.set_aside()
    assert not directory.asked_to_cancel(checkpoint), "it went aside with its batch"
    directory.ask_to_cancel(checkpoint)
    assert not directory.asked_to_cancel(directory.begin("local", "", 0))


# ---- retire, rerun


def test_retire(app):
    app.write("if value == 1: 1 / 0\npyboinc_return_output(value)")
    app.run("run", "app_master.py", status=1)
    assert app("retire", app.folder).startswith("retired: batch 1 in ")
    assert app.json("retire")["state"] == "retired", "again is harmless"
    assert app.json("errors", status=1)["failed"] == 1, "results stay readable"
    assert "was retired: --fresh starts anew" in app.run("run", "app_master.py", status=2)[1]


def test_retire_needs_an_end(tmp_path):
    made(tmp_path, 1)
    assert "is not finished: start its master again" in App(tmp_path)("retire", tmp_path, status=2)


def test_failed_calls_run_again(app):
    marker = app.folder / "mended"
    app.write(f"import os\nif value % 3 == 0 and not os.path.exists({str(marker)!r}): 1 / 0\npyboinc_return_output(value)", n=7)
    app.run("run", "app_master.py", status=1)
    assert app.json("rerun", "--failed") | {"folder": ""} == {
        "folder": "",
        "batch": 1,
        "state": "running",
        "rerun": ["0", "3", "6"],
        "dropped": 0,
    }
    there = app.json("status")
    assert there["calls"] == {"made": 7, "handled": 4, "arrived": 0, "in_progress": 3, "failed": 0}
    assert app.json("errors")["failed"] == 0
    marker.touch()
    assert app.run("run", "app_master.py")[0] == "7 21\n"
    assert app.json("status")["calls"]["failed"] == 0 and app.json("status")["state"] == "finished"
    kept = [record.job for name in os.listdir(app.folder / "old") for record in BatchDir(Disk(), str(app.folder)).read_records(name)]
    assert len(kept) == 10, "results of earlier attempts stay"
    assert "no call failed" in app("rerun", "--failed", app.folder)
    assert app.run("run", "app_master.py")[0] == "7 21\n"


def test_calls_fail_twice_and_are_counted_once(app):
    app.write("1 / 0", n=2)
    app.run("run", "app_master.py", status=1)
    app("rerun", "--failed", app.folder)
    app.run("run", "app_master.py", status=1)
    app.run("run", "app_master.py", status=1)
    journal = (app.folder / "pyboinc_journal").read_text()
    assert journal.count('["failed"') == 4, "twice two; a replay adds none"
    assert app.json("errors", status=1)["failed"] == 2


def test_rerun_of_positions(app):
    app.write("pyboinc_return_output(value)", n=3)
    app.run("run", "app_master.py")
    assert "no call is at position '9'" in app("rerun", app.folder, "9", status=2)
    assert "1 call will run again when the master is started" in app("rerun", app.folder, "2")
    assert "call 2 is not handled yet" in app("rerun", app.folder, "2", status=2)
    assert app.json("status")["calls"]["handled"] == 2
    assert app.run("run", "app_master.py")[0] == "3 3\n"


def test_calls_that_the_handler_of_a_rerun_call_made_are_made_anew(app):
    end = "def handle_error(call, error): pyboinc_call('app_slave.py', 100)\n"
    end += END.replace("handle_result)", "handle_result, handle_error)")
    app.write("if value == 1: 1 / 0\npyboinc_return_output(value)", n=2, end=end)
    assert app.run("run", "app_master.py")[0] == "2 100\n"
    assert app.json("rerun", "--failed")["dropped"] == 1
    assert app.run("run", "app_master.py")[0] == "2 100\n"


# ---- hooks


def test_the_backend_is_told(tmp_path, monkeypatch):
    told = []

    class Backend:
        @plugins.hookspecs.hookimpl
        def pyboinc_start_batch(self, batch): ...

        @plugins.hookspecs.hookimpl
        def pyboinc_cancel_batch(self, batch):
            told.append(("cancel", batch.id, batch.token, dict(batch.options), batch.settings.quorum))

        @plugins.hookspecs.hookimpl
        def pyboinc_retire_batch(self, batch):
            told.append(("retire", batch.id, batch.token, dict(batch.options), batch.settings.quorum))

    monkeypatch.setattr(plugins, "installed", lambda: [plugins.Plugin("local", "x", "1", Backend)])
    made(tmp_path, 1)
    (tmp_path / "pyboinc.toml").write_text("[job]\nquorum = 2\n[local]\nworkers = 3\n")
    app = App(tmp_path)
    for command in ("cancel", "cancel", "retire", "retire"):
        app(command, tmp_path)
    assert told == [("cancel", 1, "c0ffee", {"workers": 3}, 2), ("retire", 1, "c0ffee", {"workers": 3}, 2)]


def test_the_local_backend_has_nothing_outside_its_process(tmp_path):
    made(tmp_path, 1)
    manager, _ = plugins.for_run("local")
    batch = open_folder(str(tmp_path)).batch()
    before = sorted(tmp_path.rglob("*"))
    manager.hook.pyboinc_cancel_batch(batch=batch)
    manager.hook.pyboinc_retire_batch(batch=batch)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_backend_that_refuses_leaves_the_batch_as_it_is(tmp_path, monkeypatch):
    class Backend:
        @plugins.hookspecs.hookimpl
        def pyboinc_start_batch(self, batch): ...

        @plugins.hookspecs.hookimpl
        def pyboinc_cancel_batch(self, batch):
            raise BatchError("the project does not answer")

    monkeypatch.setattr(plugins, "installed", lambda: [plugins.Plugin("local", "x", "1", Backend)])
    made(tmp_path, 1)
    app = App(tmp_path)
    assert "the project does not answer" in app("cancel", tmp_path, status=2)
    assert app.json("status")["state"] == "running" and not (tmp_path / "pyboinc_cancel").exists()


# ---- JSON


def test_documented_keys_are_the_real_ones(app):
    app.write("print(1)\nif value == 1: 1 / 0\npyboinc_return_output(value)")
    app.run("run", "app_master.py", status=1)
    real = {
        "status": keys(app.json("status")),
        "errors": keys(app.json("errors", status=1))
        | {f"groups[].example.results[].{name}" for name in keys_of_a_result(app)}
        | {"outvoted[].host", "outvoted[].positions"},  # test_volunteers has some
        "rerun": keys(app.json("rerun", "--failed")),
        "cancel": keys(app.json("cancel")),
        "retire": keys(app.json("retire")),
    }
    documented = {command: set() for command in real}
    for commands, key in re.findall(r"^\| ([a-z, ]+) \| `([^`]+)` \|", CLI_PAGE.read_text("utf-8"), re.MULTILINE):
        for command in real if commands == "all" else commands.split(", "):
            documented[command].add(key)
    assert documented == real


def keys(value, prefix=""):
    """Paths of all values: `calls.made`, `groups[].count`."""
    if isinstance(value, dict):
        return {path for key, each in value.items() for path in keys(each, f"{prefix}.{key}" if prefix else key)}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {path for each in value for path in keys(each, prefix + "[]")}
    return {prefix} if not (value == [] and prefix.endswith(("results", "outvoted"))) else set()


def keys_of_a_result(app):
    folder = app.folder / "failed_job"
    folder.mkdir()
    made(folder, 1)
    arrive(folder, [(0, no_output)])
    return App(folder).json("errors", status=1)["groups"][0]["example"]["results"][0].keys()


def test_every_command_and_exit_status_is_documented():
    page = CLI_PAGE.read_text("utf-8")
    for name in ("new", "run", "status", "errors", "dashboard", "cancel", "retire", "rerun"):
        assert f"## pyboinc {name}\n" in page
    for option in settings.OWN:
        assert f"`{option.names[0]}" in page, option


# ---- a batch folder made by hand


def returned(i):
    return {"output": files.output_file([files.ok_entry(codec.dumps(i))])}


def raised(i):
    report = files.report_file([("", "", "no", "Traceback\nE: no\n")])
    return {"output": files.output_file([files.error_entry("E", [("app_slave", "<module>", 3)])]), "report": report}


def no_output(i):
    summary = ResultSummary(Outcome.CLIENT_ERROR, 195, "a host\x07", "MemoryError: \x1b[2J")
    return {"output": None, "error_mask": ErrorMask.TOO_MANY_ERROR_RESULTS, "results": (summary,)}


def record(position, what):
    return Record(job_name(1, "c0ffee", str(position), 0), **what(position))


def made(folder, n, more=()):
    """A batch of n calls whose master was killed."""
    head = "1\nbackend: local\nproject: \ntoken: c0ffee\nseed: 0\nformat: 1\nstate: running\n"
    (folder / "pyboinc_checkpoint").write_text(head)
    journal = [["program", "app_slave.py", "f" * 64], *(["made", str(i), 0, [["d", f"app_slave.py({i})"]]] for i in range(n)), *more]
    (folder / "pyboinc_journal").write_text("".join(json.dumps(entry) + "\n" for entry in journal))
    for name in ("new", "old"):
        (folder / name).mkdir()
    return journal


def arrive(folder, results, where="new", together=False):
    records = [record(*each) for each in results]
    for part in [records] if together else [[each] for each in records]:
        name = part[0].job + (f"+{len(part) - 1}-00000000" if together else "")
        (folder / where / name).write_bytes(dump_records(part))


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_an_interrupted_run_says_how_to_go_on(app):
    app.write("import time\nif value > 1: time.sleep(60)\npyboinc_return_output(value)")
    master = app.start("run", "app_master.py", "--fresh", "--points", "9", "-i", "local")
    app.wait_until(lambda: app.handled() == 2)
    master.send_signal(signal.SIGINT)
    _, stderr = master.communicate(timeout=60)
    assert master.returncode == 130 and stderr.endswith("pyboinc run app_master.py -i local --points 9\n")


# ---- pyboinc status --watch


def test_the_picture_of_a_batch(tmp_path):
    made(tmp_path, 40)
    arrive(tmp_path, [(i, returned) for i in range(20)] + [(20, raised)])
    for i in range(21):
        os.utime(tmp_path / "new" / job_name(1, "c0ffee", str(i), 0), (1000.0 + 60 * i,) * 2)
    there = open_folder(str(tmp_path))
    arrivals = Arrivals().look(there, there.ledger())
    assert arrivals == [(1000.0 + 60 * i, 1) for i in range(21)]
    console = Console(width=100, color_system=None)
    with console.capture() as shown:
        console.print(picture(there, there.overview(), arrivals, 2200.0))
    bar = "━" * 60
    assert shown.get().splitlines()[1:] == [
        "stopped before its end: start its master again to go on",
        bar,
        "21 of 40 calls done, 19 in progress",
        f"1 failed:  pyboinc errors {tmp_path}"[:100],
        *shown.get().splitlines()[-2:],
    ]
    assert "about 19 min left (19 min to 19 min)" in shown.get()
    assert "█" in shown.get() and "arrivals in the last 20 min" in shown.get()


def test_arrivals_of_jobs_that_share_a_file_and_of_given_up_attempts(tmp_path):
    made(tmp_path, 4, [["handled", "3", False], ["failed", "3"], ["rerun", ["3"]]])
    arrive(tmp_path, [(0, returned), (1, returned)], together=True)
    arrive(tmp_path, [(3, no_output)], where="old")
    there = open_folder(str(tmp_path))
    assert [each.calls for each in Arrivals().look(there, there.ledger())] == [2]


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminal there")
def test_watch_ends_with_the_batch(app):
    import pty

    app.write("pyboinc_return_output(value)", n=3)
    app.run("run", "app_master.py")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from pyboinc.cli import main; main()", "status", "--watch", str(app.folder)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    app.processes.append(process)
    os.close(theirs)
    printed = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        printed += part
    os.close(ours)
    assert process.wait(60) == 0, printed
    assert b"finished" in printed and b"3 of 3 calls done" in printed
    assert "needs a terminal" in app("status", "--watch", app.folder, status=2)
