"""numpy arrays and scalars, without importing numpy unless an array or a scalar has to be made."""

from __future__ import annotations

import sys
from struct import error as struct_error
from struct import iter_unpack, pack, unpack

from ..errors import DecodeError
from .grammar import Refused, short, str_bytes
from .types import Array, Scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_INTS = {f"{'u' if u else ''}int{8 * n}": (0 if u else -(1 << 8 * n - 1), (1 << 8 * n - (not u)) - 1) for n in (1, 2, 4, 8) for u in (0, 1)}
_FLOATS = {"float16": "<e", "float32": "<f", "float64": "<d"}
_COMPLEX = {"complex64": "<f", "complex128": "<d"}
SCALARS = ("bool_", *_INTS, *_FLOATS, *_COMPLEX)
# dtype: (bytes of an element, bytes of one float in it or 0)
_DTYPES = {"|b1": (1, 0), "|i1": (1, 0), "|u1": (1, 0), "<f2": (2, 2), "<f4": (4, 4), "<f8": (8, 8), "<c8": (8, 4), "<c16": (16, 8)}
_DTYPES.update({f"<{kind}{size}": (size, 0) for kind in "iu" for size in (2, 4, 8)})
# of a float: format, mask without the sign, infinity, the one NaN, highest bytes that a NaN may have
_NANS = {
    2: ("<H", 0x7FFF, 0x7C00, 0x7E00, bytes((*range(0x7C, 0x80), *range(0xFC, 0x100)))),
    4: ("<I", 0x7FFFFFFF, 0x7F800000, 0x7FC00000, b"\x7f\xff"),
    8: ("<Q", 0x7FFFFFFFFFFFFFFF, 0x7FF0000000000000, 0x7FF8000000000000, b"\x7f\xff"),
}
_MAX_DIMS = 32  # numpy 1's; numpy 2 has 64
_HEAD = str_bytes("numpy") + str_bytes("ndarray") + b"\x93"


def is_numpy(value: object) -> bool:
    """Is it an array or a scalar of numpy's? Does not import numpy: who has one has imported it."""
    numpy: Any = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, (getattr(numpy, "ndarray", ()), getattr(numpy, "generic", ())))


def neutral(value: Any) -> Array | Scalar:
    """An array or a scalar in neutral form, its NaNs all the same. Raises Refused."""
    numpy: Any = sys.modules["numpy"]
    if isinstance(value, numpy.ndarray):
        if type(value) is not numpy.ndarray:
            raise Refused(f"a subclass of ndarray, {type(value).__name__}: use numpy.asarray(x)")
        dtype = value.dtype.newbyteorder("<").str
        if value.dtype.names or dtype not in _DTYPES:
            raise Refused(f"an array of dtype {short(str(value.dtype))}: only bool, int, uint, float and complex of up to 2 * 64 bits")
        if value.ndim > _MAX_DIMS:
            raise Refused(f"an array of more than {_MAX_DIMS} dimensions")
        value = value.astype(dtype, order="C")  # a copy
        size = _DTYPES[dtype][1]
        if size:
            _, mask, infinity, nan, _ = _NANS[size]
            bits = value.reshape(-1).view(f"<u{size}")
            bits[(bits & bits.dtype.type(mask)) > infinity] = nan
        elif dtype == "|b1":
            value = value.view("u1") != 0  # a byte of a bool can be anything
        return Array(tuple(map(int, value.shape)), dtype, value.tobytes())
    name = str(value.dtype) if value.dtype.kind != "b" else "bool_"
    if name not in SCALARS or type(value).__module__ != "numpy":
        raise Refused(f"a numpy scalar of type {short(name)} has no encoding: use .item()")
    return Scalar(name, value.item())


def check(value: Array | Scalar) -> bytes:
    """The encoded class of a neutral form, when the form is right; else Refused."""
    if type(value) is Scalar:
        if value.name not in SCALARS or not _fits(value.name, value.value):
            raise Refused(f"not the value of a numpy.{short(value.name)}")
        return str_bytes("numpy") + str_bytes(value.name) + b"\x93"
    shape, dtype, data = value._parts
    if type(shape) is not tuple or type(dtype) is not str or type(data) is not bytes or len(shape) > _MAX_DIMS:
        raise Refused("an array is a shape, a dtype and bytes")
    if dtype not in _DTYPES:
        raise Refused(f"dtype {short(dtype)} is not part of the encoding")
    size, part = _DTYPES[dtype]
    total = room = size
    for length in shape:
        if type(length) is not int or not 0 <= length < 1 << 63:
            raise Refused("the lengths of an array's axes are small ints")
        total *= length
        room *= length or 1
    if total != len(data) or room >= 1 << 63:
        raise Refused("the bytes of an array do not fill its shape")
    if dtype == "|b1" and data.translate(None, b"\0\1"):
        raise Refused("a bool is 0 or 1")
    if part:
        code, mask, infinity, nan, tops = _NANS[part]
        top = data[part - 1 :: part]
        if len(top.translate(None, tops)) < len(top):
            for (bits,) in iter_unpack(code, data):
                if bits & mask > infinity and bits != nan:
                    raise Refused("a NaN that is not the one NaN")
    return _HEAD


def _fits(name: str, value: Any) -> bool:
    kind = type(value)
    if name in _INTS:
        low, high = _INTS[name]
        return kind is int and low <= value <= high
    if name in _FLOATS:
        return kind is float and _exact(_FLOATS[name], value)
    if name in _COMPLEX:
        return kind is complex and _exact(_COMPLEX[name], value.real) and _exact(_COMPLEX[name], value.imag)
    return kind is bool


def _exact(code: str, value: float) -> bool:
    try:
        return value != value or unpack(code, pack(code, value))[0] == value
    except (OverflowError, struct_error):
        return False


def from_args(name: str, args: tuple[Any, ...]) -> Array | Scalar:
    """The neutral form of ``numpy.<name>.__new__(numpy.<name>, *args)``. Raises Refused."""
    if name == "ndarray":
        if len(args) != 3:
            raise Refused("an array is a shape, a dtype and bytes")
        value: Array | Scalar = Array(*args)
    elif len(args) != 1:
        raise Refused("a numpy scalar has one value")
    else:
        value = Scalar(name, args[0])
    check(value)
    return value


def make(value: Array | Scalar) -> Any:
    """The real thing, arrays fresh and writable. Imports numpy. Raises DecodeError when there is none."""
    try:
        import numpy
    except ImportError:
        raise DecodeError("the data hold numpy values, and numpy is not installed here") from None
    if type(value) is Scalar:
        return getattr(numpy, value.name)(value.value)
    shape, dtype, data = value._parts
    try:
        return numpy.ndarray(shape, dtype, data).copy()
    except (ValueError, MemoryError):  # numpy's own limits on shapes
        raise DecodeError("numpy cannot make an array of this shape") from None
