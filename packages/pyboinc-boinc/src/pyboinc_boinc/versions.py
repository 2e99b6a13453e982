"""App versions: which number gets what. Pure.

Files are immutable for BOINC: another content needs another name, so names hold the content's digest, and a version is the
same as another if its files' names are. All platforms of a version share its number, which `create_work --app_version_num`
pins; see BOINC's wiki pages AppVersionNew and tools/update_versions in its source.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from .appversion import AppFile

FIRST = 100  # 1.00
API_VERSION = "8.3.0"
"""Of BOINC's runtime whose protocol the slave's side speaks; without one (6.0 or later) a client offers no file of shared memory."""
MANIFEST = "version.xml"
WASM_STEM = "wasm-"
"""What the name of the deterministic runtime's code begins with; the first 16 digits of the runtime's SHA-256 follow."""


@dataclass(frozen=True)
class VersionRow:
    """A row of `app_version`.

    platform: PLATFORM or PLATFORM__PLANCLASS, as its folder is called.  files, signed: the physical names in its xml_doc, and
    whether each has a signature.
    """

    app: str
    number: int
    platform: str
    files: frozenset[str] = field(repr=False)
    signed: bool = True
    deprecated: bool = False

    @property
    def runtime(self) -> str:
        """The deterministic runtime in it, 16 digits of its SHA-256; empty: it runs natively."""
        return runtime_in(self.files)


def physical_name(file: AppFile) -> str:
    """
    >>> physical_name(AppFile("runtime.zip", b""))
    'pyboinc_runtime_e3b0c44298fc1c14.zip'
    """
    stem, ending = posixpath.splitext(posixpath.basename(file.logical_name))
    return f"pyboinc_{stem}_{hashlib.sha256(file.content).hexdigest()[:16]}{ending}"


def physical_names(files: Sequence[AppFile]) -> frozenset[str]:
    return frozenset(map(physical_name, files))


def runtime_in(names: Collection[str]) -> str:
    """The deterministic runtime among these files, see `VersionRow.runtime`.

    >>> runtime_in([physical_name(AppFile("wasm-0123456789abcdef.cwasm", b""))])
    '0123456789abcdef'
    """
    found = [match[1] for name in names if (match := re.match(rf"pyboinc_{WASM_STEM}([0-9a-f]{{16}})_", name))]
    return found[0] if found else ""


def newest(rows: Collection[VersionRow], wasm: bool = False) -> VersionRow | None:
    """Of one app's versions that run natively, or in the deterministic runtime: results of the two need not agree."""
    return max((row for row in rows if bool(row.runtime) == wasm and not row.deprecated), key=lambda row: row.number, default=None)


def names_in(xml_doc: str) -> frozenset[str]:
    """The files of an app version, by the `xml_doc` of its row."""
    return frozenset(re.findall(r"<name>\s*([^<\s]*)\s*</name>", xml_doc))


def manifest(files: Sequence[AppFile]) -> bytes:
    """The version.xml for these files."""
    lines = ["<version>"]
    for file in files:
        lines += ["    <file>", f"        <physical_name>{physical_name(file)}</physical_name>"]
        if file.is_main:
            lines.append("        <main_program/>")
        else:
            lines.append(f"        <logical_name>{escape(file.logical_name)}</logical_name>")
        lines += ["        <copy_file/>"] if file.copy else []
        lines += ["        <gzip/>"] if file.gzip else []
        lines.append("    </file>")
    return "\n".join([*lines, f"    <api_version>{API_VERSION}</api_version>", "</version>", ""]).encode()


def folder(app: str, number: int, platform: str) -> str:
    """
    >>> folder("pyboinc", 103, "x86_64-pc-linux-gnu")
    'apps/pyboinc/1.03/x86_64-pc-linux-gnu'
    """
    return f"apps/{app}/{number // 100}.{number % 100:02}/{platform}"


def to_add(
    rows: Collection[VersionRow], on_disk: Collection[tuple[int, str]], wanted: Mapping[str, Sequence[AppFile]]
) -> tuple[int, list[str]]:
    """The number and the platforms of what must be added; no platforms if nothing must.

    rows: of one app.  on_disk: number and platform of what its folder holds.  wanted: the files of each platform, all native or
    all with the deterministic runtime, whose versions have numbers of their own.
    """
    wasm = any(runtime_in(physical_names(files)) for files in wanted.values())
    newest = max((row.number for row in rows if bool(row.runtime) == wasm), default=0)
    current = {row.platform: row for row in rows if row.number == newest}
    missing = [platform for platform in wanted if platform not in current]
    ours = [row for row in current.values() if row.platform in wanted]
    same = all(not row.deprecated and row.signed and row.files == physical_names(wanted[row.platform]) for row in ours)
    free = not any((newest, platform) in on_disk for platform in missing)
    if newest and same and free:
        return newest, missing
    return max([FIRST - 1, *(row.number for row in rows), *(number for number, _ in on_disk)]) + 1, list(wanted)
