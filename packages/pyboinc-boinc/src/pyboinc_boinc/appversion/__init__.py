"""What an app version is made of: a launcher for each platform, and the runtime that all share."""

from __future__ import annotations

import importlib.resources
import io
import zipfile
from dataclasses import dataclass, field

from pyboinc import bundle

RUNTIME_NAME = "runtime.zip"
"""The logical name under which launchers look for the runtime."""


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
    """Core's runtime and the modules that run it in a slot, as a reproducible zip of their sources."""
    with zipfile.ZipFile(io.BytesIO(bundle.runtime_zip())) as core:
        files = {name: core.read(name) for name in core.namelist() if not name.endswith("/")}
    package = importlib.resources.files("pyboinc_boinc")
    files["pyboinc_boinc/__init__.py"] = package.joinpath("__init__.py").read_bytes()
    for source in package.joinpath("slave").iterdir():
        if source.name.endswith(".py"):
            files[f"pyboinc_boinc/slave/{source.name}"] = source.read_bytes()
    return bundle.reproducible_zip(files)


def launcher() -> bytes:
    """The main program of an app version for Linux: a shell script."""
    return importlib.resources.files(__name__).joinpath("launch.sh").read_bytes()
