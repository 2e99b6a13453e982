"""The launcher and the runtime on a CPython for Windows, under Wine: WINDOWS_PYTHON names its python.exe."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pyboinc_boinc import appversion

PYTHON = os.environ.get("WINDOWS_PYTHON", "")
HERE = os.path.dirname(PYTHON)
SLAVE = """import pyboinc
at = (pyboinc.restore() or 0) + 1
pyboinc.checkpoint(at)
pyboinc.fraction_done(at / 4)
with open("steps", "ab", buffering=0) as file:
    while not os.path.exists("go"):
        file.write(b"x")
        time.sleep(.01)
pyboinc_return_output(Output((at, sorted(os.environ))))
"""


def wine(client, *command, folder=HERE):
    environment = {**os.environ, "WINEDEBUG": "-all", "WINEPATH": "Z:" + folder.replace("/", "\\")}
    with subprocess.Popen(
        ["wine", *command], cwd=client.slot, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as ran:  # Python for Windows wants pipes there
        status = ran.wait(300)
        client.end()  # what holds the pipe open, too
        return ran.stdout.read().decode(errors="replace"), status


@pytest.fixture
def windows(client):
    if not (PYTHON and shutil.which("wine")):
        pytest.skip("needs wine, and WINDOWS_PYTHON with the path of a python.exe")
    client.job(SLAVE, values=(1,), how="softlink")
    (client.project / "launch_1.bat").write_bytes(appversion.launcher(windows=True))
    return client


LAUNCHER = r"..\..\projects\www.example.org\launch_1.bat"


def test_a_life_of_a_task(windows):
    text, status = wine(windows, PYTHON, str(Path(__file__).with_name("windows_client.py")), LAUNCHER)
    assert (text.strip(), status) == ("all is well", 0)
    ((good, output),) = windows.outputs(windows.project / "output_0f3a")
    at, environment = output.fields["value"]
    assert good and at == 3
    assert {*environment} <= {"HOME", "LANG", "PATH", "TEMP", "TMP", "TMPDIR", "SYSTEMROOT", "SYSTEMDRIVE", "NUMBER_OF_PROCESSORS"}


def test_without_python(windows):
    text, status = wine(windows, "cmd", "/c", LAUNCHER, folder=str(windows.app))
    assert (text.strip(), status) == ("pyboinc: this computer has no Python 3.9 or later in its PATH or the usual folders", 206)


def test_a_python_that_hangs_is_passed_over(windows):
    """Its standard library is a loop. (What ends it, PowerShell, does nothing under Wine.)"""
    hangs = windows.data / "hangs"
    (hangs / "Lib" / "encodings").mkdir(parents=True)
    (hangs / "Lib" / "os.py").touch()
    (hangs / "Lib" / "encodings" / "__init__.py").write_text("while True: pass\n")
    for path in [Path(PYTHON), *Path(HERE).glob("*.[Dd][Ll][Ll]")]:
        shutil.copy(path, hangs)
    (windows.slot / "slave").mkdir()
    (windows.slot / "slave" / "go").touch()
    text, status = wine(windows, "cmd", "/c", LAUNCHER, folder=f"{hangs};Z:{HERE}")
    assert status == 0, text
    assert len(windows.outputs(windows.project / "output_0f3a")) == 1
