"""The folders of BOINC's download and upload hierarchies (its source, `sched/sched_util_basic.cpp`, dir_hier_path)."""

from __future__ import annotations

import hashlib
import posixpath


def folder_of(fanout: int, name: str) -> str:
    """The folder in which a file is kept, by its name.

    >>> folder_of(1024, "program_a1.py"), folder_of(1024, "input_a1")
    ('2c2', '1fa')
    """
    digest = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
    return f"{int(digest[1:8], 16) % fanout:x}"


def path_of(root: str, fanout: int, name: str) -> str:
    """Where a file is, below the root of its hierarchy."""
    return posixpath.join(root, folder_of(fanout, name), name)
