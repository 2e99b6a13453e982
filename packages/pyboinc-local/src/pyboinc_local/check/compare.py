"""How far outputs are apart. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from pyboinc.errors import DecodeError
from pyboinc.slave.files import parse_output_file
from pyboinc_validator.comparators import Comparator, float_pairs, tolerance, ulp, ulps

from .runs import Outcome

Outcomes = Mapping[str, Sequence[Outcome]]
"""By profile: what each call gave."""


def groups(outcomes: Outcomes, call: int) -> list[list[str]]:
    """The profiles that agree on a call bit for bit, the largest group first."""
    found: dict[bytes | None, list[str]] = {}
    for profile, each in outcomes.items():
        found.setdefault(each[call].output, []).append(profile)
    return sorted(found.values(), key=len, reverse=True)


def hit(outcomes: Outcomes) -> list[int]:
    """The calls on which not all agree."""
    count = len(next(iter(outcomes.values()))) if outcomes else 0
    return [call for call in range(count) if len(groups(outcomes, call)) > 1]


def disagreement(outcomes: Outcomes, shares: Mapping[str, float]) -> float:
    """How often two hosts drawn at random (shares: of each profile) disagree, on average over the calls."""
    known = {profile: share for profile, share in shares.items() if profile in outcomes and share > 0}
    total = sum(known.values())
    count = len(next(iter(outcomes.values())))
    if not total or not count:
        return 0.0
    agree = 0.0
    for call in range(count):
        for group in groups({profile: outcomes[profile] for profile in known}, call):
            agree += (sum(known[profile] for profile in group) / total) ** 2
    return 1.0 - agree / count


def raises(outcome: Outcome) -> bool:
    """Is the output the app's own exception?"""
    try:
        return outcome.output is not None and not all(entry[0] for entry in parse_output_file(outcome.output))
    except DecodeError:
        return False


@dataclass(frozen=True)
class Spread:
    """The outputs of the honest platforms, all calls together.

    relative, absolute, ulps: how far any two floats at the same place are apart at most; infinite if one is NaN or infinite.
    floats, differing (int): places that hold floats, and those at which platforms differ.  other (str): what differs that is no
    float, so that no tolerance helps; empty if nothing does.
    """

    relative: float = 0.0
    absolute: float = 0.0
    ulps: float = 0
    floats: int = 0
    differing: int = 0
    other: str = ""


def spread(outcomes: Outcomes, reference: str) -> Spread:
    """How far the platforms are apart; every one is compared at the places of the reference's outputs."""
    relative = absolute = steps = 0.0
    floats = differing = 0
    other = ""
    for call, expected in enumerate(outcomes[reference]):
        columns: list[list[tuple[float, float, int]]] = []
        for output in {each[call].output for each in outcomes.values()}:
            pairs, text = _pairs(expected.output, output)
            other = other or text
            columns.append(pairs)
        for place in zip(*columns, strict=False):  # of other lengths only where more than floats differs
            floats += 1
            values = [y for _, y, _ in place]
            numbers = [value for value in values if value == value]
            if not numbers or (len(numbers) == len(values) and min(values) == max(values)):
                continue
            differing += 1
            low, high = min(numbers), max(numbers)
            if len(numbers) < len(values) or not (math.isfinite(low) and math.isfinite(high)):
                relative = absolute = steps = math.inf
                continue
            absolute = max(absolute, high - low)
            relative = max(relative, (high - low) / max(abs(high), abs(low)))
            steps = max(steps, ulps(low, high, place[0][2]))
    return Spread(relative, absolute, steps, floats, differing, other)


def _pairs(a: bytes | None, b: bytes | None) -> tuple[list[tuple[float, float, int]], str]:
    """Floats at the same places of two output files of one call; and what else differs."""
    if a is None or b is None:
        return [], "" if a is b else "on some platforms the task fails"
    try:
        (one,), (another,) = parse_output_file(a), parse_output_file(b)
    except (DecodeError, ValueError):
        return [], "an output can't be read"
    if not (one[0] and another[0]):
        return [], "" if one == another else "on some platforms the slave raises an error"
    pairs, text = float_pairs(one[1], another[1])
    return pairs, text or ("" if one[2:] == another[2:] else "the files that the slave writes")


def round_up(x: float, digits: int = 2) -> float:
    """
    >>> round_up(1.234e-13)
    1.3e-13
    """
    if x <= 0 or not math.isfinite(x):
        return x
    text = f"{x:.{digits - 1}e}"
    up = float(text)
    if up < x:
        mantissa, _, exponent = text.partition("e")
        up = float(f"{float(mantissa) + 10.0 ** (1 - digits):.{digits - 1}f}e{exponent}")
    return up


def agree(comparator: Comparator, outcomes: Outcomes, call: int) -> bool:
    """Does the comparator take all outputs of a call for the same?"""
    outputs = {each[call].output for each in outcomes.values()}
    if len(outputs) == 1:
        return True
    if None in outputs:
        return False
    parsed = [comparator.parse(output) for output in outputs if output is not None]
    return all(comparator.same(a, b) for k, a in enumerate(parsed) for b in parsed[:k])


def smallest(outcomes: Outcomes, found: Spread) -> dict[str, Comparator]:
    """The closest comparators that take all platforms' outputs for the same: "relative", "absolute", "ulp", as far as there are any."""
    made: dict[str, Comparator] = {}
    if found.other or not found.differing or found.absolute == math.inf:
        return made
    limit = round_up(found.relative)
    if limit < 1.0:
        made["relative"] = tolerance(relative=limit)
    made["absolute"] = tolerance(absolute=round_up(found.absolute))
    made["ulp"] = ulp(int(found.ulps))
    calls = hit(outcomes)
    return {name: each for name, each in made.items() if all(agree(each, outcomes, call) for call in calls)}


def room(outputs: Iterable[bytes | None], relative: float = 0.0, absolute: float = 0.0) -> float:
    """How many wrong doubles a liar may return in place of each right one and be believed: the median over the floats."""
    counts = []
    for output in outputs:
        for x, _, bits in _pairs(output, output)[0]:
            if bits == 64 and math.isfinite(x):
                counts.append(2.0 * math.floor(max(relative * abs(x), absolute) / math.ulp(x)))
    return median(counts) if counts else 0.0
