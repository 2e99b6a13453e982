"""The sessions that docs/cli.md shows: each command does what stands there, on the batch of which the page tells."""

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
SESSIONS = [block for block in re.findall(r"^```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) if block.startswith("$ ")]
PI = {
    "app_slave.py": """from pyboinc import pyboinc_get_input, pyboinc_return_output
value = pyboinc_get_input()
print("working on", value)
if value % 10 == 3: 1 / (value % 10 - 3)
if value == 8: raise ValueError("8 is too many")
pyboinc_return_output(value)
""",
    "app_master.py": """from pyboinc import pyboinc_call, pyboinc_master
def make_calls():
    for i in range(100): pyboinc_call("app_slave.py", i)
pyboinc_master(make_calls, lambda output: None, lambda call, error: None)
""",
}
ENDS_WELL = {"pyboinc errors": 1}
"""Exit statuses that are not 0, as the page's table says."""


def pyboinc(folder, command):
    words = command.split()
    assert words[0] == "pyboinc"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC")}
    command = [sys.executable, "-c", "from pyboinc.cli import main; main()", *words[1:]]
    return subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder pi, with a batch that has run to its end."""
    home = tmp_path_factory.mktemp("ada")
    (home / "pi").mkdir()
    for name, text in PI.items():
        (home / "pi" / name).write_text(text)
    run = pyboinc(home, "pyboinc run pi/app_master.py --quiet")
    assert run.communicate(timeout=120) == ("", None) and run.returncode == 0
    return home


def as_shown(text, folder):
    """Without what differs from run to run: the home, the time, and the marks of Python's newer tracebacks."""
    text = text.replace(str(folder), "/home/ada")
    text = re.sub(r"[\d-]{10} [\d:]{8}, \d+ \w+ ago", "WHEN", text)
    text = re.sub(r"token=\S+", "token=...", re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:N", text))
    return re.sub(r"^    \|\s+[~^]+\n", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.splitlines()[0][2:])
def test_session(home, tmp_path, session):
    folder = tmp_path / "home"
    shutil.copytree(home, folder)
    if "pyboinc cancel" in session:
        checkpoint = folder / "pi" / "pyboinc_checkpoint"
        checkpoint.write_text(checkpoint.read_text().replace("state: finished", "state: running"))
    for command, shown in re.findall(r"^\$ ([^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", session, re.MULTILINE):
        process = pyboinc(folder, command)
        if command.startswith("pyboinc dashboard"):  # until somebody ends it
            printed = process.stdout.readline()
            process.terminate()
            process.communicate()
        else:
            printed = process.communicate(timeout=120)[0]
            assert process.returncode == ENDS_WELL.get(" ".join(command.split()[:2]), 0), printed
        printed = as_shown(printed, folder)
        if shown:
            shown = as_shown(shown, folder)
            assert doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS), f"printed:\n{printed}\nshown:\n{shown}"
