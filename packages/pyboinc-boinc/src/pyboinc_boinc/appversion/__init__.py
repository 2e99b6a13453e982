"""What an app version is made of: a launcher for each platform, and the runtime that all share."""

from __future__ import annotations

import hashlib
import importlib.resources
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from pyboinc import bundle

from ..slave.slot import FRACTION, STATE, TRUST
from .slim import slim

TRUST_NAME = TRUST
"""The same for the key by which programs must be signed."""

RUNTIME_NAME = "runtime.zip"
"""The logical name under which launchers look for the runtime."""


INTERPRETER_NAME = "python.tar.gz"
"""The same for an interpreter that the app version ships."""

NOT_IN_A_SLOT = frozenset({"pyboinc/slave/pipe.py"})


LINUX, LINUX_ARM, WINDOWS = "x86_64-pc-linux-gnu", "aarch64-unknown-linux-gnu", "windows_x86_64"
MACOS, MACOS_ARM = "x86_64-apple-darwin", "arm64-apple-darwin"
PLATFORMS = (LINUX, LINUX_ARM, WINDOWS, MACOS, MACOS_ARM)
"""BOINC's names of the platforms for which there are app versions."""


@dataclass(frozen=True)
class AppFile:
    """A file of an app version. copy: into the slot, instead of a link.  executable: another program starts it.  gzip: download
    it compressed; clients unpack it when it comes."""

    logical_name: str
    content: bytes = field(repr=False)
    is_main: bool = False
    copy: bool = False
    executable: bool = False
    gzip: bool = False

    @property
    def mode(self) -> int:
        """Its permission bits in the project."""
        return 0o755 if self.is_main or self.executable else 0o644


@dataclass(frozen=True)
class Extras:
    """What an admin adds to app versions, by platform: a packed interpreter, BOINC's wrapper."""

    interpreters: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    wrappers: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def platforms(extras: Extras | None = None) -> dict[str, list[AppFile]]:
    """The files of an app version for each platform, by BOINC's names of platforms."""
    extras = extras or Extras()
    runtime = runtime_zip()
    return {platform: _files(platform, runtime, extras) for platform in PLATFORMS}


def _files(platform: str, runtime: bytes, extras: Extras) -> list[AppFile]:
    windows = platform == WINDOWS
    interpreter, wrapper = extras.interpreters.get(platform), extras.wrappers.get(platform)
    script = launcher(windows, hashlib.sha256(interpreter).hexdigest() if interpreter else "")
    name = "launch.bat" if windows else "launch.sh"
    if wrapper:
        main = AppFile("wrapper.exe" if windows else "wrapper", wrapper, is_main=True)
        files = [main, AppFile(name, script, executable=True), AppFile("job.xml", job_xml(name))]
    else:
        files = [AppFile(name, script, is_main=True)]
    files.append(AppFile(RUNTIME_NAME, runtime))
    return files + ([AppFile(INTERPRETER_NAME, interpreter)] if interpreter else [])


def job_xml(launcher_name: str) -> bytes:
    """What BOINC's wrapper is told: it stops and kills all processes of the task, which writes these two files."""
    return f"""<job_desc>
    <task>
        <application>{launcher_name}</application>
        <command_line>--wrapped</command_line>
        <fraction_done_filename>{FRACTION}</fraction_done_filename>
        <checkpoint_filename>{STATE}</checkpoint_filename>
        <multi_process/>
    </task>
</job_desc>
""".encode()


def runtime_zip() -> bytes:
    """Core's runtime and the modules that run it in a slot, as a zip of their sources, made small."""
    with zipfile.ZipFile(io.BytesIO(bundle.runtime_zip())) as core:
        files = {name: slim(core.read(name)) for name in core.namelist() if not name.endswith("/") and name not in NOT_IN_A_SLOT}
    package = importlib.resources.files("pyboinc_boinc")
    files["pyboinc_boinc/__init__.py"] = b""
    for source in package.joinpath("slave").iterdir():
        if source.name.endswith(".py"):
            files[f"pyboinc_boinc/slave/{source.name}"] = slim(source.read_bytes())
    start = files.pop("pyboinc_boinc/slave/start.py")
    return bundle.reproducible_zip({**files, "start.py": start}, deflated=files)


def launcher(windows: bool = False, shipped: str = "") -> bytes:
    """The main program of an app version: a script for any POSIX shell, or for Windows' cmd.

    shipped: the SHA-256, in hexadecimal, of the interpreter that the app version has as `INTERPRETER_NAME`.
    """
    here = importlib.resources.files(__name__)
    script = here.joinpath("launch.bat" if windows else "launch.sh").read_text("ascii").replace("@SHIPPED@", shipped)
    boot = here.joinpath("boot.txt").read_text("ascii").strip()
    if windows:  # an argument there has one line, and quotation marks around it
        boot = "exec('" + boot.replace("\\", "\\\\").replace('"', "\\'").replace("\n", "\\n") + "')"
        script = script.replace("\n", "\r\n")
    return script.replace("@BOOT@", boot).encode()
