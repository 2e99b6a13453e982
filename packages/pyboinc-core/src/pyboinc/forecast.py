"""When will a batch be done? Pure: when results arrived in, how long it will take and how sure that is out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import sqrt
from statistics import mean, variance
from typing import NamedTuple

BLOCKS = 8
STUDENT = 1.895  # 95th percentile of Student's t with BLOCKS - 1 degrees of freedom
RECENT = 0.5  # of what arrived: the part from which the speed is taken


class Arrival(NamedTuple):
    """A result file. time: seconds since 1970.  calls (int): how many calls are done by it."""

    time: float
    calls: int


@dataclass(frozen=True)
class Forecast:
    """left: seconds.  low, high: with 90 percent probability it takes no less and no more.  rate: calls in a second, of late."""

    left: float
    low: float
    high: float
    rate: float


def forecast(arrivals: Sequence[Arrival], remaining: int, now: float) -> Forecast | None:
    """How long the remaining calls take, if they arrive as those of the recent half did. None if that is too few to tell.

    arrivals: in order of time.  The recent calls are cut into eight blocks of one size; if the times that blocks take are
    independent and have one distribution, the remaining ones take their mean, give or take the spread of what is to come
    and the error of the mean itself. Time without an arrival until now counts for the last block.

    >>> steady = [Arrival(10.0 * i, 1) for i in range(101)]
    >>> forecast(steady, 30, 1000.0)
    Forecast(left=300.0, low=300.0, high=300.0, rate=0.1)
    >>> forecast(steady[:5], 30, 40.0) is None
    True
    """
    sums = list(accumulate(each.calls for each in arrivals))
    if not sums or remaining <= 0:
        return None
    first = next(index for index, done in enumerate(sums) if done >= sums[-1] * (1.0 - RECENT))
    size = (sums[-1] - sums[first]) / BLOCKS
    if size < 1 or len(arrivals) - first <= BLOCKS:
        return None
    ends = [_time_of(arrivals, sums, sums[first] + size * number) for number in range(BLOCKS + 1)]
    ends[-1] = max(ends[-1], now)
    times = [after - before for before, after in pairwise(ends)]
    typical, blocks = mean(times), remaining / size
    if typical <= 0:
        return None
    spread = STUDENT * sqrt(variance(times) * (blocks + blocks * blocks / BLOCKS))
    left = blocks * typical
    return Forecast(left, max(0.0, left - spread), left + spread, size / typical)


def _time_of(arrivals: Sequence[Arrival], sums: Sequence[int], done: float) -> float:
    """When so many calls were done, interpolated."""
    index = min(bisect_left(sums, done), len(sums) - 1)
    if index == 0:
        return arrivals[0].time
    before, after = arrivals[index - 1].time, arrivals[index].time
    return before + (after - before) * min(1.0, (done - sums[index - 1]) / (sums[index] - sums[index - 1]))


def duration(seconds: float) -> str:
    """
    >>> duration(4), duration(250), duration(8000), duration(400000)
    ('4 s', '4 min', '2.2 h', '4.6 days')
    """
    for below, unit, name, digits in ((120.0, 1.0, "s", 0), (7200.0, 60.0, "min", 0), (172800.0, 3600.0, "h", 1)):
        if seconds < below:
            return f"{seconds / unit:.{digits}f} {name}"
    return f"{seconds / 86400.0:.1f} days"


def told(found: Forecast) -> str:
    """In words.

    >>> told(Forecast(600.0, 480.0, 720.0, 0.1))
    'about 10 min left (8 min to 12 min)'
    """
    return f"about {duration(found.left)} left ({duration(found.low)} to {duration(found.high)})"
