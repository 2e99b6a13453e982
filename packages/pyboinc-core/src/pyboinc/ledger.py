"""The rows of a project's database that a validator reads and changes; see `pyboinc.ports.Validation`.

Columns have BOINC's names (its source, ``db/boinc_db_types.h``); times are seconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(slots=True)
class Mean:
    """An average that follows a changing quantity: `n` samples so far, and `avg`."""

    n: float = 0.0
    avg: float = 0.0


@dataclass(slots=True)
class Spread(Mean):
    """The same with its variance; `q` is what the variance of the first samples is computed from."""

    var: float = 0.0
    q: float = 0.0


class OutputFile(NamedTuple):
    """An output file of a result. path: absolute; whether it is there is another question.  validated: the template wants it compared."""

    logical_name: str
    path: str
    optional: bool = False
    validated: bool = True


@dataclass(slots=True)
class CheckedResult:
    """A result, as the validator sees it. outputs: only of rows that `Validation.pending` gives."""

    id: int
    server_state: int
    outcome: int
    validate_state: int
    hostid: int = 0
    userid: int = 0
    app_version_id: int = 0
    sent_time: float = 0.0
    received_time: float = 0.0
    elapsed_time: float = 0.0
    cpu_time: float = 0.0
    flops_estimate: float = 0.0
    granted_credit: float = 0.0
    runtime_outlier: bool = False
    outputs: tuple[OutputFile, ...] = ()
    host: str = ""
    platform: str = ""


@dataclass(slots=True)
class CheckedWorkunit:
    """A workunit with all its results, as the validator sees it."""

    id: int
    name: str
    batch: int
    canonical_resultid: int
    canonical_credit: float
    min_quorum: int
    target_nresults: int
    max_success_results: int
    error_mask: int
    assimilate_state: int
    need_validate: int
    transition_time: float
    rsc_fpops_est: float
    rsc_fpops_bound: float
    results: list[CheckedResult] = field(default_factory=list)


@dataclass(slots=True)
class HostVersion:
    """What is known of a host's work with an app version (host_app_version).

    pfc: peak floating-point operations, claimed / estimated.  et: elapsed seconds for each estimated operation.
    turnaround: seconds from sent to received.
    """

    host_id: int
    app_version_id: int
    pfc: Mean = field(default_factory=Mean)
    et: Spread = field(default_factory=Spread)
    turnaround: Spread = field(default_factory=Spread)
    consecutive_valid: int = 0
    max_jobs_per_day: int = 0


@dataclass(slots=True)
class Version:
    """An app version. pfc_scale: 0 until the feeder has computed one.  samples: of pfc, not counted yet."""

    id: int
    pfc: Mean
    pfc_scale: float = 0.0
    expavg_credit: float = 0.0
    expavg_time: float = 0.0
    samples: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Account:
    """The credit of a host, a user or a team: total, and a day's recent average with the time when it was computed."""

    id: int
    total_credit: float = 0.0
    expavg_credit: float = 0.0
    expavg_time: float = 0.0


@dataclass(slots=True)
class HostAccount(Account):
    """userid: whose it is.  avg_turnaround: seconds."""

    userid: int = 0
    avg_turnaround: float = 0.0


@dataclass(slots=True)
class UserAccount(Account):
    """teamid: 0 if the user is in no team."""

    teamid: int = 0


@dataclass(frozen=True, slots=True)
class CheckedApp:
    """An app. host_scale_check: only hosts with a row of valid results have their claims scaled."""

    id: int
    target_nresults: int = 0
    min_avg_pfc: float = 0.0
    host_scale_check: bool = False


@dataclass(slots=True)
class Ledger:
    """Rows that are read, changed and written in one transaction. Whoever changes it adds and removes no rows.

    host_versions: by host and app version.  daily_result_quota: of config.xml.
    """

    app: CheckedApp
    daily_result_quota: int
    workunits: dict[int, CheckedWorkunit] = field(default_factory=dict)
    host_versions: dict[tuple[int, int], HostVersion] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    hosts: dict[int, HostAccount] = field(default_factory=dict)
    users: dict[int, UserAccount] = field(default_factory=dict)
    teams: dict[int, Account] = field(default_factory=dict)


def generalized_app_version_id(app_version_id: int, app: int) -> int:
    """The number that host_app_version has for a version: volunteers' own builds have negative numbers, the same for all apps.

    BOINC's source, `sched/sched_util.h`.
    """
    return app * 1_000_000 - app_version_id if app_version_id < 0 else app_version_id
