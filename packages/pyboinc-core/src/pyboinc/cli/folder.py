"""A batch directory as the commands see it: read without its lock, or held while it is changed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pluggy

from .. import plugins, settings
from ..batchdir import CHECKPOINT, JOURNAL, LOCK, NEW, OLD, BatchDir, BatchError, Checkpoint
from ..forecast import Arrival
from ..model import Batch, Record, parse_job_name
from ..overview import Ledger, Overview, survey
from ..ports import Disk, SystemClock

STATES = {
    "running": "running",
    "stopped": "stopped before its end: start its master again to go on",
    "finished": "finished",
    "cancelled": "cancelled",
    "retired": "retired",
}


@dataclass(frozen=True)
class Folder:
    """A folder that holds a batch."""

    directory: BatchDir
    checkpoint: Checkpoint

    @property
    def path(self) -> str:
        return self.directory.folder

    def __str__(self) -> str:
        return f"batch {self.checkpoint.batch_id or '(without a number yet)'} in {self.path}"

    def has_master(self) -> bool:
        """Whether a master is running now."""
        return Disk().is_locked(self.directory.path(LOCK))

    def state(self) -> str:
        """A key of `STATES`."""
        found = self.checkpoint.state
        return "stopped" if found == "running" and not self.has_master() else found

    def changed(self) -> float | None:
        """When something last happened, in seconds since 1970."""
        times = []
        for name in (CHECKPOINT, JOURNAL, NEW, OLD):
            with contextlib.suppress(FileNotFoundError):
                times.append(os.stat(self.directory.path(name)).st_mtime)
        return max(times, default=None)

    def overview(self, details: bool = False, ledger: Ledger | None = None) -> Overview:
        """Works while a master runs. details: with what failed calls have to say. Raises BatchError if a file is damaged."""
        ledger = ledger or self.ledger()
        with _readable(self.path):
            return survey(ledger, self._records(ledger, details), details)

    def ledger(self) -> Ledger:
        """What the journal tells. Raises BatchError if it is damaged."""
        with _readable(self.path):
            return self.directory.journal(Ledger)

    def result_files(self) -> dict[str, float]:
        """The names of all result files, and when each arrived: a file keeps its time of modification when it is moved."""
        found: dict[str, float] = {}
        for folder in (NEW, OLD, NEW):  # a master may be moving files both ways
            with contextlib.suppress(FileNotFoundError), os.scandir(self.directory.path(folder)) as entries:
                for entry in entries:
                    if not entry.name.startswith("."):
                        with contextlib.suppress(FileNotFoundError):
                            found[entry.name] = entry.stat().st_mtime
        return found

    def _records(self, ledger: Ledger, details: bool) -> Iterator[Record]:
        names: dict[str, None] = {}
        for folder in (NEW, OLD, NEW) if details else (NEW,):  # a master may be moving files both ways
            with contextlib.suppress(FileNotFoundError):
                names |= dict.fromkeys(os.listdir(self.directory.path(folder)))
        any_wanted = ledger.may_be_in("+", details)
        missing = {job.first for job in ledger.jobs.values() if job.handled is not None and ledger.wants(job, details)}
        others = []
        for name in names:
            if name.startswith("."):
                continue
            if not (any_wanted if "+" in name else ledger.may_be_in(name, details)):
                others.append(name)
                continue
            for record in self.read(name):
                if missing and (job := ledger.job_of(record)):
                    missing.discard(job.first)
                yield record
        for name in others if missing else ():  # it may be there under the name of another
            with contextlib.suppress(BatchError):
                yield from self.directory.read_records(name)

    def read(self, name: str) -> list[Record]:
        """The records of a result file. Raises BatchError if it is damaged."""
        try:
            return self.directory.read_records(name)
        except BatchError:  # a master moved it while it was looked for, or else it is damaged
            return self.directory.read_records(name)

    def batch(self) -> Batch:
        """What hooks get that are called without a run. Raises SettingsError if there is a pyboinc.toml that is wrong."""
        found = self.checkpoint
        toml = settings.read_toml(self.directory.path(settings.FILE))
        options = toml.tables.get(found.backend, {})
        return Batch(found.batch_id, found.token, self.path, found.backend, found.project, toml.job, options, Disk(), SystemClock())


def open_folder(path: str) -> Folder:
    """The batch in the folder. Raises BatchError if there is none or it is damaged."""
    folder = os.path.abspath(path)
    if not os.path.isdir(folder):
        raise BatchError(f"{folder} is {'not a folder' if os.path.exists(folder) else 'not there'}: name the folder of a batch")
    directory = BatchDir(Disk(), folder)
    with _readable(folder):
        checkpoint = directory.read_checkpoint()
        if checkpoint is None:
            below = sorted(entry.name for entry in os.scandir(folder) if os.path.exists(os.path.join(entry.path, CHECKPOINT)))
            hint = f"; there are batches in its folders {', '.join(below[:10])}" if below else ""
            raise BatchError(f"{folder} holds no batch: no {CHECKPOINT} is there{hint}. Name the folder of the master, or its --batch")
    return Folder(directory, checkpoint)


def head(folder: Folder) -> dict[str, object]:
    """What every answer in JSON begins with."""
    return {"folder": folder.path, "batch": folder.checkpoint.batch_id, "state": folder.checkpoint.state}


@contextlib.contextmanager
def hold(folder: Folder) -> Iterator[Folder]:
    """The folder as it is under the lock: no master runs. Raises BatchError if one does."""
    with _readable(folder.path):
        folder.directory.lock()
    try:
        with _readable(folder.path):
            yield Folder(folder.directory, folder.directory.read_checkpoint() or folder.checkpoint)
    finally:
        folder.directory.close()


def hooks_of(folder: Folder) -> pluggy.HookRelay:
    """The hooks of the batch's own backend and of all extensions. Raises PluginError."""
    return plugins.for_run(folder.checkpoint.backend)[0].hook


@contextlib.contextmanager
def _readable(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BatchError(f"{error.filename or folder}: {error.strerror or error}") from None


class Arrivals:
    """When results arrived, looked at again and again: a file with several jobs is read once."""

    def __init__(self) -> None:
        self._jobs: dict[str, list[tuple[str, int]]] = {}

    def look(self, there: Folder, ledger: Ledger) -> list[Arrival]:
        """In order of time. Those of given-up attempts are left out."""
        found = []
        for name, time in there.result_files().items():
            if name not in self._jobs:
                parsed = parse_job_name(name)
                names = [parsed] if parsed else [parse_job_name(each.job) for each in there.read(name)]
                self._jobs[name] = [each[2:] for each in names if each]
            jobs = [
                ledger.jobs[first] for first, attempt in self._jobs[name] if first in ledger.jobs and ledger.jobs[first].attempt == attempt
            ]
            if jobs:
                found.append(Arrival(time, sum(len(job.positions) for job in jobs)))
        return sorted(found)
