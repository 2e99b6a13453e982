"""CPython's `cmath` on top of a C library: the formulas of cmathmodule.c, which are CPython's own, with the platform's functions in them.

Infinite and NaN arguments give what C99's annex G says on every platform, so this interpreter answers.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable
from math import copysign, inf, isfinite, isinf, ldexp, log, sqrt
from types import ModuleType
from typing import Any

from .cpython import DOMAIN, RANGE, Libm, real

LN2, LN10, E = 0.6931471805599453094, 2.302585092994045684, 2.7182818284590452354
PI = cmath.pi
SMALLEST_NORMAL = 2.0**-1022
LARGE = 2.0**1022 - 2.0**969  # a quarter of the largest double
LOG_LARGE = log(LARGE)
SQRT_LARGE = sqrt(LARGE)
SQRT_SMALLEST = sqrt(SMALLEST_NORMAL)


def cmath_module(libm: Libm, sets_errno: bool) -> ModuleType:
    """`cmath` as CPython has it on a platform with that C library. Where atan2 sets errno, phase calls underflow an error."""
    module = ModuleType("cmath", cmath.__doc__)
    names = {name: value for name, value in vars(cmath).items() if not name.startswith("_")}
    functions = _functions(libm)
    for name in ("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp", "log10", "sin", "sinh", "sqrt", "tan", "tanh"):
        names[name] = _guarded(name, functions[name], getattr(cmath, name))
    names.update(_others(libm, functions["log"], sets_errno))
    vars(module).update(names)
    return module


def _complex(z: Any) -> complex:
    if isinstance(z, str):
        raise TypeError("must be real number, not str")
    return z if type(z) is complex else complex(z)


def _finite(z: complex) -> bool:
    return isfinite(z.real) and isfinite(z.imag)


def _guarded(name: str, function: Callable[[complex], complex], special: Callable[[complex], complex]) -> Callable[[Any], complex]:
    def guarded(z: Any, /) -> complex:
        z = _complex(z)
        return function(z) if _finite(z) else special(z)

    guarded.__name__ = guarded.__qualname__ = name
    guarded.__doc__ = special.__doc__
    return guarded


def _checked(real: float, imaginary: float) -> complex:
    if isinf(real) or isinf(imaginary):
        raise OverflowError(RANGE)
    return complex(real, imaginary)


def _functions(libm: Libm) -> dict[str, Callable[[complex], complex]]:
    """The functions of one finite complex number."""
    c_asinh, c_atan2, c_cos, c_cosh, c_exp, c_hypot, c_log, c_log1p, c_sin, c_sinh, c_tan, c_tanh = (
        libm[name] for name in ("asinh", "atan2", "cos", "cosh", "exp", "hypot", "log", "log1p", "sin", "sinh", "tan", "tanh")
    )

    def log_of_size(z: complex) -> float:
        """For |z| near the largest double."""
        return c_log(c_hypot(z.real / 2.0, z.imag / 2.0)) + LN2 * 2.0

    def is_large(z: complex) -> bool:
        return abs(z.real) > LARGE or abs(z.imag) > LARGE

    def acos(z: complex) -> complex:
        if is_large(z):
            return complex(c_atan2(abs(z.imag), z.real), -copysign(log_of_size(z), z.imag))
        s1 = sqrt_(complex(1.0 - z.real, -z.imag))
        s2 = sqrt_(complex(1.0 + z.real, z.imag))
        return complex(2.0 * c_atan2(s1.real, s2.real), c_asinh(s2.real * s1.imag - s2.imag * s1.real))

    def acosh(z: complex) -> complex:
        if is_large(z):
            return complex(log_of_size(z), c_atan2(z.imag, z.real))
        s1 = sqrt_(complex(z.real - 1.0, z.imag))
        s2 = sqrt_(complex(z.real + 1.0, z.imag))
        return complex(c_asinh(s1.real * s2.real + s1.imag * s2.imag), 2.0 * c_atan2(s1.imag, s2.real))

    def asinh(z: complex) -> complex:
        if is_large(z):
            return complex(copysign(log_of_size(z), z.real), c_atan2(z.imag, abs(z.real)))
        s1 = sqrt_(complex(1.0 + z.imag, -z.real))
        s2 = sqrt_(complex(1.0 - z.imag, z.real))
        return complex(c_asinh(s1.real * s2.imag - s2.real * s1.imag), c_atan2(z.imag, s1.real * s2.real - s1.imag * s2.imag))

    def atanh(z: complex) -> complex:
        if z.real < 0.0:
            return -atanh(-z)
        size = abs(z.imag)
        if z.real > SQRT_LARGE or size > SQRT_LARGE:
            h = c_hypot(z.real / 2.0, z.imag / 2.0)
            return complex(z.real / 4.0 / h / h, copysign(PI / 2.0, z.imag))
        if z.real == 1.0 and size < SQRT_SMALLEST:
            if size == 0.0:
                raise ValueError(DOMAIN)
            return complex(-c_log(sqrt(size) / sqrt(c_hypot(size, 2.0))), copysign(c_atan2(2.0, -size) / 2, z.imag))
        x = 4.0 * z.real / ((1 - z.real) * (1 - z.real) + size * size)
        return complex(log1p(x) / 4.0, -c_atan2(-2.0 * z.imag, (1 - z.real) * (1 + z.real) - size * size) / 2.0)

    def log1p(x: float) -> float:
        return x if x == 0.0 else c_log1p(x)

    def asin(z: complex) -> complex:
        return over_i(asinh(times_i(z)))

    def atan(z: complex) -> complex:
        return over_i(atanh(times_i(z)))

    def cos(z: complex) -> complex:
        return cosh(times_i(z))

    def sin(z: complex) -> complex:
        return over_i(sinh(times_i(z)))

    def tan(z: complex) -> complex:
        return over_i(tanh(times_i(z)))

    def cosh(z: complex) -> complex:
        if abs(z.real) > LOG_LARGE:
            x = z.real - copysign(1.0, z.real)
            return _checked(c_cos(z.imag) * c_cosh(x) * E, c_sin(z.imag) * c_sinh(x) * E)
        return _checked(c_cos(z.imag) * c_cosh(z.real), c_sin(z.imag) * c_sinh(z.real))

    def sinh(z: complex) -> complex:
        if abs(z.real) > LOG_LARGE:
            x = z.real - copysign(1.0, z.real)
            return _checked(c_cos(z.imag) * c_sinh(x) * E, c_sin(z.imag) * c_cosh(x) * E)
        return _checked(c_cos(z.imag) * c_sinh(z.real), c_sin(z.imag) * c_cosh(z.real))

    def tanh(z: complex) -> complex:
        if abs(z.real) > LOG_LARGE:
            return complex(copysign(1.0, z.real), 4.0 * c_sin(z.imag) * c_cos(z.imag) * c_exp(-2.0 * abs(z.real)))
        tx, ty = c_tanh(z.real), c_tan(z.imag)
        cx = 1.0 / c_cosh(z.real)
        txty = tx * ty
        denominator = 1.0 + txty * txty
        return complex(tx * (1.0 + ty * ty) / denominator, ((ty / denominator) * cx) * cx)

    def exp(z: complex) -> complex:
        if z.real > LOG_LARGE:
            size = c_exp(z.real - 1.0)
            return _checked(size * c_cos(z.imag) * E, size * c_sin(z.imag) * E)
        size = c_exp(z.real)
        return _checked(size * c_cos(z.imag), size * c_sin(z.imag))

    def log_(z: complex) -> complex:
        x, y = abs(z.real), abs(z.imag)
        if x > LARGE or y > LARGE:
            size = c_log(c_hypot(x / 2.0, y / 2.0)) + LN2
        elif x < SMALLEST_NORMAL and y < SMALLEST_NORMAL:
            if x == y == 0.0:
                raise ValueError(DOMAIN)
            size = c_log(c_hypot(ldexp(x, 53), ldexp(y, 53))) - 53 * LN2
        else:
            h = c_hypot(x, y)
            if 0.71 <= h <= 1.73:
                more, less = (x, y) if x > y else (y, x)
                size = log1p((more - 1) * (more + 1) + less * less) / 2.0
            else:
                size = c_log(h)
        return complex(size, c_atan2(z.imag, z.real))

    def log10(z: complex) -> complex:
        z = log_(z)
        return complex(z.real / LN10, z.imag / LN10)

    def sqrt_(z: complex) -> complex:
        if z.real == 0.0 and z.imag == 0.0:
            return complex(0.0, z.imag)
        x, y = abs(z.real), abs(z.imag)
        if x < SMALLEST_NORMAL and y < SMALLEST_NORMAL:
            x = ldexp(x, 53)
            s = ldexp(sqrt(x + c_hypot(x, ldexp(y, 53))), -27)
        else:
            x /= 8.0
            s = 2.0 * sqrt(x + c_hypot(x, y / 8.0))
        d = y / (2.0 * s)
        return complex(s, copysign(d, z.imag)) if z.real >= 0.0 else complex(d, copysign(s, z.imag))

    return {
        "acos": acos, "acosh": acosh, "asin": asin, "asinh": asinh, "atan": atan, "atanh": atanh, "cos": cos, "cosh": cosh, "exp": exp,
        "log": log_, "log10": log10, "sin": sin, "sinh": sinh, "sqrt": sqrt_, "tan": tan, "tanh": tanh,
    }  # fmt: skip


def times_i(z: complex) -> complex:
    """i z, exactly."""
    return complex(-z.imag, z.real)


def over_i(z: complex) -> complex:
    """z / i, exactly."""
    return complex(z.imag, -z.real)


def _others(libm: Libm, of_finite: Callable[[complex], complex], sets_errno: bool) -> dict[str, Callable[..., Any]]:
    """The functions of another shape: log, phase, polar, rect."""
    c_atan2, c_cos, c_hypot, c_sin = (libm[name] for name in ("atan2", "cos", "hypot", "sin"))

    def natural(z: Any) -> complex:
        z = _complex(z)
        return of_finite(z) if _finite(z) else cmath.log(z)

    def log(z: Any, base: Any = None, /) -> complex:
        if base is None:
            return natural(z)
        z = _complex(z)  # of 0, whose error is forgotten when the base is looked at
        numerator = complex(-inf, c_atan2(z.imag, z.real)) if z == 0 else natural(z)
        try:
            return numerator / natural(base)
        except ZeroDivisionError:
            raise ValueError(DOMAIN) from None

    def phase(z: Any, /) -> float:
        z = _complex(z)
        if not _finite(z):
            return cmath.phase(z)
        result = c_atan2(z.imag, z.real)
        if sets_errno and result == 0.0 and z.imag != 0.0:
            raise OverflowError(RANGE)
        return result

    def polar(z: Any, /) -> tuple[float, float]:
        z = _complex(z)
        if not _finite(z):
            return cmath.polar(z)
        size = c_hypot(z.real, z.imag)
        if size == inf:
            raise OverflowError(RANGE)
        return size, c_atan2(z.imag, z.real)

    def rect(r: Any, phi: Any, /) -> complex:
        r, phi = real(r), real(phi)
        if not (isfinite(r) and isfinite(phi)) or phi == 0.0:
            return cmath.rect(r, phi)
        return complex(r * c_cos(phi), r * c_sin(phi))

    functions: dict[str, Callable[..., Any]] = {"log": log, "phase": phase, "polar": polar, "rect": rect}
    for name, function in functions.items():
        function.__name__ = function.__qualname__ = name
        function.__doc__ = getattr(cmath, name).__doc__
    return functions
