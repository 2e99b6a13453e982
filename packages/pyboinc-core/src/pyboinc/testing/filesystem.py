"""A file system in memory that can die at any step, as processes do and as power does."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass


class Crash(BaseException):
    """The process died here. Not an Exception: nothing that handles errors may go on after it."""


@dataclass
class _File:
    data: bytes = b""
    synced: bytes = b""


class MemoryFileSystem:
    """`pyboinc.ports.FileSystem`, with a *crash point* before and after each change and each fsync, and in the middle of
    each write.

    crash_at (int | None): the number of the crash point at which `Crash` is raised; None never.  `steps` counts those passed.
    After a crash `after_kill()` is what another process finds, and `after_power_cut()` what is found when the power is back:
    only what was synced.
    """

    def __init__(self, crash_at: int | None = None) -> None:
        self.steps = 0
        self.crash_at = crash_at
        self.dead = False
        self._files: dict[str, _File] = {}
        self._folders: set[str] = set()
        self._durable_names: dict[str, _File] = {}
        self._locks: set[str] = set()

    # -- crashing

    def _point(self) -> None:
        if self.dead or self.steps == self.crash_at:
            self.dead = True
            raise Crash(f"at crash point {self.steps}")
        self.steps += 1

    def _change(self, what: Callable[[], None]) -> None:
        self._point()
        what()
        self._point()

    def after_kill(self, crash_at: int | None = None) -> MemoryFileSystem:
        """All that was done is there; locks are free."""
        return self._successor({path: _File(file.data, file.synced) for path, file in self._files.items()}, crash_at)

    def after_power_cut(self, crash_at: int | None = None) -> MemoryFileSystem:
        """Names as their folder was last synced, contents as the files were."""
        return self._successor({path: _File(file.synced, file.synced) for path, file in self._durable_names.items()}, crash_at)

    def _successor(self, files: dict[str, _File], crash_at: int | None) -> MemoryFileSystem:
        new = MemoryFileSystem(crash_at)
        new._files = files
        new._durable_names = dict(files)
        new._folders = set(self._folders)
        return new

    # -- the port

    def read(self, path: str) -> bytes:
        return self._file(path).data

    def write(self, path: str, data: bytes) -> None:
        self._parent(path)
        file = _File(b"", self._files[path].synced if path in self._files else b"")
        self._change(lambda: self._files.__setitem__(path, file))
        self._grow(file, data)
        self._change(lambda: setattr(file, "synced", file.data))

    def append(self, path: str) -> _Append:
        self._parent(path)
        if path not in self._files:
            self._change(lambda: self._files.__setitem__(path, _File()))
        return _Append(self, self._files[path])

    def _grow(self, file: _File, data: bytes) -> None:
        before, half = file.data, len(data) // 2
        self._change(lambda: setattr(file, "data", before + data[:half]))
        self._change(lambda: setattr(file, "data", before + data))

    def truncate(self, path: str, size: int) -> None:
        file = self._file(path)
        self._change(lambda: setattr(file, "data", file.data[:size]))

    def rename(self, source: str, target: str) -> None:
        self._parent(target)
        if source in self._folders:
            prefix = source + os.sep
            moved = {target + path[len(source) :]: path for path in self._files if path.startswith(prefix)}
            self._change(lambda: self._move_folder(source, target, moved))
            return
        self._file(source)
        self._change(lambda: self._files.__setitem__(target, self._files.pop(source)))

    def _move_folder(self, source: str, target: str, moved: dict[str, str]) -> None:
        self._folders.remove(source)
        self._folders.add(target)
        for new, old in moved.items():
            self._files[new] = self._files.pop(old)
            if old in self._durable_names:
                self._durable_names[new] = self._durable_names.pop(old)

    def sync_folder(self, path: str) -> None:
        def sync() -> None:
            for name in [each for each in self._durable_names if os.path.dirname(each) == path]:
                del self._durable_names[name]
            self._durable_names.update({name: file for name, file in self._files.items() if os.path.dirname(name) == path})

        self._change(sync)

    def listdir(self, path: str) -> list[str]:
        if path not in self._folders:
            raise FileNotFoundError(2, "No such file or directory", path)
        entries = {*self._files, *self._folders}
        return [os.path.basename(each) for each in entries if os.path.dirname(each) == path]

    def exists(self, path: str) -> bool:
        return path in self._files or path in self._folders

    def make_folder(self, path: str) -> None:
        while path not in self._folders and os.path.dirname(path) != path:
            self._folders.add(path)
            path = os.path.dirname(path)

    def remove(self, path: str) -> None:
        if path in self._folders:
            self._change(lambda: self._folders.remove(path))
            return
        self._file(path)
        self._change(lambda: void(self._files.pop(path)))

    def lock(self, path: str) -> _Lock | None:
        if path in self._locks:
            return None
        self._locks.add(path)
        return _Lock(self._locks, path)

    def _file(self, path: str) -> _File:
        if path not in self._files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self._files[path]

    def _parent(self, path: str) -> None:
        if os.path.dirname(path) not in self._folders:
            raise FileNotFoundError(2, "No such file or directory", os.path.dirname(path))


class _Append:
    def __init__(self, fs: MemoryFileSystem, file: _File) -> None:
        self._fs = fs
        self._file = file

    def write(self, data: bytes) -> None:
        self._fs._grow(self._file, data)

    def sync(self) -> None:
        self._fs._change(lambda: setattr(self._file, "synced", self._file.data))

    def close(self) -> None: ...


class _Lock:
    def __init__(self, locks: set[str], path: str) -> None:
        self._locks = locks
        self._path = path

    def release(self) -> None:
        self._locks.discard(self._path)


def void(_value: object) -> None: ...
