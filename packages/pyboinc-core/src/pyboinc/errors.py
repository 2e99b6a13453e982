"""Every error that PyBOINC raises on purpose.

Each says what happened, to which call or file, and what to do; the shell prints the text without a traceback.
Shipped to volunteers: standard library only, Python 3.9.
"""

from __future__ import annotations

import builtins


class PyBoincError(Exception):
    """Base of all of PyBOINC's own errors."""


class EncodeError(PyBoincError, TypeError):
    """A value has no canonical encoding. The text names the field, e.g. ``input.samples[3]``, and the way out."""


class DecodeError(PyBoincError, ValueError):
    """Bytes are not what PyBOINC writes. The text says what was found and at which byte."""


class StoreError(PyBoincError):
    """A project's database refuses something, or does not answer. The text says which database and what to do."""


class SlaveError(PyBoincError):
    """The slave raised an exception: it travels home in place of an output.

    Attributes: ``type_name`` (str, e.g. ``"ZeroDivisionError"``), ``message`` (str), ``traceback`` (str, as printed
    on the volunteer's computer; a stranger's text, so print it with control characters escaped). If the exception's type is
    built in, the error is of that type too: ``except ZeroDivisionError`` catches it.
    """

    def __init__(self, type_name: str, message: str = "", traceback: str = "") -> None:
        Exception.__init__(self, f"{type_name}: {message}" if message else type_name)
        self.type_name = type_name
        self.message = message
        self.traceback = traceback

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[object, ...]:
        return slave_error, (self.type_name, self.message, self.traceback)


_kinds: dict[str, type[SlaveError]] = {}


def slave_error(type_name: str, message: str = "", traceback: str = "") -> SlaveError:
    """A SlaveError that is of the built-in Exception type of that name too, if there is one. Nothing is imported for it."""
    kind = _kinds.get(type_name)
    if kind is None:
        found = getattr(builtins, type_name, None)
        if not (isinstance(found, type) and issubclass(found, Exception)):  # a stranger chose the name: nothing like SystemExit
            return SlaveError(type_name, message, traceback)
        try:
            kind = type("SlaveError", (SlaveError, found), {"__module__": __name__})
            kind(type_name)
        except TypeError:  # an ExceptionGroup has exceptions to hold
            kind = SlaveError
        _kinds[type_name] = kind
    return kind(type_name, message, traceback)


class JobError(PyBoincError):
    """The job of a call failed: no output will come.

    Attributes: ``error_mask`` (int, BOINC's, see `pyboinc.model.ErrorMask`), ``results`` (one `ResultSummary` for each
    result: outcome, exit status, host, stderr), ``job`` (str, its name).
    """

    def __init__(self, text: str, job: str, error_mask: int, results: tuple[object, ...] = ()) -> None:
        super().__init__(text)
        self.job = job
        self.error_mask = error_mask
        self.results = results
