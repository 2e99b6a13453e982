"""`pyboinc new`, and the fixtures for a user's own tests: used as a user uses them."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from pyboinc.errors import PyBoincError
from pyboinc_local.new import new


@pytest.fixture
def program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = CliRunner().invoke(new, ["mandel"])
    assert made.exit_code == 0, made.output
    assert "cd mandel" in made.stdout
    return tmp_path / "mandel"


def run_tests(folder, *arguments):
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYBOINC", "PYTEST"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)


def test_a_new_program_passes_its_tests_and_leaves_nothing_beside_it(program):
    ran = run_tests(program)
    assert "3 passed" in ran.stdout, ran.stdout + ran.stderr
    there = {path.name for path in program.iterdir()} - {"__pycache__"}
    assert there == {".gitignore", "README.md", "app_master.py", "app_slave.py", "app_types.py", "pyproject.toml", "test_app.py"}
    assert not any("NAME" in path.read_text("utf-8") for path in program.iterdir() if path.is_file())


def test_fixtures_fail_with_what_a_user_needs(program):
    """From Python 3.12 on, sum() of floats has other last bits; and an error of the program is shown whole."""
    slave = (program / "app_slave.py").read_text("utf-8")
    slave = slave.replace("STEPS = 200", "STEPS = 2").replace("number, points))", "number, sum([0.1] * 10 * row.number)))")
    (program / "app_slave.py").write_text(slave, "utf-8")
    (program / "test_app.py").write_text(
        "def test_platforms(assert_same_on_all_platforms): assert_same_on_all_platforms('app_master.py', sample=9)\n"
        "def test_error(run_app): run_app('app_master.py', hosts=1, quorum=2)\n"
    )
    ran = run_tests(program)
    assert ran.returncode == 1 and "2 failed" in ran.stdout, ran.stdout + ran.stderr
    assert "app_slave.py" in ran.stdout and "sum" in ran.stdout
    assert "error: " in ran.stdout and "quorum" in ran.stdout
    assert "Traceback" not in ran.stdout


@pytest.mark.parametrize("name", ["mandel", "no/such\n", ".", "-x-", "a b"])
def test_names_that_are_refused(program, name):
    refused = CliRunner().invoke(new, ["--", name])
    assert isinstance(refused.exception, PyBoincError)
