"""Run times drawn from distributions, with the same bits on every platform.

`math.log` and `math.exp` are the C library's and differ in the last bit, which is enough to make two simulations
part. These use only + - * / and the exact frexp and ldexp, so that every IEEE machine agrees. Errors: below 3 units in the
last place, which no distribution notices.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp, ldexp
from random import Random
from typing import Final, Protocol

_LN2_HIGH: Final = 6.93147180369123816490e-01  # the first 33 bits of log 2, so that its multiples are exact
_LN2_LOW: Final = 1.90821492927058770002e-10
_INVERSE_LN2: Final = 1.4426950408889634
_SQRT_HALF: Final = 0.7071067811865476


def log(x: float) -> float:
    """Natural logarithm of a positive, finite number.

    >>> log(1.0), log(2.0)
    (0.0, 0.6931471805599453)
    """
    if not 0.0 < x < float("inf"):
        raise ValueError(f"log({x!r}): must be positive and finite")
    mantissa, exponent = frexp(x)
    if mantissa < _SQRT_HALF:
        mantissa += mantissa
        exponent -= 1
    f = mantissa - 1.0
    s = f / (2.0 + f)  # log(1 + f) = 2 atanh(s), |s| < 0.1716
    z = s * s
    tail = 1 / 11 + z * (1 / 13 + z * (1 / 15 + z * (1 / 17 + z * (1 / 19 + z / 21))))
    series = z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * tail))))
    return exponent * _LN2_HIGH + (2.0 * s + (2.0 * s * series + exponent * _LN2_LOW))


def exp(x: float) -> float:
    """e to the power x; 0 below -745, OverflowError above 709.78.

    >>> exp(0.0), exp(1.0)
    (1.0, 2.718281828459045)
    """
    if x > 709.782712893384:
        raise OverflowError(f"exp({x!r}): too large")
    if x < -745.5:
        return 0.0
    k = int(x * _INVERSE_LN2 + (0.5 if x > 0.0 else -0.5))
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW  # |r| < 0.35
    tail = 1 / 40320 + r * (1 / 362880 + r * (1 / 3628800 + r * (1 / 39916800 + r / 479001600)))
    series = 1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r * (1 / 5040 + r * tail))))
    return ldexp(1.0 + (r + r * r * (0.5 + r * series)), k)


def normal(random: Random) -> float:
    """A standard normal number, by Leva's ratio of uniforms (ACM TOMS 18, 1992): the logarithm is rarely needed."""
    while True:
        u = 1.0 - random.random()
        v = 1.7156 * (random.random() - 0.5)
        x = u - 0.449871
        y = (v if v > 0.0 else -v) + 0.386595
        q = x * x + y * (0.196 * y - 0.25472 * x)
        if q < 0.27597 or (q < 0.27846 and v * v <= -4.0 * log(u) * u * u):
            return v / u


class RunTime(Protocol):
    """Draws the seconds that a job takes on a host of speed 1."""

    def __call__(self, random: Random) -> float: ...


@dataclass(frozen=True)
class Fixed:
    """Always the same number of seconds."""

    seconds: float

    def __call__(self, random: Random) -> float:
        return self.seconds


@dataclass(frozen=True)
class LogNormal:
    """Half of the jobs take less than `median` seconds; two thirds lie within a factor of e**sigma of it."""

    median: float
    sigma: float = 0.5

    def __call__(self, random: Random) -> float:
        return self.median * exp(self.sigma * normal(random))


@dataclass(frozen=True)
class Exponential:
    """Without memory: `mean` seconds on average."""

    mean: float

    def __call__(self, random: Random) -> float:
        return -self.mean * log(1.0 - random.random())


def parse_run_time(text: str) -> RunTime:
    """A run time as written in pyboinc.toml: ``"600"``, ``"lognormal 3600 0.5"``, ``"exponential 600"``.

    >>> parse_run_time("lognormal 3600 0.5")
    LogNormal(median=3600.0, sigma=0.5)
    """
    name, *words = text.split() or [""]
    try:
        if name == "lognormal" and 1 <= len(words) <= 2:
            return LogNormal(*map(float, words))
        if name == "exponential" and len(words) == 1:
            return Exponential(float(words[0]))
        if not words:
            return Fixed(float(name))
    except ValueError:
        pass
    raise ValueError(f"run time {text!r}: must be seconds, 'lognormal MEDIAN [SIGMA]' or 'exponential MEAN'")
