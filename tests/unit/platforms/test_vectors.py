"""What real C libraries returned, bit for bit where a function is exact; else counted, and never further off than was published."""

import json
import struct
from pathlib import Path

import pytest

from pyboinc_local import platforms
from pyboinc_local.platforms import EXACT, glibc, msun, musl, windows

DATA = json.loads((Path(__file__).parents[2] / "data" / "float-vectors.json").read_text())
TABLES = {
    "glibc2.36_x64_fma": glibc.libm(True),
    "glibc2.36_x64_nofma": glibc.libm(False),
    "musl1.2.3_x64": musl.LIBM,
    "openlibm0.8.7_x64": msun.LIBM,
}
OPENLIBM_ONLY = ("exp", ["3ff0000000000000"])  # exp(1.0), which FreeBSD does not treat on its own
UCRT = {
    "ucrt17134-22621_x64_fma3": (True, True),
    "ucrt17134-22621_x64_nofma": (True, False),
    "ucrt26100_x64_fma3": (False, True),
    "ucrt26100_x64_nofma": (False, False),
}


def double(text):
    return struct.unpack(">d", bytes.fromhex(text))[0]


def hexadecimal(x):
    return struct.pack(">d", x).hex()


def of_library(library):
    """(function, arguments, the library's result, the nearest double)"""
    index = DATA["libraries"].index(library)
    for function, arguments, nearest, others in DATA["vectors"]:
        result = next((result for result, libraries in others.items() if index in libraries), nearest)
        yield function, arguments, result, nearest


@pytest.mark.parametrize("library", TABLES)
def test_exact_functions_give_the_bits_of_the_library(library):
    table = TABLES[library]
    tried = 0
    for function, arguments, result, _ in of_library(library):
        if function not in table or (library.startswith("glibc") and function in glibc.NEAREST):
            continue
        if library.startswith("openlibm") and (function, arguments) == OPENLIBM_ONLY:
            continue
        assert hexadecimal(table[function](*map(double, arguments))) == result, (function, arguments)
        tried += 1
    assert tried > 250


def test_platforms_say_exact_where_the_vectors_agree():
    for name in ("linux-musl", "freebsd", "wasm"):
        assert {function.status for function in platforms.load(name).functions.values()} == {EXACT}
    for name in ("linux-glibc-fma", "linux-glibc-nofma"):
        functions = platforms.load(name).functions
        assert {each for each in glibc.PLAIN if functions[each].status == EXACT} == set(glibc.PLAIN)


@pytest.mark.parametrize("library", UCRT)
def test_measured_results_of_windows_are_reproduced(library):
    """As known points; the model alone agrees with fewer of these, the hard cases where libraries disagree."""
    table, model = windows.libm(*UCRT[library]), windows.model(*UCRT[library])
    agree = tried = 0
    for function, arguments, result, _ in of_library(library):
        if function in table:
            numbers = [double(each) for each in arguments]
            assert hexadecimal(table[function](*numbers)) == result, (function, arguments)
            tried += 1
            agree += hexadecimal(model[function](*numbers)) == result
    print(f"{library}: the model alone agrees with {agree} of {tried} vectors")
    assert tried > agree > tried // 2
