"""The built-in sum as each version of CPython has it: naive before 3.12, compensated (Neumaier 1974) since; complex numbers too since 3.14.

Like bltinmodule.c it goes through stages and never back: integers (exact), floats, complex numbers, anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any

CHANGED = ((3, 12), (3, 14))
"""The versions in which sum changed."""
LONG = 1 << 63


def summing(python: tuple[int, int]) -> Callable[..., Any]:
    """The built-in sum of that version: this interpreter's own where it does the same."""
    if [python >= version for version in CHANGED] == [sys.version_info >= version for version in CHANGED]:
        return sum
    compensated, complex_too = (python >= version for version in CHANGED)

    def sum_(iterable: Any, /, start: Any = 0) -> Any:
        if isinstance(start, (str, bytes, bytearray)):
            return sum((), start)  # which refuses it
        items = iter(iterable)
        total = start
        if compensated:
            while type(total) is int:
                for item in items:
                    total = total + item
                    break
                else:
                    return total
            if type(total) is float:
                total = _floats(total, items, complex_too)
            if complex_too and type(total) is complex:
                total = _complex(total, items)
        for item in items:
            total = total + item
        return total

    sum_.__name__ = sum_.__qualname__ = "sum"
    sum_.__doc__ = sum.__doc__
    return sum_


class _Compensated:
    """A sum, and what rounding took from it."""

    __slots__ = ("lost", "value")

    def __init__(self, value: float) -> None:
        self.value, self.lost = value, 0.0

    def add(self, x: float) -> None:
        total = self.value + x
        if abs(self.value) >= abs(x):
            self.lost += (self.value - total) + x
        else:
            self.lost += (x - total) + self.value
        self.value = total

    def result(self) -> float:
        return self.value + self.lost if self.lost and isfinite(self.lost) else self.value


def _floats(total: float, items: Iterator[Any], integers_too: bool) -> Any:
    """The sum up to the first item that is no real number, that one included; integers are compensated since 3.14."""
    running = _Compensated(total)
    for item in items:
        if type(item) is float:
            running.add(item)
        elif isinstance(item, int) and integers_too:
            running.add(float(item))
        elif isinstance(item, int) and -LONG <= item < LONG:
            running.value += float(item)
        else:
            return running.result() + item
    return running.result()


def _complex(total: complex, items: Iterator[Any]) -> Any:
    real, imaginary = _Compensated(total.real), _Compensated(total.imag)
    for item in items:
        if type(item) is complex:
            real.add(item.real)
            imaginary.add(item.imag)
        elif isinstance(item, (int, float)):
            real.add(float(item))
            imaginary.value += 0.0
        else:
            return complex(real.result(), imaginary.result()) + item
    return complex(real.result(), imaginary.result())
