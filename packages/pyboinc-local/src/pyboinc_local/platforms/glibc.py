"""glibc from 2.28 on, on x86-64.

Without FMA its exp, exp2, log, log2 and pow are those of `arm`. With it the compiler contracts a * b + c in them: the same steps here,
each contracted one by `fused.fma`. As both forms err by less than a tenth of a unit before the last rounding, they can only differ
near the middle between two doubles: elsewhere the plain form, which is faster, answers.
"""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, frexp, inf, ldexp, nan, sqrt

from . import arm
from .arm import (
    EXP_2,
    EXP_3,
    EXP_4,
    EXP_5,
    INV_LN2_HI,
    INV_LN2_LO,
    INV_LN2_N,
    LN2_HI,
    LN2_LO,
    LOG2_FAR,
    LOG2_NEAR,
    LOG_FAR,
    LOG_NEAR,
    NEG_LN2_HI_N,
    NEG_LN2_LO_N,
    POW_LOG,
    POWER_TAILS,
    POWERS,
    SHIFT,
    TINY,
)  # fmt: skip
from .fdlibm import LOG10_2_HI, LOG10_2_LO
from .fused import fma
from .glibc_fdlibm import family, product_and_sum
from .statistical import Errors, function

MARGIN = 2.0**-55.5  # of scale, which is between half the result and the result: a tenth of a unit

LOG_MARGIN = 2.0**-55.7  # of the result; both forms of log err by less than .04 units before they round


def _exp_parts(x: float, rest: float) -> tuple[int, float, float]:
    """As `arm.exp_parts`, contracted."""
    kd = fma(INV_LN2_N, x, SHIFT) - SHIFT
    k = int(kd)
    r = fma(kd, NEG_LN2_LO_N, fma(kd, NEG_LN2_HI_N, x)) + rest
    r2 = r * r
    tmp = fma(r2, fma(r, EXP_3, EXP_2), POWER_TAILS[k & 127] + r)
    return k >> 7, POWERS[k & 127], fma(r2 * r2, fma(r, EXP_5, EXP_4), tmp)


def _scale_back(k: int, head: float, tmp: float, one: float, down: int) -> float:
    """As `arm.scale_back`: contracted only where the product is used once."""
    if k > 0:
        scale = ldexp(head, k - down)
        return ldexp(1.0, down) * fma(scale, tmp, scale)
    return arm.scale_back(k, head, tmp, one, down)


def exp(x: float) -> float:
    size = abs(x)
    if not size < 512.0:
        if not size < 1024.0:
            return arm.exp(x)
        return _scale_back(*_exp_parts(x, 0.0), 1.0, 1009)
    if size < TINY:
        return 1.0 + x
    k, head, tmp = arm.exp_parts(x, 0.0)
    scale = ldexp(head, k)
    tail = scale * tmp
    result = scale + tail
    margin = scale * MARGIN
    if scale + (tail + margin) == result == scale + (tail - margin):
        return result
    k, head, tmp = _exp_parts(x, 0.0)
    scale = ldexp(head, k)
    return fma(scale, tmp, scale)


def log(x: float) -> float:
    if 0.9375 <= x < 1.064697265625:
        return _log_near_1(x)
    if not 0.0 < x < inf:
        return arm.log(x)
    z, k = arm.split(x)
    invc, logc, chi, clo = arm.LOG_POINTS[int((z - 0.6875) * 256.0) if z < 1.0 else int(z * 128.0) - 48]
    a = LOG_FAR
    w = k * LN2_HI + logc
    r = (z - chi - clo) * invc
    hi = w + r
    lo = w - hi + r + k * LN2_LO
    r2 = r * r
    lo = lo + r2 * a[0] + r * r2 * (a[1] + r * a[2] + r2 * (a[3] + r * a[4]))
    result = lo + hi
    margin = hi * LOG_MARGIN
    if hi + (lo + margin) == result == hi + (lo - margin):
        return result
    r = fma(z, invc, -1.0)
    hi = w + r
    lo = fma(k, LN2_LO, w - hi + r)
    r2 = r * r
    lo = fma(r2, a[0], lo)
    return fma(r * r2, fma(r2, fma(r, a[4], a[3]), fma(r, a[2], a[1])), lo) + hi


def _log_near_1(x: float) -> float:
    if x == 1.0:
        return 0.0
    b = LOG_NEAR
    r = x - 1.0
    r2 = r * r
    r3 = r * r2
    p = fma(r3, b[10], fma(r2, b[9], fma(r, b[8], b[7])))
    p = fma(r3, p, fma(r2, b[6], fma(r, b[5], b[4])))
    p = fma(r3, p, fma(r2, b[3], fma(r, b[2], b[1])))
    w = r * 134217728.0
    rhi = r + w - w
    rlo = r - rhi
    w = rhi * rhi * b[0]
    hi = r + w
    lo = fma(b[0] * rlo, rhi + r, r - hi + w)
    return fma(r3, p, lo) + hi


def log2(x: float) -> float:
    if arm.LOG2_NEAR_LOW <= x < arm.LOG2_NEAR_HIGH:
        return _log2_near_1(x)
    if not 0.0 < x < inf:
        return arm.log2(x)
    z, k = arm.split(x)
    invc, logc, _, _ = arm.LOG2_POINTS[int((z - 0.6875) * 128.0) if z < 1.0 else int(z * 64.0) - 24]
    r = fma(z, invc, -1.0)
    t1 = r * INV_LN2_HI
    t2 = fma(r, INV_LN2_LO, fma(r, INV_LN2_HI, -t1))
    t3 = k + logc
    hi = t3 + t1
    lo = t3 - hi + t1 + t2
    r2 = r * r
    a = LOG2_FAR
    p = fma(r2, fma(r, a[3], a[2]), fma(r, a[1], a[0]))
    p = fma(r2 * r2, fma(r, a[5], a[4]), p)
    return fma(r2, p, lo) + hi


def _log2_near_1(x: float) -> float:
    if x == 1.0:
        return 0.0
    b = LOG2_NEAR
    r = x - 1.0
    hi = r * INV_LN2_HI
    lo = fma(r, INV_LN2_LO, fma(r, INV_LN2_HI, -hi))
    r2 = r * r
    r4 = r2 * r2
    p = fma(r, b[1], b[0])
    y = fma(r2, p, hi)
    lo += fma(r2, p, hi - y)
    q = fma(r2, fma(r, b[9], b[8]), fma(r, b[7], b[6]))
    q = fma(r4, q, fma(r2, fma(r, b[5], b[4]), fma(r, b[3], b[2])))
    lo = fma(r4, q, lo)
    return y + lo


def _pow_exponent(x: float, y: float) -> tuple[float, float]:
    """As `arm.pow_exponent`, contracted."""
    z, k, invc, logc, logctail = arm.pow_point(x)
    r = fma(z, invc, -1.0)
    t1 = k * LN2_HI + logc
    t2 = t1 + r
    lo1 = fma(k, LN2_LO, logctail)
    lo2 = t1 - t2 + r
    a = POW_LOG
    ar = -0.5 * r
    ar2 = r * ar
    ar3 = r * ar2
    hi = t2 + ar2
    lo3 = fma(ar, r, -ar2)
    lo4 = t2 - hi + ar2
    p = fma(ar2, fma(ar2, fma(r, a[6], a[5]), fma(r, a[4], a[3])), fma(r, a[2], a[1]))
    lo = fma(ar3, p, lo1 + lo2 + lo3 + lo4)
    s = hi + lo
    lo = hi - s + lo
    ehi = y * s
    return ehi, fma(y, lo, fma(y, s, -ehi))


def pow(x: float, y: float) -> float:
    special = arm.pow_special(x, y)
    if special is not None:
        return special
    one = 1.0
    if x < 0.0:
        if y % 1.0:
            return nan
        if y % 2.0:
            one = -1.0
        x = -x
    if not arm.POW_TINY <= abs(y) < arm.POW_HUGE:
        return arm.pow_extreme(x, y)
    ehi, elo = arm.pow_exponent(x, y)
    if TINY < abs(ehi) < 500.0:
        k, head, tmp = arm.exp_parts(ehi, elo)
        scale = ldexp(head, k)
        tail = scale * tmp
        result = scale + tail
        margin = scale * MARGIN
        if scale + (tail + margin) == result == scale + (tail - margin):
            return one * result
    ehi, elo = _pow_exponent(x, y)
    size = abs(ehi)
    if not size < 512.0:
        if size >= 1024.0:
            return copysign(inf if ehi > 0.0 else 0.0, one)
        k, head, tmp = _exp_parts(ehi, elo)
        return _scale_back(k, one * head, tmp, one, 1009)
    if size < TINY:
        return one * (1.0 + ehi)
    k, head, tmp = _exp_parts(ehi, elo)
    scale = ldexp(one * head, k)
    return fma(scale, tmp, scale)


# What is neither Arm's nor close to correctly rounded, in glibc 2.35 and later: fdlibm's log10, a cube root of its own, Borges' hypot.


def _log10_with(c_log: Callable[[float], float]) -> Callable[[float], float]:
    """fdlibm's: n log10(2) + log(x / 2**n) / log(10)."""

    def log10(x: float) -> float:
        if not 0.0 < x < inf:
            return arm.log(x)  # the same special values
        m, k = frexp(x)
        n = k - 1 if k > 0 else k
        m = ldexp(m, 1 if k > 0 else 0)
        z = n * LOG10_2_LO + INV_LN10 * c_log(m)
        return z + n * LOG10_2_HI

    return log10


INV_LN10 = 4.34294481903251816668e-01
CBRT_START = (
    0.354895765043919860, 1.50819193781584896, -2.11499494167371287, 2.44693122563534430, -1.83469277483613086, 0.784932344976639262,
    -0.145263899385486377,
)  # fmt: skip
CBRT2, SQR_CBRT2 = 1.2599210498948731648, 1.5874010519681994748
CBRT_FACTORS = (1.0 / SQR_CBRT2, 1.0 / CBRT2, 1.0, CBRT2, SQR_CBRT2)


def cbrt(x: float) -> float:
    """A polynomial, one step of Halley's, and the power of two."""
    if x == 0.0 or x - x != 0.0:
        return x
    m, k = frexp(abs(x))
    u = CBRT_START[-1]
    for c in CBRT_START[-2::-1]:
        u = c + u * m
    t2 = u * u * u
    third = int(k / 3)  # towards 0
    y = u * (t2 + 2.0 * m) / (2.0 * t2 + m) * CBRT_FACTORS[2 + k - 3 * third]
    return copysign(ldexp(y, third), x)


def hypot(x: float, y: float) -> float:
    """By C. Borges, An improved algorithm for hypot(a, b), https://arxiv.org/abs/1904.09481, MyHypot3."""
    if x - x != 0.0 or y - y != 0.0:
        return inf if x in (inf, -inf) or y in (inf, -inf) else nan
    x, y = abs(x), abs(y)
    if x < y:
        x, y = y, x
    if y <= x * 2.0**-54:
        return x + y
    if x > 2.0**511:
        return _hypot(x * 2.0**-600, y * 2.0**-600) * 2.0**600
    if y < 2.0**-459:
        return _hypot(x * 2.0**600, y * 2.0**600) * 2.0**-600
    return _hypot(x, y)


def _hypot(x: float, y: float) -> float:
    h = sqrt(x * x + y * y)
    if h <= 2.0 * y:
        delta = h - y
        t1 = x * (2.0 * delta - x)
        t2 = (delta - 2.0 * (x - y)) * delta
    else:
        delta = h - x
        t1 = 2.0 * delta * (x - 2.0 * y)
        t2 = (4.0 * delta - y) * y + delta * delta
    return h - (t1 + t2) / (2.0 * h)


OTHERS: dict[str, Callable[..., float]] = {"cbrt": cbrt, "exp2": arm.exp2, "hypot": hypot}  # not compiled for FMA
PLAIN: dict[str, Callable[..., float]] = {
    **OTHERS,
    **family(product_and_sum, arm.exp, arm.log),
    **{"exp": arm.exp, "log": arm.log, "log2": arm.log2, "pow": arm.pow, "log10": _log10_with(arm.log)},
}
FUSED: dict[str, Callable[..., float]] = {
    **OTHERS,
    **family(fma, exp, log),
    **{"exp": exp, "log": log, "log2": log2, "pow": pow, "log10": _log10_with(log)},
}

NEAREST = {
    "sin": (0.516, 0.141, 0.164, 0.101), "cos": (0.516, 0.12, 0.13, 0.046), "tan": (0.619, 0.269, 0.269, 0.0),
    "asin": (0.516, 0.149, 0.164, 0.067), "acos": (0.523, 0.068, 0.07, 0.03), "atan": (0.523, 0.075, 0.069, 0.034),
    "atan2": (0.524, 0.096, 0.089, 0.033),
}  # fmt: skip
"""Functions that are almost correctly rounded. The largest error; per cent of results that are not the nearest double with FMA, without;
that differ between the two."""


def libm(fused: bool) -> dict[str, Callable[..., float]]:
    """glibc's functions."""
    table = dict(FUSED if fused else PLAIN)
    for name, (largest, with_fma, without, between) in NEAREST.items():
        errors = Errors(largest, (with_fma if fused else without) / 100.0, own=between / (with_fma + without))
        table[name] = function(name, f"glibc {fused}", "glibc", errors)
    return table
