"""The conversation with the client while the slave runs.

The client never stops a task's process itself: it asks, here, and kills what has not answered for a minute or three.
"""

from __future__ import annotations

import os
import sys

from . import mmap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .init_data import InitData
    from .mmap import Channels
    from .pace import Pace
    from .process import SlaveProcess
    from .slot import Slot

QUIT = 0  # without a finish file: the client starts the task again later
ABORTED = 194  # BOINC's EXIT_ABORTED_BY_CLIENT


class Control:
    """What the client wants of the slave, and what it hears of it."""

    def __init__(self, slave: SlaveProcess, channels: Channels, told: InitData, slot: Slot, pace: Pace, now: float) -> None:
        self._slave = slave
        self._channels = channels
        self._told = told
        self._slot = slot
        self._trickles = 0
        self._pace = pace
        self._reported = now
        self._suspended = False
        self._before = told.wu_cpu_time
        self._client = Client(told.client_pid, pace, now)

    def poll(self, now: float) -> int | None:
        """Do what the client asks; the exit status if the task is to end."""
        order = self._channels.receive(mmap.PROCESS_CONTROL)
        if "<suspend/>" in order:
            self._slave.stop()
            self._suspended = True
        if "<resume/>" in order:
            self._slave.resume()
            self._suspended = False
        if "<reread_app_info/>" in order:
            self._told = self._slot.init_data() or self._told
        if "<quit/>" in order:
            return QUIT
        if "<abort/>" in order:
            return ABORTED
        if "<heartbeat/>" in self._channels.receive(mmap.HEARTBEAT):
            self._client.beats(now)
        if self._client.is_gone(now):
            return QUIT
        if now - self._reported >= self._pace.status and not self._suspended:
            self._reported = now
            self.report()
            self.pass_on_trickle()
        return None

    def pass_on_trickle(self) -> bool:
        """Give the client the slave's next trickle-up. Is there another one to give?"""
        left = self._slave.progress.trickles - self._trickles
        if left > 0 and self._channels.is_free(mmap.TRICKLE_UP) and self._slot.offer_trickle(self._trickles + 1):
            self._trickles += 1
            left -= 1
            self._channels.send(mmap.TRICKLE_UP, "<have_new_trickle_up/>\n")
        return left > 0

    def report(self, last: bool = False) -> None:
        """Tell the client CPU times (of all starts of this task) and progress. The last word replaces one that is not read yet."""
        start, end = self._told.fraction_done_start, self._told.fraction_done_end
        fraction = start + (end - start) * self._slave.progress.fraction_done
        kept = self._before + self._slave.progress.checkpoint_cpu_time
        text = (
            f"<current_cpu_time>{self._before + self._slave.cpu_time():e}</current_cpu_time>\n"
            f"<checkpoint_cpu_time>{kept:e}</checkpoint_cpu_time>\n"
            "<want_network>0</want_network>\n"
            f"<fraction_done>{fraction:e}</fraction_done>\n"
        )
        self._channels.send(mmap.APP_STATUS, text, overwrite=last)


class Client:
    """Is the client still there? A task whose client has died must not go on unseen."""

    def __init__(self, pid: int, pace: Pace, now: float) -> None:
        self._pid = pid
        self._is_parent = sys.platform != "win32" and pid == os.getppid()
        self._pace = pace
        self._looked = self._beat = now

    def beats(self, now: float) -> None:
        """A heartbeat was heard."""
        self._beat = now

    def is_gone(self, now: float) -> bool:
        if self._is_parent:  # as usual; seen at once, and nobody can take the number over
            return os.getppid() != self._pid
        if not self._pid:
            return now - self._beat > self._pace.heartbeat
        if now - self._looked < self._pace.client:
            return False
        self._looked = now
        return not _runs(self._pid)


def _runs(pid: int) -> bool:
    if sys.platform == "win32":
        import _winapi

        try:
            handle = _winapi.OpenProcess(0x100000, False, pid)  # SYNCHRONIZE
        except OSError as error:
            return error.winerror != 87  # ERROR_INVALID_PARAMETER: there is none; any other: it is somebody else's
        ended = _winapi.WaitForSingleObject(handle, 0) == _winapi.WAIT_OBJECT_0
        _winapi.CloseHandle(handle)
        return not ended
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs as somebody else
        pass
    return True
