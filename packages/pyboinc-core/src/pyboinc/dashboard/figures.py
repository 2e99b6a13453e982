"""What there is to see of a batch. Pure: what its files tell in, `Figures` out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log2
from typing import NamedTuple

from ..forecast import Arrival, Forecast, forecast
from ..model import Outcome, Record, ResultCount, ResultSummary, parse_job_name
from ..overview import Counts, Failure, Ledger, Overview, groups
from ..states import IN_PROGRESS, INVALID, OVER, TOO_LATE, VALID

ACCEPTED, WRONG, LATE = "accepted", "found wrong", "too late to be compared"
UNDER_WAY, WAITING = "on a host", "not sent yet"
OUTCOMES = {
    Outcome.SUCCESS: "not compared",
    Outcome.COULDNT_SEND: "could not be sent",
    Outcome.CLIENT_ERROR: "failed",
    Outcome.NO_REPLY: "never came",
    Outcome.DIDNT_NEED: "not needed",
    Outcome.VALIDATE_ERROR: "could not be read",
    Outcome.CLIENT_DETACHED: "host left",
}
CHECKED = {VALID: ACCEPTED, INVALID: WRONG, TOO_LATE: LATE}
ORDER = (ACCEPTED, WRONG, *OUTCOMES.values(), LATE, "unknown", UNDER_WAY, WAITING)
SHORTEST = -4  # power of two, in seconds, of the first class of computing times


class Told(NamedTuple):
    """What one record tells. results: host and what became of each result that it speaks of.  elapsed: seconds, 0 if unknown."""

    first: str
    attempt: int
    accepted: bool
    elapsed: float
    results: tuple[tuple[str, str], ...]


class Histogram(NamedTuple):
    """Numbers in classes of time that double, from `2**first` seconds on."""

    first: int
    counts: Sequence[int]


@dataclass(frozen=True)
class Heading:
    """What the checkpoint tells. changed: seconds since 1970, None if nothing has happened."""

    batch: int
    folder: str
    state: str
    backend: str
    project: str
    changed: float | None


@dataclass(frozen=True)
class Figures:
    """What the page shows.

    done: seconds since the first arrival, and calls done by then.  outcomes: what became of the results that are told of.
    hosts: the same by host, those with the most trouble first.  computing: jobs by the time that their result took.
    platforms: what became of all results, by the platform of their host, as the project knows it; None if it does not say, and
    `silence` may say why.  turnaround: results by the time from being sent to being back.
    """

    heading: Heading
    calls: Counts
    slaves: Mapping[str, Counts]
    done: Sequence[tuple[float, float]]
    forecast: Forecast | None
    outcomes: Mapping[str, int]
    hosts: Mapping[str, Mapping[str, int]]
    computing: Histogram
    platforms: Mapping[str, Mapping[str, int]] | None
    turnaround: Histogram
    silence: str
    failures: Sequence[Sequence[Failure]]


def told(record: Record) -> Told | None:
    """None if it is of no job of PyBOINC's."""
    parsed = parse_job_name(record.job)
    if parsed is None:
        return None
    results = tuple((each.host or "a host", became(each)) for each in record.results)
    return Told(parsed[2], parsed[3], record.output is not None, record.elapsed, results)


def became(result: ResultSummary | ResultCount) -> str:
    """What became of a result that is over, in words."""
    if result.outcome == Outcome.SUCCESS and result.validate_state in CHECKED:
        return CHECKED[result.validate_state]
    known = result.outcome in set(Outcome)
    return OUTCOMES.get(Outcome(result.outcome), "unknown") if known else "unknown"


def figures(
    heading: Heading,
    found: Overview,
    ledger: Ledger,
    files: Iterable[tuple[float, Sequence[Told]]],
    now: float,
    results: Sequence[ResultCount] | None = None,
    silence: str = "",
) -> Figures:
    """files: for each result file when it arrived and what its records tell.  now: seconds since 1970.

    results: what the project says of them, None if it does not.  silence: why not.
    """
    arrivals, outcomes, hosts, elapsed = [], Counter[str](), dict[str, Counter[str]](), []
    for time, records in sorted(files, key=lambda each: each[0]):
        calls = 0
        for each in records:
            job = ledger.jobs.get(each.first)
            if job is None or job.attempt != each.attempt:
                continue
            calls += len(job.positions)
            if each.accepted:
                outcomes[ACCEPTED] += 1
                elapsed.append(each.elapsed)
            for host, what in each.results:
                outcomes[what] += 1
                hosts.setdefault(host, Counter())[what] += 1
        if calls:
            arrivals.append(Arrival(time, calls))
    running = heading.state == "running"
    by_trouble = sorted(hosts.items(), key=lambda each: each[1].total(), reverse=True)
    return Figures(
        heading=heading,
        calls=found.calls,
        slaves=found.slaves,
        done=_done(arrivals, now if running else None),
        forecast=forecast(arrivals, found.calls.in_progress, now) if running else None,
        outcomes=dict(outcomes.most_common()),
        hosts=dict(by_trouble),
        computing=histogram(Counter(max(SHORTEST, floor(log2(each))) for each in elapsed if each > 0)),
        platforms=None if results is None else by_platform(results),
        turnaround=turnaround(results or ()),
        silence=silence,
        failures=groups(found.failures),
    )


def _done(arrivals: Sequence[Arrival], now: float | None) -> list[tuple[float, float]]:
    """The calls done over time, in steps; up to now if it goes on."""
    points: list[tuple[float, float]] = []
    done = 0
    for each in arrivals:
        since = each.time - arrivals[0].time
        points += [(since, float(done)), (since, float(done + each.calls))]
        done += each.calls
    if points and now is not None:
        points.append((max(points[-1][0], now - arrivals[0].time), float(done)))
    return points


def by_platform(results: Iterable[ResultCount]) -> dict[str, dict[str, int]]:
    """What became of results, by platform: the one with the most of them first.

    >>> by_platform([ResultCount("linux", 5, 1, 1, 7, 4), ResultCount("linux", 4, 0, 0, None, 1), ResultCount("", 2, 0, 0, None, 9)])
    {'linux': {'accepted': 4, 'on a host': 1}, '': {'not sent yet': 9}}
    """
    found: dict[str, Counter[str]] = {}
    for each in results:
        unfinished = UNDER_WAY if each.server_state == IN_PROGRESS else WAITING
        found.setdefault(each.platform, Counter())[became(each) if each.server_state == OVER else unfinished] += each.number
    ranked = sorted(found.items(), key=lambda each: (not each[0], -each[1].total(), each[0]))
    return {platform: {what: counts[what] for what in ORDER if counts[what]} for platform, counts in ranked}


def turnaround(results: Iterable[ResultCount]) -> Histogram:
    """Of the results that came back with an output."""
    counted = Counter[int]()
    for each in results:
        if each.turnaround is not None and each.outcome in (Outcome.SUCCESS, Outcome.VALIDATE_ERROR):
            counted[max(SHORTEST, each.turnaround)] += each.number
    return histogram(counted)


def histogram(counted: Mapping[int, int]) -> Histogram:
    """Of numbers by the power of two of seconds.

    >>> histogram({-2: 1, 0: 2, 2: 1})
    Histogram(first=-2, counts=[1, 0, 2, 0, 1])
    """
    if not counted:
        return Histogram(0, [])
    return Histogram(min(counted), [counted.get(power, 0) for power in range(min(counted), max(counted) + 1)])


def median(found: Histogram) -> int:
    """The class that holds the one in the middle, counted from the first.

    >>> median(Histogram(3, [5, 1, 1]))
    0
    """
    half, total = sum(found.counts) / 2, 0
    for place, count in enumerate(found.counts):
        total += count
        if total >= half:
            return place
    return 0


def edges(found: Histogram) -> list[str]:
    """The names of the edges of its classes.

    >>> edges(Histogram(-2, [1, 0, 1])), edges(Histogram(6, [1]))
    (['0.25 s', '0.5 s', '1 s', '2 s'], ['1.1 min', '2.1 min'])
    """
    return [_short(2.0**power) for power in range(found.first, found.first + len(found.counts) + 1)]


def _short(seconds: float) -> str:
    for size, name in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.2g} {name}" if seconds < 10 * size else f"{ceil(seconds / size)} {name}"
    return f"{seconds:.2g} s"
