"""Delivery of records in a thread of its own.

While one file is brought safely to disk the next records collect: one fsync serves many of them when many come, and none
waits when few do.
"""

from __future__ import annotations

import threading

from pyboinc.errors import PyBoincError
from pyboinc.model import Batch, Record
from pyboinc_assimilator.deliver import deliver


class Delivery:
    """Takes records from any thread; `wait` is the master's."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._records: list[Record] = []
        self._error: BaseException | None = None
        self._stopping = False
        self._changed = threading.Condition()
        self._arrived = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pyboinc-assimilator", daemon=True)
        self._thread.start()

    def put(self, record: Record) -> None:
        with self._changed:
            self._records.append(record)
            self._changed.notify()

    def wait(self, timeout: float) -> None:
        """Until something was delivered, or for `timeout` seconds. Raises what `fail` was given, or went wrong here."""
        self._arrived.wait(timeout)
        self._arrived.clear()
        if self._error is not None:
            raise self._error

    def fail(self, error: BaseException) -> None:
        """The run can't go on."""
        self._error = error
        self._arrived.set()

    def stop(self) -> None:
        """Deliver what is there and end, within a second."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(1.0)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._records and not self._stopping:
                    self._changed.wait()
                records, self._records = self._records, []
            if not records:
                return
            try:
                deliver(self._batch.fs, self._batch.folder, records)
            except OSError as error:
                folder = self._batch.folder
                self.fail(PyBoincError(f"results can't be written to {folder}: {error.strerror or error}. Mend that and run again"))
                return
            except Exception as error:  # raised in the master's thread, not lost with this one
                self.fail(error)
                return
            self._arrived.set()
