"""The program of the runtime: one job, in the folder that the host lets it see. See `pyboinc.wasm` for the agreement.

The first import is the runtime's own, which measures time; then the clocks are fixed, before anybody else takes them.
"""

from __future__ import annotations

from pyboinc.slave import checkpoint  # noqa: F401

from . import fixed

fixed.fix_time()
fixed.fix_randomness()

from . import stdlib  # noqa: E402

stdlib.keep_all()
fixed.fix_files()

import io  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

from pyboinc.slave.channel import Channel, TemporaryExit  # noqa: E402
from pyboinc.slave.checkpoint import write_whole  # noqa: E402
from pyboinc.slave.files import read_data_files  # noqa: E402
from pyboinc.slave.runner import MAX_TEXT, HostFault, Program, check_signature, run_job  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ROOT = "/"
SLAVE_FOLDER = "/slave"
DEFAULT_PERIOD = 60.0


def main() -> bool:
    """Run the job; False if the host is to blame for there being no output (``exit_status`` and stderr say why)."""
    stderr = sys.__stderr__
    os.environ.clear()
    sys.path.clear()
    sys.path_importer_cache.clear()
    printed = Printed()
    try:
        check_signature("/program", "/trust.txt")
        output, report = _run(printed)
        if report:  # an upload costs
            write_whole("/report", report)
        write_whole("/output", output)
    except TemporaryExit as wish:
        reason = wish.reason or "the slave wished it"
        write_whole("/temporary_exit", f"{wish.seconds}\n{reason}\n".encode())
        assert stderr is not None
        stderr.write(f"pyboinc: a temporary exit of {wish.seconds} s: {reason}\n")  # BOINC's wrapper does not see that file
        stderr.flush()
    except (HostFault, OSError) as error:
        status, text = (error.exit_status, error.text) if isinstance(error, HostFault) else (1, f"a file of the job: {error}")
        write_whole("/exit_status", f"{status or 1}\n".encode())
        assert stderr is not None
        stderr.write(f"{''.join(printed())}pyboinc: {text.rstrip()}\n")
        stderr.flush()
        return False
    return True


def _run(printed: Printed) -> tuple[bytes, bytes]:
    program = FixedProgram("/program")
    os.makedirs(SLAVE_FOLDER, exist_ok=True)
    os.chdir(SLAVE_FOLDER)
    program.enter()
    sys.argv = [program.slave]
    with open("/input", "rb") as file:
        data = file.read()
    return run_job(program, data, printed, FolderChannel(read_data_files(data)))


class FixedProgram(Program):
    """See `pyboinc.slave.runner.Program`."""

    def enter(self) -> None:
        for name in self.modules.difference(sys.builtin_module_names):
            sys.modules.pop(name, None)  # the program's own module wins over one of the standard library
        super().enter()

    def seed(self, seed: str) -> None:
        fixed.begin_call(seed)
        super().seed(seed)


class FolderChannel(Channel):
    """Says things by files. Nothing here looks at a clock, but for the time between checkpoints."""

    def __init__(self, data_files: list[str]) -> None:
        """data_files: names of the job's, sorted."""
        self._percent = 0
        self._data_files = data_files
        try:
            with open("/checkpoint_period", encoding="ascii") as file:
                self.checkpoint_period = float(file.read())
        except (OSError, ValueError):
            self.checkpoint_period = DEFAULT_PERIOD

    def checkpoint_file(self, seed: int, first: str) -> str:
        return "/checkpoint"

    def data_file(self, file_name: str) -> str:
        return f"{ROOT}data_{self._data_files.index(file_name)}"

    def drawn(self) -> Any:
        return super().drawn(), fixed.moment()

    def draw_on(self, drawn: Any) -> None:
        of_random, moment = drawn
        super().draw_on(of_random)
        fixed.go_on_from(*moment)

    def fraction_done(self, fraction: float) -> None:
        percent = int(fraction * 100)
        if percent != self._percent:
            self._percent = percent
            write_whole("/fraction_done", f"{fraction:.6f}\n".encode())


class _Tail(io.RawIOBase):
    """Keeps the end of what is written."""

    def __init__(self) -> None:
        self.kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.kept += data
        if len(self.kept) > 2 * MAX_TEXT:
            del self.kept[:-MAX_TEXT]
        return len(data)


class Printed:
    """What the slave prints since it was last asked: (stdout, stderr). Standard input is empty."""

    def __init__(self) -> None:
        self._tails = _Tail(), _Tail()
        self._streams = [io.TextIOWrapper(io.BufferedWriter(tail), "utf-8", "backslashreplace") for tail in self._tails]
        sys.stdin = io.TextIOWrapper(io.BytesIO(), "utf-8")
        sys.stdout, sys.stderr = self._streams

    def __call__(self) -> tuple[str, str]:
        texts = []
        for which, tail in enumerate(self._tails):
            try:
                self._streams[which].flush()
            except ValueError:  # the slave has closed it
                self._streams[which] = io.TextIOWrapper(io.BufferedWriter(tail), "utf-8", "backslashreplace")
            texts.append(tail.kept[-MAX_TEXT:].decode("utf-8", "backslashreplace"))
            tail.kept.clear()
        sys.stdout, sys.stderr = self._streams
        return texts[0], texts[1]
