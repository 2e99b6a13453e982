"""What has no encoding, and how the error says so."""

from __future__ import annotations

import abc
import collections
import enum
import sys
import types
from typing import Any, NamedTuple

import pytest

from pyboinc import codec
from pyboinc.errors import DecodeError, EncodeError


def refuse(value: object, text: str, known: codec.Classes | None = None) -> str:
    with pytest.raises(EncodeError) as caught:
        codec.dumps(value, known, name="input")
    assert text in str(caught.value)
    return str(caught.value)


def test_the_field_is_named(app, known):
    value = app.Plain(samples=[1, 2, 3, {"a": bytearray()}])
    assert refuse(value, "bytearray", known).startswith("input.samples[3]['a']: ")
    assert refuse((1, {2: print}), "function").startswith("input[1][2]: ")
    assert refuse(app.Point(1.0, [len]), "function", known).startswith("input.y[0]: ")
    assert refuse(app.SlotsAndDict([open], q=1), "function", known).startswith("input.a[0]: ")
    assert refuse({(1, app.Input(1)): 1}, "not a key", known).startswith("input")
    assert refuse(object(), "object has no encoding").startswith("input: ")
    if app.NEW:
        assert refuse(app.FrozenSlots(1, {3: range(3)}), "range", known).startswith("input.y[3]: ")


@pytest.mark.parametrize(
    "value",
    [
        bytearray(b"a"),
        collections.OrderedDict(),
        collections.defaultdict(int),
        collections.Counter(),
        range(3),
        print,
        len,
        sys,
        int,
        lambda: 0,
        iter([]),
        memoryview(b"a"),
        sys.stderr,
        ValueError("a"),
        type("L", (list,), {})(),
        type("I", (int,), {})(1),
        {}.keys(),
        NotImplemented,
        ...,
        slice(1),
    ],
    ids=lambda v: type(v).__name__,
)
def test_foreign_values(value):
    refuse([value], "input[0]: ")


def test_text_that_is_none():
    refuse("\ud800", "surrogate")
    refuse({"\ud800": 1}, "surrogate")


def test_cycles_and_depth():
    one: list[Any] = []
    one.append({"a": (one,)})
    assert refuse(one, "cycle").startswith("input[0]['a'][0]: a cycle, it leads back to input")
    value: Any = []
    for _ in range(200):
        value = [value]
    refuse(value, "nested more than 200 deep")


def test_the_error_for_a_deep_value_is_short_and_found_in_linear_time(monkeypatch):
    encode = sys.modules["pyboinc.codec.encode"]
    looked = []
    parts = encode._parts
    monkeypatch.setattr(encode, "_parts", lambda *arguments: looked.append(1) or parts(*arguments))
    for wrap in (lambda value: [value], lambda value: {"a name of some length " * 50: value}):
        value: Any = []
        for _ in range(5000):
            value = wrap(value)
        assert len(refuse(value, "…")) < 500 and "nested more than 200 deep" in refuse(value, "input[")
        assert len(looked) <= 2 * 200
        looked.clear()
    ring: list[Any] = [[]]
    inner = ring[0]
    for _ in range(150):
        inner.append([])
        inner = inner[0]
    inner.append(ring)
    assert len(refuse(ring, "a cycle, it leads back to input")) < 500


def test_keys(app, known):
    nan = float("nan")
    for keys in ([nan], [(nan,)], [complex(nan, 0)], [frozenset([nan])]):
        refuse(set(keys), "NaN")
        refuse(dict.fromkeys(keys), "NaN")
    for key in (app.Input(1), app.Frozen):
        refuse({key: 1}, "", known)
    prime = 2**61 - 1
    if sys.hash_info.modulus == prime:
        assert codec.loads(codec.dumps({i * prime for i in range(64)}))
        refuse({i * prime for i in range(65)}, "same hash")
        refuse({frozenset({i * prime for i in range(24) if i != j}) for j in range(24)}, "same hash")


def make(body: str, name: str = "Thing") -> Any:
    namespace: dict[str, Any] = {"__name__": "refused_app", "enum": enum, "abc": abc, "NamedTuple": NamedTuple}
    module = sys.modules["refused_app"] = types.ModuleType("refused_app")  # dataclasses look there
    module.__dict__.update(namespace)
    exec("from dataclasses import dataclass\n" + body, module.__dict__)
    return vars(module)[name]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("class Thing:\n def __setstate__(self, s): pass", "__setstate__"),
        ("class Thing:\n def __getstate__(self): return {}", "__getstate__"),
        ("class Thing:\n def __reduce__(self): return (int, ())", "__reduce__"),
        ("class Thing:\n def __reduce_ex__(self, n): return (int, ())", "__reduce_ex__"),
        ("class Thing:\n def __new__(cls, *a): return object.__new__(cls)", "__new__"),
        ("class Thing:\n def __getnewargs__(self): return ()", "__getnewargs__"),
        ("class Thing:\n def __del__(self): pass", "__del__"),
        ("class Thing(dict): pass", "built-in type dict"),
        ("class Thing(Exception): pass", "built-in type"),
        ("class Base:\n __slots__ = ('a',)\nclass Thing(Base):\n a = property()", "hidden"),
        ("class Thing:\n __slots__ = ('a',)\n def __setattr__(self, n, v): pass", "__setattr__"),
        ("@dataclass(frozen=True)\nclass Thing:\n __slots__ = ('a',)\n a: int", "__setattr__"),
        ("class Thing:\n __dict__ = property(lambda self: {})", "__dict__"),
        ("class Thing(NamedTuple): pass", "without fields"),
        ("class Base(NamedTuple):\n a: int\nclass Thing(Base): pass", "__slots__"),
        (
            "class Base(NamedTuple):\n a: int\nclass Thing(Base):\n __slots__ = ()\n def __new__(cls): return tuple.__new__(cls, (1,))",
            "__new__",
        ),
        ("class Thing(abc.ABC):\n @abc.abstractmethod\n def f(self): ...", "abstract"),
    ],
)
def test_classes_that_cannot_travel(body, text):
    cls = make(body)
    with pytest.raises(EncodeError, match=text):
        codec.Classes(classes=[cls])


def test_frozen_slots_with_loose_bases():
    with pytest.raises(EncodeError, match="bases"):
        codec.Classes(classes=[make("class B: pass\n@dataclass(frozen=True, slots=True)\nclass Thing(B):\n a: int")])
    with pytest.raises(EncodeError, match="__getstate__"):
        codec.Classes(classes=[make("@dataclass(frozen=True, slots=True)\nclass B:\n a: int\nclass Thing(B): pass")])


def test_enums(app, known):
    refuse(app.Perm.R | app.Perm.W, "named members", known)
    for args in ((1.0,), (True,), (2,), ((1, 2),), (1, 1)):
        with pytest.raises(DecodeError):
            codec.loads(codec.dumps(codec.Made("codec_app", "Color", args)), known)
    with pytest.raises(DecodeError, match="equal"):
        codec.loads(codec.dumps({codec.Made("codec_app", "Level", (1,)): 0, 1: 1}), known)


def test_nested_and_unknown_classes(app, known):
    class Local:
        pass

    with pytest.raises(EncodeError, match="top level"):
        codec.dumps(Local(), known)
    with pytest.raises(EncodeError, match="register"):
        codec.Classes().name_of(app.Input)
    with pytest.raises(EncodeError, match="top level"):
        codec.register(Local)
    with pytest.raises(DecodeError, match=r"codec_app\.Input.*app_types\.py"):
        codec.loads(codec.dumps(app.Input(1), known), codec.Classes())
    for module, name in (
        ("codec_app", "getpid"),
        ("codec_app", "enum"),
        ("codec_app", "T"),
        ("os", "system"),
        ("codec_app", "Same.__eq__"),
    ):
        with pytest.raises(DecodeError):
            known.find(module, name)


def test_wrong_states(app, known):
    for name, state in (
        ("Slots", {"a": 1}),
        ("Slots", (None, {"q": 1})),
        ("Slots", ({"a": 1}, {})),
        ("Plain", (None, {"a": 1})),
        ("Plain", [1]),
        ("SlotsAndDict", ({"b": 1}, {})),
        ("Color", {}),
        ("Point", {}),
        ("FrozenSlots", [1]),
        ("FrozenSlots", {"x": 1, "y": 2}),
    ):
        with pytest.raises(DecodeError):
            codec.loads(codec.dumps(codec.Instance("codec_app", name, state)), known)
    for name, args in (("Point", (1,)), ("Plain", (1,)), ("Point", (1, 2, 3))):
        with pytest.raises(DecodeError):
            codec.loads(codec.dumps(codec.Made("codec_app", name, args)), known)
    for state in (None, 1, {1: 2}, ({}, {}), ({"a": 1}, {"a": 2}), (None, {"a": 1}, 3)):
        refuse(codec.Instance("m", "N", state), "")
    refuse(codec.Made("m", "N", 3), "tuple")  # type: ignore[arg-type]
    refuse(codec.Made("m", "N", ()), "tuple")
    refuse([codec.Instance("m", "N.x", {})], "input[0]: ")
    refuse(codec.Instance("m", "N", {"a": [len]}), "input.a[0]: ")
    refuse(codec.Array((2,), "<f8", b""), "fill")
    refuse(codec.Scalar("int8", 1000), "int8")


def test_registry(app, monkeypatch):
    known = codec.Classes(["codec_app"], aliases={"codec_app": "__main__"})
    assert known.name_of(app.Input) == ("__main__", "Input")
    assert known.find("__main__", "Input") is app.Input
    with pytest.raises(DecodeError):
        known.find("codec_app", "Input")
    assert b"__main__" in codec.dumps(app.Input(1), known)
    asked = []

    def resolve(name: str) -> object:
        asked.append(name)
        return app

    monkeypatch.delitem(sys.modules, "codec_app")
    with pytest.raises(DecodeError):
        codec.Classes(["codec_app"]).find("codec_app", "Input")
    assert codec.Classes(["codec_app"], resolve=resolve).find("codec_app", "Input") is app.Input
    with pytest.raises(DecodeError):
        codec.Classes(["codec_app"], resolve=resolve).find("other", "Input")
    assert asked == ["codec_app"]


def test_register(monkeypatch):
    from pyboinc.codec.types import default

    monkeypatch.setattr(default, "_registered", {})
    cls = make("class Thing: pass")
    assert codec.register(cls) is cls
    assert type(codec.loads(codec.dumps(cls()))) is cls
    assert codec.Classes().find("refused_app", "Thing") is cls
    with pytest.raises(EncodeError, match="takes a class"):
        codec.register(3)  # type: ignore[arg-type]
