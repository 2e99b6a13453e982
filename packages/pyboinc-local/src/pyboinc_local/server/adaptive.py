"""Adaptive replication: a host that was right often enough works alone, most of the time.

For workunits with target_nresults 1 of an app with more. BOINC's `sched/sched_send.cpp` (set_trust and the end of
add_result_to_reply), `sched_config.h` (CONS_VALID_UNREPLICATED).
"""

from __future__ import annotations

from random import Random
from typing import Final

from .rows import App, HostAppVersion, Workunit

CONS_VALID_UNREPLICATED: Final = 10


def draw_trust(version: HostAppVersion | None, random: Random) -> bool:
    """Does the host work alone this time? Drawn once for a request; the more valid results in a row, the likelier."""
    if version is None or version.consecutive_valid < CONS_VALID_UNREPLICATED:
        return False
    return random.random() > 1.0 / version.consecutive_valid


def replicate(wu: Workunit, app: App, now: float) -> None:
    """The workunit went to a host that is not trusted: others have to do it too."""
    wu.target_nresults = app.target_nresults
    wu.min_quorum = app.target_nresults
    wu.transition_time = now
