"""A disk in memory, whose processes can die at any step, and whose power can fail."""

from __future__ import annotations

import errno
import functools
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

Chance = Callable[[], float]
"""Numbers from 0 to below 1, as of `random.Random.random`."""

_folder_of = functools.lru_cache(100_000)(os.path.dirname)


class Crash(BaseException):
    """The process died here. Not an Exception: nothing that handles errors may go on after it."""


class CrashPoints:
    """The points of a process at which it may die. steps (int): those passed.  at (int | None): the number of the one at which
    `Crash` is raised; None never.  dead: it has died, and each further step raises `Crash` as well.
    """

    def __init__(self, at: int | None = None) -> None:
        self.steps = 0
        self.at = at
        self.dead = False

    def reach(self) -> None:
        """The process is at the next point. Raises Crash."""
        if self.dead or self.steps == self.at:
            self.dead = True
            raise Crash(f"at crash point {self.steps}")
        self.steps += 1


@dataclass(eq=False)
class _File:
    """synced: what it held when it was synced.  kept: so many bytes at its start are as they were then."""

    data: bytes = b""
    synced: bytes = b""
    kept: int = 0

    def cut(self, size: int) -> None:
        self.data = self.data[:size]
        self.kept = min(self.kept, size)

    def sync(self) -> None:
        self.synced, self.kept = self.data, len(self.data)


_Change: TypeAlias = dict[str, _File | None]
"""Of names: the files that they are given to; None: they are taken away."""


class MemoryDisk:
    """What file systems of several processes share. full: there is no room for another byte.

    Its names are journalled: a rename is one change, that of two folders too, and of two changes of one name the later is there after
    a power cut only if the earlier is. Such are ext3, ext4, XFS, Btrfs and ReiserFS, but not ext2: Pillai et al., "All File Systems
    Are Not Created Equal", OSDI 2014, table 1, atomicity of directory operations.
    """

    def __init__(self) -> None:
        self.full = False
        self.files: dict[str, _File] = {}
        self.folders: set[str] = set()
        self.locks: dict[str, CrashPoints] = {}
        self._durable_files: dict[str, _File] = {}
        self._durable_folders: set[str] = set()
        self._changes: list[_Change] = []  # not durable yet, in their order

    def put(self, path: str, data: bytes) -> None:
        """A file that somebody else has made, for good."""
        self.change({path: _File(data, data, len(data))})
        self._make_durable(lambda change: path in change)

    def drop(self, path: str) -> None:
        """Somebody else has removed the file, for good; or it was not there."""
        self.change({path: None})
        self._make_durable(lambda change: path in change)

    def change(self, names: _Change) -> None:
        """At once, and for good when a folder of theirs is synced."""
        _apply(names, self.files)
        self._changes.append(names)

    def _make_durable(self, chosen: Callable[[_Change], bool]) -> None:
        """These changes, and those of the same names before them."""
        names: set[str] = set()
        durable, left = [], []
        for change in reversed(self._changes):
            if chosen(change) or not names.isdisjoint(change):
                names.update(change)
                durable.append(change)
            else:
                left.append(change)
        for change in reversed(durable):
            _apply(change, self._durable_files)
        self._changes = left[::-1]

    def sync_folder(self, path: str) -> None:
        """Names in the folder are from now on what a power cut leaves."""
        self._make_durable(lambda change: any(_folder_of(name) == path for name in change))
        self._durable_folders = {each for each in self._durable_folders if _folder_of(each) != path}
        self._durable_folders.update(each for each in self.folders if _folder_of(each) == path)

    def move_folder(self, source: str, target: str) -> None:
        """At once and for good, as journalling file systems do it."""

        def moved(path: str) -> str:
            return target + path[len(source) :] if path == source or path.startswith(source + os.sep) else path

        self.folders = set(map(moved, self.folders))
        self._durable_folders = set(map(moved, self._durable_folders))
        self.files = {moved(path): file for path, file in self.files.items()}
        self._durable_files = {moved(path): file for path, file in self._durable_files.items()}
        self._changes = [{moved(path): file for path, file in change.items()} for change in self._changes]

    def copy(self) -> MemoryDisk:
        """What there is, synced; nobody has a lock."""
        new = MemoryDisk()
        new._settle(self.folders, {path: file.data for path, file in self.files.items()})
        return new

    def after_power_cut(self, chance: Chance | None = None) -> MemoryDisk:
        """Another disk, as this one is found when the power is back.

        Without `chance` nothing is left that was not synced. With it, each file that was made, moved or removed since its folder
        was synced may be so, or still be as it was; and what was written to a file since its sync may be there, or not, or in
        part, or zeros instead of its end.
        """
        folders, names = set(self._durable_folders), dict(self._durable_files)
        if chance is not None:
            for folder in sorted(self.folders ^ folders):
                if chance() < 0.5:
                    folders ^= {folder}
            undone: set[str] = set()
            for change in self._changes:
                if undone.isdisjoint(change) and chance() < 0.5:
                    _apply(change, names)
                else:
                    undone.update(change)
        new = MemoryDisk()
        there = {each for each in folders if _within(_folder_of(each), folders)}
        left = {path: _left(names[path], chance) for path in sorted(names) if _within(_folder_of(path), there)}
        new._settle(there, left)
        return new

    def _settle(self, folders: set[str], files: dict[str, bytes]) -> None:
        self.folders = set(folders)
        self._durable_folders = set(folders)
        self.files = {path: _File(data, data, len(data)) for path, data in files.items()}
        self._durable_files = dict(self.files)


def _apply(change: _Change, names: dict[str, _File]) -> None:
    for path, file in change.items():
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file


def _within(folder: str, folders: set[str]) -> bool:
    """Whether the folder is there, and all above it."""
    while _folder_of(folder) != folder:
        if folder not in folders:
            return False
        folder = _folder_of(folder)
    return True


def _left(file: _File, chance: Chance | None) -> bytes:
    if chance is None or file.data == file.synced or chance() < 0.25:
        return file.synced
    size = file.kept + int(chance() * (len(file.data) - file.kept + 1))
    zeros = len(file.data) - size if chance() < 0.5 else 0
    return file.data[:size] + bytes(zeros)


class MemoryFileSystem:
    """`pyboinc.ports.FileSystem`, as one process has it, with a *crash point* before and after each change and each fsync, and in
    the middle of each write.

    crash_at (int | None): the number of the crash point at which `Crash` is raised; None never.  disk: shared with other
    processes, else one of its own.  points: counted together with the process's other crash points.
    After a crash `after_kill()` is what another process finds, and `after_power_cut()` what is found when the power is back:
    only what was synced. A process that has died holds no lock.
    """

    def __init__(self, crash_at: int | None = None, *, disk: MemoryDisk | None = None, points: CrashPoints | None = None) -> None:
        self.disk = MemoryDisk() if disk is None else disk
        self.points = CrashPoints(crash_at) if points is None else points

    @property
    def steps(self) -> int:
        """Crash points passed."""
        return self.points.steps

    # -- crashing

    def _change(self, what: Callable[[], object]) -> None:
        self.points.reach()
        what()
        self.points.reach()

    def after_kill(self, crash_at: int | None = None) -> MemoryFileSystem:
        """All that was done is there; locks are free."""
        return self._successor(self.disk.copy(), crash_at)

    def after_power_cut(self, crash_at: int | None = None) -> MemoryFileSystem:
        """Names as their folder was last synced, contents as the files were."""
        return self._successor(self.disk.after_power_cut(), crash_at)

    def _successor(self, disk: MemoryDisk, crash_at: int | None) -> MemoryFileSystem:
        return MemoryFileSystem(crash_at, disk=disk)

    # -- the port

    def read(self, path: str) -> bytes:
        return self._file(path).data

    def lines(self, path: str) -> Iterator[bytes]:
        yield from io.BytesIO(self.read(path))

    def size(self, path: str) -> int:
        return len(self._file(path).data)

    def write(self, path: str, data: bytes) -> None:
        self._parent(path)
        file = self._made(path)
        self._change(lambda: file.cut(0))
        self._grow(path, file, data)
        self._change(file.sync)

    def append(self, path: str) -> _Append:
        self._parent(path)
        return _Append(self, path, self._made(path))

    def _made(self, path: str) -> _File:
        """The file, made if it is not there."""
        files = self.disk.files
        if path not in files:
            self._change(lambda: self.disk.change({path: _File()}))
        return files[path]

    def _grow(self, path: str, file: _File, data: bytes) -> None:
        before, half = file.data, len(data) // 2
        self._change(lambda: setattr(file, "data", before + data[:half]))
        if self.disk.full and data:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        self._change(lambda: setattr(file, "data", before + data))

    def truncate(self, path: str, size: int) -> None:
        file = self._file(path)
        self._change(lambda: file.cut(size))

    def rename(self, source: str, target: str) -> None:
        self._parent(target)
        disk = self.disk
        if source in disk.folders:
            self._change(lambda: disk.move_folder(source, target))
            return
        file = self._file(source)
        if source != target:
            self._change(lambda: disk.change({source: None, target: file}))

    def sync_folder(self, path: str) -> None:
        self._change(lambda: self.disk.sync_folder(path))

    def listdir(self, path: str) -> list[str]:
        disk = self.disk
        if path not in disk.folders:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return sorted(os.path.basename(each) for each in {*disk.files, *disk.folders} if _folder_of(each) == path)

    def exists(self, path: str) -> bool:
        return path in self.disk.files or path in self.disk.folders

    def make_folder(self, path: str) -> None:
        missing = []
        while path not in self.disk.folders and _folder_of(path) != path:
            missing.append(path)
            path = _folder_of(path)
        for each in reversed(missing):
            self._change(lambda each=each: self.disk.folders.add(each))  # type: ignore[misc]

    def remove(self, path: str) -> None:
        disk = self.disk
        if path in disk.folders:
            self._change(lambda: disk.folders.remove(path))
            return
        self._file(path)
        self._change(lambda: disk.change({path: None}))

    def lock(self, path: str) -> _Lock | None:
        holder = self.disk.locks.get(path)
        if holder is not None and not holder.dead:
            return None
        self.disk.locks[path] = self.points
        return _Lock(self.disk, path, self.points)

    def _file(self, path: str) -> _File:
        file = self.disk.files.get(path)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return file

    def _parent(self, path: str) -> None:
        if _folder_of(path) not in self.disk.folders:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), _folder_of(path))


class _Append:
    def __init__(self, fs: MemoryFileSystem, path: str, file: _File) -> None:
        self._fs = fs
        self._path = path
        self._file = file

    def write(self, data: bytes) -> None:
        self._fs._grow(self._path, self._file, data)

    def sync(self) -> None:
        self._fs._change(self._file.sync)

    def close(self) -> None: ...


class _Lock:
    def __init__(self, disk: MemoryDisk, path: str, holder: CrashPoints) -> None:
        self._disk = disk
        self._path = path
        self._holder = holder

    def release(self) -> None:
        if self._disk.locks.get(self._path) is self._holder:
            del self._disk.locks[self._path]
