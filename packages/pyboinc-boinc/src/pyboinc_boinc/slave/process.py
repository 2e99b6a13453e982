"""The slave in a process of its own, which the task's process stops, continues and kills.

A thread would not do: Python can't suspend a thread, and one that loops in C keeps the interpreter's lock. A signal handler
would not do either: it waits for C code to return. SIGSTOP and SIGKILL wait for nothing.

Forked, not started anew: that saves the start of a second interpreter. Linux, and other Unixes but for the CPU time.
"""

from __future__ import annotations

import os
import sys
import time

from .progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable

    from .slot import Slot
else:
    import _signal as signal  # the module `signal` imports half of the standard library


class SlaveProcess:
    """Runs the slot's job in a process that leads a process group: what the slave starts is stopped and killed with it.

    The *guard* is a second process that sleeps until this one is gone. If that happens while the slave runs (``kill -9``),
    it kills the slave's group.
    """

    def __init__(self, slot: Slot, period: float) -> None:
        self.progress = Progress()
        self.status: int | None = None  # exit status, negative for a signal; None while it runs
        self._cpu_time = 0.0
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # for `wait`
        inner, outer = os.pipe()
        self._guard = _fork(lambda: _guard(inner, outer))
        # The guard hears of the slave from the slave itself: no moment is left in which nobody would end it.
        self.pid = _fork(lambda: self._slave(slot, period, inner, outer))
        os.close(inner)
        self._leash = outer

    def _slave(self, slot: Slot, period: float, inner: int, outer: int) -> int:
        os.setpgid(0, 0)
        os.write(outer, b"%d" % os.getpid())
        os.close(outer)
        os.close(inner)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        from . import job  # only here: the task's own process stays small

        return job.run(slot, self.progress, period)

    def wait(self, seconds: float) -> None:
        """Sleep, but not after the slave has ended."""
        if self._ended():
            return
        if sys.platform == "darwin":
            time.sleep(seconds)
        else:
            signal.sigtimedwait({signal.SIGCHLD}, seconds)
        self._ended()

    def stop(self) -> None:
        """Suspend it, whatever it is doing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        """Kill it if it runs, with all that it has started, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        if self.status is None:
            self._reap(0)
        os.kill(self._guard, signal.SIGKILL)
        os.waitpid(self._guard, 0)
        os.close(self._leash)

    def cpu_time(self) -> float:
        """Seconds used so far by the slave and by those of its children that have ended."""
        if self.status is None:
            try:
                with open(f"/proc/{self.pid}/stat", "rb") as file:
                    ticks = file.read().rpartition(b")")[2].split()[11:15]
                self._cpu_time = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
            except (OSError, ValueError):  # no Linux
                pass
        return self._cpu_time

    def _ended(self) -> bool:
        if self.status is None:
            self._reap(os.WNOHANG)
        return self.status is not None

    def _reap(self, options: int) -> None:
        pid, status, usage = os.wait4(self.pid, options)
        if pid:
            self.status = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            self._cpu_time = usage.ru_utime + usage.ru_stime

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:  # it has ended, or it is so new that there is no group yet
            if self.status is None:
                os.kill(self.pid, number)


def _guard(inner: int, outer: int) -> int:
    """Wait until nobody holds the other end of the pipe; then kill the group whose number came through it."""
    os.close(outer)
    os.setpgid(0, 0)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):  # they are meant for the others
        signal.signal(number, signal.SIG_IGN)
    group = b""
    while True:
        data = os.read(inner, 32)
        if not data:
            break
        group += data
    if group:
        try:
            os.killpg(int(group), signal.SIGKILL)
        except ProcessLookupError:
            pass
    return 0


def _fork(run: Callable[[], int]) -> int:
    """Run this in a new process, whose exit status it returns; the process's number."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        status = run()
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)
