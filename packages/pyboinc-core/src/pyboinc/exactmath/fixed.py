"""Elementary functions of fixed-point numbers of any precision: integers v that stand for v / 2**bits.

Every function rounds by truncation and errs by less than 2**6 units in the last place. Reduction of the argument and Taylor series,
as in Brent and Zimmermann, *Modern Computer Arithmetic* (2010), chapter 4; inverse functions take a step from the floating-point value.
"""

from __future__ import annotations

import math
from functools import lru_cache

GUARD = 24  # bits that the series lose


@lru_cache(maxsize=32)
def ln2(bits: int) -> int:
    """log 2 = 18 atanh(1/26) - 2 atanh(1/4801) + 8 atanh(1/8749)."""
    return (18 * _inverse_series(26, bits, 1) - 2 * _inverse_series(4801, bits, 1) + 8 * _inverse_series(8749, bits, 1)) >> GUARD


@lru_cache(maxsize=32)
def pi(bits: int) -> int:
    """pi = 16 atan(1/5) - 4 atan(1/239) (Machin)."""
    return (16 * _inverse_series(5, bits, -1) - 4 * _inverse_series(239, bits, -1)) >> GUARD


def _inverse_series(n: int, bits: int, sign: int) -> int:
    """atanh(1/n) with sign 1, atan(1/n) with sign -1, with GUARD bits more than asked for."""
    term = total = (1 << bits + GUARD) // n
    k = 1
    while term:
        term = sign * term // (n * n) if sign > 0 else -(term // (n * n))
        k += 2
        total += term // k
        if -n < term < n:
            break
    return total


def exp(x: int, bits: int) -> int:
    """e**x for -1 <= x <= 1."""
    halvings = max(4, math.isqrt(bits) // 2)
    wide = bits + 2 * halvings + GUARD
    x = (x << wide - bits) >> halvings
    total = term = 1 << wide
    k = 1
    while term not in (0, -1):
        term = (term * x >> wide) // k
        total += term
        k += 1
    for _ in range(halvings):
        total = total * total >> wide
    return total >> wide - bits


def sin_cos(x: int, bits: int) -> tuple[int, int]:
    """(sin x, cos x) for -1 <= x <= 1: the series of cos x - 1, whose double angle loses nothing near 0."""
    halvings = max(4, math.isqrt(bits) // 2)
    wide = bits + 2 * halvings + GUARD
    small = (x << wide - bits) >> halvings
    square = small * small >> wide
    cosine = sine = 0  # cos - 1, and sin, of the small angle
    term = 1 << wide
    k = 0
    while term:
        odd = (term * small >> wide) // (k + 1)
        sine += odd if k % 4 == 0 else -odd
        term = (term * square >> wide) // ((k + 1) * (k + 2))
        k += 2
        cosine += -term if k % 4 == 2 else term
    one = 1 << wide
    for _ in range(halvings):
        sine = (sine * (one + cosine) >> wide) * 2
        cosine = (2 * cosine * (2 * one + cosine)) >> wide
    return sine >> wide - bits, (one + cosine) >> wide - bits


def log(x: int, bits: int) -> int:
    """log x for 1/2 <= x <= 2: Newton's steps of third order on e**y = x, from the value of `math.log`."""
    good = 50  # the C library errs by less than 2 units in the last place
    wide = bits + GUARD
    x <<= GUARD
    y = int(math.log(x / (1 << wide)) * 2.0**64) << wide >> 64
    while good < wide:
        power = exp(y, wide)
        y += (2 * (x - power) << wide) // (x + power)
        good = 3 * good - 2
    return y >> GUARD


def atan(x: int, bits: int) -> int:
    """atan x for -1 <= x <= 1: atan(x) = y + atan((x cos y - sin y) / (cos y + x sin y)), from the value of `math.atan`."""
    good = 50  # the C library errs by less than 2 units in the last place
    wide = bits + GUARD
    x <<= GUARD
    y = int(math.atan(x / (1 << wide)) * 2.0**64) << wide >> 64
    while good < wide:
        sine, cosine = sin_cos(y, wide)
        d = ((x * cosine - sine * (1 << wide)) << wide) // ((cosine << wide) + x * sine)
        y += d - (d * d * d >> 2 * wide) // 3
        good = 5 * good - 4
    return y >> GUARD
