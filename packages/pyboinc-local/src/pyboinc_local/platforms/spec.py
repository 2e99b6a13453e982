"""A host's arithmetic in one word: ``windows11``, ``windows11@3.12`` (with the Python of that version), ``exact+windows11``
(its slave uses correctly rounded functions, `pyboinc.exactmath`, instead of the C library's).
"""

from __future__ import annotations

import re

from pyboinc.model import nearest

from ..systems import this_profile
from ..worker import NATIVE
from . import PlatformError, load, names
from .namespace import Arithmetic

_SPEC = re.compile(r"(?P<exact>exact\+)?(?P<name>[\w.-]+)(@3\.(?P<minor>\d{1,2}))?")


def arithmetic(spec: str) -> tuple[Arithmetic, Arithmetic]:
    """What a program on such a host computes with, and what its standard library does. Raises PlatformError."""
    match = _SPEC.fullmatch(spec)
    if not match or match["name"] not in names():
        raise PlatformError(f"no platform is called {spec!r}{nearest(spec, names(), 'there are')}")
    name = NATIVE if match["name"] == this_profile() else match["name"]
    platform = load(name, (3, int(match["minor"])) if match["minor"] else None)
    if match["exact"]:
        from .rounded import correctly_rounded

        return correctly_rounded(platform), platform
    return platform, platform
