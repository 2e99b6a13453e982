"""Who volunteers: what computers report to the project, and what they compute with.

The shares are round figures for want of published ones: a host's C library and instruction set are in no statistics of BOINC's.
They weigh the disagreement that `pyboinc check` tells; whether there is any does not depend on them.
"""

from __future__ import annotations

from typing import NamedTuple

from ..server.hr import hr_class
from ..server.rows import HR_COARSE, HR_FINE, Host
from ..systems import SYSTEMS

OLD = "Intel(R) Core(TM) i5-3470 CPU @ 3.20GHz"  # before Haswell: no FMA
LINUX, WINDOWS, MACOS, APPLE = (
    SYSTEMS[name] for name in ("x86_64-pc-linux-gnu", "windows_x86_64", "x86_64-apple-darwin", "arm64-apple-darwin")
)
WINDOWS_10 = ("Microsoft Windows 10", *WINDOWS[1:])
FREEBSD = ("FreeBSD", *LINUX[1:])


class Kind(NamedTuple):
    """A kind of host. system: operating system, processor's vendor and model, as it reports them.  share (float): of all hosts."""

    profile: str
    system: tuple[str, str, str]
    share: float

    def hr_class(self, hr_type: int) -> int:
        """Its class of homogeneous redundancy, see `pyboinc_local.server.hr`."""
        return hr_class(Host(1, 1, (), *self.system), hr_type)


KINDS = (
    Kind("windows11", WINDOWS, 0.45),
    Kind("windows11-nofma", (*WINDOWS[:2], OLD), 0.02),
    Kind("windows10", WINDOWS_10, 0.25),
    Kind("windows10-nofma", (*WINDOWS_10[:2], OLD), 0.04),
    Kind("linux-glibc-fma", LINUX, 0.12),
    Kind("linux-glibc-nofma", (*LINUX[:2], OLD), 0.02),
    Kind("linux-musl", LINUX, 0.005),
    Kind("macos-x86_64", MACOS, 0.03),
    Kind("macos-arm64", APPLE, 0.06),
    Kind("freebsd", FREEBSD, 0.005),
)
SHARES = {kind.profile: kind.share for kind in KINDS}
HR_TYPES = {"coarse": HR_COARSE, "fine": HR_FINE}
