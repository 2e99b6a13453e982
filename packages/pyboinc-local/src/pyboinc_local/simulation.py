"""Virtual time: a project (`project.py`) with simulated volunteers, in an event loop over a heap.

    simulation = Simulation(project, Model(LogNormal(3600.0), seed=1))
    for number in range(5):
        simulation.add_host(HostSpec(speed=2.0, faults=LIAR if number == 3 else NONE))
    simulation.handle(Submit(batch, jobs))          # at any time, also between two calls of advance
    while deliveries := simulation.advance():       # until something is delivered; [] when nothing is left to do
        ...

A host asks for work when it has none for a processor, runs it and reports. One that gets nothing asks again after ten
minutes, then after twice that, up to a day, as BOINC's client does. It does so only while it is on (`fleet/availability.py`);
results may go wrong on it (`fleet/faults.py`); it may leave for good, and another one comes.

The run of a result on a host is a `Runner`: the real slave, or `Model`, which knows only how long things take.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random
from typing import Final, NamedTuple, Protocol

from pyboinc.states import ASSIMILATE_DONE, NO_REPLY
from pyboinc_validator.quorum import Candidate, Check

from .fleet import faults
from .fleet.availability import Availability, Sessions
from .fleet.faults import GOOD, NONE, Fate, Faults
from .model_time import Distribution, RunTime, Stream
from .project import Answer, Deliver, Detach, Event, Project, ProjectError, Report, Request, Send, Tick
from .server.rows import DAY, Host, Result, Workunit
from .server.scheduler import may_have, usable_versions
from .worker import NATIVE

FIRST_BACKOFF = 600.0  # seconds until a host that got no work asks again
LONGEST_BACKOFF = DAY
PATIENCE = 4 * DAY  # nothing can happen any more if nothing has in this time: each host has asked on a new day
PATIENCE_WITH_ABSENT = 60 * DAY  # ... where hosts may be off
LONG_OFF = 100 * DAY  # what is not done so long after its deadline never will be
EXIT_UNSTARTED_LATE = 200  # lib/error_numbers.h: the client takes the job for late before it has begun
CRASHED = 1  # exit status
AFTER_ABORT = 60.0  # seconds until the client calls again after an error

# What happens to a volunteer. A result that is done frees a processor; when the host reports it is another matter.
CALL: Final = 0
DONE: Final = 1
FREE: Final = 2
REPORT: Final = 3
LEAVE: Final = 4


@dataclass(frozen=True)
class HostSpec:
    """A volunteer's computer. speed (float): 2.0 does a job in half the time.  userid: 0 means a volunteer of its own.

    availability: when it is on, always if None.  life: seconds until it leaves for good, and another one like it comes.
    detaches: it says so when it leaves; else the project waits for its results until their deadline.
    profile: the platform whose arithmetic it computes with, see `pyboinc_local.platforms`; "native" is this computer's own.
    """

    platforms: tuple[str, ...] = ("x86_64-pc-linux-gnu",)
    os_name: str = "Linux"
    p_vendor: str = "GenuineIntel"
    p_model: str = "Intel(R) Core(TM) i5"
    ncpus: int = 1
    speed: float = 1.0
    faults: Faults = NONE
    availability: Availability | None = None
    life: Distribution | None = None
    detaches: bool = False
    userid: int = 0
    profile: str = NATIVE

    @property
    def label(self) -> str:
        """What hosts of this kind are called where kinds are compared: arithmetic is what makes them differ."""
        return self.platforms[0] if self.profile == NATIVE else self.profile


class Volunteer:
    """A host with what the project can't see. chance: all that is drawn for it."""

    __slots__ = ("ahead", "backoff", "call_due", "chance", "gone", "host", "idle", "liar", "sessions", "spec")

    def __init__(self, host: Host, spec: HostSpec, now: float, chance: Stream, liar: int) -> None:
        self.host = host
        self.spec = spec
        self.chance = chance
        self.liar = liar
        self.idle = host.p_ncpus
        self.backoff = 0.0  # how long it waited the last time, 0 after it has got work
        self.call_due = False
        self.gone = False
        self.ahead = faults.ahead(spec.faults, chance)
        self.sessions = Sessions(spec.availability.intervals(now, chance)) if spec.availability else None

    @property
    def speed(self) -> float:
        return self.spec.speed

    @property
    def valid_in_a_row(self) -> int:
        """What the project trusts it for, most of all if the app has several versions."""
        return max([each.consecutive_valid for each in self.host.app_versions.values()], default=0)

    def next_on(self, now: float, time: float) -> float:
        """The first moment, not before `time`, when it is on."""
        return self.sessions.next_on(now, time) if self.sessions else time

    def done(self, now: float, seconds: float, until: float) -> float:
        """When it has computed for so long; infinity if that is after `until`."""
        return self.sessions.done(now, seconds, until) if self.sessions else now + seconds


class Running(NamedTuple):
    """A run whose answer nobody needs before the host reports it. answer(): waits for it; its elapsed_time does not count."""

    elapsed_time: float
    answer: Callable[[], Answer]


class Runner(Protocol):
    """Runs a result on a host. elapsed_time is how long that takes in virtual seconds."""

    def __call__(self, volunteer: Volunteer, wu: Workunit, result: Result) -> Answer | Running: ...


class Model:
    """``slave = "model"``: nothing runs; a run time is drawn. Honest hosts return the same token, wrong ones their own.

    Give `Model.read` to the batch: tokens are no output files.
    """

    TOKEN = b"model"

    def __init__(self, run_time: RunTime, seed: int) -> None:
        self._run_time = run_time
        self._random = Random(f"{seed} model")

    def __call__(self, volunteer: Volunteer, wu: Workunit, result: Result) -> Answer:
        return Answer(self._run_time(self._random) / volunteer.speed, 0, self.TOKEN)

    @staticmethod
    def read(wu: Workunit, result: Result) -> Candidate:
        """For `Project.add_batch`."""
        output, token = result.output or b"", Model.TOKEN
        if output != token and (token.startswith(output) or output.startswith(token + token)):
            return Candidate(result.id, None, Check.INVALID)  # the upload broke off, or began anew
        return Candidate(result.id, output)


class Simulation:
    """See the module's text.

    now (float): virtual seconds since the beginning.  run: see `Runner`.  volunteers: all that ever came, by their hosts'
    numbers.  spoiled: numbers of the results whose output the host, or its upload, has made another one: the truth, which the
    project does not know.
    """

    def __init__(self, project: Project, run: Runner) -> None:
        self.project = project
        self.now = 0.0
        self.volunteers: dict[int, Volunteer] = {}
        self.spoiled: set[int] = set()
        self._run = run
        self._heap: list[tuple[float, int, int, Volunteer, Result | None, Answer | Running | None, Fate]] = []
        self._sequence = 0
        self._comings = 0  # of hosts, and goings: no progress
        self._last_change = (0, 0.0)  # the project's other events, and when they became so many
        self._patience = PATIENCE
        self._groups: dict[str, int] = {}  # of liars, by name: the number by which they lie

    def add_host(self, spec: HostSpec) -> Volunteer:
        """A host that calls as soon as it is on."""
        host = self.project.add_host(
            spec.platforms,
            userid=spec.userid,
            os_name=spec.os_name,
            p_vendor=spec.p_vendor,
            p_model=spec.p_model,
            p_ncpus=spec.ncpus,
            p_fpops=1e9 * spec.speed,
        )
        self._comings += 1
        if spec.availability:
            self._patience = PATIENCE_WITH_ABSENT
        group = spec.faults.collude
        liar = self._groups.setdefault(group, host.id) if group else host.id
        volunteer = Volunteer(host, spec, self.now, Stream(f"{self.project.seed} host {host.id}"), liar)
        self.volunteers[host.id] = volunteer
        if spec.life is not None:
            self._push(self.now + spec.life(volunteer.chance), LEAVE, volunteer)
        self._call(volunteer, self.now)
        return volunteer

    def handle(self, event: Event) -> list[Deliver]:
        """Something happens now: jobs are submitted or cancelled, a host leaves."""
        return _deliveries(self.project.handle(event, self.now))

    def advance(self) -> list[Deliver]:
        """Go on until something is delivered; [] if no workunit is open any more."""
        while self.project.open:
            deliveries = self.step()
            if deliveries:
                return deliveries
        return []

    def run(self, deliver: Callable[[Deliver], object] = lambda _: None, until: float = float("inf")) -> None:
        """Go on until no workunit is open, or to this time."""
        project = self.project
        forever = until == float("inf")
        while project.open and (forever or self._next_time() <= until):
            for delivery in self.step():
                deliver(delivery)

    def step(self) -> list[Deliver]:
        """What happens next. Raises ProjectError if nothing can."""
        project = self.project
        alarm = project.next_alarm
        heap = self._heap
        if alarm is not None and not (heap and heap[0][0] <= alarm):
            self.now = alarm
            deliveries = _deliveries(project.handle(Tick(), alarm))
            self._check_progress()
            return deliveries
        if not heap:
            raise self._stuck()
        self.now, _, kind, volunteer, result, answer, fate = heappop(heap)
        if volunteer.gone:
            return []
        if kind == LEAVE:
            return self._leave(volunteer)
        return self._happens(kind, volunteer, result, answer, fate)

    def _happens(
        self, kind: int, volunteer: Volunteer, result: Result | None, answer: Answer | Running | None, fate: Fate
    ) -> list[Deliver]:
        project = self.project
        deliveries: list[Deliver] = []
        if kind == CALL:
            volunteer.call_due = False
            self._check_progress()
        else:
            volunteer.idle += kind != REPORT
            if kind != FREE:
                assert result is not None and answer is not None
                if type(answer) is not Answer or fate is not GOOD:
                    answer = self._uploaded(answer, fate, volunteer, result)
                deliveries = _deliveries(project.handle(Report(volunteer.host, result, answer), self.now))
        self._ask(volunteer, deliveries)
        return deliveries

    def _ask(self, volunteer: Volunteer, deliveries: list[Deliver]) -> None:
        """The host asks for work for its idle processors."""
        actions = self.project.handle(Request(volunteer.host, volunteer.idle), self.now)
        for action in actions:
            if type(action) is Send:
                volunteer.backoff = 0.0
                self._start(volunteer, action.wu, action.result)
            elif type(action) is Deliver:
                deliveries.append(action)
        if volunteer.idle and not volunteer.call_due:
            volunteer.backoff = next_backoff(volunteer.backoff)
            self._call(volunteer, self.now + volunteer.backoff)

    def _start(self, volunteer: Volunteer, wu: Workunit, result: Result) -> None:
        volunteer.idle -= 1
        if volunteer.ahead > wu.delay_bound:
            aborted = Answer(0.0, EXIT_UNSTARTED_LATE, None, b"", "the deadline has passed, by this host's clock")
            self._push(volunteer.next_on(self.now, self.now + AFTER_ABORT), DONE, volunteer, result, aborted)
            return
        try:
            answer = self._run(volunteer, wu, result)
        except Exception as error:
            raise self._failed(error, wu.name) from error
        fate = self._fate(volunteer, wu)
        if fate.crash_after is not None:
            answer = Answer(fate.crash_after * answer.elapsed_time, CRASHED, None, b"", "the host's own fault")
        late = result.report_deadline + LONG_OFF
        done = volunteer.done(self.now, answer.elapsed_time, late)
        if done > late:
            return  # it computes, and computes
        if fate.lost:
            self._push(done, FREE, volunteer)
            return
        reports = done
        if fate.delay is None:
            self._push(done, DONE, volunteer, result, answer, fate)
        else:
            reports = volunteer.next_on(self.now, max(done, result.report_deadline + 2.0 + fate.delay))
            self._push(done, FREE, volunteer)
            self._push(reports, REPORT, volunteer, result, answer, fate)
        if fate.duplicate:
            self._push(volunteer.next_on(self.now, reports + faults.AGAIN), REPORT, volunteer, result, answer, fate)

    def _fate(self, volunteer: Volunteer, wu: Workunit) -> Fate:
        """Of the result of this workunit that the host gets now."""
        wrong = volunteer.spec.faults
        if wrong is NONE:
            return GOOD
        trusted = volunteer.valid_in_a_row if wrong.honest_until else 0
        return faults.draw(wrong, volunteer.chance, trusted, wu.delay_bound)

    def _uploaded(self, answer: Answer | Running, fate: Fate, volunteer: Volunteer, result: Result) -> Answer:
        """What the host reports, of what its slave gave."""
        if not isinstance(answer, Answer):
            try:
                answer = answer.answer()._replace(elapsed_time=answer.elapsed_time)
            except Exception as error:
                raise self._failed(error, f"of result {result.id}") from error
        if answer.output is not None and fate.spoils:
            self.spoiled.add(result.id)
            return answer._replace(output=faults.upload(answer.output, fate, volunteer.liar))
        return answer

    def _failed(self, error: Exception, job: str) -> ProjectError:
        return ProjectError(f"{type(error).__name__}: {error} (job {job}, time {self.now!r}, seed {self.project.seed})")

    def _leave(self, volunteer: Volunteer) -> list[Deliver]:
        """The host is never seen again. Another volunteer comes, with one like it."""
        volunteer.gone = True
        deliveries: list[Deliver] = []
        if volunteer.spec.detaches:
            deliveries = self.handle(Detach(volunteer.host))
            self._comings += 1
        self.add_host(volunteer.spec)
        return deliveries

    def _call(self, volunteer: Volunteer, time: float) -> None:
        volunteer.call_due = True
        self._push(volunteer.next_on(self.now, time), CALL, volunteer)

    def _push(
        self,
        time: float,
        kind: int,
        volunteer: Volunteer,
        result: Result | None = None,
        answer: Answer | Running | None = None,
        fate: Fate = GOOD,
    ) -> None:
        self._sequence += 1
        heappush(self._heap, (time, self._sequence, kind, volunteer, result, answer, fate))

    def _next_time(self) -> float:
        alarm = self.project.next_alarm
        times = [self._heap[0][0]] if self._heap else []
        return min(times if alarm is None else [*times, alarm], default=float("inf"))

    def _check_progress(self) -> None:
        project = self.project
        changes = project.events - self._comings
        if changes != self._last_change[0] or project.in_progress:
            self._last_change = (changes, self.now)
        elif project.open and (not project.hosts or self.now - self._last_change[1] > self._patience):
            raise self._stuck()

    def _stuck(self) -> ProjectError:
        project = self.project
        return ProjectError(
            f"no host can do what is left: {project.open} jobs are open, {project.unsent} results wait to be sent to "
            f"{len(project.hosts)} hosts (time {self.now!r}, seed {project.seed}). {self._why_stuck()}"
        )

    def _why_stuck(self) -> str:
        """What keeps the oldest open job from being done, as far as that is easily seen."""
        project, config = self.project, self.project.config
        if not project.hosts:
            return "There are no hosts."
        wu = next(each for each in project.workunits.values() if each.assimilate_state != ASSIMILATE_DONE)
        app, hosts = project.apps[wu.appid], list(project.hosts.values())
        able = [each for each in hosts if usable_versions(each.platforms, project.versions, app, wu.app_version_num)]
        reasons = []
        if not able:
            platforms = sorted({platform for each in hosts for platform in each.platforms})
            reasons.append(f"The app has no version for the hosts' platforms ({', '.join(platforms)}).")
        elif config.one_result_per_user_per_wu or config.one_result_per_host_per_wu:
            per_user = config.one_result_per_user_per_wu
            takers = len({each.userid for each in able} if per_user else able)
            word = "volunteer" if per_user else "host"
            unable = "" if len(able) == len(hosts) else ", not counting hosts whose platform has no app version"
            if takers < wu.min_quorum:
                reasons.append(f"The quorum is {wu.min_quorum}, of different {word}s, and there are {takers}{unable}.")
            elif not any(may_have(wu, each, config) for each in able):
                reasons.append(f"Each {word} has had a result of job {wu.name}{unable}: more of them could take another.")
        sent = [each for each in wu.results if each.hostid]
        late = sum(each.outcome == NO_REPLY for each in sent)
        if late:
            how_many = "every result" if late == len(sent) else f"{late} of {len(sent)} results"
            reasons.append(
                f"Of job {wu.name}, {how_many} missed the deadline of {wu.delay_bound:g} seconds: "
                "are the hosts too slow, the jobs too long or the deadline too short?"
            )
        return " ".join(reasons) or "Has each platform an app version, and are there enough volunteers for the quorum?"


def next_backoff(last: float) -> float:
    """Seconds until a client that got no work asks again, once more; last: 0 if it has got some since."""
    return min(2.0 * last, LONGEST_BACKOFF) or FIRST_BACKOFF


def _deliveries(actions: Sequence[object]) -> list[Deliver]:
    return [action for action in actions if type(action) is Deliver] if actions else []
