"""The slave of plain functions: looks up the one that a call names, and calls it."""

from __future__ import annotations

import sys

from ..codec import Classes, loads
from .api import pyboinc_get_input, pyboinc_return_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

def run() -> None:
    """The slave of a program of functions. The input is (name, args, kwargs), see `find`."""
    name, args, kwargs = pyboinc_get_input()
    pyboinc_return_output(find(name)(*args, **kwargs))


def find(name: str) -> Callable[..., Any]:
    """The function of that name: ``module:function``, or ``module:Class.function``."""
    module, _, path = name.partition(":")
    __import__(module)
    found: Any = sys.modules[module]
    for part in path.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


def fold(map_name: str, reduce_name: str, items: list[Any]) -> Any:
    """``reduce(reduce_func, map(map_func, items))``, for `pyboinc.map_reduce`; map_name may be empty. items: at least one."""
    from functools import reduce

    return reduce(find(reduce_name), map(find(map_name), items) if map_name else items)


def value(data: bytes, module: str) -> Any:
    """A global of a notebook; its classes are those of the module that is being imported."""
    return loads(data, Classes([module], aliases={module: "__main__"}))
