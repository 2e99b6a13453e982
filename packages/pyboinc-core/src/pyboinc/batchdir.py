"""The batch directory: its files, their order of writing, its lock. docs/formats.md describes the formats.

    pyboinc_checkpoint   line 1: the batch ID; then backend, project, token, format, state, and the runtime if it is not native
    pyboinc_journal      what the master decided, one JSON array a line; see `pyboinc.decisions.Entry`
    pyboinc_lock         locked while a master runs
    pyboinc_cancel       asks the master that runs to cancel the batch
    pyboinc_calls        what an executor was asked for; see `pyboinc.calllog`
    new/  old/           result files not yet handled, and handled
    files/               what slaves wrote; see `pyboinc.attachments`
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from . import ports, records
from .decisions import Entry, ReplayError
from .errors import DecodeError, PyBoincError
from .model import POSITION, Record

FORMAT = 1
CHECKPOINT, JOURNAL, LOCK, NEW, OLD = "pyboinc_checkpoint", "pyboinc_journal", "pyboinc_lock", "new", "old"
CANCEL, CALLS, FILES = "pyboinc_cancel", "pyboinc_calls", "files"
T = TypeVar("T")
STATES = ("running", "finished", "cancelled", "retired")

WAYS_ON = "Ways on: --batch DIR for a batch in another folder; --fresh to start anew in this one (what is there is set aside, not deleted)."


class BatchError(PyBoincError):
    """A batch directory is in use, damaged, or another's."""


@dataclass(frozen=True)
class Checkpoint:
    """Whose folder this is. batch_id (int): 0 until the project has given it.  runtime (str): its SHA-256, if it is no native batch."""

    batch_id: int
    backend: str
    project: str
    token: str
    seed: int = 0
    state: str = "running"
    runtime: str = ""

    def dump(self) -> bytes:
        table = {"backend": self.backend, "project": self.project, "token": self.token}
        table |= {"seed": str(self.seed), "format": str(FORMAT), "state": self.state}
        table |= {"runtime": self.runtime} if self.runtime else {}
        return "".join([f"{self.batch_id}\n", *(f"{key}: {value}\n" for key, value in table.items())]).encode()

    @classmethod
    def load(cls, data: bytes, path: str) -> Checkpoint:
        """Raises BatchError that names the line."""
        lines = data.decode("utf-8", "replace").splitlines()
        table = dict(line.partition(": ")[::2] if ": " in line else (line.rstrip(":"), "") for line in lines[1:])
        if table.get("format") != str(FORMAT):
            there = table.get("format", "missing")
            raise BatchError(f"{path}: its format is {there}, and this version of PyBOINC reads {FORMAT}. {WAYS_ON}")
        forms = {"backend": r"\S+", "project": r".*", "token": r"[0-9a-f]+", "seed": r"-?[0-9]{1,4000}", "state": "|".join(STATES)}
        forms["runtime"] = r"(?:[0-9a-f]{64})?"
        table.setdefault("runtime", "")
        for key, form in forms.items():
            if not re.fullmatch(form, table.get(key, "\n")):
                raise BatchError(f"{path}: the line '{key}:' is missing or damaged. {WAYS_ON}")
        if not re.fullmatch(r"[0-9]{1,18}", lines[0]):
            raise BatchError(f"{path}, line 1: must be the number of the batch, but is {lines[0][:40]!r}. {WAYS_ON}")
        values = table["backend"], table["project"], table["token"], int(table["seed"]), table["state"], table["runtime"]
        return cls(int(lines[0]), *values)


class BatchDir:
    """A batch directory on a file system. Only the master that holds the lock writes, but for the arrival of records."""

    def __init__(self, fs: ports.FileSystem, folder: str) -> None:
        self.fs = fs
        self.folder = folder
        self._journal: ports.AppendFile | None = None
        self._lock: ports.Lock | None = None

    def path(self, *names: str) -> str:
        return os.path.join(self.folder, *names)

    # -- lock

    def lock(self) -> None:
        """Become the one master. Raises BatchError if there is one."""
        ports.make_lasting_folder(self.fs, self.folder)
        self._lock = self.fs.lock(self.path(LOCK))
        if self._lock is None:
            raise BatchError(f"another master is running in {self.folder}: wait for it, stop it, or use --batch DIR for a batch of its own")

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # -- checkpoint

    def read_checkpoint(self) -> Checkpoint | None:
        """None if there is no batch here. Raises BatchError if what is there can't be read."""
        try:
            data = self.fs.read(self.path(CHECKPOINT))
        except FileNotFoundError:
            if self.fs.exists(self.path(JOURNAL)):
                raise BatchError(f"{self.folder} has a journal but no {CHECKPOINT}: put that file back. {WAYS_ON}") from None
            return None
        checkpoint = Checkpoint.load(data, self.path(CHECKPOINT))
        if checkpoint.batch_id and not self.fs.exists(self.path(JOURNAL)) and (checkpoint.state == "finished" or self._has_results()):
            there = f"{self.folder} has a batch with results or at its end, but no {JOURNAL}"
            raise BatchError(f"{there}: put that file back, or every call would be computed again. {WAYS_ON}")
        return checkpoint

    def _has_results(self) -> bool:
        folders = [self.path(name) for name in (NEW, OLD) if self.fs.exists(self.path(name))]
        return any(not name.startswith(".") for folder in folders for name in self.fs.listdir(folder))

    def write_checkpoint(self, checkpoint: Checkpoint) -> None:
        if checkpoint.state == "finished" and not self.fs.exists(self.path(JOURNAL)):
            self.fs.append(self.path(JOURNAL)).close()  # a program without calls: its journal is empty, not lost
        ports.arrive(self.fs, self.folder, CHECKPOINT, checkpoint.dump())

    def begin(self, backend: str, project: str, seed: int, runtime: str = "") -> Checkpoint:
        """The checkpoint of the batch that is here, or of a new one. Raises BatchError if one of another backend, seed or runtime is."""
        found = self.read_checkpoint()
        if found is None:
            found = Checkpoint(0, backend, project, secrets.token_hex(6), seed, runtime=runtime)
            self.write_checkpoint(found)
        elif (found.backend, found.project) != (backend, project):
            there = f"{found.backend}{' ' + found.project if found.project else ''}"
            here = f"{backend}{' ' + project if project else ''}"
            raise BatchError(f"{self.folder} holds a batch of the backend {there}, and this run is for {here}. {WAYS_ON}")
        elif found.seed != seed:
            seeds = f"with the seed {found.seed}, and this run's is {seed}"
            raise BatchError(f"{self.folder} holds a batch {seeds}: results of both would mix. {WAYS_ON}")
        elif found.runtime != runtime:
            which = f"{_in(found.runtime)}, and this run's jobs would run {_in(runtime)}: their results need not agree"
            raise BatchError(f"{self.folder} holds a batch whose jobs run {which}. {_way_back(found.runtime, runtime)}{WAYS_ON}")
        return found

    def set_aside(self) -> str | None:
        """Move the batch that is here into a folder of its own, for --fresh; its path, or None if there was none.

        The checkpoint goes last: if this is interrupted, the batch is still here and the next try completes it.
        """
        if not any(self.fs.exists(self.path(name)) for name in (CHECKPOINT, JOURNAL)):
            return None
        try:
            token = Checkpoint.load(self.fs.read(self.path(CHECKPOINT)), "").token
        except (BatchError, OSError):
            token = "damaged_" + secrets.token_hex(4)
        target = self.path(f"pyboinc_earlier_{token}")
        self.fs.make_folder(target)
        for name in (NEW, OLD, FILES, CALLS, JOURNAL, CANCEL, CHECKPOINT):
            if self.fs.exists(self.path(name)) and (name != FILES or self._are_of_slaves(name)):
                self.fs.rename(self.path(name), os.path.join(target, name))
        self.fs.sync_folder(target)
        self.fs.sync_folder(self.folder)
        return target

    def _are_of_slaves(self, name: str) -> bool:
        """The user may have a folder or a file of that name."""
        try:
            return all(map(_POSITION, self.fs.listdir(self.path(name))))
        except OSError:
            return False

    def put_back(self, aside: str) -> None:
        """Undo `set_aside`: the batch that was to take its place was refused before it had a call."""
        if self.fs.exists(self.path(CHECKPOINT)):
            self.fs.remove(self.path(CHECKPOINT))
        for name in self.fs.listdir(aside):
            self.fs.rename(os.path.join(aside, name), self.path(name))
        self.fs.remove(aside)

    # -- cancelling: asked for by anybody, done by who holds the lock

    def ask_to_cancel(self, checkpoint: Checkpoint) -> None:
        ask_to_cancel(self.fs, self.folder, checkpoint.token)

    def asked_to_cancel(self, checkpoint: Checkpoint) -> bool:
        """Whether somebody wants this batch cancelled; not an earlier one that was here."""
        path = self.path(CANCEL)
        return self.fs.exists(path) and self.fs.read(path) == checkpoint.token.encode()

    def forget_to_cancel(self) -> None:
        if self.fs.exists(self.path(CANCEL)):
            self.fs.remove(self.path(CANCEL))

    # -- journal

    def journal(self, make: Callable[[Iterator[Entry]], T]) -> T:
        """What `make` makes of all that earlier runs wrote; it may raise ReplayError. Raises BatchError.

        A last line that a crash cut off is cut off here too. What is told is there for good: whoever wrote it may have died before
        it was synced, and what is done upon it, such as a handler's work, is not to be undone by a power cut.
        """
        number = size = 0  # of the lines that were read

        def entries() -> Iterator[Entry]:
            nonlocal number, size
            if not self.fs.exists(self.path(JOURNAL)):
                return
            for line in self.fs.lines(self.path(JOURNAL)):
                if line.endswith(b"\n"):
                    number, size = number + 1, size + len(line)
                    yield _entry(json.loads(line))
                elif self._lock is not None:
                    self.fs.truncate(self.path(JOURNAL), size)

        try:
            made = make(entries())
            if number and self._lock is not None:
                self._open_journal().sync()
            return made
        except (ValueError, RecursionError):
            raise BatchError(f"{self.path(JOURNAL)}, line {number}: damaged. {WAYS_ON}") from None
        except ReplayError as error:
            raise BatchError(f"{self.path(JOURNAL)}, {error}. {WAYS_ON}") from None

    def write_journal(self, entries: Iterable[Entry], sync: bool = True) -> None:
        """Add entries; on return they are there for good, if synced."""
        journal = self._open_journal()
        journal.write("".join([_line(entry) + "\n" for entry in entries]).encode())
        if sync:
            journal.sync()

    def _open_journal(self) -> ports.AppendFile:
        if self._journal is None:
            self._journal = self.fs.append(self.path(JOURNAL))
            self.fs.sync_folder(self.folder)
        return self._journal

    # -- result files

    def bring_back(self) -> None:
        """Move what earlier runs handled back to ``new/``, to be handled again. Makes both folders if they are not there."""
        self.fs.make_folder(self.path(NEW))
        self.fs.make_folder(self.path(OLD))
        for name in self.fs.listdir(self.path(OLD)):
            self.fs.rename(self.path(OLD, name), self.path(NEW, name))

    def arrived(self) -> list[str]:
        """Names of the result files in ``new/``."""
        return [name for name in self.fs.listdir(self.path(NEW)) if not name.startswith(".")]

    def keep_arrived(self) -> None:
        """What `arrived` has told of is there for good: whoever has put it there may have died before."""
        self.fs.sync_folder(self.path(NEW))

    def put_away(self, name: str) -> None:
        self.fs.rename(self.path(NEW, name), self.path(OLD, name))

    def read_records(self, name: str) -> list[Record]:
        """Raises BatchError if the file can't be read."""
        for folder in (NEW, OLD):
            try:
                return records.load_records(self.fs.read(self.path(folder, name)))
            except FileNotFoundError:
                continue
            except (DecodeError, OSError) as error:
                raise BatchError(f"{self.path(folder, name)}: {error}. Move the file away: its jobs then run again.") from error
        raise BatchError(f"{self.path(NEW, name)} is gone")


def _in(runtime: str) -> str:
    return f"in the deterministic runtime {runtime[:16]}" if runtime else "natively"


def _way_back(was: str, wanted: str) -> str:
    if was and wanted:
        return f"To go on with it, name the folder of that runtime: PYBOINC_RUNTIME=DIR (DIR/runtime.txt has sha256 {was}). "
    return f"To go on with it: --runtime {'wasm' if was else 'native'}. "


def ask_to_cancel(fs: ports.FileSystem, folder: str, token: str) -> None:
    """The batch of that token in the folder is to be cancelled by its master, now or when it is started again."""
    ports.arrive(fs, folder, CANCEL, token.encode())


_FORMS: dict[str, list[type]] = {
    "program": [str, str],
    "made": [str, int, list],
    "handled": [str, bool],
    "failed": [str],
    "outvoted": [str],
    "rerun": [list],
    "left": [list],
}


_POSITION = re.compile(POSITION).fullmatch
_line = json.JSONEncoder(separators=(",", ":")).encode


def _entry(value: object) -> Entry:
    """Check the form that `Master` relies on. Raises ValueError."""
    if isinstance(value, list) and value and isinstance(value[0], str):
        kind, rest = value[0], value[1:]
        form = _FORMS.get(kind)
        if form is None or list(map(type, rest)) == form:
            if kind == "made":
                if not 0 <= rest[1] < 10**18 or not rest[2]:
                    raise ValueError
                if not all(isinstance(call, list) and list(map(type, call)) == [str, str] for call in rest[2]):
                    raise ValueError
            if form is not None and kind != "program":
                for position in rest[0] if kind in ("rerun", "left") else rest[:1]:
                    if not isinstance(position, str) or not _POSITION(position):
                        raise ValueError
            return value
    raise ValueError
