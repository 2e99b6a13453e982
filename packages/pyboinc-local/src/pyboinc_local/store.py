"""The project's rows in memory, with the indexes that spare every scan. No decisions are made here.

Finished workunits move to the archive, some 30 bytes each. A MySQL database offers the same with its own indexes.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from operator import neg
from typing import NamedTuple

from pyboinc.states import UNSENT

from .server.rows import Result, Workunit


class Lane:
    """Unsent results that the same hosts can take, those of older workunits first.

    Entries may be stale, as is_stale says: then they are passed over. Fresh work comes in order and waits
    in a deque; what is made again for an older workunit waits in a small heap.
    """

    __slots__ = ("_again", "_is_stale", "_line")

    def __init__(self, is_stale: Callable[[Result], bool]) -> None:
        self._line: deque[Result] = deque()
        self._again: list[tuple[int, int, Result]] = []
        self._is_stale = is_stale

    def add(self, result: Result) -> None:
        line = self._line
        if not line or result.workunitid >= line[-1].workunitid:
            line.append(result)
        else:
            heappush(self._again, (result.workunitid, result.id, result))

    def head(self) -> Result | None:
        """The first result."""
        line, again, is_stale = self._line, self._again, self._is_stale
        while line and is_stale(line[0]):
            line.popleft()
        while again and is_stale(again[0][2]):
            heappop(again)
        if again and not (line and line[0].workunitid <= again[0][0]):
            return again[0][2]
        return line[0] if line else None

    def pop(self) -> Result | None:
        """Take the first result."""
        result = self.head()
        if result is not None:
            if self._line and self._line[0] is result:
                self._line.popleft()
            else:
                heappop(self._again)
        return result

    def take(self, acceptable: Callable[[Result], bool], limit: int) -> Result | None:
        """Take the first acceptable result among the first `limit`."""
        passed: list[Result] = []
        taken = None
        while len(passed) < limit and (result := self.pop()) is not None:
            if acceptable(result):
                taken = result
                break
            passed.append(result)
        for result in reversed(passed):
            self._put_back(result)
        return taken

    def _put_back(self, result: Result) -> None:
        if not self._line or result.workunitid <= self._line[0].workunitid:
            self._line.appendleft(result)
        else:
            heappush(self._again, (result.workunitid, result.id, result))


class LaneKey(NamedTuple):
    appid: int
    app_version_num: int


Level = dict[LaneKey, dict[int, Lane]]  # of one priority: by key and HR class


class Unsent:
    """The feeder's queue (`sched/feeder.cpp`): unsent results by priority, then by who can take them."""

    def __init__(self, workunits: dict[int, Workunit]) -> None:
        self._workunits = workunits
        self._levels: dict[int, Level] = {}
        self._priorities: list[int] = []
        self.count = 0

    def add(self, result: Result, wu: Workunit) -> None:
        """A new result."""
        self.count += 1
        self.file(result, wu)

    def file(self, result: Result, wu: Workunit) -> None:
        """Put it where its workunit's HR class belongs; where it was before it is stale."""
        level = self._levels.get(result.priority)
        if level is None:
            level = self._levels[result.priority] = {}
            self._priorities = sorted(self._levels, key=neg)
        key = LaneKey(wu.appid, wu.app_version_num)
        classes = level.get(key)
        if classes is None:
            classes = level[key] = {}
        lane = classes.get(wu.hr_class)
        if lane is None:
            lane = classes[wu.hr_class] = Lane(self._stale_in(wu.hr_class))
        lane.add(result)

    def levels(self) -> Iterator[Level]:
        """Highest priority first."""
        return map(self._levels.__getitem__, self._priorities)

    def _stale_in(self, hr_class: int) -> Callable[[Result], bool]:
        workunits = self._workunits
        return lambda result: result.server_state != UNSENT or workunits[result.workunitid].hr_class != hr_class


class Alarms:
    """When to look at which workunit: a heap in which a workunit waits for its earliest time only.

    wu.wake_time is the time for which it waits here.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []

    def set(self, wu: Workunit) -> None:
        """Wake it once its transition_time lies in the past: like BOINC's, the clock that decides has whole seconds."""
        time = wu.transition_time + 1.0
        if time < wu.wake_time:
            wu.wake_time = time
            heappush(self._heap, (time, wu.id))

    def next(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def due(self, now: float, workunits: dict[int, Workunit]) -> Workunit | None:
        """Take the next workunit whose time has come."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            time, number = heappop(heap)
            wu = workunits.get(number)
            if wu is None or wu.wake_time != time:
                continue
            wu.wake_time = float("inf")
            if wu.transition_time < now:
                return wu
            self.set(wu)
        return None


class Archived(NamedTuple):
    """What remains of a purged workunit. canonical_host: 0 if it failed.  times: seconds."""

    id: int
    error_mask: int
    results: int
    canonical_host: int
    create_time: float
    end_time: float


class Archive:
    """Purged workunits by position, in columns (db_purge's files)."""

    def __init__(self) -> None:
        self._ids = array("q")
        self._masks = array("B")
        self._counts = array("H")
        self._hosts = array("i")
        self._created = array("d")
        self._ended = array("d")

    def add(self, wu: Workunit, end_time: float) -> None:
        hosts = [result.hostid for result in wu.results if result.id == wu.canonical_resultid]
        self._ids.append(wu.id)
        self._masks.append(wu.error_mask)
        self._counts.append(min(len(wu.results), 65535))
        self._hosts.append(hosts[0] if hosts else 0)
        self._created.append(wu.create_time)
        self._ended.append(end_time)

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[Archived]:
        return map(Archived, self._ids, self._masks, self._counts, self._hosts, self._created, self._ended)
