"""What a project has to bear: databases, daemons and masters that are killed, batches that are cancelled, folders that are not there."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import mysql.connector
import pytest
from standin.project import SCRIPTS, environment

from pyboinc import bundle, codec
from pyboinc.batchdir import BatchDir
from pyboinc.model import Attachment, Batch, ErrorMask, Job, JobSettings, job_name
from pyboinc.ports import Disk, SystemClock
from pyboinc.records import load_records
from pyboinc.slave import files
from pyboinc_boinc.backend import Run
from pyboinc_boinc.project import load
from pyboinc_boinc.store import Store
from pyboinc_boinc.store.batches import NewBatch

SLAVE = """
import time
from pyboinc import get_input, return_output
number, seconds = get_input()
time.sleep(seconds)
return_output(number * number)
"""
MASTER = """
from pyboinc import call, master
outputs = []
def make_calls():
    for i in range({calls}): call("app_slave.py", (i, {seconds}))
errors = []
master(make_calls, outputs.append, lambda call, error: errors.append(error.error_mask), argv=["-p", {project!r}])
print(sum(outputs), len(outputs), errors)
"""


class Program:
    """A master in a folder, as a user has it."""

    def __init__(self, folder: Path, project, calls: int, seconds: float = 0.0) -> None:
        self.folder, self.project, self.calls = folder, project, calls
        folder.mkdir()
        (folder / "app_slave.py").write_text(SLAVE)
        (folder / "app_master.py").write_text(MASTER.format(calls=calls, seconds=seconds, project=str(project.folder)))
        self.answer = f"{sum(i * i for i in range(calls))} {calls} []\n"

    def start(self) -> subprocess.Popen:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True}
        return subprocess.Popen([sys.executable, "app_master.py"], cwd=self.folder, env=environment(), **pipes)

    def run(self, status: int = 0) -> tuple[str, str]:
        process = self.start()
        try:
            said = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"{process.communicate()}\n{self.project.logs()}") from None
        assert process.returncode == status, said
        return said

    def pyboinc(self, *words: str) -> str:
        return self.project.run([str(SCRIPTS / "pyboinc"), *words, str(self.folder)], env=environment())

    def records(self):
        paths = [path for name in ("new", "old") for path in (self.folder / name).glob("[!.]*")]
        return {record.job: record for path in paths for record in load_records(path.read_bytes())}

    @property
    def batch(self) -> int:
        return int((self.folder / "pyboinc_checkpoint").read_text().split()[0])

    def row(self) -> dict:
        columns = "state", "jobs", "succeeded", "failed"
        [row] = self.project.rows(f"SELECT {', '.join(columns)} FROM pyboinc_batch WHERE id = %s", self.batch)
        return dict(zip(columns, row, strict=True))


@pytest.fixture
def program(tmp_path, project):
    """Makes programs on the project that all share."""
    return lambda name, calls, seconds=0.0, on=project: Program(tmp_path / name, on, calls, seconds)


@pytest.fixture
def hold(project):
    """While it lasts no job is sent to a host."""
    path = project.folder / "hold"
    path.touch()
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def store(project):
    made = Store(load(Disk(), str(project.folder)), SystemClock(), 30.0)
    yield made
    made.close()


# ---- the database


@pytest.mark.parametrize("pure", [True, False])
def test_both_modes_of_the_connector_give_the_same(project, program, pure):
    if not pure and not mysql.connector.HAVE_CEXT:
        pytest.skip("the connector's C extension does not load here")
    there = program("values", 2)
    there.run()
    opened = Store(load(Disk(), str(project.folder)), SystemClock(), 30.0, pure=pure)
    token = there.project.rows("SELECT token FROM pyboinc_batch WHERE id = %s", there.batch)[0][0]
    try:
        status = opened.batches.find(token if isinstance(token, str) else token.decode())
        assert (status.id, status.directory, status.state) == (there.batch, str(there.folder), "running")
        assert (status.jobs, status.succeeded, status.failed) == (2, 2, 0)
        assert status.timed == 2 and 0 < status.fpops_max <= status.fpops_sum
        opened.batches.deliver_again(opened.batches.known(list(there.records())).values())
        project.end(project.assimilator)
        rows = [row for row in opened.assimilation.ready(project.share(), 10) if row.batch == there.batch]
        assert {row.name for row in rows} == there.records().keys()
        for row in rows:
            assert {type(each) for each in (row.id, row.batch, row.error_mask, row.canonical_resultid)} == {int}
            assert set(row.canonical.files) == {"output", "report"} and row.canonical.stderr == b""
            assert Path(row.canonical.files["output"]).read_bytes() == there.records()[row.name].output
        [batch] = opened.assimilation.batches([there.batch]).values()
        assert (batch.directory, batch.comparator, batch.state) == (str(there.folder), "bitwise", "running")
    finally:
        opened.close()
        project.assimilator = project.start("assimilator")
    there.project.until(lambda: there.row()["succeeded"] == 2, "delivered again, and counted once")


def test_setup_again_changes_nothing(project):
    assert "Nothing to change" in project.setup()


def test_nothing_is_lost_when_everything_is_killed_in_turn(database, make_project, program):
    """The database, the assimilator and the master, kill -9 each, while jobs are made, run and delivered."""
    project = make_project()
    project.start("server")
    assimilator = project.start("assimilator")
    there = program("killed", 120, 0.02, on=project)
    choices = random.Random(7)
    master = there.start()
    killed = []
    while master.poll() is None and len(killed) < 9:
        time.sleep(choices.uniform(0.2, 1.2))
        victim = ("database", "assimilator", "master")[len(killed) % 3]
        killed.append(victim)
        if victim == "database":
            database.kill()
            time.sleep(choices.uniform(0.0, 0.5))
            database.start()
        elif victim == "assimilator":
            project.end(assimilator, signal.SIGKILL)
            assimilator = project.start("assimilator")
        elif master.poll() is None:
            master.kill()
            master.communicate()
            master = there.start()
    out, err = master.communicate(timeout=120)
    assert (master.returncode, out) == (0, there.answer), f"{killed}\n{err}\n{project.logs()}"
    assert there.run()[0] == there.answer
    names = project.rows("SELECT COUNT(*), COUNT(DISTINCT name) FROM workunit WHERE batch = %s", there.batch)
    assert names == [(120, 120)], "no job was made twice"
    project.until(lambda: there.row() == {"state": "running", "jobs": 120, "succeeded": 120, "failed": 0}, "counters follow")
    assert project.end(assimilator, signal.SIGHUP) == 0


# ---- jobs


def started(folder: Path, project, count: int):
    """A run of a backend as a master has it, and jobs that it has not submitted."""
    folder.mkdir()
    (folder / "app_slave.py").write_text(SLAVE)
    directory = BatchDir(Disk(), str(folder))
    found = directory.begin("boinc", str(project.folder), 0)
    directory.bring_back()
    batch = Batch(0, found.token, str(folder), "boinc", str(project.folder), JobSettings(), {}, Disk(), SystemClock())
    run = Run(batch)
    batch.id = run.start()
    built = bundle.build("app_slave.py", folder)
    inputs = {str(i): files.input_file(0, str(i), [codec.dumps((i, 0))]) for i in range(count)}
    jobs = [Job(job_name(batch.id, batch.token, at, 0), built, at, 1, 0, data) for at, data in inputs.items()]
    return run, batch, jobs


def test_jobs_that_another_process_makes_at_the_same_time(tmp_path, project, hold, monkeypatch):
    """A create_work of a master that was killed goes on while the next one makes the same jobs."""
    run, batch, jobs = started(tmp_path / "twice", project, 20)
    other, _, same = started_again(run, batch, jobs)
    monkeypatch.setattr(other._store.batches, "known", lambda names: {})  # it asked before there were any
    run.submit(jobs[:12])
    other.submit(same)
    monkeypatch.undo()
    run._pipeline.drain(60)
    other._pipeline.drain(60)
    counted = project.rows("SELECT COUNT(*), COUNT(DISTINCT name) FROM workunit WHERE batch = %s", batch.id)
    assert counted == [(20, 20)]
    run.cancel()
    run.stop()
    other.stop()


def started_again(run, batch, jobs):
    other = Run(batch)
    other.start()
    return other, batch, jobs


def test_a_batch_that_says_nothing_gets_the_apps_quorum(tmp_path, project, hold):
    run, batch, jobs = started(tmp_path / "apps_quorum", project, 1)
    run.stop()
    text = (project.folder / "config.xml").read_text()
    try:
        (project.folder / "config.xml").write_text(text.replace("<pyboinc_quorum_pyboinc>1<", "<pyboinc_quorum_pyboinc>3<"))
        run = Run(batch)
        run.start()
        run.submit(jobs)
        run._pipeline.drain(60)
        assert project.rows("SELECT min_quorum, target_nresults FROM workunit WHERE batch = %s", batch.id) == [(3, 3)]
        run.cancel()
        run.stop()
    finally:
        (project.folder / "config.xml").write_text(text)


def test_settings_reach_the_workunit(tmp_path, project, hold):
    run, batch, jobs = started(tmp_path / "settings", project, 1)
    run.stop()
    settings = {"quorum": 2, "replication": 3, "deadline": 3600, "memory": 1e8, "disk": 2e8, "fpops_estimate": 5e9, "fpops_bound": 5e12}
    settings |= {"priority": 7, "max_error_results": 0, "max_total_results": 9, "max_success_results": 5, "max_output": 1234}
    batch.settings = JobSettings.of(settings)
    run = Run(batch)
    run.start()
    run.submit(jobs)
    run._pipeline.drain(60)
    columns = "min_quorum target_nresults delay_bound rsc_memory_bound rsc_disk_bound rsc_fpops_est rsc_fpops_bound priority"
    columns += " max_error_results max_total_results max_success_results app_version_num"
    [row] = project.rows(f"SELECT {columns.replace(' ', ', ')} FROM workunit WHERE batch = %s", batch.id)
    assert row == (2, 3, 3600, 1e8, 2e8, 5e9, 5e12, 7, 0, 9, 5, 100)
    project.until(lambda: len(project.rows("SELECT id FROM result WHERE batch = %s", batch.id)) == 3, "three results")
    assert "<max_nbytes>1234</max_nbytes>" in str(project.rows("SELECT xml_doc_in FROM result WHERE batch = %s", batch.id)[0][0])
    run.cancel()
    run.stop()


def test_an_output_that_is_gone_is_computed_again(project, program):
    there = program("lost", 3)
    out, _ = there.run()
    (project.folder / "delete_files").touch()
    try:
        sql = "SELECT COUNT(*) FROM result WHERE batch = %s AND file_delete_state <> 2"
        project.until(lambda: project.rows(sql, there.batch) == [(0,)], "files deleted")
    finally:
        (project.folder / "delete_files").unlink()
    shutil.rmtree(there.folder / "old")
    assert there.run()[0] == out
    assert there.row() == {"state": "running", "jobs": 6, "succeeded": 6, "failed": 0}


def test_a_data_file_stays_until_the_last_batch_that_uses_it_is_retired(tmp_path, project, hold):
    table = tmp_path / "table"
    table.write_text("a table")
    attached = Attachment("table", hashlib.sha256(b"a table").hexdigest(), 7, str(table))
    runs = []
    for name in ("one", "two"):
        run, _, jobs = started(tmp_path / name, project, 2)
        run.submit([replace(job, files=(attached,)) for job in jobs])
        run._pipeline.drain(60)
        run._pipeline._staging.put(f"{jobs[0].name}_r1.in", b"of a job that is never made")
        run.cancel()
        runs.append(run)
    assert len(list(project.folder.glob("download/*/*_r1.in"))) == 2
    [path] = project.folder.glob(f"download/*/{attached.file_name}")
    for run in runs:
        assert path.exists()
        run.retire()
        run.stop()
    assert not path.exists() and project.rows("SELECT COUNT(*) FROM pyboinc_file WHERE name = %s", attached.file_name) == [(0,)]
    assert not list(project.folder.glob("download/*/*_r1.in*"))


# ---- the ends of a batch


def test_cancelling_leaves_other_batches_alone(project, program, hold):
    mine, other = program("mine", 6), program("other", 6)
    masters = [mine.start(), other.start()]
    for there in (mine, other):
        sql = "SELECT jobs FROM pyboinc_batch WHERE directory = %s"
        project.until(lambda there=there, sql=sql: project.rows(sql, str(there.folder)) == [(6,)], "jobs made")
    mine.pyboinc("cancel")
    assert masters[0].wait(60) == 2
    masters[0].communicate()
    project.until(lambda: len(mine.records()) == 6, "records of the cancelled jobs")
    assert {record.error_mask for record in mine.records().values()} == {ErrorMask.CANCELLED}
    hold.unlink()
    assert masters[1].communicate(timeout=120)[0] == other.answer
    mine.pyboinc("retire")
    template, programs = "SELECT COUNT(*) FROM pyboinc_file WHERE batch = %s", list(project.folder.glob("download/*/pyboinc_*.zip"))
    assert project.rows(template, mine.batch) == [(0,)] and not any(f"pyboinc_{mine.batch}_" in path.name for path in programs)
    assert list(project.folder.glob("templates/pyboinc_out_*")), "the other batch has the same template"
    assert json.loads(other.pyboinc("status", "--json"))["calls"]["handled"] == 6


def test_a_batch_that_is_aborted_on_the_web_pages_ends(project, program, hold):
    there = program("aborted", 4)
    master = there.start()
    project.until(lambda: (there.folder / "pyboinc_checkpoint").exists() and there.batch and there.row()["jobs"] == 4, "jobs made")
    # What html/inc/submit_util.inc does in abort_batch. It does not call the transitioner, which would look in a week.
    project.rows("UPDATE workunit SET error_mask = error_mask | 16, file_delete_state = 1 WHERE batch = %s", there.batch)
    project.rows("UPDATE result SET server_state = 5, outcome = 5 WHERE server_state = 2 AND batch = %s", there.batch)
    project.rows("UPDATE batch SET state = 3, completion_time = 1 WHERE id = %s", there.batch)
    _, err = master.communicate(timeout=60)
    assert master.returncode == 2 and "was cancelled" in err
    project.until(lambda: len(there.records()) == 4, "records of the aborted jobs")
    assert {record.error_mask for record in there.records().values()} == {ErrorMask.CANCELLED}


def test_jobs_that_are_made_after_the_end_of_their_batch_end_too(tmp_path, project, hold):
    """By a create_work that outlives its master, or that nobody has told."""
    run, batch, jobs = started(tmp_path / "late", project, 6)
    other, _, _ = started_again(run, batch, jobs)
    run.submit(jobs[:2])
    run._pipeline.drain(60)
    run.cancel()
    other.submit(jobs)
    other._pipeline.drain(60)
    ended = "SELECT COUNT(*) FROM workunit WHERE batch = %s AND error_mask = 16 AND assimilate_state = 2"
    project.until(lambda: project.rows(ended, batch.id) == [(6,)], "end of the late jobs")
    assert project.rows("SELECT COUNT(*) FROM result WHERE batch = %s AND server_state <> 5", batch.id) == [(0,)]
    assert project.rows("SELECT jobs, succeeded, failed FROM pyboinc_batch WHERE id = %s", batch.id) == [(6, 0, 6)]
    run.stop()
    other.stop()


# ---- the assimilator


def test_one_folder_that_fails_does_not_stop_the_others(project, program, hold, tmp_path):
    lost, linked, fine = program("lost", 2), program("linked", 2), program("fine", 2)
    masters = {there: there.start() for there in (lost, linked, fine)}
    for there in masters:
        sql = "SELECT jobs FROM pyboinc_batch WHERE directory = %s"
        project.until(lambda there=there, sql=sql: project.rows(sql, str(there.folder)) == [(2,)], "jobs made")
    for there in (lost, linked):
        masters[there].kill()
        masters[there].communicate()
    lost.folder.rename(tmp_path / "elsewhere")
    (linked.folder / "new").rmdir()
    trap = tmp_path / "trap"
    trap.mkdir()
    (linked.folder / "new").symlink_to(trap)
    hold.unlink()
    assert masters[fine].communicate(timeout=120)[0] == fine.answer
    project.until(lambda: str(lost.folder) in project.log("assimilator") and str(linked.folder) in project.log("assimilator"), "reported")
    assert not list(trap.iterdir()), "nothing is written outside of the folder that the row names"
    (tmp_path / "elsewhere").rename(lost.folder)
    (linked.folder / "new").unlink()
    (linked.folder / "new").mkdir()
    assert lost.run()[0] == lost.answer
    assert linked.run()[0] == linked.answer


def test_a_workunit_of_somebody_else_is_left_alone(project, store):
    app = store.assimilation.app("pyboinc")
    batch = store.batches.make(NewBatch(os.urandom(6).hex(), 1, app, 100, "/nowhere", "bitwise", "t", "d", ""))
    columns = {"name": "../../etc/x", "appid": app, "batch": batch.id, "error_mask": 16, "assimilate_state": 1, "canonical_resultid": 0}
    zeros = "create_time rsc_fpops_est rsc_fpops_bound rsc_memory_bound rsc_disk_bound need_validate canonical_credit transition_time"
    zeros += " delay_bound file_delete_state hr_class opaque min_quorum target_nresults max_error_results max_total_results priority"
    zeros += " max_success_results rsc_bandwidth_bound fileset_id app_version_id transitioner_flags app_version_num"
    columns |= dict.fromkeys(zeros.split(), 0) | {"transition_time": 2**31 - 1, "result_template_file": "", "keywords": ""}
    sql = f"INSERT INTO workunit ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
    project.rows(sql, *columns.values())
    project.until(lambda: "its name is not one of its batch; it is left alone" in project.log("assimilator"), "reported")
    assert project.rows("SELECT assimilate_state FROM workunit WHERE batch = %s", batch.id) == [(1,)]
    project.rows("DELETE FROM workunit WHERE batch = %s", batch.id)


def test_a_dry_run_changes_nothing(project, program, hold):
    there = program("dry", 1)
    master = there.start()
    project.until(lambda: (there.folder / "pyboinc_checkpoint").exists() and there.batch and there.row()["jobs"] == 1, "job made")
    project.end(project.assimilator)
    hold.unlink()
    sql = "SELECT COUNT(*) FROM workunit WHERE batch = %s AND assimilate_state = 1"
    project.until(lambda: project.rows(sql, there.batch) == [(1,)], "validated")
    words = ["--app", "pyboinc", "-p", str(project.folder), "--dry_run"]
    said = project.run([str(SCRIPTS / "pyboinc-assimilator"), *words])
    assert f"{there.folder}: pyboinc_{there.batch}_" in said and "an output of" in said
    assert project.rows(sql, there.batch) == [(1,)] and not list((there.folder / "new").iterdir())
    project.assimilator = project.start("assimilator")
    assert master.communicate(timeout=60)[0] == there.answer
