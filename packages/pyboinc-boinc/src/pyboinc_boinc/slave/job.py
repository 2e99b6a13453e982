"""The slave's process: runs the job, and nothing of BOINC."""

from __future__ import annotations

import os
import sys

from pyboinc.slave.channel import Channel, TemporaryExit
from pyboinc.slave.checkpoint import write_whole
from pyboinc.slave.console import Console
from pyboinc.slave.runner import HostFault, Program, check_signature, run_job

from .slot import STATE, TRUST, Slot, remove, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .progress import Progress

FOLDER = "slave"  # in the slot: the slave's current folder, where its files don't meet BOINC's
KEPT_ON_WINDOWS = ("SYSTEMROOT", "SYSTEMDRIVE", "NUMBER_OF_PROCESSORS")  # without the first nothing works there


def run(slot_folder: str, progress: Progress, period: float, with_client: bool) -> int:
    """Run the job of this slot; the exit status of the slave's process.

    period: seconds between checkpoints.  with_client: whether somebody passes trickle-ups on.
    """
    slot = Slot(slot_folder)
    stderr = os.dup(2)  # what the project gets to see of a client error
    program, data, output, report = map(slot.resolve, ("program", "input", "output", "report"))
    folder = slot.path(FOLDER)
    console = None
    try:
        os.makedirs(folder, exist_ok=True)
        os.chdir(folder)
        _scrub_environment(folder)
        console = Console()
        check_signature(program, slot.resolve(TRUST))
        results = _run(program, data, console, SlotChannel(slot, progress, period, with_client))
        _put(output, report, *results)
    except TemporaryExit as wish:
        slot.temporary_exit(wish.seconds, wish.reason or "the slave wished it")
        progress.set_left()
        return 0
    except (HostFault, OSError) as error:
        status, text = (error.exit_status, error.text) if isinstance(error, HostFault) else (1, f"a file of the job: {error}")
        printed = "".join(console()) if console else ""
        os.write(stderr, f"{printed}pyboinc: {text.rstrip()}\n".encode("utf-8", "backslashreplace"))
        return status & 0xFF or 1
    progress.set_done()
    return 0


def _run(path: str, data: str, console: Console, channel: Channel) -> tuple[bytes, bytes]:
    program = Program(path)
    _import_site(program)
    program.enter()
    sys.argv = [program.slave]
    with open(data, "rb") as file:
        content = file.read()
    return run_job(program, content, console, channel)


class SlotChannel(Channel):
    """The task's process, which holds the channels to the client, hears of it through the memory that both share."""

    def __init__(self, slot: Slot, progress: Progress, period: float, with_client: bool) -> None:
        self._slot = slot
        self._with_client = with_client
        self._progress = progress
        self.checkpoint_period = period

    def checkpoint_file(self, seed: int, first: str) -> str:
        return self._slot.path(STATE)

    def data_file(self, file_name: str) -> str:
        return self._slot.data_file(file_name)

    def fraction_done(self, fraction: float) -> None:
        self._progress.fraction_done = fraction

    def checkpointed(self) -> None:
        self._progress.checkpoint_cpu_time = sum(os.times()[:4])

    def trickle_up(self, variety: str, text: str) -> None:
        if not self._with_client:  # BOINC's wrapper has no word for one, either
            super().trickle_up(variety, text)
            return
        number = self._progress.trickles + 1
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        content = f"<variety>{variety}</variety>\n<text>{escaped}</text>\n"
        write_whole(self._slot.trickle(number), content.encode("utf-8", "xmlcharrefreplace"))
        self._progress.trickles = number


def _put(output_path: str, report_path: str, output: bytes, report: bytes) -> None:
    """The output's file, and the report's if there is something to tell: it is optional, and an upload costs."""
    write(output_path, output)
    if report:
        write(report_path, report)
    else:
        remove(report_path)  # of an earlier run


def _scrub_environment(folder: str) -> None:
    """Nothing of the volunteer's for the slave. (The launcher has emptied it already; not everybody starts by it.)"""
    kept = {name: os.environ[name] for name in KEPT_ON_WINDOWS if sys.platform == "win32" and name in os.environ}
    os.environ.clear()
    os.environ.update(kept, PATH=os.defpath, HOME=folder, TMPDIR=folder, TEMP=folder, TMP=folder, LANG="C.UTF-8")


def _import_site(program: Program) -> None:
    """What ``python -S`` left out, as far as the slave needs it: `exit()`, and installed packages if it requires any."""
    if program.requires:
        import site

        site.main()
    else:
        import builtins

        builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]
