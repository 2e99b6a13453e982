"""exp, log, sin, cos and atan of fixed-point numbers: by tables at the usual precision, by `fixed` at any other.

An entry of a table is computed when it is first needed. Errors are bounded in units of the last of `bits` places; see each function.
"""

from __future__ import annotations

from math import factorial

from . import fixed

FAST = 128
"""The precision that almost always suffices: 53 bits, up to 54 lost to cancellation, and 21 to tell which way to round."""

_ONE = 1 << FAST
_EXP_TERMS = [_ONE // factorial(n) for n in range(7, 1, -1)]
_SIN_TERMS = [_ONE // (factorial(n) * (1 if n % 4 == 1 else -1)) for n in range(11, 1, -2)]
_COS_TERMS = [_ONE // (factorial(n) * (1 if n % 4 == 0 else -1)) for n in range(12, 0, -2)]
_ATAN_TERMS = [_ONE // (n * (1 if n % 4 == 1 else -1)) for n in range(15, 1, -2)]
_LOG_TERMS = [_ONE // n for n in (7, 5, 3)]
_MASK_16 = (1 << FAST - 16) - 1
_LN2_WIDE = fixed.ln2(FAST + 16)

_exp_1: dict[int, int] = {}
_exp_2: dict[int, int] = {}
_log_1: dict[int, int] = {}
_log_2: dict[int, int] = {}
_atan_1: dict[int, int] = {}
_sin_cos_1: dict[int, tuple[int, int]] = {}


def exp(x: int, bits: int) -> tuple[int, int]:
    """(v, k) such that e**x = v 2**k, for |x| < 2**14; v from 1 to 2, within 2**6 units."""
    if bits != FAST:
        wide = fixed.ln2(bits + 16)
        k = (x << 16) // wide
        return fixed.exp(((x << 16) - k * wide) >> 16, bits), k
    k = (x << 16) // _LN2_WIDE
    r = ((x << 16) - k * _LN2_WIDE) >> 16
    i = r >> FAST - 8
    j = r >> FAST - 16 & 255
    r &= _MASK_16
    first = _exp_1.get(i)
    if first is None:
        first = _exp_1[i] = fixed.exp(i << FAST - 8, FAST)
    second = _exp_2.get(j)
    if second is None:
        second = _exp_2[j] = fixed.exp(j << FAST - 16, FAST)
    c7, c6, c5, c4, c3, c2 = _EXP_TERMS
    t = c6 + (c7 * r >> FAST)
    t = c5 + (t * r >> FAST)
    t = c4 + (t * r >> FAST)
    t = c3 + (t * r >> FAST)
    t = c2 + (t * r >> FAST)
    t = r + ((t * r >> FAST) * r >> FAST)
    v = first * second >> FAST
    return v + (v * t >> FAST), k


def log(n: int, scale: int, bits: int) -> int:
    """log(n / 2**scale) for n > 0, within 2**6 units, and one for each power of two."""
    length = n.bit_length()
    k = length - 1 - scale
    up = bits + 1 - length
    y = n << up if up >= 0 else n >> -up  # from 1 to 2
    if bits != FAST:
        return k * fixed.ln2(bits) + fixed.log(y, bits)
    i = 0x40000 // ((y >> FAST - 9) + 1)  # about 1/y, times 2**9
    z = y * i
    first = _log_1.get(i)
    if first is None:
        first = _log_1[i] = -fixed.log(i << FAST - 9, FAST)
    j = (z >> FAST - 7) - 0x10000  # z is within 2**-7 of 1, times 2**9
    i = 0x20000 - 2 * j - 1
    z *= i
    second = _log_2.get(j)
    if second is None:
        second = _log_2[j] = -fixed.log(i << FAST - 17, FAST)
    one = 1 << FAST + 26
    s = (z - one << FAST) // (z + one)
    square = s * s >> FAST
    c7, c5, c3 = _LOG_TERMS
    t = c5 + (c7 * square >> FAST)
    t = c3 + (t * square >> FAST)
    return k * fixed.ln2(FAST) + first + second + 2 * (s + ((t * square >> FAST) * s >> FAST))


def sin_cos(x: int, bits: int) -> tuple[int, int]:
    """(sin x, cos x) for |x| <= 1, within 2**6 units."""
    if bits != FAST:
        return fixed.sin_cos(x, bits)
    i = (x >> FAST - 8) + 1 >> 1
    entry = _sin_cos_1.get(i)
    if entry is None:
        entry = _sin_cos_1[i] = fixed.sin_cos(i << FAST - 7, FAST)
    sine, cosine = entry
    d = x - (i << FAST - 7)
    square = d * d >> FAST
    c11, c9, c7, c5, c3 = _SIN_TERMS
    t = c9 + (c11 * square >> FAST)
    t = c7 + (t * square >> FAST)
    t = c5 + (t * square >> FAST)
    t = c3 + (t * square >> FAST)
    s = d + ((t * square >> FAST) * d >> FAST)
    c12, c10, c8, c6, c4, c2 = _COS_TERMS
    t = c10 + (c12 * square >> FAST)
    t = c8 + (t * square >> FAST)
    t = c6 + (t * square >> FAST)
    t = c4 + (t * square >> FAST)
    c = (c2 + (t * square >> FAST)) * square >> FAST  # cos - 1
    return sine + (sine * c + cosine * s >> FAST), cosine + (cosine * c - sine * s >> FAST)


def atan(numerator: int, denominator: int, bits: int) -> int:
    """atan(numerator / denominator) for 0 <= numerator <= denominator, within 2**6 units."""
    if bits != FAST:
        return fixed.atan((numerator << bits) // denominator, bits)
    i = ((numerator << 8) // denominator + 1) >> 1
    entry = _atan_1.get(i)
    if entry is None:
        entry = _atan_1[i] = fixed.atan(i << FAST - 7, FAST)
    t = ((numerator << 7) - i * denominator << FAST) // ((denominator << 7) + i * numerator)
    square = t * t >> FAST
    c15, c13, c11, c9, c7, c5, c3 = _ATAN_TERMS
    v = c13 + (c15 * square >> FAST)
    v = c11 + (v * square >> FAST)
    v = c9 + (v * square >> FAST)
    v = c7 + (v * square >> FAST)
    v = c5 + (v * square >> FAST)
    v = c3 + (v * square >> FAST)
    return entry + t + ((v * square >> FAST) * t >> FAST)
