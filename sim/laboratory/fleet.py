"""The volunteers of a world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pyboinc.slave.files import read_report_file, report_file
from pyboinc_local.fleet.faults import GOOD, NONE, Fate
from pyboinc_local.project import Answer, Deliver
from pyboinc_local.server.rows import Result, Workunit
from pyboinc_local.simulation import HostSpec, Running, Simulation, Volunteer

from .boinc import Boinc
from .slaves import written

LONGEST_WAIT = 600.0  # seconds until a host calls again after the project is there again


class Fleet(Simulation):
    """Simulated volunteers, that tell what becomes of results. project.ahead: what is wrong with the server's clock; theirs go on."""

    project: Boinc

    def __init__(self, project: Boinc, run: Callable[..., Answer], happened: Callable[[str], None]) -> None:
        super().__init__(project, run)
        self._happened = happened
        self._patience = float("inf")  # the world sees to it that there is an end

    def add_host(self, spec: HostSpec) -> Volunteer:
        volunteer = super().add_host(spec)
        volunteer.ahead -= self.project.ahead
        return volunteer

    def clock_jumps(self, seconds: float) -> None:
        """The server's."""
        self.project.ahead += seconds
        for each in self.volunteers.values():
            each.ahead -= seconds

    def _fate(self, volunteer: Volunteer, wu: Workunit) -> Fate:
        fate = super()._fate(volunteer, wu)
        if fate is not GOOD:
            told = {"crash": fate.crash_after is not None, "wrong": fate.wrong, "truncated": fate.arrives < 1.0, "doubled": fate.doubled}
            told |= {"lost": fate.lost, "late": fate.delay is not None, "duplicate": fate.duplicate}
            for name, so in told.items():
                if so:
                    self._happened(f"host: {name}")
        if fate.delay is not None:  # after the deadline, which the server's clock has given
            fate = fate._replace(delay=fate.delay - self.project.ahead)
        return fate

    def _happens(
        self, kind: int, volunteer: Volunteer, result: Result | None, answer: Answer | Running | None, fate: Fate
    ) -> list[Deliver]:
        """What a host has to say it says later if the project is closed."""
        if self.now >= self.project.closed_until:
            return super()._happens(kind, volunteer, result, answer, fate)
        self._happened("a host found the project closed")
        later = self.project.closed_until + LONGEST_WAIT * volunteer.chance.random()
        self._push(volunteer.next_on(self.now, later), kind, volunteer, result, answer, fate)
        return []

    def _uploaded(self, answer: Answer | Running, fate: Fate, volunteer: Volunteer, result: Result) -> Answer:
        """Of every second result it is the second output that goes wrong, if there are files in it."""
        assert isinstance(answer, Answer)
        if not (fate.spoils and any(written(answer.report)) and result.id % 2):
            return super()._uploaded(answer, fate, volunteer, result)
        report = b"" if fate.doubled else _other_files(answer.report, volunteer.liar) if fate.wrong else answer.report
        report = report[: int(fate.arrives * len(report))]
        self.spoiled.add(result.id)
        self._happened("host: files differ" if written(report) else "host: files missing")
        return answer._replace(report=report)

    def _start(self, volunteer: Volunteer, wu: Workunit, result: Result) -> None:
        if volunteer.ahead > wu.delay_bound:
            self._happened("host: clock ahead")
        super()._start(volunteer, wu, result)

    def _leave(self, volunteer: Volunteer) -> Any:
        self._happened("host: leaves")
        return super()._leave(volunteer)

    def heal(self) -> None:
        """Faults stop: all hosts are honest, punctual and stay."""
        self.clock_jumps(-self.project.ahead)
        for each in self.volunteers.values():
            each.spec = replace(each.spec, faults=NONE, life=None)
            each.ahead = 0.0


def _other_files(report: bytes, liar: int) -> bytes:
    """A report in which each file is another one."""
    parts = read_report_file(report)
    other = [(*part[:4], *[{name: content + b"%d" % liar for name, content in files.items()} for files in part[4:]]) for part in parts]
    return report_file(other)  # type: ignore[arg-type]
