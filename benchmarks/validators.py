"""pyboinc-validator beside BOINC's own validators, on a real project: workunits a second, quorum 2, small outputs.

    python benchmarks/validators.py PROJECT [--workunits 2000]

Each validator gets rows of its own of the same kind, of an app that no daemon takes, and runs until none waits. Ours compares
by a relative tolerance, sample_bitwise_validator by digests, script_validator by two small Python scripts, which it starts for each result.
Run it as the project's owner.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

from pyboinc.codec import dumps
from pyboinc.ports import Disk, SystemClock
from pyboinc.slave.files import ok_entry, output_file
from pyboinc_boinc.hierarchy import path_of
from pyboinc_boinc.project import load
from pyboinc_boinc.store import Store
from pyboinc_boinc.store.connection import Transaction

APP, ROUNDS, HOSTS = "validator_bench", 3, 50
SCRIPTS = {
    "init": "import sys\nopen(sys.argv[1], 'rb').read()\n",
    "compare": "import sys\nsys.exit(open(sys.argv[1], 'rb').read() != open(sys.argv[2], 'rb').read())\n",
}
VALIDATORS = {
    "pyboinc-validator": [os.path.join(sysconfig.get_path("scripts"), "pyboinc-validator"), "--comparator", "tolerance:relative=1e-9"],
    "sample_bitwise_validator": ["../bin/sample_bitwise_validator"],
    "script_validator": ["../bin/script_validator", "--init_script", f"{APP}_init", "--compare_script", f"{APP}_compare"],
}


class Bench:
    def __init__(self, folder: str, count: int) -> None:
        self.project = load(Disk(), os.path.realpath(folder))
        self.transaction = Store(self.project, SystemClock()).connection.transaction
        self.count = count
        Path(self.project.path("stop_daemons")).unlink(missing_ok=True)  # bin/stop leaves it, and no daemon would run
        for name, text in SCRIPTS.items():
            path = Path(self.project.path("bin"), f"{APP}_{name}")
            path.write_text(f"#!{sys.executable} -IS\n{text}")
            path.chmod(0o755)

    def insert(self, step: Transaction, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> int:
        """Rows in which what is not given is 0 or empty; the number of the first."""
        defaults: dict[str, object] = {}
        for name, kind, null, _, default, extra in step.rows(f"SHOW COLUMNS FROM {table}"):
            text = kind if isinstance(kind, str) else bytes(kind).decode()
            if name not in columns and null == "NO" and default is None and "auto_increment" not in extra and text != "timestamp":
                defaults[name] = "" if any(word in text for word in ("char", "text", "blob")) else 0
        names = ", ".join([*columns, *defaults])
        first = 0
        for at in range(0, len(rows), 500):
            chunk = [[*row, *defaults.values()] for row in rows[at : at + 500]]
            marks = ", ".join([f"({', '.join(['%s'] * len(chunk[0]))})"] * len(chunk))
            step.change(f"INSERT INTO {table} ({names}) VALUES {marks}", [value for row in chunk for value in row])  # type: ignore[misc]
            first = first or int(step._cursor.lastrowid)
        return first

    def remove(self, step: Transaction) -> None:
        apps = "(SELECT id FROM app WHERE name = %s)"
        for table in ("result", "workunit"):
            step.change(f"DELETE FROM {table} WHERE appid IN {apps}", (APP,))
        step.change(f"DELETE FROM host_app_version WHERE app_version_id IN (SELECT id FROM app_version WHERE appid IN {apps})", (APP,))
        step.change(f"DELETE FROM app_version WHERE appid IN {apps}", (APP,))
        step.change("DELETE FROM host WHERE userid IN (SELECT id FROM user WHERE email_addr LIKE %s)", (f"{APP}%",))
        step.change("DELETE FROM user WHERE email_addr LIKE %s", (f"{APP}%",))
        step.change("DELETE FROM app WHERE name = %s", (APP,))

    def make(self, step: Transaction) -> None:
        self.remove(step)
        app = self.insert(step, "app", ("name", "user_friendly_name", "create_time"), [(APP, APP, 1)])
        version = self.insert(step, "app_version", ("appid", "version_num", "xml_doc"), [(app, 1, "<x/>")])
        names = [f"{APP}{number}" for number in range(HOSTS)]
        columns = ("email_addr", "authenticator", "name", "cross_project_id")
        user = self.insert(step, "user", columns, [[name] * 4 for name in names])
        host = self.insert(step, "host", ("userid", "host_cpid", "p_fpops"), [(user + n, name, 2e9) for n, name in enumerate(names)])
        columns = ("appid", "name", "need_validate", "min_quorum", "target_nresults", "max_success_results", "transition_time")
        estimates = ("rsc_fpops_est", "rsc_fpops_bound")
        rows = [(app, f"{APP}_{n}", 1, 2, 2, 6, 2**31 - 1, 1e12, 1e15) for n in range(self.count)]
        first = self.insert(step, "workunit", (*columns, *estimates), rows)
        results = []
        for number in range(self.count):
            data = output_file([ok_entry(dumps([number / 7, number / 3, "some text"]))])
            for index in (0, 1):
                name = f"{APP}_{number}_{index}"
                path = Path(path_of(self.project.path(self.project.config.upload_dir), self.project.config.fanout, name))
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
                xml = f"<result><file_ref><file_name>{name}</file_name><open_name>output</open_name></file_ref></result>"
                place = (2 * number + index) % HOSTS
                whose = host + place, user + place, version
                results.append((app, first + number, name, xml, 5, 1, *whose, 1_700_000_000, 1_700_000_900, 100.0, 2e9))
        columns = ("appid", "workunitid", "name", "xml_doc_in", "server_state", "outcome", "hostid", "userid", "app_version_id")
        self.insert(step, "result", (*columns, "sent_time", "received_time", "elapsed_time", "flops_estimate"), results)

    def seconds(self, validator: Sequence[str], count: int) -> float:
        """Until `count` workunits are validated."""
        self.transaction(self.make)
        command = [*validator, "-d", "1", "--app", APP, "--sleep_interval", "60"]
        begun = time.perf_counter()
        folder = self.project.path(f"tmp_{socket.gethostname().split('.')[0]}")  # where bin/start starts daemons
        os.makedirs(folder, exist_ok=True)
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        sql = "SELECT SUM(need_validate = 0), SUM(canonical_resultid > 0) FROM workunit w JOIN app a ON a.id = w.appid WHERE a.name = %s"
        while True:
            looked, valid = map(int, self.transaction(Transaction.row, sql, (APP,)) or (0, 0))
            taken = time.perf_counter() - begun
            if looked >= count:
                break
            assert process.poll() is None, f"{validator[0]} has ended"
            time.sleep(0.05)
        process.terminate()
        process.wait()
        assert valid == looked, f"{validator[0]} has found {looked - valid} of {looked} wrong"
        return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project")
    parser.add_argument("--workunits", type=int, default=2000)
    words = parser.parse_args()
    bench = Bench(words.project, words.workunits)
    rates: dict[str, list[float]] = {name: [] for name in VALIDATORS}
    for _ in range(ROUNDS):  # in turn, so that all meet the same machine
        for name, command in VALIDATORS.items():
            count = words.workunits // 10 if name == "script_validator" else words.workunits
            rates[name].append(count / bench.seconds(command, count))
    bench.transaction(bench.remove)
    ours = statistics.median(rates["pyboinc-validator"])
    for name, each in rates.items():
        rate = statistics.median(each)
        print(f"{name:26} {rate:8,.0f} workunits/s   ratio {ours / rate:6.2f}   (median of {ROUNDS})")


if __name__ == "__main__":
    main()
