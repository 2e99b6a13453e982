"""What the client says of the task in init_data.xml.

Not read as XML: the file also holds what other people wrote (the project's preferences), and clients write names that no
XML parser takes. Kept is only what is used here; above all not the volunteer's authenticator.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SIZE = 1 << 20  # bytes


class InitData:
    """Attributes: ``client_pid``, 0 if unknown; ``wu_cpu_time``, seconds used before this start; ``checkpoint_period``,
    seconds; ``fraction_done_start`` and ``fraction_done_end``, this task's part of the whole; ``comm_obj_name``, on Windows."""

    __slots__ = ("checkpoint_period", "client_pid", "comm_obj_name", "fraction_done_end", "fraction_done_start", "wu_cpu_time")

    def __init__(self, text: str) -> None:
        values = dict(_children(text))
        self.client_pid = int(_number(values, "client_pid", 0))
        self.comm_obj_name = values.get("comm_obj_name", "").strip()
        self.checkpoint_period = _number(values, "checkpoint_period", 60)
        self.wu_cpu_time = _number(values, "wu_cpu_time", 0)
        self.fraction_done_start = _number(values, "fraction_done_start", 0)
        self.fraction_done_end = _number(values, "fraction_done_end", 1)


def read(path: str) -> InitData:
    """Read the file. Raises OSError, or ValueError if it is something else."""
    with open(path, "rb") as file:
        return InitData(file.read(MAX_SIZE).decode("utf-8", "replace"))


def _children(text: str) -> Iterator[tuple[str, str]]:
    """Name and text of what stands directly in the root: inside of an element there may be anything. In linear time."""
    root = "<app_init_data>"
    if root not in text:
        raise ValueError(f"there is no {root} in it")
    pieces = [each.partition(">") for each in text.partition(root)[2].split("<")]
    ends: dict[str, list[int]] = {}  # where a name's elements end, the last one first
    for at in range(len(pieces) - 1, 0, -1):
        ends.setdefault(pieces[at][0], []).append(at)
    at = 1
    while at < len(pieces):
        name, _, rest = pieces[at]
        places = ends.get(f"/{name}", [])
        while places and places[-1] <= at:
            places.pop()
        if places:
            yield name, "<".join([rest, *map("".join, pieces[at + 1 : places[-1]])])
            at = places[-1]
        at += 1


def _number(values: dict[str, str], name: str, default: float) -> float:
    """Finite and not negative, or the default."""
    try:
        value = float(values[name])
    except (KeyError, ValueError):
        return default
    return value if 0 <= value < float("inf") else default
