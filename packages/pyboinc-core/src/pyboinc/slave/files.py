"""The files that travel: a job's input, its output, and its report. See docs/formats.md.

Each is one canonical pickle, put together from parts that are encoded already (the encoding has no memo).
"""

from __future__ import annotations

from ..codec import Encoded, body, dumps, encode, loads, parse
from ..errors import DecodeError

FORMAT = 1

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from ..codec import Classes


def encode_input(value: object, classes: Classes | None = None) -> Encoded:
    """A call's input, for `input_file`. Raises EncodeError."""
    return encode(value, classes, name="input", within=2)


def encode_output(value: object, classes: Classes | None = None) -> Encoded:
    """A call's output, for `ok_entry`. Raises EncodeError."""
    return encode(value, classes, name="output", within=3)


def _part(data: bytes | Encoded) -> Encoded:
    """Bytes are read, to be sure of them; what we have encoded for this place is not."""
    return data if type(data) is Encoded else Encoded(body(data))  # type: ignore[arg-type]


def input_file(seed: int, first: str, inputs: Iterable[bytes | Encoded]) -> bytes:
    """The input file of a job; inputs are the encoded inputs of its calls."""
    return dumps((FORMAT, seed, first, [_part(each) for each in inputs]))


def read_input_file(data: bytes, classes: Classes | None = None) -> tuple[int, str, list[Any]]:
    """Seed, position of the first call, inputs. Raises DecodeError."""
    value = loads(data, classes)
    if type(value) is tuple and len(value) == 4 and value[0] == FORMAT and type(value[3]) is list:
        return value[1:]
    raise DecodeError("this is not an input file of this version of PyBOINC")


def ok_entry(output: bytes | Encoded) -> Encoded:
    """The entry of an output file for a call that returned; output is the encoded output."""
    return encode((True, _part(output)), within=2)


def error_entry(type_name: str, frames: Sequence[tuple[str, str, int]]) -> Encoded:
    """The entry for a call that raised. frames: (module, function, line) of the app's own frames, outermost first.

    This much is compared by the validator: message and traceback may differ from host to host, and are in the report.
    """
    return encode((False, type_name, tuple(frames)), within=2)


def output_file(entries: Iterable[bytes | Encoded]) -> bytes:
    """The output file of a job: one entry for each of its calls."""
    return dumps((FORMAT, [_part(each) for each in entries]))


def read_output_file(data: bytes, classes: Classes | None = None) -> list[tuple[Any, ...]]:
    """Entries: (True, output) or (False, type_name, frames). Raises DecodeError."""
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
        return len(entry) == 2
    return (
        entry[0] is False
        and len(entry) == 3
        and type(entry[1]) is str
        and type(entry[2]) is tuple
        and all(type(frame) is tuple and list(map(type, frame)) == [str, str, int] for frame in entry[2])
    )


def report_file(parts: Sequence[tuple[str, str, str, str]]) -> bytes:
    """The report of a job: (stdout, stderr, message, traceback) of each call; empty if there is nothing to tell."""
    if not any(any(part) for part in parts):
        return b""
    return dumps((FORMAT, list(parts)))


def read_report_file(data: bytes) -> list[tuple[str, str, str, str]]:
    """The parts of a report, none if it is empty. Raises DecodeError."""
    if not data:
        return []
    value = loads(data)
    if type(value) is tuple and len(value) == 2 and value[0] == FORMAT and type(value[1]) is list:
        parts = value[1]
        if all(type(part) is tuple and list(map(type, part)) == [str] * 4 for part in parts):
            return parts
    raise DecodeError("this is not a report of this version of PyBOINC")
