"""How BOINC's clients and daemons take their time: a simulation with the waits that a real project has.

`simulation.py` has hosts that call the moment they have something to say, and ask for work when a processor is idle: right for
jobs of hours, among which seconds are lost. Where jobs take minutes, or an answer is waited for, the waits count:

    simulation = PacedSimulation(project, run, Pace(next_rpc_delay=60.0))

The numbers are those of BOINC's source (client and sched); none is fitted to a run. `tests/fullserver/test_simulator.py` compares
a simulation of this kind with a real project.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from .fleet.faults import Fate
from .model_time import Stream
from .project import Answer, Deliver, Project, Report, Request, Send
from .server.rows import Result, Workunit
from .simulation import CALL, DONE, EXIT_UNSTARTED_LATE, REPORT, Runner, Running, Simulation, Volunteer, next_backoff

# What else happens to a volunteer: the files of a result that it was sent have come; it looks which tasks to run.
COME: Final = 5
LOOK: Final = 6

AFTER_ERROR, LONGEST_AFTER_ERRORS = 60.0, 4 * 3600.0
"""Seconds that a client keeps silent after a task's error, doubled with each one until it has called; then half of that or up to it:
SCHED_RETRY_DELAY_MIN and SCHED_RETRY_DELAY_MAX of the client's scheduler_op.h, and report_result_error of client_state.cpp."""


@dataclass(frozen=True)
class Pace:
    """Seconds of a project's daemons and of its hosts' clients.

    request_delay: between a client's calls at least: min_sendwork_interval and one more second (sched_types.cpp); 6 in a project
    that was just made.  next_rpc_delay: after which a client calls at the latest; 0: of one that got no work, after a backoff.
    rpc_poll, task_poll: how often a client looks whether to call, and which tasks to run (client_state.h).  transfer: until the
    files of a job have come, or gone: a start and an end, each seen at a look once a second (client_state.h).
    buffer: of work that a client keeps for each processor: its preference work_buf_min_days, but not less than 180 (work_fetch.h).
    transitioner, feeder, validator, assimilator: sleep of the daemons when they have found nothing to do; they are met
    somewhere in it.
    """

    request_delay: float = 7.0
    next_rpc_delay: float = 0.0
    rpc_poll: float = 5.0
    task_poll: float = 1.0
    transfer: float = 2.0
    buffer: float = 180.0
    transitioner: float = 5.0
    feeder: float = 5.0
    validator: float = 5.0
    assimilator: float = 5.0


@dataclass(slots=True)
class _Client:
    """What a volunteer's client keeps. due: when it calls next.  may_call: not before.  phase: of its looks.

    coming: results whose files have not come yet, by number, with their jobs; waiting: those whose files have.  running: when
    each that was started should be done.  finished: what it has to report, and from when on it can.  hungry: it asks for work of
    its own accord, as it got some the last time.  errors: of tasks, since it called.
    """

    phase: float
    due: float = float("inf")
    may_call: float = 0.0
    hungry: bool = True
    errors: int = 0
    coming: dict[int, Workunit] = field(default_factory=dict)
    waiting: deque[tuple[Workunit, Result]] = field(default_factory=deque)
    running: dict[int, float] = field(default_factory=dict)
    finished: list[tuple[float, Result, Answer | Running, Fate]] = field(default_factory=list)


class PacedSimulation(Simulation):
    """See the module's text. estimate: seconds that a job is thought to take at speed 1, its fpops_estimate over 1e9."""

    def __init__(self, project: Project, run: Runner, pace: Pace, estimate: float) -> None:
        super().__init__(project, run)
        self._pace = pace
        self._estimate = estimate
        self._clients: dict[int, _Client] = {}
        self._chance = Stream(f"{project.seed} daemons")

    def until_sent(self) -> float:
        """Seconds from the making of a job until hosts can be sent it: the transitioner makes its results, the feeder offers them."""
        return self._met(self._pace.transitioner) + self._met(self._pace.feeder)

    def until_delivered(self) -> float:
        """Seconds from a job's last report until its record is delivered."""
        pace = self._pace
        return self._met(pace.transitioner) + self._met(pace.validator) + self._met(pace.assimilator)

    def _met(self, sleep: float) -> float:
        return sleep * self._chance.random()

    def _call(self, volunteer: Volunteer, time: float) -> None:
        """A host has come."""
        client = self._clients[volunteer.host.id] = _Client(volunteer.chance.random())
        self._plan(volunteer, client, time)

    def _plan(self, volunteer: Volunteer, client: _Client, time: float) -> None:
        """Call at this time or soon after, if not before: when the client may, is on, and looks."""
        poll = self._pace.rpc_poll
        time = volunteer.next_on(self.now, max(time, client.may_call, self.now))
        time = poll * (ceil(time / poll - client.phase) + client.phase)
        if time < client.due:
            client.due = time
            self._push(time, CALL, volunteer)

    def _happens(
        self, kind: int, volunteer: Volunteer, result: Result | None, answer: Answer | Running | None, fate: Fate
    ) -> list[Deliver]:
        client = self._clients[volunteer.host.id]
        if kind == CALL:
            self._check_progress()
            if self.now != client.due:
                return []
            if self.now >= client.may_call:
                return self._rpc(volunteer, client)
            client.due = float("inf")  # a task has failed since this was planned
            self._plan(volunteer, client, client.may_call)
            return []
        if kind == LOOK:
            self._run_tasks(volunteer, client)
        elif kind == COME:
            assert result is not None
            client.waiting.append((client.coming.pop(result.id), result))
        else:
            volunteer.idle += kind != REPORT
            if kind in (DONE, REPORT):
                assert result is not None and answer is not None
                if isinstance(answer, Answer) and answer.exit_status not in (0, EXIT_UNSTARTED_LATE):
                    self._keep_silent(volunteer, client)
                client.finished.append((self.now + self._pace.transfer, result, answer, fate))
                self._plan(volunteer, client, self.now + self._pace.transfer)
        if kind != LOOK:
            self._push(self.now + self._pace.task_poll, LOOK, volunteer)
        if client.hungry and self._lacking(volunteer, client):
            self._plan(volunteer, client, self.now)
        return []

    def _keep_silent(self, volunteer: Volunteer, client: _Client) -> None:
        client.errors += 1
        silence = min(AFTER_ERROR * 2.0**client.errors, LONGEST_AFTER_ERRORS) * (1.0 + volunteer.chance.random()) / 2.0
        client.may_call = max(client.may_call, self.now + silence)

    def _rpc(self, volunteer: Volunteer, client: _Client) -> list[Deliver]:
        """The client calls: it reports what is uploaded, and asks for the work that it lacks."""
        pace = self._pace
        client.due = float("inf")
        client.may_call = self.now + pace.request_delay
        client.errors = 0
        deliveries: list[Deliver] = []
        for each in [each for each in client.finished if each[0] <= self.now]:
            client.finished.remove(each)
            _, result, answer, fate = each
            uploaded = self._uploaded(answer, fate, volunteer, result)
            deliveries += self.handle(Report(volunteer.host, result, uploaded))
        lacking = self._lacking(volunteer, client)
        sent = 0
        for action in self.project.handle(Request(volunteer.host, lacking), self.now):
            if type(action) is Send:
                sent += 1
                client.coming[action.result.id] = action.wu
                self._push(volunteer.next_on(self.now, self.now + pace.transfer), COME, volunteer, action.result)
            elif type(action) is Deliver:
                deliveries.append(action)
        client.hungry = sent > 0 or not lacking  # it does not ask again for work's sake alone until it is told to call
        volunteer.backoff = 0.0 if client.hungry else next_backoff(volunteer.backoff)
        if client.hungry and self._lacking(volunteer, client):
            self._plan(volunteer, client, self.now)
        if pace.next_rpc_delay:
            self._plan(volunteer, client, self.now + pace.next_rpc_delay)
        elif not client.hungry:
            self._plan(volunteer, client, self.now + volunteer.backoff)
        for ready, *_ in client.finished:
            self._plan(volunteer, client, ready)
        return deliveries

    def _lacking(self, volunteer: Volunteer, client: _Client) -> int:
        """How many more jobs fill the client's buffer."""
        job = self._estimate / volunteer.speed
        have = sum(max(0.0, end - self.now) for end in client.running.values()) + job * (len(client.waiting) + len(client.coming))
        lacking = self._pace.buffer * volunteer.host.p_ncpus - have
        return max(0, ceil(lacking / job))

    def _run_tasks(self, volunteer: Volunteer, client: _Client) -> None:
        client.running = {number: end for number, end in client.running.items() if end > self.now}
        while volunteer.idle > 0 and client.waiting:
            wu, result = client.waiting.popleft()
            self._start(volunteer, wu, result)
            client.running[result.id] = self.now + self._estimate / volunteer.speed

