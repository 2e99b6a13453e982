"""What a task keeps against a restart: what its finished calls gave, and the state of the call that runs. See docs/formats.md."""

from __future__ import annotations

import os
from time import monotonic

from ..codec import Encoded, dumps, loads
from ..errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..codec import Classes
    from .channel import Channel
    from .files import Part

FORMAT = 1


class Progress:
    """How far a job is. ``entries`` and ``parts`` are those of its finished calls; they are there again after a restart.

    The file is written whole under another name and renamed: killed at any byte, the one before it is still there. One that
    can't be read, or is another job's, counts as none.
    """

    def __init__(self, channel: Channel, seed: int, first: str, count: int) -> None:
        self.entries: list[Encoded] = []
        self.parts: list[Part] = []
        self._channel = channel
        self._job = seed, first, count
        self._count = count
        self._state: tuple[bytes, Any] | None = None
        self._path = channel.checkpoint_file(seed, first)
        self._saved = monotonic()
        if self._path:
            self._load()

    def tell(self, fraction: float) -> None:
        """This part of the running call is done."""
        self._channel.fraction_done((len(self.entries) + fraction) / self._count)

    def end_call(self, entry: Encoded, part: Part) -> None:
        """The call gave this."""
        self.entries.append(entry)
        self.parts.append(part)
        self._state = None
        self._channel.fraction_done(len(self.entries) / self._count)
        if self.is_due() and len(self.entries) < self._count:
            self.save()

    def is_due(self) -> bool:
        """Has the time that the volunteer wishes gone by since the last checkpoint?"""
        return monotonic() - self._saved >= self._channel.checkpoint_period

    def checkpoint(self, state: Any, classes: Classes | None) -> None:
        """Keep the state of the running call, and of what it has drawn from. Raises EncodeError, OSError."""
        self._state = dumps(state, classes, name="state"), self._channel.drawn()
        self.save()

    def restore(self, classes: Classes | None) -> Any:
        """The last state of the running call, None if there is none; what it draws from goes on from where it was."""
        if self._state is None:
            return None
        state, drawn = self._state
        value = loads(state, classes)
        self._channel.draw_on(drawn)
        return value

    def save(self) -> None:
        """Write the file. Raises OSError."""
        if self._path:
            entries = [entry.body for entry in self.entries]
            write_whole(self._path, dumps((FORMAT, self._job, entries, self.parts, self._state)))
            self._channel.checkpointed()
        self._saved = monotonic()

    def _load(self) -> None:
        try:
            with open(self._path, "rb") as file:
                version, job, entries, parts, state = loads(file.read())
            if (version, job) == (FORMAT, self._job):
                self.entries, self.parts, self._state = list(map(Encoded, entries)), parts, state
        except (OSError, DecodeError, ValueError, TypeError):
            pass


def write_whole(path: str, data: bytes) -> None:
    """Replace a file: at any moment it is the old or the new one, whole. Raises OSError."""
    new = f"{path}.new"
    with open(new, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
