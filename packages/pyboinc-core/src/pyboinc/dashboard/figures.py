"""What there is to see of a batch. Pure: what its files tell in, `Figures` out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log2
from typing import NamedTuple

from ..forecast import Arrival, Forecast, forecast
from ..model import Outcome, Record, ResultSummary, parse_job_name
from ..overview import Counts, Failure, Ledger, Overview, groups

ACCEPTED, WRONG = "accepted", "found wrong"
INVALID = 2  # BOINC's validate_state
OUTCOMES = {
    Outcome.SUCCESS: "not compared",
    Outcome.COULDNT_SEND: "could not be sent",
    Outcome.CLIENT_ERROR: "failed",
    Outcome.NO_REPLY: "never came",
    Outcome.DIDNT_NEED: "not needed",
    Outcome.VALIDATE_ERROR: "could not be read",
    Outcome.CLIENT_DETACHED: "host left",
}
SHORTEST = -4  # power of two, in seconds, of the first class of computing times


class Told(NamedTuple):
    """What one record tells. results: host and what became of each result that it speaks of.  elapsed: seconds, 0 if unknown."""

    first: str
    attempt: int
    accepted: bool
    elapsed: float
    results: tuple[tuple[str, str], ...]


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
    hosts: the same by host, those with the most trouble first.  times: jobs by computing time, in classes that double, from
    `2**first_time` seconds on.
    """

    heading: Heading
    calls: Counts
    slaves: Mapping[str, Counts]
    done: Sequence[tuple[float, float]]
    forecast: Forecast | None
    outcomes: Mapping[str, int]
    hosts: Mapping[str, Mapping[str, int]]
    first_time: int
    times: Sequence[int]
    failures: Sequence[Sequence[Failure]]


def told(record: Record) -> Told | None:
    """None if it is of no job of PyBOINC's."""
    parsed = parse_job_name(record.job)
    if parsed is None:
        return None
    results = tuple((each.host or "a host", became(each)) for each in record.results)
    return Told(parsed[2], parsed[3], record.output is not None, record.elapsed, results)


def became(result: ResultSummary) -> str:
    """What became of a result, in words."""
    if result.outcome == Outcome.SUCCESS and result.validate_state == INVALID:
        return WRONG
    known = result.outcome in set(Outcome)
    return OUTCOMES.get(Outcome(result.outcome), "unknown") if known else "unknown"


def figures(heading: Heading, found: Overview, ledger: Ledger, files: Iterable[tuple[float, Sequence[Told]]], now: float) -> Figures:
    """files: for each result file when it arrived and what its records tell.  now: seconds since 1970."""
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
    first, times = classes([each for each in elapsed if each > 0])
    return Figures(
        heading=heading,
        calls=found.calls,
        slaves=found.slaves,
        done=_done(arrivals, now if running else None),
        forecast=forecast(arrivals, found.calls.in_progress, now) if running else None,
        outcomes=dict(outcomes.most_common()),
        hosts=dict(by_trouble),
        first_time=first,
        times=times,
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


def classes(seconds: Sequence[float]) -> tuple[int, list[int]]:
    """The power of two at which the first class begins, and how many are in each class.

    >>> classes([0.3, 1.0, 1.5, 5.0])
    (-2, [1, 0, 2, 0, 1])
    """
    if not seconds:
        return 0, []
    powers = [max(SHORTEST, floor(log2(each))) for each in seconds]
    counted = Counter(powers)
    return min(powers), [counted[power] for power in range(min(powers), max(powers) + 1)]


def edges(first: int, count: int) -> list[str]:
    """The names of the edges of so many classes.

    >>> edges(-2, 3), edges(6, 1)
    (['0.25 s', '0.5 s', '1 s', '2 s'], ['1.1 min', '2.1 min'])
    """
    return [_short(2.0**power) for power in range(first, first + count + 1)]


def _short(seconds: float) -> str:
    for size, name in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.2g} {name}" if seconds < 10 * size else f"{ceil(seconds / size)} {name}"
    return f"{seconds:.2g} s"
