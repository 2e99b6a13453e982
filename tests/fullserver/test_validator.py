"""pyboinc-validator beside BOINC's sample_bitwise_validator, on the same rows and files of a real project."""

from __future__ import annotations

import math
import os
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import mysql.connector
import pytest

from pyboinc.states import CLIENT_ERROR, IN_PROGRESS, INCONCLUSIVE, NO_OUTCOME, OVER, SUCCESS, UNSENT, VALID
from pyboinc_boinc.hierarchy import path_of

BOINC = ["bin/sample_bitwise_validator"]
OURS = [os.path.join(sysconfig.get_path("scripts"), "pyboinc-validator"), "--boinc_exact"]
APP = "validator_test"
TABLES = {  # what a validator changes, without times; expavg_credit, which fades with time, is compared loosely
    "workunit": "name, need_validate, canonical_resultid, canonical_credit, assimilate_state, error_mask, min_quorum, target_nresults",
    "result": "name, server_state, outcome, validate_state, granted_credit, runtime_outlier",
    "host": "id, total_credit, expavg_credit, avg_turnaround",
    "user": "id, total_credit, expavg_credit",
    "team": "id, total_credit, expavg_credit",
    "host_app_version": "host_id, app_version_id, pfc_n, pfc_avg, et_n, et_avg, et_var, et_q, "
    "turnaround_n, turnaround_avg, turnaround_var, turnaround_q, consecutive_valid, max_jobs_per_day",
    "app_version": "id, pfc_n, pfc_avg, pfc_scale, expavg_credit",
}


@dataclass
class Rows:
    """Makes rows and output files of workunits that wait to be validated, drawn from a seed, and tells what became of them.

    They are of an app that no daemon takes: the same rows can be made twice, for two validators. cursor: of the project's
    database.  adaptive: the app's target_nresults.
    """

    cursor: Any
    upload_dir: Path
    fanout: int
    seed: int
    adaptive: int = 0
    workunits: int = 40
    numbers: dict[str, list[int]] = field(default_factory=dict)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)

    def insert(self, table: str, **columns: Any) -> int:
        """A row in which what is not given is 0 or empty."""
        if table not in self.defaults:
            self.defaults[table] = dict(self.columns_to_fill(table))
        values = self.defaults[table] | columns
        places = ", ".join(["%s"] * len(values))
        self.cursor.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", tuple(values.values()))
        self.numbers.setdefault(table, []).append(int(self.cursor.lastrowid))
        return int(self.cursor.lastrowid)

    def columns_to_fill(self, table: str) -> Iterator[tuple[str, Any]]:
        """Those that must be given a value, and one."""
        self.cursor.execute(f"SHOW COLUMNS FROM {table}")
        for name, kind, null, _, default, extra in self.cursor.fetchall():
            kind = kind.decode() if isinstance(kind, bytes | bytearray) else kind
            if "auto_increment" not in extra and kind != "timestamp" and null == "NO" and default is None:
                yield name, "" if any(word in kind for word in ("char", "text", "blob")) else 0

    def remove(self) -> None:
        """All rows of an earlier test."""
        self.cursor.execute("SELECT id FROM app WHERE name = %s", (APP,))
        for (app,) in self.cursor.fetchall():
            self.cursor.execute("DELETE FROM result WHERE appid = %s", (app,))
            self.cursor.execute("DELETE FROM workunit WHERE appid = %s", (app,))
            self.cursor.execute("DELETE h FROM host_app_version h JOIN app_version v ON v.id = h.app_version_id WHERE v.appid = %s", (app,))
            self.cursor.execute("DELETE FROM app_version WHERE appid = %s", (app,))
            self.cursor.execute("DELETE FROM app WHERE id = %s", (app,))
        self.cursor.execute("DELETE FROM platform WHERE name = %s", (APP,))
        self.cursor.execute("DELETE h FROM host h JOIN user u ON u.id = h.userid WHERE u.email_addr LIKE 'validator_test%'")
        self.cursor.execute("DELETE FROM user WHERE email_addr LIKE 'validator_test%'")
        self.cursor.execute("DELETE FROM team WHERE name = %s", (APP,))

    def make(self) -> None:
        random = Random(self.seed)
        now = int(time.time())
        lately = {"expavg_credit": 7.0, "expavg_time": now}  # an account's first average would depend on the second
        app = self.insert("app", create_time=now, name=APP, user_friendly_name=APP, target_nresults=self.adaptive, weight=1, min_avg_pfc=1)
        platform = self.insert("platform", create_time=now, name=APP, user_friendly_name=APP)
        versions = [
            self.insert("app_version", appid=app, version_num=number, platformid=platform, xml_doc="<app_version/>", **stats, **lately)
            for number, stats in ((1, {}), (2, {"pfc_n": 150, "pfc_avg": 1.3, "pfc_scale": 0.9}))
        ]
        team = self.insert("team", name=APP, name_lc=APP, **lately)
        hosts = []
        for number in range(9):
            user = self.insert(
                *("user",),
                **{name: f"validator_test_{number}" for name in ("email_addr", "authenticator", "name", "cross_project_id")},
                create_time=now,
                teamid=team if number % 2 else 0,
                **lately,
            )
            columns = {"p_fpops": 2e9, "host_cpid": f"{APP}{number}", "avg_turnaround": number * 10.0}
            host = self.insert("host", userid=user, create_time=now, **columns, **lately)
            hosts.append((host, user))
            if number != 8:  # of the last one nothing is known yet
                stats = {"pfc_n": 12 * number, "pfc_avg": 1.1 * bool(number), "et_n": number, "et_avg": 1e-9 * number}
                names = {"host_id": host, "app_version_id": versions[number == 0], "max_jobs_per_day": 500}
                self.insert("host_app_version", consecutive_valid=3 * number, **names, **stats)
        for number in range(self.workunits):
            self.workunit(number, app, versions, hosts, random, now)

    def workunit(self, number: int, app: int, versions: list[int], hosts: list[tuple[int, int]], random: Random, now: int) -> None:
        quorum = random.choice((1, 1, 2, 2, 3, 4, 5))
        back = random.randint(max(1, quorum - 1), quorum + 1)
        target = 1 if quorum == 1 else max(quorum, back)
        limits = {"max_error_results": 3, "max_total_results": 20, "max_success_results": random.choice((back - 1 or 1, 6))}
        estimates = {"rsc_fpops_est": 1e12, "rsc_fpops_bound": random.choice((1e13, 1e15))}
        name = f"{APP}_{self.seed}_{number}"
        wu = self.insert(
            *("workunit",),
            **limits | estimates,
            appid=app,
            name=name,
            create_time=now,
            need_validate=1,
            min_quorum=quorum,
            target_nresults=target,
            transition_time=2**31 - 1,
            delay_bound=86400,
        )
        has_canonical = random.random() < 0.25 and back > 1
        answers = [random.choice((b"a", b"a", b"a", b"b")) for _ in range(back)]
        places = random.sample(range(len(hosts)), len(hosts))  # BOINC loses what the first of two results of one host had told
        canonical = 0
        for index, answer in enumerate(answers):
            state = 0
            if has_canonical:
                state = VALID if index == 0 else random.choice((0, INCONCLUSIVE))
            made = self.result(wu, name, index, app, versions, hosts, places, random, now, SUCCESS, state)
            if has_canonical and index == 0:
                canonical = made
            if random.random() < 0.1 and index:
                continue  # its file has not come
            path = Path(path_of(str(self.upload_dir), self.fanout, f"{name}_{index}_0"))
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(answer if random.random() > 0.05 else b"")
        if canonical:
            self.cursor.execute("UPDATE workunit SET canonical_resultid = %s, canonical_credit = 12.5 WHERE id = %s", (canonical, wu))
            self.cursor.execute("UPDATE result SET granted_credit = 12.5 WHERE id = %s", (canonical,))
        if random.random() < 0.3:
            self.result(wu, name, 90, app, versions, hosts, places, random, now, CLIENT_ERROR, 0)
        if random.random() < 0.3:
            self.result(wu, name, 91, app, versions, hosts, places, random, now, NO_OUTCOME, 0)

    def result(
        self,
        wu: int,
        name: str,
        index: int,
        app: int,
        versions: list[int],
        hosts: list[tuple[int, int]],
        places: list[int],
        random: Random,
        now: int,
        outcome: int,
        state: int,
    ) -> int:
        place = places.pop()
        host, user = hosts[place]
        version = versions[place == 0]
        server_state = random.choice((UNSENT, IN_PROGRESS)) if outcome == NO_OUTCOME else OVER
        xml = f"<result><file_ref><file_name>{name}_{index}_0</file_name><open_name>output</open_name></file_ref></result>"
        sent = now - random.randint(100, 100000)
        return self.insert(
            *("result",),
            appid=app,
            workunitid=wu,
            name=f"{name}_{index}",
            create_time=now,
            server_state=server_state,
            outcome=outcome,
            validate_state=state,
            hostid=0 if server_state == UNSENT else host,
            userid=0 if server_state == UNSENT else user,
            app_version_id=0 if server_state == UNSENT else version,
            xml_doc_in=xml,
            sent_time=sent,
            received_time=sent + random.randint(10, 5000),
            elapsed_time=random.choice((0.0, 100.0, 500.0, 5000.0)),
            cpu_time=90.0,
            flops_estimate=random.choice((0.0, 1e9, 2e9, 3e9)),
        )

    def waiting(self) -> int:
        """Workunits that wait to be validated."""
        self.cursor.execute("SELECT COUNT(*) FROM workunit w JOIN app a ON a.id = w.appid WHERE a.name = %s AND need_validate > 0", (APP,))
        return int(self.cursor.fetchone()[0])

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """What is there now; numbers of rows are counted from the first one made."""
        found = {}
        for table, columns in TABLES.items():
            numbers = self.numbers.get(table, [0])
            key = "host_id" if table == "host_app_version" else "id"
            keys = self.numbers["host"] if table == "host_app_version" else numbers
            marks = ", ".join(["%s"] * len(keys))
            self.cursor.execute(f"SELECT {columns} FROM {table} WHERE {key} IN ({marks}) ORDER BY 1, 2", tuple(keys))
            found[table] = [self._relative(table, columns, row) for row in self.cursor.fetchall()]
        return found

    def _relative(self, table: str, columns: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
        bases = {"canonical_resultid": "result", "host_id": "host", "app_version_id": "app_version", "id": table}
        values: list[Any] = []
        for name, value in zip(map(str.strip, columns.split(",")), row, strict=True):
            if name in bases and value:
                value = value - self.numbers[bases[name]][0]
            values.append(value.decode() if isinstance(value, bytes | bytearray) else value)
        return tuple(values)


@pytest.fixture(scope="module")
def quiet(server):
    """The project without its daemons: the transitioner would go on with what one validator has decided."""
    server.stop()
    (server.folder / "stop_daemons").unlink(missing_ok=True)  # bin/stop leaves it, and a validator would end
    yield server
    server.tool("bin/start")


@pytest.fixture
def connection(quiet):
    where = quiet.config.database
    login = {"host": where.host, "port": where.port, "user": where.user, "password": where.password, "database": where.name}
    made = mysql.connector.connect(**login, use_pure=True, charset="utf8mb4", collation="utf8mb4_general_ci", autocommit=True)
    yield made
    made.close()


def validated(server, connection, validator, words, kills=None, **rows):
    """What a validator, as a daemon, has made of the rows of a seed. kills: it is killed at moments drawn from this, while it works."""
    made = Rows(connection.cursor(), server.folder / "upload", server.config.fanout, **rows)
    made.remove()
    made.make()
    command = [*validator, "-d", "3", "--app", APP, "--sleep_interval", "1", *words]
    log = server.folder / f"log_{server.host}" / f"{APP}.log"

    def start():
        with open(log, "ab") as out:
            return subprocess.Popen(command, cwd=server.folder, env=server.environment(), stdout=out, stderr=out)

    process = start()
    try:
        while kills:
            before = made.waiting()
            server.until(lambda before=before: made.waiting() < before)
            time.sleep(kills.pop())
            process.kill()
            process.wait()
            assert made.waiting(), "it was killed while it worked"
            process = start()
        server.until(lambda: not made.waiting() or process.poll() is not None)
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        time.sleep(1.5)  # BOINC's writes what it knows of versions at the end of a pass, which nothing shows
        return made.state()
    finally:
        process.terminate()
        process.wait(60)
        made.remove()


def assert_same(one, other):
    """States of all tables."""
    assert one.keys() == other.keys()
    for table, columns in TABLES.items():
        names = list(map(str.strip, columns.split(",")))
        for row, its_twin in zip(one[table], other[table], strict=True):
            for name, value, its_value in zip(names, row, its_twin, strict=True):
                tolerance = 1e-3 if name == "expavg_credit" else 1e-9
                same = math.isclose(value, its_value, rel_tol=tolerance) if isinstance(value, float) else value == its_value
                assert same, (table, name, row, its_twin)


@pytest.mark.parametrize("adaptive", [0, 2])
@pytest.mark.parametrize("words", ["", "--no_credit", "--credit_from_runtime", "--credit_from_wu", "--max_granted_credit 5"])
def test_the_same_rows_column_by_column(server, connection, words, adaptive):
    """Quorum 1 to 5, disagreement, late results, missing and empty files, errors, adaptive replication."""
    rows = {"seed": 100 * adaptive + len(words), "adaptive": adaptive}
    boinc, ours = (validated(server, connection, validator, words.split(), **rows) for validator in (BOINC, OURS))
    states = {row[3] for row in boinc["result"]}
    assert {0, 1, 2, 4} <= states, "all kinds of results are among them"
    assert_same(boinc, ours)


def test_killed_while_it_works(server, connection):
    """In the end all rows are those of a validator that nobody has killed: nothing is credited twice, or by half."""
    rows = {"seed": 5, "workunits": 2400}
    calm = validated(server, connection, OURS, [], **rows)
    random = Random(5)
    moments = [random.uniform(0.0, 0.3) for _ in range(5)]
    killed = validated(server, connection, OURS, [], kills=moments, **rows)
    assert {row[3] for row in calm["result"]} >= {0, 1, 2, 4}
    assert_same(calm, killed)
