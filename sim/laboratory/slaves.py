"""What slaves give: on each platform, with data files and files that come back.

It follows from program, input and platform, so that each is computed once, whatever the number of hosts, runs and seeds.
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, NamedTuple

from pyboinc.codec import Instance
from pyboinc.errors import DecodeError
from pyboinc.model import Attachment
from pyboinc.slave.channel import Channel
from pyboinc.slave.files import parse_output_file, read_report_file
from pyboinc.slave.runner import HostFault, Program, run_job
from pyboinc_local import worker

from .plan import BITWISE

DATA = {"lab_two": b"2", "lab_three": b"3"}
"""The data files: by what each multiplies an output."""
_scratch = tempfile.TemporaryDirectory(prefix="pyboinc_lab_")


def attachment(name: str) -> Attachment:
    return Attachment(name, hashlib.sha256(DATA[name]).hexdigest(), len(DATA[name]), name)


@functools.cache
def _folder(process: int) -> str:
    """Where slaves run: programs, and data files as they come from the project."""
    folder = os.path.join(_scratch.name, str(process))
    os.mkdir(folder)
    for name, content in DATA.items():
        Path(folder, attachment(name).file_name).write_bytes(content)
    return folder


@functools.cache
def _program(data: bytes, profile: str) -> Program:
    path = os.path.join(_folder(os.getpid()), f"{hashlib.sha256(data).hexdigest()}.pyz")
    with open(path, "wb") as file:
        file.write(data)
    return worker.load(path, profile)


class Ran(NamedTuple):
    """What a job of so many calls gives on an honest host."""

    output: bytes
    report: bytes
    calls: int

    @property
    def files(self) -> list[dict[str, bytes]]:
        return written(self.report)


def written(report: bytes) -> list[dict[str, bytes]]:
    """The files in a report that each call has written; none are in what is no report."""
    try:
        return [part[4] if len(part) == 5 else {} for part in read_report_file(report)]
    except DecodeError:
        return []


@functools.lru_cache(200_000)
def outcome(program: bytes, data: bytes, profile: str) -> Ran | None:
    """On a host with this arithmetic. None if the host is at fault."""
    before = os.getcwd()
    os.chdir(_folder(os.getpid()))  # a slave writes its files there
    try:
        output, report = run_job(_program(program, profile), data, lambda: ("", ""), Channel())
    except HostFault:
        return None
    finally:
        os.chdir(before)
    return Ran(output, report, len(parse_output_file(output)))


def said(comparator: str) -> Callable[[bytes], Hashable]:
    """What must be the same of output files that agree. By what the program means, and not as PyBOINC's own comparators do it."""
    return bytes if comparator == BITWISE else _rounded


@functools.lru_cache(10_000)
def _rounded(output: bytes) -> Hashable:
    try:
        entries = parse_output_file(output)
    except DecodeError:
        return output
    return repr([[_fields(part) if isinstance(part, Instance) else part for part in entry] for entry in entries])


def _fields(instance: Instance) -> dict[str, Any]:
    return {name: f"{value:.9e}" if type(value) is float else value for name, value in instance.fields.items()}
