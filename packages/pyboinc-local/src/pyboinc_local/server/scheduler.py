"""Which result goes to which host, and what a host's report does.

BOINC's `sched/sched_version.cpp` (get_app_version), `sched_check.cpp` (slow_check), `sched_hr.cpp`, `sched_send.cpp`
(add_result_to_reply, update_wu_on_send), `sched_result.cpp` (handle_results), `sched_resend.cpp`, `handle_request.cpp`
(mark_results_over).

Not here, since hosts have no such properties yet: memory, disk and bandwidth checks, plan classes, beta apps,
preferences, reliable hosts. The deadline check is left out where BOINC leaves it out: for a host that has no other work.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

from pyboinc.states import CLIENT_DETACHED, CLIENT_ERROR, IN_PROGRESS, INVALID, NO_REPLY, OVER, SUCCESS, UNSENT
from pyboinc_validator.handle import is_unreplicated

from . import adaptive, quota
from .rows import EXIT_ABORTED_BY_PROJECT, App, AppVersion, Config, Host, HostAppVersion, Result, Workunit

DEFAULT_FPOPS = 1e12  # of a workunit that gives no estimate


def usable_versions(platforms: Sequence[str], versions: Iterable[AppVersion], app: App, version_num: int) -> tuple[AppVersion, ...]:
    """The app's versions that a host with these platforms can run, best first: the fastest, then its primary platform's.

    version_num: what the workunit wants; 0 means the newest of each platform. Older ones are there to be wanted only if
    app.min_version is set (`sched_shmem.cpp`). BOINC's random factor on speeds is left out: it is for plan classes.
    """
    mine = [each for each in versions if each.appid == app.id and each.platform in platforms and not each.deprecated]
    newest: dict[str, int] = {}
    for each in mine:
        newest[each.platform] = max(each.version_num, newest.get(each.platform, 0))
    if version_num and app.min_version:
        mine = [each for each in mine if each.version_num == version_num >= app.min_version]
    else:
        least = max(version_num, app.min_version)
        mine = [each for each in mine if each.version_num == newest[each.platform] >= least]
        mine = [each for each in mine if each.version_num == (version_num or each.version_num)]
    return tuple(sorted(mine, key=lambda each: (-each.flops, platforms.index(each.platform), -each.version_num)))


def best_version(host: Host, versions: Sequence[AppVersion], config: Config) -> AppVersion | None:
    """The first of usable_versions for which the host has not reached its daily quota."""
    for version in versions:
        record = host.app_versions.get(version.id)
        if record is None or not quota.quota_reached(record, host.p_ncpus, config.daily_result_quota):
            return version
    return None


def may_have(wu: Workunit, host: Host, config: Config) -> bool:
    """The host, or its volunteer, has no result of this workunit yet, if the project cares."""
    if config.one_result_per_user_per_wu:
        return all(each.userid != host.userid for each in wu.results)
    if config.one_result_per_host_per_wu:
        return all(each.hostid != host.id for each in wu.results)
    return True


def send(
    result: Result, wu: Workunit, host: Host, host_class: int, app: App, version: AppVersion, now: float, random: Random, config: Config
) -> bool:
    """Send an unsent result. True if the workunit is now replicated, so that the transitioner must look at it at once.

    host_class: the host's HR class if the app has HR, else 0; the workunit stays in it from now on.
    """
    record = host.app_versions.get(version.id)
    alone = False
    if is_unreplicated(wu.target_nresults, app.target_nresults):
        alone = adaptive.draw_trust(record, random)
    if record is None:
        host.app_versions[version.id] = HostAppVersion(0, 1, 0)
    else:
        record.n_jobs_today += 1
    result.hostid = host.id
    result.userid = host.userid
    result.app_version_id = version.id
    result.sent_time = now
    result.report_deadline = deadline = now + wu.delay_bound + config.report_grace_period
    result.server_state = IN_PROGRESS
    host.in_progress[result.id] = result
    if deadline < wu.transition_time:
        wu.transition_time = deadline
    wu.hr_class = host_class
    if not alone and is_unreplicated(wu.target_nresults, app.target_nresults):
        adaptive.replicate(wu, app, now)
        return True
    return False


def report(result: Result, wu: Workunit, host: Host, now: float, exit_status: int, elapsed_time: float, config: Config) -> str:
    """A host reports a result. Returns "" if that counts; otherwise why it does not, and nothing has changed.

    A result that was given up after its deadline is still welcome. The caller takes it from its host's in_progress.
    """
    refusal = _refusal(result, host)
    if refusal:
        return refusal
    result.hostid = host.id
    result.received_time = now
    result.exit_status = exit_status
    result.elapsed_time = max(0.0, min(elapsed_time, now - result.sent_time))
    result.server_state = OVER
    record = host.app_versions.get(result.app_version_id)
    if exit_status == 0:
        result.outcome = SUCCESS
        if record is not None:
            quota.reported_success(record, config.daily_result_quota)
    else:
        result.outcome = CLIENT_ERROR
        result.validate_state = INVALID
        if record is not None and exit_status != EXIT_ABORTED_BY_PROJECT:
            quota.reported_error(record, config.daily_result_quota)
    wu.transition_time = now
    return ""


def _refusal(result: Result, host: Host) -> str:
    if result.server_state == OVER and result.outcome not in (NO_REPLY, CLIENT_DETACHED):
        return "it is over already"
    if result.server_state == UNSENT:
        return "it was never sent"
    if result.received_time:
        return "it was received already"
    if result.hostid != host.id and result.userid != host.userid:
        return "it was sent to another volunteer's host"
    return ""


def lost(host: Host, present: Iterable[int]) -> list[Result]:
    """Results that the project thinks are on the host but are not among those that it has."""
    on_host = frozenset(present)
    return [result for number, result in host.in_progress.items() if number not in on_host]


def resend(result: Result, wu: Workunit, host: Host, host_class: int, version: AppVersion | None, now: float, config: Config) -> bool:
    """Send a lost result once more, with its old deadline; False if that makes no sense.

    Then its deadline has passed, so that the transitioner gives it up. BOINC would give more time to a host that has
    other work; ours asks when it has none.
    """
    remaining = result.report_deadline - now
    duration = (wu.rsc_fpops_est if wu.rsc_fpops_est > 0 else DEFAULT_FPOPS) / host.p_fpops
    wrong_class = wu.hr_class not in (0, host_class)
    if version is None or wu.error_mask or wu.canonical_resultid or wrong_class or duration > remaining:
        result.report_deadline = now - 1.0
        wu.transition_time = min(wu.transition_time, result.report_deadline)
        return False
    result.app_version_id = version.id
    result.sent_time = now
    return True


def detach(host: Host, now: float) -> list[Result]:
    """The host has left the project: what it was sent is over, and is not accepted any more. Returns those results."""
    results = list(host.in_progress.values())
    host.in_progress.clear()
    for result in results:
        result.server_state = OVER
        result.outcome = CLIENT_DETACHED
        result.received_time = now
    return results
