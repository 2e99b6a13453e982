"""What a task says beyond its process, and how it leaves before its time. Each way to run a slave has its own channel."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_TEMPORARY_EXITS = 100  # of one task: BOINC's own number


class TemporaryExit(BaseException):
    """The slave wants its task to end now and to start again after so many seconds."""

    def __init__(self, seconds: int, reason: str) -> None:
        super().__init__(seconds, reason)
        self.seconds = seconds
        self.reason = reason


class Channel:
    """This one is for runs without a BOINC client: progress goes nowhere, a trickle to standard error, so into the report."""

    checkpoint_period = 60.0
    """Seconds between checkpoints that the volunteer wishes: BOINC's default."""

    def checkpoint_file(self, seed: int, first: str) -> str:
        """Where the job of that seed and first call keeps what a restart needs; empty: nowhere."""
        return ""

    def data_file(self, file_name: str) -> str:
        """The path of a data file of the job, which has that name here: see `pyboinc.model.Attachment.file_name`."""
        return file_name

    def fraction_done(self, fraction: float) -> None:
        """The part of the whole job that is done, from 0 to 1."""

    def drawn(self) -> Any:
        """What a checkpoint keeps beside the call's own state: that of `random`, None if it is not in use."""
        getstate = getattr(sys.modules.get("random"), "getstate", None)
        return getstate() if getstate else None

    def draw_on(self, drawn: Any) -> None:
        """Go on from there."""
        if drawn is not None:
            import random

            random.setstate(drawn)

    def checkpointed(self) -> None:
        """What is kept is up to date."""

    def trickle_up(self, variety: str, text: str) -> None:
        """Send the project a message now."""
        print(f"trickle-up {variety}: {text}", file=sys.stderr)
