"""What the quorum's verdict does to a workunit, its results and their hosts: BOINC's `sched/validator.cpp`, handle_wu.

The verdict itself is pyboinc_validator's. When outputs can't be read for the moment, BOINC marks the results inconclusive
all the same: they are not checked again until a further result comes, and one is made. Ours stay unchecked, and are tried
again later; `config.boinc_exact` gives BOINC's way back.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Final

from .adaptive import is_unreplicated
from .quota import invalidated, validated
from .rows import (
    ASSIMILATE_READY,
    INCONCLUSIVE,
    INVALID,
    NEVER,
    OVER,
    SUCCESS,
    TOO_MANY_SUCCESS_RESULTS,
    VALID,
    VALIDATE_ERROR,
    VALIDATE_INIT,
    App,
    Config,
    HostAppVersion,
    Result,
    Workunit,
)
from .transitioner import drop_unsent

RETRY_DELAY: Final = 6 * 3600.0  # seconds until outputs that could not be read are tried again


def viable_results(wu: Workunit) -> list[Result]:
    """Results of which one may be canonical."""
    return [each for each in wu.results if each.outcome == SUCCESS and each.validate_state != INVALID and each.server_state == OVER]


def unchecked_results(wu: Workunit) -> list[Result]:
    """Results to compare with the canonical one."""
    return [each for each in wu.results if each.outcome == SUCCESS and each.validate_state in (VALIDATE_INIT, INCONCLUSIVE)]


def set_checked(
    wu: Workunit,
    app: App,
    viable: Sequence[Result],
    records: Sequence[HostAppVersion | None],
    canonical: int | None,
    states: Mapping[int, int],
    failures: Container[int],
    retry: bool,
    now: float,
    config: Config,
) -> Sequence[Result]:
    """The quorum was asked about all viable results. Returns those that will not be sent.

    records: what is known of each one's host, or None.  canonical: number of the canonical result.  states: by number, the
    new validate state of each result that was decided on.  failures: numbers of those whose output is not one.
    retry: something could not be read now.
    """
    unreplicated = is_unreplicated(wu, app)
    undecided = VALIDATE_INIT if retry and not config.boinc_exact else INCONCLUSIVE
    still_viable = 0
    changed = False
    for result, record in zip(viable, records, strict=True):
        state = states.get(result.id, undecided)
        if _checked(result, state, result.id in failures, record, unreplicated, config):
            still_viable += 1
        else:
            changed = True
    if canonical:
        wu.canonical_resultid = canonical
        wu.assimilate_state = ASSIMILATE_READY
        wu.transition_time = NEVER  # the assimilator calls the transitioner
        return drop_unsent(wu.results)
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
    wu: Workunit, app: App, result: Result, state: int, failure: bool, record: HostAppVersion | None, now: float, config: Config
) -> None:
    """A late result was compared with the canonical one. state: its new validate state.  failure: its output is not one."""
    _checked(result, state, failure, record, is_unreplicated(wu, app), config)
    wu.transition_time = now  # perhaps it was the last one, and files can go


def retry_later(wu: Workunit, now: float) -> None:
    """Something could not be read now."""
    wu.transition_time = min(wu.transition_time, now + RETRY_DELAY)


def _checked(result: Result, state: int, failure: bool, record: HostAppVersion | None, unreplicated: bool, config: Config) -> bool:
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
            invalidated(record, config.daily_result_quota)
    return state != INVALID
