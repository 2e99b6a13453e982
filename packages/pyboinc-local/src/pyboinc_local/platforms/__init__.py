"""Platforms: what a host's C library, CPU and Python make of the same floating-point source.

    >>> musl = load("linux-musl")
    >>> musl.math.exp(10.0)
    22026.465794806718
    >>> musl.pow(2, 0.5)
    1.4142135623730951

Each function says how close it is: *exact* ones are ports of published algorithms and give the same bits as the library,
*statistical* ones differ from others as often, and at most as much, as was measured or published.
"""

from __future__ import annotations

from .profiles import EXACT, STATISTICAL, Function, Platform, PlatformError, build, load, names

__all__ = ["EXACT", "STATISTICAL", "Function", "Platform", "PlatformError", "build", "load", "names"]
