"""sin, cos, exp and log as sums hi + lo of doubles, with about 64 bits: most calls need no more to be rounded.

Tables of values as hi + lo, and products that are exact since one factor has few bits (Gal 1986; Tang 1989). A sum is within
SLACK * |hi| of the true value; None means that it would not be. Only additions and multiplications of doubles, so the same bits everywhere.
"""

from __future__ import annotations

from math import frexp, ldexp
from typing import Optional

from . import fixed

SLACK = 2.0**-60
BITS = 128
SHIFT = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to an integer
Sum = Optional[tuple[float, float]]


def _double(v: int) -> float:
    return v / (1 << BITS)


def _scaled(x: float) -> int:
    mantissa, exponent = frexp(x)
    return int(mantissa * 9007199254740992.0) << BITS - 53 + exponent


def _split(v: int, bits: int) -> tuple[float, float]:
    """As a double of so many places after the point, and the rest."""
    unit = 1 << BITS - bits
    high = (v + unit // 2) // unit * unit
    return _double(high), _double(v - high)


# sin, cos

INV_PIO2 = 0.6366197723675814
PIO2_1, PIO2_2 = _split(fixed.pi(BITS) >> 1, 32)
FARTHEST = 100000.0

_SIN_COS: dict[int, tuple[float, ...]] = {}
"""i -> sin(i/128): double, rest, 8 places, rest of them; cos the same."""


def _sin_cos_entry(i: int) -> tuple[float, ...]:
    entry: list[float] = []
    for v in fixed.sin_cos(i << BITS - 7, BITS):
        double = _double(v)
        entry += [double, _double(v - _scaled(double)) if double else 0.0, *_split(v, 8)]
    _SIN_COS[i] = tuple(entry)
    return _SIN_COS[i]


def _turned(x: float, quarters: int) -> Sum:
    """sin(x + quarters * pi/2)."""
    if not -FARTHEST < x < FARTHEST:
        return None
    n = x * INV_PIO2 + SHIFT - SHIFT
    r = x - n * PIO2_1
    w = n * PIO2_2
    y = r - w
    rest = (r - y) - w
    i = int(y * 128.0 + SHIFT - SHIFT)
    quarters = quarters + int(n) & 3
    if not i and not quarters & 1:
        return None  # near 0, where there is nothing to add to
    sine, sine_lo, sine_1, sine_2, cosine, cosine_lo, cosine_1, cosine_2 = _SIN_COS.get(i) or _sin_cos_entry(i)
    d = y - i / 128.0
    coarse = d + 6144.0 - 6144.0  # 40 places
    square = d * d
    cosine_less_1 = square * (-0.5 + square * (0.041666666666666664 - square * 0.001388888888888889))
    sine_less_d = d * square * (-0.16666666666666666 + square * (0.008333333333333333 - square * 0.0001984126984126984))
    if quarters & 1:
        product = -sine_1 * coarse
        hi = cosine + product
        lo = cosine_lo - sine_2 * coarse + cosine * cosine_less_1 - sine * (sine_less_d + (d - coarse) + rest)
        lo += product - (hi - cosine)
    else:
        product = cosine_1 * coarse
        hi = sine + product
        lo = sine_lo + cosine_2 * coarse + sine * cosine_less_1 + cosine * (sine_less_d + (d - coarse) + rest)
        lo += product - (hi - sine)
    return (-hi, -lo) if quarters & 2 else (hi, lo)


def sin(x: float) -> Sum:
    return _turned(x, 0)


def cos(x: float) -> Sum:
    return _turned(x, 1)


# exp

_LN2_128 = fixed.ln2(BITS) >> 7
INV_LN2_128 = 184.6649652337873
LN2_1, LN2_2 = _split(_LN2_128, 43)
_EXP: dict[int, tuple[float, ...]] = {}
"""i -> 2**(i/128): double, rest, 12 places, rest of them."""


def _exp_entry(i: int) -> tuple[float, ...]:
    v = fixed.exp(_LN2_128 * i, BITS)
    double = _double(v)
    _EXP[i] = (double, _double(v - _scaled(double)), *_split(v, 12))
    return _EXP[i]


def exp(x: float) -> Sum:
    if not -700.0 < x < 700.0:
        return None
    n = x * INV_LN2_128 + SHIFT - SHIFT
    high = x - n * LN2_1
    low = n * LN2_2
    r = high - low
    rest = (high - r) - low
    k = int(n)
    head, head_lo, head_1, head_2 = _EXP.get(k & 127) or _exp_entry(k & 127)
    coarse = r + 98304.0 - 98304.0  # 36 places
    square = r * r
    more = square * (0.5 + r * (0.16666666666666666 + r * (0.041666666666666664 + r * (0.008333333333333333 + r * 0.001388888888888889))))
    product = head_1 * coarse
    hi = head + product
    lo = head_lo + head_2 * coarse + head * ((r - coarse) + rest + more)
    lo += product - (hi - head)
    scale = ldexp(1.0, k >> 7)
    return hi * scale, lo * scale


# log

LN2_GRID, LN2_REST = _split(fixed.ln2(BITS), 42)
_LOG: dict[int, tuple[float, float]] = {}
"""i -> -log(i/256): 42 places, and the rest."""


def _log_entry(i: int) -> tuple[float, float]:
    _LOG[i] = _split(-fixed.log(i << BITS - 8, BITS), 42)
    return _LOG[i]


def log(x: float) -> Sum:
    z, k = frexp(x)
    if z < 0.7071067811865476:
        z += z
        k -= 1
    i = int(256.0 / z + 0.5)
    inverse = i / 256.0
    grid, grid_rest = _LOG.get(i) or _log_entry(i)
    coarse = z + 1572864.0 - 1572864.0  # 32 places
    high = coarse * inverse - 1.0
    low = (z - coarse) * inverse
    r = high + low
    rest = low - (r - high)
    w = k * LN2_GRID + grid
    if -0.04 < w < 0.04:
        return None  # near 1, where the result is small
    hi = w + r
    square = r * r
    more = -0.5 + r * (0.3333333333333333 + r * (-0.25 + r * (0.2 + r * (-0.16666666666666666 + r * (0.14285714285714285 - r * 0.125)))))
    lo = (w - hi + r) + (rest + grid_rest + k * LN2_REST + square * more)
    return hi, lo
