"""Judgements and what they change: on rows of a real project, and the same cases on the simulated one."""

import itertools

from pyboinc.codec import dumps
from pyboinc.ledger import CheckedApp, CheckedResult, CheckedWorkunit, HostVersion, Ledger, Mean, Version
from pyboinc.model import JobSettings
from pyboinc.slave.files import ok_entry, output_file
from pyboinc.states import ASSIMILATE_READY, DIDNT_NEED, INVALID, OVER, SUCCESS, UNSENT, VALID, VALIDATE_INIT
from pyboinc_local.project import Answer, Project, Report, Request, Submit
from pyboinc_local.server.rows import Config
from pyboinc_validator.comparators import candidate, load
from pyboinc_validator.credit import Rule
from pyboinc_validator.explain import explain
from pyboinc_validator.judge import judge, settle
from pyboinc_validator.quorum import Candidate, Check

NOW = 1_700_000_000.0
APP = CheckedApp(1)


def output(value):
    return output_file([ok_entry(dumps(value))]) if value != "damaged" else b"damaged"


def workunit(quorum, values=(), target=None):
    wu = CheckedWorkunit(1, "wu", 1, 0, 0.0, quorum, target or quorum, 6, 0, 0, 1, 0.0, 1e12, 1e15)
    for value in values:
        came(wu, value)
    return wu


def came(wu, value):
    number = len(wu.results) + 1
    wu.results.append(CheckedResult(number, OVER, SUCCESS, 0, number, number, 7, NOW - 10, NOW, 5.0, 5.0, 2e9))
    values.setdefault(id(wu), {})[number] = output(value)


values: dict = {}


def reader(wu, comparator):
    return lambda result: candidate(result.id, values[id(wu)][result.id], comparator)


def ledger(wu):
    books = Ledger(APP, 500, {wu.id: wu}, versions={7: Version(7, Mean())})
    books.host_versions = {(each.hostid, 7): HostVersion(each.hostid, 7) for each in wu.results}
    return books


def validate(wu, comparator="bitwise"):
    made = load(comparator)
    judgement = judge(wu, APP, made, reader(wu, made))
    return settle(ledger(wu), [judgement], Rule(), NOW)


# ---- one set of cases for both projects


def real(quorum, answers, comparator):
    wu = workunit(quorum, target=len(answers))
    for value in answers:
        came(wu, value)
        validate(wu, comparator)
    return [each.validate_state for each in wu.results], bool(wu.canonical_resultid)


class Job:
    name = "job"


def simulated(quorum, answers, comparator):
    project = Project(config=Config(one_result_per_user_per_wu=True, purge_min_age=1e9), seed=1)
    app = project.add_app("app")
    project.add_version(app, 1, "p")
    batch = project.add_batch(app, JobSettings(quorum=quorum, replication=len(answers)), load(comparator))
    project.handle(Submit(batch, [Job()]), 0.0)
    hosts = [project.add_host(("p",)) for _ in answers]
    sent = [action for host in hosts for action in project.handle(Request(host, 1), 1.0)]
    for number, (action, value) in enumerate(zip(sent, answers, strict=True)):
        project.handle(Report(action.host, action.result, Answer(5.0, 0, output(value))), 2.0 + number)
    [wu] = project.workunits.values()
    return [each.validate_state for each in wu.results[: len(answers)]], bool(wu.canonical_resultid)


CASES = [
    (quorum, answers, comparator)
    for quorum, size in ((1, 1), (2, 2), (2, 3), (3, 3), (3, 4))
    for answers in itertools.product((1.0, 1.0 + 1e-12, 2.0, "damaged"), repeat=size)
    for comparator in ("bitwise", "tolerance:relative=1e-9")
]


def test_both_projects_decide_alike():
    """Some come late, some are no outputs."""
    for case in CASES:
        assert real(*case) == simulated(*case), case


# ---- rows


def test_a_canonical_result():
    wu = workunit(2, [1, 2, 1], target=4)
    wu.results.append(CheckedResult(4, UNSENT, 0, 0))
    [judgement] = validate(wu)
    assert (wu.canonical_resultid, wu.assimilate_state, wu.need_validate) == (1, ASSIMILATE_READY, 0) and judgement.workunit == 1
    assert [each.validate_state for each in wu.results] == [VALID, INVALID, VALID, VALIDATE_INIT]
    assert wu.results[3].outcome == DIDNT_NEED and wu.canonical_credit == wu.results[0].granted_credit > 0 == wu.results[1].granted_credit


def test_what_has_changed_since_it_was_judged_waits():
    wu = workunit(2, [1, 1])
    comparator = load("bitwise")
    judgement = judge(wu, APP, comparator, reader(wu, comparator))
    came(wu, 1)
    assert settle(ledger(wu), [judgement], Rule(), NOW) == [] and wu.need_validate and not wu.canonical_resultid


def test_a_sole_exception_asks_for_a_second_opinion():
    from pyboinc.slave.files import error_entry

    wu = workunit(1, [1])
    values[id(wu)][1] = output_file([error_entry("ValueError", [])])
    validate(wu)
    assert not wu.canonical_resultid and (wu.target_nresults, wu.min_quorum) == (2, 2)
    came(wu, 1)
    values[id(wu)][2] = values[id(wu)][1]
    validate(wu)
    assert wu.canonical_resultid == 1


def test_outputs_that_cannot_be_read_now_are_read_later():
    wu = workunit(2, [1, 1])
    judgement = judge(wu, APP, load("bitwise"), lambda result: Candidate(result.id, check=Check.TRANSIENT))
    wu.transition_time = 2.0**31
    settle(ledger(wu), [judgement], Rule(), NOW)
    assert wu.need_validate == 0 and wu.transition_time == NOW + 6 * 3600 and wu.results[0].validate_state == VALIDATE_INIT


def test_late_results_get_the_credit_of_the_canonical_one():
    wu = workunit(2, [1, 1, 1, 2])
    wu.canonical_resultid = 1
    wu.results[0].validate_state = wu.results[1].validate_state = VALID
    wu.results[0].granted_credit = 42.0
    validate(wu)
    assert [each.validate_state for each in wu.results] == [VALID, VALID, VALID, INVALID]
    assert [each.granted_credit for each in wu.results[2:]] == [42.0, 0.0] and wu.transition_time == NOW


def test_explain_shows_who_agrees_and_what_differs():
    wu = workunit(3, [[1.0, 2.0], [1.0, 2.0000000000000004], [1.0, 2.0], "damaged"])
    wu.results.append(CheckedResult(5, UNSENT, 0, 0))
    comparator = load("bitwise")
    found = explain(wu, APP, comparator, reader(wu, comparator))
    assert [each.group for each in found.results] == ["A", "B", "A", "", ""]
    assert "output[1]: 2.0 and 2.0000000000000004, 1 ulp apart" in found.results[1].differs
    assert "not an output" in found.results[3].differs and found.results[4].differs == "no output: not sent yet"
    assert found.would == "result 1 would be canonical: 2 of a quorum of 3 or more agree with it"
