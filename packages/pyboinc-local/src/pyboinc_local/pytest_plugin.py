"""Fixtures for the tests of a program, for pytest: installed with pyboinc-local, they are there.

    def test_answer(run_app):
        assert run_app("app_master.py", "--points", 9, quorum=2, hosts=5) == "The answer is 338350\\n"

    def test_platforms(assert_same_on_all_platforms):
        assert_same_on_all_platforms("app_master.py", sample=10)

Scripts are looked for beside the test's file, then in the folder from which pytest was started. Both run the program in a
process and a batch of their own: a batch that is in its folder stays as it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

PYBOINC = [sys.executable, "-c", "from pyboinc.cli import main; main()"]
TIMEOUT = 600.0


class RunApp(Protocol):
    def __call__(
        self, script: str | Path, *arguments: object, hosts: int | None = None, quorum: int | None = None, timeout: float = TIMEOUT
    ) -> str:
        """Run a program on the local project, and return what it printed.

        script: its master.  arguments: its own.  hosts: run it on so many simulated volunteers.  quorum: results that must
        agree.  timeout: seconds. The test fails, with all that it printed, if the program does not end with status 0.
        """
        ...


class AssertSame(Protocol):
    def __call__(self, script: str | Path, *arguments: object, sample: int = 20, timeout: float = TIMEOUT) -> None:
        """Run some of a program's calls as each platform would compute them, see ``pyboinc check``.

        sample: how many calls.  timeout: seconds. The test fails, with what check has to say, if outputs differ in a bit.
        """
        ...


@pytest.fixture
def run_app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunApp:
    """Runs a program on the local project; see `RunApp`."""

    def run(script: str | Path, *arguments: object, hosts: int | None = None, quorum: int | None = None, timeout: float = TIMEOUT) -> str:
        own = ["-i", "local", "--quiet", "--batch", str(tmp_path_factory.mktemp("batch"))]
        own += [] if hosts is None else ["--hosts", str(hosts)]
        own += [] if quorum is None else ["--quorum", str(quorum)]
        return _ran(["run", *own, _found(script, request), *map(str, arguments)], timeout)

    return run


@pytest.fixture
def assert_same_on_all_platforms(request: pytest.FixtureRequest) -> AssertSame:
    """Asserts that all platforms compute the same bits; see `AssertSame`."""

    def check(script: str | Path, *arguments: object, sample: int = 20, timeout: float = TIMEOUT) -> None:
        _ran(["check", "--sample", str(sample), _found(script, request), *map(str, arguments)], timeout)

    return check


def _found(script: str | Path, request: pytest.FixtureRequest) -> str:
    beside = request.path.parent / script
    return str(beside if beside.exists() else script)


def _ran(command: list[str], timeout: float) -> str:
    """What it printed. Fails the test, without frames of this file, if it does not end well."""
    __tracebackhide__ = True
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC")}
    try:
        ran = subprocess.run([*PYBOINC, *command], env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        pytest.fail(f"pyboinc {' '.join(command)}: did not end in {timeout:g} seconds", pytrace=False)
    if ran.returncode:
        pytest.fail(f"pyboinc {' '.join(command)}: ended with status {ran.returncode}\n{ran.stdout}{ran.stderr}", pytrace=False)
    return ran.stdout
