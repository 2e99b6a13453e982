"""exp, exp2, log, log2 and pow as musl 1.2 has them, and glibc from 2.28 on where the CPU has no FMA; bit for bit.

The algorithms and polynomials are those of Arm's optimized-routines (S. Nagy, 2018, https://github.com/ARM-software/optimized-routines).
C's semantics: out-of-range results are inf or 0, invalid ones NaN; nothing raises.
"""

from __future__ import annotations

from math import copysign, frexp, inf, ldexp, nan

from . import tables

SHIFT = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to an integer
TINY = 2.0**-54

POWERS, POWER_TAILS = tables.powers(128)

INV_LN2_N = float.fromhex("0x1.71547652b82fep0") * 128
NEG_LN2_HI_N = float.fromhex("-0x1.62e42fefa0000p-8")
NEG_LN2_LO_N = float.fromhex("-0x1.cf79abc9e3b3ap-47")
EXP_2, EXP_3, EXP_4, EXP_5 = tables.doubles("0x1.ffffffffffdbdp-2 0x1.555555555543cp-3 0x1.55555cf172b91p-5 0x1.1111167a4d017p-7")
EXP2_1, EXP2_2, EXP2_3, EXP2_4, EXP2_5 = tables.doubles(
    "0x1.62e42fefa39efp-1 0x1.ebfbdff82c424p-3 0x1.c6b08d70cf4b5p-5 0x1.3b2abd24650ccp-7 0x1.5d7e09b4e3a84p-10"
)

LN2_HI = float.fromhex("0x1.62e42fefa3800p-1")
LN2_LO = float.fromhex("0x1.ef35793c76730p-45")
LOG_POINTS = tables.log_points(0.6875, tables.LOG_OFFSETS, 1 << tables.BITS, 43)
LOG_NEAR = tables.doubles(
    "-0x1p-1 0x1.5555555555577p-2 -0x1.ffffffffffdcbp-3 0x1.999999995dd0cp-3 -0x1.55555556745a7p-3 0x1.24924a344de3p-3 "
    "-0x1.fffffa4423d65p-4 0x1.c7184282ad6cap-4 -0x1.999eb43b068ffp-4 0x1.78182f7afd085p-4 -0x1.5521375d145cdp-4"
)
LOG_FAR = tables.doubles("-0x1.0000000000001p-1 0x1.555555551305bp-2 -0x1.fffffffeb459p-3 0x1.999b324f10111p-3 -0x1.55575e506c89fp-3")

INV_LN2_HI = float.fromhex("0x1.7154765200000p+0")
INV_LN2_LO = float.fromhex("0x1.705fc2eefa200p-33")
LOG2_POINTS = tables.log_points(0.6875, tables.LOG2_OFFSETS, tables.LN2, 44)
LOG2_POINTS[49] = (*LOG2_POINTS[49][:3], float.fromhex("0x1.cfe2a7994d182p-55"))  # as published: one unit below its definition
LOG2_NEAR = tables.doubles(
    "-0x1.71547652b82fep-1 0x1.ec709dc3a03f7p-2 -0x1.71547652b7c3fp-2 0x1.2776c50f05be4p-2 -0x1.ec709dd768fe5p-3 "
    "0x1.a61761ec4e736p-3 -0x1.7153fbc64a79bp-3 0x1.484d154f01b4ap-3 -0x1.289e4a72c383cp-3 0x1.0b32f285aee66p-3"
)
LOG2_FAR = tables.doubles(
    "-0x1.71547652b8339p-1 0x1.ec709dc3a04bep-2 -0x1.7154764702ffbp-2 0x1.2776c50034c48p-2 -0x1.ec7b328ea92bcp-3 0x1.a6225e117f92ep-3"
)
LOG2_NEAR_LOW, LOG2_NEAR_HIGH = 1.0 - float.fromhex("0x1.5b51p-5"), 1.0 + float.fromhex("0x1.6ab2p-5")

POW_START = float.fromhex("0x1.69555p-1")
POW_POINTS = tables.pow_points(POW_START, 128)
POW_LOG = tables.doubles(
    "-0x1p-1 -0x1.555555555556p-1 0x1.0000000000006p-1 0x1.999999959554ep-1 -0x1.555555529a47ap-1 -0x1.2495b9b4845e9p0 0x1.0002b8b263fc3p0"
)


def scale_back(k: int, head: float, tmp: float, one: float, down: int) -> float:
    """head 2**k (1 + tmp) where the power of two alone is out of range; `one` has the sign of the result."""
    if k > 0:
        scale = ldexp(head, k - down)
        return ldexp(1.0, down) * (scale + scale * tmp)
    scale = ldexp(head, k + 1022)
    y = scale + scale * tmp
    if -1.0 < y < 1.0:  # a subnormal result: round once, to the precision that it has
        lo = scale - y + scale * tmp
        hi = one + y
        lo = one - hi + y + lo
        y = (hi + lo) - one
        if y == 0.0:
            y = copysign(0.0, one)
    return 2.2250738585072014e-308 * y


def exp_parts(x: float, rest: float) -> tuple[int, float, float]:
    """k, head and tmp, such that e**(x + rest) = 2**k head (1 + tmp)."""
    kd = INV_LN2_N * x + SHIFT - SHIFT
    k = int(kd)
    r = x + kd * NEG_LN2_HI_N + kd * NEG_LN2_LO_N + rest
    r2 = r * r
    return k >> 7, POWERS[k & 127], POWER_TAILS[k & 127] + r + r2 * (EXP_2 + r * EXP_3) + r2 * r2 * (EXP_4 + r * EXP_5)


def exp(x: float) -> float:
    size = abs(x)
    if not size < 512.0:
        if x != x or x == inf:
            return x + 1.0
        if size >= 1024.0:
            return inf if x > 0.0 else 0.0
        k, head, tmp = exp_parts(x, 0.0)
        return scale_back(k, head, tmp, 1.0, 1009)
    if size < TINY:
        return 1.0 + x
    k, head, tmp = exp_parts(x, 0.0)
    scale = ldexp(head, k)
    return scale + scale * tmp


def exp2(x: float) -> float:
    size = abs(x)
    if not size < 512.0:
        if x != x or x == inf:
            return x + 1.0
        if x >= 1024.0:
            return inf
        if x <= -1075.0:
            return 0.0
    elif size < TINY:
        return 1.0 + x
    kd = x + SHIFT / 128 - SHIFT / 128
    k = int(kd * 128)
    r = x - kd
    r2 = r * r
    tmp = POWER_TAILS[k & 127] + r * EXP2_1 + r2 * (EXP2_2 + r * EXP2_3) + r2 * r2 * (EXP2_4 + r * EXP2_5)
    if size > 928.0:
        return scale_back(k >> 7, POWERS[k & 127], tmp, 1.0, 1)
    scale = ldexp(POWERS[k & 127], k >> 7)
    return scale + scale * tmp


def split(x: float) -> tuple[float, int]:
    """x = z 2**k with z in [0.6875, 1.375)."""
    z, k = frexp(x)
    return (z, k) if z >= 0.6875 else (z + z, k - 1)


def log(x: float) -> float:
    if 0.9375 <= x < 1.064697265625:
        return _log_near_1(x)
    if not 0.0 < x < inf:
        return _log_outside(x)
    z, k = frexp(x)
    if z < 0.6875:
        z += z
        k -= 1
    invc, logc, chi, clo = LOG_POINTS[int((z - 0.6875) * 256.0) if z < 1.0 else int(z * 128.0) - 48]
    r = (z - chi - clo) * invc
    w = k * LN2_HI + logc
    hi = w + r
    lo = w - hi + r + k * LN2_LO
    r2 = r * r
    a = LOG_FAR
    return lo + r2 * a[0] + r * r2 * (a[1] + r * a[2] + r2 * (a[3] + r * a[4])) + hi


def _log_near_1(x: float) -> float:
    if x == 1.0:
        return 0.0
    b = LOG_NEAR
    r = x - 1.0
    r2 = r * r
    r3 = r * r2
    y = r3 * (b[1] + r * b[2] + r2 * b[3] + r3 * (b[4] + r * b[5] + r2 * b[6] + r3 * (b[7] + r * b[8] + r2 * b[9] + r3 * b[10])))
    w = r * 134217728.0
    rhi = r + w - w
    rlo = r - rhi
    w = rhi * rhi * b[0]
    hi = r + w
    lo = r - hi + w
    lo += b[0] * rlo * (rhi + r)
    return y + lo + hi


def _log_outside(x: float) -> float:
    """log of 0, infinities, NaN and negative numbers, to any base."""
    if x == 0.0:
        return -inf
    return x if x == inf or x != x else nan


def log2(x: float) -> float:
    if LOG2_NEAR_LOW <= x < LOG2_NEAR_HIGH:
        return _log2_near_1(x)
    if not 0.0 < x < inf:
        return _log_outside(x)
    z, k = split(x)
    invc, logc, chi, clo = LOG2_POINTS[int((z - 0.6875) * 128.0) if z < 1.0 else int(z * 64.0) - 24]
    r = (z - chi - clo) * invc
    rhi = _high_20(r)
    rlo = r - rhi
    t1 = rhi * INV_LN2_HI
    t2 = rlo * INV_LN2_HI + r * INV_LN2_LO
    t3 = k + logc
    hi = t3 + t1
    lo = t3 - hi + t1 + t2
    r2 = r * r
    r4 = r2 * r2
    a = LOG2_FAR
    return lo + r2 * (a[0] + r * a[1] + r2 * (a[2] + r * a[3]) + r4 * (a[4] + r * a[5])) + hi


def _high_20(r: float) -> float:
    """r with the last 32 bits of its mantissa set to 0."""
    mantissa, exponent = frexp(r)
    return ldexp(int(mantissa * 2097152.0), exponent - 21)


def _log2_near_1(x: float) -> float:
    if x == 1.0:
        return 0.0
    b = LOG2_NEAR
    r = x - 1.0
    rhi = _high_20(r)
    rlo = r - rhi
    hi = rhi * INV_LN2_HI
    lo = rlo * INV_LN2_HI + r * INV_LN2_LO
    r2 = r * r
    r4 = r2 * r2
    p = r2 * (b[0] + r * b[1])
    y = hi + p
    lo += hi - y + p
    lo += r4 * (b[2] + r * b[3] + r2 * (b[4] + r * b[5]) + r4 * (b[6] + r * b[7] + r2 * (b[8] + r * b[9])))
    return y + lo


def pow_special(x: float, y: float) -> float | None:
    """x**y where C's standard or the size of y says it all (C17, F.10.4.4), for negative x that of |x| with the sign; else None."""
    if y == 0.0 or x == 1.0:
        return 1.0
    if x != x or y != y:
        return x + y
    if y in (inf, -inf):
        if x == -1.0:
            return 1.0
        return inf if (abs(x) > 1.0) == (y > 0.0) else 0.0
    if x == 0.0 or x in (inf, -inf):
        size = 0.0 if (x == 0.0) == (y > 0.0) else inf
        return copysign(size, x) if y % 2.0 == 1.0 else size
    return None


def pow(x: float, y: float) -> float:
    special = pow_special(x, y)
    if special is not None:
        return special
    one = 1.0
    if x < 0.0:
        if y % 1.0:
            return nan
        if y % 2.0:
            one = -1.0
        x = -x
    size = abs(y)
    if not POW_TINY <= size < POW_HUGE:
        return pow_extreme(x, y)
    ehi, elo = pow_exponent(x, y)
    size = abs(ehi)
    if not size < 512.0:
        if size >= 1024.0:
            return copysign(inf if ehi > 0.0 else 0.0, one)
        k, head, tmp = exp_parts(ehi, elo)
        return scale_back(k, one * head, tmp, one, 1009)
    if size < TINY:
        return one * (1.0 + ehi)
    k, head, tmp = exp_parts(ehi, elo)
    scale = ldexp(one * head, k)
    return scale + scale * tmp


POW_TINY, POW_HUGE = 2.0**-65, 2.0**63


def pow_extreme(x: float, y: float) -> float:
    """x**y for y so large or small that its size is all that matters."""
    if x == 1.0:
        return 1.0
    if abs(y) < 1.0:
        return 1.0 + y if x > 1.0 else 1.0 - y
    return inf if (x > 1.0) == (y > 0.0) else 0.0


def pow_point(x: float) -> tuple[float, int, float, float, float]:
    """z and k, such that x = z 2**k, and the point next to z."""
    z, k = frexp(x)
    if z < POW_START:
        z += z
        k -= 1
    return z, k, *POW_POINTS[int((z - POW_START) * 256.0) if z < 1.0 else int((z - 1.0) * 128.0 + POW_BELOW_1)]


def pow_exponent(x: float, y: float) -> tuple[float, float]:
    """y log x, as a sum."""
    z, k, invc, logc, logctail = pow_point(x)
    zhi = int(z * 2097152.0 + 0.5) * 4.76837158203125e-07 if z < 1.0 else int(z * 1048576.0 + 0.5) * 9.5367431640625e-07
    rhi = zhi * invc - 1.0
    rlo = (z - zhi) * invc
    r = rhi + rlo
    t1 = k * LN2_HI + logc
    t2 = t1 + r
    lo1 = k * LN2_LO + logctail
    lo2 = t1 - t2 + r
    a = POW_LOG
    ar = -0.5 * r
    ar2 = r * ar
    ar3 = r * ar2
    arhi = -0.5 * rhi
    arhi2 = rhi * arhi
    hi = t2 + arhi2
    lo3 = rlo * (ar + arhi)
    lo4 = t2 - hi + arhi2
    p = ar3 * (a[1] + r * a[2] + ar2 * (a[3] + r * a[4] + ar2 * (a[5] + r * a[6])))
    lo = lo1 + lo2 + lo3 + lo4 + p
    s = hi + lo
    lo = hi - s + lo
    yhi = _high_26(y)
    lhi = _high_26(s)
    return yhi * lhi, (y - yhi) * lhi + y * (s - lhi + lo)


def _high_26(x: float) -> float:
    """x with the last 27 bits of its mantissa set to 0."""
    mantissa, exponent = frexp(x)
    return ldexp(int(mantissa * 67108864.0), exponent - 26)


POW_BELOW_1 = (1.0 - POW_START) * 256.0  # subintervals below 1
