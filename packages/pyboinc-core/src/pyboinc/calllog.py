"""What an executor was asked for, in order: ``pyboinc_calls`` in its batch directory, so that a restart can ask for it again.

Each call is a frame (length, CRC-32, content), added before the journal tells of the call. docs/formats.md has the content.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from .batchdir import CALLS, BatchDir, BatchError
from .codec import dumps, loads
from .errors import DecodeError
from .model import Attachment
from .ports import AppendFile

FORMAT = 1
_HEAD = struct.Struct("<II")


class LoggedCall(NamedTuple):
    """digest (str): what the call is known by.  program (str): its SHA-256.  body (bytes): the encoded input."""

    digest: str
    program: str
    description: str
    body: bytes
    files: tuple[Attachment, ...] = ()


class CallLog:
    """Grows at its end. A last frame that a crash cut off is cut off here too. Raises BatchError if it is damaged elsewhere."""

    def __init__(self, directory: BatchDir) -> None:
        self._directory = directory
        self._path = directory.path(CALLS)
        self._file: AppendFile | None = None
        self._unwritten: list[bytes] = []
        self.before = self._read()
        """The calls of earlier runs."""

    def _read(self) -> list[LoggedCall]:
        try:
            data = self._directory.fs.read(self._path)
        except FileNotFoundError:
            return []
        calls, at = [], 0
        while at < len(data):
            end = at + _HEAD.size
            length, checksum = _HEAD.unpack_from(data, at) if end <= len(data) else (len(data), 0)
            content = data[end : end + length]
            if len(content) < length or zlib.crc32(content) != checksum:
                break
            try:
                version, digest, program, description, body, files = loads(content)
                if version != FORMAT:
                    raise BatchError(f"{self._path}: its format is {version}, and this version of PyBOINC reads {FORMAT}")
                calls.append(LoggedCall(digest, program, description, body, tuple(Attachment(*each) for each in files)))
            except (DecodeError, TypeError, ValueError):
                raise BatchError(f"{self._path}: damaged at byte {at}. Put an undamaged copy back, or begin in another folder") from None
            at = end + length
        if at < len(data):
            self._directory.fs.truncate(self._path, at)
        self._open().sync()  # whoever wrote them may have died before, and the journal is to tell of these calls again
        return calls

    def add(self, call: LoggedCall) -> None:
        """Add a call; it is there for good after `sync`."""
        files = [(each.name, each.sha256, each.size, each.path) for each in call.files]
        content = dumps((FORMAT, call.digest, call.program, call.description, call.body, files))
        self._unwritten.append(_HEAD.pack(len(content), zlib.crc32(content)) + content)

    def sync(self) -> None:
        if not self._unwritten:
            return
        file = self._open()
        file.write(b"".join(self._unwritten))
        file.sync()
        self._unwritten.clear()

    def _open(self) -> AppendFile:
        if self._file is None:
            self._file = self._directory.fs.append(self._path)
            self._directory.fs.sync_folder(self._directory.folder)
        return self._file

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
