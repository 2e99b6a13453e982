"""Each rule of BOINC's transitioner, on bare rows."""

import pytest

from pyboinc.states import (
    ASSIMILATE_DONE,
    ASSIMILATE_INIT,
    ASSIMILATE_READY,
    CLIENT_DETACHED,
    CLIENT_ERROR,
    COULDNT_SEND,
    COULDNT_SEND_RESULT,
    DIDNT_NEED,
    FILE_DELETE_DONE,
    FILE_DELETE_INIT,
    FILE_DELETE_READY,
    IN_PROGRESS,
    INACTIVE,
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
    UNSENT,
    VALID,
    VALIDATE_ERROR,
    VALIDATE_INIT,
)
from pyboinc_local.server.rows import DAY, EXIT_ABORTED_VIA_GUI, Config, Result, Workunit
from pyboinc_local.server.transitioner import NOTHING, transition

NOW = 1000.0
CONFIG = Config()


def workunit(*results, quorum=2, target=2, **columns):
    made = Workunit(1, "wu", 1, 1, None, 0.0, quorum, target, 3, 10, 6, 7 * DAY, 1e12)
    for number, result in enumerate(results, 1):
        result.id = number
        made.results.append(result)
    for name, value in columns.items():
        setattr(made, name, value)
    return made


def row(server_state, outcome=0, validate_state=VALIDATE_INIT, **columns):
    made = Result(0, 1, 0, server_state, outcome, validate_state)
    for name, value in columns.items():
        setattr(made, name, value)
    return made


def unsent():
    return row(UNSENT)


def running(deadline=NOW + 100.0):
    return row(IN_PROGRESS, report_deadline=deadline)


def success(validate_state=VALIDATE_INIT, received=500.0, **columns):
    return row(OVER, SUCCESS, validate_state, received_time=received, **columns)


def error(exit_status=1):
    return row(OVER, CLIENT_ERROR, INVALID, exit_status=exit_status)


def test_a_new_workunit_gets_its_instances():
    assert transition(workunit(target=3), NOW, CONFIG).new_results == 3


def test_results_on_their_way_are_not_made_again():
    assert transition(workunit(unsent(), running(), success(), target=4), NOW, CONFIG).new_results == 1
    assert transition(workunit(unsent(), running()), NOW, CONFIG) is NOTHING


@pytest.mark.parametrize(
    "failed",
    [error(), error(EXIT_ABORTED_VIA_GUI), row(OVER, NO_REPLY), row(OVER, CLIENT_DETACHED), row(OVER, VALIDATE_ERROR), success(INVALID)],
)
def test_a_result_that_failed_is_replaced(failed):
    assert transition(workunit(success(), failed), NOW, CONFIG).new_results == 1


def test_no_new_results_once_there_is_a_canonical_one_or_if_the_workunit_says_so():
    assert transition(workunit(success(VALID), error(), canonical_resultid=1), NOW, CONFIG).new_results == 0
    assert transition(workunit(no_new_results=True), NOW, CONFIG).new_results == 0


def test_a_result_whose_deadline_has_passed_is_no_reply():
    late, on_time = running(NOW - 0.5), running(NOW)
    followup = transition(workunit(late, on_time), NOW, CONFIG)
    assert (late.server_state, late.outcome) == (OVER, NO_REPLY)
    assert on_time.server_state == IN_PROGRESS
    assert followup.timed_out == [late] and followup.new_results == 1


def test_validation_waits_for_a_quorum_of_successes():
    for results, due in (([success(), running()], False), ([success(), success()], True), ([success(), success(INVALID)], False)):
        wu = workunit(*results)
        transition(wu, NOW, CONFIG)
        assert wu.need_validate is due


def test_validation_needs_something_new():
    wu = workunit(success(INCONCLUSIVE), success(INCONCLUSIVE), running(), target=3)
    transition(wu, NOW, CONFIG)
    assert not wu.need_validate
    wu.results.append(success())
    transition(wu, NOW, CONFIG)
    assert wu.need_validate


def test_a_late_success_is_checked_against_the_canonical_result():
    wu = workunit(success(VALID), success(VALID), success(), canonical_resultid=1, assimilate_state=ASSIMILATE_DONE)
    transition(wu, NOW, CONFIG)
    assert wu.need_validate
    assert wu.file_delete_state == FILE_DELETE_INIT and wu.results[0].file_delete_state == FILE_DELETE_INIT


def test_a_success_after_the_canonical_output_is_deleted_is_too_late():
    wu = workunit(success(VALID, file_delete_state=FILE_DELETE_DONE), success(VALID), success(), canonical_resultid=1)
    transition(wu, NOW, CONFIG)
    assert wu.results[2].validate_state == TOO_LATE and not wu.need_validate


def test_errors_beyond_the_limit_fail_the_workunit():
    wu = workunit(error(), error(), error(), max_error_results=3)
    transition(wu, NOW, CONFIG)
    assert wu.error_mask == 0
    wu.results.append(row(OVER, VALIDATE_ERROR, INVALID))
    assert transition(wu, NOW, CONFIG).new_results == 0
    assert wu.error_mask == TOO_MANY_ERROR_RESULTS and wu.assimilate_state == ASSIMILATE_READY


def test_aborts_by_the_volunteer_and_missing_replies_are_not_errors():
    wu = workunit(error(EXIT_ABORTED_VIA_GUI), row(OVER, NO_REPLY), row(OVER, CLIENT_DETACHED), max_error_results=0)
    transition(wu, NOW, CONFIG)
    assert wu.error_mask == 0


def test_more_results_than_allowed_fail_the_workunit_only_if_more_are_needed():
    wu = workunit(success(), running(), max_total_results=2)
    transition(wu, NOW, CONFIG)
    assert wu.error_mask == 0
    wu = workunit(success(), row(OVER, NO_REPLY), max_total_results=2)
    transition(wu, NOW, CONFIG)
    assert wu.error_mask == TOO_MANY_TOTAL_RESULTS
    assert transition(workunit(error(), target=3, max_total_results=3), NOW, CONFIG).new_results == 2


def test_a_result_that_could_not_be_sent_fails_the_workunit():
    wu = workunit(row(OVER, COULDNT_SEND))
    transition(wu, NOW, CONFIG)
    assert wu.error_mask == COULDNT_SEND_RESULT


def test_a_failed_workunit_sends_and_checks_nothing_more():
    wu = workunit(row(INACTIVE), unsent(), running(), success(), success(INCONCLUSIVE), success(VALID), error_mask=16)
    followup = transition(wu, NOW, CONFIG)
    assert [(each.server_state, each.outcome) for each in wu.results[:2]] == [(OVER, DIDNT_NEED)] * 2
    assert list(followup.unneeded) == wu.results[:2]
    assert wu.results[2].server_state == IN_PROGRESS
    assert [each.validate_state for each in wu.results[3:]] == [NO_CHECK, NO_CHECK, VALID]
    assert wu.assimilate_state == ASSIMILATE_READY


def test_a_late_success_of_a_failed_workunit_is_validated():
    wu = workunit(success(), quorum=1, target=1, error_mask=8, assimilate_state=ASSIMILATE_DONE)
    transition(wu, NOW, CONFIG)
    assert wu.need_validate and wu.assimilate_state == ASSIMILATE_DONE


def test_hr_class_is_free_again_when_every_result_was_an_error():
    wu = workunit(error(), unsent(), hr_class=258)
    assert transition(wu, NOW, CONFIG).hr_reset
    assert wu.hr_class == 0
    for other in (success(), running(), row(OVER, NO_REPLY)):
        wu = workunit(error(), other, hr_class=258)
        transition(wu, NOW, CONFIG)
        assert wu.hr_class == 258
    wu = workunit(error(), hr_class=258)
    transition(wu, NOW, Config(hr_class_static=True))
    assert wu.hr_class == 258


def test_retries_are_sooner_if_the_project_says_so():
    config = Config(reliable_priority_on_over_except_error=5)
    assert transition(workunit(), NOW, config).priority_increase == 0
    assert transition(workunit(row(OVER, NO_REPLY)), NOW, config).priority_increase == 5
    assert transition(workunit(error()), NOW, config).priority_increase == 0
    assert transition(workunit(error()), NOW, Config(reliable_priority_on_over=3)).priority_increase == 3


def test_next_look_is_at_the_first_deadline_else_the_safety_net():
    wu = workunit(running(NOW + 50.0), running(NOW + 20.0))
    transition(wu, NOW, CONFIG)
    assert wu.transition_time == NOW + 20.0
    for delay_bound, after in ((DAY, 10 * DAY), (20 * DAY, 30 * DAY)):
        wu = workunit(unsent(), unsent(), delay_bound=delay_bound)
        transition(wu, NOW, CONFIG)
        assert wu.transition_time == NOW + after
    wu = workunit(success(VALID), success(VALID), canonical_resultid=1, assimilate_state=ASSIMILATE_DONE)
    transition(wu, NOW, CONFIG)
    assert wu.transition_time == NEVER


def test_assimilation_that_was_put_off_is_due_when_all_are_over():
    wu = workunit(success(VALID), running(), canonical_resultid=1)
    transition(wu, NOW, CONFIG)
    assert wu.assimilate_state == ASSIMILATE_INIT
    wu.results[1] = success(VALID)
    transition(wu, NOW, CONFIG)
    assert wu.assimilate_state == ASSIMILATE_READY


def test_files_of_an_assimilated_workunit_go_when_nothing_is_left_to_check():
    wu = workunit(success(VALID), success(VALID), running(), error(), canonical_resultid=1, assimilate_state=ASSIMILATE_DONE)
    transition(wu, NOW, CONFIG)
    assert wu.file_delete_state == FILE_DELETE_INIT  # the one that runs may need the inputs
    states = [each.file_delete_state for each in wu.results]
    assert states == [FILE_DELETE_INIT, FILE_DELETE_READY, FILE_DELETE_INIT, FILE_DELETE_READY]
    wu.results[2].server_state, wu.results[2].outcome = OVER, NO_REPLY
    transition(wu, NOW, CONFIG)
    assert wu.file_delete_state == FILE_DELETE_READY and wu.results[0].file_delete_state == FILE_DELETE_READY


def test_nothing_is_deleted_before_assimilation_or_the_delay():
    wu = workunit(success(VALID), success(VALID), canonical_resultid=1, assimilate_state=ASSIMILATE_READY)
    transition(wu, NOW, CONFIG)
    assert wu.file_delete_state == FILE_DELETE_INIT
    wu.assimilate_state = ASSIMILATE_DONE
    transition(wu, NOW, Config(delete_delay=600.0))
    assert wu.file_delete_state == FILE_DELETE_INIT and wu.transition_time == 1100.0
    transition(wu, 1100.0, Config(delete_delay=600.0))
    assert wu.file_delete_state == FILE_DELETE_READY
