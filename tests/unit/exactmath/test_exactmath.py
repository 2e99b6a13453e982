"""Correctly rounded functions: the measured vectors, exact and half-way cases, special values, every Python."""

import glob
import json
import math
import os
import random
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from pyboinc import exactmath
from pyboinc.exactmath import fixed, kernels, rounded

SOURCE = Path(exactmath.__file__).parents[2]
DATA = json.loads((Path(__file__).parents[2] / "data" / "float-vectors.json").read_text())


def double(text):
    return struct.unpack(">d", bytes.fromhex(text))[0]


def test_the_vectors():
    """The nearest doubles by MPFR: many are the hardest cases that are known."""
    tried = 0
    for name, arguments, nearest, _ in DATA["vectors"]:
        if hasattr(exactmath, name):
            assert getattr(exactmath, name)(*map(double, arguments)) == double(nearest), (name, arguments)
            tried += 1
    assert tried > 380


@pytest.mark.parametrize("name", sorted({name for name, *_ in DATA["vectors"]} & set(vars(rounded))))
def test_the_fast_path_and_the_slow_one_agree(name):
    """Tables at 128 bits, and series without tables at 300."""
    rnd = random.Random(name)

    def slow(value, *arguments):
        return rounded.nearest(value(300, *arguments))

    function = getattr(rounded, name)
    for _ in range(60):
        x = rnd.uniform(1.0, 3.0) if name in ("acosh", "pow") else rnd.uniform(0.001, 0.999)
        arguments = (x, rnd.uniform(-3.0, 3.0)) if name in ("pow", "atan2", "hypot") else (x,)
        assert function(*arguments) == function(*arguments, settle=slow)


def test_the_kernels_are_as_good_as_they_say():
    """Against 400 bits."""
    rnd = random.Random(6)
    for _ in range(300):
        x = rnd.randrange(-1 << 128, 1 << 128)
        for precise, found in zip(fixed.sin_cos(x << 272, 400), kernels.sin_cos(x, 128), strict=True):
            assert abs((precise >> 272) - found) < 64
        v, k = kernels.exp(x * 700, 128)
        exact, same = kernels.exp(x * 700 << 272, 400)
        assert (k, abs((exact >> 272) - v) < 64) == (same, True)
        n = rnd.getrandbits(53) | 1
        assert abs((kernels.log(n, 40, 400) >> 272) - kernels.log(n, 40, 128)) < 128
        assert abs((kernels.atan(n, 1 << 53, 400) >> 272) - kernels.atan(n, 1 << 53, 128)) < 64


def test_powers_that_are_exact_or_half_way():
    rnd = random.Random(8)
    for _ in range(300):
        base, exponent = rnd.randrange(3, 1 << rnd.choice([4, 10, 27])), rnd.choice([2, 3, 4, 5])
        assert exactmath.pow(float(base), float(exponent)) == float(base**exponent)
    assert exactmath.pow(2.0**27 + 1, 2.0) == float((2**27 + 1) ** 2)  # half way between two doubles
    assert exactmath.pow(2.0, -1074.0) == 5e-324 and exactmath.pow(2.0, -1075.0) == 0.0
    assert exactmath.pow(1.0 / 1024, 0.1) == 0.5 and exactmath.pow(10.0, -3.0) == 0.001
    assert exactmath.pow(6.25, 1.5) == 15.625 and exactmath.pow(-3.0, 3.0) == -27.0


def test_roots():
    rnd = random.Random(9)
    for _ in range(300):
        x, y = rnd.uniform(0.0, 10.0), rnd.uniform(0.0, 10.0)
        root, length = exactmath.cbrt(x), exactmath.hypot(x, y)
        below, above = (Fraction(math.nextafter(root, to)) + Fraction(root) for to in (0.0, math.inf))
        assert (below / 2) ** 3 <= Fraction(x) <= (above / 2) ** 3
        below, above = (Fraction(math.nextafter(length, to)) + Fraction(length) for to in (0.0, math.inf))
        assert (below / 2) ** 2 <= Fraction(x) ** 2 + Fraction(y) ** 2 <= (above / 2) ** 2
    assert exactmath.hypot(3.0, 4.0) == 5.0 and exactmath.hypot(5e-324, 5e-324) == 5e-324
    assert exactmath.dist((0, 0, 0), (2, 3, 6)) == 7.0


def test_special_values_and_errors_are_those_of_math():
    odd = [
        0.0,
        -0.0,
        math.inf,
        -math.inf,
        math.nan,
        1.0,
        -1.0,
        2.0,
        -2.0,
        5e-324,
        -5e-324,
        1.7e308,
        True,
        0,
        -1,
        10**400,
        "a",
        None,
        1j,
        710.5,
    ]
    rnd = random.Random(10)

    def outcome(f, arguments):
        try:
            return f(*arguments)
        except Exception as error:
            return type(error)

    for name in exactmath.__all__:
        ours, theirs = getattr(exactmath, name), getattr(math, name, None)
        if theirs is None or ours is theirs or not callable(ours) or name == "dist":
            continue
        for _ in range(300):
            arguments = [rnd.choice(odd) for _ in range(2 if name in ("atan2", "pow", "hypot") else 1)]
            a, b = outcome(ours, arguments), outcome(theirs, arguments)
            if isinstance(a, float) and isinstance(b, float):
                assert a == b or (a != a and b != b) or abs(a - b) <= 4 * math.ulp(b), (name, arguments)
                assert a != a or math.copysign(1.0, a) == math.copysign(1.0, b), (name, arguments)
            else:
                assert a == b, (name, arguments)


def test_logarithms_of_integers_of_any_size():
    assert exactmath.log2(1 << 5000) == 5000.0
    assert exactmath.log10(10**400) == 400.0
    assert exactmath.log(10**400) == pytest.approx(921.0340371976183, rel=1e-15)
    assert exactmath.log(8, 2) == pytest.approx(3.0)


HASH = """
import hashlib, random, struct
from pyboinc import exactmath as m
rnd, digest = random.Random(1), hashlib.sha256()
for i in range(150):
    x, y = rnd.uniform(0.01, 0.99), rnd.uniform(-30, 30)
    for f in (m.acos, m.asin, m.atanh, m.erf, m.erfc, m.log, m.log10, m.log2, m.log1p, m.cbrt):
        digest.update(struct.pack("<d", f(x)))
    for f in (m.sin, m.cos, m.tan, m.atan, m.exp, m.exp2, m.expm1, m.sinh, m.cosh, m.tanh, m.asinh):
        digest.update(struct.pack("<d", f(y)))
    digest.update(struct.pack("<3d", m.acosh(1 + x), m.pow(x, y), m.atan2(y, x)))
print(digest.hexdigest())
"""
OLD = glob.glob(os.path.expanduser("~/.pyenv/versions/3.9.*/bin/python"))[:1]


@pytest.mark.parametrize("python", [sys.executable, *OLD])
def test_the_same_bits_on_every_python(python):
    """With nothing but the standard library, as on a volunteer's computer."""
    code = f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n{HASH}"
    ran = subprocess.run([python, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.split() == [HERE]


HERE = "9dd15105c784544838dd46c2146b1202d4f87df046f7408ccae12f6454b0c15b"
