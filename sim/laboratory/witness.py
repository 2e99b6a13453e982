"""What must hold at every step, what must happen some time, and the trace of all that happens."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from pyboinc.display import Failure
from pyboinc.errors import JobError, SlaveError
from pyboinc.model import Call, describe, siblings
from pyboinc.states import (
    ASSIMILATE_DONE,
    ASSIMILATE_INIT,
    ASSIMILATE_READY,
    CLIENT_DETACHED,
    CLIENT_ERROR,
    COULDNT_SEND,
    DIDNT_NEED,
    IN_PROGRESS,
    INCONCLUSIVE,
    INVALID,
    NO_CHECK,
    NO_REPLY,
    OVER,
    SUCCESS,
    TOO_LATE,
    UNSENT,
    VALID,
    VALIDATE_ERROR,
    VALIDATE_INIT,
)
from pyboinc_boinc.store.batches import COUNTED_FAILED, COUNTED_SUCCEEDED
from pyboinc_local.eventlog import EventLog
from pyboinc_local.server.rows import Result, Workunit

from .boinc import positions_of
from .plan import (
    CANCEL,
    CLOCK_JUMP,
    DATABASE,
    DATABASE_AWAY,
    DISK_FULL,
    POWER_CUT,
    PROCESSES,
    SETUP_AGAIN,
    TOOL_FAILS,
    UPGRADE,
    UPLOADS_AWAY,
    WEB_ABORT,
)

if TYPE_CHECKING:
    from .database import Server

ENDS = {(OVER, outcome) for outcome in (SUCCESS, CLIENT_ERROR, NO_REPLY, CLIENT_DETACHED)}
STATES: Mapping[tuple[int, int], Collection[tuple[int, int]]] = {
    (UNSENT, 0): {(IN_PROGRESS, 0), (OVER, DIDNT_NEED), (OVER, COULDNT_SEND)},
    (IN_PROGRESS, 0): ENDS,
    (OVER, NO_REPLY): {(OVER, SUCCESS), (OVER, CLIENT_ERROR)},
    (OVER, SUCCESS): {(OVER, VALIDATE_ERROR)},
}
"""server_state and outcome of a result, and what they may become."""
VALIDATION: Mapping[int, Collection[int]] = {
    VALIDATE_INIT: {VALID, INVALID, INCONCLUSIVE, NO_CHECK, TOO_LATE},
    INCONCLUSIVE: {VALID, INVALID, NO_CHECK},
    NO_CHECK: {VALID, INVALID},
}
ASSIMILATION: Mapping[int, Collection[int]] = {
    ASSIMILATE_INIT: {ASSIMILATE_READY, ASSIMILATE_DONE},
    ASSIMILATE_READY: {ASSIMILATE_DONE},
    ASSIMILATE_DONE: {ASSIMILATE_READY},
}

SOMETIMES = (
    *(f"killed {name}" for name in PROCESSES),
    *(f"{name} asleep killed" for name in PROCESSES),
    *(POWER_CUT, DISK_FULL, UPLOADS_AWAY, DATABASE_AWAY, CLOCK_JUMP, TOOL_FAILS, CANCEL, WEB_ABORT, SETUP_AGAIN, UPGRADE),
    *(f"database: {name}" for name in DATABASE),
    *(f"host: {name}" for name in ("crash", "wrong", "truncated", "doubled", "lost", "late", "duplicate", "clock ahead", "leaves")),
    *(f"result {name}" for name in ("valid", "invalid", "inconclusive", "no check", "too late")),
    *(f"outcome {name}" for name in ("success", "client error", "no reply", "didn't need", "validate error", "detached")),
    *(f"mask {name}" for name in ("errors", "successes", "total", "cancelled")),
    *("quorum 1", "quorum of all", "quorum of a majority", "quorum of 3", "a late result was right", "quorum raised for an exception"),
    *("liars formed a quorum", "a liar was outvoted", "a host was trusted to work alone", "replicated after all"),
    *("a failed job succeeded after all", "delivered again", "made again", "reports overtook each other", "master resumed"),
    *("call failed: job", "call failed: slave", "a handler made a call", "a finished batch was run again", "retired"),
    *("validator found no uploads", "assimilator found no uploads", "a daemon let a batch rest", "the master was refused"),
)
"""What a long run has not tried if it never happened."""

_STATE_NAMES = {VALID: "valid", INVALID: "invalid", INCONCLUSIVE: "inconclusive", NO_CHECK: "no check", TOO_LATE: "too late"}
_OUTCOMES = {
    SUCCESS: "success",
    CLIENT_ERROR: "client error",
    NO_REPLY: "no reply",
    DIDNT_NEED: "didn't need",
    VALIDATE_ERROR: "validate error",
    CLIENT_DETACHED: "detached",
}
_MASKS = {2: "errors", 4: "successes", 8: "total", 16: "cancelled"}


class Violation(BaseException):
    """What must hold does not. Not an Exception: no code under test may take it for an error of its own."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(rule, text)
        self.rule = rule
        self.text = text

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}"


class Witness(EventLog):
    """Sees every change, and objects. happened: how often what has happened.  lines: the trace, if it is kept."""

    def __init__(self, keep: bool = False) -> None:
        super().__init__(self._line)
        self.happened = Counter[str]()
        self.is_right: Callable[[Any, Any], bool] = lambda given, output: True
        self.violation: Violation | None = None
        self.lines: list[str] | None = [] if keep else None
        self._jobs: dict[int, tuple[str, bytes]] = {}  # by workunit, of which BOINC may change the name: job, and the true output
        self.spoiled: Collection[int] = frozenset()
        self.workunits: Mapping[int, Workunit] = {}
        self.jobs: dict[str, int] = {}  # how often each was made
        self.lied: set[str] = set()  # jobs of which a lie was accepted, as liars were the quorum
        self.accepted: dict[str, bytes] = {}  # by job: the canonical output
        self.handled: list[str] = []  # in this run of the master
        self.handled_before: list[str] = []  # in the run that came furthest
        self.inputs: dict[str, Any] = {}  # by position
        self._outcomes: dict[str, str] = {}  # by position: of the first run that handled it
        self._job_of: dict[str, str] = {}  # by position: of the last attempt
        self._results: dict[int, tuple[int, int, int, int]] = {}
        self._workunits: dict[int, tuple[int, int, int, int]] = {}
        self._quorums: dict[int, int] = {}
        self._sent: dict[int, float] = {}  # by host: when the last result that it has reported was sent
        self._adaptive = False
        self._hash = blake2b(digest_size=8)

    # -- trace

    def _line(self, line: str) -> None:
        self._hash.update(line.encode())
        if self.lines is not None:
            self.lines.append(line.rstrip("\n"))

    def tell(self, now: float, what: str) -> None:
        self._line(f"{now!r} {what}\n")

    @property
    def trace(self) -> str:
        """A digest of all that happened."""
        return self._hash.hexdigest()

    def object(self, rule: str, text: str) -> None:
        """Raises Violation; the first one is kept, wherever it is raised."""
        if self.violation is None:
            self.violation = Violation(rule, text)
        raise self.violation

    # -- jobs

    def job_made(self, wu: Workunit, calls: int, truth: bytes, needless: bool) -> None:
        """needless: if it was made before, there is no reason to make it again."""
        first, _ = positions_of(wu.name)
        self.jobs[wu.name] = self.jobs.get(wu.name, 0) + 1
        self._jobs[wu.id] = wu.name, truth
        self._quorums[wu.id] = wu.min_quorum
        for position in siblings(first, calls):
            self._job_of[position] = wu.name
        if self.jobs[wu.name] > 1:
            self.happened["made again"] += 1
            if needless:
                self.object("no job is made twice", f"{wu.name} was made again, and its record or its output is there")

    # -- the event log of BOINC's own daemons

    def made(self, t: float, result: Result) -> None:
        super().made(t, result)
        self._look(result)

    def sent(self, t: float, result: Result, again: bool = False) -> None:
        super().sent(t, result, again)
        self._look(result)
        if self.workunits[result.workunitid].min_quorum == 1 and self._adaptive:
            self.happened["a host was trusted to work alone"] += 1

    def watch(self, workunits: Mapping[int, Workunit], spoiled: Collection[int], adaptive: bool) -> None:
        """What it looks at: the project's rows, and which outputs were spoiled."""
        self.workunits, self.spoiled, self._adaptive = workunits, spoiled, adaptive

    def over(self, t: float, result: Result) -> None:
        super().over(t, result)
        self._look(result)
        if result.outcome in (SUCCESS, CLIENT_ERROR):
            if result.sent_time < self._sent.get(result.hostid, 0.0):
                self.happened["reports overtook each other"] += 1
            self._sent[result.hostid] = result.sent_time

    def workunit(self, t: float, event: str, wu: Workunit) -> None:
        super().workunit(t, event, wu)
        if event == "replicated":
            self.happened["replicated after all"] += 1
        self.look(wu)

    # -- rows

    def look(self, wu: Workunit) -> None:
        """A workunit that may have changed."""
        now = wu.canonical_resultid, wu.error_mask, wu.assimilate_state, wu.file_delete_state
        self._quorums[wu.id] = wu.min_quorum
        before = self._workunits.get(wu.id, (0, 0, ASSIMILATE_INIT, 0))
        self._workunits[wu.id] = now
        for result in wu.results:
            self._look(result)
        if now == before:
            return
        if before[0] and now[0] != before[0]:
            self.object("states", f"the canonical result of {wu.name} was {before[0]} and is {now[0]}")
        if before[1] & ~now[1]:
            self.object("states", f"the error mask of {wu.name} was {before[1]} and is {now[1]}")
        if now[2] != before[2] and now[2] not in ASSIMILATION[before[2]]:
            self.object("states", f"{wu.name} went from assimilate_state {before[2]} to {now[2]}")
        if now[2] == ASSIMILATE_DONE and not (now[0] or now[1]):
            self.object("states", f"{wu.name} is assimilated without a canonical result and without an error")
        if now[3] < before[3]:
            self.object("states", f"{wu.name} went from file_delete_state {before[3]} to {now[3]}")
        for bit, name in _MASKS.items():
            if now[1] & ~before[1] & bit:
                self.happened[f"mask {name}"] += 1
        if now[0] and not before[0]:
            self._accepted(wu, before)

    def _look(self, result: Result) -> None:
        now = result.server_state, result.outcome, result.validate_state, result.file_delete_state
        before = self._results.get(result.id, (UNSENT, 0, VALIDATE_INIT, 0))
        if now == before:
            return
        self._results[result.id] = now
        if now[:2] != before[:2]:
            if now[:2] not in STATES.get(before[:2], ()):
                self.object("states", f"result {result.id} went from server_state and outcome {before[:2]} to {now[:2]}")
            if now[1]:
                self.happened[f"outcome {_OUTCOMES.get(now[1], now[1])}"] += 1
        if now[2] != before[2]:
            if now[2] not in VALIDATION.get(before[2], ()):
                self.object("states", f"result {result.id} went from validate_state {before[2]} to {now[2]}")
            self.happened[f"result {_STATE_NAMES[now[2]]}"] += 1
            if now[2] == INVALID and now[1] == SUCCESS and result.id in self.spoiled:
                self.happened["a liar was outvoted"] += 1
            wu = self.workunits.get(result.workunitid)
            if now[2] == VALID and wu is not None and result.received_time > result.report_deadline:
                self.happened["a late result was right"] += 1
        if now[3] < before[3]:
            self.object("states", f"result {result.id} went from file_delete_state {before[3]} to {now[3]}")

    def _accepted(self, wu: Workunit, before: tuple[int, int, int, int]) -> None:
        """A canonical result must have its quorum, by the outputs themselves; and be right, unless liars were the quorum."""
        canonical = next(each for each in wu.results if each.id == wu.canonical_resultid)
        alike = [each for each in wu.results if each.outcome == SUCCESS and each.output == canonical.output]
        came = [each for each in wu.results if each.outcome == SUCCESS]
        needed = wu.min_quorum // 2 + 1
        if len(alike) < needed or len(came) < wu.min_quorum:
            self.object("no quorum", f"{wu.name}: {len(alike)} of {len(came)} results agree, of a quorum of {wu.min_quorum}")
        assert canonical.output is not None
        job, truth = self._jobs[wu.id]
        if canonical.output != truth:
            if not all(each.id in self.spoiled for each in alike):
                self.object("a wrong result was accepted", f"{wu.name}, and no host that gave it has lied")
            self.lied.add(job)
            self.happened["liars formed a quorum"] += 1
        self.accepted[job] = canonical.output
        self.happened["quorum 1"] += wu.min_quorum == 1
        self.happened["quorum of 3"] += wu.min_quorum == 3
        self.happened["quorum of all"] += len(alike) == len(came) > 1
        self.happened["quorum of a majority"] += 1 < len(alike) < len(came)
        self.happened["a failed job succeeded after all"] += before[1] != 0

    def committed(self, workunits: Iterable[Workunit], server: Server) -> None:
        """A daemon's transaction is done."""
        for wu in workunits:
            before = self._workunits.get(wu.id)
            if wu.min_quorum > self._quorums.get(wu.id, wu.min_quorum):
                self.happened["quorum raised for an exception"] += 1
            self.look(wu)
            if before and before[2] == ASSIMILATE_DONE and wu.assimilate_state == ASSIMILATE_READY and before[0] == wu.canonical_resultid:
                self.happened["delivered again"] += 1
        for batch in server.batches.values():
            counts = Counter(server.counted.values())
            there = batch.succeeded, batch.failed
            right = counts[COUNTED_SUCCEEDED], counts[COUNTED_FAILED]
            if there != right:
                self.object("counts add up", f"batch {batch.id} counts {there} jobs that succeeded and failed, and {right} did")

    # -- the master

    def run_begins(self) -> None:
        if self.handled:
            self.happened["master resumed"] += 1
        if len(self.handled) > len(self.handled_before):
            self.handled_before = self.handled
        self.handled = []

    def call_made(self, call: Call) -> None:
        before = self.inputs.setdefault(call.position, call.input)
        if describe(before) != describe(call.input):
            then, now = describe(before), describe(call.input)
            self.object("the same calls in each run", f"call {call.position} was made with {then}, and now with {now}")
        self.happened["a handler made a call"] += "." in call.position

    def result_handled(self, position: str, output: Any, error: Exception | None) -> None:
        if position in self.handled:
            self.object("each call is handled once", f"call {position} was handled twice in a run")
        self.handled.append(position)
        place = len(self.handled) - 1
        if place < len(self.handled_before) and self.handled_before[place] != position:
            then = self.handled_before[place]
            self.object("the same order in each run", f"number {place} was call {then} in an earlier run, and is call {position} now")
        now = describe(output) if error is None else f"{type(error).__name__}: {error}"
        if (before := self._outcomes.setdefault(position, now)) != now:
            self.object("the same results in each run", f"call {position} gave {before} in an earlier run, and gives {now} now")
        job = self._job_of.get(position)
        if job is None:
            self.object("no result is handled without its quorum", f"call {position} was handled, and its job was never made")
            return
        given = self.inputs[position]
        if error is None:
            if job not in self.accepted:
                self.object("no result is handled without its quorum", f"call {position}, of {job}")
            if not self.is_right(given, output) and job not in self.lied:
                self.object("no wrong result is handled", f"call {position} of {describe(given)} gave {describe(output)}")
        elif isinstance(error, JobError):
            self.happened["call failed: job"] += 1
        else:
            self.happened["call failed: slave"] += isinstance(error, SlaveError)
            right = isinstance(error, SlaveError) and self.is_right(given, None)
            if not right and job not in self.lied:
                self.object("no wrong result is handled", f"call {position} of {describe(given)} failed: {error}")

    def run_ended(self) -> None:
        """A master has handled all: each call that it made, once."""
        made, handled = set(self.inputs), set(self.handled)
        if made != handled and not self.lied:
            self.object("each call is handled once", f"at the end these were not: {sorted(made - handled)}, and these never made: "
                        f"{sorted(handled - made)}")  # fmt: skip
        if len(self.handled) < len(self.handled_before):
            self.object("the same order in each run", "a finished run has handled less than an earlier one")


class Rests(logging.Handler):
    """Counts what daemons leave alone for a while."""

    def __init__(self, happened: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._happened = happened

    def emit(self, record: logging.LogRecord) -> None:
        if "Tried again in" in str(record.msg):
            self._happened("a daemon let a batch rest")


class Failures(list[Failure]):
    """Failed calls of a program without handle_error: handled, too, by being listed."""

    def __init__(self, witness: Witness) -> None:
        super().__init__()
        self._witness = witness

    def append(self, failure: Failure) -> None:
        self._witness.result_handled(failure[0].position, None, failure[1])
        super().append(failure)
