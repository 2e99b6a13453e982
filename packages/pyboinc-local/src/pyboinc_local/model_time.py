"""Durations and chances drawn from distributions, with the same bits on every platform.

`math.log` and `math.exp` are the C library's and differ in the last bit, which is enough to make two simulations
part. These use only + - * / and the exact frexp and ldexp, so that every IEEE machine agrees. Errors: below 3 units in the
last place, which no distribution notices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from math import frexp, ldexp
from typing import Final, Protocol, cast

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


class Chance(Protocol):
    """Numbers from 0 to below 1, evenly distributed: `random.Random` is one, and `Stream`."""

    def random(self) -> float: ...


class Stream:
    """A stream of chance of one's own, small enough for each of a million hosts: SplitMix64 (Steele, Lea and Flood,
    "Fast splittable pseudorandom number generators", OOPSLA 2014). The same name gives the same stream.
    """

    __slots__ = ("_state",)

    def __init__(self, name: str) -> None:
        self._state = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")

    def random(self) -> float:
        self._state = z = (self._state + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        return ((z ^ (z >> 31)) >> 11) * 2.0**-53


def normal(random: Chance) -> float:
    """A standard normal number, by Leva's ratio of uniforms (ACM TOMS 18, 1992): the logarithm is rarely needed."""
    while True:
        u = 1.0 - random.random()
        v = 1.7156 * (random.random() - 0.5)
        x = u - 0.449871
        y = (v if v > 0.0 else -v) + 0.386595
        q = x * x + y * (0.196 * y - 0.25472 * x)
        if q < 0.27597 or (q < 0.27846 and v * v <= -4.0 * log(u) * u * u):
            return v / u


class Distribution(Protocol):
    """Draws numbers: seconds, speeds. typical: about as large as most of them, for who needs a scale."""

    @property
    def typical(self) -> float: ...

    def __call__(self, random: Chance) -> float: ...


RunTime = Distribution
"""Draws the seconds that a job takes on a host of speed 1."""


@dataclass(frozen=True)
class Fixed:
    """Always the same."""

    value: float

    @property
    def typical(self) -> float:
        return self.value

    def __call__(self, random: Chance) -> float:
        return self.value


@dataclass(frozen=True)
class Uniform:
    """Anything from low to high is as likely."""

    low: float
    high: float

    @property
    def typical(self) -> float:
        return (self.low + self.high) / 2

    def __call__(self, random: Chance) -> float:
        return self.low + (self.high - self.low) * random.random()


@dataclass(frozen=True)
class Normal:
    """Around mean, two thirds within sd; what is less than low becomes low."""

    mean: float
    sd: float
    low: float = 0.0

    @property
    def typical(self) -> float:
        return max(self.mean, self.low)

    def __call__(self, random: Chance) -> float:
        return max(self.low, self.mean + self.sd * normal(random))


@dataclass(frozen=True)
class LogNormal:
    """Half of them are less than `median`; two thirds lie within a factor of e**sigma of it."""

    median: float
    sigma: float = 0.5

    @property
    def typical(self) -> float:
        return self.median

    def __call__(self, random: Chance) -> float:
        return self.median * exp(self.sigma * normal(random))


@dataclass(frozen=True)
class Exponential:
    """Without memory: `mean` on average, and no more than high."""

    mean: float
    high: float = float("inf")

    @property
    def typical(self) -> float:
        return min(self.mean, self.high)

    def __call__(self, random: Chance) -> float:
        return min(self.high, -self.mean * log(1.0 - random.random()))


@dataclass(frozen=True)
class Weibull:
    """Exponential if shape is 1; below, many short ones and a few that are very long. 63 % are less than scale."""

    scale: float
    shape: float

    @property
    def typical(self) -> float:
        return self.scale

    def __call__(self, random: Chance) -> float:
        draw = -log(1.0 - random.random())
        return self.scale * exp(log(draw) / self.shape) if draw > 0.0 else 0.0


_KINDS: Final[Mapping[str, tuple[Callable[..., Distribution], str]]] = {
    "lognormal": (LogNormal, "MEDIAN [SIGMA]"),
    "exponential": (Exponential, "MEAN [MOST]"),
    "weibull": (Weibull, "SCALE SHAPE"),
    "uniform": (Uniform, "LEAST MOST"),
    "normal": (Normal, "MEAN SD [LEAST]"),
}
_UNITS: Final = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def parse_distribution(text: str) -> Distribution:
    """A distribution as it is written in TOML files; times are seconds, or have a unit: s, min, h, d.

    Raises ValueError that says what it must be.

    >>> parse_distribution("lognormal 1h 0.5"), parse_distribution("90")
    (LogNormal(median=3600.0, sigma=0.5), Fixed(value=90.0))
    """
    name, *words = text.split() or [""]
    try:
        if not words:
            name, words, make = "", [name], cast(Callable[..., Distribution], Fixed)
        else:
            make = _KINDS[name][0]
        numbers = [_number(word) for word in words]
        too_wild = name == "weibull" and numbers[1] < 0.05  # it reaches beyond all floats
        if all(0.0 <= each < float("inf") for each in numbers) and (not name or any(numbers)) and not too_wild:
            return make(*numbers)
    except (KeyError, ValueError, TypeError, IndexError):
        pass
    known = ", ".join(f"'{kind} {words}'" for kind, (_, words) in _KINDS.items())
    raise ValueError(f"must be a number, or {known}")


def _number(word: str) -> float:
    """
    >>> _number("1.5h")
    5400.0
    """
    unit = next((unit for unit in ("min", "s", "h", "d") if word.endswith(unit)), "")
    return float(word.removesuffix(unit)) * _UNITS.get(unit, 1.0)


def parse_run_time(text: str) -> RunTime:
    """A run time as written in pyboinc.toml: ``"600"``, ``"lognormal 3600 0.5"``, ``"exponential 600"``."""
    try:
        return parse_distribution(text)
    except ValueError as error:
        raise ValueError(f"run time {text!r} {error}") from None
