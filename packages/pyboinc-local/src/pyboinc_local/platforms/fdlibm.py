"""The functions of fdlibm that musl and FreeBSD's msun share, bit for bit.

fdlibm (Sun Microsystems, 1993, https://www.netlib.org/fdlibm/) is where most C libraries begin; the algorithms, polynomials and
thresholds are those of its descriptions, cbrt and log10 with FreeBSD's improvements. C's semantics: nothing raises.
"""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, floor, frexp, inf, ldexp, nan, sqrt

from pyboinc.exactmath import fixed

from .tables import bits_of, double_of


def high(word: int) -> float:
    """The smallest double whose first 32 bits are these: fdlibm compares the first halves of numbers."""
    return double_of(word << 32)


def without_low_half(x: float) -> float:
    """x with the last 32 bits of its mantissa 0."""
    mantissa, exponent = frexp(x)
    return ldexp(int(mantissa * 2097152.0), exponent - 21)


# Reduction of an argument by multiples of pi/2.

INV_PIO2 = 6.36619772367581382433e-01
PIO2_1, PIO2_1T = 1.57079632673412561417e00, 6.07710050650619224932e-11
PIO2_2, PIO2_2T = 6.07710050630396597660e-11, 2.02226624879595063154e-21
PIO2_3, PIO2_3T = 2.02226624871116645580e-21, 8.47842766036889956997e-32
SHIFT = 6755399441055744.0
PIO4_HI, PIO4_LO = 7.85398163397448278999e-01, 3.06161699786838301793e-17
PIO4 = high(0x3FE921FC)  # the first half of pi/4, rounded up
BORDERS = tuple(high(word + 1) for word in (0x4002D97C, 0x400F6A7A, 0x4015FDBC, 0x401C463B))  # 3, 5, 7 and 9 pi/4
NEAR = tuple((high(word), high(word + 1)) for word in (0x3FF921FB, 0x400921FB, 0x4012D97C, 0x401921FB))  # 1, 2, 3, 4 times pi/2
MEDIUM = high(0x413921FB)


def reduce(x: float, recentres: bool) -> tuple[int, float, float]:
    """n and y0 + y1, such that x = n pi/2 + y0 + y1, for |x| > pi/4; n modulo 8 for the largest.

    recentres: n is corrected where rounding made |y0| greater than pi/4.
    """
    size = abs(x)
    if size >= MEDIUM:
        n, y0, y1 = _reduce_large(size)
        return (n, y0, y1) if x > 0.0 else (-n, -y0, -y1)
    if size < BORDERS[3]:
        n = 1 if size < BORDERS[0] else 2 if size < BORDERS[1] else 3 if size < BORDERS[2] else 4
        near = NEAR[n - 1]
        if not near[0] <= size < near[1]:
            fn = float(n) if x > 0.0 else -float(n)
            r = x - fn * PIO2_1
            w = fn * PIO2_1T
            y0 = r - w
            return int(fn), y0, (r - y0) - w
    fn = x * INV_PIO2 + SHIFT - SHIFT
    r = x - fn * PIO2_1
    w = fn * PIO2_1T
    y0 = r - w
    if recentres and not -PIO4_HI <= y0 <= PIO4_HI:
        fn += copysign(1.0, y0)
        r = x - fn * PIO2_1
        w = fn * PIO2_1T
        y0 = r - w
    if abs(y0) * 32768.0 < size:
        exponent = frexp(x)[1]
        if y0 == 0.0 or exponent - frexp(y0)[1] > 16:
            t = r
            w = fn * PIO2_2
            r = t - w
            w = fn * PIO2_2T - ((t - r) - w)
            y0 = r - w
            if y0 == 0.0 or exponent - frexp(y0)[1] > 49:
                t = r
                w = fn * PIO2_3
                r = t - w
                w = fn * PIO2_3T - ((t - r) - w)
                y0 = r - w
    return int(fn), y0, (r - y0) - w


TWO_OVER_PI = (2 << 3248) // fixed.pi(1664)  # its first 66 digits to the base 2**24, as fdlibm tabulates them
PIO2_PARTS = (
    1.57079625129699707031e00, 7.54978941586159635335e-08, 5.39030252995776476554e-15, 3.28200341580791294123e-22,
    1.27065575308067607349e-29, 1.22933308981111328932e-36, 2.73370053816464559624e-44, 2.16741683877804819440e-51,
)  # fmt: skip
TERMS = 4  # of the product that are looked at first


def _digit(i: int) -> int:
    """The i-th digit of 2/pi to the base 2**24."""
    return (TWO_OVER_PI >> 24 * (65 - i)) & 0xFFFFFF if i >= 0 else 0


def _reduce_large(x: float) -> tuple[int, float, float]:
    """Payne and Hanek's reduction, with digits to the base 2**24, for large positive x."""
    mantissa, exponent = frexp(x)
    e0 = exponent - 24
    whole = int(ldexp(mantissa, 72))  # three digits
    digits = [whole >> 48, whole >> 24 & 0xFFFFFF, whole & 0xFFFFFF]
    while digits[-1] == 0:
        digits.pop()
    jx = len(digits) - 1
    jv = max((e0 - 3) // 24, 0)
    q0 = e0 - 24 * (jv + 1)
    jz = TERMS
    products = [sum(digits[j] * _digit(jv - j + i) for j in range(jx + 1)) for i in range(jz + 1)]
    while True:
        iq, z = _digits_of(products)
        scaled = ldexp(z, q0)
        scaled -= 8.0 * floor(scaled * 0.125)
        n = int(scaled)
        z = scaled - n
        above_half = 0
        if q0 > 0:
            i = iq[jz - 1] >> 24 - q0
            n += i
            iq[jz - 1] -= i << 24 - q0
            above_half = iq[jz - 1] >> 23 - q0
        elif q0 == 0:
            above_half = iq[jz - 1] >> 23
        elif z >= 0.5:
            above_half = 2
        if above_half > 0:
            n += 1
            z = _complement(iq, z, q0, above_half)
        if z != 0.0 or any(iq[TERMS:jz]):
            break
        more = 1
        while iq[TERMS - more] == 0:
            more += 1
        for i in range(jz + 1, jz + more + 1):
            products.append(sum(digits[j] * _digit(jv - j + i) for j in range(jx + 1)))
        jz += more
    del iq[jz:]
    if z == 0.0:
        q0 -= 24
        while iq[-1] == 0:
            iq.pop()
            q0 -= 24
    else:
        z = ldexp(z, -q0)
        if z >= 16777216.0:
            carry = int(z / 16777216.0)
            iq.append(int(z - 16777216.0 * carry))
            q0 += 24
            iq.append(carry)
        else:
            iq.append(int(z))
    y0, y1 = _times_pio2(iq, q0)
    return (n & 7, y0, y1) if above_half == 0 else (n & 7, -y0, -y1)


def _digits_of(products: list[int]) -> tuple[list[int], float]:
    """The products as digits, the last first, and what is above them."""
    digits = []
    carry = products[-1]
    for product in reversed(products[:-1]):
        above = carry >> 24
        digits.append(carry - (above << 24))
        carry = product + above
    return digits, float(carry)


def _complement(iq: list[int], z: float, q0: int, above_half: int) -> float:
    """1 - the fraction, in place; what becomes of z."""
    borrowed = False
    for i, digit in enumerate(iq):
        if borrowed:
            iq[i] = 0xFFFFFF - digit
        elif digit:
            borrowed = True
            iq[i] = 0x1000000 - digit
    if q0 in (1, 2):
        iq[-1] &= 0x7FFFFF if q0 == 1 else 0x3FFFFF
    if above_half == 2:
        z = 1.0 - z
        if borrowed:
            z -= ldexp(1.0, q0)
    return z


def _times_pio2(iq: list[int], q0: int) -> tuple[float, float]:
    last = len(iq) - 1
    scale = ldexp(1.0, q0)
    q = [0.0] * (last + 1)
    for i in range(last, -1, -1):
        q[i] = scale * iq[i]
        scale *= 2.0**-24
    sums = []
    for i in range(last, -1, -1):
        total = 0.0
        for k in range(min(TERMS, last - i) + 1):
            total += PIO2_PARTS[k] * q[i + k]
        sums.append(total)
    y0 = 0.0
    for term in reversed(sums):
        y0 += term
    y1 = sums[0] - y0
    for term in sums[1:]:
        y1 += term
    return y0, y1


# sin, cos, tan

S1, S2, S3 = -1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04
S4, S5, S6 = 2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10
C1, C2, C3 = 4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05
C4, C5, C6 = -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11
SIN_TINY, COS_TINY, TAN_TINY = high(0x3E500000), high(0x3E46A09E), high(0x3E400000)


def _sin(x: float, y: float) -> float:
    z = x * x
    w = z * z
    r = S2 + z * (S3 + z * S4) + z * w * (S5 + z * S6)
    v = z * x
    return x - ((z * (0.5 * y - v * r) - y) - v * S1)


def _cos(x: float, y: float) -> float:
    z = x * x
    w = z * z
    r = z * (C1 + z * (C2 + z * C3)) + w * w * (C4 + z * (C5 + z * C6))
    hz = 0.5 * z
    w = 1.0 - hz
    return w + (((1.0 - w) - hz) + (z * r - x * y))


T = (
    3.33333333333334091986e-01, 1.33333333333201242699e-01, 5.39682539762260521377e-02, 2.18694882948595424599e-02,
    8.86323982359930005737e-03, 3.59207910759131235356e-03, 1.45620945432529025516e-03, 5.88041240820264096874e-04,
    2.46463134818469906812e-04, 7.81794442939557092300e-05, 7.14072491382608190305e-05, -1.85586374855275456654e-05,
    2.59073051863633712884e-05,
)  # fmt: skip
TAN_BIG = high(0x3FE59428)


def _tan(x: float, y: float, odd: bool) -> float:
    big = abs(x) >= TAN_BIG
    sign = 1.0
    if big:
        if x < 0.0:
            x, y, sign = -x, -y, -1.0
        x = (PIO4_HI - x) + (PIO4_LO - y)
        y = 0.0
    z = x * x
    w = z * z
    r = T[1] + w * (T[3] + w * (T[5] + w * (T[7] + w * (T[9] + w * T[11]))))
    v = z * (T[2] + w * (T[4] + w * (T[6] + w * (T[8] + w * (T[10] + w * T[12])))))
    s = z * x
    r = y + z * (s * (r + v) + y) + s * T[0]
    w = x + r
    if big:
        s = -1.0 if odd else 1.0
        return sign * (s - 2.0 * (x + (r - w * w / (w + s))))
    if not odd:
        return w
    w0 = without_low_half(w)
    v = r - (w0 - x)
    a = -1.0 / w
    a0 = without_low_half(a)
    return a0 + a * (1.0 + a0 * w0 + a0 * v)


def trigonometry(recentres: bool) -> tuple[Callable[[float], float], Callable[[float], float], Callable[[float], float]]:
    """sin, cos and tan, see `reduce`."""

    def sin(x: float) -> float:
        if -PIO4 < x < PIO4:
            if -SIN_TINY < x < SIN_TINY:
                return x
            z = x * x
            w = z * z
            r = S2 + z * (S3 + z * S4) + z * w * (S5 + z * S6)
            return x + z * x * (S1 + z * r)
        if x - x != 0.0:
            return nan
        n, y0, y1 = reduce(x, recentres)
        n &= 3
        if n == 0:
            return _sin(y0, y1)
        if n == 1:
            return _cos(y0, y1)
        return -_sin(y0, y1) if n == 2 else -_cos(y0, y1)

    def cos(x: float) -> float:
        if -PIO4 < x < PIO4:
            return 1.0 if -COS_TINY < x < COS_TINY else _cos(x, 0.0)
        if x - x != 0.0:
            return nan
        n, y0, y1 = reduce(x, recentres)
        n &= 3
        if n == 0:
            return _cos(y0, y1)
        if n == 1:
            return -_sin(y0, y1)
        return -_cos(y0, y1) if n == 2 else _sin(y0, y1)

    def tan(x: float) -> float:
        if -PIO4 < x < PIO4:
            return x if -TAN_TINY < x < TAN_TINY else _tan(x, 0.0, False)
        if x - x != 0.0:
            return nan
        n, y0, y1 = reduce(x, recentres)
        return _tan(y0, y1, bool(n & 1))

    return sin, cos, tan


# asin, acos, atan, atan2

PIO2_HI, PIO2_LO = 1.57079632679489655800e00, 6.12323399573676603587e-17
PI, PI_LO = 3.1415926535897931160, 1.2246467991473531772e-16
P_ASIN = (
    1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01, -4.00555345006794114027e-02,
    7.91534994289814532176e-04, 3.47933107596021167570e-05,
)  # fmt: skip
Q_ASIN = (-2.40339491173441421878e00, 2.02094576023350569471e00, -6.88283971605453293030e-01, 7.70381505559019352791e-02)
ASIN_TINY, ASIN_NEAR_1, ACOS_TINY = high(0x3E500000), high(0x3FEF3333), high(0x3C600001)


def _asin_ratio(z: float) -> float:
    p0, p1, p2, p3, p4, p5 = P_ASIN
    q1, q2, q3, q4 = Q_ASIN
    p = z * (p0 + z * (p1 + z * (p2 + z * (p3 + z * (p4 + z * p5)))))
    return p / (1.0 + z * (q1 + z * (q2 + z * (q3 + z * q4))))


def asin(x: float) -> float:
    size = abs(x)
    if size < 0.5:
        return x if size < ASIN_TINY else x + x * _asin_ratio(x * x)
    if not size < 1.0:
        return x * PIO2_HI if size == 1.0 else nan
    z = (1.0 - size) * 0.5
    s = sqrt(z)
    r = _asin_ratio(z)
    if size >= ASIN_NEAR_1:
        result = PIO2_HI - (2.0 * (s + s * r) - PIO2_LO)
    else:
        f = without_low_half(s)
        c = (z - f * f) / (s + f)
        result = 0.5 * PIO2_HI - (2.0 * s * r - (PIO2_LO - 2.0 * c) - (0.5 * PIO2_HI - 2.0 * f))
    return result if x > 0.0 else -result


def acos(x: float) -> float:
    if -0.5 < x < 0.5:
        if -ACOS_TINY < x < ACOS_TINY:
            return PIO2_HI
        return PIO2_HI - (x - (PIO2_LO - x * _asin_ratio(x * x)))
    if not -1.0 < x < 1.0:
        return 0.0 if x == 1.0 else PI if x == -1.0 else nan
    if x < 0.0:
        z = (1.0 + x) * 0.5
        s = sqrt(z)
        w = _asin_ratio(z) * s - PIO2_LO
        return 2.0 * (PIO2_HI - (s + w))
    z = (1.0 - x) * 0.5
    s = sqrt(z)
    f = without_low_half(s)
    c = (z - f * f) / (s + f)
    w = _asin_ratio(z) * s + c
    return 2.0 * (f + w)


ATAN_HI = (4.63647609000806093515e-01, 7.85398163397448278999e-01, 9.82793723247329054082e-01, 1.57079632679489655800e00)
ATAN_LO = (2.26987774529616870924e-17, 3.06161699786838301793e-17, 1.39033110312309984516e-17, 6.12323399573676603587e-17)
A = (
    3.33333333333329318027e-01, -1.99999999998764832476e-01, 1.42857142725034663711e-01, -1.11111104054623557880e-01,
    9.09088713343650656196e-02, -7.69187620504482999495e-02, 6.66107313738753120669e-02, -5.83357013379057348645e-02,
    4.97687799461593236017e-02, -3.65315727442169155270e-02, 1.62858201153657823623e-02,
)  # fmt: skip
ATAN_TINY, ATAN_HUGE = 2.0**-27, high(0x44100000)


def atan(x: float) -> float:
    t = abs(x)
    if t < 0.4375:
        if t < ATAN_TINY:
            return x
        z = x * x
        w = z * z
        s1 = z * (A[0] + w * (A[2] + w * (A[4] + w * (A[6] + w * (A[8] + w * A[10])))))
        s2 = w * (A[1] + w * (A[3] + w * (A[5] + w * (A[7] + w * A[9]))))
        return x - x * (s1 + s2)
    if not t < ATAN_HUGE:
        return x if x != x else copysign(PIO2_HI, x)
    if t < 1.1875:
        if t < 0.6875:
            i = 0
            t = (2.0 * t - 1.0) / (2.0 + t)
        else:
            i = 1
            t = (t - 1.0) / (t + 1.0)
    elif t < 2.4375:
        i = 2
        t = (t - 1.5) / (1.0 + 1.5 * t)
    else:
        i = 3
        t = -1.0 / t
    z = t * t
    w = z * z
    s1 = z * (A[0] + w * (A[2] + w * (A[4] + w * (A[6] + w * (A[8] + w * A[10])))))
    s2 = w * (A[1] + w * (A[3] + w * (A[5] + w * (A[7] + w * A[9]))))
    z = ATAN_HI[i] - (t * (s1 + s2) - ATAN_LO[i] - t)
    return z if x > 0.0 else -z


def atan2_far_from(far: int) -> Callable[[float, float], float]:
    """atan2 that takes y for infinitely greater than x if the first half of y is that of x plus `far`, or more."""

    def atan2(y: float, x: float) -> float:
        if x != x or y != y:
            return x + y
        if x == 1.0:
            return atan(y)
        left = copysign(1.0, x) < 0.0
        if y == 0.0:
            return copysign(PI, y) if left else y
        if x == 0.0:
            return copysign(PIO2_HI, y)
        if x in (inf, -inf):
            if y in (inf, -inf):
                return copysign(3.0 * PIO4_HI if left else PIO4_HI, y)
            return copysign(PI if left else 0.0, y)
        if y in (inf, -inf):
            return copysign(PIO2_HI, y)
        size = abs(y / x)
        if size > 2.0**59 and (bits_of(abs(y)) >> 32) - (bits_of(abs(x)) >> 32) >= far:
            return copysign(PIO2_HI, y)
        z = atan(size)
        if left:
            return PI - (z - PI_LO) if y > 0.0 else (z - PI_LO) - PI
        return z if y > 0.0 else -z

    return atan2


# expm1, log10, cbrt

LN2_HI, LN2_LO, INV_LN2 = 6.93147180369123816490e-01, 1.90821492927058770002e-10, 1.44269504088896338700e00
O_THRESHOLD = 7.09782712893383973096e02
Q1, Q2, Q3 = -3.33333333333331316428e-02, 1.58730158725481460165e-03, -7.93650757867487942473e-05
Q4, Q5 = 4.00821782732936239552e-06, -2.01099218183624371326e-07
LN2_56, LN2_HALF, LN2_3_HALVES = high(0x4043687A), high(0x3FD62E43), high(0x3FF0A2B2)


def expm1(x: float) -> float:
    size = abs(x)
    if not size < LN2_56:
        if x != x:
            return x
        if x < 0.0:
            return -1.0
        if x > O_THRESHOLD:
            return inf
    if size >= LN2_HALF:
        if size < LN2_3_HALVES:
            k, t = (1, 1.0) if x > 0.0 else (-1, -1.0)
        else:
            k = int(INV_LN2 * x + (0.5 if x > 0.0 else -0.5))
            t = float(k)
        hi = x - t * LN2_HI
        lo = t * LN2_LO
        x = hi - lo
        c = (hi - x) - lo
    elif size < 5.551115123125783e-17:
        return x
    else:
        k = 0
        c = 0.0
    hfx = 0.5 * x
    hxs = x * hfx
    r1 = 1.0 + hxs * (Q1 + hxs * (Q2 + hxs * (Q3 + hxs * (Q4 + hxs * Q5))))
    t = 3.0 - r1 * hfx
    e = hxs * ((r1 - t) / (6.0 - x * t))
    if k == 0:
        return x - (x * e - hxs)
    e = x * (e - c) - c
    e -= hxs
    if k == -1:
        return 0.5 * (x - e) - 0.5
    if k == 1:
        return -2.0 * (e - (x + 0.5)) if x < -0.25 else 1.0 + 2.0 * (x - e)
    if k < 0 or k > 56:
        y = x - e + 1.0
        y = y * 2.0 * 2.0**1023 if k == 1024 else y * ldexp(1.0, k)
        return y - 1.0
    part = ldexp(1.0, -k)
    return (x - e + (1.0 - part)) * ldexp(1.0, k) if k < 20 else (x - (e + part) + 1.0) * ldexp(1.0, k)


LG1, LG2, LG3, LG4 = 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01
LG5, LG6, LG7 = 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01
SQRT_HALF = high(0x3FE6A09E)
INV_LN10_HI, INV_LN10_LO = 4.34294481878168880939e-01, 2.50829467116452752298e-11
LOG10_2_HI, LOG10_2_LO = 3.01029995663611771306e-01, 3.69423907715893078616e-13


def log_parts(x: float, border: float) -> tuple[float, int]:
    """x = m 2**k with m in [border, 2 border); the border is about sqrt(1/2)."""
    m, k = frexp(x)
    return (m, k) if m >= border else (m + m, k - 1)


def log1p_rest(f: float, hfsq: float) -> float:
    """log(1 + f) - f + f**2/2."""
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    t1 = w * (LG2 + w * (LG4 + w * LG6))
    t2 = z * (LG1 + w * (LG3 + w * (LG5 + w * LG7)))
    return s * (hfsq + (t2 + t1))


def log10_with(border: float) -> Callable[[float], float]:
    """log10, see `log_parts`."""

    def log10(x: float) -> float:
        if not 0.0 < x < inf:
            return -inf if x == 0.0 else nan if x < 0.0 else x
        if x == 1.0:
            return 0.0
        m, k = log_parts(x, border)
        f = m - 1.0
        hfsq = 0.5 * f * f
        r = log1p_rest(f, hfsq)
        hi = without_low_half(f - hfsq)
        lo = f - hi - hfsq + r
        value_hi = hi * INV_LN10_HI
        y = k * LOG10_2_HI
        value_lo = k * LOG10_2_LO + (lo + hi) * INV_LN10_LO + lo * INV_LN10_HI
        w = y + value_hi
        value_lo += (y - w) + value_hi
        return value_lo + w

    return log10


P0, P1, P2 = 1.87595182427177009643, -1.88497979543377169875, 1.621429720105354466140
P3, P4 = -0.758397934778766047437, 0.145996192886612446982


def cbrt(x: float) -> float:
    if x - x != 0.0 or x == 0.0:
        return x
    size = abs(x)
    normal, bias = (size, 715094163) if size >= 2.0**-1022 else (size * 2.0**54, 696219795)
    rough = (bits_of(normal) >> 32) // 3 + bias
    t = copysign(double_of(rough << 32), x)
    r = (t * t) * (t / x)
    t = t * ((P0 + r * (P1 + r * P2)) + ((r * r) * r) * (P3 + r * P4))
    t = double_of((bits_of(t) + 0x80000000) & 0xFFFFFFFFC0000000)
    r = x / (t * t)
    return t + t * ((r - t) / (t + t + r))


# erf and erfc: the rational approximations; what is made of them differs.

ERX, EFX, EFX8 = 8.45062911510467529297e-01, 1.28379167095512586316e-01, 1.02703333676410069053e00
PP = (
    1.28379167095512558561e-01, -3.25042107247001499370e-01, -2.84817495755985104766e-02, -5.77027029648944159157e-03,
    -2.37630166566501626084e-05,
)  # fmt: skip
QQ = (
    1.0, 3.97917223959155352819e-01, 6.50222499887672944485e-02, 5.08130628187576562776e-03, 1.32494738004321644526e-04,
    -3.96022827877536812320e-06,
)  # fmt: skip
PA = (
    -2.36211856075265944077e-03, 4.14856118683748331666e-01, -3.72207876035701323847e-01, 3.18346619901161753674e-01,
    -1.10894694282396677476e-01, 3.54783043256182359371e-02, -2.16637559486879084300e-03,
)  # fmt: skip
QA = (
    1.0, 1.06420880400844228286e-01, 5.40397917702171048937e-01, 7.18286544141962662868e-02, 1.26171219808761642112e-01,
    1.36370839120290507362e-02, 1.19844998467991074170e-02,
)  # fmt: skip
RA = (
    -9.86494403484714822705e-03, -6.93858572707181764372e-01, -1.05586262253232909814e01, -6.23753324503260060396e01,
    -1.62396669462573470355e02, -1.84605092906711035994e02, -8.12874355063065934246e01, -9.81432934416914548592e00,
)  # fmt: skip
SA = (
    1.0, 1.96512716674392571292e01, 1.37657754143519042600e02, 4.34565877475229228821e02, 6.45387271733267880336e02,
    4.29008140027567833386e02, 1.08635005541779435134e02, 6.57024977031928170135e00, -6.04244152148580987438e-02,
)  # fmt: skip
RB = (
    -9.86494292470009928597e-03, -7.99283237680523006574e-01, -1.77579549177547519889e01, -1.60636384855821916062e02,
    -6.37566443368389627722e02, -1.02509513161107724954e03, -4.83519191608651397019e02,
)  # fmt: skip
SB = (
    1.0, 3.03380607434824582924e01, 3.25792512996573918826e02, 1.53672958608443695994e03, 3.19985821950859553908e03,
    2.55305040643316442583e03, 4.74528541206955367215e02, -2.24409524465858183362e01,
)  # fmt: skip


def polynomial(coefficients: tuple[float, ...], x: float) -> float:
    """By Horner's rule, the constant first."""
    value = coefficients[-1]
    for c in coefficients[-2::-1]:
        value = c + x * value
    return value


def erf_small(x: float) -> float:
    """(erf(x) - x) / x for |x| < 0.84375."""
    z = x * x
    return polynomial(PP, z) / polynomial(QQ, z)


def erf_near_1(x: float) -> float:
    """erf(|x|) - ERX for 0.84375 <= |x| < 1.25."""
    s = abs(x) - 1.0
    return polynomial(PA, s) / polynomial(QA, s)


def erfc_exponents(x: float, border: float) -> tuple[float, float]:
    """a and b, such that erfc(x) = exp(a) exp(b) / x for x >= 1.25; border: where the second approximation begins."""
    s = 1.0 / (x * x)
    ratio = polynomial(RA, s) / polynomial(SA, s) if x < border else polynomial(RB, s) / polynomial(SB, s)
    z = without_low_half(x)
    return -z * z - 0.5625, (z - x) * (z + x) + ratio
