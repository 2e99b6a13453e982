"""The volunteers of a world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pyboinc_local.fleet.faults import GOOD, NONE, Fate
from pyboinc_local.project import Answer
from pyboinc_local.server.rows import Result, Workunit
from pyboinc_local.simulation import Simulation, Volunteer

from .boinc import Boinc


class Fleet(Simulation):
    """Simulated volunteers, that tell what becomes of results."""

    def __init__(self, project: Boinc, run: Callable[..., Answer], happened: Callable[[str], None]) -> None:
        super().__init__(project, run)
        self._happened = happened
        self._patience = float("inf")  # the world sees to it that there is an end

    def _fate(self, volunteer: Volunteer, wu: Workunit) -> Fate:
        fate = super()._fate(volunteer, wu)
        if fate is not GOOD:
            told = {"crash": fate.crash_after is not None, "wrong": fate.wrong, "truncated": fate.arrives < 1.0, "doubled": fate.doubled}
            told |= {"lost": fate.lost, "late": fate.delay is not None, "duplicate": fate.duplicate}
            for name, so in told.items():
                if so:
                    self._happened(f"host: {name}")
        return fate

    def _start(self, volunteer: Volunteer, wu: Workunit, result: Result) -> None:
        if volunteer.ahead > wu.delay_bound:
            self._happened("host: clock ahead")
        super()._start(volunteer, wu, result)

    def _leave(self, volunteer: Volunteer) -> Any:
        self._happened("host: leaves")
        return super()._leave(volunteer)

    def heal(self) -> None:
        """Faults stop: all hosts are honest, punctual and stay."""
        for each in self.volunteers.values():
            each.spec = replace(each.spec, faults=NONE, life=None)
            each.ahead = 0.0
