"""``pyboinc status --watch``: the same picture again and again, on a terminal."""

from __future__ import annotations

import time

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from ..forecast import Arrival, duration, forecast, told
from ..overview import Overview
from . import voice
from .folder import STATES, Arrivals, Folder, open_folder

EVERY = 1.0  # seconds
SHARE = 5.0  # of the time goes into waiting rather than looking: at least so many times what a look takes
SPARKS = "▁▂▃▄▅▆▇█"
COLUMNS = 60


def watch(path: str) -> None:
    """Until the batch ends. Raises BatchError; KeyboardInterrupt on ^C."""
    arrivals = Arrivals()
    with Live(auto_refresh=False) as live:
        while True:
            began = time.monotonic()
            there = open_folder(path)
            ledger = there.ledger()
            live.update(picture(there, there.overview(ledger=ledger), arrivals.look(there, ledger), time.time()), refresh=True)
            if there.checkpoint.state != "running":
                return
            time.sleep(max(EVERY, SHARE * (time.monotonic() - began)))


def picture(there: Folder, found: Overview, arrivals: list[Arrival], now: float) -> Group:
    """What is shown. now: seconds since 1970."""
    calls = found.calls
    done = calls.handled + calls.arrived
    filled = COLUMNS * done // max(calls.made, 1)
    bar = Text.assemble(("━" * filled, "green"), ("━" * (COLUMNS - filled), "bright_black"))
    counts = Text(f"{voice.number(done)} of {voice.calls(calls.made)} done, {voice.number(calls.in_progress)} in progress")
    lines: list[RenderableType] = [Text(str(there), style="bold"), Text(STATES[there.state()]), bar, counts]
    if calls.failed:
        lines.append(Text(f"{voice.number(calls.failed)} failed:  pyboinc errors {there.path}", style="red"))
    if arrivals:
        width = (now if there.checkpoint.state == "running" else arrivals[-1].time) - arrivals[0].time
        lines.append(Text(f"{sparks(arrivals, arrivals[0].time, width)}  arrivals in the last {duration(width)}"))
    if there.checkpoint.state == "running" and (ahead := forecast(arrivals, calls.in_progress, now)):
        lines.append(Text(told(ahead)))
    return Group(*lines)


def sparks(arrivals: list[Arrival], start: float, width: float) -> str:
    """Calls done over time, as little bars.

    >>> sparks([Arrival(0.0, 1), Arrival(59.0, 2)], 0.0, 60.0)[::59]
    '▅█'
    """
    heights = [0] * COLUMNS
    for each in arrivals:
        heights[min(COLUMNS - 1, int((each.time - start) / width * COLUMNS)) if width > 0 else 0] += each.calls
    return "".join(SPARKS[-(-height * (len(SPARKS) - 1) // max(heights))] for height in heights)
