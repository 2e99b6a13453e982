"""What a batch directory tells of its calls: how far they are, which failed, and how. Pure: journal and records in, `Overview` out.

Which calls were handled, and which of these failed, is in the journal. Result files are needed for the calls that are not
handled yet, and for what a failed call has to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from .decisions import Entry, Told, told
from .errors import DecodeError, JobError, PyBoincError, SlaveError
from .model import Record, parse_job_name
from .records import FAILED, job_error, report_part
from .slave import files

Kind: TypeAlias = tuple[object, ...]

_RETURNED = files.output_file([files.ok_entry(files.encode_output(None))]).partition(b"\x88")[0] + b"\x88"
"""How the output file of a call that returned begins, in the canonical encoding: enough for counting 100,000 of them."""


@dataclass
class Counts:
    """Numbers of calls. arrived: their result is there and not handled yet.  failed: of those handled or arrived."""

    made: int = 0
    handled: int = 0
    arrived: int = 0
    failed: int = 0

    @property
    def in_progress(self) -> int:
        return self.made - self.handled - self.arrived


@dataclass(frozen=True)
class Failure:
    """A call that failed. error: a `SlaveError`, a `JobError`, or a `DecodeError`.  kind: equal for failures of one cause."""

    position: str
    slave: str
    description: str
    error: PyBoincError
    kind: Kind
    stdout: str = ""
    stderr: str = ""


@dataclass(frozen=True)
class Overview:
    """The state of a batch. failed: positions of all calls that failed, in the order in which they were made.

    failures: what those of them have to say whose records were looked at.  outvoted: positions of the first calls of handled
    jobs that had results which were found wrong, by the name of the host that sent them; of records looked at.  left: positions
    of calls of earlier runs that the last run to its end did not make (executors).
    """

    calls: Counts
    slaves: dict[str, Counts]
    failed: list[str]
    failures: list[Failure]
    outvoted: dict[str, list[str]]
    left: list[str]


class Ledger:
    """What the journal tells: the jobs by their first position, and the handled calls that failed. Raises ReplayError."""

    def __init__(self, journal: Iterable[Entry]) -> None:
        entries = list(journal)
        jobs, self.failed, self.outvoted = told(entries)
        self.jobs = {job.first: job for job in jobs}
        self.left: list[str] = next((entry[1] for entry in reversed(entries) if entry[0] == "left"), [])
        self._slaves = sorted({entry[1] for entry in entries if entry[0] == "program"}, key=len, reverse=True)

    def slave(self, description: str) -> str:
        """The slave of a call, by its description in the journal."""
        return next((each for each in self._slaves if description.startswith(each + "(")), description.partition("(")[0])

    def job_of(self, record: Record) -> Told | None:
        """The job that the record is of; None if it is of a given-up attempt, or of another batch."""
        parsed = parse_job_name(record.job)
        job = self.jobs.get(parsed[2]) if parsed else None
        return job if parsed and job and job.attempt == parsed[3] else None

    def may_be_in(self, file: str, details: bool) -> bool:
        """Whether the result file is needed, by its name. details: also for what handled calls that failed have to say."""
        parsed = parse_job_name(file.removesuffix(FAILED))
        if parsed is None:  # of several jobs, or renamed
            return any(self.wants(job, details) for job in self.jobs.values())
        job = self.jobs.get(parsed[2])
        return job is not None and self.wants(job, details)

    def wants(self, job: Told, details: bool) -> bool:
        """Whether the job's record is needed."""
        return job.handled is None or (details and (job.first in self.outvoted or not self.failed.isdisjoint(job.positions)))


def survey(ledger: Ledger, records: Iterable[Record], details: bool = False) -> Overview:
    """How far the batch is. records: those of at least the files that `Ledger.may_be_in` names."""
    found: dict[tuple[str, bool], list[Failure]] = {}
    outvoted: dict[str, list[str]] = {}
    for record in records:
        job = ledger.job_of(record)
        if job is not None and ledger.wants(job, details):
            found.setdefault((job.first, record.output is not None), list(_failures(ledger, job, record)))
            if record.output is not None:
                for result in record.results:
                    outvoted.setdefault(result.host, []).append(job.first)
    total = Counts()
    slaves: dict[str, Counts] = {}
    failed: list[str] = []
    failures: list[Failure] = []
    for job in ledger.jobs.values():
        prefer = job.handled is not False  # an output wins over an error, unless the error was handled
        told_of = found.get((job.first, prefer), found.get((job.first, not prefer)))
        errors = {each.position: each for each in told_of or ()}
        for position, description in zip(job.positions, job.descriptions, strict=True):
            slave = ledger.slave(description)
            counts = slaves.get(slave) or slaves.setdefault(slave, Counts())
            counts.made += 1
            if job.handled is not None:
                counts.handled += 1
            elif told_of is not None:
                counts.arrived += 1
            if position in ledger.failed or position in errors:
                counts.failed += 1
                failed.append(position)
                if details:
                    failures.append(errors.get(position) or _unknown(position, slave, description, told_of is not None))
    for counts in slaves.values():
        total.made += counts.made
        total.handled += counts.handled
        total.arrived += counts.arrived
        total.failed += counts.failed
    made = {first: number for number, first in enumerate(ledger.jobs)}
    wrong = {host: sorted(outvoted[host], key=made.__getitem__) for host in sorted(outvoted)}
    return Overview(total, slaves, failed, failures, wrong, ledger.left)


def groups(failures: Iterable[Failure]) -> list[list[Failure]]:
    """Failures of one cause together, the most frequent first."""
    by_kind: dict[Kind, list[Failure]] = {}
    for each in failures:
        by_kind.setdefault(each.kind, []).append(each)
    return sorted(by_kind.values(), key=len, reverse=True)


def _failures(ledger: Ledger, job: Told, record: Record) -> Iterator[Failure]:
    """The calls of the job that failed, by its record."""
    if len(job.positions) == 1 and record.output is not None and record.output.startswith(_RETURNED):
        return
    entries: list[tuple[object, ...]] = []
    error: PyBoincError | None = None
    if record.output is None:
        error = job_error(record)
    else:
        try:
            entries = files.parse_output_file(record.output)
        except DecodeError as refused:
            error = DecodeError(f"the output can't be read: {refused}")
    for index, (position, description) in enumerate(zip(job.positions, job.descriptions, strict=True)):
        if error is None and index < len(entries) and entries[index][0] is True:
            continue
        slave = ledger.slave(description)
        stdout, stderr, message, trace = report_part(record, index)
        if isinstance(error, JobError):
            yield Failure(position, slave, description, error, (slave, *_job_kind(record)), stdout, stderr)
        elif error or index >= len(entries):
            what = error or DecodeError("the output file has no entry for this call")
            yield Failure(position, slave, description, what, (slave, "unreadable"), stdout, stderr)
        else:
            _, name, frames = entries[index]
            yield Failure(position, slave, description, SlaveError(str(name), message, trace), (slave, name, frames), stdout, stderr)


def _job_kind(record: Record) -> Kind:
    """One cause: the same error mask, ends of results, and kind of exception in the last line of the last one's stderr."""
    ends = sorted({(int(each.outcome), each.exit_status) for each in record.results})
    last = record.results[-1].stderr.strip().rpartition("\n")[2].partition(":")[0] if record.results else ""
    return int(record.error_mask), tuple(ends), last


def _unknown(position: str, slave: str, description: str, is_there: bool) -> Failure:
    """The journal says that the call failed, and no record says how."""
    text = "the output can't be read with the program's classes" if is_there else "its result file is not in the folder any more"
    return Failure(position, slave, description, DecodeError(text), (slave, text))
