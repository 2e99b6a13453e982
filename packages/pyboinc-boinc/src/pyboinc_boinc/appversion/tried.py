"""Where the volunteer's side has run, and where nobody has tried it. Of `pyboinc doctor` and docs/security.md alike."""

from __future__ import annotations

from dataclasses import dataclass

from . import LINUX, LINUX_ARM, MACOS, MACOS_ARM, PLATFORMS, WINDOWS


@dataclass(frozen=True)
class Tried:
    """With how much of the real thing a platform's app version was tried. how: for people."""

    verified: bool
    how: str

    def __str__(self) -> str:
        return self.how if self.verified else f"unverified: {self.how}"


_MACOS = "nobody has run it on a Mac. It is the launcher and the runtime of Linux"
TRIED = {
    LINUX: Tried(True, "BOINC's own client, server and wrapper"),
    LINUX_ARM: Tried(
        False,
        "launcher and runtime ran in emulation (CPython 3.11 under qemu-user, with a stand-in for the client), not on such a computer",
    ),
    WINDOWS: Tried(
        False,
        "launcher, named mapping, suspend, resume, quit and abort ran in emulation (CPython 3.11 for Windows under Wine, with a stand-in "
        "for the client), not on Windows; never run: a shipped interpreter's unpacking, and how a Python that hangs is ended",
    ),
    MACOS: Tried(False, _MACOS),
    MACOS_ARM: Tried(False, _MACOS),
}
"""By BOINC's names of the platforms."""


def table() -> list[str]:
    """The lines of a table in Markdown."""
    rows = [f"| `{platform}` | {str(TRIED[platform]).replace('unverified', '*unverified*')} |" for platform in PLATFORMS]
    return ["| | |", "| --- | --- |", *rows]
