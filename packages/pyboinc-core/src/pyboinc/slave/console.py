"""Standard output and error of a slave."""

from __future__ import annotations

import io
import os
import sys

from .runner import MAX_TEXT


class Console:
    """What the slave prints, from Python or from below it, goes to the files stdout.txt and stderr.txt in the current folder.

    Asked, it gives what is new in them. Standard input is empty.
    """

    def __init__(self) -> None:
        import faulthandler

        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        self._paths = [os.path.abspath(name) for name in ("stdout.txt", "stderr.txt")]
        for descriptor, path in enumerate(self._paths, 1):
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
            os.dup2(file, descriptor)
            os.close(file)
        sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")
        self._streams = [
            io.TextIOWrapper(io.BufferedWriter(io.FileIO(each, "w", closefd=False)), "utf-8", "backslashreplace") for each in (1, 2)
        ]
        sys.stdout, sys.stderr = self._streams
        faulthandler.enable(self._streams[1])  # a crash in C says where Python was

    def __call__(self) -> tuple[str, str]:
        sys.stdout, sys.stderr = self._streams
        return self._new(0), self._new(1)

    def _new(self, which: int) -> str:
        stream, descriptor = self._streams[which], which + 1
        stream.flush()
        size = os.fstat(descriptor).st_size
        if not size:
            return ""
        with open(self._paths[which], "rb") as file:
            file.seek(max(0, size - MAX_TEXT))
            data = file.read()
        os.ftruncate(descriptor, 0)
        return data.decode("utf-8", "backslashreplace")
