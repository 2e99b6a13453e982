"""A batch's folder, looked at again and again: a result file is read once."""

from __future__ import annotations

import threading
import time

import pluggy

from ..cli.folder import Folder, hooks_of, open_folder
from ..errors import PyBoincError
from ..model import ResultCount
from .figures import Figures, Heading, Told, figures, told

LOOK_AGAIN = 2.0  # seconds: whoever asks earlier gets what was found
SHARE = 4.0  # a look that takes long is repeated after so many times that


class Source:
    """path (str): the folder of a batch. For several threads."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._files: dict[str, list[Told]] = {}
        self._found: Figures | None = None
        self._hooks: pluggy.HookRelay | None = None
        self._next = 0.0

    def folder(self) -> Folder:
        """Raises BatchError if there is no batch."""
        return open_folder(self.path)

    def forget(self) -> None:
        """Something was changed: look again."""
        with self._lock:
            self._next = 0.0

    def look(self) -> Figures:
        """Raises BatchError if the folder can't be read."""
        with self._lock:
            if self._found is None or time.monotonic() >= self._next:
                began = time.monotonic()
                self._found = self._look()
                ended = time.monotonic()
                self._next = ended + max(LOOK_AGAIN, SHARE * (ended - began))
            return self._found

    def _look(self) -> Figures:
        there = self.folder()
        ledger = there.ledger()
        arrived = there.result_files()
        for name in arrived.keys() - self._files.keys():
            self._files[name] = [each for record in there.read(name) if (each := told(record))]
        checkpoint = there.checkpoint
        heading = Heading(checkpoint.batch_id, there.path, there.state(), checkpoint.backend, checkpoint.project, there.changed())
        files = [(when, self._files[name]) for name, when in arrived.items()]
        results, silence = self._results(there)
        return figures(heading, there.overview(details=True, ledger=ledger), ledger, files, time.time(), results, silence)

    def _results(self, there: Folder) -> tuple[list[ResultCount] | None, str]:
        """What the project says of the batch's results; None, and why, if it can't be asked: the page does without."""
        try:
            self._hooks = self._hooks or hooks_of(there)
            return self._hooks.pyboinc_count_results(batch=there.batch()), ""
        except PyBoincError as error:
            return None, str(error)
