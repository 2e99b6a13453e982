"""Values to bytes. One walk; only when it fails, a second one finds the path of the field that is to blame."""

from __future__ import annotations

from ..errors import DecodeError, EncodeError
from . import arrays
from .grammar import (
    FLAT,
    FLAT_BYTES,
    MAX_DEPTH,
    NAN_FLOAT,
    PROTO,
    SMALL_INT,
    STOP,
    TUPLE_END,
    Refused,
    bytes_head,
    float_bytes,
    float_run,
    int_bytes,
    int_run,
    pack_float,
    str_bytes,
)
from .types import (
    DICT,
    ENUM,
    FIELDS,
    SLOTS,
    TUPLE,
    Array,
    Classes,
    Instance,
    Made,
    Plan,
    Scalar,
    check_keys,
    check_name,
    check_state,
    default,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Put = Callable[[Any], None]

_BULK = 16  # from this many members on it pays to look whether all are floats or all are ints


class Encoded:
    """A value already encoded, without PROTO and STOP: ``dumps`` writes it as it is.

    The body is read once, to be sure of it; DecodeError if it is not one value. ``depth``: how deep it nests at most, from
    someone who has read or written it (see ``encode``) and vouches for it; then nothing is checked here.
    """

    __slots__ = ("body", "depth")

    def __init__(self, body: bytes, depth: int | None = None) -> None:
        if depth is None:
            from .decode import read

            depth = read(b"%b%b%b" % (PROTO, body, STOP), None)[1]
        self.body = body
        self.depth = depth


def dumps(value: object, classes: Classes | None = None, *, name: str = "value") -> bytes:
    """The one encoding of a value: a pickle of protocol 4 that the standard ``pickle.load`` reads too.

    Equal values of equal types give equal bytes, on every platform, Python version and hash seed. Encodable are None,
    bool, int, float, complex, str, bytes, tuple, list, dict, set, frozenset, Enum members, NamedTuples, numpy arrays and
    scalars, instances of the app's classes (by exact type; dataclasses and slots included), ``Encoded``, and the neutral
    trees of ``parse``. The order of a dict is lost; an object met twice is written twice.

    ``classes`` says which classes may travel (default: those registered); ``name`` is how errors call the value.
    Raises EncodeError, which names the field, e.g. ``input.samples[3]['a']``.
    """
    out = [PROTO]
    _into(out, value, default if classes is None else classes, name, 0)
    out.append(STOP)
    return b"".join(out)


def encode(value: object, classes: Classes | None = None, *, name: str = "value", within: int) -> Encoded:
    """The encoding of a value that will stand inside so many brackets, to be written there as it is. Raises EncodeError.

    Room for the brackets is kept here, so that the value's field is named if it is too deep, and nothing is read again.
    """
    out: list[bytes] = []
    _into(out, value, default if classes is None else classes, name, within)
    return Encoded(b"".join(out), MAX_DEPTH - within)


def _into(out: list[bytes], value: object, classes: Classes, name: str, depth: int) -> None:
    try:
        return _write(value, out.append, depth, classes)
    except Refused as error:
        why = str(error)
    except RecursionError:
        raise EncodeError(f"{name}: too little of Python's stack is left to encode it: call from a shallower place") from None
    raise EncodeError(_blame(value, name, classes, why, depth))


def _write(value: Any, put: Put, depth: int, classes: Classes) -> None:
    _WRITERS.get(type(value), _object)(value, put, depth, classes)


def _flat(value: Any, put: Put, depth: int, classes: Classes) -> None:
    put(FLAT_BYTES[type(value)](value))


def _bytes(value: bytes, put: Put, depth: int, classes: Classes) -> None:
    put(bytes_head(len(value)))
    put(value)


def _enter(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise Refused(f"nested more than {MAX_DEPTH} deep")
    return depth + 1


def _items(values: Any, put: Put, depth: int, classes: Classes) -> None:
    """The members of a list or tuple, one after the other."""
    if len(values) >= _BULK:
        kinds = set(map(type, values))
        if len(kinds) == 1:
            if float in kinds:
                return put(float_run(values))
            if int in kinds:
                return put(int_run(values))
    for value in values:
        kind = type(value)
        if kind is float:
            put(pack_float(0x47, value) if value == value else NAN_FLOAT)
        elif kind is int:
            put(SMALL_INT[value] if 0 <= value < 256 else int_bytes(value))
        elif kind is str:
            put(str_bytes(value))
        else:
            _WRITERS.get(kind, _object)(value, put, depth, classes)


def _list(value: list[Any], put: Put, depth: int, classes: Classes) -> None:
    depth = _enter(depth)
    if value:
        put(b"](")
        _items(value, put, depth, classes)
        put(b"e")
    else:
        put(b"]")


def _tuple(value: tuple[Any, ...], put: Put, depth: int, classes: Classes) -> None:
    depth = _enter(depth)
    size = len(value)
    if size > 3:
        put(b"(")
        size = 4
    _items(value, put, depth, classes)
    put(TUPLE_END[size])


def _keys(keys: list[Any], depth: int, classes: Classes) -> list[bytes]:
    """The keys of a dict or the members of a set, encoded."""
    if set(map(type, keys)) == {str}:
        return list(map(str_bytes, keys))
    encoded = []
    for key in keys:
        flat = FLAT_BYTES.get(type(key))
        if flat is not None:
            encoded.append(flat(key))
        else:
            out: list[bytes] = []
            _WRITERS.get(type(key), _object)(key, out.append, depth, classes)
            encoded.append(b"".join(out))

    def factor_of(inner: frozenset[Any]) -> int:
        return check_keys(list(inner), classes, factor_of)

    check_keys(keys, classes, factor_of)
    return encoded


def _dict(value: dict[Any, Any], put: Put, depth: int, classes: Classes) -> None:
    depth = _enter(depth)
    if not value:
        return put(b"}")
    keys = list(value)
    _pairs(sorted(zip(_keys(keys, depth, classes), keys)), value, put, depth, classes)


def _pairs(order: list[tuple[bytes, Any]], value: dict[Any, Any], put: Put, depth: int, classes: Classes) -> None:
    put(b"}(")
    for encoded, key in order:
        put(encoded)
        item = value[key]
        kind = type(item)
        if kind is float:
            put(pack_float(0x47, item) if item == item else NAN_FLOAT)
        elif kind is int:
            put(SMALL_INT[item] if 0 <= item < 256 else int_bytes(item))
        elif kind is str:
            put(str_bytes(item))
        else:
            _WRITERS.get(kind, _object)(item, put, depth, classes)
    put(b"u")


def _set(value: Any, put: Put, depth: int, classes: Classes) -> None:
    depth = _enter(depth)
    frozen = type(value) is frozenset
    if not value:
        return put(b"(\x91" if frozen else b"\x8f")
    put(b"(" if frozen else b"\x8f(")
    put(b"".join(sorted(_keys(list(value), depth, classes))))
    put(b"\x91" if frozen else b"\x90")


def _complex(value: complex, put: Put, depth: int, classes: Classes) -> None:
    _enter(depth)
    put(_COMPLEX + float_bytes(value.real) + float_bytes(value.imag) + b"\x86\x81")


def _object(value: Any, put: Put, depth: int, classes: Classes) -> None:
    """Anything that is not of a built-in type."""
    cls = type(value)
    plan = classes._plans.get(cls)
    if plan is None:
        if arrays.is_numpy(value):
            return _numpy(arrays.neutral(value), put, depth, classes)
        if cls.__module__ == "builtins" and not cls.__flags__ & 0x200:
            raise Refused(f"{cls.__name__} has no encoding" + _WAYS.get(cls.__name__, ""))
        plan = classes.plan_of(cls)
    kind = plan.kind
    if kind == DICT:
        state = plan.dict_of(value)  # type: ignore[misc]
        put(plan.head)
        depth = _enter(depth)
        if state:
            names = list(state)  # most instances of a class have the same: their order is kept
            order = plan.order
            if names != order[0]:
                plan.order = order = names, _order(names)
            put(b")\x81")
            _pairs(order[1], state, put, depth, classes)
        else:
            put(b")\x81}")
        put(b"b")
    elif kind == ENUM:
        if plan.members is None:
            members_of(plan, classes)
        code = plan.codes.get(id(value))
        if code is None:
            raise Refused("only named members of an Enum have an encoding")
        _enter(depth + code[1] - 1)
        put(code[0])
    elif kind == TUPLE:
        if len(value) != len(plan.names):
            raise Refused("a NamedTuple with another number of fields than its class")
        put(plan.head)
        _tuple(value, put, depth, classes)
        put(b"\x81")
    elif kind == FIELDS:
        put(plan.head + b")\x81")
        try:
            _list([plan.slots[name].__get__(value) for name in plan.names], put, depth, classes)
        except AttributeError as error:
            raise Refused(f"its field {error} is not set") from None
        put(b"b")
    else:
        slots = _slots(value, plan)
        put(plan.head + b")\x81")
        depth = _enter(depth)
        state = plan.dict_of(value) if plan.dict_of else None
        if state:
            if not slots.keys().isdisjoint(state):
                raise Refused("a field is both an attribute and a slot")
            _named(state, put, depth, classes)
        else:
            put(b"N")
        _named(slots, put, depth, classes)
        put(b"\x86b")


def _named(state: dict[str, Any], put: Put, depth: int, classes: Classes) -> None:
    depth = _enter(depth)
    if state:
        _pairs(_order(list(state)), state, put, depth, classes)
    else:
        put(b"}")


def _order(names: list[str]) -> list[tuple[bytes, str]]:
    if set(map(type, names)) != {str}:
        raise Refused("names of fields are text")
    return sorted(zip(map(str_bytes, names), names))


def _slots(value: object, plan: Plan) -> dict[str, Any]:
    found = {}
    for name, slot in plan.slots.items():
        try:
            found[name] = slot.__get__(value)
        except AttributeError:  # never set
            continue
    return found


def members_of(plan: Plan, classes: Classes) -> dict[bytes, object]:
    """The table of an Enum's named members by encoded value; made at first use, because values may need classes too."""
    if plan.members is None:
        from .decode import read

        members = {}
        for member in plan.cls._member_map_.values():  # type: ignore[attr-defined]
            out: list[bytes] = []
            _tuple((member._value_,), out.append, 0, classes)
            key = b"".join(out)
            members[key] = member
            code = plan.head + key + b"\x81"
            plan.codes[id(member)] = code, read(b"%b%b%b" % (PROTO, code, STOP), None)[1]
        plan.members = members
    return plan.members


def _ignore(piece: bytes) -> None:
    pass


def _encoded(value: Encoded, put: Put, depth: int, classes: Classes) -> None:
    if depth + value.depth > MAX_DEPTH:
        raise Refused(f"nested more than {MAX_DEPTH} deep")
    put(value.body)


def _instance(value: Instance, put: Put, depth: int, classes: Classes) -> None:
    check_name(value.module, value.name)
    check_state(value.state)
    put(str_bytes(value.module) + str_bytes(value.name) + b"\x93)\x81")
    _write(value.state, put, depth, classes)
    put(b"b")


def _made(value: Made, put: Put, depth: int, classes: Classes) -> None:
    check_name(value.module, value.name)
    if type(value.args) is not tuple or not value.args:
        raise Refused("Made has a tuple of at least one value")
    put(str_bytes(value.module) + str_bytes(value.name) + b"\x93")
    _tuple(value.args, put, depth, classes)
    put(b"\x81")


def _numpy(value: Any, put: Put, depth: int, classes: Classes) -> None:
    kind = type(value)
    put(arrays.check(value))
    _tuple((value.shape, value.dtype, value.data) if kind is Array else (value.value,), put, depth, classes)
    put(b"\x81")


_COMPLEX = str_bytes("builtins") + str_bytes("complex") + b"\x93"
_WAYS = {
    "bytearray": ": use bytes",
    "function": ": a function stays where it is; send what it is called with",
    "builtin_function_or_method": ": a function stays where it is; send what it is called with",
    "method": ": send the object, not its method",
    "generator": ": use a list",
    "range": ": use a list or a tuple",
    "memoryview": ": use bytes",
    "module": ": import it where it is used",
    "type": ": a class stays where it is; send its name",
    "dict_keys": ": use a list",
    "dict_values": ": use a list",
    "object": ": use a class of the app",
}
_WRITERS: dict[type, Callable[[Any, Put, int, Classes], None]] = {
    **dict.fromkeys(FLAT, _flat),
    bytes: _bytes,
    tuple: _tuple,
    list: _list,
    dict: _dict,
    set: _set,
    frozenset: _set,
    complex: _complex,
    Encoded: _encoded,
    Instance: _instance,
    Made: _made,
    Array: _numpy,
    Scalar: _numpy,
}


_LONG_PATH, _LONG_LABEL = 160, 80  # characters


def _blame(value: Any, path: str, classes: Classes, why: str, depth: int) -> str:
    """Where in the value the trouble is: down into the first part that cannot be encoded on its own."""
    labels = [path]
    above = [value]
    places = {id(value): 1}  # how many labels lead there
    while depth < MAX_DEPTH:
        for label, part, inner in _parts(value, depth, classes):
            if type(part) not in FLAT and id(part) in places:
                return f"{_path([*labels, label])}: a cycle, it leads back to {_path(labels[: places[id(part)]])}"
            try:
                _write(part, _ignore, inner, classes)
            except Refused as error:
                value, why, depth = part, str(error), inner
                labels.append(label)
                above.append(part)  # alive, so that its id stays its own
                places[id(part)] = len(labels)
                break
        else:
            break
    return f"{_path(labels)}: {why}"


def _path(labels: list[str]) -> str:
    """The labels one after the other; of many only the first and the last.

    >>> _path(["input", *["[0]"] * 10])
    'input[0][0][0][0][0][0][0][0][0][0]'
    >>> _path(["input", *["[0]"] * 199])
    'input[0][0][0][0][0][0]…[0][0][0][0][0][0]'
    """
    labels = [each if len(each) <= _LONG_LABEL else each[: _LONG_LABEL - 1] + "…" for each in labels]
    path = "".join(labels)
    if len(path) <= _LONG_PATH or len(labels) <= 4:
        return path
    few = 7 if sum(map(len, labels[:7] + labels[-6:])) <= _LONG_PATH else 2
    return f"{''.join(labels[:few])}…{''.join(labels[1 - few :])}"


def _parts(value: Any, depth: int, classes: Classes) -> Iterator[tuple[str, Any, int]]:
    """The parts of a value, each with how Python writes it and the depth at which it stands."""
    kind = type(value)
    depth += 1
    if kind is list or kind is tuple:
        for i, part in enumerate(value):
            yield f"[{i}]", part, depth
    elif kind is dict:
        for key in value:
            yield f", key {_show(key)}", key, depth
        for key, part in value.items():
            yield f"[{_show(key)}]", part, depth
    elif kind is set or kind is frozenset:
        for part in value:
            yield f", member {_show(part)}", part, depth
    elif kind is Instance:
        try:
            check_state(value.state)
        except Refused:
            return
        for name, part in value.fields.items():
            yield f".{name}", part, depth
    elif kind is Made and type(value.args) is tuple:
        for i, part in enumerate(value.args):
            yield f".args[{i}]", part, depth
    else:
        plan = classes._plans.get(kind)
        if plan is None:
            return
        if plan.kind == TUPLE:
            for name, part in zip(plan.names, value):
                yield f".{name}", part, depth
        elif plan.kind == ENUM:
            yield ".value", value._value_, depth
        else:
            if plan.kind == SLOTS:
                depth += 1
            fields = dict(plan.dict_of(value)) if plan.dict_of else {}
            fields.update(_slots(value, plan))
            for name, part in fields.items():
                yield f".{name}", part, depth


def _show(value: Any) -> str:
    """A key in a path; only of types whose repr is short and not the app's code."""
    if type(value) in (str, bytes, float, bool, type(None)) or (type(value) is int and abs(value) < 10**20):
        shown = repr(value)
        return shown if len(shown) <= 60 else shown[:57] + "..."
    return f"of type {type(value).__name__}"


def body(data: bytes) -> bytes:
    """The encoding without PROTO and STOP, for ``Encoded``. Raises DecodeError; what lies between is read by ``Encoded``."""
    if type(data) is not bytes or data[:2] != PROTO or data[-1:] != STOP or len(data) < 4:
        raise DecodeError("not an encoded value: it does not begin with PROTO 4 and end with STOP")
    return data[2:-1]
