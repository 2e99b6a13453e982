"""What `pyboinc simulate` learns from one run of a program: its figures, and what other settings would have done.

The slaves run once. What they returned is kept, so that the same jobs can go to the same volunteers again under other
settings, without the program. A job that a handler made is sent when the job whose result it was handling is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pyboinc.errors import DecodeError
from pyboinc.model import Job, siblings
from pyboinc_validator import comparators
from pyboinc_validator.comparators import Comparator

from ..eventlog import EventLog
from ..model_time import Distribution
from ..project import Answer, ProjectError, Read, Submit
from ..server.rows import Result, Workunit
from ..simulation import Runner, Running, Simulation, Volunteer
from ..stage import Setup, simulation
from .tally import Tally, percentile

Start = Callable[[Volunteer, Workunit], Callable[[], Answer]]
"""Starts a job on a volunteer; what is returned waits for the answer, whose elapsed_time does not count."""

DEADLINE_SHARE, DEADLINE_ROOM = 0.95, 1.5
"""A deadline worth trying: what so many results needed, and half as long again."""
WORTH = 0.05  # a change of time or of results by less than this part is no reason for other settings
TOLERANCE = 1e-9


def play(setup: Setup, run: Runner, log: EventLog | None = None, read: Read | None = None) -> Played:
    """A simulation that counts, ready for jobs."""
    tally = Tally(_same(setup.comparator), log)
    made, batch = simulation(setup, run, tally, read)
    tally.watch(made)
    return Played(made, tally, batch)


@dataclass(frozen=True)
class Played:
    """A simulation, its numbers, and its batch's."""

    simulation: Simulation
    tally: Tally
    batch: int


class Study:
    """One run of a program on simulated volunteers. times: of a job on a host of speed 1, or of a call if per_call."""

    def __init__(self, setup: Setup, times: Distribution, start: Start, log: EventLog | None = None, per_call: bool = False) -> None:
        self.setup = setup
        self.jobs: list[Job] = []
        self._times = times
        self._per_call = per_call
        self._start = start
        self.played = play(setup, self._run, log)

    def _run(self, volunteer: Volunteer, wu: Workunit, result: Result) -> Running:
        seconds = self._times(volunteer.chance) / volunteer.speed
        if self._per_call and isinstance(wu.job, Job):
            seconds *= wu.job.count
        return Running(seconds, self._start(volunteer, wu))

    def again(self, setup: Setup) -> Tally:
        """The same jobs on the same volunteers, with another setup. Raises ProjectError if they can't all be ended."""
        played = play(setup, self._run)
        calls = {job.name: siblings(job.first, job.count) for job in self.jobs}
        waiting: dict[str, list[Job]] = {}
        for job in self.jobs:
            waiting.setdefault(job.first.rpartition(".")[0], []).append(job)
        again = played.simulation
        again.handle(Submit(played.batch, waiting.pop("", [])))
        while deliveries := again.advance():
            for each in deliveries:
                for position in calls[each.record.job]:
                    again.handle(Submit(played.batch, waiting.pop(position, [])))
        return played.tally


@dataclass(frozen=True)
class Trial:
    """Other settings, and what they did. tally: None if the batch did not come to its end.

    verdict: begins with "better" or "worse" if nothing speaks against it, or for it.
    """

    change: str
    why_not: str
    tally: Tally | None
    verdict: str


def trials(study: Study) -> list[Trial]:
    """Other settings, tried on the same volunteers and jobs; those that are better come first."""
    base = study.played.tally
    made = []
    for change, setup in _alternatives(study.setup, base):
        try:
            tally = study.again(setup)
        except ProjectError as error:
            made.append(Trial(change, str(error), None, "does not end"))
        else:
            made.append(Trial(change, "", tally, verdict(base, tally, _checks(setup) - _checks(study.setup))))
    return sorted(made, key=lambda each: not each.verdict.startswith("better"))


def _alternatives(setup: Setup, base: Tally) -> Iterator[tuple[str, Setup]]:
    """What is worth trying: (how it is written in pyboinc.toml, the setup)."""
    settings = setup.settings
    if not settings.own_hosts_only:  # which implies quorum 1
        for quorum in (1, 2, 3):
            if quorum != settings.min_quorum or setup.adaptive > 1:
                yield f"quorum = {quorum}", replace(setup, adaptive=0, settings=replace(settings, quorum=quorum, replication=None))
        if setup.adaptive < 2:
            adaptive = replace(settings, quorum=1, replication=None)
            yield "quorum = 1, adaptive = 2", replace(setup, adaptive=2, settings=adaptive)
    if settings.target_nresults == settings.min_quorum:
        more = settings.min_quorum + 1
        yield f"replication = {more}", replace(setup, settings=replace(settings, replication=more))
    needed = percentile(base.turnaround, DEADLINE_SHARE) * DEADLINE_ROOM
    for deadline in sorted({_round(needed), settings.deadline * 3}):
        if deadline and abs(deadline / settings.deadline - 1) > 0.1:
            longer = replace(settings, deadline=float(deadline))
            yield f"deadline = {deadline:.0f}  # {deadline / 3600:.1f} h", replace(setup, settings=longer)
    if base.split_jobs:
        if setup.comparator.spec == "bitwise":
            spec = f"tolerance:relative={TOLERANCE}"
            yield f'comparator = "{spec}"', replace(setup, comparator=comparators.load(spec, comparators.COMPARATORS))
        for hr in ("coarse", "fine"):
            if setup.hr != hr:
                yield f'hr = "{hr}"', replace(setup, hr=hr)


def _round(seconds: float) -> float:
    """To whole hours, from a minute on to whole minutes."""
    for unit in (3600.0, 60.0):
        if seconds >= 4 * unit:
            return unit * round(seconds / unit)
    return 0.0


def _checks(setup: Setup) -> int:
    """1 if a result is compared with another one before it is believed, at least until its host is trusted."""
    return int(setup.settings.min_quorum > 1 or setup.adaptive > 1)


def verdict(base: Tally, other: Tally, checks: int) -> str:
    """Is the other one better, and why? checks: 1 if only the other one compares results, -1 if it does not and the base did."""
    wrong = other.wrong_accepted - base.wrong_accepted
    failed = len(other.failed) - len(base.failed)
    sooner = other.last / max(base.last, 1.0)
    work = other.results_sent / max(base.results_sent, 1)
    gains = [
        *(["results are checked"] if checks > 0 else []),
        *(["fewer wrong results"] if wrong < 0 else []),
        *(["fewer failed jobs"] if failed < 0 else []),
        *(["sooner"] if sooner < 1 - WORTH else []),
        *(["fewer results sent"] if work < 1 - WORTH else []),
    ]
    losses = [
        *(["nothing is checked"] if checks < 0 else []),
        *(["more wrong results"] if wrong > 0 else []),
        *(["more failed jobs"] if failed > 0 else []),
        *(["later"] if sooner > 1 + WORTH else []),
        *(["more results sent"] if work > 1 + WORTH else []),
    ]
    if gains and losses:
        return f"{', '.join(gains)}; but {', '.join(losses)}"
    if gains:
        return f"better: {', '.join(gains)}"
    return f"worse: {', '.join(losses)}" if losses else "no better"


def _same(comparator: Comparator) -> Callable[[bytes, bytes], bool]:
    def same(one: bytes, other: bytes) -> bool:
        try:
            return comparator.same(comparator.parse(one), comparator.parse(other))
        except DecodeError:
            return False

    return same
