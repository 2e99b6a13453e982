"""musl 1.2's libm, bit for bit: Arm's exp, log and pow, fdlibm's trigonometry, and what musl wrote itself.

The algorithms are those of https://musl.libc.org, src/math. C's semantics: nothing raises.
"""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, frexp, inf, nan, sqrt

from . import arm, fdlibm
from .fdlibm import EFX8, ERX, LN2_HI, LN2_LO, expm1, high

LN2 = 0.693147180559945309417232121458176568
SCALE = 2.0**1021
SCALE_LN2 = float.fromhex("0x1.62066151add8bp+10")  # 2043 log 2
LOG_MAX = high(0x40862E42)
SMALL = 2.0**-26


def log1p(x: float) -> float:
    if not x < inf:
        return x
    if x <= -1.0:
        return -inf if x == -1.0 else nan
    if -(2.0**-53) < x < 2.0**-53:
        return x
    if LOG1P_LOW < x < LOG1P_HIGH:
        k, c, f = 0, 0.0, x
    else:
        u = 1.0 + x
        f, k = fdlibm.log_parts(u, fdlibm.SQRT_HALF)
        c = ((1.0 - (u - x) if k >= 2 else x - (u - 1.0)) / u) if k < 54 else 0.0
        f -= 1.0
    hfsq = 0.5 * f * f
    return fdlibm.log1p_rest(f, hfsq) + (k * LN2_LO + c) - hfsq + f + k * LN2_HI


LOG1P_LOW, LOG1P_HIGH = high(0xBFD2BEC5), high(0x3FDA827A)  # sqrt(1/2) - 1, sqrt(2) - 1


def _half_exp(x: float, sign: float) -> float:
    """sign exp(x) / 2 for x whose exponential overflows."""
    return arm.exp(x - SCALE_LN2) * (sign * SCALE) * SCALE


def sinh(x: float) -> float:
    size = abs(x)
    h = copysign(0.5, x)
    if not size < LOG_MAX:
        return _half_exp(size, 2.0 * h)
    if size < SMALL:
        return x
    t = expm1(size)
    if size < 1.0:
        return h * (2.0 * t - t * t / (t + 1.0))
    return h * (t + t / (t + 1.0))


def cosh(x: float) -> float:
    x = abs(x)
    if x < COSH_SMALL:
        if x < SMALL:
            return 1.0
        t = expm1(x)
        return 1.0 + t * t / (2.0 * (1.0 + t))
    if x < LOG_MAX:
        t = arm.exp(x)
        return 0.5 * (t + 1.0 / t)
    return _half_exp(x, 1.0)


COSH_SMALL = high(0x3FE62E42)


def tanh(x: float) -> float:
    size = abs(x)
    if size >= TANH_3:
        t = 1.0 if size >= TANH_20 else 1.0 - 2.0 / (expm1(2.0 * size) + 2.0)
    elif size >= TANH_5_3:
        t = expm1(2.0 * size)
        t = t / (t + 2.0)
    elif size >= 2.0**-1022:
        t = expm1(-2.0 * size)
        t = -t / (t + 2.0)
    else:
        return x
    return copysign(t, x)


TANH_3, TANH_5_3, TANH_20 = high(0x3FE193EB), high(0x3FD058AF), high(0x40340001)  # log(3)/2, log(5/3)/2, 20


def asinh(x: float) -> float:
    size = abs(x)
    if not size < 2.0**26:
        size = arm.log(size) + LN2
    elif size >= 2.0:
        size = arm.log(2.0 * size + 1.0 / (sqrt(size * size + 1.0) + size))
    elif size >= SMALL:
        size = log1p(size + size * size / (sqrt(size * size + 1.0) + 1.0))
    return copysign(size, x) if x == x else x


def acosh(x: float) -> float:
    """With musl's bug: many numbers below -2 have a result."""
    size = abs(x)
    if size < 2.0:
        square = (x - 1.0) * (x - 1.0) + 2.0 * (x - 1.0)
        return log1p(x - 1.0 + sqrt(square)) if square >= 0.0 else nan
    if size < 2.0**26:
        below = x + sqrt(x * x - 1.0)
        return arm.log(2.0 * x - (1.0 / below if below else inf))
    return arm.log(x) + LN2


def atanh(x: float) -> float:
    y = abs(x)
    if y < 0.5:
        if y >= 2.0**-32:
            y = 0.5 * log1p(2.0 * y + 2.0 * y * y / (1.0 - y))
    elif y >= 1.0:
        return copysign(inf, x) if y == 1.0 else nan
    elif y == y:
        y = 0.5 * log1p(2.0 * (y / (1.0 - y)))
    return copysign(y, x) if x == x else x


ERF_BORDER = high(0x4006DB6D)


def _erfc(x: float, exp: Callable[[float], float]) -> float:
    """erfc(|x|) for |x| >= 0.84375."""
    if abs(x) < 1.25:
        return 1.0 - ERX - fdlibm.erf_near_1(x)
    x = abs(x)
    a, b = fdlibm.erfc_exponents(x, ERF_BORDER)
    return exp(a) * exp(b) / x


def erf(x: float) -> float:
    size = abs(x)
    if size < 0.84375:
        if size < 2.0**-28:
            return 0.125 * (8.0 * x + EFX8 * x)
        return x + x * fdlibm.erf_small(x)
    if x != x:
        return x
    return copysign(1.0 - _erfc(x, arm.exp) if size < 6.0 else 1.0, x)


def erfc(x: float) -> float:
    size = abs(x)
    if size < 0.84375:
        if size < 2.0**-56:
            return 1.0 - x
        y = fdlibm.erf_small(x)
        return 1.0 - (x + x * y) if x < 0.25 else 0.5 - (x - 0.5 + x * y)
    if x != x:
        return x
    if size < 28.0:
        return 2.0 - _erfc(x, arm.exp) if x < 0.0 else _erfc(x, arm.exp)
    return 2.0 if x < 0.0 else 0.0


def _square(x: float) -> tuple[float, float]:
    """x**2 = hi + lo, by Dekker."""
    xc = x * 134217729.0
    xh = x - xc + xc
    xl = x - xh
    hi = x * x
    return hi, xh * xh - hi + 2.0 * xh * xl + xl * xl


def hypot(x: float, y: float) -> float:
    x, y = abs(x), abs(y)
    if x == inf or y == inf:
        return inf
    if x != x or y != y:
        return nan
    if x < y:
        x, y = y, x
    if y == 0.0 or _exponent(x) - _exponent(y) > 64:
        return x + y
    z = 1.0
    if x >= 2.0**511:
        z = 2.0**700
        x *= 2.0**-700
        y *= 2.0**-700
    elif y < 2.0**-450:
        z = 2.0**-700
        x *= 2.0**700
        y *= 2.0**700
    hx, lx = _square(x)
    hy, ly = _square(y)
    return z * sqrt(ly + lx + hy + hx)


def _exponent(x: float) -> int:
    """The biased exponent: 0 for all subnormal numbers."""
    return max(frexp(x)[1] + 1022, 0)


sin, cos, tan = fdlibm.trigonometry(recentres=True)

atan2 = fdlibm.atan2_far_from((64 << 20) + 1)
log10 = fdlibm.log10_with(fdlibm.SQRT_HALF)

LIBM: dict[str, Callable[..., float]] = {
    "acos": fdlibm.acos, "acosh": acosh, "asin": fdlibm.asin, "asinh": asinh, "atan": fdlibm.atan, "atan2": atan2, "atanh": atanh,
    "cbrt": fdlibm.cbrt, "cos": cos, "cosh": cosh, "erf": erf, "erfc": erfc, "exp": arm.exp, "exp2": arm.exp2, "expm1": expm1,
    "hypot": hypot, "log": arm.log, "log10": log10, "log1p": log1p, "log2": arm.log2, "pow": arm.pow, "sin": sin, "sinh": sinh,
    "tan": tan, "tanh": tanh,
}  # fmt: skip
