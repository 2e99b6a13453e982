"""PyBOINC beside BOINC's own tools, on a real project that `pyboinc setup` has set up and whose daemons do not run.

    python benchmarks/boinc_project.py submit PROJECT      jobs a second: pyboinc, beside bare create_work --stdin
    python benchmarks/boinc_project.py assimilate PROJECT  results a second: pyboinc-assimilator, beside batch_collect_assimilator
    python benchmarks/boinc_project.py status PROJECT      seconds for the state of a batch of 1,000,000 jobs

Run it as the project's owner. It leaves its jobs in the database: take a project made for it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pyboinc import bundle, codec
from pyboinc.batchdir import BatchDir
from pyboinc.daemon import DaemonClock, Words
from pyboinc.model import Batch, Job, JobSettings, job_name
from pyboinc.ports import Disk, SystemClock
from pyboinc.records import load_records
from pyboinc.slave import files
from pyboinc_assimilator.daemon import Assimilator
from pyboinc_assimilator.folder import OthersDisk
from pyboinc_boinc import templates
from pyboinc_boinc.backend import Run
from pyboinc_boinc.hierarchy import path_of
from pyboinc_boinc.project import Project, load
from pyboinc_boinc.staging import Staging
from pyboinc_boinc.store import Store
from pyboinc_boinc.store.connection import Transaction

JOBS, ROUNDS, FLUSH = 10_000, 3, 256  # as the master hands jobs over
MANY = 1_000_000
SLAVE = "from pyboinc import get_input, return_output\nreturn_output(get_input() ** 2)\n"


class Bench:
    def __init__(self, folder: str) -> None:
        self.project: Project = load(Disk(), os.path.realpath(folder))
        self.store = Store(self.project, SystemClock())
        self.work = Path(tempfile.mkdtemp(prefix="bench", dir=self.project.path()))

    @contextlib.contextmanager
    def batch(self):
        """A new batch with its run, and its jobs."""
        home = Path(tempfile.mkdtemp(dir=self.work))
        (home / "slave.py").write_text(SLAVE)
        directory = BatchDir(Disk(), str(home))
        found = directory.begin("boinc", self.project.folder, 0)
        directory.bring_back()
        batch = Batch(0, found.token, str(home), "boinc", self.project.folder, JobSettings(), {}, Disk(), SystemClock())
        run = Run(batch)
        batch.id = run.start()
        program = bundle.build("slave.py", home)
        jobs = []
        for position in map(str, range(JOBS)):
            data = files.input_file(0, position, [codec.dumps(int(position))])
            jobs.append(Job(job_name(batch.id, batch.token, position, 0), program, position, 1, 0, data))
        yield run, batch, jobs
        run.stop()

    def submit(self) -> float:
        """Seconds until all jobs are made."""
        with self.batch() as (run, _, jobs):
            begun = time.perf_counter()
            for at in range(0, len(jobs), FLUSH):
                run.submit(jobs[at : at + FLUSH])
            run._pipeline.drain(600)
            return time.perf_counter() - begun

    def bare(self) -> float:
        """Seconds of create_work --stdin for as many jobs of the same kind, whose files are staged already."""
        token, staging = os.urandom(6).hex(), Staging(self.project)
        output = templates.output(1000)
        for each in (templates.INPUT, output):
            staging.put_template(each)
        staging.put(f"bench_{token}.zip", b"x" * 1000)
        lines = []
        for number in range(JOBS):
            staging.put(f"bench_{token}_{number}.in", b"x" * 60)
            lines.append(f"--wu_name bench_{token}_{number} bench_{token}.zip bench_{token}_{number}.in\n")
        command = ["bin/create_work", "--appname", self.project.config.pyboinc_apps[0], "--wu_template", templates.INPUT.path]
        command += ["--result_template", output.path, "--stdin"]
        begun = time.perf_counter()
        subprocess.run(command, input="".join(lines), text=True, cwd=self.project.folder, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun

    # -- finished results, as a host and the validator leave them

    def finished(self) -> tuple[Batch, int]:
        """A batch whose jobs are all validated, and the app."""
        with self.batch() as (run, batch, jobs):
            for at in range(0, len(jobs), FLUSH):
                run.submit(jobs[at : at + FLUSH])
            run._pipeline.drain(600)
        [(app,)] = self.store.connection.transaction(Transaction.rows, "SELECT app_id FROM pyboinc_batch WHERE id = %s", (batch.id,))
        workunits = self.store.connection.transaction(Transaction.rows, "SELECT id, name FROM workunit WHERE batch = %s", (batch.id,))
        made = [(self._upload(name if isinstance(name, str) else name.decode()), number) for number, name in workunits]

        def finish(step: Transaction) -> None:
            zeros = "client_state, report_deadline, sent_time, received_time, cpu_time, file_delete_state, claimed_credit, granted_credit, "
            zeros += "opaque, random, teamid, flops_estimate, app_version_id, runtime_outlier, peak_working_set_size, peak_swap_size, "
            zeros += "peak_disk_usage, exit_status, priority, app_version_num, hostid, userid"
            columns = "create_time, workunitid, server_state, outcome, name, xml_doc_in, batch, appid, validate_state, elapsed_time"
            for at in range(0, len(made), 500):
                rows = [(wu, name, xml, batch.id, app) for (name, xml), wu in made[at : at + 500]]
                value = f"(1, %s, 5, 1, %s, %s, %s, %s, 1, 1.5{', 0' * len(zeros.split(', '))})"
                values = ", ".join([value] * len(rows))
                step.change(f"INSERT INTO result ({columns}, {zeros}) VALUES {values}", [each for row in rows for each in row])
            sql = "UPDATE workunit w JOIN result r ON r.workunitid = w.id SET w.canonical_resultid = r.id, w.assimilate_state = 1"
            step.change(f"{sql} WHERE w.batch = %s", (batch.id,))

        self.store.connection.transaction(finish)
        return batch, int(app)

    def _upload(self, workunit: str) -> tuple[str, str]:
        """The name of its result, and the result's text; its output is in the upload hierarchy."""
        base = f"{workunit}_0_r1_"
        xml = templates.output(1000).content.decode().replace("<OUTFILE_0/>", f"{base}0").replace("<OUTFILE_1/>", f"{base}1")
        path = path_of(self.project.path(self.project.config.upload_dir), self.project.config.fanout, f"{base}0")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).write_bytes(files.output_file([files.ok_entry(files.encode_output(12345))]))
        return f"{workunit}_0", xml.partition("<output_template>\n")[2].partition("</output_template>")[0]

    def assimilate(self) -> float:
        """Seconds of our daemon's passes over them."""
        batch, _ = self.finished()
        clock = DaemonClock(self.project.folder)
        words = Words(self.project.config.pyboinc_apps[0], 1, 1, 0, True, 1.0, 0, False, self.project.folder)
        assimilator = Assimilator(self.store.assimilation, words, clock, OthersDisk())
        begun = time.perf_counter()
        while assimilator.make_pass():
            pass
        taken = time.perf_counter() - begun
        directory = BatchDir(Disk(), batch.folder)
        assert sum(len(load_records(Disk().read(directory.path("new", name)))) for name in directory.arrived()) == JOBS
        return taken

    def collect(self) -> float:
        """Seconds of batch_collect_assimilator for the same."""
        self.finished()
        command = ["bin/batch_collect_assimilator", "--app", self.project.config.pyboinc_apps[0], "--one_pass_N_WU", str(JOBS), "-d", "1"]
        begun = time.perf_counter()
        subprocess.run(command, cwd=self.project.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - begun

    def _recounted(self, batch: Batch) -> int:
        self.store.batches.recount(batch.id)
        found = self.store.batches.find(batch.token)
        assert found is not None
        return found.jobs

    def status(self) -> float:
        """Seconds for a batch's state and counters; its workunits are copies of one."""
        with self.batch() as (run, batch, jobs):
            run.submit(jobs[:1])
            run._pipeline.drain(60)
        columns = self.store.connection.transaction(Transaction.rows, "SHOW COLUMNS FROM workunit")
        names = [name for name, *_ in columns if name not in ("id", "name", "assimilate_state", "transition_time")]
        copied = f"INSERT INTO workunit (name, assimilate_state, transition_time, {', '.join(names)}) "
        copied += f"SELECT CONCAT('bench_', UUID_SHORT()), 2, 2147483647, {', '.join(names)} FROM workunit WHERE batch = %s LIMIT %s"
        while (left := MANY - self._recounted(batch)) > 0:
            self.store.connection.transaction(Transaction.change, copied, (batch.id, left))
        times = []
        for _ in range(9):
            begun = time.perf_counter()
            found = self.store.batches.find(batch.token)
            times.append(time.perf_counter() - begun)
            assert found is not None and found.jobs == MANY
        self.store.connection.transaction(Transaction.change, "DELETE FROM workunit WHERE batch = %s", (batch.id,))
        return statistics.median(times)


def compare(what: str, ours: Callable[[], float], theirs: Callable[[], float], name: str) -> None:
    """In turn, so that both meet the same machine; medians."""
    pairs = [(ours(), theirs()) for _ in range(ROUNDS)]
    mine, other = (JOBS / statistics.median(each) for each in zip(*pairs, strict=True))
    print(f"{what}: pyboinc {mine:,.0f}/s, {name} {other:,.0f}/s, ratio {mine / other:.2f} (medians of {ROUNDS}, {JOBS:,} jobs)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("submit", "assimilate", "status"))
    parser.add_argument("project")
    parser.add_argument("--beside", action="store_true", help="assimilate: also by batch_collect_assimilator, which may take minutes")
    words = parser.parse_args()
    bench = Bench(words.project)
    try:
        if words.what == "submit":
            compare("submission", bench.submit, bench.bare, "create_work --stdin")
        elif words.what == "status":
            print(f"status of a batch of {MANY:,} jobs, in the database: {bench.status() * 1000:.1f} ms (median of 9)")
        elif words.beside:
            compare("assimilation", bench.assimilate, bench.collect, "batch_collect_assimilator")
        else:
            rate = JOBS / statistics.median(bench.assimilate() for _ in range(ROUNDS))
            print(f"assimilation: pyboinc {rate:,.0f}/s (median of {ROUNDS}, {JOBS:,} jobs)")
    finally:
        bench.store.close()
        shutil.rmtree(bench.work, ignore_errors=True)


if __name__ == "__main__":
    main()
