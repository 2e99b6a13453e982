"""The hosts of a fleet. Pure: what is drawn for a host follows from the seed and the host's number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..model_time import Stream
from ..simulation import HostSpec
from ..systems import SYSTEMS, default_profile
from .schema import Fleet, Group

LEAST_SPEED = 1e-3  # of a host, in 1e9 operations a second: a distribution may draw 0


def hosts(fleet: Fleet, seed: int) -> tuple[HostSpec, ...]:
    """All hosts, in a mixed order: the first ones to come get the first jobs."""
    places = [(group, index) for group in fleet.groups for index in range(group.number)]
    drawn = [(Stream(f"{seed} fleet {number}"), group, index) for number, (group, index) in enumerate(places)]
    mixed = sorted((chance.random(), number) for number, (chance, _, _) in enumerate(drawn))
    return tuple(_host(group, index, chance) for chance, group, index in (drawn[number] for _, number in mixed))


def _host(group: Group, index: int, chance: Stream) -> HostSpec:
    os_name, vendor, model = SYSTEMS[group.platform]
    vendor, model = group.processor or (vendor, model)
    availability = group.trace[index % len(group.trace)] if group.trace else group.availability
    return HostSpec(
        platforms=(group.platform,),
        os_name=os_name,
        p_vendor=vendor,
        p_model=model,
        ncpus=max(1, round(group.ncpus(chance))),
        speed=max(LEAST_SPEED, group.speed(chance)),
        faults=group.faults,
        availability=availability,
        life=group.life,
        detaches=group.detaches,
        profile=group.profile or default_profile(group.platform),
    )


def scaled(fleet: Fleet, number: int) -> Fleet:
    """The same mix with so many hosts, by largest remainders: a group of few may be left out of a small fleet.

    >>> from .schema import parse
    >>> fleet = parse("[[hosts]]\\nnumber = 90\\n[[hosts]]\\nnumber = 10\\nwrong = 1.0", "a.toml")
    >>> [group.number for group in scaled(fleet, 25).groups]
    [23, 2]
    """
    exact = [group.number * number / fleet.number for group in fleet.groups]
    counts = [int(each) for each in exact]
    for place in _largest([each - int(each) for each in exact])[: number - sum(counts)]:
        counts[place] += 1
    return replace(fleet, groups=tuple(replace(group, number=count) for group, count in zip(fleet.groups, counts, strict=True)))


def _largest(values: Sequence[float]) -> list[int]:
    return sorted(range(len(values)), key=lambda place: (-values[place], place))
