"""Data files that go with calls, and files of slaves that come back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .batchdir import FILES
from .errors import DecodeError
from .model import Attachment, SettingsError
from .ports import FileSystem, arrive
from .slave.files import is_file_name, read_report_file

if TYPE_CHECKING:
    from .slave.files import WrittenFile

DataFiles = Iterable[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]]
"""Paths, whose last parts are the names by which slaves ask for them; or names and paths."""

class Attachments:
    """Reads each data file once. folder: what paths are relative to.  limit (float): bytes that the files of a call may have."""

    def __init__(self, folder: str, limit: float) -> None:
        self._folder = folder
        self._limit = limit
        self._known: dict[tuple[str, int, int], tuple[str, int]] = {}

    def of(self, data_files: DataFiles) -> tuple[Attachment, ...]:
        """By name. Raises SettingsError."""
        if isinstance(data_files, str | os.PathLike):
            raise SettingsError(f"data_files is a list of paths: write data_files=[{os.fspath(data_files)!r}]")
        paths = [os.fspath(each) for each in (data_files.values() if isinstance(data_files, Mapping) else data_files)]
        names = list(data_files) if isinstance(data_files, Mapping) else [os.path.basename(each) for each in paths]
        for name in names:
            if not is_file_name(name):
                raise SettingsError(
                    f"data_files: {name!r} is no name that every system can have: letters, digits, _ - . (ASCII), at most 100,"
                    ' not beginning with a dot. data_files={"name": path} gives a file another one'
                )
            if names.count(name) > 1:
                raise SettingsError(f'data_files: two are called {name}. data_files={{"name": path}} gives a file another name')
        found = tuple(self._read(name, os.path.join(self._folder, path)) for name, path in sorted(zip(names, paths, strict=True)))
        size = sum(each.size for each in found)
        if size > self._limit:
            raise SettingsError(f"data_files: they have {size:,} bytes, and disk, what a job may use, is {self._limit:,.0f}: raise it")
        return found

    def _read(self, name: str, path: str) -> Attachment:
        try:
            about = os.stat(path)
            key = path, about.st_mtime_ns, about.st_size
            if key not in self._known:
                digest, size = hashlib.sha256(), 0
                with open(path, "rb") as file:
                    while block := file.read(1 << 20):
                        digest.update(block)
                        size += len(block)
                self._known[key] = digest.hexdigest(), size
        except OSError as error:
            raise SettingsError(f"data_files: {path}: {error.strerror or error}") from None
        return Attachment(name, *self._known[key], path)


def all_came_back(entries: Sequence[tuple[Any, ...]], report: bytes) -> bool:
    """Does a result bring each file that its output tells of, as it tells? entries: of its output file.  report: its second output."""
    written = [entry[2] if entry[0] and len(entry) == 3 else () for entry in entries]
    if not any(written):
        return True
    try:
        parts = read_report_file(report)
    except DecodeError:
        return False
    contents = [part[4] if len(part) == 5 else {} for part in parts]
    return len(parts) == len(entries) and all(
        _is_as_told(there.get(name), size, digest) for told, there in zip(written, contents, strict=True) for name, size, digest in told
    )


def _is_as_told(content: bytes | None, size: int, digest: bytes) -> bool:
    return type(content) is bytes and len(content) == size and hashlib.sha256(content).digest() == digest


def keep(fs: FileSystem, batch_folder: str, position: str, written: Iterable[WrittenFile], contents: Mapping[str, bytes]) -> None:
    """Put the files of a call into ``files/POSITION/``; again after a restart is harmless.

    written: what the output says of them, which hosts agreed on.  contents: what came with the report, which nobody has
    compared. Raises DecodeError if the two differ, OSError.
    """
    folder = os.path.join(batch_folder, FILES, position)
    for name, size, digest in written:
        content = contents.get(name, b"")
        if not _is_as_told(content, size, digest):
            raise DecodeError(f"the file {name} that the slave wrote did not come back as it was")
        fs.make_folder(folder)
        path = os.path.join(folder, name)
        if not fs.exists(path) or fs.read(path) != content:
            arrive(fs, folder, name, content)
