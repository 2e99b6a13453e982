"""A runtime in its folder: the component, what it is, and its machine code for each platform.

    runtime.wasm   the component; its SHA-256 is *the* runtime: each batch is pinned to one
    runtime.txt    what it was made from
    *.cwasm        the machine code, by target and engine; native code, tied to the version of the engine
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .. import ports
from ..version import __version__
from .build import RuntimeMissing, build, builder_version, recipe

COMPONENT, DESCRIPTION = "runtime.wasm", "runtime.txt"
HEAD = "pyboinc-runtime 1"
FOLDER_VARIABLE = "PYBOINC_RUNTIME"

CODE_OPTIONS = ("-W", "nan-canonicalization=y")
"""Options of wasmtime's command line, for ``compile`` and for ``run``: one bit pattern for NaN, which CPUs choose differently."""

RUN_OPTIONS = (*CODE_OPTIONS, "--allow-precompiled", "--argv0", "slave")
"""What ``run`` gets beside ``--dir FOLDER::/`` and, for a limit, ``-W max-memory-size=BYTES``."""

TARGETS = {
    "x86_64-pc-linux-gnu": "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu": "aarch64-unknown-linux-gnu",
    "windows_x86_64": "x86_64-pc-windows-msvc",
    "x86_64-apple-darwin": "x86_64-apple-darwin",
    "arm64-apple-darwin": "aarch64-apple-darwin",
}
"""The engine's targets, by BOINC's names of platforms."""


@dataclass(frozen=True)
class Runtime:
    """A runtime that is there. folder (str): where it is.  sha256 (str): of its component, in hexadecimal: its identity."""

    folder: str
    sha256: str

    @property
    def component(self) -> str:
        """The component's path."""
        return os.path.join(self.folder, COMPONENT)


def default_folder() -> str:
    """The folder that `PYBOINC_RUNTIME` names, or the user's cache for what this PyBOINC would build. Raises RuntimeMissing."""
    named = os.environ.get(FOLDER_VARIABLE)
    return os.path.abspath(named) if named else os.path.join(_cache(), "pyboinc", f"runtime_{recipe()}")


def _cache() -> str:
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Caches")
    return os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")


def find(folder: str | None = None) -> Runtime | None:
    """The runtime in the folder, by default `default_folder`; None if there is none. Raises RuntimeMissing if it is damaged."""
    folder = folder or default_folder()
    try:
        text = Path(folder, DESCRIPTION).read_text("utf-8")
        with open(os.path.join(folder, COMPONENT), "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        return None
    if text.split("\n")[:2] != [HEAD, f"sha256 {digest}"]:
        raise RuntimeMissing(f"the runtime in {folder} is damaged, or another version's: remove that folder, or name another one")
    return Runtime(folder, digest)


def make(folder: str | None = None) -> Runtime:
    """Build a runtime into the folder, by default `default_folder`. Raises RuntimeMissing, OSError.

    The description comes last, and each file in one step: of two that build at once, the second one replaces the first one's.
    """
    folder = folder or default_folder()
    content = build()
    digest = hashlib.sha256(content).hexdigest()
    lines = [HEAD, f"sha256 {digest}", f"pyboinc {__version__}", f"componentize-py {builder_version()}", f"recipe {recipe()}"]
    os.makedirs(folder, exist_ok=True)
    disk = ports.Disk()
    ports.arrive(disk, folder, COMPONENT, content)
    ports.arrive(disk, folder, DESCRIPTION, "".join(f"{line}\n" for line in lines).encode())
    return Runtime(folder, digest)


def compile_by(engine: str, runtime: Runtime, platform: str) -> str:
    """Compile ahead of time by wasmtime's command line at the path `engine`, for a platform of BOINC's; the file's path.

    The file runs in the same version of the engine on that platform, with any CPU of its kind. Raises RuntimeMissing.
    """
    version = _run(engine, "--version").split()
    name = f"{platform}_{version[1] if len(version) > 1 else 'unknown'}_{runtime.sha256[:16]}.cwasm"
    path = os.path.join(runtime.folder, name)
    if not os.path.exists(path):
        new = f"{path}.{os.getpid()}"
        smaller = ("-D", "address-map=n")  # which instruction of the component trapped: nobody on a volunteer's computer asks
        _run(engine, "compile", *CODE_OPTIONS, *smaller, "--target", TARGETS[platform], "-o", new, runtime.component)
        os.replace(new, path)
    return path


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise RuntimeMissing(f"{command[0]}: {error.strerror or error}") from None
    if done.returncode:
        raise RuntimeMissing(f"{' '.join(command)} ended with status {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout
