"""What an app version is made of: a launcher for each platform, and the runtime that all share."""

from __future__ import annotations

import importlib.resources
import io
import zipfile
from dataclasses import dataclass, field

from pyboinc import bundle

from .slim import slim

RUNTIME_NAME = "runtime.zip"
"""The logical name under which launchers look for the runtime."""


INTERPRETER_NAME = "python.tar.gz"
"""The same for an interpreter that the app version ships."""

NOT_IN_A_SLOT = frozenset({"pyboinc/slave/pipe.py"})


@dataclass(frozen=True)
class AppFile:
    """A file of an app version. copy: into the slot, instead of a link."""

    logical_name: str
    content: bytes = field(repr=False)
    is_main: bool = False
    copy: bool = False


def platforms() -> dict[str, list[AppFile]]:
    """The files of an app version for each platform, by BOINC's names of platforms."""
    return {"x86_64-pc-linux-gnu": [AppFile("launch.sh", launcher(), is_main=True), AppFile(RUNTIME_NAME, runtime_zip())]}


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
