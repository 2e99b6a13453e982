"""What the doctor finds in a project, what is left of it after --fix, and what it says of volunteers' platforms."""

import json
import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pyboinc import plugins
from pyboinc.cli import voice
from pyboinc_boinc import facts as edge
from pyboinc_boinc.apps import AppRow
from pyboinc_boinc.appversion import LINUX, PLATFORMS
from pyboinc_boinc.appversion.tried import TRIED, table
from pyboinc_boinc.doctor import NOTE, Entry, PidFile, ProjectFacts, WebServer, examine
from pyboinc_boinc.facts import gather
from pyboinc_boinc.project import AddDaemon, AddFiles, ChangeDaemon, Daemon, SetMinVersion, applied
from pyboinc_boinc.setup import Plan, Records, SetApp

OWNER, GROUP, WEB, WEB_GROUP = 1000, 1001, 33, 34
KNOBS = {
    "next_rpc_delay": "60",
    "maintenance_delay": "60",
    "resend_lost_results": "1",
    "one_result_per_user_per_wu": "1",
    "fuh_set_completed_permission": "0444",
}
ASSIMILATOR = "pyboinc-assimilator --app pyboinc"
DAEMONS = ("feeder", "transitioner", "file_deleter", ASSIMILATOR)


def at(mode, folder=False, uid=OWNER, gid=GROUP):
    return Entry(mode, uid, gid, {OWNER: "boincadm", WEB: "www-data", 0: "root"}[uid], {GROUP: "boincadm", 0: "root"}[gid], folder)


PATHS = {
    **{name: at(0o755, True, 0, 0) for name in ("/", "/home")},
    **{name: at(0o755, True) for name in ("/home/boincadm", ".", "cgi-bin", "download", "html/inc", "html/project", "html/user")},
    **{name: at(0o2770, True) for name in ("upload", "html/cache", "html/user_profile/images", "log_server")},
    "log_server/scheduler.log": at(0o664, uid=WEB),
    "config.xml": at(0o640),
    "keys/code_sign_private": at(0o600),
    "keys/upload_private": at(0o640),
}


@pytest.fixture
def healthy(project):
    """A project without a fault: `healthy(paths={...}, settings={...}, daemons=[...], pids=..., hostname=...)`."""

    def make(paths=None, settings=None, daemons=DAEMONS, **changed):
        pids = {f"{name.split()[0]}.pid": PidFile(b"7\n", f"{name} -d 3") for name in DAEMONS}
        web = WebServer("www-data", WEB, frozenset({WEB_GROUP, GROUP}), 0o002)
        every = {name: entry for name, entry in {**PATHS, **(paths or {})}.items() if entry}
        facts = ProjectFacts(project(daemons=daemons, **{**KNOBS, **(settings or {})}), "server", every, pids, web, True, setup=Plan([]))
        return replace(facts, **changed)

    return make


def found(facts):
    return [finding.name for finding in examine(facts)]


def only(facts, name):
    findings = examine(facts)
    assert [finding.name for finding in findings] == [name]
    [finding] = findings
    assert finding.what and finding.why and finding.mend
    return finding


def changes(finding):
    return [str(change) for change in finding.changes]


def test_a_healthy_project(healthy):
    assert examine(healthy()) == []


@pytest.mark.parametrize("name", KNOBS)
def test_settings(healthy, name):
    finding = only(healthy(settings={name: None}), name)
    assert finding.severity == ("unsafe" if name in ("one_result_per_user_per_wu", "fuh_set_completed_permission") else "slow")
    mended = applied(healthy(settings={name: None}).project, list(finding.changes))
    assert examine(replace(healthy(), project=mended)) == []
    assert f"<{name}> is not there" in finding.what
    if name in ("next_rpc_delay", "one_result_per_user_per_wu"):
        assert f"<{name}> says 0" in only(healthy(settings={name: "0"}), name).what
    elif name == "fuh_set_completed_permission":
        assert [found(healthy(settings={name: mode})) for mode in ("0440", "444")] == [[], []]
        assert [found(healthy(settings={name: mode})) for mode in ("0", "0644")] == [[name], [name]]
    else:
        assert found(healthy(settings={name: "3600"})) == [], "somebody wanted that"


def test_settings_that_boinc_does_not_read_as_they_look(healthy, project):
    assert "says 'often', which is no number" in only(healthy(settings={"daily_result_quota": "often"}), "not_a_number").what
    facts = healthy(settings={"db_passwd": "a</db_passwd><db_passwd>b", "host": "other</host><host>server"})
    texts = [finding.what for finding in examine(facts)]
    assert texts == [
        "config.xml: <db_passwd> stands there 2 times, and differs",
        "config.xml: <host> stands there 2 times, and differs: other, server",
    ]


@pytest.mark.parametrize(
    ("path", "mode", "then"),
    [
        ("keys/code_sign_private", 0o644, 0o600),
        ("keys/code_sign_private", 0o640, 0o600),
        ("keys/upload_private", 0o644, 0o640),
        ("keys/upload_private", 0o662, 0o660),
    ],
)
def test_private_keys(healthy, path, mode, then):
    finding = only(healthy(paths={path: at(mode)}), "private_key")
    assert finding.severity == "unsafe" and changes(finding) == [f"{path}: mode {then:04o}, was {mode:04o}"]
    assert ("the group boincadm" if mode == 0o640 else "everybody") in finding.what


def test_the_password(healthy):
    """It is closed only if the web server can still read it."""
    open_config = {"config.xml": at(0o644)}
    finding = only(healthy(paths=open_config), "password")
    assert finding.severity == "unsafe" and changes(finding) == ["config.xml: mode 0640, was 0644"]
    stranger = WebServer("www-data", WEB, frozenset({WEB_GROUP}), 0o002)
    for web in (stranger, None):
        [finding] = [each for each in examine(healthy(paths=open_config, web=web)) if each.name == "password"]
        assert not finding.can_fix and "once the web server's user is in the group boincadm" in finding.mend
    for copy in ("config.xml.backup-1", "config.xml~"):
        assert changes(only(healthy(paths={copy: at(0o644)}), "password")) == [f"{copy}: mode 0640, was 0644"]


def test_a_web_server_outside_the_group(healthy):
    web = WebServer("www-data", WEB, frozenset({WEB_GROUP}), 0o002)
    finding = only(healthy(web=web), "web_group")
    assert "www-data, the web server's user, is not in the group boincadm" in finding.what and "upload" in finding.what
    assert finding.mend == "usermod -a -G boincadm www-data, then restart the web server" and not finding.can_fix
    of_root = {name: at(0o2770, True, 0, 0) for name, entry in PATHS.items() if entry.mode == 0o2770}
    assert "usermod" not in only(healthy(web=web, paths={**of_root, "config.xml": at(0o640, gid=0)}), "web_group").mend
    everybody = {name: at(0o2777, True) for name, entry in PATHS.items() if entry.mode == 0o2770}
    assert found(healthy(web=web, paths={**everybody, "config.xml": at(0o644)})) == ["password"], "it works, if not safely"


def test_what_the_web_server_can_not_use(healthy):
    paths = {"upload": at(0o755, True), "html/inc": at(0o705, True), "config.xml": at(0o600)}
    finding = only(healthy(paths=paths), "web_access")
    assert sorted(changes(finding)) == ["config.xml: mode 0640, was 0600", "html/inc: mode 0755, was 0705", "upload: mode 0775, was 0755"]
    assert "web_files" in found(healthy(paths={"upload": at(0o775, True)}))
    finding = only(healthy(paths={"log_server/scheduler.log": at(0o644)}), "web_access")
    assert changes(finding) == ["log_server/scheduler.log: mode 0664, was 0644"]
    assert found(healthy(paths={"log_server": at(0o1770, True, WEB)})) == [], "as the scheduler makes it"


def test_a_path_that_the_web_server_can_not_enter(healthy):
    finding = only(healthy(paths={"/home/boincadm": at(0o700, True)}), "web_path")
    assert "can't enter /home/boincadm" in finding.what and not finding.can_fix
    assert found(healthy(paths={"/home/boincadm": at(0o710, True)})) == []


def test_umasks(healthy):
    web = healthy().web
    assert "can't change" in only(healthy(web=replace(web, umask=0o022)), "web_umask").why
    assert "can't read" in only(healthy(web=replace(web, umask=0o077)), "web_umask").why
    assert found(healthy(web=replace(web, umask=None))) == []
    assert "your umask is 077" in only(healthy(umask=0o077), "umask").what
    assert found(healthy(umask=0o027)) == []


def test_the_hosts_name(healthy):
    finding = only(healthy(settings={"host": "other"}, enabled=True), "host_name")
    assert changes(finding) == ["config.xml: <host> server, was other"] and "<host> is other, and hostname -s says server" in finding.what
    assert changes(only(healthy(settings={"host": None}), "host_name")) == ["config.xml: <host> server, new"]
    several = ["<cmd>feeder</cmd><host>server</host>", f"<cmd>{ASSIMILATOR}</cmd><host>other</host>"]
    pids = {"feeder.pid": PidFile(b"7\n", "feeder")}
    assert not only(healthy(settings={"host": "other"}, daemons=several, pids=pids), "host_name").can_fix
    assert "the folder log_server is not there" in only(healthy(paths={"log_server": None}), "log_folder").what


def test_pid_files_of_dead_daemons(healthy):
    pids = healthy().pids
    dead = {**pids, "feeder.pid": PidFile(b"7\n", ""), "gone.pid": PidFile(b"x", "")}
    findings = examine(healthy(pids=dead))
    assert [finding.name for finding in findings] == ["stale_pid", "daemon_not_running"]
    assert changes(findings[0]) == ["pid_server/feeder.pid: removed", "pid_server/gone.pid: removed"]
    assert findings[1].what == "not running: feeder -d 3" and "log_server/feeder.log" in findings[1].mend
    another = {**pids, "feeder.pid": PidFile(b"7\n", "/usr/bin/postgres")}
    assert found(healthy(pids=another)) == ["stale_pid", "daemon_not_running"], "the number belongs to somebody else now"
    assert found(healthy(pids={**pids, "old.pid": PidFile(b"7\n", "old -d 3")})) == [], "not in config.xml any more, but it runs"


def test_daemons_that_do_not_run(healthy):
    pids = healthy().pids
    missing = {name: pid for name, pid in pids.items() if name != "feeder.pid"}
    assert found(healthy(pids=missing)) == ["daemon_not_running"]
    daemons = ["<cmd>feeder</cmd><disabled>1</disabled>", "transitioner", "file_deleter", f"<cmd>{ASSIMILATOR}</cmd><host>other</host>"]
    assert found(healthy(pids={name: pid for name, pid in missing.items() if "assimilator" not in name}, daemons=daemons)) == []
    assert only(healthy(enabled=False, pids={}), "stopped").what == "the project is stopped"
    assert "never started on server" in only(healthy(enabled=None, pids={}), "stopped").what


def test_daemons_that_share_files(healthy):
    """Of two validators that BOINC would name alike the second never starts."""
    daemons = [*DAEMONS, *(f"sample_bitwise_validator --app {each}" for each in ("a", "b", "b --mod 2 1"))]
    facts = healthy(daemons=daemons, pids={**healthy().pids, "sample_bitwise_validator.pid": PidFile(b"8\n", "sample_bitwise_validator")})
    findings = examine(facts)
    assert [finding.name for finding in findings] == ["shared_files"] * 2
    assert [text for finding in findings for text in changes(finding)] == [
        f"config.xml: daemon sample_bitwise_validator --app b{more} -d 3: "
        f"<output> sample_bitwise_validator_b{n}.log, <pid_file> sample_bitwise_validator_b{n}.pid"
        for more, n in (("", ""), (" --mod 2 1", "_2"))
    ]
    assert "bin/start does not start the other" in findings[0].why
    assert "two daemons share sample_bitwise_validator.lock, sample_bitwise_validator.log, sample_bitwise_validator.pid" in findings[0].what
    mended = applied(facts.project, [change for finding in findings for change in finding.changes])
    assert found(replace(facts, project=mended)) == ["daemon_not_running"]
    line = mended.config.document.data.decode().splitlines()[mended.config.daemon_line(len(DAEMONS) + 1)]
    assert "--app b" in line


def test_a_lock_that_both_hold_is_left_alone(healthy):
    """Another lock would let bin/start start a daemon again that runs."""
    daemons = [*DAEMONS, "<cmd>v --app a</cmd><output>a.log</output>", "<cmd>v --app b</cmd><output>b.log</output>"]
    facts = healthy(daemons=daemons, pids={**healthy().pids, "v.pid": PidFile(b"8\n", "v --app b")})
    assert changes(only(facts, "shared_files")) == ["config.xml: daemon v --app b: <pid_file> v_b.pid"]


def test_a_daemon_that_is_there_twice(healthy):
    finding = only(healthy(daemons=[*DAEMONS, "feeder"]), "shared_files")
    assert not finding.can_fix and finding.mend == "remove one: they are the same"
    assert found(healthy(daemons=[*DAEMONS, "<cmd>feeder -d 3</cmd><disabled>1</disabled>"])) == []


def test_what_setup_has_not_made(healthy):
    cases = {
        "missing_daemon": Plan([AddDaemon(Daemon("sample_bitwise_validator -d 3 --app pyboinc"))]),
        "app_version": Plan([AddFiles("apps/pyboinc/1.01/x86_64-pc-linux-gnu", (("a", b"", 0o644),))]),
        "app_row": Plan([SetMinVersion("pyboinc", "100")]),
        "feeder": Plan([ChangeDaemon(0, Daemon("feeder -d 3"), {"cmd": "feeder -d 3 --allapps"})]),
        "tables": Plan([], tables=["new table pyboinc_batch"]),
        "submit_user": Plan([], user=True),
    }
    for name, todo in cases.items():
        assert only(healthy(setup=todo), name).mend == "pyboinc setup -p /home/boincadm/projects/cubes"
    assert only(healthy(setup=Plan([], [SetApp("pyboinc", 0, 0, 100)])), "app_row").what.endswith(": pyboinc")
    both = replace(Plan([*cases["missing_daemon"].changes, *cases["app_version"].changes]), user=True)
    assert found(healthy(setup=both)) == ["missing_daemon", "app_version", "submit_user"]
    assert found(healthy(setup=Plan([ChangeDaemon(3, Daemon(ASSIMILATOR), {"cmd": "/other/installation"})]))) == []


def test_a_project_that_is_not_set_up(healthy):
    pids = {name: pid for name, pid in healthy().pids.items() if "assimilator" not in name}
    finding = only(healthy(daemons=DAEMONS[:-1], pids=pids, setup=Plan([], user=True)), "not_set_up")
    assert finding.mend == "pyboinc setup -p /home/boincadm/projects/cubes" and not finding.can_fix


def test_the_database(healthy):
    finding = only(healthy(setup=None, database_fault="the database cubes on 127.0.0.1:3307 does not answer"), "database")
    assert "does not answer" in finding.what
    assert "/gone/pyboinc-assimilator" in only(healthy(lost_programs=frozenset({"/gone/pyboinc-assimilator"})), "lost_program").what


def test_quorums_and_volunteers(healthy):
    """What no volunteers can fulfil is noted; what nobody checks is unsafe."""

    def records(volunteers):
        return Records([AppRow(1, "pyboinc", version=100)], volunteers=volunteers)

    note = only(healthy(records=records(1)), "few_volunteers")
    assert note.severity == NOTE and note.mend.endswith("--app pyboinc --quorum 1") and "results of 2 volunteers that agree" in note.why
    assert found(healthy(records=records(2))) == []
    one = {"pyboinc_quorum_pyboinc": "1"}
    assert found(healthy(settings=one, records=records(0))) == []
    by_hand = {"daemons": [*DAEMONS, "sample_bitwise_validator --app pyboinc"], "records": records(2)}
    assert found(healthy(settings=one, **by_hand))[0] == "sole_results"
    assert "sole_results" not in found(healthy(settings={**one, "pyboinc_unchecked_pyboinc": "1"}, **by_hand))


def test_the_gravest_comes_first(healthy):
    facts = healthy(settings={"next_rpc_delay": None}, paths={"keys/upload_private": at(0o644)}, enabled=False)
    assert [finding.severity for finding in examine(facts)] == ["unsafe", "wrong", "slow"]


# ---- the snapshot and the command, on a real folder; what the database says is the full-server tests' business


@pytest.fixture(autouse=True)
def no_database(monkeypatch):
    monkeypatch.setattr(edge, "_setup", lambda project: (None, Plan([]), ""))


@pytest.fixture
def doctor(folder, monkeypatch):
    """`doctor(*arguments)`: exit status, stdout, stderr. The web server is a user in the group of the folder."""
    here = os.stat(folder)
    web = WebServer("www-data", 99999, frozenset({here.st_gid}), 0o002)
    monkeypatch.setattr(edge, "_web_server", lambda configured: web)
    monkeypatch.setattr(edge, "_umask", lambda: 0o002)
    monkeypatch.delenv("PYBOINC_DIR", raising=False)
    real, above = edge.entry, set(map(str, folder.parents))  # pytest's own are closed to others
    monkeypatch.setattr(edge, "entry", lambda path: replace(real(path), mode=0o755) if path in above else real(path))
    group = voice.Group()
    plugins.for_commands()[0].hook.pyboinc_add_commands(group=group)

    untried = "\n" + "".join(f"{platform} is {each}\n" for platform, each in TRIED.items() if not each.verified)

    def run(*arguments, where=("-p", str(folder))):
        result = CliRunner().invoke(group, ["doctor", *where, *arguments])
        assert result.stdout.endswith(untried) or result.exit_code == 2 or not {"--json", "--dry-run"}.isdisjoint(arguments)
        return result.exit_code, result.stdout.removesuffix(untried), result.stderr

    return run


def test_platforms_that_nobody_has_tried(doctor):
    """The page on security has the same table."""
    page = (Path(__file__).parents[3] / "docs" / "security.md").read_text()
    assert "\n".join(table()) in page
    assert set(TRIED) == set(PLATFORMS)
    told = json.loads(doctor("--json")[1])["platforms"]
    assert [platform for platform, each in told.items() if each["verified"]] == [LINUX]


def started(folder, names=DAEMONS):
    """As bin/start leaves it, with this process as every daemon."""
    [pids] = folder.glob("pid_*")
    (folder / f"run_state_{pids.name[4:]}.xml").write_text("<boinc>\n<enabled>1</enabled>\n</boinc>\n")
    for name in names:
        (pids / f"{name.split()[0]}.pid").write_text(f"{os.getpid()}\n")


@pytest.fixture
def running(folder):
    """Processes that are called as the daemons."""
    processes = [subprocess.Popen(["sh", "-c", "read line", name.split()[0]], stdin=subprocess.PIPE) for name in DAEMONS]
    started(folder)
    [pids] = folder.glob("pid_*")
    for process, name in zip(processes, DAEMONS, strict=True):
        (pids / f"{name.split()[0]}.pid").write_text(f"{process.pid}\n")
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def test_a_made_project_and_its_mending(doctor, folder, running):
    status, out, err = doctor()
    assert status == 1 and err == ""
    assert out.startswith(f"5 unsafe, 3 slow: {folder}\n")
    assert out.endswith(f"\nTo mend this:  pyboinc doctor -p {folder} --fix\n")
    before = (folder / "config.xml").read_text()
    status, out, err = doctor("--fix", "--dry-run")
    assert status == 1 and "+        <next_rpc_delay>60</next_rpc_delay>\n" in out and "mode 0600 keys/code_sign_private\n" in out
    assert "s3cret" not in out and (folder / "config.xml").read_text() == before
    status, out, err = doctor("--fix")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "mended  keys/code_sign_private: mode 0600, was 0644",
        "mended  keys/upload_private: mode 0640, was 0644",
        "mended  config.xml: mode 0640, was 0644",
        "mended  config.xml: <one_result_per_user_per_wu> 1, was 0",
        "mended  config.xml: <fuh_set_completed_permission> 0444, new",
        "mended  config.xml: <next_rpc_delay> 60, new",
        "mended  config.xml: <maintenance_delay> 60, new",
        "mended  config.xml: <resend_lost_results> 1, new",
        f"backup  {folder}/config.xml.backup-1",
        "",
        f"All is well now: {folder}",
    ]
    assert (folder / "config.xml.backup-1").read_text() == before
    assert stat.S_IMODE(os.stat(folder / "config.xml").st_mode) == 0o640
    assert doctor() == (0, f"All is well: {folder}\n", "")
    assert doctor("--fix") == (0, f"All is well: {folder}\n", "") and not (folder / "config.xml.backup-2").exists()


def test_dead_daemons_and_their_pid_files(doctor, folder, running):
    doctor("--fix")
    running[0].kill()
    running[0].wait()
    status, out, _ = doctor()
    assert status == 1 and out.startswith("2 wrong: ") and "To mend what it can of this" in out
    status, out, _ = doctor("--fix")
    assert status == 1 and "feeder.pid: removed\n" in out and out.count("\nwrong  ") == 1 and "not running: feeder -d 3" in out


def test_json(doctor, folder, running):
    status, out, _ = doctor("--json")
    answer = json.loads(out)
    assert status == 1 and answer["project"] == str(folder) and answer["backups"] == []
    assert {row["name"] for row in answer["findings"]} == {"private_key", "password", *KNOBS}
    assert all(row["can_fix"] and not row["fixed"] and row["changes"] for row in answer["findings"])
    assert set(answer["findings"][0]) == {"name", "severity", "what", "why", "mend", "can_fix", "changes", "fixed"}
    status, out, _ = doctor("--json", "--fix")
    answer = json.loads(out)
    assert status == 0 and all(row["fixed"] for row in answer["findings"]) and len(answer["backups"]) == 1
    status, out, _ = doctor("--json", "--fix", "--dry-run")
    assert json.loads(out) == {"project": str(folder), "findings": [], "backups": [], "diff": "", "platforms": answer["platforms"]}


def test_a_change_that_was_not_finished(doctor, folder, running):
    doctor("--fix")
    text = (folder / "config.xml").read_text()
    (folder / "config.xml.backup-9").write_text(text)
    os.chmod(folder / "config.xml.backup-9", 0o600)
    (folder / "config.xml").write_text(text.replace("<next_rpc_delay>60", "<next_rpc_delay>6"))
    steps = [["replace", str(folder / "config.xml"), str(folder / "config.xml.backup-9")]]
    (folder / "pyboinc_undo").write_text(json.dumps({"format": 1, "steps": steps}))
    status, out, _ = doctor()
    assert status == 1 and "a change of the project was not finished" in out and "To mend this:" in out
    status, out, _ = doctor("--fix")
    assert status == 0 and out == f"A change that was not finished is undone.\n\nAll is well: {folder}\n"
    assert (folder / "config.xml").read_text() == text and not (folder / "config.xml.backup-9").exists()


def test_what_is_refused(doctor, folder, tmp_path, monkeypatch):
    def refused(*arguments, **more):
        status, out, err = doctor(*arguments, **more)
        assert status == 2 and out == "" and err.startswith("pyboinc: error: ")
        return err

    assert "name the folder of the project:  pyboinc doctor -p DIR" in refused(where=())
    assert "is not a BOINC project" in refused(where=("-p", str(tmp_path)))
    assert "--dry-run shows what --fix would do" in refused("--dry-run")
    (folder / "config.xml").write_text("<boinc>\n<config>\n")
    assert f"{folder}/config.xml, line 3, column 1: no element found" in refused()
    monkeypatch.setenv("PYBOINC_DIR", str(folder))
    assert "config.xml, line 3" in refused(where=())


def test_the_snapshot(folder):
    started(folder, ["feeder"])
    [pids] = folder.glob("pid_*")
    (pids / "dead.pid").write_text("999999999\n")
    (pids / "odd.pid").write_text("-1 x\n")
    (folder / "config.xml.orig").write_text("")
    facts = gather(str(folder))
    assert facts.enabled and not facts.unfinished and facts.key_dir == "keys"
    assert "python" in facts.pids["feeder.pid"].command and facts.pids["feeder.pid"].data == f"{os.getpid()}\n".encode()
    assert (facts.pids["dead.pid"].command, facts.pids["odd.pid"].command) == ("", "")
    assert facts.paths["keys/code_sign_private"].mode == 0o644 and facts.paths["upload"].is_folder
    assert {"config.xml", "config.xml.orig", "/", str(folder.parent)} <= set(facts.paths) and "html/user_profile/images" not in facts.paths
    (folder / f"run_state_{facts.hostname}.xml").write_text("<boinc>")
    assert gather(str(folder)).enabled is None
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert gather(str(link)).project.folder == str(folder)


def test_the_web_server_is_known_by_its_process(monkeypatch):
    """With the groups and the umask that it runs with."""
    as_root = {"user": 65534, "group": 65534, "extra_groups": [4242]} if os.geteuid() == 0 else {}
    script = "umask 027; echo apache2 > /proc/self/comm; echo started; read line"
    process = subprocess.Popen(["/bin/sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **as_root)
    try:
        assert process.stdout.readline() == b"started\n"
        monkeypatch.setattr(os, "listdir", lambda path: ["self", "1", str(process.pid)])
        web = edge._web_server("")
    finally:
        process.communicate(b"\n")
    assert web.uid == (as_root.get("user") or os.geteuid()) and web.umask == 0o027
    assert not as_root or web.gids == {65534, 4242}


def test_a_web_server_that_does_not_run(monkeypatch):
    monkeypatch.setattr(os, "listdir", lambda path: [])
    web = edge._web_server("daemon")
    assert (web.user, web.umask) == ("daemon", None) and web.gids
    monkeypatch.setattr(edge, "WEB_USERS", ())
    assert edge._web_server("") is None


def test_the_command_belongs_to_the_plugin():
    group = click.Group()
    plugins.for_commands()[0].hook.pyboinc_add_commands(group=group)
    assert "doctor" in group.commands
