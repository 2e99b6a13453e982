"""The programs in a project's ``bin``: they know BOINC's rules for making and cancelling jobs."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Sequence

from pyboinc.errors import PyBoincError

from .project import Project

MAX_WORDS = 90  # a line of create_work's standard input may have 99
MAX_LINE = 4000  # bytes, of 4,095


class ToolError(PyBoincError):
    """One of BOINC's programs has failed. The text holds what it said."""


class Running:
    """A program that runs on its own. Its standard input is a file, so that it ends what it was told even if this process dies."""

    def __init__(self, project: Project, words: Sequence[str], lines: Sequence[str] = ()) -> None:
        """Raises ToolError if it can't be started."""
        self._words = words
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  (read when the program has ended)
        with tempfile.TemporaryFile() as stdin:
            stdin.write("".join(f"{line}\n" for line in lines).encode())
            stdin.seek(0)
            try:
                self._process = subprocess.Popen(
                    [os.path.join("bin", words[0]), *words[1:]],
                    cwd=project.folder,
                    stdin=stdin,
                    stdout=self._stderr,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # ^C is for the master
                )
            except OSError as error:
                self._stderr.close()
                raise ToolError(f"{project.path('bin', words[0])} can't be started: {error.strerror}") from error

    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self, timeout: float | None = None) -> bool:
        """Until it has ended, or for so many seconds; whether it has ended."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def leave(self) -> None:
        """It goes on without anybody who hears how it ends."""
        threading.Thread(target=self._process.wait, name="pyboinc-left-tool", daemon=True).start()
        self._stderr.close()

    def check(self) -> None:
        """Raises ToolError if it has failed. Only once it has ended."""
        self._stderr.seek(0)
        said = self._stderr.read().decode("utf-8", "replace").strip()
        self._stderr.close()
        if self._process.returncode:
            shown = said if len(said) < 2000 else f"{said[:1000]} ... {said[-1000:]}"
            raise ToolError(f"bin/{self._words[0]} has failed (status {self._process.returncode}): {shown or 'it says nothing'}")


def create_work(project: Project, words: Sequence[str], lines: Sequence[str]) -> Running:
    """Make jobs, one for each line. They appear some at a time; a line whose job exists fails all that come with it.

    Raises ValueError if a line is longer than create_work reads.
    """
    for line in lines:
        if len(line.split()) > MAX_WORDS or len(line.encode()) > MAX_LINE or not line.isprintable():
            raise ValueError(f"create_work can't read this line: {line[:200]!r}")
    return Running(project, ["create_work", *words, "--stdin"], lines)


def cancel_jobs(project: Project, first: int, last: int) -> None:
    """Cancel all workunits with these and the numbers between, whoever's they are. Raises ToolError."""
    tool = Running(project, ["cancel_jobs", str(first), str(last)])
    tool.wait()
    tool.check()
