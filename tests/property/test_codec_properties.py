"""Properties of the codec over generated values and bytes."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pyboinc import codec

if "codec_app" not in sys.modules:
    spec = importlib.util.spec_from_file_location("codec_app", Path(__file__).parents[1] / "unit" / "codec" / "codec_app.py")
    assert spec is not None and spec.loader is not None
    sys.modules["codec_app"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["codec_app"])
app = sys.modules["codec_app"]
known = codec.Classes(["codec_app"])

text = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
numbers = st.integers() | st.integers(-(2**70), 2**70) | st.integers(-1, 70000) | st.booleans()
flat_keys = st.none() | numbers | st.floats(allow_nan=False) | text | st.binary(max_size=20) | st.sampled_from(app.Color)
keys = st.recursive(flat_keys, lambda k: st.tuples(k, k) | st.frozensets(k, max_size=4) | st.builds(app.Point, k, k), max_leaves=6)
flat = flat_keys | st.floats() | st.complex_numbers() | st.binary(max_size=400) | st.lists(st.floats(), min_size=14, max_size=40)
runs = (
    st.lists(st.integers(0, 255), min_size=15)
    | st.lists(st.integers(256, 65535), min_size=15)
    | st.lists(st.integers(65536, 2**31 - 1), min_size=15)
)


def containers(value):
    fields = st.dictionaries(text, value, max_size=4)
    return (
        st.lists(value, max_size=6)
        | st.lists(value, max_size=6).map(tuple)
        | st.dictionaries(keys, value, max_size=4)
        | st.sets(keys, max_size=4)
        | st.builds(lambda d: app.Plain(**d), fields)
        | st.builds(app.Slots, value)
        | st.builds(lambda a, d: app.SlotsAndDict(a, **{f"f{k}": v for k, v in d.items()}), value, fields)
        | st.builds(app.Data, value, value)
        | st.builds(app.Wide, value, value, value, value, value)
        | st.builds(codec.Instance, st.just("codec_app"), st.just("Plain"), fields)
    )


values = st.recursive(flat | runs, containers, max_leaves=25)


@given(values)
@settings(deadline=None, max_examples=300)
def test_round_trip(value):
    data = codec.dumps(value, known)
    back = codec.loads(data, known)
    assert codec.dumps(back, known) == data
    assert codec.dumps(codec.parse(data)) == data
    assert codec.dumps(copy.deepcopy(back), known) == data
    assert codec.dumps(pickle.loads(data), known) == data
    assert codec.Encoded(codec.body(data)).body == data[2:-1]


@given(st.recursive(flat_keys, lambda v: st.lists(v) | st.dictionaries(keys, v, max_size=3) | st.tuples(v, v, v, v), max_leaves=15))
@settings(deadline=None, max_examples=200)
def test_equal_and_of_equal_types(value):
    back = codec.loads(codec.dumps(value, known), known)
    assert back == value and type(back) is type(value)


def accepted_or_refused(data: bytes) -> None:
    try:
        tree = codec.parse(data)
    except codec.DecodeError:
        tree = None
    else:
        assert codec.dumps(tree) == data
    try:
        value = codec.loads(data, known)
    except codec.DecodeError:
        return
    assert codec.dumps(value, known) == data
    assert codec.dumps(codec.parse(data)) == data  # what loads takes, parse takes


@given(values, st.lists(st.tuples(st.integers(0), st.integers(0, 3), st.integers(0, 255)), max_size=3))
@settings(deadline=None, max_examples=500)
def test_mutations(value, changes):
    data = bytearray(codec.dumps(value, known))
    for place, what, byte in changes:
        i = 2 + place % max(1, len(data) - 3)
        if what == 0:
            data[i : i + 1] = bytes((byte,))
        elif what == 1:
            del data[i : i + 1]
        elif what == 2:
            data.insert(i, byte)
        else:
            data[i:i] = data[byte % len(data) :][:10]
    accepted_or_refused(bytes(data))


OPS = b"().()NKKGJMXBC]]}}uet\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8f\x90\x91\x93\x81bR0\x94"
CLASSES = [
    b"\x8c\x09codec_app\x8c" + bytes((len(n),)) + n + b"\x93" for n in (b"Plain", b"Slots", b"Color", b"Point", b"FrozenSlots", b"Data")
]
CLASSES += [b"\x8c\x05numpy\x8c\x07ndarray\x93", b"\x8c\x05numpy\x8c\x07float32\x93", b"\x8c\x08builtins\x8c\x07complex\x93"]
WORDS = [
    b"K\x01",
    b"K\x02",
    b"N",
    b"]",
    b"}",
    b")",
    b"(",
    b"](",
    b"}(",
    b"\x8f(",
    b"\x85",
    b"\x86",
    b"e",
    b"u",
    b"t",
    b"\x90",
    b"\x91",
    b")\x81}b",
    b")\x81",
    b"b",
    b"\x81",
    b"\x8c\x01a",
    b"\x8c\x01b",
    b"G" + bytes(8),
    b"\x8c\x03<f4",
    b"C\x04\0\0\0\0",
    *CLASSES,
]


@given(st.lists(st.sampled_from(WORDS), max_size=20) | st.lists(st.sampled_from([bytes((op,)) for op in OPS]), max_size=25))
@settings(deadline=None, max_examples=1500)
def test_opcode_soup(words):
    accepted_or_refused(b"\x80\x04" + b"".join(words) + b".")


@given(st.binary(max_size=60))
@settings(deadline=None, max_examples=300)
def test_noise(noise):
    accepted_or_refused(noise)
    accepted_or_refused(b"\x80\x04" + noise + b".")
