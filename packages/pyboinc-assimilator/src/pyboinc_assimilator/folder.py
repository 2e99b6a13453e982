"""A batch directory as the daemon writes to it: it is another user's, who must not lead the daemon elsewhere."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from pyboinc.ports import Disk


class OthersDisk(Disk):
    """The computer's file system, whose `write` and `rename` follow no symbolic link in the last two parts of a path.

    So what goes to BATCH_DIR/new/NAME goes there, and not to where somebody has let ``new`` or ``.NAME`` point. Unix only.
    """

    def write(self, path: str, data: bytes) -> None:
        name = os.path.basename(path)
        with _folder(path) as folder:
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666, dir_fd=folder)
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
                self._fsync(descriptor)
            finally:
                os.close(descriptor)

    def rename(self, source: str, target: str) -> None:
        with _folder(source) as there, _folder(target) as here:
            os.replace(os.path.basename(source), os.path.basename(target), src_dir_fd=there, dst_dir_fd=here)


@contextlib.contextmanager
def _folder(path: str) -> Iterator[int]:
    """The folder of a file. Raises OSError also if its name is a link."""
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
