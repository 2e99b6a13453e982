"""What the project thinks of a host with an app version: its daily quota, and how many results in a row were valid.

Success raises the quota, failure lowers it. BOINC's `sched/sched_send.cpp` (update_quota), `sched_version.cpp`
(scaled_max_jobs_per_day), `sched_result.cpp` (got_good_result, got_bad_result), `transitioner.cpp` (result_timed_out).
`pyboinc_validator.handle` does what the validator does. `quota` is config.daily_result_quota.
"""

from __future__ import annotations

from .rows import DAY, Host, HostAppVersion


def start_request(host: Host, now: float, quota: int) -> None:
    """A host calls: its quotas get their first value, and on a new day its counts begin anew."""
    new_day = now // DAY != host.rpc_time // DAY
    host.rpc_time = now
    for version in host.app_versions.values():
        if version.max_jobs_per_day == 0:
            version.max_jobs_per_day = quota
        if new_day:
            version.n_jobs_today = 0


def quota_reached(version: HostAppVersion, ncpus: int, quota: int) -> bool:
    """No more jobs today. The quota is for each processor, unless it is 1: then the host has yet to show that it can.

    A version that the host gets for the first time has no limit until the next request, as in BOINC.
    """
    limit = version.max_jobs_per_day
    if limit == 0 or not quota:
        return False
    return version.n_jobs_today >= (limit if limit == 1 else limit * ncpus)


def reported_success(version: HostAppVersion, quota: int) -> None:
    """The way back up is fast."""
    if version.max_jobs_per_day < quota:
        version.max_jobs_per_day = min(2 * version.max_jobs_per_day, quota)


def reported_error(version: HostAppVersion, quota: int) -> None:
    """Also after an abort by the volunteer, but not by the project."""
    version.max_jobs_per_day = max(1, min(version.max_jobs_per_day, quota) - 1)
    version.consecutive_valid = 0


def timed_out(version: HostAppVersion, quota: int) -> None:
    """No reply by the deadline."""
    version.max_jobs_per_day = max(1, min(version.max_jobs_per_day or quota, quota) - 1)
    version.consecutive_valid = 0
