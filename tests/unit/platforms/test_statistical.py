"""Statistical functions are wrong as often as was measured, and never by more than was published."""

import math
import random
import struct

import pytest
from c_libraries import ARGUMENTS

from pyboinc.exactmath import rounded
from pyboinc.exactmath.kernels import FAST
from pyboinc_local.platforms import apple, glibc, msun, statistical, windows

SAMPLE = min(3 * ARGUMENTS, 500_000)
RANGES = {
    **dict.fromkeys(("sin", "cos", "tan", "atan", "asinh", "sinh", "cosh"), (-10.0, 10.0)),
    **dict.fromkeys(("asin", "acos", "atanh"), (-1.0, 1.0)),
    **dict.fromkeys(("tanh", "erf", "erfc"), (-3.0, 3.0)),
    **dict.fromkeys(("exp", "exp2"), (-20.0, 20.0)),
    **{"acosh": (1.0, 10.0), "expm1": (-2.0, 2.0), "log1p": (-0.9, 5.0), "cbrt": (-100.0, 100.0)},
}
"""Those of the measurements."""


def arguments(name, count):
    rnd = random.Random(f"{name} 7")
    for _ in range(count):
        if name in ("log", "log2", "log10"):
            yield (math.exp(rnd.uniform(math.log(1e-6), math.log(1e6))),)
        elif name == "pow":
            yield rnd.uniform(0.0, 10.0), rnd.uniform(-5.0, 5.0)
        elif name in ("atan2", "hypot"):
            yield rnd.uniform(-10.0, 10.0), rnd.uniform(-10.0, 10.0)
        else:
            yield (rnd.uniform(*RANGES[name]),)


def needed(share):
    """Arguments for a standard error of the share of 5 per cent of it, but not more than we have the time for."""
    return min(int(400 / share), SAMPLE)


def share_of_differences(f, g, tried):
    return sum(f(*each) != g(*each) for each in tried) / len(tried)


def tolerance(share, count):
    """15 per cent, and three standard errors of so few arguments."""
    return 0.15 * share + 3.0 * math.sqrt(share / count)


@pytest.mark.parametrize("name", sorted(windows.MEASURED))
def test_windows_is_wrong_as_often_as_measured(name):
    _, *shares = windows.MEASURED[name]
    with_fma3, without, between, *relative = (share / 100.0 for share in shares)
    new, new_without = windows.model(False, True)[name], windows.model(False, False)[name]
    tried = list(arguments(name, needed(min(with_fma3, between or 1.0))))
    pairs = [(new, getattr(rounded, name), with_fma3), (new_without, getattr(rounded, name), without), (new, new_without, between)]
    if relative:
        pairs += [(new, msun.LIBM[name], relative[1]), (new_without, msun.LIBM[name], relative[2])]
    for f, g, share in pairs:
        assert share_of_differences(f, g, tried) == pytest.approx(share, abs=tolerance(share, len(tried)))


@pytest.mark.parametrize("name", sorted(glibc.NEAREST))
def test_glibc_is_wrong_as_often_as_measured(name):
    _, with_fma, without, between = glibc.NEAREST[name]
    fused, plain = glibc.libm(True)[name], glibc.libm(False)[name]
    tried = list(arguments(name, SAMPLE))
    for f, g, share in [(fused, getattr(rounded, name), with_fma), (plain, getattr(rounded, name), without), (fused, plain, between)]:
        assert share_of_differences(f, g, tried) == pytest.approx(share / 100.0, abs=tolerance(share / 100.0, len(tried)))


def error(name, each, result):
    """In units of the last place of the true value."""
    found = []

    def settle(value, *numbers):
        v, scale, _ = value(FAST, *numbers)
        drop = max(abs(v).bit_length() - 53, scale - 1074)
        whole, of = abs(result).as_integer_ratio()
        found.append(abs((whole << scale) // of - abs(v)) / (1 << drop))
        return 0.0

    getattr(rounded, name)(*each, settle=settle)
    return found[0] if found else 0.0


LARGEST = {
    **{("windows", name): measured[0] for name, measured in windows.MEASURED.items()},
    **{("apple", name): largest for name, largest in {**apple.LARGEST, **apple.UNPUBLISHED}.items()},
}


@pytest.mark.parametrize(("library", "name"), sorted(LARGEST))
def test_errors_stay_below_the_published_ones(library, name):
    function = (windows.model(False, True) if library == "windows" else apple.libm("arm64"))[name]
    errors = [error(name, each, function(*each)) for each in arguments(name, min(SAMPLE, 20_000) // 6)]
    assert max(errors) <= LARGEST[library, name] + 1e-6


def test_the_same_argument_has_the_same_result_and_special_values_are_right():
    table = windows.model(False, True)
    assert [table["sin"](x / 10) for x in range(99)] == [windows.model(False, True)["sin"](x / 10) for x in range(99)]
    assert table["pow"](-2.0, 3.0) == -8.0 and table["pow"](-0.0, -3.0) == -math.inf and math.isnan(table["pow"](-2.0, 0.5))
    assert table["exp"](710.0) == math.inf and table["exp"](-800.0) == 0.0 and table["log"](0.0) == -math.inf
    assert math.isnan(table["acos"](2.0)) and table["acos"](1.0) == 0.0 and table["tanh"](math.inf) == 1.0
    assert struct.pack("d", table["sin"](-0.0)) == struct.pack("d", -0.0)


@pytest.mark.parametrize("largest", [0.7, 0.8, 1.3, 3.0])
def test_errors_are_as_frequent_as_asked_for(largest):
    power = statistical._power(largest - 0.5, 0.15)
    sizes = [(largest - 0.5) * ((i + 0.5) / 100_000) ** power for i in range(100_000)]
    assert sum(min(size, 1.0) for size in sizes) / 100_000 == pytest.approx(0.15, rel=0.01)
