"""glibc's functions that descend from fdlibm, up to 2.40: polynomials by pairs of terms, for pipelined processors (N. Shimizu, 1997).

`family` makes them for a CPU with FMA, where the compiler contracts a * b + c in some, or without.
"""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, inf, ldexp, nan, sqrt

from .fdlibm import (
    EFX,
    ERX,
    INV_LN2,
    LG1,
    LG2,
    LG3,
    LG4,
    LG5,
    LG6,
    LG7,
    LN2_3_HALVES,
    LN2_56,
    LN2_HALF,
    LN2_HI,
    LN2_LO,
    O_THRESHOLD,
    PA,
    PP,
    Q1,
    Q2,
    Q3,
    Q4,
    Q5,
    QA,
    QQ,
    RA,
    RB,
    SA,
    SB,
    SQRT_HALF,
    high,
    log_parts,
    without_low_half,
)  # fmt: skip
from .tables import double_of

LN2 = 6.93147180559945286227e-01
TINY = 2.0**-28
LOG1P_LOW, LOG1P_HIGH = high(0xBFD2BEC4), high(0x3FDA827A)
LOG1P_NEAR, NEAR_1 = 1.0 - 3.0 * 2.0**-21, 2.0**-20
LOG_MAX, TWICE_MAX = high(0x40862E42), double_of(0x408633CE8FB9F87D)
COSH_SMALL = high(0x3FD62E43)
ASINH_HUGE, TWO_UP = high(0x41B00001), high(0x40000001)
ERF_BORDER, ERFC_BORDER = high(0x4006DB6E), high(0x4006DB6D)


def product_and_sum(a: float, b: float, c: float) -> float:
    """a * b + c, rounded twice."""
    return a * b + c


def pairs(coefficients: tuple[float, ...], x: float) -> float:
    """The polynomial, the constant first: (c0 + c1 x) + x**2 (c2 + c3 x) + ..."""
    terms = [a + x * b for a, b in zip(coefficients[::2], coefficients[1::2])]  # noqa: B905  (a last one alone follows)
    if len(coefficients) % 2:
        terms.append(coefficients[-1])
    x2 = x * x
    x4 = x2 * x2
    total = terms[0]
    for power, term in zip((x2, x4, x4 * x2, x4 * x4), terms[1:], strict=False):
        total += power * term
    return total


def family(
    mad: Callable[[float, float, float], float], exp: Callable[[float], float], log: Callable[[float], float]
) -> dict[str, Callable[..., float]]:
    """The functions, on glibc's exp and log. mad (callable): `fused.fma` or `product_and_sum`."""

    def expm1(x: float) -> float:
        size = abs(x)
        if not size < LN2_56:
            if x != x:
                return x
            if x < 0.0:
                return -1.0
            if x > O_THRESHOLD:
                return inf
        k = 0
        c = 0.0
        if size >= LN2_HALF:
            if size < LN2_3_HALVES:
                k, t = (1, 1.0) if x > 0.0 else (-1, -1.0)
            else:
                k = int(mad(INV_LN2, x, 0.5 if x > 0.0 else -0.5))
                t = float(k)
            hi = x - t * LN2_HI
            lo = t * LN2_LO
            x = hi - lo
            c = (hi - x) - lo
        elif size < 2.0**-54:
            return x
        hfx = 0.5 * x
        hxs = x * hfx
        h2 = hxs * hxs
        r1 = mad(h2 * h2, mad(hxs, Q5, Q4), mad(h2, mad(hxs, Q3, Q2), mad(hxs, Q1, 1.0)))
        t = mad(-r1, hfx, 3.0)
        e = hxs * ((r1 - t) / mad(-x, t, 6.0))
        if k == 0:
            return x - mad(x, e, -hxs)
        e = mad(x, e - c, -c)
        e -= hxs
        if k == -1:
            return 0.5 * (x - e) - 0.5
        if k == 1:
            return -2.0 * (e - (x + 0.5)) if x < -0.25 else 1.0 + 2.0 * (x - e)
        if k <= -2 or k > 56:
            y = 1.0 - (e - x)
            return (y * 2.0 * 2.0**1023 if k == 1024 else ldexp(y, k)) - 1.0
        if k < 20:
            return ldexp((1.0 - ldexp(1.0, -k)) - (e - x), k)
        return ldexp(x - (e + ldexp(1.0, -k)) + 1.0, k)

    def log1p(x: float) -> float:
        if not x < inf:
            return x
        if x <= -1.0:
            return -inf if x == -1.0 else nan
        if -(2.0**-29) < x < 2.0**-29:
            return x if -(2.0**-54) < x < 2.0**-54 else x - x * x * 0.5
        k = 0
        c = 0.0
        f = x
        small = False
        if not LOG1P_LOW < x < LOG1P_HIGH:
            u = x
            if x < 9007199254740992.0:
                u = 1.0 + x
                c = (1.0 - (u - x) if u >= 2.0 else x - (u - 1.0)) / u
            u, k = log_parts(u, SQRT_HALF)
            f = u - 1.0
            small = LOG1P_NEAR <= u < 1.0 + NEAR_1
        hfsq = 0.5 * f * f
        if small:
            if f == 0.0:
                return mad(k, LN2_HI, mad(k, LN2_LO, c)) if k else 0.0
            r = hfsq * mad(-0.66666666666666666, f, 1.0)
            return mad(k, LN2_HI, -((r - mad(k, LN2_LO, c)) - f)) if k else f - r
        s = f / (2.0 + f)
        z = s * s
        z2 = z * z
        z4 = z2 * z2
        r = mad(z4 * z2, mad(z, LG7, LG6), mad(z4, mad(z, LG5, LG4), mad(z, LG1, z2 * mad(z, LG3, LG2))))
        r = s * (hfsq + r)  # used in two places, so it is not contracted
        if k == 0:
            return f - (hfsq - r)
        return mad(k, LN2_HI, -((hfsq - (r + mad(k, LN2_LO, c))) - f))

    def sinh(x: float) -> float:
        size = abs(x)
        h = copysign(0.5, x)
        if size < 22.0:
            if size < TINY:
                return x
            t = expm1(size)
            return h * (2.0 * t - t * t / (t + 1.0)) if size < 1.0 else h * (t + t / (t + 1.0))
        if size < LOG_MAX:
            return h * exp(size)
        if size <= TWICE_MAX:
            w = exp(0.5 * size)
            return h * w * w
        return x if x != x else copysign(inf, x)

    def cosh(x: float) -> float:
        x = abs(x)
        if x < COSH_SMALL:
            if x < 2.0**-55:
                return 1.0
            t = expm1(x)
            w = 1.0 + t
            return 1.0 + (t * t) / (w + w)
        if x < 22.0:
            t = exp(x)
            return 0.5 * t + 0.5 / t
        if x < LOG_MAX:
            return 0.5 * exp(x)
        if x <= TWICE_MAX:
            w = exp(0.5 * x)
            return 0.5 * w * w
        return x if x != x else inf

    def tanh(x: float) -> float:
        size = abs(x)
        if size < 22.0:
            if size < 2.0**-55:
                return x * (1.0 + x)
            if size >= 1.0:
                z = 1.0 - 2.0 / (expm1(2.0 * size) + 2.0)
            else:
                t = expm1(-2.0 * size)
                z = -t / (t + 2.0)
            return copysign(z, x)
        return x if x != x else copysign(1.0, x)

    def asinh(x: float) -> float:
        t = abs(x)
        if t < TINY or x - x != 0.0:
            return x
        if t >= ASINH_HUGE:
            w = log(t) + LN2
        elif t >= TWO_UP:
            w = log(2.0 * t + 1.0 / (sqrt(t * t + 1.0) + t))
        else:
            w = log1p(t + t * t / (1.0 + sqrt(1.0 + t * t)))
        return copysign(w, x)

    def acosh(x: float) -> float:
        if not 1.0 <= x < inf:
            return x if x == inf or x != x else nan
        if x >= 2.0**28:
            return log(x) + LN2
        if x > 2.0:
            return log(2.0 * x - 1.0 / (x + sqrt(x * x - 1.0)))
        t = x - 1.0
        return log1p(t + sqrt(2.0 * t + t * t)) if t else 0.0

    def atanh(x: float) -> float:
        size = abs(x)
        if not size < 1.0:
            return copysign(inf, x) if size == 1.0 else nan
        if size < TINY:
            return x
        t = size + size
        if size < 0.5:
            return copysign(0.5 * log1p(t + t * size / (1.0 - size)), x)
        return copysign(0.5 * log1p(t / (1.0 - size)), x)

    def complement(x: float, border: float) -> float:
        """erfc(x) x for x >= 1.25."""
        s = 1.0 / (x * x)
        ratio = pairs(RA, s) / pairs(SA, s) if x < border else pairs(RB, s) / pairs(SB, s)
        z = without_low_half(x)
        return exp(-z * z - 0.5625) * exp((z - x) * (z + x) + ratio)

    def erf(x: float) -> float:
        size = abs(x)
        if size < 0.84375:
            if size < TINY:
                return 0.0625 * (16.0 * x + (16.0 * EFX) * x) if size < 2.0**-1015 else x + EFX * x
            z = x * x
            return x + x * (pairs(PP, z) / pairs(QQ, z))
        if x != x:
            return x
        if size < 1.25:
            s = size - 1.0
            return copysign(ERX + pairs(PA, s) / pairs(QA, s), x)
        return copysign(1.0 - complement(size, ERF_BORDER) / size if size < 6.0 else 1.0, x)

    def erfc(x: float) -> float:
        size = abs(x)
        if size < 0.84375:
            if size < 2.0**-56:
                return 1.0 - x
            z = x * x
            y = pairs(PP, z) / pairs(QQ, z)
            return 1.0 - (x + x * y) if x < 0.25 else 0.5 - (x * y + (x - 0.5))
        if x != x:
            return x
        if size < 1.25:
            s = size - 1.0
            ratio = pairs(PA, s) / pairs(QA, s)
            return 1.0 - ERX - ratio if x > 0.0 else 1.0 + (ERX + ratio)
        if size >= 28.0 or x <= -6.0:
            return 0.0 if x > 0.0 else 2.0
        r = complement(size, ERFC_BORDER)
        return r / size if x > 0.0 else 2.0 - r / size

    return {
        "acosh": acosh, "asinh": asinh, "atanh": atanh, "cosh": cosh, "erf": erf, "erfc": erfc, "expm1": expm1, "log1p": log1p,
        "sinh": sinh, "tanh": tanh,
    }  # fmt: skip
