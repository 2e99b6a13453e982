"""The C libraries of the platforms, as tables of functions, with where each function comes from."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from math import inf, nan

from . import arm
from .cpython import LIBM, of_version
from .profiles import EXACT, STATISTICAL, Function, Platform, build
from .summing import summing

HERE = Function(EXACT, "this computer's C library and Python", "it is what it is")
UNPORTED = Function(STATISTICAL, "this computer's C library, in place of a port", "none")
ARM = Function(EXACT, "Arm's optimized-routines", "musl itself")


def native(python: tuple[int, int] = sys.version_info[:2]) -> Platform:
    """This computer, passed through, but for what another version of Python does itself."""
    import cmath

    functions = dict.fromkeys([*LIBM, "gamma", "lgamma", "**"], HERE)
    return Platform("native", python, of_version(math, python), cmath, pow, abs, summing(python), functions)


def _here(name: str) -> Callable[..., float]:
    def function(*arguments: float) -> float:
        try:
            return float(getattr(math, name)(*arguments))
        except ValueError:
            return nan
        except OverflowError:
            return inf

    return function


def linux_musl(python: tuple[int, int] = (3, 12)) -> Platform:
    """musl 1.2."""
    own: dict[str, Callable[..., float]] = {"exp": arm.exp, "exp2": arm.exp2, "log": arm.log, "log2": arm.log2, "pow": arm.pow}
    libm = {**{name: _here(name) for name in LIBM if name not in own}, **own}
    return build("linux-musl", libm, python, {name: ARM if name in own else UNPORTED for name in LIBM})
