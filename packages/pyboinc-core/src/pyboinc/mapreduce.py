"""`pyboinc.map_reduce`: both steps run on volunteers' computers; the master never holds more than a few partial results a job."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from . import codec
from .errors import EncodeError, PyBoincError
from .executor import Executor, Future

FAN_IN = 16  # partial results that one call reduces
SAMPLE = 8  # items whose order of reduction is tried in debug mode
_NOTHING = object()


class NotAssociative(PyBoincError, ValueError):
    """The outcome of the reduction depends on how the items are grouped."""


def map_reduce(
    map_func: Callable[[Any], Any] | None,
    reduce_func: Callable[[Any, Any], Any],
    data: Iterable[Any],
    *,
    initial: Any = _NOTHING,
    chunk: int = 100,
    debug: bool | None = None,
    **options: Any,
) -> Any:
    """``functools.reduce(reduce_func, map(map_func, data))``, on volunteers' computers.

    Each call maps and reduces `chunk` items; further calls reduce their results, 16 at a time, until one is left. So reduce_func
    must be associative: ``f(f(a, b), c) == f(a, f(b, c))``; the order of the items is kept. data is read as work is needed.

    map_func: None leaves the items as they are.  initial: as in `functools.reduce`.  debug (bool): try reduce_func on the first
    items here, in two groupings, and raise NotAssociative if they differ (floats: in more than rounding); None: if Python runs in
    its development mode (``-X dev``).  options: those of `Executor`. Raises TypeError for no data without `initial`.
    """
    if chunk < 1:
        raise PyBoincError(f"chunk is {chunk}: a call gets at least one item")
    items = iter(data)
    first = list(islice(items, SAMPLE))
    if sys.flags.dev_mode if debug is None else debug:
        check_associative(reduce_func, [map_func(each) for each in first] if map_func else first)
    if not first:
        if initial is _NOTHING:
            raise TypeError("map_reduce of no data has no result: give initial=")
        return initial
    with Executor(**options) as executor:
        try:
            result = _Tree(executor, map_func, reduce_func).result(_chunks(first, items, chunk))
        except BaseException:
            executor._run.stop()
            raise
    return result if initial is _NOTHING else reduce_func(initial, result)


def _chunks(first: list[Any], items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while True:
        group = first[:size]
        del first[:size]
        group += islice(items, size - len(group))
        if not group:
            return
        yield group


class _Tree:
    """Results by level, in the order of the items: 16 of one level that are done make one call of the next."""

    def __init__(self, executor: Executor, map_func: Callable[[Any], Any] | None, reduce_func: Callable[[Any, Any], Any]) -> None:
        self._executor = executor
        self._map = map_func
        self._reduce = reduce_func
        self._levels: list[list[Future]] = []

    def result(self, chunks: Iterator[list[Any]]) -> Any:
        for chunk in chunks:
            self._add(0, self._executor._run.fold(self._map, self._reduce, chunk))
        level = 0
        while level < len(self._levels) - 1 or len(self._levels[level]) > 1:
            if self._levels[level]:
                self._lift(level)
            level += 1
        return self._levels[level][0].result()

    def _add(self, level: int, future: Future) -> None:
        if level == len(self._levels):
            self._levels.append([])
        if len(self._levels[level]) == FAN_IN:
            self._lift(level)
        self._levels[level].append(future)

    def _lift(self, level: int) -> None:
        parts = self._levels[level]
        self._levels[level] = []
        if len(parts) == 1:
            self._add(level + 1, parts[0])
        else:
            self._add(level + 1, self._executor._run.fold(None, self._reduce, [each.result() for each in parts]))


def check_associative(reduce_func: Callable[[Any, Any], Any], sample: list[Any]) -> None:
    """Raises NotAssociative, with an example."""
    for a, b, c in zip(sample, sample[1:], sample[2:], strict=False):
        left, right = reduce_func(reduce_func(a, b), c), reduce_func(a, reduce_func(b, c))
        if not _alike(left, right):
            name = getattr(reduce_func, "__name__", "reduce_func")
            raise NotAssociative(
                f"{name} is not associative: of {a!r}, {b!r} and {c!r}, {name}({name}(a, b), c) is {left!r}, and"
                f" {name}(a, {name}(b, c)) is {right!r}. How items are grouped would decide the result"
            )


def _alike(a: Any, b: Any) -> bool:
    """Equal, but for the rounding of floats."""
    if isinstance(a, float) and isinstance(b, float):
        return a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-300) or (a != a and b != b)
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_alike(a[key], b[key]) for key in a)
    if hasattr(a, "__dict__"):
        return _alike(vars(a), vars(b))
    try:
        return codec.dumps(a) == codec.dumps(b)
    except EncodeError:
        return bool(a == b)
