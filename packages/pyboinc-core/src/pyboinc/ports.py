"""The only ways to time, disk and database. Production, tests and the simulator hand in different ones.

`SystemClock` and `Disk` are the real ones; `pyboinc.testing` has those that tests steer and crash.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import ClassVar, Protocol, TypeVar

from .ledger import CheckedApp, CheckedWorkunit, Ledger
from .rows import BatchRow, Share, WorkunitRow

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


T = TypeVar("T")


class Clock(Protocol):
    """Seconds; only differences of `now` mean anything."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The computer's monotonic clock."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class AppendFile(Protocol):
    """A file open for writing at its end."""

    def write(self, data: bytes) -> None:
        """All of data is with the operating system on return: it survives the death of this process."""

    def sync(self) -> None:
        """All that was written survives a power cut."""

    def close(self) -> None: ...


class Lock(Protocol):
    """Held until `release` or until the process that took it dies."""

    def release(self) -> None: ...


class FileSystem(Protocol):
    """Files by path (str). All failures are OSError."""

    def read(self, path: str) -> bytes: ...

    def size(self, path: str) -> int:
        """Bytes of a file."""

    def lines(self, path: str) -> Iterator[bytes]:
        """Of a file, with their ends; only a few are in memory at a time."""

    def write(self, path: str, data: bytes) -> None:
        """Make or replace the file, then fsync it. A crash may leave any part of data: see `arrive`."""

    def append(self, path: str) -> AppendFile:
        """Open for appending; made if it is not there."""

    def truncate(self, path: str, size: int) -> None: ...

    def rename(self, source: str, target: str) -> None:
        """Atomic; replaces a target that is there. Also after a power cut the file has one of the names: file systems have journals."""

    def sync_folder(self, path: str) -> None:
        """Names made, renamed and removed in the folder so far survive a power cut."""

    def listdir(self, path: str) -> list[str]: ...

    def exists(self, path: str) -> bool: ...

    def make_folder(self, path: str) -> None:
        """With its parents; no error if it is there."""

    def remove(self, path: str) -> None:
        """A file, or an empty folder."""

    def lock(self, path: str) -> Lock | None:
        """Take the lock that the file stands for; None if another process has it."""


class Assimilation(Protocol):
    """The tables as an assimilator uses them. While the database is away, methods wait for it."""

    def app(self, name: str) -> int:
        """The number of an app. Raises StoreError if there is none of that name."""

    def ready(self, share: Share, limit: int, without: Collection[int] = ()) -> list[WorkunitRow]:
        """Workunits that wait to be assimilated, lowest number first; none of the batches in `without`."""

    def batches(self, numbers: Collection[int]) -> dict[int, BatchRow]:
        """Those of these batches that PyBOINC has made."""

    def mark(self, workunits: Sequence[WorkunitRow]) -> None:
        """These are assimilated. In the same transaction the counters of their batches follow.

        One that has got another canonical result since it was read stays, to be assimilated anew; again is harmless.
        """

    def end_aborted(self, app: int) -> list[BatchRow]:
        """Give up the jobs of batches that were aborted or retired on the project's web pages since this was last called.

        And those that were made since then for a batch that had ended: a create_work outlives the master that started it.
        """


class Validation(Protocol):
    """The tables as a validator uses them. While the database is away, methods wait for it."""

    def app(self, name: str) -> CheckedApp:
        """An app. Raises StoreError if there is none of that name."""

    def pending(self, share: Share, limit: int, without: Collection[int] = ()) -> list[CheckedWorkunit]:
        """Workunits that wait to be validated, lowest number first, with their output files; none of the batches in `without`.

        The one that `share.wu_id` names is given also if it does not wait.
        """

    def batches(self, numbers: Collection[int]) -> dict[int, BatchRow]:
        """Those of these batches that PyBOINC has made."""

    def settle(self, app: CheckedApp, workunits: Sequence[int], change: Callable[[Ledger], T]) -> T:
        """Let `change` change the rows of these workunits and all that goes with them, and write them, in one transaction.

        `change` may be called more than once, each time with fresh rows. Its last result is returned.
        """


class Store(Protocol):
    """The database of a BOINC project, for its daemons: got by the hook `pyboinc_open_store`. One attribute per daemon."""

    @property
    def assimilation(self) -> Assimilation: ...

    @property
    def validation(self) -> Validation: ...

    def close(self) -> None: ...


def arrive(fs: FileSystem, folder: str, name: str, data: bytes) -> None:
    """Put a whole file in place at once: temporary name, fsync, rename, fsync of the folder.

    Names that begin with a dot are unfinished and are never read. Writing the same file again is harmless.
    """
    temporary = os.path.join(folder, "." + name)
    fs.write(temporary, data)
    fs.rename(temporary, os.path.join(folder, name))
    fs.sync_folder(folder)


def make_lasting_folder(fs: FileSystem, path: str) -> None:
    """Make a folder, with its parents, whose name survives a power cut as what is synced in it does."""
    missing = []
    while not fs.exists(path) and os.path.dirname(path) != path:
        missing.append(path)
        path = os.path.dirname(path)
    if missing:
        fs.make_folder(missing[0])
    for each in missing:
        fs.sync_folder(os.path.dirname(each))


class Disk:
    """The computer's file system.

    sync (bool): False leaves out every fsync. What was written then survives the death of any process,
    `kill -9` included, but not a power cut.
    """

    def __init__(self, sync: bool = True) -> None:
        self._fsync: Callable[[int], None] = os.fsync if sync else lambda _descriptor: None
        self._sync = sync

    def read(self, path: str) -> bytes:
        with open(path, "rb", opener=_open_file) as file:
            return file.read()

    def lines(self, path: str) -> Iterator[bytes]:
        with open(path, "rb", opener=_open_file) as file:
            yield from file

    def size(self, path: str) -> int:
        return os.path.getsize(path)

    def write(self, path: str, data: bytes) -> None:
        with open(path, "wb", buffering=0) as file:
            _write_all(file.fileno(), data)
            self._fsync(file.fileno())

    def append(self, path: str) -> AppendFile:
        return _DiskAppend(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666), self._fsync)

    def truncate(self, path: str, size: int) -> None:
        os.truncate(path, size)

    def rename(self, source: str, target: str) -> None:
        os.replace(source, target)

    def sync_folder(self, path: str) -> None:
        if not self._sync or sys.platform == "win32":  # NTFS journals names; a folder can't be opened there
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def listdir(self, path: str) -> list[str]:
        return os.listdir(path)

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def make_folder(self, path: str) -> None:
        os.makedirs(path, exist_ok=True)

    def remove(self, path: str) -> None:
        os.rmdir(path) if os.path.isdir(path) else os.remove(path)

    def lock(self, path: str) -> Lock | None:
        key = os.path.realpath(path)
        if key in _DiskLock.held:  # the system's locks don't part two holders in one process
            return None
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        for wait in (0.01, 0.05, None):  # `is_locked` of another process holds it for a moment
            try:
                if sys.platform == "win32":
                    msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
                else:
                    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not flock: forked children would share it
                return _DiskLock(key, descriptor)
            except OSError:
                if wait is not None:
                    time.sleep(wait)
        os.close(descriptor)
        return None

    def is_locked(self, path: str) -> bool:
        """Whether a process has the lock; it is not taken, and the file need not be writable."""
        if os.path.realpath(path) in _DiskLock.held:
            return True
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            if sys.platform == "win32":
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False


class _DiskAppend:
    def __init__(self, descriptor: int, fsync: Callable[[int], None]) -> None:
        self._descriptor = descriptor
        self._fsync = fsync

    def write(self, data: bytes) -> None:
        _write_all(self._descriptor, data)

    def sync(self) -> None:
        self._fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class _DiskLock:
    held: ClassVar[set[str]] = set()

    def __init__(self, key: str, descriptor: int) -> None:
        self._key = key
        self._descriptor = descriptor
        self.held.add(key)

    def release(self) -> None:
        os.close(self._descriptor)
        self.held.discard(self._key)


def _open_file(path: str, flags: int) -> int:
    """Never waits: a pipe in a file's place is an error, not a wait for who writes to it."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    kind = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):  # of a folder `open` says so itself
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a file", path)
    return descriptor


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while len(view):
        view = view[os.write(descriptor, view) :]
