"""The states of a batch on a database: the same as on the local project, with results, timeouts and deliveries one by one."""

import contextlib
import re
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis.stateful import precondition, rule
from standin.server import Server

from pyboinc.batchdir import CHECKPOINT, Checkpoint
from pyboinc.daemon import Words
from pyboinc.ports import Disk
from pyboinc.slave.runner import Program, run_job
from pyboinc.testing import Crash
from pyboinc_assimilator.daemon import Assimilator
from pyboinc_boinc.hierarchy import folder_of
from pyboinc_boinc.plugin import BoincBackend
from pyboinc_boinc.store.connection import to_text

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "property"))
from batch_states import BatchMachine

UNSENT = """
    SELECT r.id, w.id, w.xml_doc FROM result r JOIN workunit w ON w.id = r.workunitid
    WHERE r.server_state = 2 AND w.batch = %s ORDER BY r.id LIMIT 1 FOR UPDATE
"""


class Uploads(Disk):
    """What the assimilator sees: uploaded files on the computer's disk, the batch directory in memory."""

    def __init__(self, memory):
        super().__init__()
        for name in ("write", "rename", "sync_folder"):
            setattr(self, name, getattr(memory, name))


class OnDatabase(BatchMachine):
    interface = "boinc"
    server: Server

    def __init__(self):
        super().__init__()
        self.project_home = self.server.project.folder
        self.store = BoincBackend().pyboinc_open_store(self.project_home, self.clock)
        self.timeouts = 0

    def backend(self):
        return BoincBackend()

    def table(self):
        return {}

    def expects(self, value):
        return ["SlaveError" if value % 5 == 4 else value * value, *(["JobError"] if self.timeouts >= 3 else [])]

    @property
    def batch(self):
        """Its number; 0 if there is none yet."""
        path = f"{self.folder}/{CHECKPOINT}"
        return Checkpoint.load(self.fs.read(path), path).batch_id if self.fs.exists(path) else 0

    @precondition(lambda self: self.batch)
    @rule()
    def result(self):
        """A host gets a job, runs it and reports."""
        self._one_result()

    @precondition(lambda self: self.batch)
    @rule()
    def timeout(self):
        """A host gets a job, and its deadline goes by."""

        def give_up(step, number, wu, xml):
            step.change("UPDATE result SET report_deadline = 1 WHERE id = %s", (number,))
            step.change("UPDATE workunit SET transition_time = 1 WHERE id = %s", (wu,))

        self.timeouts += self._move(give_up)

    @precondition(lambda self: self.batch)
    @rule()
    def deliver(self):
        """A pass of the assimilator."""
        words = Words("pyboinc", 0, 1, 0, True, 0.0, 0, False, self.project_home)
        with contextlib.suppress(Crash):  # it shares the disk with the master
            Assimilator(self.store.assimilation, words, self.clock, Uploads(self.fs)).make_pass()

    def _one_result(self):
        return self._move(lambda step, number, wu, xml: self.server.report(step, number, self._run(number, xml), 0, 0.1))

    def _move(self, what):
        def take(step):
            found = step.row(UNSENT, (self.batch,))
            if found is None:
                return False
            number, wu, xml = found
            step.change("UPDATE result SET server_state = 4, hostid = 1, userid = 1, sent_time = 1 WHERE id = %s", (number,))
            what(step, number, wu, to_text(xml))
            return True

        transact = self.server.transaction
        transact(self.server.transition)
        moved = transact(take)
        while transact(self.server.transition) or transact(self.server.validate):
            pass
        return moved

    def _run(self, number, xml):
        """The job of the result, in this process; the folder with its files."""
        config = self.server.config
        names = re.findall(r"<file_name>(.*?)</file_name>\s*<open_name>(.*?)</open_name>", xml)
        files = {logical: Path(config.download_dir, folder_of(config.fanout, name), name) for name, logical in names}
        output, report = run_job(program(str(files["program"])), files["input"].read_bytes(), lambda: ("", ""))
        slot = self.server.slots / str(number)
        slot.mkdir(parents=True)
        (slot / "output").write_bytes(output)
        (slot / "report").write_bytes(report)
        (slot / "stderr.txt").write_text("")
        return slot

    def settle(self):
        while self._one_result():
            pass
        self.deliver()

    def teardown(self):
        try:
            super().teardown()
        finally:
            self.store.close()


program = cache(Program)


@pytest.fixture
def server(make_project):
    return Server(str(make_project().folder), 1)


def test_states_of_a_batch(server, tmp_path):
    OnDatabase.server = server
    OnDatabase.play(tmp_path, examples=3)
    names = server.transaction(lambda step: step.row("SELECT COUNT(*), COUNT(DISTINCT name) FROM workunit", ()))
    assert names[0] == names[1] > 0, "no job was made twice"
