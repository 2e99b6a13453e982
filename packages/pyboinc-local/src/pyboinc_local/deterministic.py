"""Jobs in the deterministic runtime (`pyboinc.wasm`): what a worker process runs in place of the slave's program itself."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pyboinc.display import say
from pyboinc.model import JobSettings
from pyboinc.slave.channel import Channel, TemporaryExit
from pyboinc.slave.checkpoint import write_whole
from pyboinc.slave.files import read_data_files
from pyboinc.slave.runner import HostFault, Program
from pyboinc.wasm import engine, runtime
from pyboinc.wasm.build import RuntimeMissing

from .worker import RUNTIME

if TYPE_CHECKING:
    from pyboinc.slave.runner import Console

FLOPS = 1e9  # operations a second of the computer that a limit in operations is for: BOINC's typical host


def profile(found: runtime.Runtime, settings: JobSettings) -> str:
    """What `pyboinc_local.worker.load` is told to run a program in this runtime; it is compiled for this computer if need be.

    Raises RuntimeMissing.
    """
    path = engine.compiled(found, lambda: say("compiling the deterministic runtime for this computer, once: half a minute"))
    return f"{RUNTIME}{settings.memory:.0f}:{settings.fpops_bound / FLOPS:.3f}:{path}"


def profile_if_there() -> str | None:
    """The same for a platform of a fleet or a check, if a runtime has been built and its engine is installed."""
    try:
        found = runtime.find() if engine.installed() else None
    except RuntimeMissing:  # it can't be built here, so there is none
        return None
    return profile(found, JobSettings()) if found else None


def load(path: str, profile: str) -> RuntimeProgram:
    """The program at `path`, for a `profile` as above."""
    memory, seconds, code = profile.removeprefix(RUNTIME).split(":", 2)
    return RuntimeProgram(path, _machine(code), engine.Limits(int(memory), float(seconds)))


_machine = cache(engine.Machine)


class RuntimeProgram(Program):
    """A program whose jobs run in the component: this process's Python only hands files in and out."""

    def __init__(self, path: str, machine: engine.Machine, limits: engine.Limits) -> None:
        super().__init__(path)
        self._machine = machine
        self._limits = limits

    def enter(self) -> None: ...

    def leave(self) -> None: ...

    def run(self, data: bytes, console: Console, channel: Channel) -> tuple[bytes, bytes]:
        """See `run_job`. What the slave prints is in the report already."""
        with tempfile.TemporaryDirectory(prefix="runtime_", dir=os.getcwd()) as name:
            folder = Path(name)
            _hand_in(folder, self.path, data, channel)
            relay = _Relay(folder, channel)
            try:
                self._machine.run(name, self._limits, relay.look)
            except engine.Ended as end:
                raise HostFault(_exit_status(folder), str(end).rstrip()) from None
            finally:
                relay.look()
            return _hand_out(folder)


def _hand_in(folder: Path, program: str, data: bytes, channel: Channel) -> None:
    shutil.copyfile(program, folder / "program")
    (folder / "input").write_bytes(data)
    (folder / "checkpoint_period").write_text(f"{channel.checkpoint_period}\n")
    for number, name in enumerate(read_data_files(data)):
        shutil.copyfile(channel.data_file(name), folder / f"data_{number}")
    with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(channel.checkpoint_file(0, ""), folder / "checkpoint")


def _hand_out(folder: Path) -> tuple[bytes, bytes]:
    try:
        seconds, reason = (folder / "temporary_exit").read_text("utf-8").splitlines()
    except FileNotFoundError:
        pass
    else:
        raise TemporaryExit(int(seconds), reason)
    try:
        output = (folder / "output").read_bytes()
    except FileNotFoundError:
        raise HostFault(1, "the slave ended its process before its job was done") from None
    report = folder / "report"
    return output, report.read_bytes() if report.exists() else b""


def _exit_status(folder: Path) -> int:
    try:
        return int((folder / "exit_status").read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return 1


class _Relay:
    """Tells the channel what the job says by its files while it runs."""

    def __init__(self, folder: Path, channel: Channel) -> None:
        self._folder = folder
        self._channel = channel
        self._seen = self._stamp("checkpoint")
        self._fraction = ""

    def look(self) -> None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            fraction = (self._folder / "fraction_done").read_text("ascii")
            if fraction != self._fraction:
                self._fraction = fraction
                self._channel.fraction_done(float(fraction))
        stamp = self._stamp("checkpoint")
        path = self._channel.checkpoint_file(0, "")
        if stamp != self._seen and path:
            self._seen = stamp
            write_whole(path, (self._folder / "checkpoint").read_bytes())
            self._channel.checkpointed()

    def _stamp(self, name: str) -> tuple[int, int] | None:
        with contextlib.suppress(FileNotFoundError):
            found = os.stat(self._folder / name)
            return found.st_ino, found.st_mtime_ns
        return None
