"""The files that travel: a job's input, its output, and its report. See docs/formats.md.

Each is one canonical pickle, put together from parts that are encoded already (the encoding has no memo).
"""

from __future__ import annotations

from ..codec import Encoded, body, dumps, encode, loads, parse
from ..errors import DecodeError

FORMAT = 1

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from ..codec import Classes

    WrittenFile = tuple[str, int, bytes]  # name, size, SHA-256
    Part = tuple[str, str, str, str, dict[str, bytes]]  # of a report, see `report_file`

MAX_FILES, MAX_FILES_SIZE = 100, 100_000_000  # that a call may write; bytes of all that a job's calls write
_NAME_MARKS = dict.fromkeys(map(ord, "_-."), "x")


def is_file_name(name: object) -> bool:
    """Is it a file's name on every system, and never a path?"""
    return type(name) is str and len(name) <= 100 and name[:1] != "." and name.isascii() and name.translate(_NAME_MARKS).isalnum()


def encode_input(value: object, classes: Classes | None = None) -> Encoded:
    """A call's input, for `input_file`. Raises EncodeError."""
    return encode(value, classes, name="input", within=2)


def encode_output(value: object, classes: Classes | None = None) -> Encoded:
    """A call's output, for `ok_entry`. Raises EncodeError."""
    return encode(value, classes, name="output", within=3)


def _part(data: bytes | Encoded) -> Encoded:
    """Bytes are read, to be sure of them; what we have encoded for this place is not."""
    return data if type(data) is Encoded else Encoded(body(data))  # type: ignore[arg-type]


def input_file(seed: int, first: str, inputs: Iterable[bytes | Encoded], data_files: Mapping[str, str] | None = None) -> bytes:
    """The input file of a job; inputs are the encoded inputs of its calls, data_files its data files: name -> file's name there."""
    parts = [_part(each) for each in inputs]
    return dumps((FORMAT, seed, first, parts, dict(data_files)) if data_files else (FORMAT, seed, first, parts))


def read_input_file(data: bytes, classes: Classes | None = None) -> tuple[int, str, list[Any], dict[str, str]]:
    """Seed, position of the first call, inputs, data files. Raises DecodeError."""
    value = loads(data, classes)
    if type(value) is tuple and len(value) in (4, 5) and value[0] == FORMAT and type(value[3]) is list:
        return value[1], value[2], value[3], value[4] if len(value) == 5 else {}
    raise DecodeError("this is not an input file of this version of PyBOINC")


def read_data_files(data: bytes) -> list[str]:
    """The data files of a job's input file by their names on the project, each once, sorted. Raises DecodeError."""
    value = parse(data)
    return sorted(set(value[4].values())) if type(value) is tuple and len(value) == 5 and type(value[4]) is dict else []


def ok_entry(output: bytes | Encoded, written: Sequence[WrittenFile] = ()) -> Encoded:
    """The entry of an output file for a call that returned; output is the encoded output, written what it says of its files."""
    return encode((True, _part(output), tuple(written)) if written else (True, _part(output)), within=2)


def error_entry(type_name: str, frames: Sequence[tuple[str, str, int]]) -> Encoded:
    """The entry for a call that raised. frames: (module, function, line) of the app's own frames, outermost first.

    This much is compared by the validator: message and traceback may differ from host to host, and are in the report.
    """
    return encode((False, type_name, tuple(frames)), within=2)


def output_file(entries: Iterable[bytes | Encoded]) -> bytes:
    """The output file of a job: one entry for each of its calls."""
    return dumps((FORMAT, [_part(each) for each in entries]))


def read_output_file(data: bytes, classes: Classes | None = None) -> list[tuple[Any, ...]]:
    """Entries: (True, output), (True, output, written files) or (False, type_name, frames). Raises DecodeError."""
    return _entries(loads(data, classes))


def parse_output_file(data: bytes) -> list[tuple[Any, ...]]:
    """The same for who has not the app's classes: outputs are neutral trees, see ``pyboinc.codec.parse``."""
    return _entries(parse(data))


def _entries(value: Any) -> list[tuple[Any, ...]]:
    if type(value) is tuple and len(value) == 2 and value[0] == FORMAT and type(value[1]) is list:
        entries: list[tuple[Any, ...]] = value[1]
        if all(_is_entry(each) for each in entries):
            return entries
    raise DecodeError("this is not an output file of this version of PyBOINC")


def _is_entry(entry: object) -> bool:
    if type(entry) is not tuple or not entry:
        return False
    if entry[0] is True:
        return len(entry) == 2 or (len(entry) == 3 and type(entry[2]) is tuple and len(entry[2]) > 0 and all(map(_is_written, entry[2])))
    return (
        entry[0] is False
        and len(entry) == 3
        and type(entry[1]) is str
        and type(entry[2]) is tuple
        and all(type(frame) is tuple and list(map(type, frame)) == [str, str, int] for frame in entry[2])
    )


def _is_part(part: object) -> bool:
    return (
        type(part) is tuple
        and list(map(type, part)) in ([str] * 4, [str] * 4 + [dict])
        and all(is_file_name(name) and type(content) is bytes for written in part[4:] for name, content in written.items())
    )


def _is_written(file: object) -> bool:
    return type(file) is tuple and list(map(type, file)) == [str, int, bytes] and is_file_name(file[0])


def report_file(parts: Sequence[tuple[str, str, str, str] | Part]) -> bytes:
    """The report of a job: (stdout, stderr, message, traceback) of each call, and the files that it wrote, name -> content.

    Empty if there is nothing to tell.
    """
    if not any(any(part) for part in parts):
        return b""
    return dumps((FORMAT, [part if part[4:] != ({},) else part[:4] for part in parts]))


def read_report_file(data: bytes) -> list[tuple[str, str, str, str] | Part]:
    """The parts of a report, none if it is empty; those without files have four members. Raises DecodeError."""
    if not data:
        return []
    value = loads(data)
    if type(value) is tuple and len(value) == 2 and value[0] == FORMAT and type(value[1]) is list:
        parts = value[1]
        if all(map(_is_part, parts)):
            return parts
    raise DecodeError("this is not a report of this version of PyBOINC")
