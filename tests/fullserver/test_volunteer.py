"""What a volunteer's own client sees of our tasks, and what it does to them."""

import json
import os
import shutil
import subprocess
import time

import pytest

from pyboinc_boinc.appversion import LINUX

ONE_CALL = """from app_types import Input
from pyboinc import pyboinc_call, pyboinc_master
{before}
pyboinc_master(lambda: pyboinc_call("app_slave.py", Input({value!r})), lambda output: print(output.value))
"""
# Computes until the file is there. A restart is a quarter further on.
LONG = """import os, pyboinc
from app_types import Output
at = (pyboinc.restore() or 0) + 1
pyboinc.checkpoint(at)
pyboinc.fraction_done(at / 4)
while not os.path.exists(pyboinc.get_input().value):
    pass
pyboinc.return_output(Output(at))
"""
# Goes away and comes back, with a word before and after.
PAUSE = """import pyboinc
from app_types import Output
if pyboinc.restore() is None:
    pyboinc.trickle_up("pyboinc.before", "a < b & c")
    pyboinc.checkpoint(1)
    pyboinc.temporary_exit(1, "a moment, please")
pyboinc.trickle_up("pyboinc.after", "d")
pyboinc.return_output(Output(pyboinc.restore()))
"""
MESSAGES = "SELECT variety, xml FROM msg_from_host WHERE variety LIKE 'pyboinc.%%'"
WHO = """import os, sys, pyboinc
from app_types import Output
pyboinc.return_output(Output((sys.executable, sorted(os.environ), os.getcwd())))
"""
ONCE = "[job]\nmax_error_results = 0\n"  # a client that had an error does not call for a minute or two
WRAPPER = os.environ.get("BOINC_WRAPPER") or shutil.which("wrapper")
HIDE = 'for each in /usr/bin/python3* /usr/local/bin/python3*; do [ -e "$each" ] && mount --bind /dev/null "$each"; done; exec "$@"'


def one_call(example, name, slave, value="", before="", pyboinc=""):
    return example("sum_of_squares", name, app_slave=slave, app_master=ONE_CALL.format(value=value, before=before), pyboinc=pyboinc)


def errors(server, folder):
    return json.loads(server.pyboinc("errors", folder, "--json", status=1))


def test_progress_suspend_quit_and_a_killed_client(server, volunteers, example, tmp_path):
    go = tmp_path / "go"
    folder = one_call(example, "long", LONG, str(go))
    with server.running(folder) as master:
        batch = server.begun(folder)
        volunteer, task = server.at_work(volunteers, batch, 0.25)

        volunteer.suspend(task)
        volunteer.resume(task)

        volunteer.stop()
        assert not volunteer.processes()
        volunteer.start()
        server.until(lambda: [each for each in volunteer.tasks() if float(each.get("fraction done", 0)) >= 0.5])

        volunteer.kill(60)
        volunteer.start()
        server.until(lambda: volunteer.used() > 10)
        go.touch()
        out, _ = server.finished(master, 0)
    assert int(out) >= 3, "each start went on from the checkpoint of the one before"


def test_abort(server, volunteers, example, tmp_path):
    folder = one_call(example, "abort", LONG, str(tmp_path / "never"))
    with server.running(folder):
        volunteer, task = server.at_work(volunteers, server.begun(folder), 0.25)
        start = time.monotonic()
        volunteer.ask("--task", server.config.master_url, task, "abort")
        server.until(lambda: not volunteer.processes(), 60)
        assert time.monotonic() - start < 2, "the second that the client takes between looks, a fifth of ours, and room"
    server.pyboinc("cancel", folder)


def test_a_trickle_up_and_a_temporary_exit(server, volunteers, example):
    assert server.run(one_call(example, "pause", PAUSE)) == "1\n"
    texts = dict(server.until(lambda: (found := server.rows(MESSAGES)) and len(found) > 1 and found))
    assert "<text>a &lt; b &amp; c</text>" in texts["pyboinc.before"] and "<text>d</text>" in texts["pyboinc.after"]
    assert any("a moment, please" in volunteer.log() for volunteer in volunteers), "the client says why the task waits"


def test_under_boincs_wrapper(server, volunteers, example, tmp_path):
    """Suspended, resumed, quit and started again; what the wrapper has no words for is in the report, or just works."""
    if not WRAPPER:
        pytest.skip("BOINC's wrapper is not here: BOINC_WRAPPER can name it")
    server.pyboinc("setup", "-p", server.folder, "--wrapper", f"{LINUX}={WRAPPER}")
    try:
        go = tmp_path / "go"
        folder = one_call(example, "wrapped", LONG, str(go))
        with server.running(folder) as master:
            volunteer, task = server.at_work(volunteers, server.begun(folder), 0.25)
            volunteer.suspend(task)
            volunteer.resume(task)
            volunteer.stop()
            assert not volunteer.processes()
            volunteer.start()
            server.until(lambda: [each for each in volunteer.tasks() if float(each.get("fraction done", 0)) >= 0.5])
            go.touch()
            out, _ = server.finished(master, 0)
        assert int(out) >= 2
        assert server.run(one_call(example, "wrapped_pause", PAUSE)) == "1\n"
    finally:
        server.pyboinc("setup", "-p", server.folder, "--wrapper", f"{LINUX}=")


def test_nothing_of_the_volunteer(server, volunteers, example):
    out = server.run(one_call(example, "who", WHO))
    executable, environment, folder = eval(out)
    assert set(environment) == {"HOME", "LANG", "PATH", "TEMP", "TMP", "TMPDIR"}
    assert folder.endswith("/slave") and os.path.isabs(executable)


CHANGES = {
    "unsigned": ("program.data", "it is not signed"),
    "foreign": (
        "signed(program.data, key, 'http://elsewhere.org/', 'pyboinc')",
        "it is signed for the app 'pyboinc' of 'http://elsewhere.org/'",
    ),
    "tampered": ("good(self, program).replace(b'pyboinc.fraction_done(', b'pyboinc.fraction_dome(')", "it is not what was signed"),
}


def test_signed_programs(server, volunteers, example, tmp_path):
    """Signed ones run; unsigned, foreign and tampered ones are refused by the client's task, which says why."""
    key = server.folder / "keys" / "pyboinc_sign_private"
    if not key.exists():
        server.pyboinc("sign", "--key", key, "--new-key")
    assert "trust" in server.pyboinc("setup", "-p", server.folder, "--sign-key", key)
    try:
        (tmp_path / "go").touch()
        folder = one_call(example, "signed", LONG, str(tmp_path / "go"))
        assert server.run(folder) == "1\n"
        for name, (program, why) in CHANGES.items():
            before = (
                "from pyboinc_boinc.sign import Signer, read_key, signed\n"
                f"key, good = read_key({str(key)!r}), Signer.__call__\n"
                f"Signer.__call__ = lambda self, program: {program}"
            )
            folder = one_call(example, name, LONG, str(tmp_path / "go"), before, ONCE)
            with server.running(folder) as master:
                server.finished(master, 1)
            text = server.pyboinc("errors", folder, status=1)
            assert f"the program is refused: {why}" in " ".join(text.split()), text
    finally:
        server.pyboinc("setup", "-p", server.folder, "--sign-key", "")


def test_a_computer_without_python(server, volunteers, example, tmp_path_factory):
    """A client that sees none: exit 206 and one clear line; with a shipped interpreter it computes."""
    namespace = ("unshare", "-Urm", "sh", "-c", HIDE, "sh")
    if not shutil.which("unshare") or subprocess.run([*namespace, "true"], capture_output=True).returncode:
        pytest.skip("this user may not make namespaces")
    bare = type(volunteers[0])("bare", tmp_path_factory.mktemp("bare"), server, prefix=namespace)
    url = server.config.master_url
    for each in volunteers:
        each.ask("--project", url, "nomorework")
    try:
        bare.start()
        bare.attach()
        folder = one_call(example, "none", WHO, pyboinc=ONCE)
        with server.running(folder) as master:
            server.until(lambda: bare.nudge() or master.poll() is not None)
            server.finished(master, 1)
        text = server.pyboinc("errors", folder, status=1)
        assert "206" in text and "this computer has no Python 3.9 or later in any of" in text

        said = server.pyboinc("setup", "-p", server.folder, "--interpreter", f"{LINUX}=/usr")
        assert "pyboinc_python.tar" in said
        folder = one_call(example, "shipped", WHO)
        with server.running(folder) as master:
            server.until(lambda: bare.nudge() or master.poll() is not None)
            out, _ = server.finished(master, 0)
        assert "pyboinc_cpython_" in eval(out)[0]
    finally:
        bare.stop()
        for each in volunteers:
            each.ask("--project", url, "allowmorework")
        server.pyboinc("setup", "-p", server.folder, "--interpreter", f"{LINUX}=")
