"""Exact functions against the libraries themselves, where they are installed: `nox -s libm` tries a million arguments of each."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from c_libraries import ARGUMENTS, differences, glibc, has_fma, musl, openlibm

from pyboinc_local.platforms import glibc as ports_of_glibc
from pyboinc_local.platforms import msun
from pyboinc_local.platforms import musl as port_of_musl

EXACT_OF_GLIBC = sorted(set(ports_of_glibc.PLAIN))


@pytest.mark.parametrize("name", sorted(port_of_musl.LIBM))
def test_musl(name):
    library = musl()
    if library is None:
        pytest.skip("musl is not installed (Debian: apt install musl)")
    assert differences(port_of_musl.LIBM[name], library, name, ARGUMENTS) == []


@pytest.mark.parametrize("name", sorted(msun.LIBM))
def test_msun(name):
    library = openlibm()
    if library is None:
        pytest.skip("openlibm is not installed (Debian: apt install libopenlibm4)")

    def openlibm_only(x, *_):
        return name in ("exp", "cosh") and abs(x) == 1.0  # rounded correctly, as FreeBSD does not

    assert differences(msun.LIBM[name], library, name, ARGUMENTS, openlibm_only) == []


def glibc_236():
    found = glibc()
    if found is None or found[0] != (2, 36):
        pytest.skip("not glibc 2.36 on x86-64, as in Debian 12")
    return found[1]


@pytest.mark.parametrize("name", EXACT_OF_GLIBC)
def test_glibc(name):
    library = glibc_236()
    table = ports_of_glibc.libm(has_fma())
    assert differences(table[name], library, name, ARGUMENTS) == []


def test_glibc_without_fma():
    """The same tests, in a process whose glibc is told that the CPU has no FMA."""
    glibc_236()
    if not has_fma():
        pytest.skip("this CPU has no FMA, so test_glibc has done it")
    environment = {**os.environ, "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(Path(__file__)), "-k", "test_glibc and not without"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
    assert f"{len(EXACT_OF_GLIBC)} passed" in ran.stdout
