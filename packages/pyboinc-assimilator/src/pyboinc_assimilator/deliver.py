"""Puts records into a batch directory."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pyboinc.batchdir import NEW
from pyboinc.model import Record, parse_job_name
from pyboinc.ports import FileSystem, arrive
from pyboinc.records import dump_records, file_name


def deliver(fs: FileSystem, batch_folder: str, records: Sequence[Record]) -> None:
    """Put the records into ``new/`` as one file, whole or not at all; again after a crash is harmless.

    The name of the file comes from the names of the jobs, and the master takes the first record of each. Raises OSError
    if the folder can't be written, ValueError if a job's name is not one that PyBOINC gives: nothing is written outside
    the folder, whatever a database says.
    """
    for record in records:
        if parse_job_name(record.job) is None:
            raise ValueError(f"{record.job[:80]!r} is not the name of a job of PyBOINC")
    arrive(fs, os.path.join(batch_folder, NEW), file_name(records), dump_records(records))
