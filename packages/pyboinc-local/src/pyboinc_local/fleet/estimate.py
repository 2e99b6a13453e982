"""When will a program be done on a fleet? From the time of a sample of its jobs, by simulations in which nothing runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..model_time import Chance
from ..project import Answer, ProjectError, Submit
from ..server.rows import DAY, Result, Workunit
from ..simulation import Model, Volunteer
from ..stage import Setup
from .availability import NEVER
from .hosts import hosts as hosts_of
from .hosts import scaled
from .schema import Fleet
from .study import play
from .tally import percentile
from .tell import span

THIS_COMPUTER = 4.0  # speed of a processor of today, where nothing else is said: BOINC's benchmark, in 1e9 operations a second
WEEK = 7 * DAY
MOST_JOBS = 5_000  # simulated at once; more, and jobs and hosts are both taken in proportion
FEWEST_HOSTS = 50  # ... but not fewer than these
NEARLY = 0.99  # of the jobs


@dataclass(frozen=True)
class Sample:
    """Seconds that some of a program's jobs took on this computer, and how many jobs there are."""

    seconds: tuple[float, ...]
    jobs: int
    setup: Setup


@dataclass(frozen=True)
class Times:
    """One of the sampled times, as they would be at speed 1."""

    seconds: Sequence[float]

    @property
    def typical(self) -> float:
        return percentile(self.seconds, 0.5)

    def __call__(self, random: Chance) -> float:
        return self.seconds[int(random.random() * len(self.seconds))]


class _Job(NamedTuple):
    name: str


@dataclass(frozen=True)
class Estimate:
    """When the batch is done, over some seeds, in seconds.

    nearly: when all but one job in a hundred were.  week, nearly_week: how many hosts are done, or nearly, in a week; None if
    no number is.  scale: how many times fewer jobs and hosts were simulated.
    """

    fleet: str
    hosts: int
    sample: Sample
    speed: float
    done: tuple[float, ...]
    nearly: tuple[float, ...]
    failed: tuple[int, ...]
    week: int | None
    nearly_week: int | None
    scale: int

    def json(self) -> dict[str, object]:
        return {
            "fleet": self.fleet,
            "hosts": self.hosts,
            "jobs": self.sample.jobs,
            "sampled": len(self.sample.seconds),
            "seconds_of_a_job_here": {share: percentile(self.sample.seconds, share / 100) for share in (10, 50, 90)},
            "speed_of_this_computer": self.speed,
            "done_seconds": {"median": percentile(self.done, 0.5), "least": min(self.done), "most": max(self.done)},
            "nearly_done_seconds": {"median": percentile(self.nearly, 0.5), "least": min(self.nearly), "most": max(self.nearly)},
            "jobs_failed": {"median": percentile(self.failed, 0.5), "most": max(self.failed)},
            "simulations": len(self.done),
            "scale": self.scale,
            "hosts_for_a_week": self.week,
            "hosts_for_nearly_all_in_a_week": self.nearly_week,
        }

    def lines(self) -> Iterator[str]:
        least, middle, most = (percentile(self.sample.seconds, share) for share in (0.1, 0.5, 0.9))
        yield f"{self.sample.jobs:,} jobs; {len(self.sample.seconds)} took {middle:.3g} s here, most {least:.3g} to {most:.3g} s"
        yield f"this computer counts as a host of speed {self.speed:g}; --speed says otherwise"
        spread = f"{span(min(self.done))} to {span(max(self.done))} in {len(self.done)} simulations"
        yield f"done on {self.hosts:,} hosts of {self.fleet} in {span(percentile(self.done, 0.5))}: {spread}"
        yield f"99 % of it in {span(percentile(self.nearly, 0.5))}; the rest waits for slow hosts, and for deadlines of lost results"
        if any(self.failed):
            yield f"{percentile(self.failed, 0.5):.0f} jobs fail, at most {max(self.failed)}: see pyboinc simulate"
        if self.week is not None:
            yield f"for a week: {self.week:,} such hosts"
        else:
            if self.nearly_week is not None:
                yield f"for 99 % in a week: {self.nearly_week:,} such hosts"
            deadline = span(self.sample.setup.settings.deadline)
            yield f"for all in a week: no number of hosts; lost results are missed only after their deadline, {deadline}: make it shorter"
        if self.scale > 1:
            yield f"(simulated with jobs and hosts divided by {self.scale})"


def estimate(sample: Sample, fleet: Fleet, number: int | None, seed: int, seeds: int, speed: float) -> Estimate:
    """speed: of this computer, on which the sample ran."""
    number = number or fleet.number
    times = Times([max(each, 1e-6) * speed for each in sample.seconds])
    done, nearly, failed, scales = zip(*(_run(sample, fleet, number, times, each) for each in range(seed, seed + seeds)), strict=True)

    def hosts_for(which: int, now: float) -> int | None:
        most = 4 * sample.jobs * sample.setup.settings.target_nresults  # as many as there are results, and some that are off
        guess = round(number * now / WEEK) if now < NEVER else number
        return _fewest(lambda hosts: _run(sample, fleet, hosts, times, seed, WEEK)[which] <= WEEK, guess, most)

    week = hosts_for(0, percentile(done, 0.5))
    nearly_week = week or hosts_for(1, percentile(nearly, 0.5))
    return Estimate(fleet.name, number, sample, speed, done, nearly, failed, week, nearly_week, max(scales))


def _run(sample: Sample, fleet: Fleet, number: int, times: Times, seed: int, until: float = NEVER) -> tuple[float, float, int, int]:
    """When all is done, when all but one in a hundred, how many jobs failed, and how many times less there was of everything.

    until: what is done later counts as never.
    """
    scale = max(1, min(sample.jobs // MOST_JOBS, number // FEWEST_HOSTS))
    setup = replace(sample.setup, hosts=hosts_of(scaled(fleet, number // scale), seed), seed=seed)

    def run(volunteer: Volunteer, wu: Workunit, result: Result) -> Answer:
        return Answer(times(volunteer.chance) / volunteer.speed, 0, Model.TOKEN)

    played = play(setup, run, read=Model.read)
    jobs = max(1, sample.jobs // scale)
    played.simulation.handle(Submit(played.batch, [_Job(f"{each}") for each in range(jobs)]))
    try:
        played.simulation.run(until=until)
    except ProjectError:  # it does not end
        return NEVER, NEVER, sample.jobs, scale
    tally = played.tally
    most = max(1, int(NEARLY * jobs))
    nearly = sorted(tally.ended)[most - 1] if len(tally.ended) >= most else NEVER
    return NEVER if played.simulation.project.open else tally.last, nearly, len(tally.failed) * scale, scale


def _fewest(enough: Callable[[int], bool], guess: int, most: int) -> int | None:
    """The least number that is enough, to 5 %; None if `most` is not. Larger numbers are taken to be no worse.

    >>> _fewest(lambda hosts: hosts >= 7, 100, 1000), _fewest(lambda hosts: hosts >= 7, 1, 6)
    (7, None)
    """
    few, many = 0, min(max(1, guess), most)
    while not enough(many):
        if many == most:
            return None
        few, many = many, min(most, 2 * many)
    if few == 0:  # the guess is enough: how far down?
        few = many // 2
        while few and enough(few):
            few, many = few // 2, few
    while many - few > max(1, many // 20):
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many
