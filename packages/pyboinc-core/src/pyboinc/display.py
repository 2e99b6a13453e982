"""What a run shows on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol

from .errors import JobError, SlaveError
from .model import Call, Outcome, ResultSummary
from .ports import Clock

LINE_EVERY = 10.0  # seconds, where there is no terminal to redraw
SHOWN_IN_FULL = 5


def printable(text: str) -> str:
    """A stranger's text made safe for a terminal: control characters are escaped, lines and tabs stay.

    >>> printable("\\x1b[2J gone")
    '\\\\x1b[2J gone'
    """
    return "".join(each if each.isprintable() or each in "\n\t" else each.encode("unicode_escape").decode() for each in text)


class Progress(Protocol):
    """How far a run is."""

    def update(self, handled: int, made: int, failed: int) -> None: ...

    def close(self) -> None: ...


class NoProgress:
    """--quiet."""

    def update(self, handled: int, made: int, failed: int) -> None: ...

    def close(self) -> None: ...


class LineProgress:
    """A line now and then, for logs and pipes."""

    def __init__(self, clock: Clock, write: Callable[[str], None]) -> None:
        self._clock = clock
        self._write = write
        self._next = clock.now() + LINE_EVERY

    def update(self, handled: int, made: int, failed: int) -> None:
        if self._clock.now() >= self._next:
            self._next = self._clock.now() + LINE_EVERY
            self._write(f"{handled} of {made} calls done{f', {failed} failed' if failed else ''}")

    def close(self) -> None: ...


class BarProgress:
    """A progress bar."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns: list[Any] = [TextColumn("calls"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failed]}")]
        columns += [TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()]
        self._bar = Progress(*columns, console=Console(stderr=True), redirect_stdout=sys.stdout.isatty())
        self._task = self._bar.add_task("calls", total=None, failed="")
        self._bar.start()

    def update(self, handled: int, made: int, failed: int) -> None:
        self._bar.update(self._task, completed=handled, total=made, failed=f"[red]{failed} failed" if failed else "")

    def close(self) -> None:
        self._bar.stop()


def progress(quiet: bool, clock: Clock) -> Progress:
    """A bar on a terminal, lines elsewhere, nothing if quiet."""
    if quiet:
        return NoProgress()
    return BarProgress() if sys.stderr.isatty() else LineProgress(clock, say)


def say(text: str) -> None:
    """A line of PyBOINC's own, beside the program's output."""
    print(f"pyboinc: {text}", file=sys.stderr, flush=True)


Failure = tuple[Call, Exception, str, str]
"""A failed call, its error, and what its slave printed on stdout and stderr."""


def failures_text(failures: list[Failure], made: int) -> str:
    """All failed calls, and in full the first of each kind of error."""
    lines = [f"{len(failures)} of {made} calls failed:"]
    seen: set[str] = set()
    for call, error, stdout, stderr in failures:
        lines.append(f"  {call}")
        lines.append(f"    {printable(str(error))}")
        kind = f"{type(error).__name__} {error.type_name if isinstance(error, SlaveError) else error}"
        if kind not in seen and len(seen) < SHOWN_IN_FULL:
            seen.add(kind)
            lines += details(error, stdout, stderr)
    return "\n".join(lines)


def details(error: Exception, stdout: str, stderr: str) -> list[str]:
    """Indented lines: traceback, what became of the job's results, what the slave printed."""
    lines: list[str] = []
    if isinstance(error, SlaveError):
        lines += _quoted("", error.traceback)
    if isinstance(error, JobError):
        for result in error.results:
            if isinstance(result, ResultSummary):
                outcome = Outcome(result.outcome).name if result.outcome in set(Outcome) else result.outcome
                lines += _quoted(f"result on {result.host or 'a host'}: {outcome}, exit status {result.exit_status}", result.stderr)
    return lines + _quoted("it printed", stdout) + _quoted("it printed on stderr", stderr)


def _quoted(title: str, text: str) -> list[str]:
    if not text.strip() and "result" not in title:
        return []
    return [f"    {printable(title)}:"] * bool(title) + [f"    | {line}" for line in printable(text).strip().split("\n") if line]
