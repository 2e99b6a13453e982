"""Virtual time: a project (`project.py`) with simulated volunteers, in an event loop over a heap.

    simulation = Simulation(project, Model(LogNormal(3600.0), seed=1))
    for number in range(5):
        simulation.add_host(HostSpec(speed=2.0, honest=number != 3))
    simulation.handle(Submit(batch, jobs))          # at any time, also between two calls of advance
    while deliveries := simulation.advance():       # until something is delivered; [] when nothing is left to do
        ...

A host asks for work when it has none for a processor, runs it and reports. One that gets nothing asks again after ten
minutes, then after twice that, up to a day, as BOINC's client does.

The run of a result on a host is a `Runner`: the real slave, or `Model`, which knows only how long things take.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random
from typing import Protocol

from pyboinc_validator.quorum import Candidate

from .model_time import RunTime
from .project import Answer, Deliver, Event, Project, ProjectError, Report, Request, Send, Tick
from .server.rows import ASSIMILATE_DONE, DAY, NO_REPLY, Host, Result, Workunit
from .server.scheduler import may_have, usable_versions
from .wrong import wrong_output

FIRST_BACKOFF = 600.0  # seconds until a host that got no work asks again
LONGEST_BACKOFF = DAY
PATIENCE = 4 * DAY  # nothing can happen any more if nothing has in this time: each host has asked on a new day


@dataclass(frozen=True)
class HostSpec:
    """A volunteer's computer. speed (float): 2.0 does a job in half the time.  userid: 0 means a volunteer of its own.

    A host that is not honest returns a wrong output.
    """

    platforms: tuple[str, ...] = ("x86_64-pc-linux-gnu",)
    os_name: str = "Linux"
    p_vendor: str = "GenuineIntel"
    p_model: str = "Intel(R) Core(TM) i5"
    ncpus: int = 1
    speed: float = 1.0
    honest: bool = True
    userid: int = 0


class Volunteer:
    """A host with what the project can't see."""

    __slots__ = ("backoff", "call_due", "honest", "host", "idle", "speed")

    def __init__(self, host: Host, speed: float, honest: bool) -> None:
        self.host = host
        self.speed = speed
        self.honest = honest
        self.idle = host.p_ncpus
        self.backoff = 0.0  # how long it waited the last time, 0 after it has got work
        self.call_due = True


class Runner(Protocol):
    """Runs a result on a host. The answer's elapsed_time is how long that takes in virtual seconds."""

    def __call__(self, volunteer: Volunteer, wu: Workunit, result: Result) -> Answer: ...


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
        return Candidate(result.id, result.output)


class Simulation:
    """See the module's text.

    now (float): virtual seconds since the beginning.  run: see `Runner`.  spoil: what a host that is not honest makes of
    an output.
    """

    def __init__(self, project: Project, run: Runner, spoil: Callable[[bytes, Host], bytes] = wrong_output) -> None:
        self.project = project
        self.now = 0.0
        self._run = run
        self._spoil = spoil
        self._heap: list[tuple[float, int, Volunteer, Result | None, Answer | None]] = []
        self._sequence = 0
        self._last_change = (0, 0.0)  # the project's events, and when they became so many

    def add_host(self, spec: HostSpec) -> Volunteer:
        """A host that calls now."""
        host = self.project.add_host(
            spec.platforms,
            userid=spec.userid,
            os_name=spec.os_name,
            p_vendor=spec.p_vendor,
            p_model=spec.p_model,
            p_ncpus=spec.ncpus,
            p_fpops=1e9 * spec.speed,
        )
        volunteer = Volunteer(host, spec.speed, spec.honest)
        self._push(self.now, volunteer, None, None)
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
        self.now, _, volunteer, result, answer = heappop(heap)
        if result is None or answer is None:
            volunteer.call_due = False
            deliveries = []
            self._check_progress()
        else:
            volunteer.idle += 1
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
            volunteer.call_due = True
            volunteer.backoff = min(2.0 * volunteer.backoff, LONGEST_BACKOFF) or FIRST_BACKOFF
            self._push(self.now + volunteer.backoff, volunteer, None, None)

    def _start(self, volunteer: Volunteer, wu: Workunit, result: Result) -> None:
        try:
            answer = self._run(volunteer, wu, result)
        except Exception as error:
            text = f"{type(error).__name__}: {error} (job {wu.name}, time {self.now!r}, seed {self.project.seed})"
            raise ProjectError(text) from error
        if not volunteer.honest and answer.output is not None:
            answer = answer._replace(output=self._spoil(answer.output, volunteer.host))
        volunteer.idle -= 1
        self._push(self.now + answer.elapsed_time, volunteer, result, answer)

    def _push(self, time: float, volunteer: Volunteer, result: Result | None, answer: Answer | None) -> None:
        self._sequence += 1
        heappush(self._heap, (time, self._sequence, volunteer, result, answer))

    def _next_time(self) -> float:
        alarm = self.project.next_alarm
        times = [self._heap[0][0]] if self._heap else []
        return min(times if alarm is None else [*times, alarm], default=float("inf"))

    def _check_progress(self) -> None:
        project = self.project
        if project.events != self._last_change[0] or project.in_progress:
            self._last_change = (project.events, self.now)
        elif project.open and (not project.hosts or self.now - self._last_change[1] > PATIENCE):
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


def _deliveries(actions: Sequence[object]) -> list[Deliver]:
    return [action for action in actions if type(action) is Deliver] if actions else []
