"""The primes below a limit: published counts (OEIS A006880 has those of powers of ten), and a sieve checked by division."""

import importlib.util
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "prime_finder"


@pytest.fixture(scope="module")
def primes_between():
    spec = importlib.util.spec_from_file_location("prime_finder_sieve", EXAMPLE / "sieve.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.primes_between


def test_the_sieve_agrees_with_division(primes_between):
    prime = [number for number in range(2, 400) if all(number % divisor for divisor in range(2, number))]
    for start in range(0, 200):
        for stop in (start - 1, start, start + 1, start + 2, start + 50, start + 199):
            assert primes_between(start, stop) == [each for each in prime if start <= each < stop]


def test_the_sieve_far_out(primes_between):
    assert primes_between(10**12, 10**12 + 100) == [10**12 + 39, 10**12 + 61, 10**12 + 63, 10**12 + 91]


def test_primes(example):
    printed = example("prime_finder").run("--quiet")
    assert printed == "There are 148,933 primes below 2,000,000\nThe last of them: 1999891 1999957 1999969 1999979 1999993\n"


@pytest.mark.parametrize(("below", "answer"), [("2", "0 primes below 2"), ("100001", "9,592 primes below 100,001")])
def test_limits(example, below, answer):
    assert answer in example("prime_finder").run("--quiet", "--below", below)


def test_resume(check_resume):
    printed = check_resume("prime_finder", "--quiet", "--below", "50000000")
    assert printed.startswith("There are 3,001,134 primes below 50,000,000\n")
