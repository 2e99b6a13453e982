"""BOINC's platforms."""

import platform
import sys
from functools import cache

from .worker import NATIVE

SYSTEMS = {
    "x86_64-pc-linux-gnu": ("Linux Debian", "GenuineIntel", "Intel(R) Core(TM) i5-8500 CPU @ 3.00GHz"),
    "aarch64-unknown-linux-gnu": ("Linux Debian", "ARM", "ARM Cortex-A72"),
    "windows_x86_64": ("Microsoft Windows 11", "GenuineIntel", "Intel(R) Core(TM) i7-9700 CPU @ 3.00GHz"),
    "x86_64-apple-darwin": ("Darwin", "GenuineIntel", "Intel(R) Core(TM) i7-8850H CPU @ 2.60GHz"),
    "arm64-apple-darwin": ("Darwin", "Apple", "Apple M1"),
}
"""Each with an operating system, processor vendor and model as a typical host of it reports them."""

PROFILES = {
    "x86_64-pc-linux-gnu": "linux-glibc-fma",
    "aarch64-unknown-linux-gnu": "linux-glibc-fma",
    "windows_x86_64": "windows11",
    "x86_64-apple-darwin": "macos-x86_64",
    "arm64-apple-darwin": "macos-arm64",
}
"""The arithmetic of each platform's hosts (`pyboinc_local.platforms`), unless they say another."""


def default_profile(boinc_platform: str) -> str:
    """The arithmetic of a host of that platform: this computer's own if it is of that platform too, which costs nothing."""
    return NATIVE if boinc_platform == this_platform() else PROFILES[boinc_platform]


def this_platform() -> str:
    """BOINC's name for the platform of this computer; empty if it is none of `PROFILES`, or its C library is another."""
    machine = platform.machine().lower()
    if sys.platform == "win32" and machine == "amd64":
        return "windows_x86_64"
    if sys.platform == "darwin":
        return "arm64-apple-darwin" if machine == "arm64" else "x86_64-apple-darwin"
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        return {"x86_64": "x86_64-pc-linux-gnu", "aarch64": "aarch64-unknown-linux-gnu"}.get(machine, "")
    return ""


@cache
def this_profile() -> str:
    """The profile of `pyboinc_local.platforms` that this computer is itself; "native" if that can't be told."""
    if (system := this_platform()) == "x86_64-pc-linux-gnu":
        try:
            with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
                flags = next((line for line in file if line.startswith("flags")), "")
        except OSError:
            return NATIVE
        return "linux-glibc-fma" if "fma" in flags.split() else "linux-glibc-nofma"
    return PROFILES[system] if system.endswith("-apple-darwin") else NATIVE
