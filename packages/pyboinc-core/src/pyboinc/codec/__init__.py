"""The encoding of inputs and outputs: one canonical and safe form of a value, readable as a pickle.

``dumps`` and ``loads`` for who has the app's classes, ``parse`` for who has not. The format is in ``grammar``.
"""

from __future__ import annotations

from ..errors import DecodeError, EncodeError
from .decode import loads, parse
from .encode import Encoded, body, dumps, encode
from .types import Array, Classes, Instance, Made, Scalar, register

__all__ = [
    "Array",
    "Classes",
    "DecodeError",
    "EncodeError",
    "Encoded",
    "Instance",
    "Made",
    "Scalar",
    "body",
    "dumps",
    "encode",
    "loads",
    "parse",
    "register",
]
