"""The master's decisions: which jobs to make, which result to handle next. Pure: events in, instructions out.

The journal is the run's memory. It says which calls were made, in which jobs, and in which order their results were
handled. A resumed run makes the calls again and handles the same results in the same order, so that the handlers
rebuild their state; then it goes on. `Master` is told what happens (`handle(event)`) and answers with a list of
instructions, which the shell in `run.py` carries out in that order.
"""

from __future__ import annotations

import json
import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from .codec import Encoded
from .errors import PyBoincError
from .model import Attachment, Call, child_position, short_parent, siblings
from .packing import Packer

Entry = list[Any]
"""A line of the journal:

["program", slave, sha256]                              the slave's program, when its first call is made
["made", first, attempt, [[digest, description], ...]]  a job, with its calls
["handled", first, succeeded]                           a job's calls, written before the first one's handler is called
["failed", position]                                    a handled call has an error for an output, or none
["outvoted", first]                                     noted when a handled job had wrong results too
["rerun", [position, ...]]                              these calls failed and get another attempt
["left", [position, ...]]                               calls of earlier runs that a run to its end did not ask for (executors)
"""

FLUSH = 256
"""Calls to collect before their jobs are made, in one write of the journal and one submission."""

IN_FLIGHT = 10_000
"""Calls that are made and not handled, while a generator that makes more of them waits."""


class ReplayError(PyBoincError):
    """The program is not the one that the journal tells of."""


# ---- events

class CallMade(NamedTuple):
    """The program made a call. data (Encoded): its encoded input; digest (str): of slave, data and files."""

    call: Call
    program: Any
    data: Encoded
    digest: str
    description: str
    files: tuple[Attachment, ...] = ()


class ProgramBuilt(NamedTuple):
    """A slave's program is known, before the first call of it in this run."""

    slave: str
    sha256: str


class Arrival(NamedTuple):
    """One record of a result file, by job: first position, attempt, whether there is an output, and the job's run time."""

    first: str
    attempt: int
    succeeded: bool
    seconds: float = 0.0


class Arrived(NamedTuple):
    """A result file is there."""

    file: str
    records: list[Arrival]


class Failed(NamedTuple):
    """The result handed to a handler is an error."""

    position: str


class Outvoted(NamedTuple):
    """The job of the call whose result is handed to a handler had other results, which were found wrong."""

    position: str


class Flush(NamedTuple):
    """Time has passed: make the jobs of the calls collected so far."""


class Ready(NamedTuple):
    """The program's code has returned; what was handed to a handler is handled. more: it can make more calls when asked."""

    more: bool = False


# ---- instructions

class Write(NamedTuple):
    """Add to the journal, durably."""

    entries: list[Entry]


class Note(NamedTuple):
    """Add to the journal; durable with the next Write. A replay finds it out again."""

    entries: list[Entry]


class PlannedJob(NamedTuple):
    program: Any
    first: str
    attempt: int
    inputs: list[Encoded]
    files: tuple[Attachment, ...] = ()


class Submit(NamedTuple):
    """Make these jobs; those that exist stay as they are."""

    jobs: list[PlannedJob]


class Handle(NamedTuple):
    """Give the program the result of the call: entry `entry` of record `record` of the file."""

    call: Call
    file: str
    record: int
    entry: int


class PutAway(NamedTuple):
    """Every record of the file is handled: move it to ``old/``."""

    file: str


class More(NamedTuple):
    """Let the program make more calls."""


class Wait(NamedTuple):
    """Nothing to do until a result file arrives."""


class Finish(NamedTuple):
    """Every call is handled."""


Event: TypeAlias = ProgramBuilt | CallMade | Arrived | Failed | Outvoted | Flush | Ready
Instruction: TypeAlias = Write | Note | Submit | Handle | PutAway | More | Wait | Finish


class Told(NamedTuple):
    """A job that a journal tells of. handled: None if it is not, else whether it was by a record with an output."""

    first: str
    attempt: int
    positions: list[str]
    descriptions: list[str]
    handled: bool | None


@dataclass(slots=True)
class _Job:
    first: str
    attempt: int
    count: int
    expected: list[list[str]] | bytes  # digest and description of each call, as journalled; until the calls are made
    program: Any = None
    files: tuple[Attachment, ...] = ()
    inputs: list[Encoded] = field(default_factory=list)  # of the calls made in this run, in order
    out: bool = False  # submitted in this run, and no record has come

    @property
    def positions(self) -> list[str]:
        return siblings(self.first, self.count)

    @classmethod
    def told(cls, first: str, attempt: int, calls: list[list[str]]) -> _Job:
        """From a journal, which may tell of millions of calls: those of a job wait compressed until the first of them is made again."""
        return cls(first, attempt, len(calls), calls if len(calls) == 1 else zlib.compress(json.dumps(calls).encode(), 1))

    def calls(self) -> list[list[str]]:
        """Digest and description of each call."""
        if type(self.expected) is bytes:
            self.expected = json.loads(zlib.decompress(self.expected))
        return self.expected  # type: ignore[return-value]


class Master:
    """State of one run over one batch directory. Raises ReplayError if the journal does not hang together: its line and why.

    packer: says which calls share a job.  in_flight: calls made and not handled, above which a program that can make more
    when asked is not asked. When it is asked depends on the order of handled results only, so that a replay is exact.
    """

    def __init__(self, journal: Iterable[Entry], packer: Packer | None = None, in_flight: int = IN_FLIGHT) -> None:
        self._packer = packer or Packer()
        self._in_flight = in_flight
        self._programs: dict[str, str] = {}
        self._jobs: dict[str, _Job] = {}  # by first position, until handled in this run
        self._told: dict[str, _Job] = {}  # by first position: journalled by an earlier run, not made in this one yet
        self._filling: dict[str, _Job] = {}  # by parent: such a job of which some calls are made
        self._live: dict[str, tuple[Call, _Job, int]] = {}  # by position: made in this run, not handled yet; and which of the job
        self._new: list[_Job] = []  # made in this run, to be journalled and submitted
        self._again: list[_Job] = []  # journalled by an earlier run and without a record: to be submitted
        self._collected = 0  # calls of these jobs
        self._out = 0  # jobs submitted in this run of which no record has come
        self._arrived: dict[tuple[str, int, bool], tuple[str, int]] = {}  # where an Arrival is: file, number in it
        self._ready: list[_Job] = []  # a record is there, not journalled as handled
        self._settled: dict[str, bool] = {}  # jobs journalled as handled: by a record with an output?
        self._order: deque[_Job] = deque()  # jobs journalled as handled, to be handled in this run
        self._front: deque[str] = deque()  # calls of the one before these that are still to be handled
        self._failed: set[str] = set()  # of the calls journalled as handled
        self._outvoted: set[str] = set()  # jobs handled that had wrong results, by their first call
        self._left: dict[str, int] = {}  # calls that each file has still to give
        self._asked: tuple[int, int] | None = None  # calls made and handled when the program was last asked for more
        self._handling = ""  # position of the call whose result the program has in hand
        self._handled_file = ""
        self._next: dict[str, int] = {}  # by parent: number of the next call made under it
        self.left: list[str] = []
        self.made = 0
        self.handled = 0
        self._load(journal)

    def next_position(self) -> str:
        """The position of the next call that the program makes."""
        number = self._next.get(self._handling, 0)
        self._next[self._handling] = number + 1
        return child_position(self._handling, number)

    def handle(self, event: Event) -> list[Instruction]:
        """What follows from the event. Raises ReplayError if the program is not the one that the journal tells of."""
        kind = type(event)
        if kind is CallMade:
            return self._call_made(event)  # type: ignore[arg-type]
        if kind is Arrived:
            return self._file_arrived(event)  # type: ignore[arg-type]
        if kind is ProgramBuilt:
            return self._program_built(event)  # type: ignore[arg-type]
        if kind is Flush:
            return self._flush()
        if kind is Failed:
            return self._note("failed", self._failed, event.position)  # type: ignore[union-attr]
        if kind is Outvoted:
            return self._note("outvoted", self._outvoted, event.position)  # type: ignore[union-attr]
        return self._go_on(event.more)  # type: ignore[union-attr]

    # -- the journal of earlier runs

    def _load(self, journal: Iterable[Entry]) -> None:
        order: dict[str, bool] = {}  # handled jobs
        for line, entry in enumerate(journal, 1):
            kind = entry[0]
            if kind == "made":
                _, first, attempt, calls = entry
                self._jobs[first] = _Job.told(first, attempt, calls)
            elif kind == "handled":
                _, first, succeeded = entry
                if first not in self._jobs:
                    raise ReplayError(_not_made(line, first))
                order.pop(first, None)
                order[first] = succeeded
            elif kind == "program":
                self._programs[entry[1]] = entry[2]
            elif kind == "failed":
                self._failed.add(entry[1])
            elif kind == "outvoted":
                self._outvoted.add(entry[1])
            elif kind == "left":
                self.left = entry[1]
            elif kind == "rerun":
                order = self._forget(order, entry[1], line)
            else:
                raise ReplayError(f"line {line}: an entry {kind!r}, which this version of PyBOINC does not know")
        self._order.extend(self._jobs[first] for first in order)
        self._settled = order
        self._told = dict(self._jobs)

    def _forget(self, order: dict[str, bool], rerun: list[str], line: int) -> dict[str, bool]:
        """The jobs that stay handled once these calls' are to run again: not these, nor those of calls that their handlers made."""
        jobs = {position: job for job in self._jobs.values() for position in job.positions}
        again: set[str] = set()
        for position in rerun:
            if position not in jobs:
                raise ReplayError(_not_made(line, position))
        for first in {jobs[position].first for position in rerun}:
            self._jobs[first].attempt += 1
            again.update(self._jobs[first].positions)
        long = {short_parent(position): position for position in jobs}
        for position in [each for each in jobs if _descends(each, again, long)]:
            self._jobs.pop(jobs.pop(position).first, None)
        order = {first: succeeded for first, succeeded in order.items() if first not in again and first in self._jobs}
        self._failed = {each for each in self._failed if each in jobs and jobs[each].first in order}
        self._outvoted &= order.keys()
        return order

    # -- calls and their jobs

    def _program_built(self, event: ProgramBuilt) -> list[Instruction]:
        before = self._programs.get(event.slave)
        if before is None:
            self._programs[event.slave] = event.sha256
            return [Write([["program", event.slave, event.sha256]])]
        if before != event.sha256:
            raise ReplayError(
                f"{event.slave} or a module that it imports has changed since this batch was started"
                f" (program {before[:12]} then, {event.sha256[:12]} now): results of both would mix.\n"
                "Ways on: put the old version back; --batch DIR for a new batch in another folder; --fresh to start anew in this one"
                " (what is there is set aside, not deleted)."
            )
        return []

    def _call_made(self, event: CallMade) -> list[Instruction]:
        self.made += 1
        job = self._told_job(event.call.position) if self._told or self._filling else None
        if job is None:
            self._group(self._packer.add(event))
        else:
            self._made_again(event, job)
        return self._flush() if self._collected >= FLUSH else []

    def _told_job(self, position: str) -> _Job | None:
        """The job in which an earlier run made this call; calls of one parent are made in their order."""
        parent = position.rpartition(".")[0]
        job = self._filling.pop(parent, None) or self._told.pop(position, None)
        if job is not None and len(job.inputs) + 1 < job.count:
            self._filling[parent] = job
        return job

    def _made_again(self, event: CallMade, job: _Job) -> None:
        """An earlier run made this call too."""
        index = len(job.inputs)
        digest, description = job.calls()[index]
        if digest != event.digest:
            raise ReplayError(
                f"the program makes another call at position {event.call.position} than the run before:\n"
                f"  then  {description}\n  now   {event.description}\n{_HOW_TO_REPLAY}"
            )
        self._live[event.call.position] = event.call, job, index
        job.program, job.files = event.program, event.files
        job.inputs.append(event.data)
        if len(job.inputs) == job.count:
            job.expected = []
            if self._record_of(job) is None:
                self._again.append(job)
                self._collected += job.count
            else:
                self._got_ready(job)

    def _group(self, groups: list[list[CallMade]]) -> None:
        """Each group of calls becomes a job."""
        for calls in groups:
            first = calls[0]
            expected = [[each.digest, each.description] for each in calls]
            job = _Job(first.call.position, 0, len(calls), expected, first.program, first.files, [each.data for each in calls])
            self._jobs[job.first] = job
            for index, each in enumerate(calls):
                self._live[each.call.position] = each.call, job, index
            self._new.append(job)
            self._collected += len(calls)

    # -- for a program that makes its calls from a list of its own

    @property
    def told_of(self) -> list[str]:
        """The calls that the journal tells of and that are not made in this run yet."""
        return [position for job in self._told.values() for position in job.positions]

    def handled_before(self) -> list[str]:
        """Calls that an earlier run handled, and this one is to handle again once they are made, in the order of their handling."""
        return [position for job in self._order for position in job.positions]

    def jobs_before(self) -> dict[str, list[str]]:
        """The calls that share a job with others and are not made in this run yet: all of the job, by each of them."""
        shared = [job.positions for job in self._told.values() if job.count > 1]
        return {position: positions for positions in shared for position in positions}

    @property
    def in_hand(self) -> int:
        """Calls that are made and not handled."""
        return self.made - self.handled

    def _flush(self, rest: bool = False) -> list[Instruction]:
        if self._packer.holds_calls:
            self._group(self._packer.take(rest))
        out: list[Instruction] = []
        if not self._collected:
            return out
        if self._new:
            out.append(Write([["made", job.first, job.attempt, job.expected] for job in self._new]))
        jobs = self._again + self._new
        if jobs:
            out.append(Submit([PlannedJob(job.program, job.first, job.attempt, job.inputs, job.files) for job in jobs]))
            for job in jobs:
                job.inputs, job.expected, job.out = [], [], self._record_of(job) is None
                self._out += job.out
        self._new, self._again, self._collected = [], [], 0
        return out

    # -- results

    def _file_arrived(self, event: Arrived) -> list[Instruction]:
        calls = 0
        for number, (first, attempt, succeeded, seconds) in enumerate(event.records):
            job = self._jobs.get(first)
            if job is None or attempt != job.attempt or (first, attempt, succeeded) in self._arrived:
                continue  # handled already, or of an attempt that was given up
            self._arrived[first, attempt, succeeded] = event.file, number
            self._packer.measured(job.count, seconds if succeeded else 0.0)
            self._out -= job.out
            job.out = False
            if self._settled.get(first, succeeded) == succeeded:
                calls += job.count
            if all(position in self._live for position in job.positions):
                self._got_ready(job)
        self._left[event.file] = calls
        return self._put_away(event.file, 0)

    def _got_ready(self, job: _Job) -> None:
        job.inputs = []
        if job.first not in self._settled:
            self._ready.append(job)

    def _note(self, kind: str, noted: set[str], position: str) -> list[Instruction]:
        if position in noted:
            return []
        noted.add(position)
        return [Note([[kind, position]])]

    def _record_of(self, job: _Job) -> tuple[str, int] | None:
        """Where the job's result is: the one journalled as handled; else an output wins over an error."""
        prefer = self._settled.get(job.first, True)
        return self._arrived.get((job.first, job.attempt, prefer)) or self._arrived.get((job.first, job.attempt, not prefer))

    def _go_on(self, more: bool) -> list[Instruction]:
        out: list[Instruction] = []
        if self._handling:
            self._next.pop(self._handling, None)
            out += self._put_away(self._handled_file, 1)
            self._handling = ""
        if more and self.in_hand < self._in_flight and self._asked != (self.made, self.handled):
            return [*out, self._ask()]
        if not more:
            out += self._flush(rest=True)
        if not self._front:
            if not self._order and self._ready:
                out += self._settle()
            if self._order:
                self._front.extend(self._order.popleft().positions)
        if self._front:
            if self._front[0] not in self._live:
                if more and self._asked != (self.made, self.handled):
                    return [*out, self._ask()]
                raise ReplayError(self._missing_call())
            if handle := self._handle_next():
                return [*out, handle]
        out += self._flush()
        if not self._out:
            out += self._flush(rest=True)
        if self._out:
            return [*out, Wait()]
        if more:  # nothing but further calls can bring the run on
            return [*out, self._ask()]
        if self.in_hand:
            raise ReplayError(self._missing_call())
        return [*out, Finish()]

    def _ask(self) -> Instruction:
        """The program may have nothing to add until another result is handled: then it is not asked before."""
        self._asked = self.made, self.handled
        return More()

    def _missing_call(self) -> str:
        if self._front:
            what = f"the result of call {self._front[0]} was handled by an earlier run"
        else:
            job = next(job for _, job, _ in self._live.values())
            position = next(each for each in job.positions if each not in self._live)
            what = f"an earlier run made the call {position}, in one job with the call {job.first}"
        return f"{what}, but this time the program did not make that call.\n{_HOW_TO_REPLAY}"

    def _settle(self) -> list[Instruction]:
        """Fix the order in which what has arrived will be handled."""
        entries: list[Entry] = []
        late: list[Instruction] = []
        for job in self._ready:
            if job.first in self._settled:
                continue  # an output and an error came together
            succeeded = (job.first, job.attempt, True) in self._arrived
            self._settled[job.first] = succeeded
            self._order.append(job)
            entries.append(["handled", job.first, succeeded])
            if succeeded and (loser := self._arrived.get((job.first, job.attempt, False))):
                late += self._put_away(loser[0], job.count)
        self._ready = []
        return [Write(entries), *late]

    def _handle_next(self) -> Instruction | None:
        """None if the next result's file is gone from the folder: the job runs again."""
        position = self._front[0]
        call, job, index = self._live[position]
        where = self._record_of(job)
        if where is None:
            return None
        self._front.popleft()
        del self._live[position]
        self._handling = position
        self._handled_file = where[0]
        self.handled += 1
        if index == job.count - 1:
            del self._jobs[job.first]
            self._settled.pop(job.first, None)
            for succeeded in (True, False):
                self._arrived.pop((job.first, job.attempt, succeeded), None)
        return Handle(call, *where, index)

    def _put_away(self, file: str, calls: int) -> list[Instruction]:
        if file not in self._left:
            return []
        self._left[file] -= calls
        if self._left[file] > 0:
            return []
        del self._left[file]
        return [PutAway(file)]


def told(journal: Iterable[Entry]) -> tuple[list[Told], set[str], set[str]]:
    """What a journal tells: the jobs that are not given up, the handled calls that failed, and those with results that
    were outvoted. Raises ReplayError."""
    master = Master(journal)
    jobs = [
        Told(job.first, job.attempt, job.positions, [text for _, text in job.calls()], master._settled.get(job.first))
        for job in master._jobs.values()
    ]
    return jobs, master._failed, master._outvoted


def _not_made(line: int, position: str) -> str:
    return f"line {line}: damaged: it tells what became of call {position}, and no line before that it was made"


_HOW_TO_REPLAY = (
    "A run that goes on must make the same calls in the same order (so no clock, no unseeded random, no order of a set).\n"
    "Ways on: undo the change; --batch DIR for a new batch in another folder; --fresh to start anew in this one"
    " (what is there is set aside, not deleted)."
)


def _descends(position: str, ancestors: set[str], long: dict[str, str]) -> bool:
    while "." in position:
        parent = position.rpartition(".")[0]
        position = long.get(parent, parent)
        if position in ancestors:
            return True
    return False
