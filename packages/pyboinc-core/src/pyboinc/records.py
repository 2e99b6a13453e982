"""Result files: what arrives in ``new/``. One file holds the records of one or more jobs. See docs/formats.md."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

from .codec import dumps, loads
from .errors import DecodeError, JobError
from .model import Record, ResultSummary, mask_text
from .slave import files

FORMAT = 1
FAILED = "-failed"
"""How the name of a file ends that holds the error of one job."""


def dump_records(records: Sequence[Record]) -> bytes:
    """The content of a result file."""
    return dumps((FORMAT, [_plain(each) for each in records]))


def load_records(data: bytes) -> list[Record]:
    """The records of a result file. Raises DecodeError."""
    value = loads(data)
    if not (type(value) is tuple and len(value) == 2 and value[0] == FORMAT and type(value[1]) is list):
        raise DecodeError("this is not a result file of this version of PyBOINC")
    if not all(_is_record(each) for each in value[1]):
        raise DecodeError("this result file holds a record of another form")
    return [
        Record(job, output, report, mask, tuple(ResultSummary(*each) for each in results), elapsed)
        for job, output, report, mask, results, elapsed in value[1]
    ]


def _is_record(value: object) -> bool:
    return (
        type(value) is tuple
        and list(map(type, value)) in ([str, bytes, bytes, int, tuple, float], [str, type(None), bytes, int, tuple, float])
        and all(type(each) is tuple and list(map(type, each)) == [int, int, str, str, int] for each in value[4])
    )


def report_part(record: Record, index: int) -> tuple[str, str, str, str]:
    """stdout, stderr, message, traceback of a call; empty if the report has none or is damaged: nobody has validated it."""
    parts = _parts(record.report)
    if index >= len(parts):
        return "", "", "", ""
    stdout, stderr, message, trace = parts[index][:4]
    return stdout, stderr, message, trace


def contents(record: Record, index: int) -> dict[str, bytes]:
    """The files that a call wrote, name -> content; not validated."""
    parts = _parts(record.report)
    return parts[index][4] if index < len(parts) and len(parts[index]) == 5 else {}  # type: ignore[misc]


@functools.lru_cache(maxsize=1)
def _parts(report: bytes) -> list[tuple[str, str, str, str] | files.Part]:
    """Read once for all calls of a job, which ask one after another; a report may be large."""
    try:
        return files.read_report_file(report)
    except DecodeError:
        return []


def job_error(record: Record) -> JobError:
    """Why a record has no output."""
    return JobError(f"job {record.job} failed: {mask_text(record.error_mask)}", record.job, record.error_mask, record.results)


def _plain(record: Record) -> tuple[object, ...]:
    results = tuple((int(each.outcome), each.exit_status, each.host, each.stderr, int(each.validate_state)) for each in record.results)
    return (record.job, record.output, record.report, int(record.error_mask), results, float(record.elapsed))


def file_name(records: Sequence[Record]) -> str:
    """The name of the file that holds these records: the same jobs, the same name, so that a repeated delivery replaces itself.

    But not the error of a job by its late output, nor the other way: the master goes by the one that it has handled first.

    >>> five, six = Record("pyboinc_1_c0ffee_5", b"..."), Record("pyboinc_1_c0ffee_6", b"...")
    >>> file_name([five]), file_name([Record("pyboinc_1_c0ffee_5", None)])
    ('pyboinc_1_c0ffee_5', 'pyboinc_1_c0ffee_5-failed')
    >>> file_name([five, six])
    'pyboinc_1_c0ffee_5+1-ad5eea30'
    """
    names = [each.job if each.output is not None else each.job + FAILED for each in records]
    if len(names) == 1:
        return names[0]
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:8]
    return f"{records[0].job}+{len(names) - 1}-{digest}"
