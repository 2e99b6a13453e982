"""Builds the runtime: CPython as componentize-py brings it, with the standard library and the slave's side of PyBOINC loaded."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from .. import bundle
from ..errors import PyBoincError

# The one function that a command of WASI 0.2 exports, and nothing else: https://github.com/WebAssembly/wasi-cli
WORLD = {
    "world.wit": "package pyboinc:runtime;\nworld command { export wasi:cli/run@0.2.0; }\n",
    "deps/cli/run.wit": "package wasi:cli@0.2.0;\ninterface run { run: func() -> result; }\n",
}
# Errors of `run` are what bindings of componentize-py make of a failed result.
APP = """from componentize_py_types import Err
from pyboinc.wasm.guest.app import main
import wit_world.exports

class Run(wit_world.exports.Run):
    def run(self):
        if not main():
            raise Err(None)
"""
COMPONENTIZE = "import sys; from componentize_py import script; sys.argv[0] = 'componentize-py'; sys.exit(script())"


class RuntimeMissing(PyBoincError):
    """There is no deterministic runtime here, or it can't be built or run. The text says what to install."""


def guest_files() -> dict[str, bytes]:
    """The sources that the runtime holds, by their names there."""
    with zipfile.ZipFile(io.BytesIO(bundle.runtime_zip())) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    here = importlib.resources.files(__package__)
    files["pyboinc/wasm/__init__.py"] = b""
    for each in (here / "guest").iterdir():
        if each.name.endswith(".py"):
            files[f"pyboinc/wasm/guest/{each.name}"] = each.read_bytes()
    files["slave_app.py"] = APP.encode()
    return files


def recipe() -> str:
    """What a build is made from, as 16 hexadecimal digits: another PyBOINC or componentize-py builds another runtime."""
    digest = hashlib.sha256(builder_version().encode())
    for name, content in sorted({**guest_files(), **{name: text.encode() for name, text in WORLD.items()}}.items()):
        digest.update(f"\n{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def builder_version() -> str:
    """Of the componentize-py that is installed. Raises RuntimeMissing."""
    try:
        return importlib.metadata.version("componentize-py")
    except importlib.metadata.PackageNotFoundError:
        raise RuntimeMissing(
            "the deterministic runtime is built by componentize-py, which is not installed:  pip install 'pyboinc-local[wasm]'"
        ) from None


def build() -> bytes:
    """The component; takes a quarter of a minute. Two builds are not equal to the byte: build once, distribute that file.

    Raises RuntimeMissing.
    """
    builder_version()
    with tempfile.TemporaryDirectory(prefix="pyboinc_runtime_") as place:
        _write(Path(place, "app"), guest_files())
        _write(Path(place, "wit"), {name: text.encode() for name, text in WORLD.items()})
        os.mkdir(os.path.join(place, "none"))
        names = ["-d", "wit", "-w", "command", "componentize", "-p", "app", "slave_app", "-o", "runtime.wasm"]
        environment = {**os.environ, "VIRTUAL_ENV": os.path.join(place, "none")}  # or all that is installed here would go in too
        done = subprocess.run(
            [sys.executable, "-c", COMPONENTIZE, *names], cwd=place, env=environment, capture_output=True, text=True, errors="replace"
        )
        try:
            return Path(place, "runtime.wasm").read_bytes()
        except FileNotFoundError:
            raise RuntimeMissing(f"componentize-py built no runtime (status {done.returncode}):\n{done.stderr[-4000:]}") from None


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder.joinpath(*name.split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
