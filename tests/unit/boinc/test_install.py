"""pyboinc setup on a folder, with stand-ins for the database and for BOINC's tools: all of it or nothing."""

import errno
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from pyboinc import plugins
from pyboinc.cli import voice
from pyboinc.errors import StoreError
from pyboinc.slave.verify import Trust
from pyboinc_boinc import commands, install, rsa, versions
from pyboinc_boinc.apps import AppRow
from pyboinc_boinc.appversion import PLATFORMS
from pyboinc_boinc.project import ProjectError, load
from pyboinc_boinc.transaction import ProjectDisk
from pyboinc_boinc.versions import VersionRow

LINUX = "x86_64-pc-linux-gnu"


class FakeDatabase:
    """The store and, since they share its rows, xadd and update_versions. fail (str): what does not work."""

    def __init__(self, folder):
        self.folder = folder
        self.fail = ""
        self.calls = []
        self.rows = {"app_version": [], "app": [], "platform": list(PLATFORMS)}
        self.users, self.tables = {}, []
        self.admin = self.schema = self

    def close(self):
        pass

    def apps(self):
        return self.rows["app"]

    def versions(self):
        return self.rows["app_version"]

    def platforms(self):
        return frozenset(self.rows["platform"])

    def volunteers(self):
        return 0

    def newest(self):
        return {name: len(rows) for name, rows in self.rows.items()}

    def remove_newer(self, than):
        for name, count in than.items():
            del self.rows[name][count:]

    def may_submit(self, user):
        return user in self.users.values()

    def user(self, email):
        return self.users.get(email, 0)

    def add_submitter(self, email):
        return self.users.setdefault(email, 7)

    def remove_submitter(self, user):
        self.users = {email: number for email, number in self.users.items() if number != user}

    def authenticator(self, user):
        return "k" * 32

    def set_app(self, name, hr, adaptive, min_version):
        self.rows["app"] = [AppRow(row.id, name, hr, adaptive, min_version) if row.name == name else row for row in self.rows["app"]]

    def pending(self):
        return [] if self.tables else ["new table pyboinc_batch"]

    def migrate(self):
        if self.fail == "tables":
            raise StoreError("CREATE command denied")
        self.tables = ["pyboinc_batch"]

    def tool(self, folder, command):
        self.calls.append(command[0])
        if command[0] == self.fail:
            raise ProjectError(f"{self.fail} ended with status 1")
        if command[0] == install.XADD:
            oldest = {app.name: int(app.min_version or 0) for app in load(ProjectDisk(), folder).xml.apps}
            self.rows["app"] = [replace(row, min_version=oldest[row.name]) for row in self.rows["app"]]
            new = oldest.keys() - {row.name for row in self.rows["app"]}
            self.rows["app"] += [AppRow(len(self.rows["app"]) + number, name) for number, name in enumerate(new, 1)]
        elif self.fail != "silent":
            known = [versions.folder(row.app, row.number, row.platform) for row in self.rows["app_version"]]
            for path in sorted(Path(folder).glob("apps/*/*/*/version.xml")):
                app, number, platform = path.parts[-4:-1]
                if "/".join(path.parts[-5:-1]) not in known:
                    names = frozenset(each.name for each in path.parent.iterdir()) - {"version.xml"}
                    for name in names:
                        (self.folder / "download" / name).write_bytes((path.parent / name).read_bytes())
                    row = VersionRow(app, int(number.replace(".", "")), platform, names, self.fail != "unsigned")
                    self.rows["app_version"].append(row)
        return "done"


@pytest.fixture
def made(folder):
    """As make_project leaves it."""
    for name in (install.XADD, install.UPDATE_VERSIONS, install.SIGN):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch(0o755)
    (folder / "apps").mkdir()
    (folder / "html/cache/65").mkdir()
    (folder / "html/cache/65/apps.php").write_text("cached")
    config = folder / "config.xml"
    config.write_text(config.read_text().split("<daemons>")[0] + "<!-- mine -->\n    <daemons>\n    </daemons>\n</boinc>\n")
    return folder


@pytest.fixture
def database(made):
    return FakeDatabase(made)


@pytest.fixture
def setup(made, database, tmp_path, monkeypatch):
    """`setup(*arguments)`: exit status, stdout, stderr."""
    scripts = tmp_path / "venv"
    scripts.mkdir()
    (scripts / "pyboinc-assimilator").touch(0o755)
    monkeypatch.setattr(install.sysconfig, "get_path", lambda name: str(scripts))
    monkeypatch.setattr(commands, "Store", lambda *arguments: database)
    monkeypatch.setattr(install, "run_tool", database.tool)
    monkeypatch.setattr(install.appversion, "runtime_zip", lambda: b"PK")  # which takes its time
    monkeypatch.delenv("PYBOINC_DIR", raising=False)
    group = voice.Group()
    plugins.for_commands()[0].hook.pyboinc_add_commands(group=group)

    def run(*arguments, where=("-p", str(made))):
        result = CliRunner().invoke(group, ["setup", *where, *arguments])
        return result.exit_code, result.stdout, result.stderr

    return run


def contents(folder):
    """Every file with its mode, but for the transaction's lock."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "pyboinc_lock")
    return {str(path.relative_to(folder)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in files}


def test_a_made_project_is_set_up(setup, made, database):
    before = contents(made)
    status, out, err = setup("--dry-run")
    assert (status, err) == (0, "") and "+            <cmd>sample_bitwise_validator -d 3 --app pyboinc</cmd>" in out
    assert "create apps/pyboinc/1.00/x86_64-pc-linux-gnu/version.xml" in out and "s3cret" not in out
    assert contents(made) == before and database.calls == []
    status, out, err = setup()
    assert (status, err) == (0, "") and database.calls == ["bin/xadd", "bin/update_versions"]
    assert out.startswith("project.xml: new app pyboinc, 'PyBOINC'\n") and f"To start the daemons:  {made}/bin/start\n" in out
    assert "Batches belong to user 7." in out and "k" * 32 in out and f"backup  {made}/config.xml.backup-1\n" in out
    after = contents(made)
    config = load(ProjectDisk(), str(made)).config
    assert config.submit_user == 7 and config.pyboinc_apps == ["pyboinc"] and b"<!-- mine -->" in after["config.xml"][0]
    assert database.users == {"pyboinc@127.0.0.1": 7} and database.tables and database.rows["app"][0].min_version == 100
    assert "html/cache/65/apps.php" not in after, "the web pages would show old lists"
    launcher = next(name for name in after if "/pyboinc_launch_" in name)
    assert after[launcher][1] & 0o100 and after["project.xml.backup-1"][0] == before["project.xml"][0]
    assert setup() == (0, f"Nothing to change: {made}\n", "") and contents(made) == after and len(database.calls) == 2


def test_another_app_and_json(setup, made, database):
    setup()
    status, out, _ = setup("--app", "alike", "--hr", "fine", "--adaptive", "2", "--json", "--dry-run")
    answer = json.loads(out)
    assert status == 0 and answer["apps"] == ["alike", "pyboinc"] and not answer["changed"] and "--app alike" in answer["diff"]
    status, out, _ = setup("--app", "alike", "--hr", "fine", "--adaptive", "2", "--json")
    answer = json.loads(out)
    assert status == 0 and answer["changed"] and len(answer["backups"]) == 2
    assert database.rows["app"][1] == AppRow(2, "alike", 1, 2, 100)
    assert database.rows["app"][0].min_version == 100, "xadd has not undone it"
    assert load(ProjectDisk(), str(made)).config.pyboinc_apps == ["pyboinc", "alike"]


def test_an_upgrade(setup, made, database, monkeypatch):
    setup()
    old = database.rows["app_version"][0]
    monkeypatch.setattr(install.appversion, "runtime_zip", lambda: b"PK new")
    status, out, err = setup()
    assert (status, err) == (0, "") and database.calls[2:] == ["bin/update_versions"]
    assert out.splitlines()[0].startswith("apps/pyboinc/1.01/x86_64-pc-linux-gnu: new, with pyboinc_launch_")
    assert "config.xml" not in out.replace("config.xml.backup", "") and "start the daemons" not in out
    assert [row.number for row in database.rows["app_version"]] == [100] * 5 + [101] * 5 and database.rows["app_version"][0] is old
    assert setup()[1] == f"Nothing to change: {made}\n"


@pytest.mark.parametrize("fault", ["bin/xadd", "bin/update_versions", "silent", "unsigned", "tables"])
def test_a_failure_half_way_leaves_the_project_as_it_was(setup, made, database, fault):
    before = contents(made)
    database.fail = fault
    status, out, err = setup()
    assert (status, out) == (2, "") and err.startswith("pyboinc: error: ")
    assert contents(made) == before and not list((made / "apps").iterdir())
    assert database.rows == {"app_version": [], "app": [], "platform": list(PLATFORMS)} and database.users == {} and database.tables == []
    database.fail = ""
    assert setup()[0] == 0 and (len(database.rows["app"]), len(database.rows["app_version"])) == (1, 5)


def test_what_an_admin_adds_is_kept_or_nothing_is_done(setup, made, database, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = contents(made)
    (tmp_path / "w").write_bytes(b"MZ")
    monkeypatch.setattr(commands.extras, "save", full)
    status, _, err = setup("--wrapper", f"windows_x86_64={tmp_path / 'w'}")
    assert status == 2 and "No space left" in err
    assert contents(made) == before and database.rows == {"app_version": [], "app": [], "platform": list(PLATFORMS)}


def test_a_failure_leaves_apps_as_they_were(setup, database, monkeypatch):
    setup()
    rows = list(database.rows["app"])
    monkeypatch.setattr(install.appversion, "runtime_zip", lambda: b"PK new")
    database.fail = "silent"
    assert setup("--hr", "fine", "--adaptive", "3")[0] == 2 and database.rows["app"] == rows
    database.fail = ""
    assert setup("--hr", "fine", "--adaptive", "3")[0] == 0 and database.rows["app"][0].hr == 1


def test_a_setup_that_was_killed_is_undone_by_the_next(setup, made, database, monkeypatch):
    """A process that is killed while one of BOINC's tools runs leaves rows, which the next setup takes as they are."""
    before = contents(made)
    if (child := os.fork()) == 0:
        monkeypatch.setattr(install, "run_tool", lambda folder, command: os._exit(9))
        setup()
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert (made / "pyboinc_undo").exists() and contents(made) != before
    database.rows["app"].append(AppRow(1, "pyboinc"))
    database.users["pyboinc@127.0.0.1"] = 7
    status, out, err = setup()
    assert (status, err) == (0, "") and out.startswith("A change that was not finished is undone.\n")
    assert not (made / "pyboinc_undo").exists() and load(ProjectDisk(), str(made)).config.submit_user == 7
    assert [path.name for path in (made / "apps/pyboinc").iterdir()] == ["1.00"] and len(database.rows["app"]) == 1


def test_what_is_refused(setup, made, database, tmp_path):
    def refused(*arguments, **more):
        status, out, err = setup(*arguments, **more)
        assert status == 2 and out == "" and err.startswith("pyboinc: error: "), (out, err)
        assert database.calls == []
        return err

    assert "name the folder of the project:  pyboinc setup -p DIR" in refused(where=())
    assert "is not a BOINC project" in refused(where=("-p", str(tmp_path)))
    assert "can't name an app" in refused("--app", "a b")
    (made / "apps/old/1.07/x86_64-pc-linux-gnu").mkdir(parents=True)
    database.rows["app"].append(AppRow(1, "old"))
    assert "would publish apps/old/1.07/x86_64-pc-linux-gnu, too" in refused()
    (made / "apps/old/1.07/x86_64-pc-linux-gnu").rmdir()
    (made / install.SIGN).unlink()
    assert "sign_executable is not there" in refused()
    (made / install.SIGN).touch(0o755)
    (made / "keys/code_sign_private").unlink()
    assert "code_sign_private can't be read" in refused()


def test_a_tool_that_fails_says_so(tmp_path):
    assert install.run_tool(str(tmp_path), ["sh", "-c", "pwd"]) == str(tmp_path)
    with pytest.raises(ProjectError, match="status 3 and said: oh"):
        install.run_tool(str(tmp_path), ["sh", "-c", "echo oh >&2; exit 3"])
    with pytest.raises(ProjectError, match="No such file"):
        install.run_tool(str(tmp_path), ["./none"])


def test_what_an_admin_adds_stays(setup, made, database, tmp_path):
    """A wrapper and a key: in the app versions now and after the next setup, until they are taken away."""
    (tmp_path / "wrapper.exe").write_bytes(b"MZ")
    key = rsa.make(2048)
    (tmp_path / "k.pem").write_bytes(key.pem())
    status, _, err = setup("--wrapper", f"windows_x86_64={tmp_path / 'wrapper.exe'}", "--sign-key", str(tmp_path / "k.pem"))
    assert (status, err) == (0, "")
    folder = made / "apps" / "pyboinc" / "1.00"
    version = (folder / "windows_x86_64" / "version.xml").read_text()
    assert "pyboinc_wrapper_" in version and "<logical_name>job.xml</logical_name>" in version
    (trust,) = (folder / "x86_64-pc-linux-gnu").glob("pyboinc_trust_*.txt")
    assert Trust.parse(trust.read_bytes()).modulus == key.modulus
    assert setup()[1] == f"Nothing to change: {made}\n"
    assert setup("--wrapper", "windows_x86_64=", "--sign-key", "")[0] == 0
    assert not [each for each in (made / "apps" / "pyboinc" / "1.01").rglob("*") if "trust" in each.name or "wrapper" in each.name]
    assert setup()[1] == f"Nothing to change: {made}\n"
    status, _, err = setup("--wrapper", "windows=x")
    assert status == 2 and "write PLATFORM=FILE, with a platform of x86_64-pc-linux-gnu" in err
