"""numpy arrays and scalars."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from pyboinc import codec

np = pytest.importorskip("numpy")
TYPES = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"]


@pytest.mark.parametrize("dtype", TYPES)
def test_arrays_survive(dtype):
    base = np.arange(24).astype(dtype).reshape(2, 3, 4)
    for array in (
        base,
        base[:, ::2],
        base.T,
        np.asfortranarray(base),
        base[0, 0, 0:0],
        np.array(base[1, 1, 1]),
        base.astype(base.dtype.newbyteorder(">")),
    ):
        data = codec.dumps(array)
        back, theirs, tree = codec.loads(data), pickle.loads(data), codec.parse(data)
        assert type(back) is np.ndarray and back.dtype == base.dtype and back.shape == array.shape
        assert (back == array).all() and (theirs == array).all() and theirs.dtype == base.dtype
        assert codec.dumps(back) == codec.dumps(tree) == data == codec.dumps(array.copy())
        assert tree.shape == array.shape
        back[...] = 0  # ours to write on


@pytest.mark.parametrize("dtype", TYPES)
def test_scalars_keep_their_type(dtype):
    for number in (0, 1, 100):
        value = np.dtype(dtype).type(number)
        data = codec.dumps([value])
        for back in (codec.loads(data)[0], pickle.loads(data)[0]):
            assert type(back) is type(value) and back == value
        assert codec.dumps(codec.loads(data)) == codec.dumps(codec.parse(data)) == data
    assert codec.dumps(np.float64(1.0)) != codec.dumps(1.0)


def test_one_nan():
    for size in (2, 4, 8):
        bits = {2: [0x7E00, 0xFE00, 0x7C01], 4: [0x7FC00000, 0xFFC00000, 0x7F800001], 8: [0x7FF8 << 48, 0xFFF8 << 48, (0x7FF0 << 48) + 1]}[
            size
        ]
        arrays = [np.array([b, 0], dtype=f"u{size}").view(f"f{size}") for b in bits]
        assert len({codec.dumps(a) for a in arrays}) == 1
        assert np.isnan(codec.loads(codec.dumps(arrays[1]))[0])
        assert len({codec.dumps(a[0]) for a in arrays}) == 1
    both = np.array([complex(np.nan, -0.0), complex(np.inf, -np.nan)])
    assert codec.dumps(both) == codec.dumps(codec.parse(codec.dumps(both)))
    loose = np.array([2, 0], dtype="u1").view("?")
    assert codec.dumps(loose) == codec.dumps(np.array([True, False]))


@pytest.mark.parametrize(
    "value",
    [
        np.array([None]),
        np.array(["a"]),
        np.array([b"a"]),
        np.zeros(2, "i4,f4"),
        np.array(["2020-01-01"], "M8[D]"),
        np.datetime64("2020-01-01"),
        np.longdouble(1),
        np.str_("a"),
        np.bytes_(b"a"),
        np.ma.array([1]),
        np.array([1]).view(np.recarray),
        np.zeros(2, np.longdouble),
    ],
    ids=lambda v: type(v).__name__ + str(v.dtype),
)
def test_refused(value):
    with pytest.raises(codec.EncodeError, match=r"input\.a|input\['a'\]"):
        codec.dumps({"a": value}, name="input")


def test_without_numpy():
    src = str(Path(codec.__file__).parents[2])
    data = codec.dumps([np.arange(3.0)])
    code = f"import sys; sys.path.insert(0, {src!r}); sys.modules['numpy'] = None\nfrom pyboinc import codec\n"
    code += f"data = {data!r}\nprint(codec.parse(data)[0].shape)\n"
    code += "try: codec.loads(data)\nexcept codec.DecodeError as error: print(error)\ncodec.dumps(codec.parse(data))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("(3,)\n") and "numpy is not installed here" in done.stdout, done.stderr
