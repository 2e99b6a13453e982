"""The deterministic runtime on volunteers' computers: app versions of their own, which need no Python there.

BOINC's wrapper starts a script of ours, and that the engine, wasmtime's command line. The engine lets the runtime see one folder
of the slot, into which the client copies the job's files: not the slot itself, whose init_data.xml holds the volunteer's
authenticator. See `pyboinc.wasm` for the agreement, and BOINC's wiki page WrapperApp.

What the engine may do stands in files that the project has signed. A workunit has a say in two numbers, its limit of memory and the
seconds of a temporary exit, so that no server without the signing key can widen the sandbox.
"""

from __future__ import annotations

import glob
import importlib.resources
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from pyboinc.wasm import runtime as runtimes

from .appversion import LINUX, LINUX_ARM, MACOS, MACOS_ARM, TRUST_NAME, WINDOWS, AppFile
from .project import ProjectError
from .templates import JOB_FOLDER
from .versions import WASM_STEM

TIMEOUT = 60  # seconds for an engine to start once
_HERE = {
    ("linux", "x86_64"): LINUX,
    ("linux", "aarch64"): LINUX_ARM,
    ("win32", "AMD64"): WINDOWS,
    ("darwin", "x86_64"): MACOS,
    ("darwin", "arm64"): MACOS_ARM,
}
_MAGIC = {LINUX: b"\x7fELF", LINUX_ARM: b"\x7fELF", WINDOWS: b"MZ", MACOS: b"\xcf\xfa\xed\xfe", MACOS_ARM: b"\xcf\xfa\xed\xfe"}


@dataclass(frozen=True)
class Deterministic:
    """What an admin has given for it. sha256 (str): the runtime's, empty without one.  code, engines, wrappers: by platform."""

    sha256: str = ""
    code: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    engines: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    wrappers: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def platforms(self) -> dict[str, list[AppFile]]:
        """The files of an app version for each platform that has all it needs."""
        ready = [name for name in self.code if name in self.engines and name in self.wrappers]
        return {name: self._files(name) for name in ready}

    def _files(self, name: str) -> list[AppFile]:
        ending = ".exe" if name == WINDOWS else ""
        engine, code = f"engine{ending}", f"{WASM_STEM}{self.sha256[:16]}.cwasm"
        script = "sandbox.bat" if name == WINDOWS else "sandbox.sh"
        return [
            AppFile(f"wrapper{ending}", self.wrappers[name], is_main=True),
            AppFile(engine, self.engines[name], executable=True, gzip=True),
            AppFile(script, sandbox(script), executable=True),
            AppFile(code, self.code[name], gzip=True),
            AppFile("job.xml", job_xml(script, engine, code)),
        ]


def trust_name() -> str:
    """Where the runtime looks for the file that says whose programs may run: a copy, since it sees no links out of its folder."""
    return f"{JOB_FOLDER}/{TRUST_NAME}"


def sandbox(script: str) -> bytes:
    """The script of this name, for any POSIX shell or for Windows' cmd."""
    text = importlib.resources.files(__package__).joinpath("appversion", script).read_text("ascii")
    text = text.replace("@OPTIONS@", " ".join(("run", *runtimes.RUN_OPTIONS)))
    return (text.replace("\n", "\r\n") if script.endswith(".bat") else text).encode()


def job_xml(script: str, engine: str, code: str) -> bytes:
    """What the wrapper is told: it stops all processes of the task, which writes these two files."""
    return f"""<job_desc>
    <task>
        <application>{script}</application>
        <command_line>boinc_resolve({engine}) boinc_resolve({code})</command_line>
        <fraction_done_filename>{JOB_FOLDER}/fraction_done</fraction_done_filename>
        <checkpoint_filename>{JOB_FOLDER}/checkpoint</checkpoint_filename>
        <multi_process/>
    </task>
</job_desc>
""".encode()


def code_for(folder: str, sha256: str, name: str, engine: bytes) -> bytes:
    """The runtime's machine code for a platform and its engine, from the runtime's folder. Raises ProjectError."""
    if not engine.startswith(_MAGIC[name]):
        raise ProjectError(f"--engine {name}: this is no program for that platform")
    tried = []
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), f"{name}_*_{sha256[:16]}.cwasm"))):
        version = os.path.basename(path).removeprefix(f"{name}_").split("_")[0]
        tried.append(version)
        if re.search(rb"(?<![\d.])" + re.escape(version.encode()) + rb"(?![\d.])", engine):
            with open(path, "rb") as file:
                code = file.read()
            if name == _HERE.get((sys.platform, platform.machine())):
                _try(engine, code)
            return code
    there = f"it is compiled for wasmtime {', '.join(tried)}, and --engine {name} is none of these" if tried else "it is not compiled"
    raise ProjectError(
        f"the runtime in {folder} can't run on {name}: {there}. Compile it by the wasmtime of the same version for this computer:"
        f"  pyboinc build-runtime {folder} --platform {name} --engine FILE"
    )


def _try(engine: bytes, code: bytes) -> None:
    """Start it once, without a job: it has to say that there is none. Raises ProjectError."""
    with tempfile.TemporaryDirectory(prefix="pyboinc_engine_") as place:
        job = os.path.join(place, JOB_FOLDER)
        os.mkdir(job)
        paths = [os.path.join(place, name) for name in ("engine", "code")]
        for path, content in zip(paths, (engine, code), strict=True):
            with open(path, "wb") as file:
                file.write(content)
            os.chmod(path, 0o700)
        try:
            command = [paths[0], "run", *runtimes.RUN_OPTIONS, "--dir", f"{job}::/", paths[1]]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False)
            said = done.stderr.decode("utf-8", "replace")
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
        if not os.path.exists(os.path.join(job, "exit_status")):
            raise ProjectError(f"the engine does not run the runtime on this computer. It says: {said.strip()[-2000:]}")
