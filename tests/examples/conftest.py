"""Runs an example as a user does: in a copy of its folder, by one command, with ^C and the same command again."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TIMEOUT = 120  # seconds
STARTS = 5  # tries to be quicker than the example


class Example:
    """A copy of an example's folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self.folder = folder
        self._copy()

    def _copy(self) -> None:
        leftovers = shutil.ignore_patterns("pyboinc_*", "new", "old", "__pycache__")
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(EXAMPLES / self._name, self.folder, ignore=leftovers)

    def run(self, *arguments: str) -> str:
        """What the master prints. It must end well."""
        status, stdout, stderr = self._finish(self._start(arguments))
        assert status == 0, stderr
        return stdout

    def interrupt(self, *arguments: str, when: Callable[[Example], bool]) -> None:
        """Start the master, press ^C when `when(self)` is true; the run must end as an interrupted one does."""
        for _ in range(STARTS):
            process = self._start(arguments)
            while process.poll() is None and not when(self):
                time.sleep(0.002)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all processes of the program
            status, _, stderr = self._finish(process)
            if status != 0:
                break
            self._copy()  # it had ended before it heard us
        assert status == 130, stderr
        assert "every result is kept. Go on with the same command:" in stderr
        assert stderr.rstrip().endswith(shlex.join(["app_master.py", *arguments])), stderr

    def results(self) -> dict[str, int]:
        """The result files: name and time of writing."""
        found = {}
        for folder in ("new", "old"):
            for path in self.folder.glob(f"{folder}/[!.]*"):
                try:
                    found[path.name] = path.stat().st_mtime_ns
                except FileNotFoundError:  # on its way from new/ to old/
                    continue
        return found

    def printed(self) -> str:
        """What the master has printed until now."""
        return (self.folder / "stdout.txt").read_text("utf-8")

    def _start(self, arguments: tuple[str, ...]) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC_")}
        with open(self.folder / "stdout.txt", "wb") as stdout, open(self.folder / "stderr.txt", "wb") as stderr:
            return subprocess.Popen(
                [sys.executable, "app_master.py", *arguments],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    def _finish(self, process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
        try:
            status = process.wait(TIMEOUT)
        finally:
            process.kill()
        return status, self.printed(), (self.folder / "stderr.txt").read_text("utf-8")


@pytest.fixture
def example(tmp_path: Path) -> Callable[..., Example]:
    """`example("monte_pi")` is a copy of that example, ready to run."""
    return lambda name, folder="program": Example(name, tmp_path / folder)


@pytest.fixture
def check_resume(example: Callable[..., Example]) -> Callable[..., str]:
    """`check_resume(name, *arguments)`: stopped by ^C and started again, it ends as if nothing had happened. What it prints."""
    if sys.platform == "win32":
        pytest.skip("sends signals to a process group")

    def check(name: str, *arguments: str, when: Callable[[Example], bool] = lambda program: len(program.results()) >= 3) -> str:
        program = example(name)
        program.interrupt(*arguments, when=when)
        kept = program.results()
        assert kept
        printed = program.run(*arguments)
        assert kept.items() <= program.results().items(), "a result was lost, or computed again"
        return printed

    return check
