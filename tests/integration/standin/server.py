"""A BOINC server and its hosts in one process, on a real database: the transitioner's decisions are pyboinc-local's.

    python server.py PROJECT [CPUS]

A job runs in a process of its own, by the code that volunteers get, in a folder that looks like a client's slot. Files of
finished jobs are deleted while the file ``delete_files`` is in the project's folder, and no job is sent while ``hold`` is.
"""

import os
import random
import re
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

from pyboinc import states
from pyboinc.ports import Disk, SystemClock
from pyboinc_boinc.hierarchy import folder_of
from pyboinc_boinc.project import load
from pyboinc_boinc.slave import job
from pyboinc_boinc.slave.progress import Progress
from pyboinc_boinc.store.connection import FOREVER, Connection, marks, to_text
from pyboinc_local.server import transitioner
from pyboinc_local.server.rows import Config, Result, Workunit

TICK = 0.02
INT_MAX = 2**31 - 1
FILE_TOO_BIG = -131
READ_WORKUNIT = (
    *("id", "name", "appid", "batch", "create_time", "min_quorum", "target_nresults", "max_error_results", "max_total_results"),
    *("max_success_results", "delay_bound", "rsc_fpops_est", "priority", "app_version_num", "transition_time", "hr_class", "error_mask"),
    *("need_validate", "canonical_resultid", "assimilate_state", "file_delete_state"),
)
WRITTEN_WORKUNIT = ("transition_time", "hr_class", "error_mask", "need_validate", "assimilate_state", "file_delete_state")
READ_RESULT = (
    *("id", "workunitid", "priority", "server_state", "outcome", "validate_state", "file_delete_state", "hostid", "userid"),
    *("app_version_id", "sent_time", "report_deadline", "received_time", "elapsed_time", "exit_status"),
)
WRITTEN_RESULT = ("server_state", "outcome", "validate_state", "file_delete_state")
PLATFORM = "x86_64-pc-linux-gnu"
SEND = """
    UPDATE result r JOIN workunit w ON w.id = r.workunitid LEFT JOIN platform p ON p.name = %s
        LEFT JOIN app_version v ON v.appid = w.appid AND v.version_num = w.app_version_num AND v.platformid = p.id
    SET r.server_state = 4, r.hostid = 1, r.userid = 1, r.app_version_id = COALESCE(v.id, 0), r.sent_time = %s, r.report_deadline = %s
    WHERE r.id = %s
"""


class Server:
    def __init__(self, folder, cpus):
        self.project = load(Disk(), folder)
        self.config = self.project.config
        self.transaction = Connection(self.config.database, SystemClock(), FOREVER).transaction
        self.cpus = cpus
        self.running = {}  # pid: number of a result, its slot, when it was started
        self.slots = Path(folder, "slots")
        self.orphans()

    def orphans(self):
        """What a killed server's hosts had is sent again."""
        shutil.rmtree(self.slots, ignore_errors=True)
        self.transaction(lambda step: step.change("UPDATE result SET server_state = %s WHERE server_state = %s", (2, 4)))

    def run(self):
        while True:
            moved = self.transaction(self.transition)
            moved |= self.transaction(self.validate)
            moved |= self.collect()
            if len(self.running) < self.cpus and not self.project_has("hold"):
                moved |= self.send()
            if self.project_has("delete_files"):
                self.transaction(self.delete)
            if not moved:
                time.sleep(TICK)

    def project_has(self, name):
        return os.path.exists(self.project.path(name))

    # -- transitioner

    def transition(self, step):
        now = time.time()
        sql = f"SELECT {', '.join(READ_WORKUNIT)} FROM workunit WHERE transition_time <= %s ORDER BY id LIMIT 500 FOR UPDATE"
        workunits = {row[0]: read_workunit(row) for row in step.rows(sql, (int(now),))}
        if not workunits:
            return False
        for result in read_results(step, workunits):
            workunits[result.workunitid].results.append(result)
        for wu in workunits.values():
            before = state(wu, WRITTEN_WORKUNIT), [state(each, WRITTEN_RESULT) for each in wu.results]
            followup = transitioner.transition(wu, now, Config())
            for result, old in zip(wu.results, before[1], strict=True):
                write(step, "result", result, WRITTEN_RESULT, old)
            write(step, "workunit", wu, WRITTEN_WORKUNIT, before[0])
            for _ in range(followup.new_results):
                make_result(step, self.project, wu)
                wu.results.append(None)
        return True

    # -- scheduler and hosts

    def send(self):
        unsent = """
            SELECT r.id, w.id, w.xml_doc FROM result r JOIN workunit w ON w.id = r.workunitid
            WHERE r.server_state = 2 ORDER BY r.priority DESC, r.id LIMIT %s FOR UPDATE
        """

        def take(step):
            found = step.rows(unsent, (self.cpus - len(self.running),))
            now = int(time.time())
            for number, wu, _ in found:
                step.change(SEND, (PLATFORM, now, now + 86400, number))
                step.change("UPDATE workunit SET transition_time = LEAST(transition_time, %s) WHERE id = %s", (now + 86400, wu))
            return found

        found = self.transaction(take)
        for number, _, xml in found:
            slot = self.slots / str(number)
            slot.mkdir(parents=True)
            for name, logical in re.findall(r"<file_name>(.*?)</file_name>\s*<open_name>(.*?)</open_name>", to_text(xml)):
                path = Path(self.config.download_dir, folder_of(self.config.fanout, name), name)
                (slot / logical).write_text(f"<soft_link>{path}</soft_link>\n")
            self.running[run(slot)] = number, slot, time.monotonic()
        return bool(found)

    def collect(self):
        moved = False
        while self.running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            number, slot, begun = self.running.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            self.transaction(self.report, number, slot, code, max(0.001, time.monotonic() - begun))
            shutil.rmtree(slot)
            moved = True
        return moved

    def report(self, step, number, slot, code, elapsed):
        row = step.row("SELECT workunitid, server_state, xml_doc_in FROM result WHERE id = %s FOR UPDATE", (number,))
        if row is None or row[1] != states.IN_PROGRESS:
            return
        output = slot / "output"
        if code == 0 and not output.exists():
            code = 1
        names = re.findall(r"<file_name>(.*?)</file_name>\s*<open_name>(.*?)</open_name>", to_text(row[2]))
        limits = [int(each) for each in re.findall(r"<max_nbytes>(\d+)", to_text(row[2]))]
        for (name, logical), limit in zip(names, limits, strict=True):
            if code == 0 and (slot / logical).exists():
                if (slot / logical).stat().st_size > limit:
                    code = FILE_TOO_BIG
                    continue
                target = Path(self.config.upload_dir, folder_of(self.config.fanout, name), name)
                target.parent.mkdir(exist_ok=True)
                shutil.copy(slot / logical, target)
        said = (slot / "stderr.txt").read_text("utf-8", "replace")[-60000:]
        stderr = f"<core_client_version>8.0.0</core_client_version>\n<![CDATA[\n<stderr_txt>\n{said}\n</stderr_txt>\n]]>\n"
        outcome, validate = (states.CLIENT_ERROR, states.INVALID) if code else (states.SUCCESS, states.VALIDATE_INIT)
        sql = """
            UPDATE result SET server_state = 5, outcome = %s, validate_state = %s, exit_status = %s, elapsed_time = %s,
                              received_time = %s, stderr_out = %s WHERE id = %s
        """
        step.change(sql, (outcome, validate, code, elapsed, int(time.time()), stderr if code else "", number))
        step.change("UPDATE workunit SET transition_time = %s WHERE id = %s", (int(time.time()), row[0]))

    # -- validator and file deleter

    def validate(self, step):
        """The most frequent output is canonical, if it is there as often as the quorum wants."""
        found = step.rows("SELECT id, min_quorum FROM workunit WHERE need_validate = 1 AND canonical_resultid = 0 LIMIT 500 FOR UPDATE")
        for wu, quorum in found:
            rows = step.rows("SELECT id, xml_doc_in FROM result WHERE workunitid = %s AND outcome = 1 AND server_state = 5", (wu,))
            outputs = {number: self.output(to_text(xml)) for number, xml in rows}
            [(output, count)] = Counter(outputs.values()).most_common(1)
            step.change("UPDATE workunit SET need_validate = 0 WHERE id = %s", (wu,))
            if count < quorum:
                step.change("UPDATE workunit SET target_nresults = target_nresults + 1, transition_time = 0 WHERE id = %s", (wu,))
                continue
            for number, each in outputs.items():
                step.change("UPDATE result SET validate_state = %s WHERE id = %s", (1 if each == output else 2, number))
            chosen = next(number for number, each in outputs.items() if each == output)
            sql = "UPDATE workunit SET canonical_resultid = %s, assimilate_state = 1, transition_time = %s WHERE id = %s"
            step.change(sql, (chosen, INT_MAX, wu))
            step.change("UPDATE result SET server_state = 5, outcome = 5 WHERE workunitid = %s AND server_state = 2", (wu,))
        return bool(found)

    def output(self, xml):
        return self.path(xml, 0).read_bytes()

    def path(self, xml, number):
        name = re.findall(r"<file_name>(.*?)</file_name>", xml)[number]
        return Path(self.config.upload_dir, folder_of(self.config.fanout, name), name)

    def delete(self, step):
        for number, xml in step.rows("SELECT id, xml_doc_in FROM result WHERE file_delete_state = 1 LIMIT 500"):
            for each in (0, 1):
                self.path(to_text(xml), each).unlink(missing_ok=True)
            step.change("UPDATE result SET file_delete_state = 2 WHERE id = %s", (number,))
        for number, xml in step.rows("SELECT id, xml_doc FROM workunit WHERE file_delete_state = 1 LIMIT 500"):
            for info in re.findall(r"<file_info>(.*?)</file_info>", to_text(xml), re.DOTALL):
                if "<no_delete/>" not in info:
                    name = re.search(r"<name>(.*?)</name>", info)[1]
                    path = Path(self.config.download_dir, folder_of(self.config.fanout, name), name)
                    for file in (path, Path(f"{path}.md5")):
                        file.unlink(missing_ok=True)
            step.change("UPDATE workunit SET file_delete_state = 2 WHERE id = %s", (number,))


def run(slot):
    """Run the job of the slot in a process of its own: its number."""
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.chdir(slot)
        null = os.open(os.devnull, os.O_RDWR)
        stderr = os.open("stderr.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number, target in ((0, null), (1, null), (2, stderr)):
            os.dup2(target, number)
        os._exit(job.run(str(slot), Progress(), 300.0, with_client=False))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def read_workunit(row):
    values = dict(zip(READ_WORKUNIT, row, strict=True))
    values["name"] = to_text(values["name"])
    values["need_validate"] = bool(values["need_validate"])
    if values["transition_time"] == INT_MAX:
        values["transition_time"] = states.NEVER
    return Workunit(job=None, **values)


def read_results(step, workunits):
    sql = f"SELECT {', '.join(READ_RESULT)} FROM result WHERE workunitid IN ({marks(workunits)}) ORDER BY id FOR UPDATE"
    return [Result(**dict(zip(READ_RESULT, row, strict=True))) for row in step.rows(sql, list(workunits))]


def state(row, columns):
    return {name: getattr(row, name) for name in columns}


def write(step, table, row, columns, before):
    changed = {name: value for name, value in state(row, columns).items() if value != before[name]}
    if changed.get("transition_time") == states.NEVER:
        changed["transition_time"] = INT_MAX
    if changed:
        assignments = ", ".join(f"{name} = %s" for name in changed)
        step.change(f"UPDATE {table} SET {assignments} WHERE id = %s", (*(int(each) for each in changed.values()), row.id))


def make_result(step, project, wu):
    """As create_result does (tools/backend_lib.cpp): the template, with names that nobody can guess."""
    name = f"{wu.name}_{len(wu.results)}"
    base = f"{name}_r{random.randrange(10**9)}_"
    [template] = step.row("SELECT result_template_file FROM workunit WHERE id = %s", (wu.id,))
    xml = Path(project.path(to_text(template))).read_text()
    xml = re.sub(r"<OUTFILE_(\d)/>", rf"{base}\1", xml).replace("<UPLOAD_URL/>", project.config.upload_url)
    columns = {"create_time": int(time.time()), "workunitid": wu.id, "server_state": states.UNSENT, "name": name, "xml_doc_in": xml}
    columns |= {"batch": wu.batch, "appid": wu.appid, "priority": wu.priority, "size_class": -1, "app_version_num": wu.app_version_num}
    zeros = ("outcome", "client_state", "hostid", "userid", "report_deadline", "sent_time", "received_time", "cpu_time", "validate_state")
    zeros += ("file_delete_state", "claimed_credit", "granted_credit", "opaque", "random", "exit_status", "teamid", "elapsed_time")
    zeros += ("flops_estimate", "app_version_id", "runtime_outlier", "peak_working_set_size", "peak_swap_size", "peak_disk_usage")
    step.insert("result", {**dict.fromkeys(zeros, 0), **columns})


if __name__ == "__main__":
    Server(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2).run()
