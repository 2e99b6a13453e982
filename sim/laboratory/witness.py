"""What must hold at every step, what must happen some time, and the trace of all that happens."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
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
from pyboinc_local.server.hr import UNKNOWN, hr_class
from pyboinc_local.server.rows import Host, Result, Workunit

from .boinc import Boinc, positions_of, upload_path
from .plan import (
    CANCEL,
    CLOCK_JUMP,
    DATA_CHANGED,
    DATA_GONE,
    DATABASE,
    DATABASE_AWAY,
    DISK_FULL,
    DOWNLOADS_AWAY,
    OWN,
    POWER_CUT,
    PROCESSES,
    RECORDS_LOST,
    SETUP_AGAIN,
    TOOL_FAILS,
    UPGRADE,
    UPLOADS_AWAY,
    WEB_ABORT,
    Plan,
)
from .slaves import Ran, written

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
    *(POWER_CUT, DISK_FULL, UPLOADS_AWAY, DOWNLOADS_AWAY, DATABASE_AWAY, TOOL_FAILS, CANCEL, WEB_ABORT, SETUP_AGAIN, UPGRADE),
    *(f"{CLOCK_JUMP} forward", f"{CLOCK_JUMP} back", DATA_GONE, DATA_CHANGED, RECORDS_LOST),
    *(f"a master met {name}" for name in (DATA_GONE, DATA_CHANGED)),
    *("a host waited for its files", "a host found the project closed", "a result was given up before its time"),
    "a result of an app version before the last came",
    *(f"database: {name}" for name in DATABASE),
    *(f"host: {name}" for name in ("crash", "wrong", "truncated", "doubled", "lost", "late", "duplicate", "clock ahead", "leaves")),
    *("host: files differ", "host: files missing", "a file came back", "wrong files were refused"),
    *("report refused: it is over already", "an upload came again", "an upload came again, and its file was deleted"),
    "a report came of a workunit that was purged",
    *("honest hosts disagreed", "no quorum among honest hosts", "outputs of different bits agreed", "a comparator raised"),
    *("own comparator", "validated as BOINC's own", "a job kept to a class of hosts", "a job was freed from its class of hosts"),
    *(f"result {name}" for name in ("valid", "invalid", "inconclusive", "no check", "too late")),
    *(f"outcome {name}" for name in ("success", "client error", "no reply", "didn't need", "validate error", "detached")),
    *(f"mask {name}" for name in ("errors", "successes", "total", "cancelled")),
    *("quorum 1", "quorum of all", "quorum of a majority", "quorum of 3", "a late result was right", "quorum raised for an exception"),
    *("liars formed a quorum", "a liar was outvoted", "a host was trusted to work alone", "replicated after all"),
    *("a failed job succeeded after all", "delivered again", "made again", "reports overtook each other", "master resumed"),
    *("call failed: job", "call failed: slave", "a handler made a call", "a finished batch was run again", "retired"),
    "calls shared a job, by their run time",
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
        self._jobs: dict[int, tuple[str, Sequence[Ran]]] = {}  # by workunit, of which BOINC may change the name: job, and the truth
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
        self._sent_at: dict[int, float] = {}  # by result: when it was, by a clock that goes right
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

    def job_made(self, wu: Workunit, honest: Sequence[Ran], needless: bool) -> None:
        """honest: what each kind of host gives.  needless: if it was made before, there is no reason to make it again."""
        first, _ = positions_of(wu.name)
        self.jobs[wu.name] = self.jobs.get(wu.name, 0) + 1
        self._jobs[wu.id] = wu.name, honest
        self.happened["calls shared a job, by their run time"] += bool(self.plan.settings.job_minutes) and honest[0].calls > 1
        self._quorums[wu.id] = wu.min_quorum
        for position in siblings(first, honest[0].calls):
            self._job_of[position] = wu.name
        if self.jobs[wu.name] > 1:
            self.happened["made again"] += 1
            if needless:
                self.object("no job is made twice", f"{wu.name} was made again, and its record or its output is there")

    # -- the event log of BOINC's own daemons

    def made(self, t: float, result: Result) -> None:
        super().made(t, result)
        self._look(result)
        wu = self.workunits[result.workunitid]
        if self.plan.hr and not wu.hr_class and any(each.hostid for each in wu.results):
            self.happened["a job was freed from its class of hosts"] += 1

    def sent(self, t: float, result: Result, again: bool = False) -> None:
        super().sent(t, result, again)
        self._look(result)
        self._sent_at[result.id] = t - self.boinc.ahead
        wu = self.workunits[result.workunitid]
        if wu.min_quorum == 1 and self.plan.adaptive:
            self.happened["a host was trusted to work alone"] += 1
        if self._version(result) != wu.app_version_num:
            self.object("a batch keeps its app version", f"{wu.name} wants {wu.app_version_num}, and {self._version(result)} was sent")

    def watch(self, plan: Plan, boinc: Boinc, spoiled: Collection[int], said: Callable[[bytes], Hashable]) -> None:
        """What it looks at. spoiled: results with which a host has lied.  said: what must be the same of outputs that agree."""
        self.plan, self.boinc, self.spoiled, self.said = plan, boinc, spoiled, said
        self.workunits = boinc.workunits

    def _version(self, result: Result) -> int:
        return self.boinc.versions[result.app_version_id - 1].version_num

    def _class(self, host: Host) -> int:
        return hr_class(host, self.plan.hr)

    def refused(self, t: float, result: Result, host: Host, why: str) -> None:
        super().refused(t, result, host, why)
        self.happened[f"report refused: {why}"] += 1

    def over(self, t: float, result: Result) -> None:
        super().over(t, result)
        self._look(result)
        if result.outcome == NO_REPLY:
            early = t - self.boinc.ahead < self._sent_at[result.id] + self.workunits[result.workunitid].delay_bound
            self.happened["a result was given up before its time"] += early
        if result.outcome in (SUCCESS, CLIENT_ERROR):
            if result.sent_time < self._sent.get(result.hostid, 0.0):
                self.happened["reports overtook each other"] += 1
            self._sent[result.hostid] = result.sent_time
            self.happened["a result of an app version before the last came"] += self._version(result) < self.boinc.versions[-1].version_num

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
                came = [each for each in wu.results if each.outcome == SUCCESS]
                self.happened["no quorum among honest hosts"] += bit == 4 and not any(each.id in self.spoiled for each in came)
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

    def _output(self, result: Result) -> bytes | None:
        """As the validator finds it: a file that BOINC has deleted is there again if the host has sent it twice."""
        return self._file(upload_path(result)) or result.output

    def _file(self, path: str) -> bytes | None:
        file = self.boinc.disk.files.get(path)
        return file.data if file else None

    def _accepted(self, wu: Workunit, before: tuple[int, int, int, int]) -> None:
        """A canonical result must have its quorum, by the outputs themselves; and be right, unless liars were the quorum."""
        canonical = next(each for each in wu.results if each.id == wu.canonical_resultid)
        came = [each for each in wu.results if each.outcome == SUCCESS]
        outputs = {each.id: output for each in came if (output := self._output(each)) is not None}
        output = outputs[canonical.id]
        says = self.said(output)
        alike = [each for each in came if each.id in outputs and self.said(outputs[each.id]) == says]
        needed = wu.min_quorum // 2 + 1
        if len(alike) < needed or len(came) < wu.min_quorum:
            self.object("no quorum", f"{wu.name}: {len(alike)} of {len(came)} results agree, of a quorum of {wu.min_quorum}")
        classes = {self._class(self.boinc.hosts[each.hostid]) for each in came}
        if self.plan.hr and (len(classes) > 1 or UNKNOWN in classes):
            self.object("a job keeps to a class of hosts", f"{wu.name} has {len(came)} results of hosts of the classes {sorted(classes)}")
        job, honest = self._jobs[wu.id]
        if says not in {self.said(each.output) for each in honest}:
            if not all(each.id in self.spoiled for each in alike):
                self.object("a wrong result was accepted", f"{wu.name}, and no host that gave it has lied")
            self.lied.add(job)
            self.happened["liars formed a quorum"] += 1
        elif written(self._file(f"{upload_path(canonical)}_report") or canonical.report) != honest[0].files:
            if not self.plan.boinc_exact:  # BOINC's validator does not look at them
                self.object("a wrong result was accepted", f"{wu.name}: its files are not those that its output tells of")
            self.lied.add(job)
        else:
            self.happened["a file came back"] += any(honest[0].files)
        self.accepted[job] = output
        self.happened["quorum 1"] += wu.min_quorum == 1
        self.happened["quorum of 3"] += wu.min_quorum == 3
        self.happened["quorum of all"] += len(alike) == len(came) > 1
        self.happened["quorum of a majority"] += 1 < len(alike) < len(came)
        self.happened["a failed job succeeded after all"] += before[1] != 0
        self.happened["outputs of different bits agreed"] += any(outputs[each.id] != output for each in alike)
        self.happened["honest hosts disagreed"] += any(each.validate_state == INVALID and each.id not in self.spoiled for each in came)
        refused = [each for each in wu.results if each.outcome == VALIDATE_ERROR and each.output is not None]
        self.happened["wrong files were refused"] += any(self.said(each.output) == says for each in refused)
        self.happened["a job kept to a class of hosts"] += bool(self.plan.hr) and len(came) > 1
        self.happened["own comparator"] += self.plan.settings.comparator == OWN
        self.happened["validated as BOINC's own"] += self.plan.boinc_exact

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

    def file_came(self, position: str, content: bytes | None, written: bytes) -> None:
        """A file of a call, as the master finds it when it handles the result, and as the slave has written it."""
        if content != written and self._job_of[position] not in self.lied:
            self.object("no wrong file is handled", f"call {position}: {content!r}, and its slave has written {written!r}")

    def records_lost(self, jobs: Collection[str]) -> None:
        """They may be made again, and may fail then."""
        for position in [each for each in self._outcomes if self._job_of.get(each) in jobs]:
            del self._outcomes[position]

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
        if "the comparator raised" in str(record.msg):
            self._happened("a comparator raised")


class Failures(list[Failure]):
    """Failed calls of a program without handle_error: handled, too, by being listed."""

    def __init__(self, witness: Witness) -> None:
        super().__init__()
        self._witness = witness

    def append(self, failure: Failure) -> None:
        self._witness.result_handled(failure[0].position, None, failure[1])
        super().append(failure)
