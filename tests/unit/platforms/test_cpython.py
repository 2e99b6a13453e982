"""math, cmath, ** and sum as CPython builds them on a C library: on this computer's, they must be this interpreter's own."""

import cmath
import glob
import math
import os
import random
import struct
import subprocess
import sys

import pytest
from c_libraries import function, glibc

from pyboinc_local.platforms import cpython
from pyboinc_local.platforms.cpython_complex import cmath_module
from pyboinc_local.platforms.summing import summing

HERE = sys.version_info[:2]
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 0.5, 2.0, -2.0, 5e-324, -5e-324, 1.7e308, -1.7e308, 1e-21, -199.5, -200.5]
OTHERS = [True, False, 0, 1, -1, 2, 3, 7, 23, 24, 171, -3, 10**400, -(10**400), "a", None, 1j, 2**1024 - 1, 2**1024, 3**700]


@pytest.fixture(scope="module")
def libm():
    found = glibc()
    if found is None:
        pytest.skip("not glibc on x86-64")
    return {name: function(found[1], name) for name in cpython.LIBM}


def outcome(f, *arguments):
    """Bits, or what was raised."""

    def bits(x):
        return "nan" if x != x else struct.pack("<d", x)

    try:
        result = f(*arguments)
    except Exception as error:
        return type(error).__name__
    if type(result) is complex:
        return bits(result.real), bits(result.imag)
    if type(result) is tuple:
        return tuple(map(bits, result))
    return bits(result) if type(result) is float else result


def number(rnd, others=False):
    kind = rnd.random()
    if kind < 0.15:
        return rnd.choice(SPECIAL + OTHERS if others else SPECIAL)
    if kind < 0.35:
        return struct.unpack("<d", rnd.getrandbits(64).to_bytes(8, "little"))[0]
    return rnd.uniform(-800.0, 800.0) if kind < 0.6 else rnd.uniform(-3.0, 3.0)


def test_math(libm):
    made = cpython.math_module(libm, HERE)
    assert {name for name in vars(math) if not name.startswith("_")} <= set(vars(made))
    rnd = random.Random(1)
    for name in vars(math):
        ours, theirs = getattr(made, name, None), getattr(math, name)
        if not callable(theirs) or ours is theirs or name.startswith("_"):
            continue
        for _ in range(1000):
            arguments = [
                number(rnd, others=True) for _ in range(2 if name in ("atan2", "pow") or (name == "log" and rnd.random() < 0.5) else 1)
            ]
            assert outcome(ours, *arguments) == outcome(theirs, *arguments), (name, arguments)


def test_the_operator_and_abs(libm):
    power, absolute = cpython.operator_pow(libm, True), cpython.absolute(libm)
    rnd = random.Random(2)
    for i in range(12000):
        x, y = number(rnd), number(rnd)
        if i % 3 == 0:
            x = complex(x, rnd.choice([0.0, -0.0, 1.0, y]))
        if i % 5 == 0:
            y = complex(rnd.choice([0.0, 1.0, -1.0, 2.0, 100.0, 101.0, y]), rnd.choice([0.0, -0.0, 1.0, rnd.uniform(-3.0, 3.0)]))
        if i % 7 == 0:
            x, y = rnd.randrange(-20, 20), rnd.randrange(-20, 20)
        assert outcome(power, x, y) == outcome(pow, x, y), (x, y)
        assert outcome(absolute, x) == outcome(abs, x), x
    assert power(3, -2, 7) == pow(3, -2, 7)


def test_cmath(libm):
    made = cmath_module(libm, True)
    rnd = random.Random(3)
    for name in vars(cmath):
        ours, theirs = getattr(made, name, None), getattr(cmath, name)
        if not callable(theirs) or ours is theirs or name.startswith("_"):
            continue
        for _ in range(1000):
            z = complex(number(rnd), number(rnd))
            arguments = (z.real, z.imag) if name == "rect" else (z, complex(number(rnd), 1.5)) if name == "log" and z.imag > 1 else (z,)
            assert outcome(ours, *arguments) == outcome(theirs, *arguments), (name, arguments)


CASES = """
import math, random
rnd = random.Random(5)
cases = [[rnd.uniform(-1, 1) * 10.0 ** rnd.randrange(-9, 9) for _ in range(rnd.randrange(40))] for _ in range(60)]
cases += [[1, 2, 0.1, 3, 0.2, 2**70, 0.3], [0.1, 1e300, 1e308, 1e308], [True, 0.1, 0.2, 0.3]]
cases += [[1j, 0.1, 0.2j, 0.3], [0.1] * 10, [2**63, 0.5], []]
points = [[rnd.uniform(-1, 1) * 10.0 ** rnd.randrange(-3, 3) for _ in range(rnd.randrange(1, 6))] for _ in range(200)]
def results(sum, hypot):
    return [repr(sum(case)) for case in cases] + [repr(hypot(*point)) for point in points]
"""


def other_pythons():
    for minor in (8, 9, 10, 11, 12, 13, 14):
        for path in glob.glob(os.path.expanduser(f"~/.pyenv/versions/3.{minor}.*/bin/python"))[:1]:
            yield pytest.param(path, (3, minor), id=f"3.{minor}")


@pytest.mark.parametrize(("python", "version"), [pytest.param(sys.executable, HERE, id="this"), *other_pythons()])
def test_sum_and_hypot_are_those_of_the_version(python, version, libm):
    """Against that Python itself, if it is installed by pyenv."""
    ran = subprocess.run([python, "-c", CASES + "print(results(sum, math.hypot))"], capture_output=True, text=True)
    if ran.returncode:
        pytest.skip(f"{python} does not run")
    namespace = {}
    exec(CASES, namespace)
    made = cpython.math_module(libm, version)
    assert repr(namespace["results"](summing(version), made.hypot)) == ran.stdout.strip()


def test_functions_of_later_versions_are_missing(libm):
    assert not hasattr(cpython.math_module(libm, (3, 10)), "cbrt")
    assert cpython.math_module(libm, (3, 11)).cbrt(8.0) == libm["cbrt"](8.0)
