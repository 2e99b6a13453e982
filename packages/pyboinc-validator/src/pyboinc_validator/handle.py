"""What the quorum's verdict does to a workunit, its results and their hosts: BOINC's `sched/validator.cpp`, handle_wu. Pure.

The rows are the simulated project's or those of a real project's database: whatever has these attributes.

When outputs can't be read for the moment, BOINC marks the results inconclusive all the same: they are not checked again until
a further result comes, and one is made. Ours stay unchecked, and are tried again later; `boinc_exact` gives BOINC's way back.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from pyboinc.states import (
    ASSIMILATE_READY,
    DIDNT_NEED,
    IN_PROGRESS,
    INCONCLUSIVE,
    INVALID,
    NEVER,
    OVER,
    SUCCESS,
    TOO_MANY_SUCCESS_RESULTS,
    VALID,
    VALIDATE_ERROR,
    VALIDATE_INIT,
)

RETRY_DELAY: Final = 6 * 3600.0  # seconds until outputs that could not be read are tried again


class ResultRow(Protocol):
    """A result."""

    server_state: int
    outcome: int
    validate_state: int

    @property
    def id(self) -> int: ...


class WorkunitRow(Protocol):
    """A workunit."""

    target_nresults: int
    error_mask: int
    canonical_resultid: int
    assimilate_state: int
    transition_time: float

    @property
    def max_success_results(self) -> int: ...


class HostVersionRow(Protocol):
    """What the project knows of one host's work with one app version."""

    consecutive_valid: int
    max_jobs_per_day: int


R = TypeVar("R", bound=ResultRow)


def is_unreplicated(target_nresults: int, app_target: int) -> bool:
    """Adaptive replication: one result is to do for this workunit, though the app usually wants more."""
    return target_nresults == 1 and app_target > 1


def viable_results(results: Iterable[R]) -> list[R]:
    """Results of which one may be canonical."""
    return [each for each in results if each.outcome == SUCCESS and each.validate_state != INVALID and each.server_state == OVER]


def unchecked_results(results: Iterable[R]) -> list[R]:
    """Results to compare with the canonical one."""
    return [
        each
        for each in results
        if each.outcome == SUCCESS and each.validate_state in (VALIDATE_INIT, INCONCLUSIVE) and each.server_state == OVER
    ]


def drop_unsent(results: Iterable[R]) -> list[R]:
    """Results that were not sent are not needed any more; they are returned."""
    unneeded = [result for result in results if result.server_state < IN_PROGRESS]
    for result in unneeded:
        result.server_state = OVER
        result.outcome = DIDNT_NEED
    return unneeded


def validated(version: HostVersionRow, unreplicated: bool) -> None:
    """A result was found valid. One that no other was compared with proves nothing."""
    version.max_jobs_per_day += 1
    if not unreplicated:
        version.consecutive_valid += 1


def invalidated(version: HostVersionRow, quota: int) -> None:
    """A result was found invalid. quota: config's daily_result_quota."""
    version.consecutive_valid = 0
    if version.max_jobs_per_day > quota:
        version.max_jobs_per_day -= 1


def set_checked(
    wu: WorkunitRow,
    results: Sequence[R],
    viable: Sequence[R],
    records: Sequence[HostVersionRow | None],
    canonical: int | None,
    states: Mapping[int, int],
    failures: Container[int],
    retry: bool,
    now: float,
    *,
    app_target: int = 0,
    quota: int = 0,
    boinc_exact: bool = False,
) -> Sequence[R]:
    """The quorum was asked about all viable results. Returns those of `results` that will not be sent.

    records: what is known of each viable one's host, or None.  canonical: number of the canonical result.  states: by number,
    the new validate state of each result that was decided on.  failures: numbers of those whose output is not one.
    retry: something could not be read now.  app_target: the app's target_nresults.  quota: config's daily_result_quota.
    """
    unreplicated = is_unreplicated(wu.target_nresults, app_target)
    undecided = VALIDATE_INIT if retry and not boinc_exact else INCONCLUSIVE
    still_viable = 0
    changed = False
    for result, record in zip(viable, records, strict=True):
        state = states.get(result.id, undecided)
        if _checked(result, state, result.id in failures, record, unreplicated, quota):
            still_viable += 1
        else:
            changed = True
    if canonical:
        wu.canonical_resultid = canonical
        wu.assimilate_state = ASSIMILATE_READY
        wu.transition_time = NEVER  # the assimilator calls the transitioner
        return drop_unsent(results)
    if still_viable > wu.max_success_results:
        wu.error_mask |= TOO_MANY_SUCCESS_RESULTS
        changed = True
    if still_viable >= wu.target_nresults and undecided == INCONCLUSIVE:
        wu.target_nresults = still_viable + 1
        changed = True
    if changed:
        wu.transition_time = now
    elif retry:
        retry_later(wu, now)
    return ()


def pair_checked(
    wu: WorkunitRow,
    result: ResultRow,
    state: int,
    failure: bool,
    record: HostVersionRow | None,
    now: float,
    *,
    app_target: int = 0,
    quota: int = 0,
) -> None:
    """A late result was compared with the canonical one. state: its new validate state.  failure: its output is not one."""
    _checked(result, state, failure, record, is_unreplicated(wu.target_nresults, app_target), quota)
    wu.transition_time = now  # perhaps it was the last one, and files can go


def retry_later(wu: WorkunitRow, now: float) -> None:
    """Something could not be read now."""
    wu.transition_time = min(wu.transition_time, now + RETRY_DELAY)


def _checked(result: ResultRow, state: int, failure: bool, record: HostVersionRow | None, unreplicated: bool, quota: int) -> bool:
    """Set the result's state, and tell its host's record. True if the result is still viable."""
    if state == INCONCLUSIVE and result.validate_state != VALIDATE_INIT:
        return True  # stays as it is, e.g. NO_CHECK
    result.validate_state = state if state != VALIDATE_INIT else result.validate_state
    if state == VALID and record is not None:
        validated(record, unreplicated)
    if state == INVALID:
        if failure:
            result.outcome = VALIDATE_ERROR
        if record is not None:
            invalidated(record, quota)
    return state != INVALID
