"""What a platform is, and finding one by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

from pyboinc import plugins
from pyboinc.errors import PyBoincError
from pyboinc.model import nearest

from . import cpython
from .cpython_complex import cmath_module
from .summing import summing

EXACT, STATISTICAL = "exact", "statistical"


DERIVED = {
    "gamma": ("exp", "pow", "sin", "cos"),
    "lgamma": ("log", "sin", "cos"),
    "**": ("pow", "hypot", "atan2", "exp", "log", "sin", "cos"),
    "abs(complex)": ("hypot",),
}
"""What CPython makes of C functions: name -> those that it calls. (cmath does too.)"""


class PlatformError(PyBoincError):
    """There is no such platform."""


@dataclass(frozen=True)
class Function:
    """How a platform has a function. status (str): EXACT or STATISTICAL; source (str): what it follows; check (str): what says so."""

    status: str
    source: str
    check: str


@dataclass(frozen=True)
class Platform:
    """A host's floating point.

    python (tuple[int, int]): the version of CPython whose `sum`, `math.hypot` and so on it has.
    math, cmath (module): with every function and constant that this version has.
    pow (callable): the operator `**` and the built-in pow; abs, sum (callable): the built-in ones. They raise what CPython raises.
    functions (Mapping[str, Function]): by their names in `math`, and "**" and "abs(complex)".
    """

    name: str
    python: tuple[int, int]
    math: ModuleType = field(repr=False)
    cmath: ModuleType = field(repr=False)
    pow: Callable[..., Any] = field(repr=False)
    abs: Callable[[Any], Any] = field(repr=False)
    sum: Callable[..., Any] = field(repr=False)
    functions: Mapping[str, Function] = field(repr=False)


def build(
    name: str,
    libm: cpython.Libm,
    python: tuple[int, int],
    functions: Mapping[str, Function],
    sets_errno: bool = False,
) -> Platform:
    """A platform whose C library has these functions, see `pyboinc_local.platforms.cpython.LIBM`.

    functions: one record for each function of libm.
    sets_errno (bool): the C library sets errno, which complex functions of CPython look at.
    """
    return Platform(
        name,
        python,
        cpython.math_module(libm, python),
        cmath_module(libm, sets_errno),
        cpython.operator_pow(libm, sets_errno),
        cpython.absolute(libm),
        summing(python),
        {**functions, **{name: _derived(functions, below) for name, below in DERIVED.items() if functions.keys() >= {*below}}},
    )


def _derived(functions: Mapping[str, Function], below: tuple[str, ...]) -> Function:
    exact = all(functions[name].status == EXACT for name in below)
    return Function(EXACT if exact else STATISTICAL, f"CPython's, from {', '.join(below)}", "as theirs")


@cache
def _factories() -> Mapping[str, Callable[..., Platform]]:
    found: dict[str, Callable[..., Platform]] = {}
    for some in plugins.for_commands()[0].hook.pyboinc_platforms():
        for name, factory in some.items():
            if name in found:
                raise PlatformError(f"two plugins bring a platform called {name!r}: remove one of them (pyboinc plugins lists them)")
            found[name] = factory
    return found


def names() -> list[str]:
    """Every platform that is known, those of plugins included."""
    return list(_factories())


@cache
def load(name: str, python: tuple[int, int] | None = None) -> Platform:
    """The platform of that name, with its usual Python or that version of it. Raises PlatformError if there is none."""
    factory = _factories().get(name)
    if factory is None:
        raise PlatformError(f"no platform is called {name!r}{nearest(name, names(), 'there are')}")
    return factory() if python is None else factory(python=python)
