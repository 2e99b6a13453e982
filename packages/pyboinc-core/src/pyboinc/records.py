"""Result files: what arrives in ``new/``. One file holds the records of one or more jobs. See docs/formats.md."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from .codec import dumps, loads
from .errors import DecodeError
from .model import Record, ResultSummary

FORMAT = 1


def dump_records(records: Sequence[Record]) -> bytes:
    """The content of a result file."""
    return dumps((FORMAT, [_plain(each) for each in records]))


def load_records(data: bytes) -> list[Record]:
    """The records of a result file. Raises DecodeError."""
    value = loads(data)
    if not (type(value) is tuple and len(value) == 2 and value[0] == FORMAT and type(value[1]) is list):
        raise DecodeError("this is not a result file of this version of PyBOINC")
    try:
        return [
            Record(job, output, report, mask, tuple(ResultSummary(*each) for each in results))
            for job, output, report, mask, results in value[1]
        ]
    except (TypeError, ValueError) as error:
        raise DecodeError(f"this result file holds a record of another form: {error}") from None


def _plain(record: Record) -> tuple[object, ...]:
    results = tuple((int(each.outcome), each.exit_status, each.host, each.stderr) for each in record.results)
    return (record.job, record.output, record.report, int(record.error_mask), results)


def file_name(jobs: Sequence[str]) -> str:
    """The name of the file that holds these jobs' records: the same jobs, the same name, so that a repeated delivery
    replaces itself.

    >>> file_name(["pyboinc_1_c0ffee_5"])
    'pyboinc_1_c0ffee_5'
    >>> file_name(["pyboinc_1_c0ffee_5", "pyboinc_1_c0ffee_6"])
    'pyboinc_1_c0ffee_5+1-ad5eea30'
    """
    if len(jobs) == 1:
        return jobs[0]
    digest = hashlib.sha256("\n".join(jobs).encode()).hexdigest()[:8]
    return f"{jobs[0]}+{len(jobs) - 1}-{digest}"
