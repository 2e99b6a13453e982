"""``pyboinc-assimilator``: brings what became of each job to its batch directory.

Many workunits in a pass, one result file and one transaction for those of a batch. The file is there before the rows are marked,
so that a crash between the two repeats the delivery, which harms nobody. What fails for one batch is tried again later, and the
others go on.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence

from pyboinc import batchdir, daemon
from pyboinc.daemon import Resting, Words
from pyboinc.model import Record, mask_text
from pyboinc.ports import Assimilation, Clock, FileSystem, Store
from pyboinc.rows import BatchRow, WorkunitRow

from .decide import decide, verdict, workunit_of
from .deliver import deliver
from .folder import OthersDisk

ABOUT = "Brings the results of finished jobs to the batch directories of PyBOINC's masters."
AT_ONCE = 1000  # workunits of a pass
BYTES_AT_ONCE = 64 * 1024 * 1024  # of outputs in memory
ABORTED_EVERY = 20.0  # seconds between looks for batches that were aborted on the project's web pages
OUTPUT, REPORT = "output", "report"  # logical names
log = logging.getLogger("pyboinc")


class Retry(Exception):
    """Something about a workunit does not work now."""


class Assimilator:
    """Makes passes over the workunits that wait."""

    def __init__(self, tables: Assimilation, words: Words, clock: Clock, fs: FileSystem) -> None:
        self._tables = tables
        self._share = words.share(tables.app(words.app))
        self._dry_run = words.dry_run
        self._clock = clock
        self._fs = fs
        self._batches = Resting(clock)
        self._workunits = Resting(clock)
        self._next_look = clock.now()

    def make_pass(self) -> bool:
        """Whether anything was done."""
        self._end_aborted()
        resting = self._workunits.now()
        rows = self._tables.ready(self._share, AT_ONCE + len(resting), self._batches.now())
        rows = [row for row in rows if row.id not in self._workunits]
        batches = self._tables.batches({row.batch for row in rows})
        by_batch: dict[int, list[WorkunitRow]] = {}
        for row in rows:
            by_batch.setdefault(row.batch, []).append(row)
        return any([self._do_batch(batches.get(number), of_batch) for number, of_batch in by_batch.items()])

    def _do_batch(self, batch: BatchRow | None, rows: Sequence[WorkunitRow]) -> bool:
        if batch is None:
            self._batches.put(rows[0].batch, f"workunits of batch {rows[0].batch} wait, which PyBOINC has not made; they are left alone")
            return False
        done = 0
        try:
            for records, those in self._portions(batch, rows):
                if self._dry_run:
                    _tell(batch, records)
                    continue
                if records:
                    deliver(self._fs, batch.directory, records)
                self._tables.mark(those)
                done += len(those)
        except OSError as error:
            self._batches.put(batch.id, f"batch {batch.id}: {error.filename or batch.directory}: {error.strerror or error}")
            return done > 0
        self._batches.works(batch.id)
        if done:
            log.info("batch %d: %d jobs", batch.id, done)
        return done > 0

    def _portions(self, batch: BatchRow, rows: Sequence[WorkunitRow]) -> Iterator[tuple[list[Record], list[WorkunitRow]]]:
        """Records, and the workunits that are assimilated when they are delivered, as much as fits into memory."""
        records: list[Record] = []
        those: list[WorkunitRow] = []
        size = 0
        for row in rows:
            skip = verdict(row, batch)
            if skip is None:
                try:
                    record = self._record(batch, row)
                except Retry as error:
                    self._workunits.put(row.id, f"workunit {row.id} {row.name}: {error}")
                    continue
                records.append(record)
                size += len(record.output or b"") + len(record.report)
            elif not skip.mark:
                self._workunits.put(row.id, f"workunit {row.id} {row.name}: {skip.why}; it is left alone")
                continue
            self._workunits.works(row.id)
            those.append(row)
            if size >= BYTES_AT_ONCE:
                yield records, those
                records, those, size = [], [], 0
        if those:
            yield records, those

    def _record(self, batch: BatchRow, row: WorkunitRow) -> Record:
        output, report = None, b""
        if (canonical := row.canonical) is not None:
            path = canonical.files.get(OUTPUT)
            output = self._read(path) if path else None
            if output is not None:
                report = self._read(canonical.files.get(REPORT, "")) or b""
            elif path and not self._fs.exists(os.path.dirname(path)):  # BOINC keeps the folder: it is the disk that is not there
                raise Retry(f"{os.path.dirname(path)} is not there")
            else:
                log.error("workunit %d %s: the file of its output is gone: %s", row.id, row.name, path or "the result names none")
        record = decide(workunit_of(row, batch, output, report))
        if record is None:
            raise Retry("it waits to be assimilated, and has neither a canonical result nor an error")
        return record

    def _read(self, path: str) -> bytes | None:
        """None if the file is not there. Raises Retry if it can't be read now."""
        try:
            return self._fs.read(path) if path else None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Retry(f"{path}: {error.strerror or error}") from None

    def _end_aborted(self) -> None:
        if self._dry_run or self._clock.now() < self._next_look:
            return
        self._next_look = self._clock.now() + ABORTED_EVERY
        for batch in self._tables.end_aborted(self._share.app):
            log.info("batch %d was aborted or retired on the project's web pages: its jobs end", batch.id)
            try:
                batchdir.ask_to_cancel(self._fs, batch.directory, batch.token)  # the master ends, too
            except OSError as error:
                log.error("batch %d: its master can't be told: %s: %s", batch.id, error.filename, error.strerror)


def _tell(batch: BatchRow, records: Sequence[Record]) -> None:
    for record in records:
        what = f"an output of {len(record.output)} bytes" if record.output is not None else f"an error: {mask_text(record.error_mask)}"
        print(f"{batch.directory}: {record.job}: {what}")


def main() -> None:
    """The script ``pyboinc-assimilator``."""

    def start(store: Store, words: Words, clock: Clock) -> daemon.Pass:
        return Assimilator(store.assimilation, words, clock, OthersDisk()).make_pass

    sys.exit(daemon.main("pyboinc-assimilator", ABOUT, start))
