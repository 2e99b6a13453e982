"""The slave in a process of its own, on Windows: a *job object* holds it and all that it starts.

The system ends everything in the object when its last handle is closed, so with this process, however that ends. Suspending is
done to each process in it. See "Job Objects" in Microsoft's documentation of Win32; NtSuspendProcess is what debuggers use.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

from .progress import Progress

assert sys.platform == "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CREATE_SUSPENDED, CREATE_NO_WINDOW = 0x4, 0x8000000
BASIC_ACCOUNTING, PROCESS_IDS, EXTENDED_LIMITS = 1, 3, 9
KILL_ON_JOB_CLOSE = 0x2000
PROCESS_SUSPEND_RESUME = 0x800
MAX_PROCESSES = 1024
START = "import sys; sys.path.insert(0, sys.argv[1]); from pyboinc_boinc.slave.process_windows import slave; slave(*sys.argv[2:])"


class _BasicLimits(ctypes.Structure):
    _fields_ = [
        ("times", ctypes.c_int64 * 2),
        ("flags", ctypes.c_uint32),
        ("working_set", ctypes.c_size_t * 2),
        ("active", ctypes.c_uint32),
        ("affinity", ctypes.c_size_t),
        ("classes", ctypes.c_uint32 * 2),
    ]


class _ExtendedLimits(ctypes.Structure):
    _fields_ = [("basic", _BasicLimits), ("io", ctypes.c_uint64 * 6), ("memory", ctypes.c_size_t * 4)]


class _Accounting(ctypes.Structure):
    _fields_ = [("user", ctypes.c_int64), ("kernel", ctypes.c_int64), ("rest", ctypes.c_uint32 * 8)]


class _ProcessIds(ctypes.Structure):
    _fields_ = [("assigned", ctypes.c_uint32), ("count", ctypes.c_uint32), ("ids", ctypes.c_size_t * MAX_PROCESSES)]


class SlaveProcess:
    """As on other systems, see ``process``."""

    def __init__(self) -> None:
        self._kernel: Any = ctypes.WinDLL("kernel32", use_last_error=True)
        self._kernel.CreateJobObjectW.restype = self._kernel.OpenProcess.restype = ctypes.c_void_p
        self._nt: Any = ctypes.WinDLL("ntdll")
        self._tag = f"pyboinc_{os.getpid()}_{id(self):x}"
        self.progress = Progress(self._tag)
        self.status: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._job = ctypes.c_void_p(self._kernel.CreateJobObjectW(None, None))
        limits = _ExtendedLimits()
        limits.basic.flags = KILL_ON_JOB_CLOSE
        self._check(self._kernel.SetInformationJobObject(self._job, EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)))

    def begin(self, period: float, with_client: bool) -> None:
        """Start it."""
        command = [sys.executable, "-I", "-S", "-c", START, sys.argv[1], self._tag, str(period), f"{with_client:d}"]
        self._process = subprocess.Popen(command, creationflags=CREATE_SUSPENDED | CREATE_NO_WINDOW, close_fds=False)
        handle = ctypes.c_void_p(int(self._process._handle))
        try:
            self._check(self._kernel.AssignProcessToJobObject(self._job, handle))
        except OSError:
            self._process.kill()
            raise
        self._nt.NtResumeProcess(handle)

    def wait(self, seconds: float) -> None:
        """Sleep, but not after the slave has ended."""
        assert self._process
        try:
            self.status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass

    def stop(self) -> None:
        """Suspend it, whatever it is doing."""
        self._each(self._nt.NtSuspendProcess)

    def resume(self) -> None:
        self._each(self._nt.NtResumeProcess)

    def end(self) -> None:
        """Kill it if it runs, with all that it has started."""
        self._kernel.TerminateJobObject(self._job, 1)
        if self._process:
            status = self._process.wait()
            self.status = status if self.status is None else self.status

    def cpu_time(self) -> float:
        """Seconds used so far by the slave and by all that it has started."""
        used = _Accounting()
        self._query(BASIC_ACCOUNTING, used)
        return float(used.user + used.kernel) / 1e7

    def _each(self, call: Any) -> None:
        ids = _ProcessIds()
        self._query(PROCESS_IDS, ids)
        for pid in ids.ids[: ids.count]:
            handle = ctypes.c_void_p(self._kernel.OpenProcess(PROCESS_SUSPEND_RESUME, False, pid))
            if handle:
                call(handle)
                self._kernel.CloseHandle(handle)

    def _query(self, what: int, into: Any) -> None:
        self._kernel.QueryInformationJobObject(self._job, what, ctypes.byref(into), ctypes.sizeof(into), None)

    def _check(self, done: int) -> None:
        if not done:
            raise ctypes.WinError(ctypes.get_last_error())


def slave(tag: str, period: str, with_client: str) -> None:
    """What the slave's process runs."""
    from . import job

    sys.exit(job.run(os.getcwd(), Progress(tag), float(period), with_client=bool(int(with_client))))
