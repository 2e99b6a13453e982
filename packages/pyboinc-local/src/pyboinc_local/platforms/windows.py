"""Microsoft's UCRT: statistical, from measurements on Windows's own ucrtbase.dll, builds 26100 and 17134 to 22621, with FMA3 and without.

100 000 uniform arguments per function. The largest errors are those published by Gladman, Innocente, Mather and Zimmermann, *Accuracy of
mathematical functions in single, double, ... precision* (hal-03141101), and the largest seen where there is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from .statistical import Errors, function, with_known
from .tables import double_of

MEASURED = {
    "sin": (0.79829, 3.058, 3.359, 1.133, 3.047, 1.645, 1.936),
    "cos": (0.896141, 3.118, 3.255, 1.093, 3.029, 1.669, 1.712),
    "tan": (1.31973, 4.317, 4.38, 2.597, 3.673, 3.93, 3.865),
    "asin": (0.959391, 6.386, 6.493, 1.187, 5.916, 2.504, 2.333),
    "acos": (0.931491, 7.739, 7.766, 0.519, 7.714, 0.955, 0.864),
    "atan": (0.862182, 5.983, 5.982, 0.045, 6.007, 0.338, 0.341),
    "sinh": (1.40707, 13.208, 13.377, 2.235),
    "cosh": (1.41338, 16.262, 14.579, 8.069),
    "tanh": (1.32827, 5.485, 5.508, 0.483),
    "asinh": (2.04895, 16.02, 16.02, 0.0),
    "acosh": (3.21636, 15.655, 15.655, 0.0),
    "atanh": (2.49418, 21.661, 21.661, 0.0),
    "exp": (1.5, 0.544, 0.57, 0.15),
    "exp2": (0.505, 0.042, 0.042, 0.0),
    "expm1": (3.05702, 29.223, 29.237, 0.072),
    "log": (0.57692, 0.016, 0.016, 0.0),
    "log2": (0.811615, 0.069, 0.069, 0.0),
    "log10": (0.632134, 0.033, 0.033, 0.0),
    "log1p": (1.4375, 13.255, 13.255, 0.0),
    "cbrt": (1.85081, 28.209, 28.209, 0.0),
    "erf": (3.31306, 26.383, 26.402, 0.307),
    "erfc": (6.03199, 35.6, 35.595, 0.101),
    "pow": (1.0, 0.048, 0.048, 0.0),
    "atan2": (1.0, 0.09, 0.089, 0.007),
    "hypot": (1.0, 16.317, 16.317, 0.0),
}
"""Build 26100: the largest error; per cent of results that are not the nearest double with FMA3, without; that differ between the two;
for relatives of msun: per cent in which msun is not the nearest double, in which it differs from the UCRT with FMA3, without."""

OLDER = {
    "exp2": (1.0, 38.546, 38.546, 0.0),
    "pow": (1.0, 0.193, 0.186, 0.121),
    "erf": (3.31306, 26.437, 26.437, 0.0),
    "erfc": (6.03199, 36.787, 36.787, 0.0),
}
"""Where the older build differs for other reasons than that it does not use FMA3 there."""

FMA3_SINCE_26100 = ("asin", "acos", "atan", "sinh", "cosh", "tanh", "atan2")


def libm(older: bool, fma3: bool) -> dict[str, Callable[..., float]]:
    """The UCRT's functions, older: that of Windows 10; with the results that are known one by one."""
    known = _known(2 * (not older) + (not fma3))
    return {name: with_known(each, known.get(name, {})) for name, each in model(older, fma3).items()}


@cache
def _known(column: int) -> Mapping[str, Mapping[Any, float]]:
    """Results of one of the four libraries: function -> argument, or pair of arguments -> result."""
    points: dict[str, dict[Any, float]] = {}
    for name, words, results in json.loads(files(__package__).joinpath("data", "ucrt.json").read_bytes())["points"]:
        arguments = tuple(double_of(int(word, 16)) for word in words)
        result = double_of(int(results[column if len(results) > 1 else 0], 16))
        points.setdefault(name, {})[arguments if len(arguments) > 1 else arguments[0]] = result
    return points


def model(older: bool, fma3: bool) -> dict[str, Callable[..., float]]:
    """The statistical functions alone."""
    table = {}
    for name, measured in MEASURED.items():
        uses_fma3 = fma3 and not (older and name in FMA3_SINCE_26100)
        if older and name in OLDER:
            table[name] = function(name, f"ucrt 22621 {uses_fma3}", "ucrt 22621", _errors(OLDER[name], uses_fma3))
        else:
            table[name] = function(name, f"ucrt 26100 {uses_fma3}", "ucrt 26100", _errors(measured, uses_fma3))
    return table


def _errors(measured: tuple[float, ...], fma3: bool) -> Errors:
    largest, *shares = measured
    with_fma3, without, between, *relative = (share / 100.0 for share in shares)
    rate = with_fma3 if fma3 else without
    if not relative:
        return Errors(largest, rate, 0.0, min(between / (with_fma3 + without), 1.0))
    wrong, *apart = relative
    kept, rest = zip(*(_split(wrong, each, other) for each, other in zip((with_fma3, without), apart, strict=True)), strict=True)
    i = 0 if fma3 else 1
    independent = wrong * (kept[0] * (1.0 - kept[1]) + kept[1] * (1.0 - kept[0])) + sum(rest)
    return Errors(largest, rest[i] * NEAR_THE_MIDDLE, kept[i], min(between / independent, 1.0))


NEAR_THE_MIDDLE = 1.15
"""Errors of the UCRT's own count only where msun is right, and so, more often than not, away from the middle between two doubles."""


def _split(wrong: float, rate: float, apart: float) -> tuple[float, float]:
    """The share of msun's wrong results that the UCRT has, and the UCRT's wrong results where msun is right."""
    both = (wrong + rate - apart) / 2.0
    return both / wrong, rate - both
