"""Apple's libm: statistical. Its code is not public; what is published are its largest errors.

Gladman, Innocente, Mather and Zimmermann, *Accuracy of mathematical functions in single, double, ... precision* (hal-03141101). How often
it is wrong is not published: .09 times the excess of the largest error over 1/2 is assumed, the median of other libraries.
"""

from __future__ import annotations

from collections.abc import Callable

from .statistical import Errors, function

LARGEST = {
    "acos": 1.05154, "acosh": 2.24182, "asin": 0.710076, "asinh": 1.5794, "atan": 0.875241, "atanh": 2.00021, "cbrt": 0.728127,
    "cos": 0.94735, "cosh": 0.522287, "erf": 6.40351, "erfc": 10.6637, "exp": 0.520417, "exp2": 0.520087, "expm1": 0.705059,
    "log": 0.507847, "log10": 0.513076, "log1p": 0.666667, "log2": 0.514489, "sin": 0.943598, "sinh": 0.538334, "tan": 3.52535,
    "tanh": 0.612229,
}  # fmt: skip
UNPUBLISHED = {"atan2": 0.875241, "hypot": 1.0, "pow": 0.520417}
"""Taken for as good as atan, as most hypots, as exp."""

RATE = 0.09
SHARE_OF_OWN = 0.5
"""Arguments at which x86-64 and arm64, which are compiled apart, decide for themselves: assumed."""


def libm(machine: str) -> dict[str, Callable[..., float]]:
    """Apple's functions on x86_64 or arm64."""
    return {
        name: function(name, f"apple {machine}", "apple", Errors(largest, RATE * (largest - 0.5), own=SHARE_OF_OWN))
        for name, largest in {**LARGEST, **UNPUBLISHED}.items()
    }
