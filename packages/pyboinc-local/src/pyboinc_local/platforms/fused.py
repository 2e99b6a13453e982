"""a * b + c with one rounding, as a CPU with FMA has it, on any CPU and any Python."""

from __future__ import annotations

import math
from fractions import Fraction

SPLITTER = 134217729.0  # 2**27 + 1
ABOVE, BELOW = 1.0 + 2.0**-51, 1.0 - 2.0**-51


def _fma(a: float, b: float, c: float) -> float:
    """By Dekker's product and Knuth's sum; for finite numbers, a * b between 2**-900 and 2**900 or 0."""
    product = a * b
    t = a * SPLITTER
    ah = t - (t - a)
    al = a - ah
    t = b * SPLITTER
    bh = t - (t - b)
    bl = b - bh
    rest = al * bl - (((product - ah * bh) - al * bh) - ah * bl)
    total = product + c
    t = total - product
    rest += (product - (total - t)) + (c - t)  # rounded, so that ...
    result = total + rest
    if total + rest * ABOVE == result == total + rest * BELOW:
        return result
    return float(Fraction(a) * Fraction(b) + Fraction(c))  # ... ties are for exact numbers


fma = getattr(math, "fma", _fma)
