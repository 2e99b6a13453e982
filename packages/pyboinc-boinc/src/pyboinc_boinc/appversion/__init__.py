"""What an app version is made of: a launcher for each platform, and the runtime that all share."""

from __future__ import annotations

import importlib.resources
import io
import zipfile

from pyboinc import bundle

RUNTIME_NAME = "runtime.zip"
"""The logical name under which launchers look for the runtime."""


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
