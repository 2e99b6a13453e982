"""What happens to a workunit next: BOINC's `sched/transitioner.cpp`, function handle_wu.

The transitioner looks at a workunit when something has happened to it: a result was reported, its error mask was set, it
has been validated or assimilated, or its transition_time has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pyboinc.states import (
    ASSIMILATE_DONE,
    ASSIMILATE_INIT,
    ASSIMILATE_READY,
    CLIENT_DETACHED,
    CLIENT_ERROR,
    COULDNT_SEND,
    COULDNT_SEND_RESULT,
    FILE_DELETE_DONE,
    FILE_DELETE_INIT,
    FILE_DELETE_READY,
    IN_PROGRESS,
    INCONCLUSIVE,
    INVALID,
    NEVER,
    NO_CHECK,
    NO_REPLY,
    OVER,
    SUCCESS,
    TOO_LATE,
    TOO_MANY_ERROR_RESULTS,
    TOO_MANY_TOTAL_RESULTS,
    VALIDATE_ERROR,
    VALIDATE_INIT,
)
from pyboinc_validator.handle import drop_unsent

from .rows import DAY, EXIT_ABORTED_VIA_GUI, Config, Result, Workunit

SAFETY_NET = 10 * DAY  # an unfinished workunit is looked at again after this time, or 1.5 delay bounds


class Transition(NamedTuple):
    """What is to follow, beside the new states in the rows.

    new_results: how many results to make, with this much more priority.  timed_out: their hosts' quota goes down.
    unneeded: results that will not be sent.  hr_reset: unsent results may now go to any class of hosts.
    """

    new_results: int = 0
    priority_increase: int = 0
    timed_out: Sequence[Result] = ()
    unneeded: Sequence[Result] = ()
    hr_reset: bool = False


NOTHING = Transition()


def transition(wu: Workunit, now: float, config: Config) -> Transition:
    """Bring the workunit and its results up to date, and set its next transition_time.

    Sets need_validate, error_mask, assimilate_state, file_delete_state. Time-outs are of results whose deadline lies
    before now.
    """
    results = wu.results
    canonical_files_deleted = wu.canonical_resultid != 0 and _canonical(wu).file_delete_state == FILE_DELETE_DONE
    unsent = in_progress = success = errors = no_reply = unchecked = couldnt_send = 0
    deadline = NEVER
    last_received = 0.0
    timed_out: list[Result] | None = None
    for result in results:
        if result.server_state == OVER:
            outcome = result.outcome
            if result.received_time > last_received:
                last_received = result.received_time
            if outcome == SUCCESS:
                if result.validate_state == VALIDATE_INIT:
                    if canonical_files_deleted:
                        result.validate_state = TOO_LATE
                    else:
                        unchecked += 1
                if result.validate_state != INVALID:
                    success += 1
            elif outcome == CLIENT_ERROR:
                if result.exit_status == EXIT_ABORTED_VIA_GUI:  # a volunteer's decision, not an error
                    no_reply += 1
                else:
                    errors += 1
            elif outcome == VALIDATE_ERROR:
                errors += 1
            elif outcome in (NO_REPLY, CLIENT_DETACHED):
                no_reply += 1
            elif outcome == COULDNT_SEND:
                couldnt_send += 1
        elif result.server_state == IN_PROGRESS:
            if result.report_deadline < now:
                result.server_state = OVER
                result.outcome = NO_REPLY
                no_reply += 1
                timed_out = timed_out or []
                timed_out.append(result)
            else:
                in_progress += 1
                if result.report_deadline < deadline:
                    deadline = result.report_deadline
        else:
            unsent += 1

    if unchecked and success >= wu.min_quorum:
        wu.need_validate = True
    if couldnt_send:
        wu.error_mask |= COULDNT_SEND_RESULT
    hr_reset = False
    if errors and not (success or in_progress or no_reply) and not config.hr_class_static:
        hr_reset = wu.hr_class != 0
        wu.hr_class = 0  # perhaps another kind of host can do it
    if errors > wu.max_error_results:
        wu.error_mask |= TOO_MANY_ERROR_RESULTS

    needed = max(0, wu.target_nresults - unsent - in_progress - success)
    allowed = wu.max_total_results - len(results)
    if allowed < 0 or (allowed == 0 and needed):
        wu.error_mask |= TOO_MANY_TOTAL_RESULTS
    needed = min(needed, allowed)

    unneeded: Sequence[Result] = ()
    if wu.error_mask:
        needed = 0
        unneeded = give_up(results)
        unsent = unchecked = 0
        if wu.assimilate_state == ASSIMILATE_INIT:
            wu.assimilate_state = ASSIMILATE_READY
    elif wu.canonical_resultid or wu.no_new_results:
        needed = 0

    all_over = not (unsent or in_progress or unchecked)
    if all_over and results and wu.canonical_resultid and wu.assimilate_state == ASSIMILATE_INIT:
        wu.assimilate_state = ASSIMILATE_READY  # its assimilation had been put off
    delete_time = NEVER
    if wu.assimilate_state == ASSIMILATE_DONE:
        if now >= last_received + config.delete_delay:
            _release_files(wu, all_over)
        else:
            delete_time = last_received + config.delete_delay
    next_time = deadline if deadline < delete_time else delete_time
    if not (wu.canonical_resultid or wu.error_mask):
        next_time = min(next_time, now + max(SAFETY_NET, 1.5 * wu.delay_bound))
    wu.transition_time = next_time

    if not (needed or timed_out or unneeded or hr_reset):
        return NOTHING
    increase = 0
    if needed and len(results) > unsent + in_progress:
        increase = config.reliable_priority_on_over or (0 if errors else config.reliable_priority_on_over_except_error)
    return Transition(max(0, needed), increase, timed_out or (), unneeded, hr_reset)


def give_up(results: Sequence[Result]) -> Sequence[Result]:
    """The workunit can't succeed: nothing more of it is sent or checked. Returns the results that were not sent."""
    unneeded = drop_unsent(results)
    for result in results:
        if result.outcome == SUCCESS and result.validate_state in (VALIDATE_INIT, INCONCLUSIVE):
            result.validate_state = NO_CHECK
    return unneeded


def _canonical(wu: Workunit) -> Result:
    for result in wu.results:
        if result.id == wu.canonical_resultid:
            return result
    raise LookupError(f"workunit {wu.id} {wu.name}: its canonical result {wu.canonical_resultid} is gone")


def _release_files(wu: Workunit, all_over: bool) -> None:
    """An assimilated workunit's files may go: inputs and the canonical output only when nothing is left to check."""
    if all_over and wu.file_delete_state == FILE_DELETE_INIT:
        wu.file_delete_state = FILE_DELETE_READY
    for result in wu.results:
        if result.file_delete_state != FILE_DELETE_INIT or (result.id == wu.canonical_resultid and not all_over):
            continue
        if result.outcome == CLIENT_ERROR or (result.outcome == SUCCESS and result.validate_state != VALIDATE_INIT):
            result.file_delete_state = FILE_DELETE_READY
