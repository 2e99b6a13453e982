"""Real C libraries to compare with, by ctypes, and arguments for each function."""

import ctypes
import ctypes.util
import glob
import math
import os
import platform
import random
import struct

ARGUMENTS = int(os.environ.get("PYBOINC_LIBM_ARGUMENTS", "2000"))
"""Per function; `nox -s libm` tries a million."""

TWO = ("atan2", "hypot", "pow")
UNIFORM = {
    "asin": 1.0, "acos": 1.0, "atanh": 1.0, "exp": 750.0, "sinh": 750.0, "cosh": 750.0, "expm1": 750.0, "erf": 7.0, "erfc": 30.0,
    "tanh": 25.0, "exp2": 1080.0,
}  # fmt: skip
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 0.5, 2.0, -2.0, 3.0, 4.0, 5e-324, -5e-324, 1.7e308, -1.7e308]


def musl():
    """musl's dynamic library, or None. Debian: apt install musl."""
    return _load([*glob.glob("/lib/*-linux-musl/libc.so"), *glob.glob("/lib/ld-musl-*.so.1"), os.environ.get("PYBOINC_MUSL", "")])


def openlibm():
    """openlibm, or None. Debian: apt install libopenlibm4."""
    return _load([*glob.glob("/usr/lib/*/libopenlibm.so*"), os.environ.get("PYBOINC_OPENLIBM", "")])


def glibc():
    """(version, library) of this computer's glibc on x86-64, or None."""
    name, version = platform.libc_ver()
    library = ctypes.util.find_library("m")
    if name != "glibc" or platform.machine() != "x86_64" or library is None:
        return None
    return tuple(map(int, version.split("."))), ctypes.CDLL(library)


def has_fma():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        return " fma " in file.read() and "-FMA" not in os.environ.get("GLIBC_TUNABLES", "")


def _load(paths):
    for path in paths:
        if path and os.path.exists(path):
            return ctypes.CDLL(path, mode=os.RTLD_LOCAL | os.RTLD_DEEPBIND)  # its own exp, not that of glibc
    return None


def function(library, name):
    found = getattr(library, name)
    found.restype = ctypes.c_double
    found.argtypes = [ctypes.c_double] * (2 if name in TWO else 1)
    return found


def arguments(name, count, seed=20240601):
    """Uniform ones, any bit patterns, all magnitudes, neighbours of 1 and of multiples of pi/4, special values."""
    rnd = random.Random(f"{name} {seed}")

    def one():
        kind = rnd.random()
        if kind < 0.02:
            return rnd.choice(SPECIAL)
        if kind < 0.15:
            return struct.unpack("<d", rnd.getrandbits(64).to_bytes(8, "little"))[0]
        if kind < 0.55:
            return rnd.uniform(-1.0, 1.0) * UNIFORM.get(name, 10.0)
        if kind < 0.8:
            return math.ldexp(rnd.uniform(-2.0, 2.0), rnd.randrange(-60, 40))
        if kind < 0.9:
            return rnd.randrange(1, 2000) * math.pi / 4 * (1 + rnd.choice([0, 1, -1]) * math.ldexp(rnd.random(), -rnd.randrange(5, 52)))
        return 1.0 + math.ldexp(rnd.uniform(-1.0, 1.0), -rnd.randrange(40))

    for i in range(count):
        if name not in TWO:
            yield (one(),)
        elif i % 3 == 0:
            x = abs(one()) or 2.0
            if name != "pow":
                yield x, x * math.ldexp(rnd.uniform(-2.0, 2.0), rnd.randrange(-70, 70))
            elif x < math.inf and x != 1.0:
                yield x, rnd.uniform(-746.0, 712.0) / math.log(x)  # results of all sizes
        else:
            yield (rnd.uniform(0.0, 10.0), rnd.uniform(-5.0, 5.0)) if i % 3 == 1 else (one(), one())


def same(a, b):
    return (a == b and math.copysign(1.0, a) == math.copysign(1.0, b)) or (a != a and b != b)


def differences(ours, library, name, count, skip=lambda *arguments: False):
    """Arguments with which a function differs from the library's: a list of (arguments, ours, theirs), all in hexadecimal."""
    theirs = function(library, name)
    found = []
    for each in arguments(name, count):
        if skip(*each):
            continue
        a, b = ours(*each), theirs(*each)
        if not same(a, b):
            found.append(([x.hex() for x in each], a.hex(), b.hex()))
    return found
