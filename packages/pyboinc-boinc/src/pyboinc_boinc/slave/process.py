"""The slave in a process of its own, which the task's process stops, continues and kills.

A thread would not do: Python can't suspend a thread, and one that loops in C keeps the interpreter's lock. A signal handler
would not do either: it waits for C code to return. SIGSTOP and SIGKILL wait for nothing.

Forked, not started anew: that saves the start of a second interpreter. Forked first: it gets ready while the task's process
does the formalities.
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
else:
    import _signal as signal  # the module `signal` imports half of the standard library


PS_PERIOD = 10.0  # seconds: it is a process, and takes some milliseconds


class SlaveProcess:
    """Runs the slot's job in a process that leads a process group: what the slave starts is stopped and killed with it.

    The *guard* is a second process that sleeps until this one is gone. If that happens while the slave runs (``kill -9``),
    it kills the slave's group.
    """

    def __init__(self) -> None:
        """A process that gets ready, and waits for `begin`."""
        self.progress = Progress()
        self.status: int | None = None  # exit status, negative for a signal; None while it runs
        self._cpu_time = self._ask_ps = 0.0
        self._guard = self._leash = 0
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # for `wait`
        inner, self._word = os.pipe()
        self.pid = _fork(lambda: self._slave(inner))
        os.setpgid(self.pid, self.pid)
        os.close(inner)

    def begin(self, period: float, with_client: bool) -> None:
        """Run the job of the slot that is the current folder. period: seconds between checkpoints."""
        inner, self._leash = os.pipe()
        self._guard = _fork(lambda: self._guards(inner))
        os.close(inner)
        os.write(self._word, f"{period} {with_client:d}\n".encode())  # not before there is a guard: nobody would end it
        os.close(self._word)

    def _slave(self, word: int) -> int:
        os.close(self._word)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        from . import job  # only here: the task's own process stays small

        period, _, with_client = os.read(word, 64).partition(b" ")
        os.close(word)
        if not period:  # the task has ended, or may not begin
            return 0
        return job.run(os.getcwd(), self.progress, float(period), with_client=bool(int(with_client)))

    def _guards(self, inner: int) -> int:
        """Wait until nobody holds the other end of the pipe; then kill the slave's group."""
        os.close(self._leash)
        os.close(self._word)
        os.setpgid(0, 0)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):  # they are meant for the others
            signal.signal(number, signal.SIG_IGN)
        os.read(inner, 1)
        self._signal(signal.SIGKILL)
        return 0

    def wait(self, seconds: float) -> None:
        """Sleep, but not after the slave has ended."""
        if sys.platform == "darwin":
            time.sleep(seconds)
        else:
            signal.sigtimedwait({signal.SIGCHLD}, seconds)  # at once, if it ended before
        if self.status is None:
            self._reap(os.WNOHANG)

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
        if self._guard:
            os.kill(self._guard, signal.SIGKILL)
            os.waitpid(self._guard, 0)
            os.close(self._leash)

    def cpu_time(self) -> float:
        """Seconds used so far by the slave and by those of its children that have ended."""
        if self.status is None:
            used = _cpu_time(self.pid)
            if used is None and time.monotonic() >= self._ask_ps:
                self._ask_ps = time.monotonic() + PS_PERIOD
                used = _cpu_time_by_ps(self.pid)
            self._cpu_time = used or self._cpu_time
        return self._cpu_time

    def _reap(self, options: int) -> None:
        pid, status, usage = os.wait4(self.pid, options)
        if pid:
            self.status = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            self._cpu_time = usage.ru_utime + usage.ru_stime

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:  # it has ended
            pass


def _cpu_time(pid: int) -> float | None:
    """CPU time in seconds of a process and of those of its children that have ended; None if this system has no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return sum(map(int, file.read().rpartition(b")")[2].split()[11:15])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return None


def _cpu_time_by_ps(pid: int) -> float | None:
    """The same, of the process alone, from what each Unix has, e.g. ``1:02.30`` or ``2-03:04:05``."""
    import subprocess

    try:
        said = subprocess.run(["ps", "-o", "time=", "-p", str(pid)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
        days, _, clock = said.stdout.strip().rpartition("-")
        seconds = 86400 * float(days or 0)
        for unit, value in zip((1, 60, 3600), reversed(clock.split(":"))):
            seconds += unit * float(value)
        return seconds
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


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
