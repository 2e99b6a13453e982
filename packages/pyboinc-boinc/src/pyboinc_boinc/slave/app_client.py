"""Where a task starts: runs the job in the slot that is the current folder, under a BOINC client or without one (standalone)."""

from __future__ import annotations

import os
import signal
import sys
import time

from .control import Control, Pace
from .process import SlaveProcess
from .slot import Slot, SlotFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .process import Progress

ENDED_BY_OTHERS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)  # as a system does when it shuts down
MAX_TEXT = 32 * 1024  # bytes of the stderr of a slave that crashed: half of what BOINC keeps


def main(pace: Pace | None = None) -> NoReturn:
    """Run the task and exit as the client expects it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        status = run(Slot(os.getcwd()), pace or Pace())
    except (SlotFault, OSError) as error:
        _complain(str(error))
        status = 1
    sys.exit(status)


def run(slot: Slot, pace: Pace) -> int:
    """The exit status of the task. Raises SlotFault, OSError: a client error."""
    if not _locked(slot, pace):
        slot.temporary_exit(int(pace.away), "another task holds this slot")
        return 0
    slot.forget_last_run()
    told = slot.init_data()
    channels = slot.channels() if told else None

    def run_job(progress: Progress) -> int:
        from . import job  # only here: the task's own process stays small

        if channels:
            channels.close()
        return job.run(slot, progress)

    slave = SlaveProcess(run_job)
    try:
        control = Control(slave, channels, told, slot.init_data, pace, time.monotonic()) if channels and told else None
        while slave.status is None:
            slave.wait(pace.tick)
            status = control.poll(time.monotonic()) if control else None
            if status is not None and slave.status is None:
                return status
        if control:
            control.report(last=True)
    finally:
        slave.end()
    return _ended(slot, slave, pace)


def _locked(slot: Slot, pace: Pace) -> bool:
    """Is the slot this task's alone? A task that the client has killed may need some time to go."""
    if slot.lock():
        return True
    _complain(f"another task is in this slot: waiting {pace.lock:g} s")
    time.sleep(pace.lock)
    return slot.lock()


def _ended(slot: Slot, slave: SlaveProcess, pace: Pace) -> int:
    """The exit status of a task whose slave has ended by itself."""
    status = slave.status or 0
    if status == 0 and slave.progress.done:
        slot.finish()
    elif status > 0:
        pass  # the slave's process has said why
    elif -status in ENDED_BY_OTHERS:
        slot.temporary_exit(int(pace.ended), f"the slave was ended by {_name(-status)}")
        status = 0
    else:
        _show_stderr(slot)
        how = f"was ended by {_name(-status)}" if status else "ended its process before it was done"
        _complain(f"the slave {how}")
        status = 1
    return status


def _name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"{name} (as a system does that is out of memory)" if number == signal.SIGKILL else name


def _show_stderr(slot: Slot) -> None:
    """Pass on the end of what the slave printed on stderr: after a crash, where Python was."""
    from .job import FOLDER

    try:
        with open(os.path.join(slot.path(FOLDER), "stderr.txt"), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - MAX_TEXT))
            sys.stderr.write(file.read().decode("utf-8", "backslashreplace"))
    except OSError:
        pass


def _complain(text: str) -> None:
    """To the task's stderr, which the client sends to the project."""
    print(f"pyboinc: {text}", file=sys.stderr, flush=True)
