"""The memory that the client and the task share: eight channels, each for one message at a time."""

from __future__ import annotations

import mmap
import sys

CHANNELS, SIZE = 8, 1024  # bytes: a flag, then text that ends in NUL
PROCESS_CONTROL, HEARTBEAT, APP_STATUS, TRICKLE_UP, TRICKLE_DOWN = 0, 4, 5, 6, 7


def attach(path: str) -> Channels:
    """The channels in the file boinc_mmap_file. Raises OSError, or ValueError if it is too short."""
    with open(path, "r+b") as file:
        return Channels(mmap.mmap(file.fileno(), CHANNELS * SIZE))


if sys.platform == "win32":

    def attach_named(name: str) -> Channels:
        """The channels in the mapping that a client has named so in init_data.xml. Raises OSError."""
        import _winapi

        for full in (f"Global\\shm_{name}", f"shm_{name}"):
            try:  # mmap would make the mapping if it is not there
                handle = _winapi.OpenFileMapping(_winapi.FILE_MAP_READ | _winapi.FILE_MAP_WRITE, False, full)
            except OSError as error:
                lack = error
                continue
            memory = mmap.mmap(-1, CHANNELS * SIZE, full)
            _winapi.CloseHandle(handle)
            return Channels(memory)
        raise lack


class Channels:
    """Both sides poll: the sender sets a channel's flag, the receiver clears it."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory

    def send(self, channel: int, text: str, overwrite: bool = False) -> bool:
        """Leave a message; False if the last one has not been read (unless it may be overwritten)."""
        start = channel * SIZE
        if self._memory[start] and not overwrite:
            return False
        data = text.encode("ascii", "replace")[: SIZE - 2] + b"\0"
        self._memory[start + 1 : start + 1 + len(data)] = data
        self._memory[start] = 1  # last, for the other side may look at any moment
        return True

    def is_free(self, channel: int) -> bool:
        """Has the last message been read?"""
        return not self._memory[channel * SIZE]

    def receive(self, channel: int) -> str:
        """Take the message, empty if there is none."""
        start = channel * SIZE
        if not self._memory[start]:
            return ""
        data = self._memory[start + 1 : start + SIZE]
        self._memory[start] = 0
        return data.partition(b"\0")[0].decode("ascii", "replace")

    def close(self) -> None:
        """Let go of the memory in this process."""
        self._memory.close()
