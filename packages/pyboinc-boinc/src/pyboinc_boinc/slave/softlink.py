"""Where a job's files are: in the slot under their logical names, or elsewhere with a soft link in the slot."""

from __future__ import annotations

import os

OPEN, CLOSE = b"<soft_link>", b"</soft_link>"
MAX_LINK = 4096  # bytes: the longest path on Linux


def resolve(name: str, slot: str) -> str:
    """The path of a logical file.

    A client puts under the name the file itself (nothing, for an output that it will copy), a symbolic link, or the
    line ``<soft_link>../../projects/www.example.org/file</soft_link>``, relative to the slot.
    """
    path = os.path.join(slot, name)
    try:
        with open(path, "rb") as file:
            head = file.read(MAX_LINK)
    except FileNotFoundError:
        head = b""
    link, closed, _ = head.partition(CLOSE)
    if link.startswith(OPEN) and closed and b"\0" not in link:
        path = os.path.join(slot, os.fsdecode(link[len(OPEN) :]))
    return os.path.realpath(path)
