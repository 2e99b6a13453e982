"""The table ``[local]`` of pyboinc.toml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pyboinc.model import JobSettings, SettingsError, describe, nearest
from pyboinc_validator.comparators import Comparator

from .fleet import hosts as fleet_hosts
from .fleet import schema
from .fleet.faults import LIAR, NONE
from .fleet.schema import Fleet
from .model_time import LogNormal, RunTime, parse_run_time
from .simulation import HostSpec
from .stage import HR, Setup
from .systems import SYSTEMS, default_profile

TABLE = "local"
REAL, MODEL = "real", "model"


@dataclass(frozen=True)
class LocalOptions:
    """How the local project is set up.

    workers (int): processes that run slaves; None means one for each of this machine's cores.
    hosts: simulated volunteers; none means development mode, in which this machine's cores are the hosts.
    fleet: where they come from, if they are those of a fleet file.
    seed (int): of all that the simulation draws.  slave: "real" runs the slaves, "model" only draws run times.
    run_time: how long a call takes on a host of speed 1; None: a job takes what its fpops_estimate says.
    event_log (str): a file for the simulation's events, "" for none.  hr, adaptive: the app's homogeneous redundancy and
    target_nresults of adaptive replication.  one_result_per_user_per_wu: as in BOINC's config.xml, but on by default: without
    it a host can agree with itself, and a quorum means little.
    """

    workers: int | None = None
    hosts: tuple[HostSpec, ...] = ()
    fleet: Fleet | None = None
    seed: int = 0
    slave: str = REAL
    run_time: RunTime | None = None
    event_log: str = ""
    hr: str = HR[0]
    adaptive: int = 0
    one_result_per_user_per_wu: bool = True

    def setup(self, settings: JobSettings, comparator: Comparator) -> Setup:
        """What the simulated project does with a batch of these settings."""
        return Setup(settings, self.hosts, self.seed, comparator, self.hr, self.adaptive, self.one_result_per_user_per_wu)

    @property
    def workers_wanted(self) -> int:
        if self.workers is not None:
            return self.workers
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read(table: Mapping[str, Any], folder: str) -> LocalOptions:
    """Options from the table; file names are relative to folder. Raises SettingsError that names the key."""
    known = [each.name for each in fields(LocalOptions)]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise SettingsError(f"[local]: unknown key {key!r}{nearest(key, known)}", TABLE, key)
        values[key] = _READERS[key](key, value)
    if "fleet" in values:
        fleet = schema.load(values["fleet"], folder)
        if "hosts" in table:
            if type(table["hosts"]) is not int:
                raise _refused("hosts", table["hosts"], "the number of hosts, as fleet says what they are like")
            fleet = fleet_hosts.scaled(fleet, table["hosts"])
        values["fleet"], values["hosts"] = fleet, fleet_hosts.hosts(fleet, values.get("seed", 0))
    if values.get("event_log"):
        values["event_log"] = os.path.join(folder, values["event_log"])
    return LocalOptions(**values)


def _refused(key: str, value: object, must: str) -> SettingsError:
    return SettingsError(f"{key} = {describe(value)}: must be {must}", TABLE, key)


def _whole(low: int) -> Any:
    def read(key: str, value: Any) -> int:
        if type(value) is not int or value < low:
            raise _refused(key, value, f"a whole number, at least {low}")
        return value

    return read


def _one_of(*words: str) -> Any:
    def read(key: str, value: Any) -> str:
        if value not in words:
            raise _refused(key, value, " or ".join(map(repr, words)))
        return str(value)

    return read


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _refused(key, value, "a text in quotes")
    return value


def _truth(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _refused(key, value, "true or false")
    return value


def _run_time(key: str, value: Any) -> RunTime:
    try:
        return parse_run_time(str(value))
    except ValueError as error:
        raise SettingsError(str(error), TABLE, key) from None


def _hosts(key: str, value: Any) -> tuple[HostSpec, ...]:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return (HostSpec(profile=default_profile("x86_64-pc-linux-gnu")),) * value
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value) or not value:
        raise _refused(key, value, "a number of hosts, at least 1, or tables [[local.hosts]]")
    return tuple(host for number, table in enumerate(value, 1) for host in _host_group(f"[[local.hosts]] number {number}", table))


def _host_group(where: str, table: Mapping[str, Any]) -> list[HostSpec]:
    readers = {"number": _whole(1), "platform": _one_of(*SYSTEMS), "speed": _speed, "honest": _truth, "profile": _profile}
    for key in table:
        if key not in readers:
            raise SettingsError(f"{where}: unknown key {key!r}{nearest(key, list(readers))}", where, key)
    try:
        found = {key: readers[key](key, value) for key, value in table.items()}
    except SettingsError as error:
        raise SettingsError(f"{where}, {error}", where, error.key) from None
    name = found.get("platform", "x86_64-pc-linux-gnu")
    spec = HostSpec(
        (name,),
        *SYSTEMS[name],
        speed=found.get("speed", 1.0),
        faults=NONE if found.get("honest", True) else LIAR,
        profile=found.get("profile") or default_profile(name),
    )
    return [spec] * found.get("number", 1)


def _profile(key: str, value: Any) -> str:
    from .platforms import PlatformError  # much to import, and most runs need none of it
    from .platforms.spec import arithmetic

    try:
        arithmetic(_text(key, value))
    except PlatformError as error:
        raise SettingsError(f"{key} = {describe(value)}: {error}", TABLE, key) from None
    return str(value)


def _speed(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise _refused(key, value, "a number above 0")
    return float(value)


_READERS: dict[str, Any] = {
    "workers": _whole(1),
    "hosts": _hosts,
    "fleet": _text,
    "seed": _whole(0),
    "slave": _one_of(REAL, MODEL),
    "run_time": _run_time,
    "event_log": _text,
    "hr": _one_of(*HR),
    "adaptive": _whole(0),
    "one_result_per_user_per_wu": _truth,
}


def default_run_time(fpops_estimate: float) -> RunTime:
    """What a job takes on a host of 1e9 operations a second, if nothing else is said."""
    return LogNormal(fpops_estimate / 1e9, 0.3)
