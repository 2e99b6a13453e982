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
        # Our own descriptors: a slave may close 1 and 2, or put something else there.
        self._files = [os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND) for path in self._paths]
        sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")
        self._streams = [self._open(which) for which in (0, 1)]
        sys.stdout, sys.stderr = self._streams
        faulthandler.enable(self._files[1])  # a crash in C says where Python was

    def __call__(self) -> tuple[str, str]:
        printed = self._new(0), self._new(1)
        sys.stdout, sys.stderr = self._streams
        return printed

    def _open(self, which: int) -> io.TextIOWrapper:
        os.dup2(self._files[which], which + 1)
        return io.TextIOWrapper(io.BufferedWriter(io.FileIO(which + 1, "w", closefd=False)), "utf-8", "backslashreplace")

    def _new(self, which: int) -> str:
        file = os.fstat(self._files[which])
        try:
            self._streams[which].flush()
            in_place = os.path.samestat(os.fstat(which + 1), file)
        except (OSError, ValueError):
            in_place = False
        if not in_place:
            self._streams[which] = self._open(which)
        size = os.fstat(self._files[which]).st_size
        if not size:
            return ""
        with open(self._paths[which], "rb") as content:
            content.seek(max(0, size - MAX_TEXT))
            data = content.read()
        os.ftruncate(self._files[which], 0)
        return data.decode("utf-8", "backslashreplace")
