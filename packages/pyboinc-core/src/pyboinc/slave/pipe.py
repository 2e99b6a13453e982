"""A worker process on the master's own computer: jobs come in by standard input, outputs go out by standard output.

Frames, both ways: header (kind, job number, number, length, length), then two byte strings. The number is that of the
program; in answers the run time in microseconds (DONE) or the exit status (FAULT).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import sys
import time
from collections import deque

from .channel import MAX_TEMPORARY_EXITS, Channel, TemporaryExit
from .console import Console
from .runner import MAX_TEXT, HostFault, Program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

HEADER = struct.Struct("<cIIII")
PROGRAM, JOB, REVOKE = b"P", b"J", b"R"  # to the worker
HELLO, DONE, FAULT = b"H", b"D", b"F"  # from the worker

DATA = os.path.join("..", "data")  # beside the workers' own folders: the jobs' data files
CHECKPOINTS = os.path.join("..", "checkpoints")  # beside the workers' own folders; the next run goes on from them

LINUX_PR_SET_PDEATHSIG, SIGKILL = 1, 9


def frame(kind: bytes, job: int = 0, program: int = 0, first: bytes = b"", second: bytes = b"") -> bytes:
    """One message."""
    return HEADER.pack(kind, job, program, len(first), len(second)) + first + second


class Frames:
    """Cuts what was read into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[bytes, int, int, bytes, bytes]]:
        """The messages that are whole now: (kind, job, number, first, second)."""
        buffer = self._buffer
        buffer += data
        start, found = 0, []
        while len(buffer) - start >= HEADER.size:
            kind, job, program, n, m = HEADER.unpack_from(buffer, start)
            middle = start + HEADER.size + n
            end = middle + m
            if end > len(buffer):
                break
            found.append((kind, job, program, bytes(buffer[start + HEADER.size : middle]), bytes(buffer[middle:end])))
            start = end
        del buffer[:start]
        return found


def _native(path: str, platform: str) -> Program:
    return Program(path)


def main(load: Callable[[str, str], Program] = _native) -> None:
    """The worker: standard output and error of the slave go to the files stdout.txt and stderr.txt in the current folder.

    load: gives a program from its path and the name of the platform that it is for.
    """
    me, master = os.getpid(), os.getppid()
    jobs_in, answers_out = os.dup(0), os.dup(1)
    _die_with(master)
    console = Console()
    programs: dict[int, Program] = {}
    origins: dict[int, bytes] = {}  # of the programs: path and platform
    entered: Program | None = None
    queue: deque[tuple[bytes, int, int, bytes, bytes]] = deque()
    frames = Frames()
    folder = os.getcwd()
    channel = PipeChannel(folder)
    _write_all(answers_out, frame(HELLO))
    while True:
        while not queue or _readable(jobs_in):  # between jobs, hear at once what was revoked
            data = os.read(jobs_in, 1 << 20)
            if not data:
                return
            for message in frames.feed(data):
                if message[0] == REVOKE:
                    revoked = set(struct.unpack(f"<{len(message[3]) // 4}I", message[3]))
                    queue = deque(each for each in queue if each[0] != JOB or each[1] not in revoked)
                else:
                    queue.append(message)
        kind, job, number, data, second = queue.popleft()
        if kind == PROGRAM:
            programs[number] = load(data.decode(), second.decode())
            origins[number] = data + second
            continue
        program = programs[number]
        if program is not entered:
            if entered is not None:
                entered.leave()
            program.enter()
            entered = program
            sys.argv = [program.slave]
        try:
            begun = time.perf_counter()
            channel.begin(origins[number] + data)
            output, report = _run(program, data, console, channel)
            microseconds = int((time.perf_counter() - begun) * 1e6)
            answer = frame(DONE, job, min(microseconds, 0xFFFFFFFF), output, report)
        except HostFault as fault:
            text = fault.text + "".join(console())
            answer = frame(FAULT, job, fault.exit_status & 0xFFFFFFFF, _encoded(text))
        if os.getpid() != me:  # a child that the slave forked has run to the script's end: it is no worker
            os._exit(0)
        channel.forget()
        _write_all(answers_out, answer)
        os.chdir(folder)


class PipeChannel(Channel):
    """A job's checkpoint outlives the worker, for the job's next try or the master's next run. (Progress is shown by calls.)"""

    checkpoint_period = 1.0  # a worker's death costs its job no more; on this computer nobody minds the disk

    def __init__(self, folder: str) -> None:
        self._folder = os.path.normpath(os.path.join(folder, CHECKPOINTS))
        os.makedirs(self._folder, exist_ok=True)
        self._data = os.path.normpath(os.path.join(folder, DATA))
        self._file = ""

    def begin(self, job: bytes) -> None:
        """job: what tells one from another, also those of another batch in this folder."""
        self._file = os.path.join(self._folder, hashlib.blake2b(job, digest_size=16).hexdigest())

    def checkpoint_file(self, seed: int, first: str) -> str:
        return self._file

    def data_file(self, file_name: str) -> str:
        return os.path.join(self._data, file_name)

    def forget(self) -> None:
        """The job has ended."""
        with contextlib.suppress(FileNotFoundError):
            os.remove(self._file)


def _run(program: Program, data: bytes, console: Console, channel: Channel) -> tuple[bytes, bytes]:
    """Run the job, again after each temporary exit. Raises HostFault."""
    for _ in range(MAX_TEMPORARY_EXITS):
        try:
            return program.run(data, console, channel)
        except TemporaryExit as wish:
            time.sleep(wish.seconds)
    raise HostFault(1, f"{program.slave} made {MAX_TEMPORARY_EXITS} temporary exits")


def _encoded(text: str) -> bytes:
    return text[-MAX_TEXT:].encode("utf-8", "backslashreplace")


def _readable(descriptor: int) -> bool:
    if sys.platform == "win32":
        import _winapi
        import msvcrt

        return _winapi.PeekNamedPipe(msvcrt.get_osfhandle(descriptor), 0)[0] > 0
    import select

    return bool(select.select([descriptor], [], [], 0)[0])


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while len(view):
        view = view[os.write(descriptor, view) :]


def _die_with(master: int) -> None:
    """End when the master's process does, whatever the slave is doing; ^C is the master's to hear."""
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        import ctypes

        # A slave that keeps the interpreter's lock would keep the thread below from looking.
        ctypes.CDLL(None).prctl(LINUX_PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if sys.platform != "win32":  # there a pipe that closes has to do

        def watch() -> None:
            while os.getppid() == master:
                time.sleep(0.25)
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
