"""What the task's process does while the slave runs, in one of three ways.

*Direct*: under a client, whose protocol is spoken here. *Wrapped*: under BOINC's wrapper, which speaks it; here only the files
are written that its job.xml names. *Standalone*: with neither, as BOINC's own apps allow it.
"""

from __future__ import annotations

import os
import sys
import time

from .pace import Pace
from .slot import FRACTION, Slot, SlotFault, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import NoReturn

    from .control import Control
    from .process import SlaveProcess
else:
    import _signal as signal  # the module `signal` imports half of the standard library

WRAPPED = "--wrapped"  # the argument that job.xml gives
ENDED_BY_OTHERS = {  # as a system does when it shuts down
    getattr(signal, name) for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM") if hasattr(signal, name)
}
MAX_TEXT = 32 * 1024  # bytes of the stderr of a slave that crashed: half of what BOINC keeps
MAX_TEMPORARY_EXITS = 100  # BOINC's own number


def run(slave: SlaveProcess, pace: Pace | None, arguments: list[str]) -> NoReturn:
    """Run the task and exit. slave: its process, which waits to begin."""
    pace = pace or Pace()
    slot = Slot(os.getcwd())
    try:
        status = _run_wrapped(slave, slot, pace) if WRAPPED in arguments else _run(slave, slot, pace)
    except (SlotFault, OSError) as error:
        _complain(str(error))
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # Python's own way down takes as long as the way up


def _run(slave: SlaveProcess, slot: Slot, pace: Pace) -> int:
    """The exit status of a task that is direct or standalone. Raises SlotFault, OSError: a client error."""
    try:
        if not _locked(slot, pace):
            slot.temporary_exit(int(pace.away), "another task holds this slot")
            return 0
        slot.forget_last_run()
        told = slot.init_data()
        channels = slot.channels(told) if told else None
        slave.begin(told.checkpoint_period if told else pace.checkpoint, with_client=bool(channels))
        from .control import Control  # now: the slave need not wait for it

        control = Control(slave, channels, told, slot, pace, time.monotonic()) if channels and told else None
        while slave.status is None:
            slave.wait(pace.tick)
            status = control.poll(time.monotonic()) if control else None
            if status is not None and slave.status is None:
                return status
        if control:
            _say_the_last(control, pace)
    finally:
        slave.end()
    return _ended(slot, slave, pace)


def _run_wrapped(slave: SlaveProcess, slot: Slot, pace: Pace) -> int:
    """The exit status of a task under BOINC's wrapper, which stops and kills all processes below it. Raises SlotFault, OSError."""
    parent = os.getppid()
    for _ in range(MAX_TEMPORARY_EXITS):
        try:
            slot.forget_last_run()
            told = slot.init_data()
            slave.begin(told.checkpoint_period if told else pace.checkpoint, with_client=False)
            told_fraction = -1.0
            while slave.status is None:
                slave.wait(pace.status)
                if sys.platform != "win32" and os.getppid() != parent:
                    return 0
                if slave.progress.fraction_done != told_fraction:
                    told_fraction = slave.progress.fraction_done
                    write(slot.path(FRACTION), b"%f\n" % told_fraction)
        finally:
            slave.end()
        if slave.status or not slave.progress.left:
            break
        time.sleep(slot.wished_pause())  # the wrapper has no word for it
        slave = type(slave)()
    return _ended(slot, slave)


def _say_the_last(control: Control, pace: Pace) -> None:
    """The last words, and what trickles are left: each waits until the client has taken the one before it."""
    end = time.monotonic() + pace.last_words
    while control.pass_on_trickle() and time.monotonic() < end:
        time.sleep(pace.tick)
    control.report(last=True)


def _locked(slot: Slot, pace: Pace) -> bool:
    """Is the slot this task's alone? A task that the client has killed may need some time to go."""
    if slot.lock():
        return True
    _complain(f"another task is in this slot: waiting {pace.lock:g} s")
    time.sleep(pace.lock)
    return slot.lock()


def _ended(slot: Slot, slave: SlaveProcess, pace: Pace | None = None) -> int:
    """The exit status of a task whose slave has ended by itself. Without a pace a wrapper writes the files of the end."""
    status = slave.status or 0
    if status == 0 and slave.progress.done:
        if pace:
            slot.finish()
    elif status == 0 and slave.progress.left and pace:
        pass  # the slot says when to start again
    elif status > 0:
        pass  # the slave's process has said why
    elif -status in ENDED_BY_OTHERS and pace:
        slot.temporary_exit(int(pace.ended), f"the slave was ended by {_name(-status)}")
        status = 0
    else:
        _show_stderr(slot)
        how = f"was ended by {_name(-status)}" if status else "ended its process before it was done"
        _complain(f"the slave {how}")
        status = 1
    return status


def _name(number: int) -> str:
    from signal import Signals

    try:
        name = Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"{name} (as a system does that is out of memory)" if name == "SIGKILL" else name


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
