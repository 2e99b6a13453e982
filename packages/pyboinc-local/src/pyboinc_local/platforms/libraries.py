"""The platforms: each a C library, the Python that its users are likely to have, and where each function comes from."""

from __future__ import annotations

import cmath
import math
import sys
from collections.abc import Callable

from . import apple, glibc, msun, musl, windows
from .cpython import LIBM, of_version
from .profiles import DERIVED, EXACT, STATISTICAL, Function, Platform, build
from .summing import summing

FDLIBM = "fdlibm, as msun and musl have it"
ARM = "Arm's optimized-routines"
SHARED = ("acos", "asin", "atan", "atan2", "cbrt", "cos", "expm1", "log10", "sin", "tan")  # musl's and msun's
OF_ARM = ("exp", "exp2", "log", "log2", "pow")


def native(python: tuple[int, int] = sys.version_info[:2]) -> Platform:
    """This computer, passed through, but for what another version of Python does itself."""
    here = Function(EXACT, "this computer's C library", "it is what it is")
    functions = dict.fromkeys([*LIBM, *DERIVED], here)
    return Platform("native", python, of_version(math, python), cmath, pow, abs, summing(python), functions)


def _musl(check: str) -> dict[str, Function]:
    sources = {**dict.fromkeys(LIBM, "musl 1.2"), **dict.fromkeys(SHARED, FDLIBM), **dict.fromkeys(OF_ARM, ARM)}
    return {name: Function(EXACT, source, check) for name, source in sources.items()}


def linux_musl(python: tuple[int, int] = (3, 12)) -> Platform:
    """Alpine Linux."""
    return build("linux-musl", musl.LIBM, python, _musl("against musl 1.2.3 and its vectors"))


def wasm(python: tuple[int, int] = (3, 14)) -> Platform:
    """CPython as WebAssembly: wasi-libc's libm is musl's."""
    return build("wasm", musl.LIBM, python, _musl("against musl 1.2.3; once against CPython 3.14 in wasmtime"))


def freebsd(python: tuple[int, int] = (3, 11)) -> Platform:
    """FreeBSD."""
    sources = {**dict.fromkeys(LIBM, "FreeBSD's msun"), **dict.fromkeys(SHARED, FDLIBM)}
    functions = {name: Function(EXACT, source, "against openlibm and its vectors") for name, source in sources.items()}
    return build("freebsd", msun.LIBM, python, functions)


def _linux_glibc(name: str, fused: bool, python: tuple[int, int]) -> Platform:
    contracted = ", contracted as gcc does" if fused else ""
    check = "against glibc 2.36 and its vectors"
    sources = {
        **dict.fromkeys(LIBM, f"fdlibm, as glibc has it{contracted}"),
        **dict.fromkeys(OF_ARM, ARM + contracted),
        **{"cbrt": "glibc's own", "exp2": ARM, "hypot": "Borges, arXiv:1904.09481"},
    }
    near = Function(STATISTICAL, "correctly rounded, with errors", "rate and largest error as measured and published")
    functions = {each: Function(EXACT, source, check) for each, source in sources.items()}
    return build(name, glibc.libm(fused), python, {**functions, **dict.fromkeys(glibc.NEAREST, near)}, sets_errno=True)


def linux_glibc_fma(python: tuple[int, int] = (3, 11)) -> Platform:
    """Debian, Ubuntu, Fedora and so on, on a CPU from 2013 on."""
    return _linux_glibc("linux-glibc-fma", True, python)


def linux_glibc_nofma(python: tuple[int, int] = (3, 11)) -> Platform:
    """The same on an older CPU."""
    return _linux_glibc("linux-glibc-nofma", False, python)


def _windows(name: str, older: bool, fma3: bool, python: tuple[int, int]) -> Platform:
    cr = Function(STATISTICAL, "correctly rounded, with errors", "rate measured on Microsoft's ucrtbase.dll, largest error published")
    kin = Function(STATISTICAL, "msun and what differs from it", cr.check)
    functions = {each: kin if len(measured) > 4 else cr for each, measured in windows.MEASURED.items()}
    return build(name, windows.libm(older, fma3), python, functions, sets_errno=True)


def windows10(python: tuple[int, int] = (3, 12)) -> Platform:
    """Windows 10, on a CPU from 2013 on."""
    return _windows("windows10", True, True, python)


def windows10_nofma(python: tuple[int, int] = (3, 12)) -> Platform:
    """Windows 10 on an older CPU."""
    return _windows("windows10-nofma", True, False, python)


def windows11(python: tuple[int, int] = (3, 13)) -> Platform:
    """Windows 11."""
    return _windows("windows11", False, True, python)


def windows11_nofma(python: tuple[int, int] = (3, 13)) -> Platform:
    """Windows 11 without FMA3, as in some virtual machines."""
    return _windows("windows11-nofma", False, False, python)


def _macos(machine: str, python: tuple[int, int]) -> Platform:
    record = Function(STATISTICAL, "correctly rounded, with errors", "largest error published, rate assumed")
    return build(f"macos-{machine}", apple.libm(machine), python, dict.fromkeys(LIBM, record))


def macos_x86_64(python: tuple[int, int] = (3, 12)) -> Platform:
    """macOS on Intel."""
    return _macos("x86_64", python)


def macos_arm64(python: tuple[int, int] = (3, 13)) -> Platform:
    """macOS on Apple silicon."""
    return _macos("arm64", python)


PLATFORMS: dict[str, Callable[..., Platform]] = {
    "native": native,
    "linux-glibc-fma": linux_glibc_fma,
    "linux-glibc-nofma": linux_glibc_nofma,
    "linux-musl": linux_musl,
    "freebsd": freebsd,
    "windows10": windows10,
    "windows10-nofma": windows10_nofma,
    "windows11": windows11,
    "windows11-nofma": windows11_nofma,
    "macos-x86_64": macos_x86_64,
    "macos-arm64": macos_arm64,
    "wasm": wasm,
}
