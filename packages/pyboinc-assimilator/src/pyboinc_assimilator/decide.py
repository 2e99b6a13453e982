"""Which record a workunit's end makes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pyboinc.model import ErrorMask, Record, ResultSummary, parse_job_name
from pyboinc.rows import BatchRow, WorkunitRow

INVALID = 2  # result.validate_state
LOST = "lost_"
"""How the name of a workunit begins whose output can't be delivered again: a new one has its old name."""


@dataclass(frozen=True)
class Workunit:
    """What the project knows of a workunit.

    canonical (tuple[bytes, bytes] | None): output file and report of the canonical result, if there is one.
    error_mask (int): see `pyboinc.model.ErrorMask`.  results: how its results ended; beside a canonical result, those found
    invalid.  elapsed (float): seconds that the canonical result ran (`elapsed_time` of its row), 0 if that is not known.
    """

    name: str
    canonical: tuple[bytes, bytes] | None
    error_mask: int
    results: tuple[ResultSummary, ...] = ()
    elapsed: float = 0.0


def decide(workunit: Workunit) -> Record | None:
    """The record to deliver; None while the workunit is neither done nor failed.

    A canonical result wins over an error mask: BOINC accepts a late success of a workunit that has failed.
    """
    if workunit.canonical is not None:
        return Record(workunit.name, *workunit.canonical, 0, workunit.results, workunit.elapsed)
    if workunit.error_mask:
        return Record(workunit.name, None, b"", workunit.error_mask, workunit.results)
    return None


CANCELLED = "cancelled"


class Skip(NamedTuple):
    """No record is made for the workunit, and why. mark: it counts as assimilated all the same."""

    why: str
    mark: bool


def verdict(row: WorkunitRow, batch: BatchRow | None) -> Skip | None:
    """Whether the workunit is PyBOINC's, and its batch still wants to hear of it; None if so.

    >>> verdict(WorkunitRow(5, "x", 7, 0, 1), None).why
    'batch 7 is not one of PyBOINC'
    """
    if batch is None:
        return Skip(f"batch {row.batch} is not one of PyBOINC", mark=False)
    if batch.state == "retired":
        return Skip("its batch is retired", mark=True)
    parsed = parse_job_name(row.name)
    if parsed is None or parsed[:2] != (batch.id, batch.token):
        given_up = row.name.startswith(LOST)
        return Skip("another one has taken its place" if given_up else "its name is not one of its batch", mark=given_up)
    return None


def workunit_of(row: WorkunitRow, batch: BatchRow, output: bytes | None, report: bytes) -> Workunit:
    """What its record is made of. output: of the canonical result, None if there is none or its file is gone.

    A cancelled batch gets no more outputs: its master has ended with those that were there.
    """
    telling = [each for each in row.results if each.validate_state == INVALID or not row.canonical_resultid]
    mask = row.error_mask
    if batch.state == CANCELLED:
        output, mask = None, mask | ErrorMask.CANCELLED
    elif output is None:
        mask = mask or ErrorMask.NO_CANONICAL_RESULT
    results = tuple(ResultSummary(each.outcome, each.exit_status, each.host, said(each.stderr), each.validate_state) for each in telling)
    elapsed = row.canonical.elapsed_time if row.canonical else 0.0
    return Workunit(row.name, None if output is None else (output, report), mask, results, elapsed)


def said(stderr_out: bytes) -> str:
    """What a task has said, out of ``result.stderr_out``: its standard error, or if that is empty the client's own message.

    >>> said(b"<message>\\nexit 1</message>\\n<stderr_txt>\\nno\\n\\n</stderr_txt>\\n")
    'no\\n\\n'
    """
    text = stderr_out.decode("utf-8", "replace")
    stderr, _ = _element(text, "stderr_txt")
    if stderr.strip():
        return stderr
    message, closed = _element(text, "message")
    return message.rstrip() if closed else text


def _element(text: str, name: str) -> tuple[str, bool]:
    """What follows <name>, and whether </name> ends it. Not by a regular expression: the text is a stranger's, and one that
    looks for white space at its end takes a time that grows with the square of it."""
    content, closed, _ = text.partition(f"<{name}>")[2].removeprefix("\n").partition(f"</{name}>")
    return content, bool(closed)
