"""PyBOINC: a BOINC application is three short Python files, the types, the slave and the master.

In the master::

    from pyboinc import pyboinc_call, pyboinc_master

In the slave::

    from pyboinc import pyboinc_get_input, pyboinc_return_output

Or in one file, with plain functions: `Executor`, `map`, `map_reduce`, `load`; see `pyboinc.executor`.

The same functions have short names too: `pyboinc.call`, `.master`, `.get_input`, `.return_output`. A slave that runs for long
has `pyboinc.fraction_done`, `.time_to_checkpoint`, `.checkpoint`, `.restore`, `.trickle_up`, `.temporary_exit`.
Names are loaded when they are first used. This module goes to volunteers as it is.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .codec import register as register
    from .errors import DecodeError as DecodeError
    from .errors import EncodeError as EncodeError
    from .errors import JobError as JobError
    from .errors import PyBoincError as PyBoincError
    from .errors import SlaveError as SlaveError
    from .executor import Executor as Executor
    from .executor import load as load
    from .executor import map as map
    from .mapreduce import map_reduce as map_reduce
    from .model import Call as Call
    from .model import JobSettings as JobSettings
    from .run import pyboinc_call as pyboinc_call
    from .run import pyboinc_master as pyboinc_master
    from .slave.api import checkpoint as checkpoint
    from .slave.api import data_file as data_file
    from .slave.api import fraction_done as fraction_done
    from .slave.api import output_file as output_file
    from .slave.api import pyboinc_get_input as pyboinc_get_input
    from .slave.api import pyboinc_return_output as pyboinc_return_output
    from .slave.api import restore as restore
    from .slave.api import temporary_exit as temporary_exit
    from .slave.api import time_to_checkpoint as time_to_checkpoint
    from .slave.api import trickle_up as trickle_up

    call = pyboinc_call
    master = pyboinc_master
    get_input = pyboinc_get_input
    return_output = pyboinc_return_output

_HOME = {
    "pyboinc_call": "run",
    "pyboinc_master": "run",
    "pyboinc_get_input": "slave.api",
    "pyboinc_return_output": "slave.api",
    **dict.fromkeys(("data_file", "output_file"), "slave.api"),
    **dict.fromkeys(("fraction_done", "time_to_checkpoint", "checkpoint", "restore", "trickle_up", "temporary_exit"), "slave.api"),
    "Call": "model",
    "JobSettings": "model",
    "Executor": "executor",
    "map": "executor",
    "load": "executor",
    "map_reduce": "mapreduce",
    "register": "codec",
    "PyBoincError": "errors",
    "EncodeError": "errors",
    "DecodeError": "errors",
    "SlaveError": "errors",
    "JobError": "errors",
}
_SHORT = {name[8:]: name for name in _HOME if name.startswith("pyboinc_")}

__all__ = [*_HOME, *_SHORT]


def __getattr__(name):  # type: ignore[no-untyped-def]
    full = _SHORT.get(name, name)
    if full not in _HOME:
        raise AttributeError(f"module 'pyboinc' has no attribute {name!r}")
    from sys import modules

    home = __name__ + "." + _HOME[full]
    try:
        __import__(home)  # the package importlib would have to be imported
    except ModuleNotFoundError as error:
        if error.name != home:
            raise
        return _for_the_master(name)  # type: ignore[no-untyped-call]
    value = globals()[name] = getattr(modules[home], full)
    return value


def _for_the_master(name):  # type: ignore[no-untyped-def]
    """What a script imports that is master and slave in one, on a volunteer's computer."""

    def missing(*_args, **_kwargs):  # type: ignore[no-untyped-def]
        from .errors import PyBoincError

        raise PyBoincError(f"pyboinc.{name} is for the master: on a volunteer's computer there is only what a slave needs")

    return missing


def __dir__():  # type: ignore[no-untyped-def]
    return sorted({*globals(), *__all__})
