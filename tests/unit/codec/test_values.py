"""What goes in comes out, in one form, and the standard pickle reads it."""

from __future__ import annotations

import copy
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pyboinc import codec

SRC = str(Path(codec.__file__).parents[2])
APP = Path(__file__).with_name("codec_app.py")


def same(a: object, b: object) -> bool:
    """Equal, and of the same types all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack(">d", a) == struct.pack(">d", b) or (a != a and b != b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(k in b and same(v, b[k]) for k, v in a.items())
    return a == b or a != a


def test_everything_survives(app, known):
    for value in [*app.values(), *app.odd(), *app.NEW]:
        data = codec.dumps(value, known)
        back = codec.loads(data, known)
        assert codec.dumps(back, known) == data
        assert codec.dumps(codec.parse(data)) == data
        if value not in app.odd():
            assert same(value, back) or value != value or "nan" in repr(back), value


def test_pickle_reads_it(app, known):
    for value in [*app.values(), *app.odd(), *app.NEW]:
        back = pickle.loads(codec.dumps(value, known))
        assert same(value, back) or "nan" in repr(back) or codec.dumps(back, known) == codec.dumps(value, known)


def test_copies_and_sharing_change_nothing(app, known):
    for value in [*app.values(), *app.NEW]:
        data = codec.dumps(value, known)
        assert codec.dumps(copy.deepcopy(value), known) == data
        one, two = copy.deepcopy(value), copy.deepcopy(value)
        assert codec.dumps([one, one, value], known) == codec.dumps([one, two, value], known)


def test_one_form(known):
    assert codec.dumps({"b": 1, "a": 2}) == codec.dumps({"a": 2, "b": 1})
    assert codec.dumps({3, 1, 2}) == codec.dumps({1, 2, 3})
    assert len({codec.dumps(v) for v in (1, 1.0, True, "1", 0.0, -0.0, 0, False, None, b"1")}) == 10
    assert codec.dumps(float("nan")) == codec.dumps(-float("nan")) == b"\x80\x04G\x7f\xf8\0\0\0\0\0\0."
    assert codec.dumps([1]) == b"\x80\x04](K\x01e."


def test_ints_are_as_short_as_pickle_has_them(app):
    for value in app.INTS:
        theirs = pickle.dumps(value, 4)
        if theirs[2:3] == b"\x95":
            theirs = theirs[:2] + theirs[11:]
        assert codec.dumps(value) == theirs


@pytest.mark.parametrize("seed", ["0", "1", "77"])
def test_hash_seeds(seed):
    assert run(sys.executable, seed, "new") == run(sys.executable, "5", "new")


def pythons() -> list[str]:
    found = {}
    for path in sorted(Path.home().glob(".pyenv/versions/3.*/bin/python")):
        version = tuple(map(int, path.parts[-3].split(".")[:2]))
        if version >= (3, 9):
            found[version] = str(path)
    return list(found.values())


@pytest.mark.parametrize("python", pythons() or [pytest.param("", marks=pytest.mark.skip(reason="no other Python here"))])
def test_other_pythons(python):
    assert run(python, "3") == run(sys.executable, "4")
    if "3.9" not in python:
        assert run(python, "3", "new") == run(sys.executable, "4", "new")


def run(python: str, seed: str, *words: str) -> str:
    env = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run([python, "-S", str(APP), SRC, *words], env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_code_of_the_app_runs(app, known):
    value = app.Loud()
    value.__dict__.update(shown=3, x=1)
    app.Loud.calls.clear()
    data = codec.dumps(value, known)
    assert codec.loads(data, known).__dict__ == {"shown": 3, "x": 1}
    assert app.Loud.calls == []


def test_the_readme_example():
    class Main:
        pass

    namespace = {"__name__": "reference_types"}
    exec("class Input:\n    def __init__(self, value): self.value = value", namespace)
    module = type(sys)("reference_types")
    module.__dict__.update(namespace)
    sys.modules["reference_types"] = module
    try:
        known = codec.Classes(["reference_types"])
        data = codec.dumps(namespace["Input"](12), known)
        assert codec.loads(data, known).value == 12
        assert codec.parse(data) == codec.Instance("reference_types", "Input", {"value": 12})
    finally:
        del sys.modules["reference_types"]


def test_neutral_forms(app, known):
    def tree(value):
        return codec.parse(codec.dumps(value, known))

    assert tree(app.Data(1, 2.0)) == codec.Instance("codec_app", "Data", {"x": 1, "y": 2.0})
    assert tree(app.Data(1, 2.0)).fields == {"x": 1, "y": 2.0}
    slots = tree(app.Slots(5))
    assert slots.state == (None, {"a": 5, "_Slots__hidden": 7})
    assert slots.fields == {"a": 5, "_Slots__hidden": 7}
    assert tree(app.SlotsAndDict(5, z=1)).fields == {"a": 5, "_Slots__hidden": 7, "z": 1}
    assert tree(app.Color.MIX) == codec.Made("codec_app", "Color", ((1, 2.0),))
    assert tree(app.Point(1.0)) == codec.Made("codec_app", "Point", (1.0, 0.0))
    assert tree({app.Color.RED: 1}) == {codec.Made("codec_app", "Color", (1,)): 1}
    assert tree(1j) == 1j
    if app.NEW:
        assert tree(app.FrozenSlots(4, "b")).fields == {0: 4, 1: "b"}
    with pytest.raises(AttributeError):
        slots.module = "other"


def test_encoded_is_spliced(app, known):
    data = codec.dumps(app.Data(1), known)
    part = codec.Encoded(codec.body(data))
    assert codec.dumps({"ok": [part]}) == codec.dumps({"ok": [app.Data(1)]}, known)
    for bad in (b"", b"NN", b"N.", b"R", codec.dumps(1)):
        with pytest.raises(codec.DecodeError):
            codec.Encoded(bad)
    with pytest.raises(codec.DecodeError):
        codec.body(b"N.")
    deep = nest(150)
    part = codec.Encoded(codec.body(codec.dumps(deep)))
    assert part.depth == 150
    value: object = part
    for _ in range(50):
        value = [value]
    assert codec.dumps(value) == codec.dumps(nest(200))
    with pytest.raises(codec.EncodeError, match="nested"):
        codec.dumps([value])


def test_encode_keeps_room_for_what_goes_around():
    part = codec.encode(nest(198), within=2)
    assert codec.dumps([[part]]) == codec.dumps(nest(200))
    assert codec.encode(5, within=3).body == codec.body(codec.dumps(5))
    with pytest.raises(codec.EncodeError, match="nested"):
        codec.dumps([[[part]]])
    with pytest.raises(codec.EncodeError, match=r"input\[0\].*nested"):
        codec.encode(nest(199), name="input", within=2)


def nest(depth: int) -> object:
    value: object = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    "wrap", ["[x]", "(x,)", "(1,2,3,x)", "{'a': x}", "frozenset([x])", "Data(x)", "SlotsAndDict(x, q=1)", "Point(x)", "Wide(1,2,3,4,x)"]
)
def test_depth_is_the_same_on_both_sides(app, known, wrap):
    value: object = ()
    deepest = None
    for _ in range(300):
        try:
            deepest = codec.dumps(value, known)
        except codec.EncodeError as error:
            assert "nested more than 200 deep" in str(error)
            break
        codec.loads(deepest, known)
        codec.parse(deepest)
        value = eval(wrap, dict(vars(app), x=value))
    else:
        pytest.fail("no limit")
    body = codec.body(deepest)
    for head, tail in ((b"](", b"e"), (b"", b"\x85"), (b"N", b"\x86")):
        twice = b"\x80\x04" + head * 3 + body + tail * 3 + b"."
        with pytest.raises(codec.DecodeError, match="deep"):
            codec.parse(twice)


def test_import_is_light():
    code = "import sys; before = set(sys.modules); from pyboinc import codec; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {SRC!r}); {code}"], capture_output=True, text=True
    )
    foreign = {name for name in done.stdout.split() if not name.startswith("pyboinc")}
    assert foreign <= {"struct", "_struct", "__future__"}, done.stdout + done.stderr
