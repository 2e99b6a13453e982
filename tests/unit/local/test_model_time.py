"""Run times with the same bits everywhere."""

import math
from random import Random

import pytest

from pyboinc_local.model_time import Exponential, Fixed, LogNormal, exp, log, normal, parse_run_time


def units(a, b):
    return abs(a - b) / math.ulp(b)


def test_log_and_exp_are_right():
    random = Random(1)
    values = [random.random() * 10.0 ** random.randint(-300, 300) for _ in range(5000)] + [1 + random.random() * 2.0**-k for k in range(50)]
    assert max(units(log(x), math.log(x)) for x in values) <= 3
    assert max(units(exp(x), math.exp(x)) for x in [random.uniform(-700, 700) for _ in range(5000)]) <= 3
    assert log(1.0) == 0.0 and exp(0.0) == 1.0 and exp(-800.0) == 0.0
    assert log(5e-324) == math.log(5e-324)


@pytest.mark.parametrize("x", [0.0, -1.0, float("inf"), float("nan")])
def test_log_of_what_has_none(x):
    with pytest.raises(ValueError, match="must be positive"):
        log(x)


def test_exp_too_large():
    with pytest.raises(OverflowError):
        exp(710.0)


def test_exact_bits():
    """These are what every platform must get."""
    random = Random("bits")
    assert [log(0.1).hex(), exp(0.1).hex(), normal(random).hex(), LogNormal(100.0)(random).hex()] == BITS


BITS = ["-0x1.26bb1bbb55515p+1", "0x1.1aec7b35a00d4p+0", "0x1.163d27fe7c88ap+1", "0x1.061288aabb1f5p+7"]


def test_the_normal_distribution_is_normal():
    random = Random(2)
    values = [normal(random) for _ in range(50000)]
    assert abs(sum(values) / 50000) < 0.02
    assert abs(sum(x * x for x in values) / 50000 - 1) < 0.03
    assert abs(sum(x**4 for x in values) / 50000 - 3) < 0.2
    assert abs(sum(abs(x) > 1.959964 for x in values) / 50000 - 0.05) < 0.004


def test_run_times():
    random = Random(3)
    values = sorted(LogNormal(3600.0, 0.5)(random) for _ in range(10001))
    assert 3400 < values[5000] < 3800 and 1800 < values[1587] < 2500
    assert abs(sum(Exponential(10.0)(random) for _ in range(20000)) / 20000 - 10.0) < 0.4
    assert Fixed(5.0)(random) == 5.0


def test_run_times_as_text():
    assert parse_run_time("600") == Fixed(600.0)
    assert parse_run_time("lognormal 3600") == LogNormal(3600.0)
    assert parse_run_time("exponential 60") == Exponential(60.0)
    for text in ("lognormal", "weibull 3", "lognormal a b", "600 s"):
        with pytest.raises(ValueError, match="run time"):
            parse_run_time(text)
