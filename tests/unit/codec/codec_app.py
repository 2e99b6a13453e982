"""An app's types, of every kind, for the codec's tests; also run by other Pythons: ``python codec_app.py`` prints encodings."""

from __future__ import annotations

import enum
import sys
from collections import namedtuple
from dataclasses import dataclass
from os import getpid  # noqa: F401  imported, not defined: must not be reachable
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Input:
    def __init__(self, value: Any) -> None:
        self.value = value


class Output:
    def __init__(self, value: Any) -> None:
        self.value = value


class Same:
    """Equal when type and state are."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and state_of(self) == state_of(other)

    __hash__ = None  # type: ignore[assignment]


class Plain(Same):
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class Box(Same, Generic[T]):
    def __init__(self, item: T) -> None:
        self.item = item


class Loud(Same):
    """Every piece of its own code is a trap."""

    calls: list[str] = []  # noqa: RUF012  shared on purpose

    def __init__(self) -> None:
        self.calls.append("init")

    def __setattr__(self, name: str, value: object) -> None:
        self.calls.append("setattr")
        object.__setattr__(self, name, value)

    @property
    def shown(self) -> int:
        self.calls.append("get")
        return 1

    @shown.setter
    def shown(self, value: int) -> None:
        self.calls.append("set")


class Slots:
    __slots__ = ("__hidden", "a", "b")

    def __init__(self, a: Any) -> None:
        self.a = a
        self.__hidden = 7

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and state_of(self) == state_of(other)

    __hash__ = None  # type: ignore[assignment]


class SlotsAndDict(Slots):
    def __init__(self, a: Any, **fields: Any) -> None:
        super().__init__(a)
        self.__dict__.update(fields)


class NoSlots:
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    __hash__ = None  # type: ignore[assignment]


@dataclass
class Data:
    x: int
    y: float = 0.5


@dataclass(frozen=True)
class Frozen:
    x: int
    inner: Data


class Color(enum.Enum):
    RED = 1
    GREEN = "green"
    MIX = (1, 2.0)
    ALSO_RED = 1


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 1000


class Name(str, enum.Enum):
    A = "a"


class Perm(enum.Flag):
    R = 1
    W = 2


class Point(NamedTuple):
    x: float
    y: float = 0.0


class Wide(NamedTuple):
    a: int
    b: int
    c: int
    d: int
    e: Any


class Named(namedtuple("Named", "left right")):
    __slots__ = ()


def state_of(value: Any) -> dict[str, Any]:
    found = dict(getattr(value, "__dict__", {}))
    for name in ("_Slots__hidden", "a", "b"):
        if isinstance(value, Slots) and hasattr(value, name):
            found[name] = getattr(value, name)
    return found


NEW: list[Any] = []  # of classes that Python 3.9 has not
if sys.version_info >= (3, 10):  # noqa: UP036  run by older Pythons, too

    @dataclass(slots=True)
    class SlotData:
        x: int
        y: Any = None

    @dataclass(frozen=True, slots=True)
    class FrozenSlots:
        x: int
        y: Any = None

    NEW = [SlotData(1, [2]), FrozenSlots(1, ("a", None)), [FrozenSlots(i) for i in range(3)]]

INTS = [n + d for k in (0, 7, 8, 15, 16, 31, 32, 63, 64, 2039, 2040, 2047, 2048, 20000) for n in (1 << k, -(1 << k)) for d in (-1, 0, 1)]
NAN, INF = float("nan"), float("inf")


def values() -> list[Any]:
    """One of everything; two calls share nothing."""
    simple: list[Any] = [None, True, False, *INTS, 0.0, -0.0, 1.5, 1e-320, INF, -INF, 1e308]
    texts: list[Any] = ["", "a", "é", "\U0001f600", "x" * 255, "x" * 256, "é" * 200, "\0", b"", b"\xff" * 255, b"\xff" * 256, b"." * 70000]
    tuples: list[Any] = [
        (),
        (1,),
        (1, 2),
        (1, 2, 3),
        (1, 2, 3, 4),
        (((),),),
        ([], (1, 2, 3, 4)),
        ([], frozenset([2, 1])),
        ({}, {1}, frozenset()),
    ]
    lists: list[Any] = [[], [[]], [1], [1.0], ["a", 1, 1.0, None], [0.1 * i for i in range(100)], [INF, 1e300] * 20, [{}, set(), ()]]
    lists += [list(range(300)), list(range(250, 600)), list(range(65000, 66000)), list(range(-300, 300)), [1 << 40] * 50, INTS, tuple(INTS)]
    lists += [[70000 + i for i in range(5000)], [-i - 1 for i in range(5000)], [1.0, 2.0, 3, 4, 300, 400, 70000, 80000, "a", 1.0, 2.0]]
    keyed: list[Any] = [
        {},
        {"b": 1, "a": 2, "aa": 3, "x" * 300: 4},
        {1: "a", 2.5: "b", None: 0, b"x": 1, (1, "a"): 2, frozenset([1]): 3, 1j: 4},
    ]
    keyed += [
        set(),
        {1, 2, 3},
        {"a", b"a", 1, None},
        frozenset(["x"]),
        {frozenset([frozenset([-1]), frozenset([-2])]), frozenset()},
        {-1, -2},
    ]
    keyed += [
        {i: i for i in range(1000)},
        {i / 7 for i in range(1000)},
        {f"k{i}": {i: [i]} for i in range(50)},
        {(i, -i) for i in range(500)},
    ]
    keyed += [{Color.RED: 1, Color.MIX: 2}, {Point(1.0, 2.0): 1, (3.0, 4.0): 2}, {Name.A, Level.HIGH}]
    objects: list[Any] = [
        Plain(),
        Plain(a=1, b=[Plain(z="q")]),
        Box([1]),
        Slots(1),
        Slots([Slots(None)]),
        SlotsAndDict(1),
        SlotsAndDict(1, u=2, v={}),
    ]
    objects += [
        NoSlots(),
        Data(1),
        Data(2, -0.0),
        Frozen(3, Data(4)),
        [Plain(value=i, name="n") for i in range(20)],
        Plain(**{"x" * 300: 1, "é": 2}),
    ]
    objects += [
        *Color,
        *Level,
        *Name,
        Perm.R,
        Point(1.0),
        Wide(1, 2, 3, 4, Point(5.0)),
        Named("l", "r"),
        1 + 2j,
        complex(-0.0, INF),
        [Color.RED] * 3,
    ]
    return [*simple, *texts, *tuples, *lists, *keyed, *objects]


def odd() -> list[Any]:
    """Values that are not equal to themselves."""
    return [NAN, -NAN, [NAN] * 40, [1.0, -NAN] * 20, complex(NAN, 1.0), Plain(x=NAN), (NAN,)]


if __name__ == "__main__":
    import hashlib

    sys.path.insert(0, sys.argv[1])
    sys.modules["codec_app"] = sys.modules["__main__"]
    from pyboinc import codec

    known = codec.Classes(["__main__"], aliases={"__main__": "codec_app"})
    everything = [*values(), *odd(), *(NEW if "new" in sys.argv else [])]
    for value in everything:
        data = codec.dumps(value, known)
        assert codec.dumps(codec.loads(data, known), known) == codec.dumps(codec.parse(data)) == data
    print(*[hashlib.sha256(codec.dumps(value, known)).hexdigest()[:16] for value in everything])
