"""A process's way to the simulated disk: watched, so that it writes only where it may."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from pyboinc.testing import CrashPoints, MemoryDisk, MemoryFileSystem
from pyboinc.testing.filesystem import _Append

UPLOADS = "/project/upload"
BATCH = "/home/me/batch"


class ProcessDisk(MemoryFileSystem):
    """may_write: says of a path whether the process has any business there.  refused: told of one where it has none.
    arrived: told of each file that got its name in the batch's folder.  uploads_are_away: the disk of the uploads is not there now.
    """

    def __init__(
        self,
        disk: MemoryDisk,
        points: CrashPoints,
        may_write: Callable[[str], bool],
        refused: Callable[[str], None],
        arrived: Callable[[str], None],
        uploads_are_away: Callable[[], bool],
    ) -> None:
        super().__init__(disk=disk, points=points)
        self._may_write = may_write
        self._refused = refused
        self._arrived = arrived
        self._uploads_are_away = uploads_are_away

    def _watch(self, path: str) -> None:
        if not self._may_write(path):
            self._refused(path)

    def _is_away(self, path: str) -> bool:
        return path.startswith(UPLOADS) and self._uploads_are_away()

    def read(self, path: str) -> bytes:
        self._there(path)
        return super().read(path)

    def size(self, path: str) -> int:
        self._there(path)
        return super().size(path)

    def exists(self, path: str) -> bool:
        return not self._is_away(path) and super().exists(path)

    def _there(self, path: str) -> None:
        if self._is_away(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    def write(self, path: str, data: bytes) -> None:
        self._watch(path)
        super().write(path, data)

    def append(self, path: str) -> _Append:
        self._watch(path)
        return super().append(path)

    def truncate(self, path: str, size: int) -> None:
        self._watch(path)
        super().truncate(path, size)

    def rename(self, source: str, target: str) -> None:
        self._watch(source)
        self._watch(target)
        super().rename(source, target)
        self._arrived(target)

    def make_folder(self, path: str) -> None:
        if not self.exists(path):
            self._watch(path)
        super().make_folder(path)

    def remove(self, path: str) -> None:
        self._watch(path)
        super().remove(path)


def of_master(path: str) -> bool:
    return path == BATCH or path.startswith(BATCH + "/")


def of_assimilator(path: str) -> bool:
    """Records, and that the batch was aborted."""
    name = os.path.basename(path)
    return os.path.dirname(path) == f"{BATCH}/new" or (os.path.dirname(path) == BATCH and name in ("pyboinc_cancel", ".pyboinc_cancel"))


def of_validator(path: str) -> bool:
    return False
