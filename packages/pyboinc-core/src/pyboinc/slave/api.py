"""What a slave calls."""

from __future__ import annotations

from _thread import get_ident

from ..errors import PyBoincError
from .files import encode_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..codec import Classes, Encoded


class OutputError(PyBoincError):
    """The slave returned an output twice, or never."""


class Call:
    """The call that is running: its input, and its encoded output once returned."""

    __slots__ = ("classes", "input", "output", "returned", "thread")

    def __init__(self, input: Any, classes: Classes | None = None) -> None:
        self.input = input
        self.classes = classes
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
