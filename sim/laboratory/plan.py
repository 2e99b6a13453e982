"""What a seed draws. Pure: the same seed, the same plan. A plan can be made smaller without changing what is left of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pyboinc.model import JobSettings
from pyboinc_local.fleet.availability import OnOff
from pyboinc_local.fleet.faults import Faults
from pyboinc_local.model_time import Exponential, Stream
from pyboinc_local.server.rows import HR_COARSE, HR_FINE, HR_NONE
from pyboinc_local.simulation import HostSpec
from pyboinc_local.systems import SYSTEMS

T = TypeVar("T")
FLAT, NESTED, GENERATOR = "flat", "nested", "generator"

MASTER, VALIDATOR, ASSIMILATOR = "master", "validator", "assimilator"
PROCESSES = (MASTER, VALIDATOR, ASSIMILATOR)
KILL, KILL_ASLEEP, POWER_CUT = "kill", "kill asleep", "power cut"
DISK_FULL, UPLOADS_AWAY, DATABASE_AWAY, CLOCK_JUMP = "disk full", "uploads away", "database away", "clock jump"
DOWNLOADS_AWAY, DATA_GONE, DATA_CHANGED, RECORDS_LOST = "downloads away", "data files gone", "data files changed", "result files lost"
DATABASE = ("lost", "lost at commit", "lost after commit", "deadlock")
TOOL_FAILS = "create_work fails"
CANCEL, WEB_ABORT, SETUP_AGAIN, UPGRADE = "cancel", "abort on the web", "setup again", "upgrade"
FAULTS = (
    *((KILL,) * 6 + (KILL_ASLEEP,) * 2 + (POWER_CUT,) * 3),
    *((DISK_FULL,) * 2 + (UPLOADS_AWAY,) * 2 + (DATABASE_AWAY,) * 2 + (CLOCK_JUMP,) * 2),
    *(DOWNLOADS_AWAY, DATA_GONE, DATA_CHANGED, RECORDS_LOST),
    *(DATABASE * 2),
    *((TOOL_FAILS,) * 2 + (SETUP_AGAIN, UPGRADE) * 2),
    *(CANCEL, WEB_ABORT),
)
"""As often as each is drawn."""
HORIZON = 30.0  # job times until faults stop
LINUX, MUSL, WINDOWS, MAC, ARM_MAC = "linux-glibc-fma", "linux-musl", "windows11", "macos-x86_64", "macos-arm64"
PLATFORMS = {
    LINUX: "x86_64-pc-linux-gnu",
    MUSL: "x86_64-pc-linux-gnu",  # what BOINC takes for the same need not have the same bits
    WINDOWS: "windows_x86_64",
    MAC: "x86_64-apple-darwin",
    ARM_MAC: "arm64-apple-darwin",  # of no class of homogeneous redundancy
}
"""BOINC's names, by the arithmetic that honest hosts compute with."""
BITWISE, OWN = "bitwise", "lab_compare:same"
COMPARATORS = "tolerance:relative=1e-9", "ulp:8", OWN
"""With which all honest hosts agree."""


@dataclass(frozen=True)
class Fault:
    """Something that befalls the server at a time. amount: seconds that it lasts, or crash points until the process dies."""

    kind: str
    at: float
    target: str = ""
    amount: float = 0.0

    def __str__(self) -> str:
        return " ".join(filter(None, (f"{self.at:.0f} s:", self.kind, self.target, f"({self.amount:.0f})" if self.amount else "")))


@dataclass(frozen=True)
class Plan:
    """All that decides what happens. job_seconds: of a job on a host of speed 1.  patience: seconds after which a master looks
    around without news.  sleeps: seconds between the passes of a daemon.  tool_chunk: jobs that create_work makes at a time.
    hr: homogeneous redundancy.  boinc_exact: validated as BOINC's own validator does.  reads: data files of a call, at most.
    writes: calls whose slaves write a file.
    """

    seed: int
    app: str = FLAT
    calls: int = 12
    children: int = 0
    failing: frozenset[int] = frozenset()
    handles_errors: bool = True
    in_flight: int | None = None
    settings: JobSettings = field(default_factory=JobSettings)
    adaptive: int = 0
    hr: int = HR_NONE
    boinc_exact: bool = False
    reads: int = 0
    writes: frozenset[int] = frozenset()
    one_result_per_user: bool = True
    hosts: tuple[HostSpec, ...] = (HostSpec(),) * 3
    job_seconds: float = 1800.0
    sleeps: float = 60.0
    patience: float = 900.0
    delete_delay: float = 0.0
    purge_min_age: float = 86400.0
    tool_chunk: int = 100
    tool_seconds: float = 1.0
    faults: tuple[Fault, ...] = ()

    @property
    def horizon(self) -> float:
        """When faults stop."""
        return HORIZON * self.job_seconds

    @property
    def jumps(self) -> float:
        """Seconds by which the server's clock jumps in all: so long a time in a row may be ahead of it."""
        return sum(abs(fault.amount) for fault in self.faults if fault.kind == CLOCK_JUMP)

    @property
    def profiles(self) -> list[str]:
        """What honest hosts compute with."""
        return list(dict.fromkeys([LINUX, *[each.profile for each in self.hosts]]))

    def smaller(self, calls: int | None = None, hosts: Sequence[int] | None = None, faults: Sequence[int] | None = None) -> Plan:
        """With so many calls, and these of its hosts and faults."""
        plan = self
        if calls is not None:
            plan = replace(plan, calls=calls)
        if hosts is not None:
            plan = replace(plan, hosts=tuple(self.hosts[each] for each in hosts))
        if faults is not None:
            plan = replace(plan, faults=tuple(self.faults[each] for each in faults))
        return plan


class Draw:
    """Choices from a stream of chance."""

    def __init__(self, name: str) -> None:
        self.random = Stream(name).random

    def happens(self, probability: float) -> bool:
        return self.random() < probability

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(self.random() * len(choices))]

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.random()

    def whole(self, low: int, high: int) -> int:
        return low + int(self.random() * (high - low + 1))


def draw(seed: int) -> Plan:
    """The plan of a seed."""
    some = Draw(f"{seed} plan")
    job_seconds = some.pick((300.0, 1800.0, 7200.0))
    app = some.pick((FLAT, NESTED, GENERATOR))
    calls = some.whole(1, 20)
    quorum = some.pick((1, 2, 2, 2, 3))
    adaptive = 2 if quorum == 1 and some.happens(0.4) else 0
    comparator = BITWISE if some.happens(0.7) else some.pick(COMPARATORS)
    kinds = [LINUX] if some.happens(0.5) else [kind for kind in PLATFORMS if some.happens(0.5)] or [WINDOWS]
    settings = JobSettings(
        quorum=quorum,
        replication=quorum + some.whole(0, 1) if not adaptive else None,
        deadline=job_seconds * some.pick((3.0, 6.0, 12.0)),
        max_error_results=some.pick((0, 1, 3, 3, 10, 10)),
        max_total_results=some.pick((6, 10, 20)),
        max_success_results=max(quorum, some.pick((2, 3, 4, 6))),
        **some.pick(({}, {}, {"calls_per_job": 3}, {"job_minutes": job_seconds / 20})),
        comparator=comparator,
    )
    writes = some.pick((0.0, 0.0, 0.3, 1.0))
    return Plan(
        seed,
        app,
        calls,
        children=some.whole(1, 3) if app == NESTED else 0,
        failing=frozenset(number for number in range(calls) if some.happens(0.05)),
        handles_errors=some.happens(0.8),
        in_flight=some.whole(2, 8) if app == GENERATOR else None,
        settings=settings,
        adaptive=adaptive,
        hr=some.pick((HR_NONE, HR_FINE, HR_COARSE)) if kinds != [LINUX] else HR_NONE,
        boinc_exact=comparator == BITWISE and (quorum > 1 or adaptive > 1) and some.happens(0.25),
        reads=some.pick((0, 0, 1, 2)),
        writes=frozenset(number for number in range(calls) if some.happens(writes)),
        one_result_per_user=some.happens(0.8),
        hosts=tuple(_host(seed, number, job_seconds, kinds) for number in range(some.whole(3, 9))),
        job_seconds=job_seconds,
        sleeps=some.pick((5.0, 60.0, 300.0)) * job_seconds / 1800.0,
        patience=some.pick((300.0, 3600.0)),
        delete_delay=some.pick((0.0, 0.0, 3600.0, 86400.0)),
        purge_min_age=some.pick((600.0, 86400.0, 864000.0)),
        tool_chunk=some.pick((1, 3, 100)),
        tool_seconds=some.pick((0.05, 2.0, 30.0)),
        faults=tuple(sorted(_faults(seed, job_seconds), key=lambda fault: fault.at)),
    )


def sound(profile: str, **more: Any) -> HostSpec:
    """A host with this arithmetic."""
    os_name, vendor, model = SYSTEMS[PLATFORMS[profile]]
    return HostSpec((PLATFORMS[profile],), os_name, vendor, model, profile=profile, **more)


def _host(seed: int, number: int, job_seconds: float, kinds: Sequence[str]) -> HostSpec:
    some = Draw(f"{seed} host {number}")
    kind = some.random()
    wrong = {}
    if kind < 0.15:
        wrong = {"wrong": some.pick((0.3, 1.0)), "collude": some.pick(("", "league")), "honest_until": some.pick((0, 0, 3))}
    elif kind < 0.6:
        names = ("crash", "truncated", "doubled", "lost", "late", "duplicate")
        wrong = {name: some.between(0.02, 0.5) for name in names if some.happens(0.3)}
        wrong["clock_skew"] = job_seconds * 6 if some.happens(0.1) else 0.0
    on, off = Exponential(job_seconds * 4), Exponential(job_seconds * 2)
    return sound(
        some.pick(kinds),
        ncpus=some.pick((1, 1, 2, 4)),
        speed=some.pick((0.5, 1.0, 1.0, 3.0)),
        faults=Faults(**wrong),  # type: ignore[arg-type]
        availability=OnOff(on, off) if some.happens(0.3) else None,
        life=Exponential(job_seconds * 20) if some.happens(0.15) else None,
        detaches=some.happens(0.5),
    )


def _faults(seed: int, job_seconds: float) -> list[Fault]:
    some = Draw(f"{seed} faults")
    found = []
    for _ in range(some.pick((0, 1, 2, 4, 8, 12))):
        kind = some.pick(FAULTS)
        at = 0.6 * HORIZON * job_seconds * some.random() ** 2
        if kind in (DATA_GONE, DATA_CHANGED) and some.happens(0.7):
            at = 0.0  # most jobs are made at first
        target = some.pick(PROCESSES) if kind in (KILL, KILL_ASLEEP, POWER_CUT) else ""
        if kind in (KILL, POWER_CUT):
            amount = float(some.whole(0, 60) if some.happens(0.7) else some.whole(0, 4))
        elif kind == CLOCK_JUMP:
            amount = some.pick((-1.0, 1.0)) * some.pick((5.0, 3600.0, 2 * 86400.0))
        elif kind in (DATABASE_AWAY, DATA_GONE, DATA_CHANGED):
            amount = some.between(10.0, 1200.0)
        else:
            amount = some.between(0.1, 3.0) * job_seconds
        found.append(Fault(kind, at, target, amount))
    return found
