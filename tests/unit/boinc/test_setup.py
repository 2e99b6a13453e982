"""The plan that makes a project one for PyBOINC: what must be, and nothing twice."""

from dataclasses import replace

import pytest

from pyboinc_boinc import versions
from pyboinc_boinc.apps import AppRow, offered
from pyboinc_boinc.appversion import AppFile, platforms
from pyboinc_boinc.choice import Wish
from pyboinc_boinc.project import App, ProjectError, applied, diff
from pyboinc_boinc.setup import Records, SetApp, Wanted, WantedApp, plan, wanted_apps
from pyboinc_boinc.versions import VersionRow, physical_names

LINUX, WINDOWS = "x86_64-pc-linux-gnu", "windows_x86_64"
FILES = {LINUX: [AppFile("launch.sh", b"#!/bin/sh\n", is_main=True), AppFile("runtime.zip", b"PK")]}
WANTED = Wanted((WantedApp("pyboinc", "PyBOINC"),), "/opt/pyboinc/bin", FILES)
KNOBS = {
    "next_rpc_delay": "300",
    "maintenance_delay": "120",
    "resend_lost_results": "0",
    "one_result_per_user_per_wu": "1",
    "fuh_set_completed_permission": "0444",
}
FRESH = Records(platforms=frozenset({LINUX, WINDOWS}), tables=["new table pyboinc_batch"])
NAMES = ", ".join([*map(versions.physical_name, FILES[LINUX]), "version.xml"])


def row(number=100, platform=LINUX, files=FILES, app="pyboinc", **more):
    return VersionRow(app, number, platform, physical_names(files[platform]), **more)


def records(*apps, version_rows=None, **more):
    """After a setup that went well."""
    rows = [AppRow(number, app, min_version=100, version=100) for number, app in enumerate(apps or ("pyboinc",), 1)]
    made = version_rows if version_rows is not None else [row(app=app.name) for app in rows]
    return Records(rows, made, FRESH.platforms, user=True, **more)


def test_the_plan_for_a_made_project(project):
    todo = plan(project(), FRESH, WANTED)
    assert todo.lines == [
        "project.xml: new app pyboinc, 'PyBOINC'",
        "config.xml: new daemon sample_bitwise_validator -d 3 --app pyboinc "
        "(log pyboinc_validator_pyboinc.log, pid pyboinc_validator_pyboinc.pid)",
        "config.xml: new daemon /opt/pyboinc/bin/pyboinc-assimilator -d 3 --app pyboinc "
        "(log pyboinc_assimilator_pyboinc.log, pid pyboinc_assimilator_pyboinc.pid)",
        f"apps/pyboinc/1.00/x86_64-pc-linux-gnu: new, with {NAMES}",
        "config.xml: <next_rpc_delay> 60, new",
        "config.xml: <maintenance_delay> 60, new",
        "config.xml: <resend_lost_results> 1, new",
        "config.xml: <one_result_per_user_per_wu> 1, was 0",
        "config.xml: <fuh_set_completed_permission> 0444, new",
        "database: app pyboinc: homogeneous redundancy none, no adaptive replication, versions from 100 on",
        "database: new table pyboinc_batch",
        "database: new user, to whom the batches belong; config.xml: <pyboinc_user> its number",
    ]
    assert todo.xadd and todo.user and todo.new_daemons and not todo.changed_daemons


def test_the_plan_for_a_project_that_is_set_up_is_empty(project):
    before = project()
    after = applied(before, plan(before, FRESH, WANTED).changes)
    todo = plan(after, records(), WANTED)
    assert not todo and todo.lines == [] and diff(after, applied(after, [])) == ""


def test_the_validator_is_chosen_and_changed(project):
    def cmd(there, app, choice):
        after, _ = chosen(there, validator=choice)
        return after, [each.cmd for each in after.config.validators(app)]

    ours = "/opt/pyboinc/bin/pyboinc-validator -d 3 --app pyboinc"
    made, commands = cmd(project(), "pyboinc", "pyboinc")
    assert commands == [ours] and not made.config.is_bitwise("pyboinc")
    assert cmd(made, "pyboinc", None)[1] == [ours], "it stays"
    back, commands = cmd(made, "pyboinc", "boinc")
    assert commands == ["sample_bitwise_validator -d 3 --app pyboinc"] and back.config.is_bitwise("pyboinc")
    assert cmd(back, "pyboinc", "pyboinc")[1] == [ours]


def chosen(there, adaptive=0, **wish):
    """The project after a setup with these words, and what it said of validator and quorum."""
    rows = replace(records(), apps=[AppRow(1, "pyboinc", adaptive=adaptive, min_version=100)])
    todo = plan(there, rows, replace(WANTED, apps=(WantedApp("pyboinc", "PyBOINC", wish=Wish(**wish)),)))
    return applied(there, todo.changes), todo.reasons


def of(project):
    [app] = offered(project.config, [AppRow(1, "pyboinc")])
    return app.bitwise, app.quorum, app.unchecked


def test_a_new_apps_quorum_is_two_and_compared_by_boincs_validator(project):
    made, [validator, quorum] = chosen(project())
    assert of(made) == (True, 2, False)
    assert validator.startswith("pyboinc is validated by sample_bitwise_validator: BOINC's own; results must be the same byte for byte")
    assert "results of 2 volunteers that agree" in quorum and quorum.endswith("pyboinc setup -p PROJECT_DIR --app pyboinc --quorum 1")
    assert not plan(made, records(), WANTED) and plan(made, records(), WANTED).reasons == [], "again"


@pytest.mark.parametrize("before", [None, {}, {"validator": "boinc", "quorum": 3}])
def test_with_quorum_one_setup_chooses_our_validator_and_says_why(project, before):
    there = project() if before is None else chosen(project(), **before)[0]
    made, [reason] = chosen(there, quorum=1)
    assert of(made) == (False, 1, False)
    assert "validated by pyboinc-validator" in reason and "BOINC's own has nothing to compare a sole result with" in reason
    again, reasons = chosen(made)
    assert diff(made, again) == "" and reasons == [], "what was chosen is kept"
    assert of(chosen(made, validator="boinc", quorum=2)[0]) == (True, 2, False)


@pytest.mark.parametrize("before", [{}, {"quorum": 1}])
def test_boincs_validator_and_quorum_one_only_if_told(project, before):
    there = chosen(project(), **before)[0]
    with pytest.raises(ProjectError, match=r"believes whatever one volunteer sends.* --quorum 2; or say --unchecked"):
        chosen(there, validator="boinc", quorum=1)
    made, reasons = chosen(there, validator="boinc", quorum=1, unchecked=True)
    assert of(made) == (True, 1, True) and "as you said, a sole result is not checked" in reasons[0]
    assert diff(made, chosen(made)[0]) == "" and of(chosen(made, quorum=1)[0]) == (True, 1, True)
    assert of(chosen(made, unchecked=False)[0]) == (False, 1, False), "taken back, setup chooses anew"
    assert of(chosen(made, unchecked=False, quorum=2)[0]) == (True, 2, False)


def test_adaptive_replication_checks_sole_results(project):
    made, [reason] = chosen(project(), adaptive=2)
    assert of(made)[0] and "unless its host is trusted" in reason
    assert of(chosen(made, adaptive=2, validator="boinc", quorum=1)[0]) == (True, 1, False)
    with pytest.raises(ProjectError, match="add --quorum 1 or --adaptive 0"):
        chosen(made, adaptive=2, quorum=2)
    with pytest.raises(ProjectError, match="--quorum 0"):
        Wish(quorum=0)


def test_another_validator_of_the_admins(project):
    daemons = [f"<cmd>script_validator --app pyboinc --mod 2 {n}</cmd><output>v{n}</output><pid_file>p{n}</pid_file>" for n in (0, 1)]
    there = project(daemons=daemons)
    made, [reason] = chosen(there, quorum=1)
    assert [each.program for each in made.config.validators("pyboinc")] == ["script_validator"] * 2 and "it was there, and stays" in reason
    made, _ = chosen(made, validator="pyboinc")
    assert [each.cmd[-42:] for each in made.config.validators("pyboinc")] == [
        f"/pyboinc-validator -d 3 --app pyboinc --mod 2 {n}"[-42:] for n in (0, 1)
    ]


def test_one_more_app(project):
    after = applied(project(), plan(project(), FRESH, WANTED).changes)
    assert after.config.pyboinc_apps == ["pyboinc"] and after.config.is_bitwise("pyboinc")
    apps = wanted_apps(after.config, "fine_hr", None, "fine", 2)
    assert [app.name for app in apps] == ["fine_hr", "pyboinc"], "an upgrade is for all"
    todo = plan(after, records(), replace(WANTED, apps=apps))
    assert str(todo.changes.pop(4)) == "config.xml: daemon feeder -d 3: <cmd> feeder -d 3 --allapps"
    assert [line.split(" (")[0] for line in todo.lines] == [
        "project.xml: new app fine_hr, 'PyBOINC: fine_hr'",
        "config.xml: new daemon sample_bitwise_validator -d 3 --app fine_hr",
        "config.xml: new daemon /opt/pyboinc/bin/pyboinc-assimilator -d 3 --app fine_hr",
        f"apps/fine_hr/1.00/x86_64-pc-linux-gnu: new, with {NAMES}",
        "database: app fine_hr: homogeneous redundancy fine, adaptive replication, 2, versions from 100 on",
    ]
    daemons = applied(after, todo.changes).config.daemons
    for names in ({each.output_name for each in daemons}, {each.pid_name for each in daemons}, {each.lock_name for each in daemons}):
        assert len(names) == len(daemons) == 7


def test_the_feeder_takes_apps_of_several_kinds(project):
    """Else it says so and ends: BOINC's sched/feeder.cpp."""

    def changes(first, second, **more):
        there = records("pyboinc", "other")
        there = replace(there, apps=[replace(there.apps[0], hr=first), replace(there.apps[1], hr=second)])
        return [str(each) for each in plan(project(**more), there, WANTED).changes if "feeder" in str(each)]

    assert changes(0, 0) == changes(2, 2) == []
    assert changes(0, 1, daemons=["feeder -d 2 --allapps"]) == changes(0, 1, daemons=["feeder -allapps"]) == []
    assert changes(0, 1) == changes(1, 2) == ["config.xml: daemon feeder -d 3: <cmd> feeder -d 3 --allapps"]
    with pytest.raises(ProjectError, match="homogeneous_redundancy"):
        changes(0, 1, homogeneous_redundancy="1")
    assert changes(0, 0, homogeneous_redundancy="1") == []


def test_columns_of_an_app(project):
    after = applied(project(), plan(project(), FRESH, WANTED).changes)

    def rows(**chosen):
        there = records()
        there = replace(there, apps=[AppRow(1, "pyboinc", hr=1, adaptive=2, min_version=105)])
        return plan(after, there, replace(WANTED, apps=wanted_apps(after.config, **chosen))).rows

    assert rows() == [] and rows(hr="fine", adaptive=2) == []
    assert rows(hr="coarse") == [SetApp("pyboinc", 2, 2, 105)]
    assert rows(hr="none", adaptive=0) == [SetApp("pyboinc", 0, 0, 105)]
    for bad in (1, -1, 100):
        with pytest.raises(ProjectError, match=f"--adaptive {bad}"):
            rows(adaptive=bad)


def test_an_upgrade_changes_only_what_it_must(project):
    after = applied(project(), plan(project(), FRESH, WANTED).changes)
    new = replace(WANTED, scripts="/opt/py boinc/bin", files={LINUX: [FILES[LINUX][0], AppFile("runtime.zip", b"PK2")]})
    todo = plan(after, records(), new)
    assert [line.split(":")[0] for line in todo.lines] == ["config.xml", "apps/pyboinc/1.01/x86_64-pc-linux-gnu"]
    assert str(todo.changes[0]) == (
        "config.xml: daemon /opt/pyboinc/bin/pyboinc-assimilator -d 3 --app pyboinc: "
        "<cmd> '/opt/py boinc/bin/pyboinc-assimilator' -d 3 --app pyboinc"
    )
    assert todo.changed_daemons and not todo.xadd
    upgraded = applied(after, todo.changes)
    changed = [line for line in diff(after, upgraded).splitlines() if line.startswith(("+ ", "- "))]
    assert len(changed) == 2 and all("<cmd>" in line for line in changed)
    assert upgraded.config.pyboinc_apps == ["pyboinc"]
    done = records(version_rows=[row(), row(101, files=new.files)])
    assert not plan(upgraded, done, new)
    assert plan(upgraded, done, WANTED).version_folders == ["apps/pyboinc/1.02/x86_64-pc-linux-gnu"], "and back"


def test_numbers_of_versions():
    both = {**FILES, WINDOWS: [AppFile("launch.bat", b"@rem", is_main=True), AppFile("runtime.zip", b"PK")]}

    def add(*rows, on_disk=(), files=FILES):
        return versions.to_add(rows, on_disk, files)

    assert add() == (100, [LINUX])
    assert add(row()) == (100, [])
    assert add(row(), files=both) == (100, [WINDOWS]), "one more platform for a version that is the same"
    assert add(row(), on_disk=[(100, WINDOWS)], files=both) == (101, [LINUX, WINDOWS]), "something else lies there"
    assert add(row(deprecated=True)) == (101, [LINUX])
    assert add(row(signed=False)) == (101, [LINUX])
    assert add(row(250), on_disk=[(251, LINUX), (7, LINUX)]) == (250, [])
    changed = {LINUX: FILES[LINUX][:1]}
    assert add(row(250), on_disk=[(251, LINUX)], files=changed) == (252, [LINUX])
    assert add(row(), row(101, files=changed)) == (102, [LINUX]), "the newest counts"


def test_versions_of_others_that_would_be_published(project):
    on_disk = {"other": frozenset({(100, LINUX), (102, "x86_64-pc-linux-gnu__mt"), (103, LINUX)}), "no app": frozenset({(1, "x")})}
    there = replace(records("pyboinc", "other", on_disk=on_disk), versions=[row(), row(app="other"), row(102, app="other")])
    there.versions[2] = replace(there.versions[2], platform="x86_64-pc-linux-gnu__mt")
    assert plan(project(), there, WANTED).strangers == ["apps/other/1.03/x86_64-pc-linux-gnu"]


def test_what_an_app_version_is_made_of():
    files = platforms()[LINUX]
    assert [file.logical_name for file in files if file.is_main] == ["launch.sh"]
    text = versions.manifest(files).decode()
    assert text.startswith("<version>\n    <file>\n        <physical_name>pyboinc_launch_") and text.endswith("</version>\n")
    assert text.count("<main_program/>") == 1 and "<api_version>8.3.0</api_version>" in text
    assert "<logical_name>runtime.zip</logical_name>" in text
    assert versions.names_in("<file_info>\n    <name>a</name>\n</file_info><app_version><app_name>x</app_name>") == {"a"}


def test_what_the_admin_chose_stays(project):
    """Arguments, files' names, a second process, another validator, settings that will do, the app's title."""
    daemons = [
        "<cmd>script_validator -d 4 --app pyboinc --mod 2 0</cmd><output>v0</output><pid_file>p0</pid_file>",
        "<cmd>/old/pyboinc-assimilator --app pyboinc --mod 2 1</cmd><disabled>1</disabled>",
        "<cmd>/opt/pyboinc/bin/pyboinc-assimilator -app pyboinc</cmd>",
    ]
    before = project(daemons=daemons, **KNOBS)
    todo = plan(before, records(), replace(WANTED, apps=(WantedApp("pyboinc", "Another title"),)))
    arguments = "--app pyboinc --mod 2 1"
    assert todo.lines == [
        f"config.xml: daemon /old/pyboinc-assimilator {arguments}: <cmd> /opt/pyboinc/bin/pyboinc-assimilator {arguments}"
    ]
    assert not before.config.is_bitwise("pyboinc")


def test_files_of_others_are_not_shared(project):
    taken = "<cmd>x</cmd><output>pyboinc_validator_pyboinc.log</output>"
    todo = plan(project(daemons=[taken], **KNOBS), records(), WANTED)
    assert "(log pyboinc_validator_pyboinc_.log, pid pyboinc_validator_pyboinc_.pid)" in todo.lines[0]


def test_a_setting_is_added_once_and_only_if_it_must(project):
    for name in KNOBS:
        changes = plan(project(**{**KNOBS, name: None}), records(), WANTED).changes[2:]
        assert len(changes) == 1 and f"<{name}>" in str(changes[0])
    assert plan(project(**KNOBS), records(), WANTED).changes[2:] == []


def test_older_versions_stay_in_use_whatever_xadd_does(project):
    """Each bin/xadd sets min_version to what project.xml says, 0 if it says nothing."""
    after = applied(project(), plan(project(), FRESH, WANTED).changes)
    assert after.xml.apps[0].min_version == "100"
    old = replace(after, xml=project().xml.add(App("pyboinc", "PyBOINC")))
    todo = plan(old, records(), WANTED)
    assert todo.lines == ["project.xml: app pyboinc: <min_version> 100"] and not todo.xadd
    assert not plan(applied(old, todo.changes), records(), WANTED)


def test_a_platform_that_the_project_does_not_know(project):
    todo = plan(project(), replace(FRESH, platforms=frozenset()), replace(WANTED, files={"sparc": FILES[LINUX]}))
    assert todo.lines[0] == "project.xml: new platform sparc" and todo.xadd
    assert "<platform>\n        <name>sparc</name>" in applied(project(), todo.changes).xml.document.data.decode()


@pytest.mark.parametrize("name", ["", "a b", "../x", "x'", "ä", "x" * 65])
def test_names_that_could_not_be_an_apps(name):
    with pytest.raises(ProjectError, match="can't name an app"):
        WantedApp(name, "X")


def test_scripts_need_an_absolute_path():
    with pytest.raises(ProjectError, match="absolute path"):
        replace(WANTED, scripts="bin")
