"""Homogeneous redundancy: hosts of one class are taken to get the same floating-point results.

A class is a number, operating system plus processor, the same as BOINC's (`sched/hr.cpp`), so that rows agree. Type
fine tells processor models apart, coarse only makers, and AMD is with Intel there. Neither knows of FMA, the C library
or Python's version. A host of an unknown class gets no work of such an app.

BOINC knows no class for Apple's own processors: their vendor is "Apple", not "ARM".
"""

from __future__ import annotations

from typing import Final

from .rows import HR_COARSE, HR_FINE, HR_NONE, Host

UNKNOWN: Final = -1

NO_CPU: Final = 1
INTEL: Final = 2
MACINTOSH: Final = 4  # PowerPC
ARM: Final = 22

NO_OS: Final = 128
LINUX: Final = 256
WINDOWS: Final = 384
DARWIN: Final = 512

_SYSTEMS = (("linux", LINUX), ("windows", WINDOWS), ("darwin", DARWIN), ("freebsd", 640), ("android", 768))

# (text in the model, class); the first that is found counts
_CELERON = ((" m ", 18), (" d ", 17), ("iii", 15), ("", 12))
_PENTIUM = (("iii", 15), ("ii", 14), (" 4 ", 16), (" d ", 17), (" m ", 18), ("", 13))
_ATHLON = (("xp", 10), ("mp", 19), ("64", 9), ("", 5))
_X86 = (  # as Windows 98 and XP name Intel's processors; the order matters: "Model 1" is also in "Model 10"
    ("family 6 model 6", 12),
    ("family 6 model 9", 18),
    ("family 6 model 10", 11),
    ("family 5 model 1", 13),
    ("family 5 model 2", 13),
    ("family 6 model 1", 13),
    ("family 15 model 1", 16),
    ("family 15 model 2", 16),
    ("family 6 model 7", 15),
    ("family 6 model 8", 15),
    ("family 6 model 11", 15),
    ("family 6 model 3", 14),
    ("family 6 model 5", 14),
    ("", INTEL),
)
_INTEL = (
    ("xeon", (("", 11),)),
    ("celeron", _CELERON),
    ("core", (("", 21),)),
    ("pentium", _PENTIUM),
    ("x86", _X86),
    ("", (("", INTEL),)),
)
_AMD = (
    ("duron", (("", 6),)),
    ("opteron", (("", 8),)),
    ("sempron", (("", 7),)),
    ("turion", (("", 20),)),
    ("athlon", _ATHLON),
    ("", (("", 3),)),
)


def hr_class(host: Host, hr_type: int) -> int:
    """The host's class: HR_NONE gives 0, and UNKNOWN says that the host can't get such work."""
    if hr_type == HR_NONE:
        return 0
    system = _system(host.os_name)
    if hr_type == HR_FINE:
        cpu = cpu_fine(host.p_vendor, host.p_model)
        return UNKNOWN if system == NO_OS or cpu == NO_CPU else system + cpu
    if hr_type == HR_COARSE:
        cpu = cpu_coarse(host.p_vendor, host.p_model)
        known = system in (WINDOWS, LINUX) or (system == DARWIN and cpu in (INTEL, MACINTOSH))
        return system + cpu if known else UNKNOWN
    raise ValueError(f"homogeneous_redundancy {hr_type}: must be 0 (none), 1 (fine) or 2 (coarse)")


def cpu_coarse(vendor: str, model: str) -> int:
    """The processor's maker."""
    vendor = vendor.lower()
    if "intel" in vendor or "amd" in vendor:
        return INTEL
    if "macintosh" in vendor:
        return MACINTOSH
    return ARM if "arm" in vendor or "ARM" in model else NO_CPU


def cpu_fine(vendor: str, model: str) -> int:
    """The processor's model."""
    vendor = vendor.lower()
    model = model.lower()
    for maker, families in (("intel", _INTEL), ("amd", _AMD)):
        if maker in vendor:
            kinds = next(kinds for text, kinds in families if text in model)
            return next(number for text, number in kinds if text in model)
    if "macintosh" in vendor:
        return MACINTOSH
    return ARM if "arm" in vendor else NO_CPU


def _system(os_name: str) -> int:
    name = os_name.lower()
    return next((number for text, number in _SYSTEMS if text in name), NO_OS)
