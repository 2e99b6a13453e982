"""The plan that makes a project one for PyBOINC: what must be, and nothing twice."""

import pytest

from pyboinc_boinc.project import App, ProjectError, applied, diff
from pyboinc_boinc.setup import Wanted, plan

WANTED = Wanted((App("pyboinc", "PyBOINC"),), "/opt/pyboinc/bin")
KNOBS = {"next_rpc_delay": "300", "maintenance_delay": "120", "resend_lost_results": "0", "one_result_per_user_per_wu": "1"}


def lines(changes):
    return [str(change) for change in changes]


def test_the_plan_for_a_made_project(project):
    assert lines(plan(project(), WANTED)) == [
        "project.xml: new app pyboinc, 'PyBOINC'",
        "config.xml: new daemon /opt/pyboinc/bin/pyboinc-validator -d 3 --app pyboinc "
        "(log pyboinc_validator_pyboinc.log, pid pyboinc_validator_pyboinc.pid)",
        "config.xml: new daemon /opt/pyboinc/bin/pyboinc-assimilator -d 3 --app pyboinc "
        "(log pyboinc_assimilator_pyboinc.log, pid pyboinc_assimilator_pyboinc.pid)",
        "config.xml: <next_rpc_delay> 60, new",
        "config.xml: <maintenance_delay> 60, new",
        "config.xml: <resend_lost_results> 1, new",
        "config.xml: <one_result_per_user_per_wu> 1, was 0",
    ]


def test_the_plan_for_a_project_that_is_set_up_is_empty(project):
    before = project()
    after = applied(before, plan(before, WANTED))
    assert plan(after, WANTED) == [] and diff(after, applied(after, [])) == ""


def test_one_more_app(project):
    after = applied(project(), plan(project(), WANTED))
    more = plan(after, Wanted((*WANTED.apps, App("fine_hr", "PyBOINC, alike hosts")), WANTED.scripts))
    assert [line.split(" (")[0] for line in lines(more)] == [
        "project.xml: new app fine_hr, 'PyBOINC, alike hosts'",
        "config.xml: new daemon /opt/pyboinc/bin/pyboinc-validator -d 3 --app fine_hr",
        "config.xml: new daemon /opt/pyboinc/bin/pyboinc-assimilator -d 3 --app fine_hr",
    ]
    daemons = applied(after, more).config.daemons
    for names in ({each.output_name for each in daemons}, {each.pid_name for each in daemons}, {each.lock_name for each in daemons}):
        assert len(names) == len(daemons) == 7


def test_an_upgrade_changes_only_the_programs(project):
    after = applied(project(), plan(project(), WANTED))
    new = Wanted(WANTED.apps, "/opt/py boinc/bin")
    changes = plan(after, new)
    assert lines(changes) == [
        f"config.xml: daemon /opt/pyboinc/bin/pyboinc-{role} -d 3 --app pyboinc: "
        f"<cmd> '/opt/py boinc/bin/pyboinc-{role}' -d 3 --app pyboinc"
        for role in ("validator", "assimilator")
    ]
    upgraded = applied(after, changes)
    assert plan(upgraded, new) == []
    assert len(plan(upgraded, WANTED)) == 2, "and back"
    changed = [line for line in diff(after, upgraded).splitlines() if line.startswith(("+ ", "- "))]
    assert len(changed) == 4 and all("<cmd>" in line for line in changed)


def test_what_the_admin_chose_stays(project):
    """Arguments, files' names, a second process, a daemon that is disabled, settings that will do, the app's title."""
    daemons = [
        "<cmd>/opt/pyboinc/bin/pyboinc-validator -d 4 --app pyboinc --mod 2 0</cmd><output>v0</output><pid_file>p0</pid_file>",
        "<cmd>/old/pyboinc-validator --app pyboinc --mod 2 1</cmd><disabled>1</disabled>",
        "<cmd>/opt/pyboinc/bin/pyboinc-assimilator -app pyboinc</cmd>",
    ]
    before = project(daemons=daemons, **KNOBS)
    before = applied(before, plan(before, WANTED)[:1])
    changes = plan(before, Wanted((App("pyboinc", "Another title"),), WANTED.scripts))
    arguments = "--app pyboinc --mod 2 1"
    assert lines(changes) == [
        f"config.xml: daemon /old/pyboinc-validator {arguments}: <cmd> /opt/pyboinc/bin/pyboinc-validator {arguments}"
    ]


def test_files_of_others_are_not_shared(project):
    taken = "<cmd>x</cmd><output>pyboinc_validator_pyboinc.log</output>"
    changes = plan(project(daemons=[taken], **KNOBS), WANTED)
    assert "(log pyboinc_validator_pyboinc_.log, pid pyboinc_validator_pyboinc_.pid)" in lines(changes)[1]


def test_a_setting_is_added_once_and_only_if_it_must(project):
    for name, text in KNOBS.items():
        changes = plan(project(**{**KNOBS, name: None}), WANTED)[3:]
        assert len(changes) == 1 and f"<{name}>" in str(changes[0]), text
    assert plan(project(**KNOBS), WANTED)[3:] == []


@pytest.mark.parametrize("name", ["", "a b", "../x", "x'", "ä", "x" * 65])
def test_names_that_could_not_be_an_apps(name):
    with pytest.raises(ProjectError, match="can't name an app"):
        Wanted((App(name, "X"),), "/opt")


def test_scripts_need_an_absolute_path():
    with pytest.raises(ProjectError, match="absolute path"):
        Wanted(WANTED.apps, "bin")
