"""What a verdict does to the rows; and files afterwards."""

import pytest

from pyboinc.states import (
    ASSIMILATE_READY,
    DIDNT_NEED,
    FILE_DELETE_DONE,
    FILE_DELETE_ERROR,
    FILE_DELETE_READY,
    INCONCLUSIVE,
    INVALID,
    NEVER,
    NO_CHECK,
    OVER,
    SUCCESS,
    TOO_LATE,
    TOO_MANY_SUCCESS_RESULTS,
    UNSENT,
    VALID,
    VALIDATE_ERROR,
    VALIDATE_INIT,
)
from pyboinc_local.server import deleter
from pyboinc_local.server.rows import Config, HostAppVersion, Result, Workunit
from pyboinc_validator import handle

NOW = 1000.0


def workunit(*states, quorum=2, target=2):
    wu = Workunit(1, "wu", 1, 1, None, 0.0, quorum, target, 3, 10, 6, 100.0, 1e12, transition_time=NOW + 50.0)
    wu.results = [Result(number, 1, 0, OVER, SUCCESS, state) for number, state in enumerate(states, 1)]
    return wu


def check(wu, states, canonical=None, failures=(), retry=False, boinc_exact=False, app_target=0):
    viable = handle.viable_results(wu.results)
    records = [HostAppVersion(500, 0, 5) for _ in viable]
    rules = {"app_target": app_target, "quota": 500, "boinc_exact": boinc_exact}
    unneeded = handle.set_checked(wu, wu.results, viable, records, canonical, states, failures, retry, NOW, **rules)
    return unneeded, records


def test_a_canonical_result_is_assimilated_and_nothing_more_is_sent():
    wu = workunit(0, 0, 0)
    wu.results.append(Result(4, 1, 0))
    unneeded, records = check(wu, {1: VALID, 2: INVALID, 3: VALID}, canonical=1)
    assert (wu.canonical_resultid, wu.assimilate_state, wu.transition_time) == (1, ASSIMILATE_READY, NEVER)
    assert [each.validate_state for each in wu.results[:3]] == [VALID, INVALID, VALID]
    assert list(unneeded) == [wu.results[3]] and wu.results[3].outcome == DIDNT_NEED
    assert [each.consecutive_valid for each in records] == [6, 0, 6]


def test_no_agreement_asks_for_one_more():
    wu = workunit(0, 0)
    check(wu, {})
    assert [each.validate_state for each in wu.results] == [INCONCLUSIVE, INCONCLUSIVE]
    assert (wu.target_nresults, wu.transition_time) == (3, NOW)


def test_too_many_results_that_disagree_fail_the_workunit():
    wu = workunit(*[INCONCLUSIVE] * 6, 0)
    check(wu, {})
    assert wu.error_mask == TOO_MANY_SUCCESS_RESULTS


def test_an_output_that_is_none_is_a_failure():
    wu = workunit(0, 0)
    _, records = check(wu, {2: INVALID}, failures={2})
    assert (wu.results[1].outcome, wu.results[1].validate_state) == (VALIDATE_ERROR, INVALID)
    assert (wu.target_nresults, wu.transition_time) == (2, NOW)
    assert records[1].consecutive_valid == 0


def test_viable_are_all_successes_that_are_not_invalid():
    wu = workunit(0, NO_CHECK, INVALID, INCONCLUSIVE)
    wu.results.append(Result(5, 1, 0, UNSENT))
    assert [each.id for each in handle.viable_results(wu.results)] == [1, 2, 4]


def test_outputs_that_cannot_be_read_now_are_checked_again_later():
    wu = workunit(0, 0)
    wu.transition_time = NOW + 10 * 86400.0
    check(wu, {}, retry=True)
    assert [each.validate_state for each in wu.results] == [VALIDATE_INIT, VALIDATE_INIT]
    assert (wu.target_nresults, wu.transition_time) == (2, NOW + 6 * 3600.0)


def test_boinc_itself_marks_them_inconclusive_and_makes_another():
    wu = workunit(0, 0)
    check(wu, {}, retry=True, boinc_exact=True)
    assert [each.validate_state for each in wu.results] == [INCONCLUSIVE, INCONCLUSIVE]
    assert wu.target_nresults == 3


def test_what_is_no_output_fails_also_while_others_cannot_be_read():
    wu = workunit(0, 0)
    check(wu, {2: INVALID}, failures={2}, retry=True)
    assert [each.validate_state for each in wu.results] == [VALIDATE_INIT, INVALID]
    assert wu.transition_time == NOW


def test_a_result_that_was_not_to_be_checked_stays_so_unless_it_is_decided_on():
    wu = workunit(NO_CHECK, NO_CHECK)
    check(wu, {})
    assert [each.validate_state for each in wu.results] == [NO_CHECK, NO_CHECK]


def test_what_nobody_was_compared_with_earns_no_trust():
    wu = workunit(0, quorum=1, target=1)
    _, records = check(wu, {1: VALID}, canonical=1, app_target=2)
    assert (records[0].consecutive_valid, records[0].max_jobs_per_day) == (5, 501)


@pytest.mark.parametrize(
    ("state", "failure", "consecutive", "outcome"),
    [(VALID, False, 6, SUCCESS), (INVALID, False, 0, SUCCESS), (INVALID, True, 0, VALIDATE_ERROR), (TOO_LATE, False, 5, SUCCESS)],
)
def test_a_late_result(state, failure, consecutive, outcome):
    wu = workunit(VALID, VALID, 0)
    record = HostAppVersion(500, 0, 5)
    (late,) = handle.unchecked_results(wu.results)
    handle.pair_checked(wu, late, state, failure, record, NOW, quota=500)
    assert (late.outcome, record.consecutive_valid, wu.transition_time) == (outcome, consecutive, NOW)


def test_files_are_deleted_once_and_failures_can_be_tried_again():
    wu = workunit(VALID, VALID)
    wu.file_delete_state = wu.results[0].file_delete_state = FILE_DELETE_READY
    deleted = []
    assert deleter.delete_files(wu, lambda wu: False, lambda result: deleted.append(result.id) is None) == 2
    assert deleted == [1] and wu.results[0].file_delete_state == FILE_DELETE_DONE
    assert wu.file_delete_state == FILE_DELETE_ERROR
    deleter.retry_errors(wu)
    assert deleter.delete_files(wu, lambda wu: True, lambda result: True) == 1
    assert deleter.purge_time(NOW, Config(purge_min_age=60.0)) == NOW + 60.0
