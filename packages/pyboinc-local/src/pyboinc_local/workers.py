"""Worker processes on this machine's cores, and the thread that feeds them (development mode)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import os
import shutil
import signal
import struct
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import NamedTuple, Protocol, cast

import pyboinc
from pyboinc.bundle import Program
from pyboinc.errors import PyBoincError
from pyboinc.model import Attachment
from pyboinc.ports import Clock
from pyboinc.slave import pipe

from .dispatch import Dispatcher, Revoke, Send
from .worker import NATIVE

TICK = 0.05  # seconds between looks at jobs that hold up others
FOLDER = "pyboinc_workers"
CHECKPOINTS = os.path.basename(pipe.CHECKPOINTS)
LAST_ANSWERS = 0.1  # seconds to wait for them when a worker has ended
FAILED_STARTS = 3  # in a row: then there is no point in starting another worker
TAIL = 64 * 1024  # bytes of a dead worker's stderr to keep


class Work(NamedTuple):
    """A job to run. data (bytes): its input file.  profile: the platform whose arithmetic it gets, see `worker`.
    files: its data files."""

    program: Program
    data: bytes
    profile: str = NATIVE
    files: tuple[Attachment, ...] = ()


class Answers(Protocol):
    """Who hears how jobs ended. Called in the feeding thread."""

    def done(self, job: int, output: bytes, report: bytes, seconds: float) -> None: ...

    def failed(self, job: int, exit_status: int, stderr: str) -> None: ...

    def broken(self, error: Exception) -> None:
        """The workers can't go on."""


def clear(folder: str) -> None:
    """Remove what workers keep in the batch's folder, but for the checkpoints of interrupted jobs; a run that was killed leaves it."""
    place = Path(folder, FOLDER)
    for entry in place.iterdir() if place.is_dir() else ():
        if entry.name != CHECKPOINTS:
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)
    for each in (place / CHECKPOINTS, place):
        with contextlib.suppress(OSError):  # not there, or something is kept
            each.rmdir()


def homes() -> list[str]:
    """Where a new process finds pyboinc and pyboinc_local."""
    return [str(Path(file).resolve().parent.parent) for file in (pyboinc.__file__, __file__)]


class Workers:
    """Runs jobs on up to `count` processes, in a thread of its own: only `call` and `stop` are for other threads."""

    def __init__(self, count: int, answers: Answers, clock: Clock, folder: str, environment: Mapping[str, str] | None = None) -> None:
        """folder: the batch's, for programs and the processes' own folders.  environment: of the processes, if not this one's."""
        self._environment = environment
        self._count = count
        self._answers = answers
        self._clock = clock
        self._dispatcher = Dispatcher()
        self._jobs: dict[int, Work] = {}
        self._fetched: set[Attachment] = set()
        self._programs: dict[tuple[str, str], tuple[int, str]] = {}  # by hash and profile: number and path
        self._processes: dict[int, _Process] = {}
        self._numbers = itertools.count(1)
        self._failed_starts = 0
        self._stopping = False
        self._batch_folder = folder
        self._folder = os.path.join(folder, FOLDER)
        os.makedirs(self._folder, exist_ok=True)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="pyboinc-local", daemon=True)
        self._thread.start()

    def call(self, what: Callable[[], None]) -> None:
        """Do this in the workers' thread. What it raises is told to the answers' `broken`."""
        self.loop.call_soon_threadsafe(self._guarded, what)

    def stop(self) -> None:
        """End all workers and the thread; returns within a second."""
        self.call(self._stop)
        self._thread.join(1.0)
        clear(self._batch_folder)

    # -- all below runs in the thread

    def _guarded(self, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception as error:
            self._answers.broken(error)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.call_later(TICK, self._tick)
        self.loop.run_forever()
        self.loop.close()

    def add(self, jobs: Mapping[int, Work]) -> None:
        """Run these jobs."""
        self._fetch({each for work in jobs.values() for each in work.files} - self._fetched)
        self._jobs.update(jobs)
        self._dispatcher.add(list(jobs))
        self._start_workers()
        self._carry_out(self._dispatcher.assign(self._clock.now()))

    def _fetch(self, files: Set[Attachment]) -> None:
        """Copy data files to where slaves find them: the user may change his while they run."""
        for each in files:
            target = os.path.join(self._folder, os.path.basename(pipe.DATA), each.file_name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            try:
                shutil.copyfile(each.path, target)
                with open(target, "rb") as copied:
                    digest = hashlib.sha256()
                    while block := copied.read(1 << 20):
                        digest.update(block)
            except OSError as error:
                raise PyBoincError(f"the data file {each.path}: {error.strerror or error}") from None
            if digest.hexdigest() != each.sha256:
                raise PyBoincError(f"the data file {each.path} has changed since its calls were made: put back what it was, or begin anew")
            self._fetched.add(each)

    def _start_workers(self) -> None:
        while not self._stopping and len(self._processes) < min(self._count, len(self._jobs)):
            number = next(self._numbers)
            folder = tempfile.mkdtemp(prefix=f"worker_{number}_", dir=self._folder)
            process = _Process(self, number, folder)
            self._processes[number] = process
            process.task = self.loop.create_task(process.start())

    def _tick(self) -> None:
        self._carry_out(self._dispatcher.take_back(self._clock.now()))
        self.loop.call_later(TICK, self._tick)

    def _carry_out(self, orders: list[Send | Revoke]) -> None:
        for order in orders:
            process = self._processes[order.worker]
            if isinstance(order, Revoke):
                process.write(pipe.frame(pipe.REVOKE, first=struct.pack(f"<{len(order.jobs)}I", *order.jobs)))
                continue
            out = []
            for job in order.jobs:
                work = self._jobs[job]
                number, path = self._program(work)
                if number not in process.programs:
                    process.programs.add(number)
                    out.append(pipe.frame(pipe.PROGRAM, 0, number, path.encode(), work.profile.encode()))
                out.append(pipe.frame(pipe.JOB, job, number, work.data))
            process.write(b"".join(out))

    def _program(self, work: Work) -> tuple[int, str]:
        key = work.program.sha256, work.profile
        if key not in self._programs:
            path = os.path.join(self._folder, f"{work.program.sha256[:16]}.pyz")
            if not os.path.exists(path):
                Path(path).write_bytes(work.program.data)
            self._programs[key] = len(self._programs) + 1, path
        return self._programs[key]

    def heard(self, worker: int, messages: list[tuple[bytes, int, int, bytes, bytes]]) -> None:
        """A worker's messages."""
        now = self._clock.now()
        for kind, job, number, first, second in messages:
            if kind == pipe.HELLO:
                self._failed_starts = 0
                self._dispatcher.worker_came(worker, now)
            elif self._dispatcher.answered(worker, job, now) and job in self._jobs:
                if kind == pipe.DONE:
                    del self._jobs[job]
                    self._answers.done(job, first, second, number / 1e6)
                else:
                    self._fault(job, number, first.decode("utf-8", "replace"))
        self._carry_out(self._dispatcher.assign(now))

    def ended(self, process: _Process, exit_status: int) -> None:
        """A worker's process is no more."""
        del self._processes[process.number]
        if self._stopping:
            return
        stderr = process.stderr()
        if not process.said_hello:
            self._failed_starts += 1
            if self._failed_starts >= FAILED_STARTS:
                self._answers.broken(PyBoincError(f"worker processes end as they start, with status {exit_status}:\n{stderr}"))
                return
        job = self._dispatcher.worker_died(process.number)
        if job is not None and job in self._jobs:
            self._fault(job, exit_status, f"the worker process {_how_it_ended(exit_status)}\n{stderr}")
        self._start_workers()
        self._carry_out(self._dispatcher.assign(self._clock.now()))

    def not_started(self, process: _Process, error: OSError) -> None:
        """The system refuses another process."""
        del self._processes[process.number]
        if not self._processes:
            self._answers.broken(PyBoincError(f"no worker process can be started: {sys.executable}: {error.strerror or error}"))

    def _fault(self, job: int, exit_status: int, stderr: str) -> None:
        del self._jobs[job]
        self._answers.failed(job, exit_status, stderr)

    def _stop(self) -> None:
        self._stopping = True
        for process in self._processes.values():
            process.kill()
        self.loop.create_task(self._wait_for_end())

    async def _wait_for_end(self) -> None:
        for _ in range(50):
            if not self._processes:
                break
            await asyncio.sleep(0.01)
        self.loop.stop()


class _Process(asyncio.SubprocessProtocol):
    """One worker process and its pipes."""

    def __init__(self, owner: Workers, number: int, folder: str) -> None:
        self.number = number
        self.programs: set[int] = set()
        self.said_hello = False
        self._ended = False
        self.task: asyncio.Task[None] | None = None
        self._owner = owner
        self._folder = folder
        self._frames = pipe.Frames()
        self._transport: asyncio.SubprocessTransport | None = None
        self._stdin: asyncio.WriteTransport | None = None

    async def start(self) -> None:
        code = f"import sys; sys.path[:] = [*{homes()!r}, *filter(None, sys.path)]; from pyboinc_local.worker import main; main()"
        try:
            with open(os.path.join(self._folder, "stderr.txt"), "wb") as stderr:
                transport, _ = await asyncio.get_running_loop().subprocess_exec(
                    lambda: self,
                    *(sys.executable, "-c", code),
                    cwd=self._folder,
                    env=self._owner._environment,
                    stderr=stderr,
                    start_new_session=True,
                )
        except OSError as error:
            self._owner.not_started(self, error)
            return
        self._transport = transport
        self._stdin = cast(asyncio.WriteTransport, transport.get_pipe_transport(0))
        if self._owner._stopping:
            self.kill()

    def write(self, data: bytes) -> None:
        assert self._stdin is not None
        self._stdin.write(data)

    def kill(self) -> None:
        """End it, and what its slave has started."""
        if self._transport is not None and self._transport.get_returncode() is None:
            if hasattr(os, "killpg"):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._transport.get_pid(), signal.SIGKILL)
            else:
                self._transport.kill()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        messages = self._frames.feed(data)
        self.said_hello = self.said_hello or bool(messages)
        if messages and not self._owner._stopping:
            self._owner._guarded(lambda: self._owner.heard(self.number, messages))

    def process_exited(self) -> None:
        """Its last answers may still be in the pipe; and what its slave started may hold that open for ever."""
        self._owner.loop.call_later(LAST_ANSWERS, self._end)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        assert self._transport is not None
        if not self._ended:
            self._ended = True
            self._transport.close()  # its pipes
            status = self._transport.get_returncode()
            self._owner._guarded(lambda: self._owner.ended(self, status if status is not None else -1))

    def stderr(self) -> str:
        try:
            data = Path(self._folder, "stderr.txt").read_bytes()[-TAIL:]
        except OSError:
            return ""
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
        return data.decode("utf-8", "backslashreplace")


def _how_it_ended(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
