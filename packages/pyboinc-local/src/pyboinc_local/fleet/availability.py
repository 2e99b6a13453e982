"""When a host computes: sessions in which it is on, one after the other, for ever. Pure.

A host that is off does nothing: its jobs stand still and go on in the next session, as they do after a checkpoint.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..model_time import Chance, Distribution

NEVER = float("inf")
CYCLES = 8  # of on and off before a simulation begins, so that hosts are not all at the beginning of a session

Interval = tuple[float, float]
"""From when until when a host is on, in seconds of the simulation."""


class Availability(Protocol):
    """How a host's sessions come about."""

    def intervals(self, start: float, chance: Chance) -> Iterator[Interval]:
        """For a host that is there from `start` on: without end, in order, not overlapping, each longer than 0."""


ON, OFF, ANY = "on", "off", "any"


@dataclass(frozen=True)
class OnOff:
    """On for so many seconds, off for so many, and again.

    begin: "on" or "off": a new host is at the beginning of that; "any": anywhere.
    """

    on: Distribution
    off: Distribution
    begin: str = ANY

    def intervals(self, start: float, chance: Chance) -> Iterator[Interval]:
        time = start
        if self.begin == ANY:
            time -= chance.random() * CYCLES * (self.on.typical + self.off.typical)
        elif self.begin == OFF:
            time += self.off(chance)
        while True:
            end = time + self.on(chance)
            if end > max(start, time):
                yield max(start, time), end
            time = end + self.off(chance)


@dataclass(frozen=True)
class Recorded:
    """As a real host was, over and over again. sessions: from 0 on.  length: seconds until it begins anew."""

    sessions: tuple[Interval, ...]
    length: float

    def intervals(self, start: float, chance: Chance) -> Iterator[Interval]:
        shift = start
        while True:
            for begin, end in self.sessions:
                yield shift + begin, shift + end
            shift += self.length


class Sessions:
    """A host's sessions, as far as they are known. `now` never goes back from one question to the next."""

    __slots__ = ("_known", "_more")

    def __init__(self, intervals: Iterator[Interval]) -> None:
        self._more = intervals
        self._known: deque[Interval] = deque()

    def next_on(self, now: float, time: float) -> float:
        """The first moment, not before `time`, when the host is on. now: what it was before may be forgotten."""
        self._forget(now)
        known = self._known
        number = 0
        while known[number][1] <= time:
            number += 1
            if number == len(known):
                known.append(next(self._more))
        return max(time, known[number][0])

    def done(self, now: float, seconds: float, until: float) -> float:
        """When the host will have computed so many seconds, if it begins now; NEVER if that is after `until`."""
        self._forget(now)
        known = self._known
        number = 0
        while True:
            if number == len(known):
                known.append(next(self._more))
            start, end = known[number]
            if start > until:
                return NEVER
            if start < now:
                start = now
            if seconds <= end - start:
                return start + seconds
            seconds -= end - start
            number += 1

    def _forget(self, now: float) -> None:
        known, more = self._known, self._more
        while known and known[0][1] <= now:
            known.popleft()
        while not known:
            interval = next(more)
            if interval[1] > now:
                known.append(interval)


NODE, EVENT, START, STOP = 2, 5, 6, 7
"""Columns of the Failure Trace Archive's event_trace.tab that count here."""


def read_trace(lines: Sequence[str]) -> list[Recorded]:
    """Hosts of a trace in the Failure Trace Archive's tab format, `event_trace.tab`, in the order in which they appear.

    Its columns: event_id, component_id, node_id, platform_id, node_name, event_type (1: available, 0: not), event_start_time,
    event_stop_time (seconds), and more; the first line, and others that begin with #, are titles
    (D. Kondo, B. Javadi, A. Iosup, D. Epema, "The Failure Trace Archive", CCGrid 2010; fta.scem.uws.edu.au, FTAFormat).
    Time 0 is the first event of the whole file. Raises ValueError that names the line.
    """
    nodes: dict[str, list[Interval]] = {}
    first, last = NEVER, -NEVER
    for number, line in enumerate(lines, 1):
        words = line.split("\t") if "\t" in line else line.split()
        if not line.strip() or line.startswith("#") or (number == 1 and not words[0].strip().isdigit()):
            continue
        try:
            node, event, start, stop = words[NODE].strip(), int(words[EVENT]), float(words[START]), float(words[STOP])
        except (IndexError, ValueError):
            raise ValueError(
                f"line {number}: must have node_id, event_type, event_start_time and event_stop_time in columns 3, 6, 7 and 8"
            ) from None
        if not -NEVER < start <= stop < NEVER:
            raise ValueError(f"line {number}: event_stop_time {stop:g} must not lie before event_start_time {start:g}")
        first, last = min(first, start), max(last, stop)
        sessions = nodes.setdefault(node, [])
        if event == 1 and stop > start:
            sessions.append((start, stop))
    return _hosts(nodes, first, last)


def _hosts(nodes: Mapping[str, list[Interval]], first: float, last: float) -> list[Recorded]:
    """Nodes that were ever on, from time 0, with what overlaps put together."""
    hosts = []
    for sessions in nodes.values():
        joined: list[Interval] = []
        for start, stop in sorted(sessions):
            if joined and start - first <= joined[-1][1]:
                joined[-1] = joined[-1][0], max(joined[-1][1], stop - first)
            else:
                joined.append((start - first, stop - first))
        if joined:
            hosts.append(Recorded(tuple(joined), last - first))
    if not hosts:
        raise ValueError("no node is ever available (event_type 1)")
    return hosts
