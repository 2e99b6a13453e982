"""A failing plan made small: the fewest calls, hosts and faults with which the same rule is still broken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .plan import Plan

MOST_TRIES = 300


class Shape(NamedTuple):
    """What is left of a plan: so many calls, and these of its hosts and faults, by number."""

    calls: int
    hosts: tuple[int, ...]
    faults: tuple[int, ...]

    @classmethod
    def of(cls, plan: Plan) -> Shape:
        return cls(plan.calls, tuple(range(len(plan.hosts))), tuple(range(len(plan.faults))))


def shrink(plan: Plan, fails: Callable[[Plan], bool]) -> Shape:
    """fails: whether a smaller plan still breaks the rule."""
    best = Shape.of(plan)
    tries = 0

    def still_fails(shape: Shape) -> bool:
        nonlocal tries
        tries += 1
        return tries <= MOST_TRIES and fails(plan.smaller(*shape))

    def fewest(shape: Shape, name: str) -> Shape:
        kept = _fewest(getattr(shape, name), lambda some: still_fails(shape._replace(**{name: some})))
        return shape._replace(**{name: kept})

    while True:
        before = best
        best = fewest(fewest(best, "faults"), "hosts")
        for calls in range(1, best.calls):
            smaller = best._replace(calls=calls)
            if still_fails(smaller):
                best = smaller
                break
        if best == before:
            return best


def _fewest(items: Sequence[int], fails: Callable[[tuple[int, ...]], bool]) -> tuple[int, ...]:
    """Leave out what can be left out: halves first, then ever smaller parts."""
    kept = tuple(items)
    size = len(kept)
    while size:
        start = 0
        while start < len(kept):
            fewer = kept[:start] + kept[start + size :]
            if len(fewer) < len(kept) and fails(fewer):
                kept = fewer
            else:
                start += size
        size //= 2
    return kept
