"""Wrong outputs, as hosts that are faulty or lie return them: well-formed, with one value changed.

No two hosts lie alike, whatever the output: otherwise liars would agree with each other, or with the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from struct import pack, unpack
from typing import Any

from pyboinc.codec import Array, Instance, Made, Scalar, dumps
from pyboinc.errors import DecodeError, EncodeError
from pyboinc.slave.files import FORMAT, parse_output_file

_FLOATS = {2: ("<e", 11), 4: ("<f", 24), 8: ("<d", 53)}  # bytes: format, binary digits


def wrong_output(output: bytes, liar: int) -> bytes:
    """The output file with a part of its first entry changed: the first number, else the first text, else anything.

    What is no output file, such as a `Model`'s token, gets an end that is the liar's own.
    liar: its number, 1 or more; another number, another lie.
    """
    try:
        first, *others = parse_output_file(output) or [(True, None)]
    except DecodeError:
        return b"%b wrong %d" % (output, liar)
    if first[0] is False:  # the app's exception; no frame need be there
        return dumps((FORMAT, [(False, f"{first[1]} {liar}", first[2]), *others]))
    for change in (_number, _text, _anything):
        changed = _changed(first[1], liar, change)
        if changed is not None:
            break
    try:
        return dumps((FORMAT, [(True, changed), *others]))
    except EncodeError:  # a set can't take one more member of this hash
        return dumps((FORMAT, [(True, f"wrong {liar}"), *others]))


def _changed(value: Any, host: int, change: Callable[[Any, int], Any]) -> Any:
    """The value with the first part changed that can be; None if none can."""
    changed = change(value, host)
    if changed is not None:
        return changed
    if isinstance(value, (list, tuple, dict)):
        return _inside(value, host, change)
    if isinstance(value, Made) and len(value.args) > 1:
        args = _inside(value.args, host, change)
        return None if args is None else Made(value.module, value.name, args)
    if isinstance(value, Instance):
        state = value.state
        if isinstance(state, tuple):  # attributes or None, and slots
            attributes, slots = state
            changed = _inside(attributes or {}, host, change)
            if changed is None:
                changed = _inside(slots, host, change)
                state = None if changed is None else (attributes, changed)
            else:
                state = changed, slots
        else:
            state = _inside(state, host, change)
        return None if state is None else Instance(value.module, value.name, state)
    return None


def _inside(value: Any, host: int, change: Callable[[Any, int], Any]) -> Any:
    """The same for the members of a list, tuple or dict."""
    for place in value if isinstance(value, dict) else range(len(value)):
        part = _changed(value[place], host, change)
        if part is not None:
            items = value.copy() if isinstance(value, dict) else list(value)
            items[place] = part
            return tuple(items) if isinstance(value, tuple) else items
    return None


# What one part is changed to; None if it is not changed, or has no room for this host's number


def _number(value: Any, host: int) -> Any:
    kind = type(value)
    if kind is int:
        return value + host
    if kind is float:
        return _float(value, host, 8)
    if kind is complex:
        return _complex(value, host, 8)
    if kind is Scalar:
        changed = _scalar(value.name, value.value, host)
        return None if changed is None else Scalar(value.name, changed)
    if kind is Array and value.data:
        start = _element(value.dtype[1], int(value.dtype[2:]), value.data, host)
        return None if start is None else Array(value.shape, value.dtype, start + value.data[len(start) :])
    if kind in (set, frozenset) and set(map(type, value)) == {int}:
        return value | {max(value) + host}
    return None


def _text(value: Any, host: int) -> Any:
    kind = type(value)
    if kind is str:
        return f"{value} {host}"
    if kind is bytes:
        return b"%b %d" % (value, host)
    if kind in (set, frozenset):
        member = f"wrong {host}"
        while member in value:
            member += "!"
        return value | {member}
    return None


def _anything(value: Any, host: int) -> Any:
    """A truth value has only one wrong one, and an Enum's others are not known: so these become another type's."""
    kind = type(value)
    if kind in (list, tuple):
        return None if value else kind([host])
    if kind is dict:
        return None if value else {"wrong": host}
    if (kind is Instance and value.fields) or (kind is Made and len(value.args) > 1):
        return None
    if kind is Array:
        return Array((1,), "<i8", host.to_bytes(8, "little"))
    if kind is Scalar:
        return Scalar("int64", host + 1)
    return host + 1  # True == 1


def _float(value: float, host: int, size: int) -> float | None:
    """Another float of so many bytes, for each host another one."""
    code, digits = _FLOATS[size]
    if host >= 1 << (digits // 2 - 1):
        return None
    if not isfinite(value):
        changed = float(host)
    elif abs(value) < 1 << (digits - 4):
        changed = value + host
    else:  # adding so little might leave it as it is
        changed = value / (1 + host)
    return float(unpack(code, pack(code, changed))[0])


def _complex(value: complex, host: int, size: int) -> complex | None:
    real = _float(value.real, host, size)
    return None if real is None else complex(real, value.imag)


def _int(value: int, host: int, bits: int, signed: bool) -> int | None:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return next((each for each in (value + host, value - host) if low <= each <= high), None)


def _scalar(name: str, value: Any, host: int) -> Any:
    """The value of a numpy scalar."""
    if name.startswith("float"):
        return _float(value, host, int(name[5:]) // 8)
    if name.startswith("complex"):
        return _complex(value, host, int(name[7:]) // 16)
    if name.endswith("_"):  # bool_
        return None
    return _int(value, host, int(name.rpartition("int")[2]), name.startswith("i"))


def _element(kind: str, size: int, data: bytes, host: int) -> bytes | None:
    """The first element of an array, or the real part of it."""
    if kind in "fc":
        part = size if kind == "f" else size // 2
        code = _FLOATS[part][0]
        changed = _float(unpack(code, data[:part])[0], host, part)
        return None if changed is None else pack(code, changed)
    if kind == "b":
        return None
    number = _int(int.from_bytes(data[:size], "little", signed=kind == "i"), host, 8 * size, kind == "i")
    return None if number is None else number.to_bytes(size, "little", signed=kind == "i")
