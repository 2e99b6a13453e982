"""The forms of the encoding, and the flat ones of them (numbers, text, bytes) in both directions.

The format is a subset of pickle protocol 4: https://peps.python.org/pep-3154/ and the documentation of ``pickletools``.
Every value has exactly one form::

    file      = PROTO 4, value, STOP
    value     = None | True | False | int | float | str | bytes | tuple | list | dict | set | frozenset | object
    int       = BININT1 | BININT2 | BININT | LONG1 | LONG4              the shortest that holds it
    float     = BINFLOAT                                                NaN is always 7ff8000000000000
    str       = SHORT_BINUNICODE | BINUNICODE                           strict UTF-8: no lone surrogates
    bytes     = SHORT_BINBYTES | BINBYTES
    tuple     = EMPTY_TUPLE | value TUPLE1 | value value TUPLE2 | value value value TUPLE3 | MARK value... TUPLE
    list      = EMPTY_LIST | EMPTY_LIST MARK value... APPENDS
    dict      = EMPTY_DICT | EMPTY_DICT MARK (key value)... SETITEMS    keys strictly increasing as bytes
    set       = EMPTY_SET | EMPTY_SET MARK key... ADDITEMS              the same
    frozenset = MARK key... FROZENSET                                   the same
    object    = class EMPTY_TUPLE NEWOBJ state BUILD                    an instance
              | class tuple NEWOBJ                                      Enum, NamedTuple, complex, numpy; never an empty tuple
    class     = str str STACK_GLOBAL                                    module, name without dots
    state     = dict | (None or a dict with items, dict) | list         attributes; slots; frozen dataclass with slots

Depth counts the tuples, lists, dicts, sets and frozensets around a value, as written: at most 200, the outermost included.
Text and bytes of 4 GiB and more have no form.
"""

from __future__ import annotations

from struct import Struct, pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_DEPTH = 200
MAX_SAME_HASH = 64
MAX_SIZE = 0xFFFFFFFF
PROTO = b"\x80\x04"
STOP = b"."
NAN = b"\x7f\xf8\0\0\0\0\0\0"
NAN_FLOAT = b"G" + NAN

SMALL_INT = [bytes((0x4B, n)) for n in range(256)]
SHORT_STR = [bytes((0x8C, n)) for n in range(256)]
SHORT_BYTES = [bytes((0x43, n)) for n in range(256)]
pack_float = Struct(">Bd").pack
_pack_sized = Struct("<BI").pack
_pack_short = Struct("<BH").pack
_pack_int = Struct("<Bi").pack
FLAT = frozenset({type(None), bool, int, float, str, bytes})


class Refused(Exception):
    """Why a value or a form is not part of the encoding; dumps adds the field's path, loads the byte's place."""


def short(text: object) -> str:
    """Text of a stranger, fit for an error message: ASCII only, not long."""
    shown = ascii(text)
    return shown if len(shown) <= 80 else shown[:77] + "..."


def int_bytes(value: int) -> bytes:
    """An int by its shortest opcode."""
    if 0 <= value < 65536:
        return SMALL_INT[value] if value < 256 else _pack_short(0x4D, value)
    if -0x80000000 <= value <= 0x7FFFFFFF:
        return _pack_int(0x4A, value)
    size = (value.bit_length() >> 3) + 1
    raw = value.to_bytes(size, "little", signed=True)
    if raw[-1] == 0xFF and raw[-2] >= 0x80:  # -2**(8*k-1) needs no byte for its sign
        raw = raw[:-1]
    size = len(raw)
    if size < 256:
        return bytes((0x8A, size)) + raw
    if size > 0x7FFFFFFF:
        raise Refused("an int of 2 GiB or more has no encoding")
    return _pack_sized(0x8B, size) + raw


def float_bytes(value: float) -> bytes:
    """A float; every NaN is the same NaN."""
    return pack_float(0x47, value) if value == value else NAN_FLOAT


def str_bytes(value: str) -> bytes:
    """Text as strict UTF-8."""
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        raise Refused("a str with a lone surrogate is not text: send bytes, or str.encode(errors='replace').decode()") from None
    size = len(raw)
    if size < 256:
        return SHORT_STR[size] + raw
    return _sized(0x58, size) + raw


def bytes_head(size: int) -> bytes:
    """What stands before the content of a bytes object."""
    return SHORT_BYTES[size] if size < 256 else _sized(0x42, size)


def bytes_bytes(value: bytes) -> bytes:
    """A bytes object in one piece (for keys; larger values are written without this copy)."""
    return bytes_head(len(value)) + value


def tuple_bytes(parts: list[bytes]) -> bytes:
    """A tuple of encoded members."""
    size = len(parts)
    if size > 3:
        return b"(%bt" % b"".join(parts)
    return b"".join(parts) + TUPLE_END[size]


def _sized(op: int, size: int) -> bytes:
    if size > MAX_SIZE:
        raise Refused("text or bytes of 4 GiB or more have no encoding")
    return _pack_sized(op, size)


TUPLE_END = (b")", b"\x85", b"\x86", b"\x87", b"t")
FLAT_BYTES: dict[type, Callable[[Any], bytes]] = {
    str: str_bytes,
    int: int_bytes,
    float: float_bytes,
    bytes: bytes_bytes,
    bool: lambda value: b"\x88" if value else b"\x89",
    type(None): lambda value: b"N",
}


def float_run(values: list[float] | tuple[float, ...]) -> bytearray:
    """Many floats at once: an opcode and 8 bytes for each, laid out by strides."""
    out = bytearray()
    for start in range(0, len(values), _PIECE):  # in pieces that stay in the cache
        part = values[start : start + _PIECE]
        size = len(part)
        if size == _PIECE:
            piece = bytearray(_pack_piece(*part))
        else:
            raw = pack(f">{size}d", *part)
            piece = bytearray(9 * size)
            for i in range(8):
                piece[i + 1 :: 9] = raw[i::8]
        piece[::9] = b"G" * size
        top = piece[1::9]
        if top.count(0x7F) + top.count(0xFF):  # an infinity, a NaN, or just large
            piece = bytearray(b"".join(map(float_bytes, part)))
        out += piece
    return out


_PIECE = 512
_pack_piece = Struct(">" + "xd" * _PIECE).pack


def int_run(values: list[int] | tuple[int, ...]) -> bytes | bytearray:
    """Many ints at once."""
    size, low, high = len(values), min(values), max(values)
    if low >= 0 and high < 256:
        out = bytearray(b"K" * (2 * size))
        out[1::2] = bytes(values)
        return out
    if low >= 256 and high < 65536:
        op, width, raw = b"M", 2, pack(f"<{size}H", *values)
    elif (low >= 65536 and high <= 0x7FFFFFFF) or (low >= -0x80000000 and high < 0):
        op, width, raw = b"J", 4, pack(f"<{size}i", *values)
    else:
        return b"".join([SMALL_INT[x] if 0 <= x < 256 else int_bytes(x) for x in values])
    step = width + 1
    out = bytearray(step * size)
    out[::step] = op * size
    for i in range(width):
        out[i + 1 :: step] = raw[i::width]
    return out
