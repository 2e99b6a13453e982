"""The folder that a BOINC client gives to a task, and the files by which the two understand each other there."""

from __future__ import annotations

import os
import sys

from . import init_data, mmap, softlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from .init_data import InitData

LOCK = "boinc_lockfile"
FINISH = "boinc_finish_called"
TEMPORARY_EXIT = "boinc_temporary_exit"
INIT_DATA = "init_data.xml"
CHANNELS = "boinc_mmap_file"
TRICKLE_UP = "trickle_up.xml"
STATE = "pyboinc_checkpoint"
FRACTION = "pyboinc_fraction_done"
TRUST = "trust.txt"
OPEN_ALWAYS, ERROR_SHARING_VIOLATION = 4, 32  # Windows


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

    def data_file(self, file_name: str) -> str:
        """The path of a data file of the job, which the project calls so: the links lead to where the client keeps it under that name.

        Raises OSError: it is the host that lacks it.
        """
        number = 0
        while os.path.exists(self.path(data_name(number))):
            path = self.resolve(data_name(number))
            if os.path.basename(path) == file_name:
                return path
            number += 1
        raise FileNotFoundError(f"the data file {file_name} is not among the {number} in the slot")

    def lock(self) -> bool:
        """Be the only task in this slot until this process ends, however it ends; False if another one is here."""
        path = self.path(LOCK)
        if sys.platform == "win32":
            import _winapi

            try:
                _winapi.CreateFile(path, _winapi.GENERIC_WRITE, 0, 0, OPEN_ALWAYS, 0, 0)  # nobody else can open it; never closed
            except OSError as error:
                if error.winerror != ERROR_SHARING_VIOLATION:
                    raise
                return False
            return True
        else:
            import errno
            import fcntl

            if self._lock is None:
                self._lock = open(path, "ab")  # noqa: SIM115  (closing any handle of it would unlock)
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
        number = 1
        while os.path.exists(self.trickle(number)):  # those are sent again, or never were
            remove(self.trickle(number))
            number += 1

    def trickle(self, number: int) -> str:
        """The path of a trickle-up that waits for its turn."""
        return self.path(f"pyboinc_trickle_{number}")

    def offer_trickle(self, number: int) -> bool:
        """Put a trickle-up where the client looks for it; False if the last one is still there."""
        if os.path.exists(self.path(TRICKLE_UP)):
            return False
        os.replace(self.trickle(number), self.path(TRICKLE_UP))
        return True

    def init_data(self) -> init_data.InitData | None:
        """What the client says, None if there is no client (standalone). Raises SlotFault."""
        try:
            return init_data.read(self.path(INIT_DATA))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise SlotFault(f"{INIT_DATA} can't be read: {error}") from None

    def channels(self, told: InitData) -> mmap.Channels:
        """The channels to the client. Raises SlotFault: what can't be suspended or aborted is not for a volunteer's computer."""
        try:
            if sys.platform == "win32":
                return mmap.attach_named(told.comm_obj_name)
            return mmap.attach(self.path(CHANNELS))
        except (OSError, ValueError) as error:
            raise SlotFault(f"{CHANNELS} can't be used ({error}); does the app version's version.xml give an <api_version>?") from None

    def finish(self) -> None:
        """Tell the client that the output is there. Exit 0 after it."""
        write(self.path(FINISH), b"0\n")

    def temporary_exit(self, seconds: int, reason: str) -> None:
        """Ask the client to start the task again after so many seconds. Exit 0 after it."""
        write(self.path(TEMPORARY_EXIT), f"{seconds}\n{reason}\n".encode("utf-8", "backslashreplace"))

    def wished_pause(self) -> int:
        """The seconds of the temporary exit that was asked for last."""
        with open(self.path(TEMPORARY_EXIT), "rb") as file:
            return int(file.readline())


def data_name(number: int) -> str:
    """The logical name of a job's data file."""
    return f"data_{number}"


def write(path: str, data: bytes) -> None:
    """Write a whole file, so that it is there before anything that is written later."""
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def remove(path: str) -> None:
    """Remove a file if it is there."""
    try:
        os.remove(path)
    except FileNotFoundError:
        pass
