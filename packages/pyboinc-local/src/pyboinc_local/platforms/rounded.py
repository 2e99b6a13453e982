"""A platform on which a program's own code uses correctly rounded functions, `pyboinc.exactmath`, for `math` and ``**``.

The standard library's modules, `cmath` and ``abs`` of complex numbers stay as they are: nobody can change them from a program.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from types import ModuleType

from pyboinc import exactmath

from .cpython import LIBM
from .profiles import Platform, build


def correctly_rounded(platform: Platform) -> Platform:
    """The platform with these functions."""
    libm = {name: _in_c(getattr(exactmath, name)) for name in LIBM}
    power = build(platform.name, libm, platform.python, {}).pow
    module = ModuleType("math", platform.math.__doc__)
    vars(module).update(vars(platform.math))
    vars(module).update({name: getattr(exactmath, name) for name in exactmath.__all__ if hasattr(platform.math, name)})
    return replace(platform, math=module, pow=power)


def _in_c(function: Callable[..., float]) -> Callable[..., float]:
    """As C has it: NaN and infinity for errors."""

    def in_c(*arguments: float) -> float:
        try:
            return function(*arguments)
        except ValueError:
            return nan
        except OverflowError:
            return inf

    return in_c
