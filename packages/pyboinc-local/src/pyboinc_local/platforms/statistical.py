"""Libraries whose code is not published: as wrong, and as often, as was measured or published, at arguments drawn by a hash.

A value is round(true value + e), where the error e, in units of the last place, has the size d u**(d/m - 1): u, from 0 to 1, and the sign
come from a hash of the argument. Then the largest error is 1/2 + d, and a share of about m of all results is not the nearest double.
The same argument always gives the same value, on every computer.

Where a library is a relative of msun, most of its wrong results are msun's: those are kept, at the measured rate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import copysign, frexp, inf, ldexp, ulp
from typing import Any

from pyboinc.exactmath import quick, rounded
from pyboinc.exactmath.kernels import FAST
from pyboinc.exactmath.rounded import quick_sum

from . import msun

DOMAINS = {
    "acos": (-1.0, 1.0), "acosh": (1.0, inf), "asin": (-1.0, 1.0), "atanh": (-1.0, 1.0), "log": (0.0, inf), "log10": (0.0, inf),
    "log1p": (-1.0, inf), "log2": (0.0, inf),
}  # fmt: skip
"""Where a function has more than special values; elsewhere it is for all numbers."""


@dataclass(frozen=True)
class Errors:
    """largest (float): the greatest error in units of the last place; rate (float): the share of results that are not the nearest double.

    msun (float): of msun's results that are not, the share that is kept; own (float): the share of arguments at which each library of the
    family decides for itself.
    """

    largest: float
    rate: float
    msun: float = 0.0
    own: float = 0.0


def function(name: str, library: str, family: str, errors: Errors) -> Callable[..., float]:
    """The function as that library has it; libraries of a family mostly err at the same arguments."""
    correct = getattr(rounded, name)
    special = msun.LIBM[name]
    settle = _settle(name, library, family, errors)
    if name in ("atan2", "hypot", "pow"):

        def of_two(x: float, y: float) -> float:
            if x - x != 0.0 or y - y != 0.0 or x == 0.0 or y == 0.0:
                return special(x, y)
            if name == "pow" and x < 0.0:
                result = special(x, y)  # for the sign, or NaN
                return result if result != result else copysign(correct(-x, y, settle=settle), result)
            return float(correct(x, y, settle=settle))

        return of_two
    low, high = DOMAINS.get(name, (-inf, inf))

    def of_one(x: float) -> float:
        if not low < x < high or x == 0.0:
            return special(x)
        return float(correct(x, settle=settle))

    return of_one


def _settle(name: str, library: str, family: str, errors: Errors) -> Callable[..., float]:
    own, shared = _key(f"{name} {library}"), _key(f"{name} {family}")
    delta = errors.largest - 0.5
    power = _power(delta, errors.rate)
    share_of_own = int(errors.own * 2.0**20)
    kept = int(errors.msun * 2.0**64)
    relative = msun.LIBM[name]

    def drawn(arguments: tuple[float, ...]) -> int:
        """64 bits: of the family, or the library's own."""
        bits = hash(arguments[0]) if len(arguments) == 1 else _mix(hash(arguments[0])) ^ hash(arguments[1])
        mixed = _mix(bits ^ shared)
        return _mix(bits ^ own) if mixed >> 1 & 0xFFFFF < share_of_own else mixed

    def error_of(mixed: int) -> float:
        """In units of the last place."""
        size: float = delta * ((mixed >> 22) * 2.0**-42) ** power
        return size if mixed & 1 else -size

    def settle(value: Callable[..., tuple[int, int, int]], *arguments: float) -> float:
        total = quick_sum(value, *arguments)
        if total is not None:
            hi, lo = total
            near = hi + lo
            unit = ulp(near)
            margin = delta * unit + abs(hi) * quick.SLACK
            certain = hi + (lo + margin) == near == hi + (lo - margin)  # no error could change it
            if not kept or relative(*arguments) == near:
                result = near if certain else _settled(hi, lo, error_of(drawn(arguments)) * unit)
                if result is not None and (not kept or certain or _settled(hi, lo, 0.0) == near):
                    return result
        mixed = drawn(arguments)
        v, scale, _ = value(FAST, *arguments)
        drop = max(abs(v).bit_length() - 53, scale - 1074)
        if kept:
            near = _rounded(v, scale, drop)
            other = relative(*arguments)
            if other != near:
                return other if _mix(mixed) < kept and _within(other, v, scale, drop, errors.largest) else near
        move = int(error_of(mixed) * 2.0**30)
        return _rounded(v + (move << drop >> 30 if drop >= 0 else move >> 30 - drop), scale, drop)

    return settle


def _settled(hi: float, lo: float, error: float) -> float | None:
    """hi + lo + error as a double, if that can be told."""
    lo += error
    slack = hi * quick.SLACK
    result = hi + lo
    return result if hi + (lo + slack) == result == hi + (lo - slack) else None


def _power(delta: float, rate: float) -> float:
    """p, such that errors of the size delta u**p make that share of results wrong; an error of one unit or more always does."""
    power = delta / rate - 1.0
    if delta <= 1.0:
        return power
    low, high = 0.0, power
    for _ in range(30):
        power = (low + high) / 2.0
        surely = delta ** (-1.0 / power)  # errors of u above this are greater than one unit
        if surely / (power + 1.0) + 1.0 - surely > rate:
            low = power
        else:
            high = power
    return power


def _rounded(v: int, scale: int, drop: int) -> float:
    try:
        return ldexp((v + (1 << drop - 1)) >> drop, drop - scale)
    except OverflowError:
        return copysign(inf, v)


def _within(result: float, v: int, scale: int, drop: int, largest: float) -> bool:
    """Whether the result is within so many units of the last place of v / 2**scale."""
    mantissa, exponent = frexp(result)
    shift = scale + exponent - 53
    whole = int(mantissa * 2.0**53)
    exact = whole << shift if shift >= 0 else whole >> -shift
    return abs(exact - v) <= largest * (1 << drop)


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _mix(x: int) -> int:
    """A bijection of 64 bits without pattern: the last step of splitmix64 (Steele, Lea, Flood 2014)."""
    x = (x + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return x ^ x >> 31


def with_known(function: Callable[..., float], known: Mapping[Any, float]) -> Callable[..., float]:
    """The function, with results that were measured: argument, or pair of arguments -> result."""
    if not known:
        return function
    get = known.get
    if isinstance(next(iter(known)), tuple):

        def of_two(x: float, y: float) -> float:
            result = get((x, y))
            return function(x, y) if result is None else result

        return of_two

    def of_one(x: float) -> float:
        result = get(x)
        return function(x) if result is None else result

    return of_one
