"""Drift: the tables and programs that the integration tests use in place of BOINC's are still like those of the real project."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pyboinc.model import JobSettings
from pyboinc.ports import SystemClock
from pyboinc_boinc import appversion, jobs, templates, versions
from pyboinc_boinc.project import AddApp, App, load
from pyboinc_boinc.staging import Staging
from pyboinc_boinc.store import Store
from pyboinc_boinc.transaction import ProjectDisk

INTEGRATION = Path(__file__).resolve().parents[1] / "integration"
BATCH = 1_000_000  # of nobody
PLATFORM = "x86_64-pc-linux-gnu"
OF_ITS_OWN = {"id", "name", "create_time", "transition_time", "mod_time", "sent_time", "workunitid", "random"}


@pytest.fixture
def stopped(server):
    """The project without its daemons, and as it was when the test is over."""
    server.stop()
    (server.folder / "stop_daemons").unlink(missing_ok=True)  # the transitioner would heed it
    text = (server.folder / "project.xml").read_bytes()
    try:
        yield server
    finally:
        (server.folder / "project.xml").write_bytes(text)
        for name in ("drift_real", "drift_standin"):
            shutil.rmtree(server.folder / "apps" / name, ignore_errors=True)
        for sql in (
            "DELETE r FROM result r JOIN workunit w ON w.id = r.workunitid WHERE w.batch = %s",
            "DELETE FROM workunit WHERE batch = %s",
            "DELETE v FROM app_version v JOIN app a ON a.id = v.appid WHERE a.name LIKE 'drift%%' AND %s",
            "DELETE FROM app WHERE name LIKE 'drift%%' AND %s",
        ):
            server.change(sql, BATCH)
        server.tool("bin/start")


def run(server, which, tool, *arguments, lines=()):
    """The real program, or what the integration tests have for it."""
    code = f"import sys; sys.path.insert(0, {str(INTEGRATION)!r}); from standin import tools; tools.{tool}()"
    command = [f"bin/{tool}"] if which == "real" else [sys.executable, "-c", code]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=server.folder,
        env=server.environment(),
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, (which, tool, done.stdout, done.stderr)


def row(server, table, condition, *values):
    """One row by its columns, without what belongs to that row alone."""
    columns = [name for name, *_ in server.rows(f"SHOW COLUMNS FROM {table}")]
    [found] = server.rows(f"SELECT * FROM {table} WHERE {condition}", *values)
    return {name: value for name, value in zip(columns, found, strict=True) if name not in OF_ITS_OWN}


def test_tables(server):
    """Each column and index of ours is there, and is the same. Temporary tables stand before real ones of their name."""
    statements = [each for each in (INTEGRATION / "standin" / "schema.sql").read_text().split(";") if "CREATE TABLE" in each]
    names = [each.split("CREATE TABLE", 1)[1].split("(", 1)[0].strip() for each in statements]

    def look(step):
        columns = {name: {row[0]: row[1:] for row in step.rows(f"SHOW COLUMNS FROM {name}")} for name in names}
        indexes = {name: {(row[1], row[2], row[3], row[4]) for row in step.rows(f"SHOW INDEX FROM {name}")} for name in names}
        return columns, indexes

    def compare(step):
        real = look(step)
        for statement in statements:
            step.change(statement.replace("CREATE TABLE", "CREATE TEMPORARY TABLE"))
        return real, look(step)

    store = Store(load(ProjectDisk(), str(server.folder)), SystemClock())
    try:
        (columns, indexes), (our_columns, our_indexes) = store.connection.transaction(compare)
    finally:
        store.close()
    assert len(names) > 5
    for name in names:
        for column, (kind, null, _key, default, extra) in our_columns[name].items():
            assert column in columns[name], f"{name}.{column} is not there any more"
            real_kind, real_null, _real_key, real_default, real_extra = columns[name][column]
            assert (kind, null, default, extra) == (real_kind, real_null, real_default, real_extra), f"{name}.{column}"
        assert our_indexes[name] <= indexes[name], f"indexes of {name}"


def test_create_work_and_cancel_jobs(stopped):
    project = load(ProjectDisk(), str(stopped.folder))
    staging = Staging(project)
    settings = JobSettings(quorum=2, replication=2, priority=3, deadline=5000)
    with_data = templates.inputs(2, settings.data_lifetime)
    for template in (templates.inputs(), with_data, templates.output(settings.max_output)):
        staging.put_template(template)
    for name in ("pyboinc_drift.zip", "pyboinc_drift.in", "data_drift_1", "data_drift_2"):
        staging.put(name, name.encode())
    words = jobs.words_of("pyboinc", BATCH, 100, settings, jobs.Work(1e9, 1e12))
    for which in ("real", "standin"):
        files = "pyboinc_drift.zip pyboinc_drift.in"
        lines = [f"--wu_name drift_{which}_{number} {files}" for number in range(3)]
        lines[1] = f"--wu_name drift_{which}_1 --wu_template {with_data.path} {files} data_drift_1 data_drift_2"
        run(stopped, which, "create_work", *words, "--stdin", lines=lines)

    def both(table="workunit", condition="name = %s", name="drift_{}_1"):
        return [row(stopped, table, condition, name.format(which)) for which in ("real", "standin")]

    real, ours = both()
    assert real["xml_doc"].split() == ours["xml_doc"].split()
    assert {**real, "xml_doc": ""} == {**ours, "xml_doc": ""}

    def results():  # the transitioner leaves workunits of this very second for its next pass
        stopped.tool("bin/transitioner", "-d", "3", "--one_pass")
        return stopped.rows("SELECT COUNT(*) FROM result WHERE name LIKE %s", "drift\\_%") == [(12,)]

    stopped.until(results, 60)
    for which in ("real", "standin"):
        numbers = [number for (number,) in stopped.rows("SELECT id FROM workunit WHERE name LIKE %s ORDER BY id", f"drift_{which}%")]
        run(stopped, which, "cancel_jobs", numbers[0], numbers[1])
    real, ours = both()
    assert real["error_mask"] == 16 and {**real, "xml_doc": ""} == {**ours, "xml_doc": ""}
    real, ours = both(name="drift_{}_2")
    assert real["error_mask"] == ours["error_mask"] == 0, "beyond the range"
    real, ours = both("result", name="drift_{}_1_0")
    texts = dict.fromkeys(("xml_doc_in", "xml_doc"), "")
    assert real["server_state"] == 5 and {**real, **texts} == {**ours, **texts}


def test_xadd_and_update_versions(stopped):
    files = appversion.platforms()[PLATFORM]
    for which in ("standin", "real"):
        name = f"drift_{which}"
        xml = AddApp(App(name, "Drift")).apply(load(ProjectDisk(), str(stopped.folder))).xml
        (stopped.folder / "project.xml").write_bytes(xml.document.data)
        run(stopped, which, "xadd")
        folder = stopped.folder / versions.folder(name, 103, PLATFORM)
        folder.mkdir(parents=True)
        for file in files:
            (folder / versions.physical_name(file)).write_bytes(file.content)
        (folder / "version.xml").write_bytes(versions.manifest(files))
        run(stopped, which, "update_versions", *(["--noconfirm"] if which == "real" else []))
    real, ours = (row(stopped, "app", "name = %s", f"drift_{which}") for which in ("real", "standin"))
    assert real == ours
    query = "appid = (SELECT id FROM app WHERE name = %s)"
    real, ours = (row(stopped, "app_version", query, f"drift_{which}") for which in ("real", "standin"))
    assert {name: value for name, value in real.items() if name not in ("appid", "xml_doc")} == {
        name: value for name, value in ours.items() if name not in ("appid", "xml_doc")
    }
    found = [versions.names_in(bytes(each["xml_doc"]).decode()) for each in (real, ours)]
    assert found == [versions.physical_names(files)] * 2
