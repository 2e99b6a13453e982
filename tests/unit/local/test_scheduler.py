"""App versions, quotas, reports, lost results: on bare rows."""

from random import Random

from pyboinc.states import CLIENT_DETACHED, CLIENT_ERROR, IN_PROGRESS, INVALID, NEVER, NO_REPLY, OVER, SUCCESS, UNSENT, VALIDATE_INIT
from pyboinc_local.server import adaptive, quota, scheduler
from pyboinc_local.server.rows import DAY, EXIT_ABORTED_BY_PROJECT, App, AppVersion, Config, Host, HostAppVersion, Result, Workunit
from pyboinc_validator import handle

CONFIG = Config()
WINDOWS, WINDOWS_32, LINUX = "windows_x86_64", "windows_intelx86", "x86_64-pc-linux-gnu"


def a_host(number=1, **columns):
    return Host(number, columns.pop("userid", number), columns.pop("platforms", (LINUX,)), **columns)


def a_workunit(target=1, **columns):
    made = Workunit(1, "wu", 1, 1, None, 0.0, 1, target, 3, 10, 6, 100.0, 1e10, transition_time=NEVER)
    for name, value in columns.items():
        setattr(made, name, value)
    return made


def sent(host, wu, now=1000.0, app=None, version=None, random=None):
    result = Result(len(wu.results) + 1, wu.id, 0)
    wu.results.append(result)
    app = app or App(1, "app")
    scheduler.send(result, wu, host, 0, app, version or AppVersion(1, 1, 100, LINUX), now, random or Random(1), CONFIG)
    return result


# -- app versions


def numbers(versions):
    return [each.id for each in versions]


VERSIONS = [
    AppVersion(1, 1, 100, WINDOWS_32),
    AppVersion(2, 1, 100, WINDOWS),
    AppVersion(3, 1, 101, WINDOWS),
    AppVersion(4, 1, 101, LINUX),
    AppVersion(5, 2, 999, WINDOWS),
    AppVersion(6, 1, 102, WINDOWS, deprecated=True),
]


def test_the_newest_version_for_the_primary_platform_is_best():
    assert numbers(scheduler.usable_versions((WINDOWS, WINDOWS_32), VERSIONS, App(1, "app"), 0)) == [3, 1]
    assert numbers(scheduler.usable_versions(("arm",), VERSIONS, App(1, "app"), 0)) == []


def test_a_faster_version_is_better():
    fast = [*VERSIONS, AppVersion(7, 1, 101, WINDOWS_32, flops=2.0)]
    assert numbers(scheduler.usable_versions((WINDOWS, WINDOWS_32), fast, App(1, "app"), 0)) == [7, 3]


def test_a_batch_gets_the_version_that_it_wants_if_the_app_keeps_old_ones():
    kept = App(1, "app", min_version=100)
    assert numbers(scheduler.usable_versions((WINDOWS, WINDOWS_32), VERSIONS, kept, 100)) == [2, 1]
    assert numbers(scheduler.usable_versions((WINDOWS, WINDOWS_32), VERSIONS, App(1, "app"), 100)) == [1]
    assert numbers(scheduler.usable_versions((LINUX,), VERSIONS, kept, 100)) == []
    assert numbers(scheduler.usable_versions((WINDOWS,), VERSIONS, App(1, "app", min_version=102), 0)) == []


# -- daily quota


def test_the_quota_goes_down_by_one_and_doubles_on_the_way_up():
    version = HostAppVersion(500, 0, 7)
    quota.reported_error(version, 500)
    assert (version.max_jobs_per_day, version.consecutive_valid) == (499, 0)
    version.max_jobs_per_day = 3
    quota.timed_out(version, 500)
    quota.reported_error(version, 500)
    quota.reported_error(version, 500)
    assert version.max_jobs_per_day == 1
    quota.reported_success(version, 500)
    quota.reported_success(version, 500)
    assert version.max_jobs_per_day == 4
    version.max_jobs_per_day = 400
    quota.reported_success(version, 500)
    assert version.max_jobs_per_day == 500


def test_valid_results_raise_the_quota_beyond_the_projects_and_invalid_ones_bring_it_back():
    version = HostAppVersion(500, 0, 7)
    handle.validated(version, unreplicated=False)
    assert (version.max_jobs_per_day, version.consecutive_valid) == (501, 8)
    handle.validated(version, unreplicated=True)
    assert (version.max_jobs_per_day, version.consecutive_valid) == (502, 8)
    handle.invalidated(version, 500)
    assert (version.max_jobs_per_day, version.consecutive_valid) == (501, 0)
    version.max_jobs_per_day = 500
    handle.invalidated(version, 500)
    assert version.max_jobs_per_day == 500
    version.max_jobs_per_day = 501
    quota.reported_error(version, 500)
    assert version.max_jobs_per_day == 499


def test_the_quota_counts_per_processor_unless_it_is_one():
    assert not quota.quota_reached(HostAppVersion(2, 7, 0), 4, 500)
    assert quota.quota_reached(HostAppVersion(2, 8, 0), 4, 500)
    assert quota.quota_reached(HostAppVersion(1, 1, 0), 4, 500)
    assert not quota.quota_reached(HostAppVersion(0, 99, 0), 4, 500)  # new: the next request sets it
    assert not quota.quota_reached(HostAppVersion(1, 99, 0), 1, 0)


def test_a_new_day_starts_the_count_again():
    host = a_host(rpc_time=DAY - 10.0, app_versions={1: HostAppVersion(0, 5, 0)})
    quota.start_request(host, DAY - 5.0, 500)
    assert host.app_versions[1] == host.app_versions[1] and host.app_versions[1].n_jobs_today == 5
    assert host.app_versions[1].max_jobs_per_day == 500
    quota.start_request(host, DAY + 5.0, 500)
    assert host.app_versions[1].n_jobs_today == 0 and host.rpc_time == DAY + 5.0


def test_a_host_at_its_quota_gets_its_other_version():
    versions = scheduler.usable_versions((WINDOWS, WINDOWS_32), VERSIONS, App(1, "app"), 0)
    host = a_host(app_versions={3: HostAppVersion(1, 1, 0)})
    assert scheduler.best_version(host, versions, CONFIG) is VERSIONS[0]
    host.app_versions[1] = HostAppVersion(1, 1, 0)
    assert scheduler.best_version(host, versions, CONFIG) is None


# -- sending


def test_sending_sets_deadline_and_next_look():
    host, wu = a_host(), a_workunit()
    result = sent(host, wu)
    assert (result.server_state, result.hostid, result.report_deadline) == (IN_PROGRESS, 1, 1100.0)
    assert wu.transition_time == 1100.0
    assert host.in_progress == {1: result} and host.app_versions[1].n_jobs_today == 1
    wu.transition_time = 50.0
    sent(a_host(2), wu)
    assert wu.transition_time == 50.0  # an earlier look stays


def test_one_result_per_user_or_host_only_if_the_project_says_so():
    wu = a_workunit(target=2)
    sent(a_host(1, userid=7), wu)
    same_user = a_host(2, userid=7)
    assert scheduler.may_have(wu, a_host(1, userid=7), CONFIG)  # BOINC's default: a host can agree with itself
    assert not scheduler.may_have(wu, same_user, Config(one_result_per_user_per_wu=True))
    assert scheduler.may_have(wu, same_user, Config(one_result_per_host_per_wu=True))
    assert not scheduler.may_have(wu, a_host(1, userid=8), Config(one_result_per_host_per_wu=True))


def test_a_job_of_an_adaptive_app_is_replicated_unless_the_host_is_trusted():
    app = App(1, "app", target_nresults=2)
    wu = a_workunit()
    result = Result(1, 1, 0)
    assert scheduler.send(result, wu, a_host(), 0, app, AppVersion(1, 1, 1, LINUX), 5.0, Random(1), CONFIG)
    assert (wu.target_nresults, wu.min_quorum, wu.transition_time) == (2, 2, 5.0)
    wu = a_workunit()
    trusted = a_host(app_versions={1: HostAppVersion(500, 0, 10**9)})
    assert not scheduler.send(Result(1, 1, 0), wu, trusted, 0, app, AppVersion(1, 1, 1, LINUX), 5.0, Random(1), CONFIG)
    assert wu.target_nresults == 1


def test_trust_grows_with_valid_results_in_a_row():
    random = Random(1)

    def share(consecutive_valid):
        return sum(adaptive.draw_trust(HostAppVersion(1, 0, consecutive_valid), random) for _ in range(20000)) / 20000

    assert share(9) == 0.0
    assert abs(share(10) - 0.9) < 0.01
    assert abs(share(100) - 0.99) < 0.005
    assert not adaptive.draw_trust(None, random)


# -- reports


def report(result, wu, host, now=1050.0, exit_status=0):
    return scheduler.report(result, wu, host, now, exit_status, 10.0, CONFIG)


def test_success_and_error():
    host, wu = a_host(), a_workunit()
    good, bad = sent(host, wu), sent(host, wu)
    assert report(good, wu, host) == "" == report(bad, wu, host, exit_status=1)
    assert (good.server_state, good.outcome, good.validate_state) == (OVER, SUCCESS, VALIDATE_INIT)
    assert (bad.server_state, bad.outcome, bad.validate_state) == (OVER, CLIENT_ERROR, INVALID)
    assert wu.transition_time == 1050.0 and good.received_time == 1050.0


def test_an_error_costs_quota_and_trust_but_not_an_abort_by_the_project():
    host, wu = a_host(app_versions={1: HostAppVersion(500, 0, 12)}), a_workunit()
    report(sent(host, wu), wu, host, exit_status=EXIT_ABORTED_BY_PROJECT)
    assert host.app_versions[1].consecutive_valid == 12
    report(sent(host, wu), wu, host, exit_status=1)
    assert (host.app_versions[1].consecutive_valid, host.app_versions[1].max_jobs_per_day) == (0, 499)


def test_a_late_result_counts_but_none_counts_twice():
    host, wu = a_host(), a_workunit()
    result = sent(host, wu)
    result.server_state, result.outcome = OVER, NO_REPLY
    assert report(result, wu, host) == ""
    assert result.outcome == SUCCESS
    assert report(result, wu, host) == "it is over already"


def test_results_that_do_not_count():
    host, wu = a_host(), a_workunit()
    assert report(Result(9, 1, 0), wu, host) == "it was never sent"
    result = sent(host, wu)
    assert report(result, wu, a_host(2)) == "it was sent to another volunteer's host"
    assert result.server_state == IN_PROGRESS
    assert report(result, wu, a_host(3, userid=1)) == ""  # the same volunteer's
    detached = sent(host, wu)
    assert scheduler.detach(host, 1010.0)[-1] is detached
    assert (detached.server_state, detached.outcome) == (OVER, CLIENT_DETACHED)
    assert report(detached, wu, host) == "it was received already"


def test_elapsed_time_is_within_turnaround():
    host, wu = a_host(), a_workunit()
    result = sent(host, wu, now=1045.0)
    report(result, wu, host)
    assert result.elapsed_time == 5.0


# -- lost results


def test_lost_results_are_sent_again_with_their_deadline():
    host, wu = a_host(p_fpops=1e9), a_workunit()  # 10 seconds of work
    first, second = sent(host, wu), sent(host, wu)
    assert scheduler.lost(host, [first.id]) == [second]
    assert scheduler.resend(second, wu, host, 0, AppVersion(1, 1, 1, LINUX), 1050.0, CONFIG)
    assert (second.sent_time, second.report_deadline, second.server_state) == (1050.0, 1100.0, IN_PROGRESS)


def test_lost_results_that_nobody_needs_or_can_finish_time_out():
    version = AppVersion(1, 1, 1, LINUX)
    for columns, now, given in (
        ({}, 1095.0, version),
        ({}, 1050.0, None),
        ({"error_mask": 16}, 1050.0, version),
        ({"canonical_resultid": 5}, 1050.0, version),
        ({"hr_class": 258}, 1050.0, version),
    ):
        host, wu = a_host(p_fpops=1e9), a_workunit()
        result = sent(host, wu)
        for name, value in columns.items():
            setattr(wu, name, value)
        assert not scheduler.resend(result, wu, host, 0, given, now, CONFIG)
        assert result.report_deadline < now and wu.transition_time < now


def test_unsent_is_what_a_new_result_is():
    assert Result(1, 1, 0).server_state == UNSENT
