"""What goes to a volunteer, as built: runtime and program as zip files, no site packages, every Python at hand from 3.9."""

import glob
import os
import random
import shutil
import subprocess
import sys

import pytest

from pyboinc import bundle, codec
from pyboinc.slave import files

FOUND = [*glob.glob(os.path.expanduser("~/.pyenv/versions/3.9.*/bin/python")), *filter(None, [shutil.which("python3.9")])]
OLD = [path for path in FOUND if subprocess.run([path, "-c", ""], capture_output=True).returncode == 0]  # not a pyenv shim to nowhere
PYTHONS = [sys.executable, *OLD[:1]]

SLAVE = b"""
import random
from app_types import Output
from pyboinc import pyboinc_get_input, pyboinc_return_output
value = pyboinc_get_input().value
if value == 13: raise ValueError("unlucky")
pyboinc_return_output(Output([value * value, random.random(), {"b": {3, 1}, "a": None}]))
"""
TYPES = b"class Input:\n    def __init__(self, value): self.value = value\nclass Output(Input): pass\n"


@pytest.fixture
def slot(tmp_path, monkeypatch):
    """A folder as a BOINC client makes it: runtime, program, input."""
    (tmp_path / "app_slave.py").write_bytes(SLAVE)
    (tmp_path / "app_types.py").write_bytes(TYPES)
    program = bundle.build("app_slave.py", tmp_path)
    slot = tmp_path / "slot"
    slot.mkdir()
    (slot / "runtime.zip").write_bytes(bundle.runtime_zip())
    (slot / "program.pyz").write_bytes(program.data)
    inputs = [codec.dumps(codec.Instance("app_types", "Input", {"value": value})) for value in (3, 13)]
    (slot / "input").write_bytes(files.input_file(7, "5", inputs))
    return slot


START = "import sys, runpy; sys.path.insert(0, 'runtime.zip'); runpy.run_path('program.pyz', run_name='__main__')"


@pytest.mark.parametrize("python", PYTHONS)
def test_a_job_runs(slot, python):
    ran = subprocess.run([python, "-I", "-S", "-c", START], cwd=slot, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    good, bad = files.parse_output_file((slot / "output").read_bytes())
    square, drawn, table = good[1].fields["value"]
    assert (square, table) == (9, {"a": None, "b": {1, 3}})
    assert drawn == random.Random("7/5").random()
    assert bad == (False, "ValueError", (("__main__", "<module>", 6),))
    assert 'File "app_slave.py", line 6' in files.read_report_file((slot / "report").read_bytes())[1][3]


@pytest.mark.parametrize("python", PYTHONS)
def test_equal_bytes_on_every_python(slot, python):
    subprocess.run([python, "-I", "-S", "-c", START], cwd=slot, check=True)
    value = [9, random.Random("7/5").random(), {"a": None, "b": {1, 3}}]
    assert (slot / "output").read_bytes() == files.output_file(
        [
            files.ok_entry(codec.dumps(codec.Instance("app_types", "Output", {"value": value}))),
            files.error_entry("ValueError", (("__main__", "<module>", 6),)),
        ]
    )


@pytest.mark.parametrize(
    "what, status, message",
    [("program.pyz", 1, "program can't be read"), ("input", 1, "input file can't be read")],
)
def test_a_damaged_file_is_a_client_error(slot, what, status, message):
    data = (slot / what).read_bytes()
    if what == "program.pyz":
        data = data.replace(b"\nslave", b"\nslove")
    (slot / what).write_bytes(data[: len(data) - (20 if what == "input" else 0)])
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", START], cwd=slot, capture_output=True, text=True)
    assert ran.returncode == status and message in ran.stderr


def test_the_master_side_is_not_there(slot):
    code = "import sys; sys.path.insert(0, 'runtime.zip'); import pyboinc; from pyboinc import Executor; pyboinc.pyboinc_call()"
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=slot, capture_output=True, text=True)
    assert "pyboinc.pyboinc_call is for the master" in ran.stderr
