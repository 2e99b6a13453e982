"""What a slave calls."""

from __future__ import annotations

import os
import sys
from _thread import get_ident

from ..errors import PyBoincError
from .channel import Channel, TemporaryExit
from .checkpoint import Progress
from .files import MAX_FILES, MAX_FILES_SIZE, encode_output, is_file_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from ..codec import Classes, Encoded

MAX_TRICKLE = 8192
_WORD_MARKS = dict.fromkeys(map(ord, "_-."), "x")


class OutputError(PyBoincError):
    """The slave returned an output twice, or never."""


class Call:
    """The call that is running: its input, and its encoded output once returned.

    files: its data files, name -> file's name here.  written: the files that it may have written, name -> path.
    """

    __slots__ = ("channel", "classes", "files", "folder", "input", "output", "progress", "returned", "thread", "written")

    def __init__(self, input: Any, classes: Classes, progress: Progress, channel: Channel, files: dict[str, str], folder: str) -> None:
        self.files = files
        self.folder = folder
        self.written: dict[str, str] = {}
        self.input = input
        self.classes = classes
        self.progress = progress
        self.channel = channel
        self.output: Encoded | None = None
        self.returned = 0
        self.thread = get_ident()


current: Call | None = None


def _current() -> Call:
    if current is None:
        raise PyBoincError(
            "this is a slave: it gets its input from PyBOINC. Run the master, e.g. python app_master.py; it starts the slave for each call"
        )
    if current.thread != get_ident():  # perhaps it is left over from the call before
        raise PyBoincError("input and output belong to the thread that runs the slave's script: hand the value to that one")
    return current


def pyboinc_get_input() -> Any:
    """The object that the master passed to `pyboinc_call`. Asked again, it is the same object."""
    return _current().input


def pyboinc_return_output(output: Any) -> None:
    """Hand the call's one output to the master's handle_result.

    Raises EncodeError if it holds something that can't travel, OutputError if an output was returned before.
    """
    call = _current()
    call.returned += 1
    if call.returned > 1:
        raise OutputError("this call has returned an output already: a call returns exactly one")
    call.output = encode_output(output, call.classes)


def data_file(name: str) -> str:
    """The path of a data file that came with the call, see `data_files` of `pyboinc_master`, `pyboinc_call` and `Executor`.

    For reading: other calls read the same file.
    """
    call = _current()
    if name not in call.files:
        there = f"there are {', '.join(sorted(call.files))}" if call.files else "there is none"
        raise PyBoincError(f"no data file {name!r} came with this call, {there}: name it in data_files=[...]")
    return os.path.abspath(call.channel.data_file(call.files[name]))


def output_file(name: str) -> str:
    """In a slave: the path to which to write a file that comes back with the call's output. In handle_result: the path of that file.

    name (str): letters, digits, ``_``, ``-``, ``.``, at most 100, not beginning with a dot. A call may write 100 files, all calls
    of a job together 100 MB. Hosts must agree on the files too, byte for byte.
    """
    run = sys.modules.get("pyboinc.run")
    if current is None and run is not None:
        return run.came_back(name)  # type: ignore[no-any-return]
    call = _current()
    if not is_file_name(name):
        raise PyBoincError(f"{name!r} is no name for a file: letters, digits, _ - . (ASCII), at most 100, not beginning with a dot")
    os.makedirs(call.folder, exist_ok=True)
    path = call.written[name] = os.path.join(call.folder, name)
    return path


def take_written(call: Call, size: int) -> dict[str, bytes]:
    """The contents of the files that the call wrote. size: bytes of those that other calls of the job wrote. Raises OutputError."""
    paths = {name: path for name, path in call.written.items() if os.path.isfile(path)}
    size += sum(map(os.path.getsize, paths.values()))
    if len(paths) > MAX_FILES or size > MAX_FILES_SIZE:
        limit = f"a call may write {MAX_FILES} files, a job {MAX_FILES_SIZE:,} bytes"
        raise OutputError(f"{len(paths)} files, of {size:,} bytes with those of the job's other calls: {limit}")
    contents = {}
    for name in sorted(paths):
        with open(paths[name], "rb") as file:
            contents[name] = file.read()
    return contents


def drop_written(call: Call) -> None:
    """Remove the files that the call wrote."""
    for path in call.written.values():
        if os.path.isfile(path):
            os.remove(path)


def fraction_done(fraction: float) -> None:
    """Say what part of this call is done, from 0 to 1: volunteers see their task's progress. As cheap as a function call."""
    _current().progress.tell(min(max(0.0, float(fraction)), 1.0))


def time_to_checkpoint() -> bool:
    """Is it time for a `checkpoint`? Volunteers say how often at most a task may write to disk (usually each minute)."""
    return _current().progress.is_due()


def checkpoint(state: Any) -> None:
    """Keep a state from which this call can go on if it is interrupted: see `restore`.

    state (object): anything that could be an output. The state of the module `random` is kept with it. Replaces the last one
    in one step: whenever the process is killed, one of the two is there. Raises EncodeError; OSError if the disk is full.
    """
    call = _current()
    call.progress.checkpoint(state, call.classes)


def restore() -> Any:
    """The state that the interrupted start of this call gave to `checkpoint` last; None on its first start.

    The module `random` goes on from where it was, so that the output is the same as without an interruption.
    """
    call = _current()
    return call.progress.restore(call.classes)


def trickle_up(variety: str, text: str) -> None:
    """Send the project a message while the call runs. It arrives when the client next speaks with the server.

    variety (str): what kind of message, 1 to 64 letters, digits, ``_``, ``-``, ``.``; the server's handler asks for it by that.
    text (str): at most 8,192 characters. Without a client, and under BOINC's wrapper, it stands in the call's report.
    """
    channel = _current().channel
    if not (variety.isascii() and 0 < len(variety) <= 64 and variety.translate(_WORD_MARKS).isalnum()):
        raise ValueError(f"trickle-up: {variety!r} is no name of a variety: 1 to 64 letters, digits, _ - .")
    if len(text) > MAX_TRICKLE:
        raise ValueError(f"trickle-up: a text of {len(text):,} characters; at most {MAX_TRICKLE:,}")
    channel.trickle_up(variety, text)


def temporary_exit(seconds: int, reason: str) -> NoReturn:
    """End the task now; it starts again after so many seconds (at most a day), from its last `checkpoint`.

    For what a wait may cure, e.g. too little memory at the moment. reason (str): one line that volunteers see. Raises
    `TemporaryExit`, which is no Exception, so that ``finally`` and ``with`` do their work. A client gives up after 100 of them.
    """
    _current()
    raise TemporaryExit(min(max(int(seconds), 0), 86400), " ".join(reason.split())[:200])
