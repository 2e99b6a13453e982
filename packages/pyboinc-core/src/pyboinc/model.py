"""What everybody talks about: batches, calls, jobs, their settings and records, and BOINC's own numbers.

States, outcomes and masks have the names and values of BOINC's database (its source, `db/boinc_db_types.h`).
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import PyBoincError

if TYPE_CHECKING:
    from .bundle import Program
    from .ports import Clock, FileSystem
    from .wasm.runtime import Runtime


class Outcome(IntEnum):
    """How one result, an instance of a job on one host, ended."""

    INIT = 0
    SUCCESS = 1
    COULDNT_SEND = 2
    CLIENT_ERROR = 3
    NO_REPLY = 4
    DIDNT_NEED = 5
    VALIDATE_ERROR = 6
    CLIENT_DETACHED = 7


class ErrorMask(IntFlag):
    """Why a job (workunit) can't succeed."""

    COULDNT_SEND_RESULT = 1
    TOO_MANY_ERROR_RESULTS = 2
    TOO_MANY_SUCCESS_RESULTS = 4
    TOO_MANY_TOTAL_RESULTS = 8
    CANCELLED = 16
    NO_CANONICAL_RESULT = 32


MASK_TEXTS = {
    ErrorMask.COULDNT_SEND_RESULT: "no host could be sent it",
    ErrorMask.TOO_MANY_ERROR_RESULTS: "too many of its results ended in an error",
    ErrorMask.TOO_MANY_SUCCESS_RESULTS: "too many results came back and no quorum of them agreed",
    ErrorMask.TOO_MANY_TOTAL_RESULTS: "too many results were made",
    ErrorMask.CANCELLED: "it was cancelled",
    ErrorMask.NO_CANONICAL_RESULT: "no result was found correct",
}


def mask_text(mask: int) -> str:
    """An error mask in words.

    >>> mask_text(18)
    'too many of its results ended in an error, it was cancelled'
    """
    return ", ".join(text for bit, text in MASK_TEXTS.items() if mask & bit) or f"error mask {mask}"


class SettingsError(PyBoincError):
    """A setting is unknown or has a wrong value.

    table, key (str): where pyboinc.toml has the setting, e.g. "job" and "quorum"; empty if it is not of that file. Who knows
    the file adds the place, see `pyboinc.settings.placed`.
    """

    def __init__(self, text: str, table: str = "", key: str = "") -> None:
        super().__init__(text)
        self.table = table
        self.key = key


def _setting(default: Any, low: float | None = None, unit: str = "") -> Any:
    return field(default=default, metadata={"low": low, "unit": unit})


@dataclass(frozen=True)
class JobSettings:
    """What holds for each job of a batch: what BOINC keeps in a workunit's row, and what the program needs.

    quorum: results that must agree (min_quorum); None means the backend's own: 1 on the local project, on a BOINC project
    that of the app.  replication: results made at first (target_nresults); None means the quorum.  deadline: seconds a host has
    (delay_bound).  memory, disk: bytes (rsc_memory_bound, rsc_disk_bound).  fpops_estimate, fpops_bound: floating-point
    operations of one job (rsc_fpops_est, rsc_fpops_bound).
    max_error_results, max_total_results, max_success_results: a job that passes one of them has failed.
    max_output: bytes of a job's output file.  priority: higher is sent first.  own_hosts_only: only the submitter's
    hosts get the jobs; implies quorum 1.  comparator: how outputs are compared, e.g. "bitwise", "tolerance:relative=1e-9",
    "ulp:4" (see `pyboinc_validator.comparators`).  requires: distributions that a host's Python must have, e.g. ("numpy",).
    seed: what each call's `random` is seeded from, together with the call's position.
    calls_per_job: how many calls share a job.  job_minutes: in place of that, what a job shall take on a typical host: as
    many calls share one as the run times of the first ones suggest.  data_lifetime: seconds for which a volunteer's computer keeps
    a data file after a job has used it last, for those that may come.

    The limits' defaults and meanings are those of BOINC's job templates (its wiki page JobTemplates).
    """

    quorum: int | None = _setting(None, 1)
    replication: int | None = _setting(None, 1)
    deadline: float = _setting(7 * 86400.0, 1, "seconds")
    memory: float = _setting(500e6, 1, "bytes")
    disk: float = _setting(1e9, 1, "bytes")
    fpops_estimate: float = _setting(3600e9, 1, "floating-point operations")
    fpops_bound: float = _setting(86400e9, 1, "floating-point operations")
    max_error_results: int = _setting(3, 0)
    max_total_results: int = _setting(10, 1)
    max_success_results: int = _setting(6, 1)
    max_output: int = _setting(100_000_000, 1, "bytes")
    priority: int = _setting(0)
    own_hosts_only: bool = _setting(False)
    comparator: str = _setting("bitwise")
    requires: tuple[str, ...] = _setting(())
    seed: int = _setting(0)
    calls_per_job: int = _setting(1, 1)
    job_minutes: float | None = _setting(None, 0.001, "minutes")
    data_lifetime: float = _setting(7 * 86400.0, 0, "seconds")

    def __post_init__(self) -> None:
        for each in fields(self):
            value = _checked(each.name, str(each.type), getattr(self, each.name), each.metadata)
            object.__setattr__(self, each.name, value)
        if self.own_hosts_only and self.min_quorum != 1:
            raise SettingsError("own_hosts_only implies quorum 1: leave out one of own_hosts_only and quorum")
        if self.target_nresults < self.min_quorum:
            raise SettingsError(f"replication is {self.replication}, less than the quorum, {self.quorum}: it could never be reached")
        if self.job_minutes is not None and self.calls_per_job != 1:
            raise SettingsError("calls_per_job and job_minutes exclude each other: a job has a number of calls or a time to fill")
        if self.fpops_bound < self.fpops_estimate:
            raise SettingsError("fpops_bound is less than fpops_estimate: every host would end the job as too long")

    @property
    def min_quorum(self) -> int:
        """Results that must agree, BOINC's word for `quorum`; 1 if nothing is said."""
        return self.quorum or 1

    @property
    def target_nresults(self) -> int:
        """Results made at first, BOINC's word for `replication`."""
        return self.replication or self.min_quorum

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> JobSettings:
        """Settings from a table such as `[job]` in pyboinc.toml; raises SettingsError that names the key."""
        return cls().with_(values)

    def with_(self, values: Mapping[str, Any]) -> JobSettings:
        """These settings with some replaced; raises SettingsError that names the key."""
        known = [each.name for each in fields(self)]
        for name in values:
            if name not in known:
                raise SettingsError(f"unknown job setting {name!r}{nearest(name, known)}")
        return replace(self, **values)


def _checked(name: str, annotation: str, value: Any, metadata: Mapping[str, Any]) -> Any:
    kind = annotation.split(" |")[0].split("[")[0]
    if value is None and "None" in annotation:
        return None
    if kind == "tuple":
        if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(each, str) for each in value):
            raise SettingsError(f"{name} = {describe(value)}: must be a list of names, e.g. ['numpy']")
        return tuple(value)
    types: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}
    if not isinstance(value, types[kind]) or (kind != "bool" and isinstance(value, bool)):
        word = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}[kind]
        raise SettingsError(f"{name} = {describe(value)}: must be {word}")
    low = metadata["low"]
    if low is not None and not value >= low:
        raise SettingsError(f"{name} = {describe(value)}: must be at least {low}{' ' + metadata['unit'] if metadata['unit'] else ''}")
    if kind == "float" and isinstance(value, (int, float)) and not abs(value) <= sys.float_info.max:
        raise SettingsError(f"{name} = {describe(value)}: must be finite")
    return value


def nearest(name: str, known: Sequence[str], what: str = "known are") -> str:
    """The end of an error about a name: known names, the nearest first.

    >>> nearest("quorm", ["seed", "quorum"])
    "; did you mean 'quorum'? known are: quorum, seed"
    """
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    ordered = close + sorted(each for each in known if each not in close)
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    return f"{hint} {what}: {', '.join(ordered) or 'none'}"


@dataclass(frozen=True, slots=True)
class Call:
    """One `pyboinc_call`.

    position (str): its place in the run, as a path: ``"12"`` is made by make_calls, ``"12.0"`` is the first one made
    while the result of 12 is handled.  slave (str): the script.  input: the object that it gets.  name: the caller's
    own label, or None.
    """

    position: str
    slave: str
    input: Any
    name: str | None = None

    def __str__(self) -> str:
        label = f" {self.name!r}" if self.name else ""
        return f"call {self.position}{label}: {self.slave}({describe(self.input)})"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A data file of the user's that goes with calls.

    name (str): what the slave asks for, see `pyboinc.data_file`.  sha256 (str): of its content, in hexadecimal.
    size (int): bytes.  path (str): where it is on the master's computer.
    """

    name: str
    sha256: str
    size: int
    path: str = field(compare=False)

    @property
    def file_name(self) -> str:
        """What it is called on servers and volunteers' computers, where files of other batches are too.

        >>> Attachment("table.csv", "c0ffee" * 10 + "beef", 5, "/home/me/table.csv").file_name
        'data_c0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ff'
        """
        return f"data_{self.sha256[:40]}"


@dataclass(frozen=True, slots=True)
class Job:
    """One BOINC job (workunit): `count` calls beside one another, the first at position `first`.

    name (str): unique in the project; says batch, token, position and attempt.  data (bytes): the input file.
    files: the data files that the slave may read.
    """

    name: str
    program: Program
    first: str
    count: int
    attempt: int
    data: bytes = field(repr=False)
    files: tuple[Attachment, ...] = ()


def job_name(batch_id: int, token: str, first: str, attempt: int) -> str:
    """The one name of a job: made again after a crash it is the same, so that no job is made twice.

    >>> job_name(7, "c0ffee", "12.0", 0), job_name(7, "c0ffee", "12", 1)
    ('pyboinc_7_c0ffee_12.0', 'pyboinc_7_c0ffee_12_r1')
    """
    return f"pyboinc_{batch_id}_{token}_{first}{f'_r{attempt}' if attempt else ''}"


POSITION = r"(?:x[0-9a-f]{16}\.)?[0-9]{1,18}(?:\.[0-9]{1,18})*"
"""A call's position, as a regular expression."""
_JOB_NAME = re.compile(rf"pyboinc_([0-9]{{1,18}})_([0-9a-f]+)_({POSITION})(?:_r([0-9]{{1,18}}))?")
MAX_POSITION = 80  # characters: a job's name must fit into a file's name and BOINC's 254


def child_position(parent: str, number: int) -> str:
    """The position of a call made while the result of `parent` is handled; parent "" is make_calls.

    A long chain of calls stays short: a path that would be too long begins with a digest of the parent's instead.

    >>> child_position("", 12), child_position("12", 0)
    ('12', '12.0')
    >>> child_position("1." * 40 + "1", 7)
    'xf83ef97a53c6e878.7'
    """
    if not parent:
        return str(number)
    if len(parent) > MAX_POSITION - 8:
        parent = short_parent(parent)
    return f"{parent}.{number}"


def short_parent(position: str) -> str:
    """What stands for a position at the beginning of its children's, if it is too long."""
    return "x" + hashlib.sha256(position.encode()).hexdigest()[:16]


def parse_job_name(name: str) -> tuple[int, str, str, int] | None:
    """Batch, token, first position and attempt of a job's name; None if it is not one of ours.

    >>> parse_job_name("pyboinc_7_c0ffee_12_r1")
    (7, 'c0ffee', '12', 1)
    """
    match = _JOB_NAME.fullmatch(name)
    return match and (int(match[1]), match[2], match[3], int(match[4] or 0))


def next_sibling(position: str) -> str:
    """
    >>> next_sibling("12"), next_sibling("12.0")
    ('13', '12.1')
    """
    parent, dot, last = position.rpartition(".")
    return f"{parent}{dot}{int(last) + 1}"


def siblings(first: str, count: int) -> list[str]:
    """Positions of the calls of a job.

    >>> siblings("12.0", 3)
    ['12.0', '12.1', '12.2']
    """
    if count == 1:
        return [first]
    parent, dot, last = first.rpartition(".")
    return [f"{parent}{dot}{int(last) + k}" for k in range(count)]


@dataclass
class Batch:
    """A run's jobs on one backend, with the folder in which their records arrive.

    id (int): the project's number for it, 0 until the backend has given it.  token (str): random, made with the folder.
    folder (str): the batch directory.  project (str): the project's home, empty on the local project.
    options: the backend's own table of pyboinc.toml.  runtime: the deterministic runtime in which slaves run, None natively.
    """

    id: int
    token: str
    folder: str
    backend: str
    project: str
    settings: JobSettings
    options: Mapping[str, Any]
    fs: FileSystem = field(repr=False)
    clock: Clock = field(repr=False)
    runtime: Runtime | None = None


@dataclass(frozen=True)
class ResultSummary:
    """One result of a job, as its record tells it. stderr is a stranger's text.

    validate_state (int): BOINC's; 2 is invalid, that is outvoted.
    """

    outcome: int
    exit_status: int
    host: str = ""
    stderr: str = ""
    validate_state: int = 0


class ResultCount(NamedTuple):
    """How many of a batch's results are alike.

    platform (str): of the app version that was sent, BOINC's name for it; empty if no host has got the results.
    server_state, outcome, validate_state (int): BOINC's, see `pyboinc.states`.
    turnaround: they came back between `2**turnaround` and twice as many seconds after they were sent; None if they have not.
    """

    platform: str
    server_state: int
    outcome: int
    validate_state: int
    turnaround: int | None
    number: int


@dataclass(frozen=True, slots=True)
class Record:
    """What a batch directory gets for one job: its output, or why there is none.

    output (bytes | None): the canonical result's output file, None if the job failed.  report (bytes): its second
    output file, what the slave printed and full tracebacks; may be empty.  error_mask (int): see `ErrorMask`.
    results: a summary of each result if the job failed, else of those found invalid.
    elapsed (float): seconds that the canonical result ran (BOINC's elapsed_time), 0 if that is not known.
    """

    job: str
    output: bytes | None
    report: bytes = b""
    error_mask: int = 0
    results: tuple[ResultSummary, ...] = ()
    elapsed: float = 0.0


def describe(value: object, limit: int = 80) -> str:
    """A value in one short line, for messages: plain objects show their fields.

    >>> class Input:
    ...     def __init__(self, value): self.value = value
    >>> describe(Input(13))
    'Input(value=13)'
    """
    state = getattr(value, "__dict__", None)
    if state is not None and type(value).__repr__ is object.__repr__:
        text = f"{type(value).__name__}({', '.join(f'{key}={_short(each, limit)}' for key, each in state.items())})"
    else:
        text = _short(value, limit)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _short(value: object, limit: int) -> str:
    if isinstance(value, (bytes, str, bytearray)):
        return repr(value[:limit])
    if isinstance(value, (list, tuple, set, frozenset, dict)) and len(value) > limit // 3:
        return f"{type(value).__name__} of {len(value)}"
    try:
        return repr(value)
    except Exception as error:  # a user's own __repr__
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
