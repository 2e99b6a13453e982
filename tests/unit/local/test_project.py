"""A whole project, event by event, with a clock that the test sets."""

from typing import NamedTuple

import pytest

from pyboinc.codec import dumps
from pyboinc.model import ErrorMask, JobSettings, Outcome
from pyboinc.slave.files import error_entry, ok_entry, output_file
from pyboinc.states import ASSIMILATE_DONE, CLIENT_DETACHED, INVALID, NO_REPLY, TOO_LATE, VALID
from pyboinc_local.project import Abort, Answer, Cancel, Deliver, Detach, Project, ProjectError, Report, Request, Send, Submit, Tick
from pyboinc_local.server.rows import DAY, HR_COARSE, Config
from pyboinc_local.simulation import Model

LINUX, WINDOWS = "x86_64-pc-linux-gnu", "windows_x86_64"


class Job(NamedTuple):
    name: str


class Scene:
    """A project with one app and a batch, and the records that it delivers."""

    def __init__(self, hosts=3, config=None, app=None, versions=((1, LINUX),), **settings):
        self.project = Project(config=config or Config(one_result_per_user_per_wu=True), seed=7)
        self.app = self.project.add_app("app", **(app or {}))
        for version in versions:
            self.project.add_version(self.app, *version)
        self.batch = self.project.add_batch(self.app, JobSettings(**{"quorum": 2, **settings}), read=Model.read)
        self.hosts = [self.project.add_host((LINUX,)) for _ in range(hosts)]
        self.records = []

    def handle(self, event, now):
        actions = self.project.handle(event, now)
        self.records += [action.record for action in actions if isinstance(action, Deliver)]
        return actions

    def submit(self, *names, batch=None, now=0.0):
        self.handle(Submit(batch or self.batch, [Job(name) for name in names]), now)

    def request(self, host, now=1.0, jobs=1, present=None):
        """The results that the host, by index, gets."""
        return [action.result for action in self.handle(Request(self.hosts[host], jobs, present), now) if isinstance(action, Send)]

    def report(self, host, result, output=b"right", now=10.0, exit_status=0):
        return self.handle(Report(self.hosts[host], result, Answer(1.0, exit_status, output, stderr="oh")), now)

    def workunit(self, number=1):
        return self.project.workunits[number]


def test_two_hosts_agree():
    scene = Scene()
    scene.submit("a")
    (first,), (second,) = scene.request(0), scene.request(1)
    assert scene.request(2) == [] == scene.request(0)
    scene.report(0, first)
    assert scene.records == []
    scene.report(1, second)
    (record,) = scene.records
    assert (record.job, record.output, record.error_mask) == ("a", b"right", 0)
    assert scene.project.open == scene.project.in_progress == scene.project.unsent == 0
    assert scene.workunit().job is None and first.output is None  # files are deleted


@pytest.mark.parametrize("quorum", [2, 3])
def test_a_wrong_host_is_outvoted(quorum):
    scene = Scene(hosts=4, quorum=quorum)
    scene.submit("a")
    results = []
    for host in range(quorum):
        (result,) = scene.request(host)
        results.append(result)
        scene.report(host, result, b"wrong" if host == 0 else b"right")
    if quorum == 2:
        assert scene.records == []  # one against one: a third is asked
        (third,) = scene.request(3)
        scene.report(3, third)
    assert [record.output for record in scene.records] == [b"right"]
    assert (results[0].validate_state, results[1].validate_state) == (INVALID, VALID)
    assert scene.hosts[0].app_versions[1].consecutive_valid == 0 and scene.hosts[1].app_versions[1].consecutive_valid == 1


def test_boincs_default_lets_a_host_agree_with_itself():
    scene = Scene(hosts=1, config=Config())
    scene.submit("a")
    for result in scene.request(0, jobs=9):
        scene.report(0, result, b"wrong")
    assert [record.output for record in scene.records] == [b"wrong"]


def test_a_late_result_before_the_canonical_one_counts():
    scene = Scene(deadline=100.0)
    scene.submit("a")
    (first,) = scene.request(0, now=0.0)
    scene.handle(Tick(), scene.project.next_alarm)
    assert first.outcome == NO_REPLY and scene.project.unsent == 2 and scene.project.in_progress == 0
    scene.report(0, first, now=200.0)
    (second,) = scene.request(1, now=200.0)
    scene.report(1, second, now=210.0)
    assert [record.output for record in scene.records] == [b"right"]
    assert scene.project.unsent == 0  # the replacement is not needed


@pytest.mark.parametrize(("output", "state"), [(b"right", VALID), (b"wrong", INVALID)])
def test_a_result_after_the_canonical_one_is_compared_with_it(output, state):
    scene = Scene(replication=3)
    scene.submit("a")
    first, second, third = (scene.request(host)[0] for host in range(3))
    scene.report(0, first)
    scene.report(1, second)
    assert len(scene.records) == 1 and scene.workunit().job is not None  # the third may need the input
    scene.report(2, third, output, now=20.0)
    assert third.validate_state == state and len(scene.records) == 1 and scene.workunit().job is None


def test_a_result_after_the_files_are_deleted_is_too_late_and_one_after_the_purge_unknown():
    scene = Scene(replication=4, deadline=100.0, hosts=4)
    scene.submit("a")
    results = [scene.request(host, now=0.0)[0] for host in range(4)]
    scene.report(0, results[0])
    scene.report(1, results[1])
    scene.handle(Tick(), 102.0)
    assert scene.workunit().job is None
    scene.report(2, results[2], now=110.0)
    assert results[2].validate_state == TOO_LATE
    scene.handle(Tick(), 102.0 + DAY)
    assert not scene.project.workunits
    (archived,) = scene.project.archive
    assert archived == (1, 0, 4, 1, 0.0, 102.0)
    assert scene.report(3, results[3], now=103.0 + DAY) == ()


def test_a_job_that_failed_and_then_got_a_valid_result_is_delivered_twice():
    scene = Scene(quorum=1, max_total_results=1, deadline=100.0)
    scene.submit("a")
    (result,) = scene.request(0, now=0.0)
    scene.handle(Tick(), 101.0)
    (failed,) = scene.records
    assert failed.output is None and failed.error_mask == ErrorMask.TOO_MANY_TOTAL_RESULTS and scene.project.open == 0
    scene.report(0, result, now=150.0)
    assert scene.records[1].output == b"right" and scene.project.open == 0


def test_a_job_whose_results_all_fail_says_how():
    scene = Scene(quorum=1, max_error_results=1)
    scene.submit("a")
    for host in range(2):
        (result,) = scene.request(host)
        scene.report(host, result, None, exit_status=3)
    (record,) = scene.records
    assert record.error_mask == ErrorMask.TOO_MANY_ERROR_RESULTS
    assert [(each.outcome, each.exit_status, each.host, each.stderr) for each in record.results] == [
        (Outcome.CLIENT_ERROR, 3, "host 1", "oh"),
        (Outcome.CLIENT_ERROR, 3, "host 2", "oh"),
    ]


def test_results_that_never_agree_fail_the_job():
    scene = Scene(hosts=5, max_success_results=3)
    scene.submit("a")
    for host in range(5):
        for result in scene.request(host):
            scene.report(host, result, b"%d" % host)
    assert [record.error_mask for record in scene.records] == [ErrorMask.TOO_MANY_SUCCESS_RESULTS]


def test_cancel():
    scene = Scene()
    scene.submit("a", "b")
    (running,) = scene.request(0)
    actions = scene.handle(Cancel(scene.batch, ["a"]), 5.0)
    assert Abort(running) in actions
    assert [(record.job, record.error_mask) for record in scene.records] == [("a", ErrorMask.CANCELLED)]
    scene.handle(Cancel(scene.batch), 6.0)
    assert [record.job for record in scene.records] == ["a", "b"] and scene.project.open == 0 == scene.project.unsent
    scene.report(0, running, now=7.0)  # no harm
    assert len(scene.records) == 2


def test_cancel_leaves_what_is_done():
    scene = Scene(quorum=1)
    scene.submit("a")
    scene.report(0, scene.request(0)[0])
    scene.handle(Cancel(scene.batch), 20.0)
    assert scene.workunit().error_mask == 0 and scene.workunit().assimilate_state == ASSIMILATE_DONE


def test_a_host_that_leaves_is_replaced():
    scene = Scene(quorum=1)
    scene.submit("a")
    (result,) = scene.request(0)
    scene.handle(Detach(scene.hosts[0]), 5.0)
    assert result.outcome == CLIENT_DETACHED and scene.project.unsent == 1 and scene.project.in_progress == 0
    scene.report(0, result, now=6.0)
    assert scene.records == []  # BOINC has set its received_time


def test_a_name_is_made_once():
    scene = Scene()
    scene.submit("a", "a")
    scene.submit("a")
    assert scene.project.open == 1


def test_higher_priority_then_older_work_is_sent_first():
    scene = Scene(quorum=1)
    urgent = scene.project.add_batch(scene.app, JobSettings(priority=5), read=Model.read)
    scene.submit("1", "2", "3")
    scene.submit("4", "5", batch=urgent)
    sent = scene.request(0, jobs=3)
    assert [result.workunitid for result in sent] == [4, 5, 1]
    scene.report(0, sent[2], None, exit_status=1)
    assert [result.workunitid for result in scene.request(1, jobs=9)] == [1, 2, 3]  # again before what came later


def test_a_batch_that_wants_a_version_shares_the_queue_with_others():
    scene = Scene(quorum=1, app={"min_version": 1}, versions=((1, LINUX), (2, LINUX), (3, WINDOWS)))
    old = scene.project.add_batch(scene.app, JobSettings(), app_version_num=1, read=Model.read)
    other = scene.project.add_batch(scene.app, JobSettings(), app_version_num=3, read=Model.read)
    scene.submit("1", batch=other)
    scene.submit("2")
    scene.submit("3", batch=old)
    scene.submit("4")
    sent = scene.request(0, jobs=9)
    assert [result.workunitid for result in sent] == [2, 3, 4]
    assert [result.app_version_id for result in sent] == [2, 1, 2]


def test_platforms_without_a_version_get_nothing():
    scene = Scene(versions=((1, WINDOWS),))
    scene.submit("a")
    assert scene.request(0) == []


def test_homogeneous_redundancy_keeps_a_job_to_one_class():
    scene = Scene(hosts=0, app={"homogeneous_redundancy": HR_COARSE})
    for os_name, vendor in (("Linux", "Intel"), ("Windows", "Intel"), ("FreeBSD", "Intel"), ("Linux", "AMD"), ("Windows", "AMD")):
        scene.hosts.append(scene.project.add_host((LINUX,), os_name=os_name, p_vendor=vendor))
    scene.submit("a", "b")
    assert [result.workunitid for result in scene.request(0)] == [1]
    assert [result.workunitid for result in scene.request(1, jobs=2)] == [2]  # "a" is for Linux now
    assert scene.request(2, jobs=2) == []  # coarse knows no FreeBSD
    assert [result.workunitid for result in scene.request(4, jobs=2)] == [2]
    assert [result.workunitid for result in scene.request(3, jobs=2)] == [1]


def test_homogeneous_redundancy_is_lifted_after_an_error():
    scene = Scene(hosts=0, quorum=1, app={"homogeneous_redundancy": HR_COARSE})
    for os_name in ("Linux", "Windows"):
        scene.hosts.append(scene.project.add_host((LINUX,), os_name=os_name, p_vendor="Intel"))
    scene.submit("a")
    scene.report(0, scene.request(0)[0], None, exit_status=1)
    assert len(scene.request(1)) == 1


def test_adaptive_replication_trusts_a_host_after_ten_valid_results():
    scene = Scene(quorum=1, hosts=2, app={"target_nresults": 2})
    scene.submit(*[str(number) for number in range(200)])
    replicated = []
    for number in range(200):
        now = 1000.0 * (number + 1)
        (result,) = scene.request(0, now=now)
        wu = scene.workunit(result.workunitid)
        replicated.append(wu.target_nresults == 2)
        scene.report(0, result, now=now + 1)
        if replicated[-1]:
            (second,) = scene.request(1, now=now + 2)
            assert second.workunitid == wu.id
            scene.report(1, second, now=now + 3)
    assert replicated[:10] == [True] * 10
    assert 0 < sum(replicated[10:]) < 60
    assert len(scene.records) == 200


def test_one_error_ends_the_trust():
    scene = Scene(quorum=1, hosts=2, app={"target_nresults": 2})
    scene.submit("a")
    scene.project.hosts[1].app_versions.clear()
    (result,) = scene.request(0)
    record = scene.hosts[0].app_versions[1]
    record.consecutive_valid = 1000
    scene.report(0, result, None, exit_status=1)
    assert record.consecutive_valid == 0


def test_the_daily_quota_stops_a_host_until_the_next_day():
    scene = Scene(quorum=1, config=Config(daily_result_quota=2))
    scene.submit(*"abcdef")
    assert len(scene.request(0, now=10.0)) == 1
    assert len(scene.request(0, now=11.0, jobs=5)) == 1
    assert scene.request(0, now=12.0, jobs=5) == []
    assert len(scene.request(0, now=DAY + 1.0, jobs=5)) == 2


def test_lost_results_are_sent_again_and_no_new_work_with_them():
    scene = Scene(quorum=1, config=Config(resend_lost_results=True), fpops_estimate=1e9)
    scene.submit("a", "b", "c")
    first, second = scene.request(0, jobs=2)
    assert scene.request(0, now=5.0, present=[first.id]) == [second]
    assert [each.workunitid for each in scene.request(0, now=6.0, present=[first.id, second.id])] == [3]
    assert scene.hosts[0].app_versions[1].n_jobs_today == 3  # a job sent again counts once


def test_a_lost_result_that_nobody_needs_times_out():
    scene = Scene(replication=3, config=Config(resend_lost_results=True))
    scene.submit("a")
    first, second, lost = scene.request(0, jobs=1) + scene.request(1, jobs=1) + scene.request(2, jobs=1)
    scene.report(0, first)
    scene.report(1, second)
    assert scene.request(2, now=20.0, present=[]) == []
    assert lost.outcome == NO_REPLY and scene.workunit().job is None


def test_an_output_that_cannot_be_read_now_is_tried_again_in_six_hours():
    from pyboinc_validator.quorum import Candidate, Check

    scene = Scene(quorum=1)
    away = [True]
    read = lambda wu, result: Candidate(result.id, result.output, Check.TRANSIENT if away[0] else Check.OK)  # noqa: E731
    batch = scene.project.add_batch(scene.app, JobSettings(), read=read)
    scene.submit("a", batch=batch)
    scene.report(0, scene.request(0)[0])
    assert scene.records == [] and scene.project.next_alarm == 10.0 + 6 * 3600.0 + 1.0
    away[0] = False
    scene.handle(Tick(), scene.project.next_alarm)
    assert len(scene.records) == 1 and scene.project.unsent == 0


@pytest.mark.parametrize(("second", "delivered"), [("ok", "ok"), ("raised", "raised")])
def test_an_exception_of_the_app_gets_a_second_opinion_also_under_quorum_1(second, delivered):
    files = {"ok": output_file([ok_entry(dumps(1))]), "raised": output_file([error_entry("ValueError", [("m", "f", 3)])])}
    scene = Scene(quorum=1)
    scene.submit("a", batch=scene.project.add_batch(scene.app, JobSettings()))
    scene.report(0, scene.request(0)[0], files["raised"])
    assert scene.records == []
    scene.report(1, scene.request(1)[0], files[second])
    if second == "ok":  # one against one
        scene.report(2, scene.request(2)[0], files["ok"])
    assert [record.output for record in scene.records] == [files[delivered]]


def test_errors_name_the_seed():
    def read(wu, result):
        raise RuntimeError("no")

    scene = Scene(quorum=1)
    scene.submit("a", batch=scene.project.add_batch(scene.app, JobSettings(), read=read))
    with pytest.raises(ProjectError, match=r"RuntimeError: no .*seed 7"):
        scene.report(0, scene.request(0)[0])
