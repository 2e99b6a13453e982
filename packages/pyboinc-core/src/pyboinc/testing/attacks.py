"""Hostile bytes: what a stranger's computer may send in place of an output.

``ATTACKS`` is a list of (name, bytes, why). Each must be refused with DecodeError by ``codec.loads`` and ``codec.parse``,
in time and memory proportional to its length, and by whatever a backend puts in their place. ``UNKNOWN_CLASSES`` are
well-formed and name classes that no app has: ``loads`` must refuse them; for ``parse`` they are inert names.
Nothing here runs anything: do not give it to ``pickle.load`` all the same.
The opcodes are those of https://docs.python.org/3/library/pickletools.html
"""

from __future__ import annotations

from struct import pack


def _text(value: str) -> bytes:
    raw = value.encode()
    return b"\x8c" + bytes((len(raw),)) + raw


def _class(module: str, name: str) -> bytes:
    return _text(module) + _text(name) + b"\x93"


def _instance(module: str, name: str, state: bytes = b"}") -> bytes:
    return _class(module, name) + b")\x81" + state + b"b"


def _big(value: int) -> bytes:
    """An int beyond 32 bits, in its shortest form."""
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little")
    return b"\x8a" + bytes((len(raw),)) + raw


_P = 2**61 - 1  # hash(n) == n % _P
_COLLIDING = [_big(i * _P) for i in range(5, 5 + 200)]
_ONES = [_big(1 << (61 * i)) for i in range(1, 30)] + [b"G" + pack(">d", 2.0 ** (61 * i)) for i in range(-16, 1)]
_ONES += [_big(i * _P + 1) for i in range(5, 60)]
_MINUS = (b"J\xff\xff\xff\xff", b"J\xfe\xff\xff\xff")
_PAIRS = [b"(" + b"".join(_MINUS[i >> j & 1] for j in range(10)) + b"t" for i in range(1024)]
_LAUGHS = b"".join(b"](h" + bytes((i,)) + b"h" + bytes((i,)) + b"e\x94" for i in range(60))
_INT = b"K\x01"
_ARRAY = _class("numpy", "ndarray")

_BODIES: list[tuple[str, bytes, str]] = [
    # what would call or import
    ("GLOBAL", b"cos\nsystem\n", "imports by name"),
    ("REDUCE os.system", _class("os", "system") + _text("true") + b"\x85R", "calls what it names"),
    ("REDUCE builtins.eval", _class("builtins", "eval") + _text("1") + b"\x85R", "calls what it names"),
    ("REDUCE GLOBAL", b"cos\nsystem\n(\x8c\x04truetR", "calls what it names"),
    ("INST", b"(\x8c\x04trueios\nsystem\n", "calls what it names"),
    ("OBJ", b"(cos\nsystem\n\x8c\x04trueo", "calls what it names"),
    ("NEWOBJ_EX", _class("app_types", "Input") + b")}\x92", "calls with keywords"),
    ("NEWOBJ of nothing", b")\x81", "no class"),
    ("NEWOBJ of a str", _text("Input") + b")\x81", "no class"),
    ("NEWOBJ builtins.eval", _class("builtins", "eval") + _text("1") + b"\x85\x81", "not a value"),
    ("NEWOBJ builtins.bytearray", _class("builtins", "bytearray") + b"J\xff\xff\xff\x7f\x85\x81", "allocates 2 GiB"),
    ("NEWOBJ builtins.range", _class("builtins", "range") + b"K\x05\x85\x81", "not a value"),
    ("instance of builtins.object", _instance("builtins", "object"), "not a value"),
    ("instance of numpy.memmap", _instance("numpy", "memmap"), "not a value"),
    ("attribute path", _instance("app_types", "os.getpid"), "walks attributes"),
    ("attribute path, called", _class("app_types", "os.getpid") + b")R", "walks attributes and calls"),
    ("attribute path with values", _class("app_types", "Input.__init__") + _INT + b"\x85\x81", "walks attributes"),
    ("class alone", _class("app_types", "Input"), "a class is not a value"),
    ("class in a list", b"](" + _class("app_types", "Input") + b"e", "a class is not a value"),
    ("class without instance", _class("app_types", "Input") + b")\x81", "no state"),
    ("STACK_GLOBAL of ints", _INT * 2 + b"\x93", "no names"),
    ("STACK_GLOBAL of nothing", b"\x93", "no names"),
    ("empty names", _instance("", ""), "no names"),
    ("chain of classes", _class("app_types", "Input") * 1000, "classes inside classes"),
    ("chain of instances", (_class("app_types", "Input") + b")\x81N") * 1000, "states that are instances"),
    # states
    ("BUILD of nothing", b"b", "no instance"),
    ("BUILD of an int", _INT + b"}b", "no instance"),
    ("BUILD twice", _instance("app_types", "Input") + b"}b", "changes a finished instance"),
    ("BUILD on a list", b"]}b", "no instance"),
    ("BUILD in a list", b"](]}be", "no instance"),
    ("state None", _instance("app_types", "Input", b"N"), "not a state"),
    ("state int", _instance("app_types", "Input", _INT), "not a state"),
    ("state of 2 dicts, first empty", _instance("app_types", "Input", b"}}\x86"), "(None, dict) is the form"),
    ("state of 3", _instance("app_types", "Input", b"N}}\x87"), "not a state"),
    ("field twice", _instance("app_types", "Input", b"}(" + _text("a") + b"Nu}(" + _text("a") + b"Nu\x86"), "attribute and slot"),
    ("field named 1", _instance("app_types", "Input", b"}(K\x01Nu"), "names are text"),
    ("field named bytes", _instance("app_types", "Input", b"}(C\x01aNu"), "names are text"),
    ("complex with a state", _instance("builtins", "complex", b"}(" + _text("real") + _INT + b"u"), "not a form"),
    ("complex of ints", _class("builtins", "complex") + _INT * 2 + b"\x86\x81", "two floats"),
    ("complex of text", _class("builtins", "complex") + _text("1j") + b"\x85\x81", "calls a parser"),
    # memory of the machine, and other doors
    ("PERSID", b"Pfile\n", "asks the reader for an object"),
    ("BINPERSID", _text("file") + b"Q", "asks the reader for an object"),
    ("EXT1", b"\x82\x01", "the extension registry"),
    ("EXT2", b"\x83\x01\x00", "the extension registry"),
    ("EXT4", b"\x84\x01\x00\x00\x00", "the extension registry"),
    ("GET", b"g0\n", "memo"),
    ("BINGET", b"h\x00", "memo"),
    ("LONG_BINGET", b"j\x00\x00\x00\x00", "memo"),
    ("PUT", b"]p0\n", "memo"),
    ("BINPUT", b"]q\x00", "memo"),
    ("LONG_BINPUT", b"]r\xff\xff\xff\x7f", "a memo of 2**31 entries"),
    ("MEMOIZE", b"]\x94", "memo"),
    ("DUP", b"]2\x86", "one object twice"),
    ("POP", b"]]0", "removes what was written"),
    ("POP_MARK", b"](1", "removes what was written"),
    ("billion laughs by memo", b"]\x94(" + _LAUGHS + b"t", "2**60 leaves"),
    ("billion laughs by DUP", b"]" + b"2\x86" * 60, "2**60 leaves"),
    ("cycle by memo", b"]\x94h\x00a", "contains itself"),
    ("FRAME", b"\x95\x02\x00\x00\x00\x00\x00\x00\x00" + _INT, "a frame"),
    ("FRAME of 2**63", b"\x95\xff\xff\xff\xff\xff\xff\xff\x7f" + _INT, "a frame that is not there"),
    ("PROTO inside", b"\x80\x04" + _INT, "a second beginning"),
    ("BYTEARRAY8", b"\x96" + pack("<Q", 1) + b"a", "bytearray"),
    ("BYTEARRAY8 of 2**62", b"\x96" + pack("<Q", 1 << 62), "allocates"),
    ("NEXT_BUFFER", b"\x97", "a buffer from elsewhere"),
    ("READONLY_BUFFER", b"C\x01a\x98", "a buffer from elsewhere"),
    # other spellings
    ("INT", b"I1\n", "text form"),
    ("INT True", b"I01\n", "text form"),
    ("LONG", b"L1L\n", "text form"),
    ("LONG of a million digits", b"L" + b"9" * 1_000_000 + b"L\n", "quadratic to read"),
    ("FLOAT", b"F1.0\n", "text form"),
    ("STRING", b"S'a'\n", "Python 2"),
    ("BINSTRING", b"T\x01\x00\x00\x00a", "Python 2"),
    ("SHORT_BINSTRING", b"U\x01a", "Python 2"),
    ("UNICODE", b"Va\n", "text form"),
    ("BINUNICODE8", b"\x8d" + pack("<Q", 1) + b"a", "no form"),
    ("BINBYTES8", b"\x8e" + pack("<Q", 1) + b"a", "no form"),
    ("LIST", b"(" + _INT + b"l", "another form"),
    ("DICT", b"(" + _INT * 2 + b"d", "another form"),
    ("APPEND", b"]" + _INT + b"a", "another form"),
    ("SETITEM", b"}" + _INT * 2 + b"s", "another form"),
    ("APPENDS twice", b"](" + _INT + b"e(" + _INT + b"e", "in one piece"),
    ("APPENDS of nothing", b"](e", "longer than needed"),
    ("SETITEMS of nothing", b"}(u", "longer than needed"),
    ("ADDITEMS of nothing", b"\x8f(\x90", "longer than needed"),
    ("SETITEMS odd", b"}(" + _INT + b"u", "a key without a value"),
    ("APPENDS to a tuple", b")(" + _INT + b"e", "changes a tuple"),
    ("APPENDS to a dict", b"}(" + _INT + b"e", "wrong bracket"),
    ("SETITEMS to a list", b"](" + _INT * 2 + b"u", "wrong bracket"),
    ("ADDITEMS to a list", b"](" + _INT + b"\x90", "wrong bracket"),
    ("APPENDS to an instance", _instance("app_types", "Input") + b"(" + _INT + b"e", "calls append"),
    ("TUPLE of 3", b"(" + _INT * 3 + b"t", "longer than needed"),
    ("TUPLE of 0", b"(t", "longer than needed"),
    ("TUPLE2 of 1", _INT + b"\x86", "takes what is not there"),
    ("TUPLE2 across a bracket", _INT + b"](" + _INT + b"\x86e", "takes what is not there"),
    ("BININT2 of 255", b"M\xff\x00", "longer than needed"),
    ("BININT of 1", b"J\x01\x00\x00\x00", "longer than needed"),
    ("BININT of 65535", b"J\xff\xff\x00\x00", "longer than needed"),
    ("a run of BININT2 with one too long", b"](" + b"M\x00\x01" * 100 + b"M\x01\x00" + b"M\x00\x01" * 100 + b"e", "longer than needed"),
    (
        "a run of BININT with one too long",
        b"](" + b"J\xff\xff\xff\xff" * 100 + b"J\x00\x00\x00\x00" + b"J\xff\xff\xff\xff" * 100 + b"e",
        "long",
    ),
    ("LONG1 of 0", b"\x8a\x00", "longer than needed"),
    ("LONG1 of 1", b"\x8a\x01\x01", "longer than needed"),
    ("LONG1 padded", b"\x8a\x06\x01\x02\x03\x04\x05\x00", "longer than needed"),
    ("LONG1 padded negative", b"\x8a\x06\x01\x02\x03\x04\x85\xff", "longer than needed"),
    ("LONG4 of 5 bytes", b"\x8b\x05\x00\x00\x00\x01\x02\x03\x04\x05", "longer than needed"),
    ("BINUNICODE of 1", b"X\x01\x00\x00\x00a", "longer than needed"),
    ("BINBYTES of 1", b"B\x01\x00\x00\x00a", "longer than needed"),
    ("negative NaN", b"G\xff\xf8\0\0\0\0\0\0", "not the one NaN"),
    ("signalling NaN", b"G\x7f\xf0\0\0\0\0\0\x01", "not the one NaN"),
    (
        "NaN in a run",
        b"](" + b"G?\xf0\0\0\0\0\0\0" * 50 + b"G\x7f\xf8\0\0\0\0\0\x01" + b"G?\xf0\0\0\0\0\0\0" * 50 + b"e",
        "not the one NaN",
    ),
    ("a surrogate", b"\x8c\x03\xed\xa0\x80", "not UTF-8"),
    ("overlong UTF-8", b"\x8c\x02\xc0\x80", "not UTF-8"),
    ("long text, not UTF-8", b"X" + pack("<I", 300) + b"\xff" * 300, "not UTF-8"),
    # lengths that lie
    ("str cut short", b"\x8c\xffa", "lies"),
    ("BINUNICODE of 4 GiB", b"X\xff\xff\xff\xffa", "lies"),
    ("BINBYTES of 4 GiB", b"B\xff\xff\xff\xffa", "lies"),
    ("LONG1 cut short", b"\x8a\xff\x01", "lies"),
    ("LONG4 of 2 GiB", b"\x8b\xff\xff\xff\x7f\x01", "lies"),
    ("LONG4 of -1", b"\x8b\xff\xff\xff\xff\x01", "lies"),
    ("float cut short", b"G\x00", "lies"),
    ("float over STOP", b"G\0\0\0\0\0\0\0", "its last byte is STOP"),
    ("int over STOP", b"K", "its byte is STOP"),
    ("run of floats cut short", b"](" + b"G?\xf0\0\0\0\0\0\0" * 20 + b"G", "lies"),
    ("array bytes cut short", _ARRAY + b"M\x00\x10\x85" + _text("<f8") + b"C\x01a\x87\x81", "lies"),
    ("array of 2**62", _ARRAY + _big(1 << 62) + b"\x85" + _text("<f8") + b"C\x00\x87\x81", "allocates"),
    ("array of 0 by 2**62", _ARRAY + b"K\x00" + _big(1 << 62) + b"\x86" + _text("<f8") + b"C\x00\x87\x81", "overflows"),
    ("array of negative length", _ARRAY + b"J\xff\xff\xff\xff\x85" + _text("|u1") + b"C\x00\x87\x81", "lies"),
    ("array of 2000 axes", _ARRAY + b"(" + _INT * 2000 + b"t" + _text("|u1") + b"C\x01a\x87\x81", "too many axes"),
    ("array of objects", _ARRAY + _INT + b"\x85" + _text("|O") + b"C\x08AAAAAAAA\x87\x81", "pointers"),
    ("array big-endian", _ARRAY + _INT + b"\x85" + _text(">i4") + b"C\x04AAAA\x87\x81", "another form"),
    ("array of a bool of 2", _ARRAY + _INT + b"\x85" + _text("|b1") + b"C\x01\x02\x87\x81", "another form"),
    ("array with another NaN", _ARRAY + _INT + b"\x85" + _text("<f4") + b"C\x04\0\0\xc0\xff\x87\x81", "not the one NaN"),
    (
        "array with strides",
        _ARRAY + b"(" + _INT + b"\x85" + _text("|u1") + b"C\x01aK\x00" + _INT + b"\x85t\x81",
        "memory beyond the buffer",
    ),
    ("numpy.int8 of 300", _class("numpy", "int8") + b"M\x2c\x01\x85\x81", "out of range"),
    ("numpy.float32 of 0.1", _class("numpy", "float32") + b"G" + pack(">d", 0.1) + b"\x85\x81", "not exact"),
    ("numpy.float16 of 1e300", _class("numpy", "float16") + b"G" + pack(">d", 1e300) + b"\x85\x81", "overflows"),
    ("numpy.bool_ of 1", _class("numpy", "bool_") + _INT + b"\x85\x81", "another form"),
    ("numpy.longdouble", _class("numpy", "longdouble") + _INT + b"\x85\x81", "not on all platforms"),
    # depth
    ("lists 201 deep", b"](" * 200 + b"]" + b"e" * 200, "too deep"),
    ("lists a million deep", b"](" * 1_000_000, "too deep"),
    ("tuples 201 deep", b")" + b"\x85" * 200, "too deep"),
    ("tuples a million deep", b"N" + b"\x85" * 1_000_000, "too deep"),
    ("marks a million deep", b"(" * 1_000_000, "too deep"),
    ("frozensets 201 deep", b"(" * 201 + b"\x91" * 201, "too deep"),
    ("instances 201 deep", (_class("app_types", "Input") + b")\x81}(" + _text("a")) * 201 + b"N" + b"ub" * 201, "too deep"),
    # keys
    ("keys not sorted", b"}(K\x02NK\x01Nu", "order"),
    ("keys twice", b"}(K\x01NK\x01Nu", "order"),
    ("fields not sorted", _instance("app_types", "Input", b"}(" + _text("b") + b"N" + _text("a") + b"Nu"), "order"),
    ("set not sorted", b"\x8f(K\x02K\x01\x90", "order"),
    ("frozenset not sorted", b"(K\x02K\x01\x91", "order"),
    ("frozenset after an empty list, not sorted", b"](K\x02K\x01\x91\x86", "order"),
    ("1 and True", b"}(K\x01N\x88Nu", "equal keys"),
    ("1.0 and 1", b"\x8f(G?\xf0\0\0\0\0\0\0K\x01\x90", "equal members"),
    ("0.0 and -0.0", b"\x8f(G\0\0\0\0\0\0\0\0G\x80\0\0\0\0\0\0\0\x90", "equal members"),
    ("(1,) and (True,)", b"(K\x01\x85\x88\x85\x91", "equal members"),
    ("NaN as a key", b"}(G\x7f\xf8\0\0\0\0\0\0Nu", "not equal to itself"),
    ("NaN in a key", b"\x8f(G\x7f\xf8\0\0\0\0\0\0\x85\x90", "not equal to itself"),
    ("list as a key", b"}(]Nu", "no hash"),
    ("list in a key", b"\x8f(]\x85\x90", "no hash"),
    ("set in a set", b"\x8f(\x8f\x90", "no hash"),
    ("dict in a frozenset", b"(}\x91", "no hash"),
    ("instance as a key", b"}(" + _instance("app_types", "Input") + b"Nu", "the app's hash"),
    ("array as a key", b"\x8f(" + _ARRAY + b"K\x00\x85" + _text("|u1") + b"C\x00\x87\x81\x90", "no hash"),
    ("numpy scalar as a key", b"\x8f(" + _class("numpy", "int8") + _INT + b"\x85\x81\x90", "numpy's hash"),
    ("200 ints of one hash", b"\x8f(" + b"".join(sorted(_COLLIDING)) + b"\x90", "quadratic"),
    (
        "20000 ints of one hash",
        b"\x8f(" + b"".join(sorted(_big(i * _P) for i in range(5, 20005))) + b"\x90",
        "quadratic",
    ),
    ("tuples of one hash", b"\x8f(" + b"".join(sorted(x + b"\x85" for x in _COLLIDING)) + b"\x90", "quadratic"),
    (
        "floats and ints of one hash",
        b"\x8f(" + b"".join(sorted(_ONES)) + b"\x90",
        "quadratic",
    ),
    (
        "tuples of -1 and -2",
        b"\x8f(" + b"".join(sorted(_PAIRS)) + b"\x90",
        "hash(-1) == hash(-2)",
    ),
    (
        "frozensets that multiply",
        b"\x8f("
        + b"".join(sorted(b"(" + b"".join(sorted(x for j, x in enumerate(_COLLIDING[:24]) if j != i)) + b"\x91" for i in range(24)))
        + b"\x90",
        "23 collisions compared for each of 24",
    ),
]

_WHOLE: list[tuple[str, bytes, str]] = [
    ("nothing", b"", "no value"),
    ("STOP", b".", "no value"),
    ("PROTO only", b"\x80\x04", "no value"),
    ("no value", b"\x80\x04.", "no value"),
    ("no STOP", b"\x80\x04K\x01", "no end"),
    ("PROTO 5", b"\x80\x05N.", "another protocol"),
    ("PROTO 2", b"\x80\x02N.", "another protocol"),
    ("no PROTO", b"N.", "another protocol"),
    ("trailing byte", b"\x80\x04N.N", "bytes after the end"),
    ("trailing STOP", b"\x80\x04N..", "bytes after the end"),
    ("a second pickle", b"\x80\x04N.\x80\x04N.", "bytes after the end"),
    ("two values", b"\x80\x04NN.", "not one value"),
    ("open list", b"\x80\x04](N.", "not closed"),
    ("open instance", b"\x80\x04" + _class("app_types", "Input") + b")\x81}.", "not closed"),
    ("zeros", bytes(1000), "not a pickle"),
]

ATTACKS: list[tuple[str, bytes, str]] = [(name, b"\x80\x04" + body + b".", why) for name, body, why in _BODIES] + _WHOLE

UNKNOWN_CLASSES: list[tuple[str, bytes, str]] = [
    (f"{module} {name}", b"\x80\x04" + _instance(module, name) + b".", "not a class of the app")
    for module, name in (
        ("os", "system"),
        ("posix", "system"),
        ("subprocess", "Popen"),
        ("app_types", "os"),
        ("app_types", "getpid"),
        ("app_types", "__builtins__"),
        ("app_types", "__getattr__"),
        ("app_types.os", "getpid"),
        ("__main__", "Output"),
    )
] + [
    ("os system with values", b"\x80\x04" + _class("os", "system") + _text("true") + b"\x85\x81.", "not a class of the app"),
]
