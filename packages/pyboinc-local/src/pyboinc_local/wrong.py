"""Wrong outputs, as hosts that are faulty or lie return them: well-formed, with one value changed."""

from __future__ import annotations

from typing import Any

from pyboinc.codec import Instance, dumps
from pyboinc.errors import DecodeError, EncodeError
from pyboinc.slave.files import FORMAT, parse_output_file

from .server.rows import Host


def wrong_output(output: bytes, host: Host) -> bytes:
    """The output file with its first number (else text or truth value) changed, by another amount for each host."""
    try:
        changed = _changed(parse_output_file(output), host.id)
        if changed is not None:
            return dumps((FORMAT, changed))
    except (DecodeError, EncodeError):
        pass
    return b"%b wrong %d" % (output, host.id)


def _changed(value: Any, amount: int) -> Any:
    """The value with one part changed; None if nothing in it can be."""
    if isinstance(value, tuple) and len(value) == 2 and value[0] is True:  # an entry of an output file
        return _replaced(value, 1, amount)
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + amount if value - value == 0 else float(amount)
    if isinstance(value, str):
        return f"{value} {amount}"
    if isinstance(value, (list, tuple, dict)):
        for place in value if isinstance(value, dict) else range(len(value)):
            changed = _replaced(value, place, amount)
            if changed is not None:
                return changed
    if isinstance(value, Instance):
        state = _changed(value.state, amount)
        return None if state is None else Instance(value.module, value.name, state)
    return None


def _replaced(value: Any, place: Any, amount: int) -> Any:
    part = _changed(value[place], amount)
    if part is None:
        return None
    items = value.copy() if isinstance(value, dict) else list(value)
    items[place] = part
    return tuple(items) if isinstance(value, tuple) else items
