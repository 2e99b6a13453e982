"""msun, FreeBSD's libm, bit for bit: fdlibm with FreeBSD's improvements (https://cgit.freebsd.org/src/tree/lib/msun).

C's semantics: nothing raises. openlibm is the same but for exp(1.0), which it rounds correctly.
"""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, frexp, inf, ldexp, nan, sqrt

from pyboinc.exactmath import fixed

from . import arm, fdlibm
from .fdlibm import (
    EFX,
    EFX8,
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
    LN2_HALF,
    LN2_HI,
    LN2_LO,
    O_THRESHOLD,
    expm1,
    high,
    log_parts,
    without_low_half,
)  # fmt: skip
from .tables import BITS, bits_of, double_of

LN2 = 6.93147180559945286227e-01
TINY = 2.0**-28
NEAR_1 = 2.0**-20
SQRT_HALF = high(0x3FE6A09C)

# exp, exp2

U_THRESHOLD = -7.45133219101941108420e02
P1, P2, P3 = 1.66666666666666019037e-01, -2.77777777770155933842e-03, 6.61375632143793436117e-05
P4, P5 = -1.65339022054652515390e-06, 4.13813679705723846039e-08


def exp(x: float) -> float:
    size = abs(x)
    if not size < 709.0:
        if x != x:
            return x
        if x > O_THRESHOLD:
            return inf
        if x < U_THRESHOLD:
            return 0.0
    if size < LN2_HALF:
        if size < TINY:
            return 1.0 + x
        t = x * x
        c = x - t * (P1 + t * (P2 + t * (P3 + t * (P4 + t * P5))))
        return 1.0 - ((x * c) / (c - 2.0) - x)
    if size < LN2_3_HALVES:
        k, t = (1, 1.0) if x > 0.0 else (-1, -1.0)
    else:
        k = int(INV_LN2 * x + (0.5 if x > 0.0 else -0.5))
        t = float(k)
    hi = x - t * LN2_HI
    lo = t * LN2_LO
    x = hi - lo
    t = x * x
    c = x - t * (P1 + t * (P2 + t * (P3 + t * (P4 + t * P5))))
    y = 1.0 - ((lo - (x * c) / (2.0 - c)) - hi)
    return y * 2.0 * 2.0**1023 if k == 1024 else ldexp(y, k)


EXP2_SHIFT = 6755399441055744.0 / 256
EXP2_P1, EXP2_P2, EXP2_P3 = (
    float.fromhex("0x1.62e42fefa39efp-1"),
    float.fromhex("0x1.ebfbdff82c575p-3"),
    float.fromhex("0x1.c6b08d704a0a6p-5"),
)
EXP2_P4, EXP2_P5 = float.fromhex("0x1.3b2ab88f70400p-7"), float.fromhex("0x1.5d88003875c74p-10")
EXP2_OFFSETS = (
    1673216,
    24576,
    -801792,
    503808,
    -24576,
    -7168,
    -1043456,
    -934912,
    323584,
    -1585152,
    -137216,
    1033216,
    162816,
    -780288,
    -29696,
    38912,
    -59392,
    532480,
    2048,
    -739328,
    -154624,
    -666624,
    1245184,
    253952,
    -581632,
    845824,
    3022848,
    602112,
    -1229824,
    -622592,
    -868352,
    -59392,
    1255424,
    2451456,
    -1009664,
    -534528,
    791552,
    -470016,
    -179200,
    87040,
    378880,
    -204800,
    701440,
    -1495040,
    -139264,
    950272,
    -1614848,
    1399808,
    744448,
    -57344,
    390144,
    364544,
    -86016,
    211968,
    879616,
    -441344,
    224256,
    1607680,
    280576,
    186368,
    -842752,
    899072,
    25600,
    40960,
    -935936,
    365568,
    1042944,
    302080,
    3837440,
    -1587200,
    1536,
    219648,
    31232,
    -169984,
    -241152,
    242176,
    152576,
    -515584,
    -272384,
    -282624,
    228352,
    -206848,
    -252416,
    1664512,
    -427008,
    -6362624,
    -430592,
    13824,
    141312,
    66048,
    79360,
    -184832,
    209920,
    -358400,
    477696,
    144384,
    31744,
    -160768,
    -236288,
    84992,
    129280,
    52224,
    -86528,
    -482304,
    -361728,
    223488,
    2202624,
    232704,
    -206336,
    -43008,
    -196352,
    -79616,
    44672,
    362112,
    87296,
    11392,
    -62464,
    -108672,
    -935936,
    3328,
    -85760,
    13568,
    109504,
    -20864,
    -221568,
    -8640,
    -276384,
    61976,
    0,
    -4928,
    -296384,
    6720,
    64704,
    -11904,
    24768,
    -430016,
    -151680,
    71168,
    346368,
    -52480,
    45568,
    -134912,
    -1536,
    129536,
    -109696,
    26368,
    173056,
    -109824,
    453376,
    -171264,
    -239104,
    70912,
    57344,
    372480,
    49664,
    -252416,
    50944,
    55808,
    173568,
    157440,
    813568,
    -178688,
    -467456,
    293888,
    266752,
    -3043840,
    684544,
    -214016,
    39936,
    54784,
    143872,
    -450048,
    969216,
    24576,
    891392,
    425472,
    -422400,
    148992,
    -315904,
    302080,
    291840,
    1175040,
    -339968,
    -325120,
    202240,
    -605696,
    858624,
    -270336,
    -252416,
    -82432,
    -674816,
    -363520,
    -1193472,
    -17692672,
    -599040,
    -707584,
    504832,
    -28672,
    -1103872,
    615424,
    536576,
    -366592,
    -220160,
    -2679808,
    197632,
    1998848,
    64512,
    -387072,
    727040,
    -3230720,
    -1891328,
    711680,
    503808,
    -317440,
    642048,
    106496,
    -93184,
    -227328,
    -303104,
    1105920,
    -958464,
    230400,
    -496640,
    192512,
    -319488,
    135168,
    931840,
    -473088,
    411648,
    -202752,
    -106496,
    3411968,
    -748544,
    -1197056,
    3176448,
    677888,
    2274304,
    -847872,
    -623616,
    3921920,
    -10240,
    1050624,
    -746496,
    2962432,
    -446464,
    384000,
    752640,
    139264,
    -357376,
    -308224,
    -54272,
    -798720,
    18866176,
    -1515520,
    46080,
    -834560,
)
"""2**64 eps, such that 2**(i/256 - 1/2 + eps) is almost a double, as published in FreeBSD's s_exp2.c (D. Schultz, 2005)."""


def _exp2_points() -> list[tuple[float, float]]:
    points = []
    for i, offset in enumerate(EXP2_OFFSETS):
        exponent = ((i - 128) << BITS - 8) + (offset << BITS - 64)
        points.append((fixed.exp(exponent * fixed.ln2(BITS) >> BITS, BITS) / (1 << BITS), ldexp(offset, -64)))
    return points


EXP2_POINTS = _exp2_points()


def exp2(x: float) -> float:
    size = abs(x)
    if not size < 1024.0:
        if x != x or x >= 1024.0:
            return x if x != x else inf
        if x <= -1075.0:
            return 0.0
    elif size < 2.0**-54:
        return 1.0 + x
    t = x + EXP2_SHIFT - EXP2_SHIFT
    i = int(t * 256.0) + 128
    z = x - t
    t, eps = EXP2_POINTS[i & 255]
    z -= eps
    r = t + t * z * (EXP2_P1 + z * (EXP2_P2 + z * (EXP2_P3 + z * (EXP2_P4 + z * EXP2_P5))))
    k = i >> 8
    return r * 2.0 * 2.0**1023 if k == 1024 else ldexp(r, k)


# log, log1p, log2, log10

LOG_RIGHT, LOG_LEFT = high(0x3FF6147A), high(0x3FE6B852)


def log(x: float) -> float:
    if not 0.0 < x < inf:
        return -inf if x == 0.0 else nan if x < 0.0 else x
    m, k = log_parts(x, SQRT_HALF)
    f = m - 1.0
    if -NEAR_1 <= f < NEAR_1:
        if f == 0.0:
            return k * LN2_HI + k * LN2_LO if k else 0.0
        r = f * f * (0.5 - 0.33333333333333333 * f)
        return k * LN2_HI - ((r - k * LN2_LO) - f) if k else f - r
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    t1 = w * (LG2 + w * (LG4 + w * LG6))
    t2 = z * (LG1 + w * (LG3 + w * (LG5 + w * LG7)))
    r = t2 + t1
    if m >= LOG_RIGHT or m < LOG_LEFT:
        hfsq = 0.5 * f * f
        r = s * (hfsq + r)
        return k * LN2_HI - ((hfsq - (r + k * LN2_LO)) - f) if k else f - (hfsq - r)
    r = s * (f - r)
    return k * LN2_HI - ((r - k * LN2_LO) - f) if k else f - r


LOG1P_LOW, LOG1P_HIGH = high(0xBFD2BEC5), high(0x3FDA827A)
LOG1P_NEAR = 1.0 - 3.0 * 2.0**-21


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
        u, k = log_parts(u, fdlibm.SQRT_HALF)
        f = u - 1.0
        small = LOG1P_NEAR <= u < 1.0 + NEAR_1
    hfsq = 0.5 * f * f
    if small:
        if f == 0.0:
            return k * LN2_HI + (c + k * LN2_LO) if k else 0.0
        r = hfsq * (1.0 - 0.66666666666666666 * f)
        return k * LN2_HI - ((r - (k * LN2_LO + c)) - f) if k else f - r
    s = f / (2.0 + f)
    z = s * s
    r = z * (LG1 + z * (LG2 + z * (LG3 + z * (LG4 + z * (LG5 + z * (LG6 + z * LG7))))))
    r = s * (hfsq + r)
    return k * LN2_HI - ((hfsq - (r + (k * LN2_LO + c))) - f) if k else f - (hfsq - r)


INV_LN2_HI, INV_LN2_LO = 1.44269504072144627571e00, 1.67517131648865118353e-10


def log2(x: float) -> float:
    if not 0.0 < x < inf:
        return -inf if x == 0.0 else nan if x < 0.0 else x
    if x == 1.0:
        return 0.0
    m, k = log_parts(x, SQRT_HALF)
    f = m - 1.0
    hfsq = 0.5 * f * f
    r = fdlibm.log1p_rest(f, hfsq)
    hi = without_low_half(f - hfsq)
    lo = (f - hi) - hfsq + r
    value_hi = hi * INV_LN2_HI
    value_lo = (lo + hi) * INV_LN2_LO + lo * INV_LN2_HI
    w = k + value_hi
    value_lo += (k - w) + value_hi
    return value_lo + w


# pow

L1, L2, L3 = 5.99999999999994648725e-01, 4.28571428578550184252e-01, 3.33333329818377432918e-01
L4, L5, L6 = 2.72728123808534006489e-01, 2.30660745775561754067e-01, 2.06975017800338417784e-01
LG2_H, LG2_L = 6.93147182464599609375e-01, -1.90465429995776804525e-09
OVERFLOW_REST = 8.0085662595372944372e-17
CP, CP_H, CP_L = 9.61796693925975554329e-01, 9.61796700954437255859e-01, -7.02846165095275826516e-09
IVLN2, IVLN2_H, IVLN2_L = 1.44269504088896338700e00, 1.44269502162933349609e00, 1.92596299112661746887e-08
DP_H, DP_L = 5.84962487220764160156e-01, 1.35003920212974897128e-08
SQRT_3_HALVES, SQRT_3 = high(0x3FF3988F), high(0x3FFBB67A)
Y_LARGE, Y_HUGE = high(0x41E00001), high(0x43F00001)
BELOW_1, ABOVE_1 = high(0x3FEFFFFF), high(0x3FF00001)
HALF_UP = high(0x3FE00001)


def pow(x: float, y: float) -> float:
    special = arm.pow_special(x, y)
    if special is not None:
        return special
    if y == 1.0:
        return x
    if y == -1.0:
        return 1.0 / x
    if y == 2.0:
        return x * x
    if y == 3.0:
        return x * x * x
    if y == 4.0:
        u = x * x
        return u * u
    if y == 0.5 and x >= 0.0:
        return sqrt(x)
    sign = 1.0
    if x < 0.0:
        if y % 1.0:
            return nan
        if y % 2.0:
            sign = -1.0
        x = -x
        if x == 1.0:
            return sign
    size = abs(y)
    if size >= Y_LARGE:
        if size >= Y_HUGE:
            return inf if (x < 1.0) == (y < 0.0) else 0.0
        if x < BELOW_1:
            return sign * (inf if y < 0.0 else 0.0)
        if x >= ABOVE_1:
            return sign * (inf if y > 0.0 else 0.0)
        t = x - 1.0
        w = (t * t) * (0.5 - t * (0.3333333333333333333333 - t * 0.25))
        u = IVLN2_H * t
        v = t * IVLN2_L - w * IVLN2
        t1 = without_low_half(u + v)
        t2 = v - (t1 - u)
    else:
        t1, t2 = _log2_parts(x)
    y1 = without_low_half(y)  # z = y log2 x
    p_l = (y - y1) * t1 + y * t2
    p_h = y1 * t1
    z = p_l + p_h
    if z >= 1024.0:
        if z > 1024.0 or p_l + OVERFLOW_REST > z - p_h:
            return sign * inf
    elif z <= -1075.0 and (z < -1075.0 or p_l <= z - p_h):
        return sign * 0.0
    n = 0
    if abs(z) >= HALF_UP:
        n = int(without_low_half(z) + (0.5 if z > 0.0 else -0.5))
        p_h -= n
    t = without_low_half(p_l + p_h)
    u = t * LG2_H
    v = (p_l - (t - p_h)) * LN2 + t * LG2_L
    z = u + v
    w = v - (z - u)
    t = z * z
    t1 = z - t * (P1 + t * (P2 + t * (P3 + t * (P4 + t * P5))))
    r = (z * t1) / (t1 - 2.0) - (w + z * w)
    z = 1.0 - (r - z)
    return sign * ldexp(z, n)


def _log2_parts(x: float) -> tuple[float, float]:
    """log2 x = t1 + t2 for positive x."""
    m, n = frexp(x)
    x = m + m
    n -= 1
    k = 0
    if x >= SQRT_3_HALVES:
        if x < SQRT_3:
            k = 1
        else:
            n += 1
            x = m
    point, dp_h, dp_l = (1.5, DP_H, DP_L) if k else (1.0, 0.0, 0.0)
    u = x - point
    v = 1.0 / (x + point)
    ss = u * v
    s_h = without_low_half(ss)
    t_h = double_of((((bits_of(x) >> 33) | 0x20000000) + 0x00080000 + (k << 18)) << 32)
    t_l = x - (t_h - point)
    s_l = v * ((u - s_h * t_h) - s_h * t_l)
    s2 = ss * ss
    r = s2 * s2 * (L1 + s2 * (L2 + s2 * (L3 + s2 * (L4 + s2 * (L5 + s2 * L6)))))
    r += s_l * (s_h + ss)
    s2 = s_h * s_h
    t_h = without_low_half(3.0 + s2 + r)
    t_l = r - ((t_h - 3.0) - s2)
    u = s_h * t_h
    v = s_l * t_h + t_l * ss
    p_h = without_low_half(u + v)
    p_l = v - (p_h - u)
    z_h = CP_H * p_h
    z_l = CP_L * p_h + p_l * CP + dp_l
    t1 = without_low_half(((z_h + z_l) + dp_h) + n)
    return t1, z_l - (((t1 - n) - dp_h) - z_h)


# hyperbolic functions

EXP_22, LOG_MAX, TWICE_MAX = 22.0, high(0x40862E42), high(0x408633CF)
SCALE_LN2 = 1246.97177782734161156  # 1799 log 2
COSH_SMALL, COSH_TINY = high(0x3FD62E43), high(0x3C800000)


def _half_exp(x: float) -> float:
    """exp(x) / 2 for x whose exponential overflows."""
    return exp(x - SCALE_LN2) * 2.0**1000 * 2.0**798


def cosh(x: float) -> float:
    x = abs(x)
    if x < COSH_SMALL:
        t = expm1(x)
        w = 1.0 + t
        return w if x < COSH_TINY else 1.0 + (t * t) / (w + w)
    if x < EXP_22:
        t = exp(x)
        return 0.5 * t + 0.5 / t
    if x < LOG_MAX:
        return 0.5 * exp(x)
    if x < TWICE_MAX:
        return _half_exp(x)
    return x if x != x else inf


def sinh(x: float) -> float:
    size = abs(x)
    h = copysign(0.5, x)
    if size < EXP_22:
        if size < TINY:
            return x
        t = expm1(size)
        return h * (2.0 * t - t * t / (t + 1.0)) if size < 1.0 else h * (t + t / (t + 1.0))
    if size < LOG_MAX:
        return h * exp(size)
    if size < TWICE_MAX:
        return h * 2.0 * _half_exp(size)
    return x if x != x else copysign(inf, x)


def tanh(x: float) -> float:
    size = abs(x)
    if size < EXP_22:
        if size < TINY:
            return x
        if size >= 1.0:
            z = 1.0 - 2.0 / (expm1(2.0 * size) + 2.0)
        else:
            t = expm1(-2.0 * size)
            z = -t / (t + 2.0)
        return copysign(z, x)
    return x if x != x else copysign(1.0, x)


ASINH_HUGE, TWO_UP = high(0x41B00001), high(0x40000001)


def asinh(x: float) -> float:
    t = abs(x)
    if t < TINY or x - x != 0.0:
        return x
    if t >= ASINH_HUGE:
        w = log(t) + LN2
    elif t >= TWO_UP:
        w = log(2.0 * t + 1.0 / (sqrt(x * x + 1.0) + t))
    else:
        w = log1p(t + x * x / (1.0 + sqrt(1.0 + x * x)))
    return copysign(w, x)


def acosh(x: float) -> float:
    if not 1.0 <= x < inf:
        return x if x == inf or x != x else nan
    if x >= 2.0**28:
        return log(x) + LN2
    if x == 1.0:
        return 0.0
    if x >= TWO_UP:
        return log(2.0 * x - 1.0 / (x + sqrt(x * x - 1.0)))
    t = x - 1.0
    return log1p(t + sqrt(2.0 * t + t * t))


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


# erf, erfc

ERF_BORDER, ERFC_BORDER = high(0x4006DB6E), high(0x4006DB6D)
SUBNORMAL_X16 = high(0x00800000)


def erf(x: float) -> float:
    size = abs(x)
    if size < 0.84375:
        if size < TINY:
            return 0.125 * (8.0 * x + EFX8 * x) if size < SUBNORMAL_X16 else x + EFX * x
        return x + x * fdlibm.erf_small(x)
    if x != x:
        return x
    if size < 1.25:
        return copysign(ERX + fdlibm.erf_near_1(x), x)
    if size >= 6.0:
        return copysign(1.0, x)
    a, b = fdlibm.erfc_exponents(size, ERF_BORDER)
    return copysign(1.0 - exp(a) * exp(b) / size, x)


def erfc(x: float) -> float:
    size = abs(x)
    if size < 0.84375:
        if size < 2.0**-56:
            return 1.0 - x
        y = fdlibm.erf_small(x)
        return 1.0 - (x + x * y) if x < 0.25 else 0.5 - (x * y + (x - 0.5))
    if x != x:
        return x
    if size < 1.25:
        ratio = fdlibm.erf_near_1(x)
        return 1.0 - ERX - ratio if x > 0.0 else 1.0 + (ERX + ratio)
    if size >= 28.0 or x <= -6.0:
        return 0.0 if x > 0.0 else 2.0
    a, b = fdlibm.erfc_exponents(size, ERFC_BORDER)
    r = exp(a) * exp(b)
    return r / size if x > 0.0 else 2.0 - r / size


# hypot

LARGE, SMALL, FAR = high(0x5F300001), high(0x20B00000), 0x3C00000


def hypot(x: float, y: float) -> float:
    a, b = abs(x), abs(y)
    if a == inf or b == inf:
        return inf
    if a != a or b != b:
        return nan
    ha, hb = bits_of(a) >> 32, bits_of(b) >> 32
    if hb > ha:  # by the first halves: b may be a little greater than a from here on
        a, b, ha, hb = b, a, hb, ha
    if ha - hb > FAR:
        return a + b
    scale = 1.0
    if a >= LARGE:
        a *= 2.0**-600
        b *= 2.0**-600
        scale = 2.0**600
    if b < SMALL:
        if b < 2.0**-1022:
            if b == 0.0:
                return a * scale
            a *= 2.0**1022
            b *= 2.0**1022
            scale *= 2.0**-1022
        else:
            a *= 2.0**600
            b *= 2.0**600
            scale *= 2.0**-600
    w = a - b
    if w > b:
        t1 = without_low_half(a)
        t2 = a - t1
        w = sqrt(t1 * t1 - (b * (-b) - t2 * (a + t1)))
    else:
        a = a + a
        y1 = without_low_half(b)
        y2 = b - y1
        t1 = without_low_half(a)
        t2 = a - t1
        w = sqrt(t1 * y1 - (w * (-w) - (t1 * y2 + t2 * b)))
    return scale * w


sin, cos, tan = fdlibm.trigonometry(recentres=False)

LIBM: dict[str, Callable[..., float]] = {
    "acos": fdlibm.acos, "acosh": acosh, "asin": fdlibm.asin, "asinh": asinh, "atan": fdlibm.atan,
    "atan2": fdlibm.atan2_far_from(61 << 20), "atanh": atanh, "cbrt": fdlibm.cbrt, "cos": cos, "cosh": cosh, "erf": erf, "erfc": erfc,
    "exp": exp, "exp2": exp2, "expm1": expm1, "hypot": hypot, "log": log, "log10": fdlibm.log10_with(SQRT_HALF), "log1p": log1p,
    "log2": log2, "pow": pow, "sin": sin, "sinh": sinh, "tan": tan, "tanh": tanh,
}  # fmt: skip
