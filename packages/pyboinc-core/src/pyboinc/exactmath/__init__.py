"""The functions of `math`, correctly rounded: the same bits on every computer.

    >>> from pyboinc import exactmath as math
    >>> math.sin(1e22)
    -0.8522008497671888

C libraries disagree in the last bit of sin, exp or pow, and so do honest computers that run the same slave. Here each result is the
double nearest to the true value, of which there is only one. In pure Python: a call costs some microseconds, a hundred times what `math`
takes. Arguments, special values and exceptions are those of `math`.

What is exact everywhere is that of `math` (`sqrt`, `floor`, `fsum`, ...). Missing are gamma, lgamma and the operator ``**``: call `pow`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from math import (
    ceil,
    comb,
    copysign,
    degrees,
    e,
    fabs,
    factorial,
    floor,
    fmod,
    frexp,
    fsum,
    gcd,
    inf,
    isclose,
    isfinite,
    isinf,
    isnan,
    isqrt,
    lcm,
    ldexp,
    modf,
    nan,
    nextafter,
    perm,
    pi,
    prod,
    radians,
    remainder,
    sqrt,
    tau,
    trunc,
    ulp,
)
from typing import Any, Callable

from . import rounded

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "comb",
    "copysign",
    "cos",
    "cosh",
    "degrees",
    "dist",
    "e",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "factorial",
    "floor",
    "fmod",
    "frexp",
    "fsum",
    "gcd",
    "hypot",
    "inf",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "isqrt",
    "lcm",
    "ldexp",
    "log",
    "log1p",
    "log2",
    "log10",
    "modf",
    "nan",
    "nextafter",
    "perm",
    "pi",
    "pow",
    "prod",
    "radians",
    "remainder",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
    "tau",
    "trunc",
    "ulp",
]  # fmt: skip


def _real(x: Any) -> float:
    return x if type(x) is float else ldexp(x, 0)


def _function(name: str, low: float = -inf, high: float = inf) -> Callable[[Any], float]:
    """That of `rounded` for low < x < high; anything else is for `math`, which knows the special values and the errors."""
    special, correct = getattr(math, name), getattr(rounded, name)

    def function(x: Any, /) -> float:
        if type(x) is not float:
            x = ldexp(x, 0)
        if not low < x < high:
            return float(special(x))
        result: float = correct(x)
        if result - result != 0.0:
            raise OverflowError("math range error")
        return result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = correct.__doc__
    return function


acos = _function("acos", -1.0000000000000002, 1.0000000000000002)
asin = _function("asin", -1.0000000000000002, 1.0000000000000002)
atan = _function("atan")
cos = _function("cos")
sin = _function("sin")
tan = _function("tan")
acosh = _function("acosh", 0.9999999999999999)
asinh = _function("asinh")
atanh = _function("atanh", -1.0, 1.0)
cosh = _function("cosh")
sinh = _function("sinh")
tanh = _function("tanh")
exp = _function("exp")
expm1 = _function("expm1")
log1p = _function("log1p", -1.0)
erf = _function("erf")
erfc = _function("erfc")


def exp2(x: Any, /) -> float:
    """2**x."""
    x = _real(x)
    if x - x != 0.0:
        return 0.0 if x < 0.0 else x
    result = rounded.exp2(x)
    if result == inf:
        raise OverflowError("math range error")
    return result


def cbrt(x: Any, /) -> float:
    """The cube root."""
    x = _real(x)
    return x if x - x != 0.0 else rounded.cbrt(x)


def _logarithm(name: str) -> Callable[[Any], float]:
    correct = getattr(rounded, name)

    def function(x: Any, /) -> float:
        if not isinstance(x, int):
            x = _real(x)
        if not 0 < x < inf:
            return float(getattr(math, name)(x))
        return float(correct(x))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = correct.__doc__
    return function


log2 = _logarithm("log2")
log10 = _logarithm("log10")
_natural = _logarithm("log")


def log(x: Any, *base: Any) -> float:
    """The natural logarithm, or that to a base: the quotient of two, as in `math`. Integers may be of any size."""
    if len(base) > 1:
        raise TypeError(f"log expected at most 2 arguments, got {1 + len(base)}")
    return _natural(x) / _natural(base[0]) if base else _natural(x)


def atan2(y: Any, x: Any, /) -> float:
    """The angle of the point (x, y), from -pi to pi."""
    y, x = _real(y), _real(x)
    if y == 0.0 or x - x != 0.0 or y - y != 0.0:
        return math.atan2(y, x)
    return rounded.atan2(y, x)


def pow(x: Any, y: Any, /) -> float:
    """x**y."""
    x, y = _real(x), _real(y)
    if x == 0.0 or x - x != 0.0 or y - y != 0.0 or (x < 0.0 and y != floor(y)):
        return math.pow(x, y)
    result = rounded.pow(abs(x), y)
    if result == inf:
        raise OverflowError("math range error")
    return -result if x < 0.0 and fmod(y, 2.0) else result


def hypot(*coordinates: Any) -> float:
    """The length of the vector."""
    numbers = [_real(x) for x in coordinates]
    if any(x - x != 0.0 for x in numbers):
        return math.hypot(*numbers)
    return rounded.hypot(*numbers)


def dist(p: Iterable[Any], q: Iterable[Any], /) -> float:
    """The distance between two points, from the differences of their coordinates."""
    p, q = tuple(p), tuple(q)
    if len(p) != len(q):
        raise ValueError("both points must have the same number of dimensions")
    return hypot(*(_real(x) - _real(y) for x, y in zip(p, q)))
