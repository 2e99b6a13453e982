"""Bytes to values: a parser of the grammar, with a stack of its own. It is not pickle's machine.

It knows no opcode that could call, import, look up or copy anything; instances are made by ``object.__new__`` and their
fields set directly. Whatever it accepts, ``dumps`` writes in the same bytes.
"""

from __future__ import annotations

import sys
from struct import Struct, unpack

from ..errors import DecodeError
from . import arrays
from .encode import dumps, members_of
from .grammar import FLAT, FLAT_BYTES, MAX_DEPTH, NAN, PROTO, Refused, str_bytes, tuple_bytes
from .types import ENUM, TUPLE, Classes, Instance, Made, Plan, check_keys, check_name, check_state, default

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_float_at = Struct(">d").unpack_from
_words: dict[bytes, str] = {}  # short texts as encoded: names of fields recur
_TOP, _MARK, _LIST, _DICT, _SET, _STATE, _BUILD, _NEW = range(8)
_EMPTY = {_LIST: list, _DICT: dict, _SET: set}


def loads(data: bytes, classes: Classes | None = None) -> Any:
    """The value of an encoding.

    ``classes`` says which classes there are (default: those registered). No constructor and no other code of the app
    runs, nothing is imported (numpy excepted, when the data hold an array), and time and memory are in proportion to the
    data. Raises DecodeError, and nothing else, for all that ``dumps`` does not write.
    """
    return _guarded(data, default if classes is None else classes)


def parse(data: bytes) -> Any:
    """The neutral tree of an encoding, for who has no classes of the app, nor numpy.

    Plain values and complex are themselves, instances are ``Instance``, Enum members and NamedTuples ``Made``, numpy's
    ``Array`` and ``Scalar``. Nothing is lost: ``dumps`` of the tree gives the same bytes. Raises DecodeError.
    """
    return _guarded(data, None)


def _guarded(data: bytes, classes: Classes | None) -> Any:
    try:
        return read(data if type(data) is bytes else bytes(data), classes)[0]
    except RecursionError:  # the caller has used up the stack: hashing a deep key takes some
        raise DecodeError("too little of Python's stack is left to read it") from None


class _Neutral:
    """Makes neutral forms in place of instances of one class."""

    __slots__ = ("module", "name", "shape")

    def __init__(self, module: str, name: str) -> None:
        check_name(module, name)
        self.module, self.name = module, name
        self.shape: tuple[str, ...] | None = None

    def build(self, state: Any) -> Instance:
        check_state(state)
        return Instance(self.module, self.name, state)


_neutrals: dict[tuple[str, str], _Neutral] = {}


def _neutral(module: str, name: str) -> _Neutral:
    """Kept from call to call, because it knows the usual fields."""
    maker = _neutrals.get((module, name))
    if maker is None:
        maker = _Neutral(module, name)
        if len(module) + len(name) <= 200:
            if len(_neutrals) >= 64:
                _neutrals.clear()
            _neutrals[module, name] = maker
    return maker


class _Special:
    """A class of numpy's, or complex."""

    __slots__ = ("name", "shape")

    def __init__(self, name: str) -> None:
        self.name = name
        self.shape: tuple[str, ...] | None = None

    def build(self, state: Any) -> object:
        raise Refused(f"{self.name} has no state")


_SPECIAL = {("numpy", name): _Special(name) for name in ("ndarray", *arrays.SCALARS)}
_SPECIAL["builtins", "complex"] = _Special("complex")


def _make(maker: Plan | _Neutral | _Special, args: tuple[Any, ...], raw: bytes, classes: Classes | None) -> object:
    """What NEWOBJ makes of values; ``raw`` is their encoding. Raises Refused."""
    if type(maker) is _Special:
        if maker.name == "complex":
            if len(args) != 2 or type(args[0]) is not float or type(args[1]) is not float:
                raise Refused("a complex is two floats")
            return complex(args[0], args[1])
        value = arrays.from_args(maker.name, args)
        return value if classes is None else arrays.make(value)
    if type(maker) is _Neutral:
        return Made(maker.module, maker.name, args)
    assert type(maker) is Plan and classes is not None
    if maker.kind == ENUM:
        member = members_of(maker, classes).get(raw)
        if member is None:
            raise Refused(f"class {maker.cls.__name__} has no such member")
        return member
    if maker.kind != TUPLE or len(args) != len(maker.names):
        raise Refused(f"class {maker.cls.__name__} is not made of {len(args)} values")
    return tuple.__new__(maker.cls, args)


def read(data: bytes, classes: Classes | None) -> tuple[Any, int]:
    """The value and how deep it nests; neutral forms if ``classes`` is None. Raises DecodeError."""
    limit = len(data) - 1  # where STOP is
    if limit < 3 or data[:2] != PROTO:
        raise DecodeError("not an encoded value: it does not begin with PROTO 4")
    if data[limit] != 0x2E:
        raise DecodeError("cut short: it does not end with STOP")
    pos = 2
    items: list[Any] = []  # the values in the innermost open bracket ...
    push = items.append
    kind = _TOP
    top = 0  # ... how deep the deepest of them nests ...
    maker: Any = None  # ... and the class, if it is that of an object
    frames: list[tuple[list[Any], int, int, Any]] = []  # the brackets around it
    heights: dict[int, int] = {}  # by id: how deep a value nests, if more than 1
    spans: dict[int, tuple[int, int, int]] = {}  # by id of a frozenset: its bytes, its collisions
    starts: list[int] = []  # where the open brackets begin
    kept: list[object] = []  # values that went into others: while they live, no id comes twice
    makers: dict[tuple[str, str], Any] = {}
    words = _words
    try:
        while True:
            op = data[pos]
            # values that stand alone
            if op == 0x8C:
                end = pos + 2 + data[pos + 1]
                if end > limit:
                    raise Refused("cut short")
                raw = data[pos:end]
                word = words.get(raw)
                push(word if word is not None else _word(raw))
                pos = end
            elif op == 0x47:
                end = pos + 9
                if end > limit:
                    raise Refused("cut short")
                if data[end] == 0x47:
                    pos = _run(data, pos, limit, items, op)
                else:
                    number = _float_at(data, pos + 1)[0]
                    if number != number and data[pos + 1 : end] != NAN:
                        raise Refused("a NaN that is not the one NaN")
                    push(number)
                    pos = end
            elif op == 0x4B:
                end = pos + 2
                if data[end] == 0x4B and end < limit:
                    pos = _run(data, pos, limit, items, op)
                else:
                    push(data[pos + 1])
                    pos = end
            elif op == 0x4D or op == 0x4A:
                end = pos + (3 if op == 0x4D else 5)
                if end > limit:
                    raise Refused("cut short")
                if data[end] == op:
                    pos = _run(data, pos, limit, items, op)
                else:
                    integer = int.from_bytes(data[pos + 1 : end], "little", signed=op == 0x4A)
                    if 0 <= integer < (256 if op == 0x4D else 65536):
                        raise Refused("a long form of a small int")
                    push(integer)
                    pos = end
            elif op == 0x4E:
                push(None)
                pos += 1
            elif op == 0x88 or op == 0x89:
                push(op == 0x88)
                pos += 1
            elif op == 0x43 or op == 0x42 or op == 0x58:
                if op == 0x43:
                    begin = pos + 2
                    end = begin + data[pos + 1]
                else:
                    begin = pos + 5
                    size = int.from_bytes(data[pos + 1 : begin], "little")
                    end = begin + size
                    if size < 256:
                        raise Refused("a long form of a short value")
                if end > limit:
                    raise Refused("cut short")
                push(_text(data[begin:end]) if op == 0x58 else data[begin:end])
                pos = end
            elif op == 0x8A or op == 0x8B:
                pos = _long(data, pos, limit, push)
            # brackets that open
            elif op == 0x28 or op == 0x5D or op == 0x7D or op == 0x8F or op == 0x93:
                if op == 0x93:
                    if len(items) < 2 or type(items[-1]) is not str or type(items[-2]) is not str:
                        raise Refused("STACK_GLOBAL without a module and a name before it")
                    name = items.pop()
                    module = items.pop()
                    maker_of = makers.get((module, name))
                    if maker_of is None:
                        maker_of = _SPECIAL.get((module, name))
                        if maker_of is None:
                            maker_of = _neutral(module, name) if classes is None else classes.maker_of(module, name)
                        makers[module, name] = maker_of
                    frames.append((items, kind, top, maker))
                    maker = maker_of
                    kind = _NEW
                    starts.append(pos)
                    pos += 1
                    if data[pos] == 0x29 and data[pos + 1] == 0x81:
                        kind = _BUILD
                        pos += 2
                        if data[pos] == 0x7D and data[pos + 1] == 0x28:  # by far the most common
                            kind = _STATE
                            pos += 2
                else:
                    if op == 0x28:
                        opens = _MARK
                    else:
                        opens = _LIST if op == 0x5D else _DICT if op == 0x7D else _SET
                        pos += 1
                        if data[pos] != 0x28:  # empty
                            push(_EMPTY[opens]())
                            if top == 0:
                                top = 1
                            continue
                    frames.append((items, kind, top, maker))
                    kind = opens
                    starts.append(pos)
                    pos += 1
                if len(frames) > 2 * MAX_DEPTH + 1:  # a state is a bracket of its own here
                    raise Refused(f"nested more than {MAX_DEPTH} deep")
                items = []
                push = items.append
                top = 0
            # tuples of up to three
            elif op == 0x29:
                push(())
                if top == 0:
                    top = 1
                pos += 1
            elif 0x85 <= op <= 0x87:
                size = op - 0x84
                if len(items) < size:
                    raise Refused("a tuple of values that are not there")
                value: Any = tuple(items[-size:])
                if top:
                    height = 1
                    for item in value:
                        if type(item) not in FLAT:
                            height = max(height, 1 + heights.get(id(item), 1))
                    if height > 1:
                        if height > MAX_DEPTH:
                            raise Refused(f"nested more than {MAX_DEPTH} deep")
                        heights[id(value)] = height
                        if height > top:
                            top = height
                else:
                    top = 1
                items[-size:] = (value,)
                pos += 1
            # brackets that close
            elif op == 0x2E:
                if pos != limit:
                    raise Refused("bytes after STOP")
                if kind != _TOP or len(items) != 1:
                    raise Refused("not one value")
                return items[0], top
            else:
                height = top + 1
                before = None  # an empty list, dict or set that stood before a bare MARK
                if op == 0x75 and kind in (_DICT, _STATE):
                    if not items or len(items) % 2:
                        raise Refused("a dict of keys without values")
                    keys = items[::2]
                    if kind == _STATE and tuple(keys) == maker.shape:
                        value = dict(zip(keys, items[1::2]))
                    else:
                        _increasing(keys, data, spans, classes)
                        value = dict(zip(keys, items[1::2]))
                        if len(value) != len(keys):
                            raise Refused("keys that are equal")
                        if kind == _STATE and set(map(type, keys)) == {str} and len(keys) < 256 and sum(map(len, keys)) < 8192:
                            maker.shape = tuple(keys)
                    if kind == _STATE:
                        if data[pos + 1] != 0x62:  # there are slots, too
                            if height > 1:
                                heights[id(value)] = height
                            items = [value]
                            push = items.append
                            kind = _BUILD
                            top = height
                            pos += 1
                            continue
                        if maker.shape is None or tuple(keys) != maker.shape:
                            check_state(value)
                        value = maker.build(value)
                        pos += 1
                elif op == 0x65 and kind == _LIST:
                    if not items:
                        raise Refused("a long form of an empty list")
                    value = items
                elif op == 0x90 and kind == _SET:
                    if not items:
                        raise Refused("a long form of an empty set")
                    _increasing(items, data, spans, classes)
                    value = set(items)
                    if len(value) != len(items):
                        raise Refused("members that are equal")
                elif op == 0x74 and _MARK <= kind <= _SET:
                    if len(items) < 4:
                        raise Refused("a long form of a short tuple")
                    value = tuple(items)
                    before = _EMPTY.get(kind)
                elif op == 0x91 and _MARK <= kind <= _SET:
                    most = _increasing(items, data, spans, classes)
                    value = frozenset(items)
                    if len(value) != len(items):
                        raise Refused("members that are equal")
                    spans[id(value)] = (starts[-1], pos + 1, most)
                    before = _EMPTY.get(kind)
                elif op == 0x62 and kind == _BUILD:
                    if len(items) != 1:
                        raise Refused("an instance has one state")
                    if type(items[0]) not in (dict, tuple, list):
                        raise Refused("the state of an instance is a dict, or (None, dict) with slots")
                    check_state(items[0])
                    kept.append(items[0])
                    value = maker.build(items[0])
                    height = top
                elif op == 0x81 and kind == _NEW:
                    if len(items) != 1 or type(items[0]) is not tuple:
                        raise Refused("an object is made of one tuple")
                    kept.append(items[0])
                    value = _make(maker, items[0], data[starts[-1] + 1 : pos], classes)
                    height = top
                else:
                    raise Refused(f"opcode 0x{op:02x} is not part of the encoding here")
                if height > MAX_DEPTH:
                    raise Refused(f"nested more than {MAX_DEPTH} deep")
                items, kind, top, maker = frames.pop()
                starts.pop()
                push = items.append
                if before is not None:
                    push(before())
                push(value)
                if height > 1:
                    heights[id(value)] = height
                if height > top:
                    top = height
                pos += 1
    except Refused as error:
        raise DecodeError(f"byte {pos}: {error}") from None
    except IndexError:  # past the end, in the middle of an opcode
        raise DecodeError(f"byte {pos}: cut short") from None


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Refused("text that is not UTF-8") from None


def _word(raw: bytes) -> str:
    word = _text(raw[2:])
    if len(raw) <= 34:
        if len(_words) >= 2048:
            _words.clear()
        _words[raw] = word = sys.intern(word)
    return word


def _run(data: bytes, pos: int, limit: int, items: list[Any], op: int) -> int:
    """Numbers of one opcode that follow one another, taken in growing windows; where the next opcode is."""
    code, width = _RUNS[op]
    step = width + 1
    window = 8
    while True:
        heads = data[pos : min(limit, pos + step * window) : step]
        count = len(heads) - len(heads.lstrip(heads[:1])) if heads[:1] == bytes((op,)) else 0
        if count:
            end = pos + step * count
            if end > limit:
                raise Refused("cut short")
            raw = bytearray(data[pos:end])
            del raw[::step]
            values = unpack(code % count, raw)
            if op == 0x47:
                top = raw[::8]
                if top.count(0x7F) + top.count(0xFF):  # perhaps a NaN
                    for i, value in enumerate(values):
                        if value != value and raw[8 * i : 8 * i + 8] != NAN:
                            raise Refused("a NaN that is not the one NaN")
            elif op == 0x4D:
                if 0 in raw[1::2]:
                    raise Refused("a long form of a small int")
            elif op == 0x4A:
                # the upper halves, each squeezed to a byte that is 0 only if both its bytes are
                upper = int.from_bytes(raw[2::4], "big") | int.from_bytes(raw[3::4], "big")
                if 0 in upper.to_bytes(count, "big"):
                    raise Refused("a long form of a small int")
            items.extend(values)
            pos = end
        if count < window:
            return pos
        window = min(4 * window, 65536)


_RUNS = {0x47: (">%dd", 8), 0x4B: ("<%dB", 1), 0x4D: ("<%dH", 2), 0x4A: ("<%di", 4)}


def _long(data: bytes, pos: int, limit: int, push: Any) -> int:
    if data[pos] == 0x8A:
        begin = pos + 2
        size = data[pos + 1]
        least = 5
    else:
        begin = pos + 5
        size = int.from_bytes(data[pos + 1 : begin], "little", signed=True)
        least = 256
    end = begin + size
    if size < least:
        raise Refused("a long form of a small int")
    if end > limit:
        raise Refused("cut short")
    last, sign = data[end - 1], data[end - 2] >= 0x80
    if (last == 0 and not sign) or (last == 0xFF and sign):
        raise Refused("a long form of an int")
    push(int.from_bytes(data[begin:end], "little", signed=True))
    return end


def _increasing(keys: list[Any], data: bytes, spans: dict[int, tuple[int, int, int]], classes: Classes | None) -> int:
    """Are these keys, in order? Gives the collisions among their hashes. Raises Refused."""
    known = default if classes is None else classes

    def encoded(key: Any) -> bytes:
        kind = type(key)
        flat = FLAT_BYTES.get(kind)
        if flat is not None:
            return flat(key)
        if kind is tuple:
            return tuple_bytes(list(map(encoded, key)))
        if kind is frozenset:
            begin, end, _ = spans[id(key)]  # made above: its bytes are known, and known to be right
            return data[begin:end]
        if kind is Made:
            return str_bytes(key.module) + str_bytes(key.name) + b"\x93" + tuple_bytes(list(map(encoded, key.args))) + b"\x81"
        plan = known._plans.get(kind)
        if plan is not None and plan.kind == TUPLE:
            return plan.head + tuple_bytes(list(map(encoded, key))) + b"\x81"
        return dumps(key, known)[2:-1]

    most = 1 if set(map(type, keys)) == {str} else check_keys(keys, known, lambda key: spans[id(key)][2])
    if len(keys) > 1:
        written = list(map(encoded, keys))
        if not all(map(bytes.__lt__, written, written[1:])):
            raise Refused("keys that are not in increasing order")
    return most


