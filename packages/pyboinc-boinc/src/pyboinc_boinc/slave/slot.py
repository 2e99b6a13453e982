"""The folder that a BOINC client gives to a task, and the files by which the two understand each other there."""

from __future__ import annotations

import contextlib
import os

from . import init_data, mmap, softlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

LOCK = "boinc_lockfile"
FINISH = "boinc_finish_called"
TEMPORARY_EXIT = "boinc_temporary_exit"
INIT_DATA = "init_data.xml"
CHANNELS = "boinc_mmap_file"


class SlotFault(Exception):
    """The task can't run in this slot: BOINC's client error."""


class Slot:
    """The slot at ``folder``, an absolute path."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._lock: IO[bytes] | None = None

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def resolve(self, name: str) -> str:
        """The path of a logical file of the job."""
        return softlink.resolve(name, self.folder)

    def lock(self) -> bool:
        """Be the only task in this slot until this process ends, however it ends; False if another one is here."""
        import errno
        import fcntl

        if self._lock is None:
            self._lock = open(self.path(LOCK), "ab")  # noqa: SIM115  (closing any handle of it would unlock)
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        except OSError as error:
            if error.errno != errno.ENOSYS:  # a file system without locks: then without, as BOINC does
                raise
        return True

    def forget_last_run(self) -> None:
        """Remove what a run left that was killed as it ended: a client aborts a task five minutes after its finish file."""
        for name in (FINISH, TEMPORARY_EXIT):
            remove(self.path(name))

    def init_data(self) -> init_data.InitData | None:
        """What the client says, None if there is no client (standalone). Raises SlotFault."""
        try:
            return init_data.read(self.path(INIT_DATA))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise SlotFault(f"{INIT_DATA} can't be read: {error}") from None

    def channels(self) -> mmap.Channels:
        """The channels to the client. Raises SlotFault: what can't be suspended or aborted is not for a volunteer's computer."""
        try:
            return mmap.attach(self.path(CHANNELS))
        except (OSError, ValueError) as error:
            raise SlotFault(f"{CHANNELS} can't be used ({error}); does the app version's version.xml give an <api_version>?") from None

    def finish(self) -> None:
        """Tell the client that the output is there. Exit 0 after it."""
        write(self.path(FINISH), b"0\n")

    def temporary_exit(self, seconds: int, reason: str) -> None:
        """Ask the client to start the task again after so many seconds. Exit 0 after it."""
        write(self.path(TEMPORARY_EXIT), f"{seconds}\n{reason}\n".encode())


def write(path: str, data: bytes) -> None:
    """Write a whole file, so that it is there before anything that is written later."""
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def remove(path: str) -> None:
    """Remove a file if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)
