"""What became of a batch's results, in a file of its folder: who looks at it is another process than the project."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Sequence

from pyboinc.model import Batch, ResultCount
from pyboinc.states import OVER

FILE = "pyboinc_results"
FORMAT = 1
EVERY = 5.0  # seconds
SHARE = 50.0  # counting that takes long is repeated after so many times that


class Tally:
    """Writes the file from time to time. count: all results of this run. What earlier runs had to the end is added."""

    def __init__(self, batch: Batch, count: Callable[[], Sequence[ResultCount]]) -> None:
        self._batch = batch
        self._count = count
        self._before = _over(read(batch) or ())
        self._next = batch.clock.now() + EVERY

    def write_if_due(self) -> None:
        if self._batch.clock.now() >= self._next:
            self._write(self._count)

    def close(self) -> None:
        """The run has ended, and with it what its hosts had."""
        self._write(lambda: _over(self._count()))

    def _write(self, count: Callable[[], Sequence[ResultCount]]) -> None:
        """A disk that is full is for others to tell of."""
        clock, fs = self._batch.clock, self._batch.fs
        began = clock.now()
        content = json.dumps({"format": FORMAT, "token": self._batch.token, "results": [*self._before, *count()]})
        path, temporary = (os.path.join(self._batch.folder, name) for name in (FILE, f".{FILE}"))
        with contextlib.suppress(OSError):
            fs.write(temporary, content.encode())
            fs.rename(temporary, path)
        ended = clock.now()
        self._next = ended + max(EVERY, SHARE * (ended - began))


def _over(counts: Iterable[ResultCount]) -> list[ResultCount]:
    return [each for each in counts if each.server_state == OVER]


def read(batch: Batch) -> list[ResultCount] | None:
    """What was written of this batch; None if there is nothing."""
    try:
        found = json.loads(batch.fs.read(os.path.join(batch.folder, FILE)))
        if found["format"] == FORMAT and found["token"] == batch.token:
            return [ResultCount(*each) for each in found["results"]]
    except (OSError, ValueError, LookupError, TypeError):
        pass
    return None
