"""The slave's process: runs the job, and nothing of BOINC."""

from __future__ import annotations

import os
import sys

from pyboinc.slave.console import Console
from pyboinc.slave.runner import HostFault, Program, run_job

from .slot import remove, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .process import Progress
    from .slot import Slot

FOLDER = "slave"  # in the slot: the slave's current folder, where its files don't meet BOINC's


def run(slot: Slot, progress: Progress) -> int:
    """Run the job of this slot; the exit status of the slave's process."""
    stderr = os.dup(2)  # what the project gets to see of a client error
    program, data, output, report = map(slot.resolve, ("program", "input", "output", "report"))
    folder = slot.path(FOLDER)
    console = None
    try:
        os.makedirs(folder, exist_ok=True)
        os.chdir(folder)
        _scrub_environment(folder)
        console = Console()
        results = _run(program, data, console, progress)
        _put(output, report, *results)
    except (HostFault, OSError) as error:
        status, text = (error.exit_status, error.text) if isinstance(error, HostFault) else (1, f"a file of the job: {error}")
        printed = "".join(console()) if console else ""
        os.write(stderr, f"{printed}pyboinc: {text.rstrip()}\n".encode("utf-8", "backslashreplace"))
        return status & 0xFF or 1
    progress.set_done()
    return 0


def _run(path: str, data: str, console: Console, progress: Progress) -> tuple[bytes, bytes]:
    program = Program(path)
    _import_site(program)
    program.enter()
    sys.argv = [program.slave]
    with open(data, "rb") as file:
        content = file.read()

    def tell(fraction: float) -> None:
        progress.fraction_done = fraction

    return run_job(program, content, console, tell)


def _put(output_path: str, report_path: str, output: bytes, report: bytes) -> None:
    """The output's file, and the report's if there is something to tell: it is optional, and an upload costs."""
    write(output_path, output)
    if report:
        write(report_path, report)
    else:
        remove(report_path)  # of an earlier run


def _scrub_environment(folder: str) -> None:
    """Nothing of the volunteer's for the slave. (The launcher has emptied it already; not everybody starts by it.)"""
    os.environ.clear()
    os.environ.update(PATH=os.defpath, HOME=folder, TMPDIR=folder, LANG="C.UTF-8")


def _import_site(program: Program) -> None:
    """What ``python -S`` left out, as far as the slave needs it: `exit()`, and installed packages if it requires any."""
    import site

    if program.requires:
        site.main()
    else:
        site.setquit()
