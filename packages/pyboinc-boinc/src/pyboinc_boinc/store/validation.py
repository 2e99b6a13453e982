"""The validator's part of `pyboinc.ports.Store`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from copy import deepcopy
from typing import Any, TypeVar

from pyboinc.errors import StoreError
from pyboinc.ledger import (
    Account,
    CheckedApp,
    CheckedResult,
    CheckedWorkunit,
    HostAccount,
    HostVersion,
    Ledger,
    Mean,
    Spread,
    UserAccount,
    Version,
    generalized_app_version_id,
)
from pyboinc.rows import BatchRow, Share
from pyboinc.states import OVER, SUCCESS

from ..project import Project
from .assimilation import batch_rows
from .connection import Connection, Row, Transaction, Value, chunks, marks, to_text
from .uploads import Uploads

INT_MAX = 2**31 - 1  # BOINC's transition_time of a workunit for which nothing is to come
AT_ONCE = 500  # rows in one statement
T = TypeVar("T")

_WORKUNIT = (
    *("id", "name", "batch", "canonical_resultid", "canonical_credit", "min_quorum", "target_nresults", "max_success_results"),
    *("error_mask", "assimilate_state", "need_validate", "transition_time", "rsc_fpops_est", "rsc_fpops_bound"),
)
_RESULT = (
    *("workunitid", "id", "server_state", "outcome", "validate_state", "hostid", "userid", "app_version_id", "sent_time"),
    *("received_time", "elapsed_time", "cpu_time", "flops_estimate", "granted_credit", "runtime_outlier"),
)
_ACCOUNT = ("id", "total_credit", "expavg_credit", "expavg_time")
_HOST = (*_ACCOUNT, "userid", "avg_turnaround")
_USER = (*_ACCOUNT, "teamid")
_VERSION = ("id", "pfc_n", "pfc_avg", "pfc_scale", "expavg_credit", "expavg_time")
_HOST_VERSION = (
    *("host_id", "app_version_id", "pfc_n", "pfc_avg", "et_n", "et_avg", "et_var", "et_q"),
    *("turnaround_n", "turnaround_avg", "turnaround_var", "turnaround_q", "consecutive_valid", "max_jobs_per_day"),
)


class ValidationTables:
    """See `pyboinc.ports.Validation`."""

    def __init__(self, connection: Connection, project: Project) -> None:
        self._transaction = connection.transaction
        self._uploads = Uploads(project)
        self._folder = project.folder
        self._quota = int(project.config.number("daily_result_quota"))

    def app(self, name: str) -> CheckedApp:
        found = self._transaction(_app, "name = %s", name)
        if found is None:
            raise StoreError(f"the project in {self._folder} has no app {name!r}: `pyboinc setup` adds one")
        return found

    def pending(self, share: Share, limit: int, without: Collection[int] = ()) -> list[CheckedWorkunit]:
        return self._transaction(self._pending, share, limit, list(without))

    def _pending(self, step: Transaction, share: Share, limit: int, without: Sequence[int]) -> list[CheckedWorkunit]:
        conditions, values = ["appid = %s"], [share.app]
        if share.wu_id:
            conditions.append("id = %s")
            values.append(share.wu_id)
        else:
            conditions.append("need_validate > 0")
        if share.modulus > 1:
            conditions.append("id %% %s = %s")
            values += [share.modulus, share.remainder]
        if without:
            conditions.append(f"batch NOT IN ({marks(without)})")
            values += without
        where = f"{' AND '.join(conditions)} ORDER BY id LIMIT {limit}"
        workunits = _workunits(step.rows(f"SELECT {', '.join(_WORKUNIT)} FROM workunit WHERE {where}", values))
        if workunits:
            columns = ", ".join(f"r.{each}" for each in _RESULT)
            sql = f"""
                SELECT {columns}, IF(r.outcome = {SUCCESS}, r.xml_doc_in, ''), h.domain_name, v.plan_class, p.name
                FROM result r LEFT JOIN host h ON h.id = r.hostid LEFT JOIN app_version v ON v.id = r.app_version_id
                LEFT JOIN platform p ON p.id = v.platformid
                WHERE r.workunitid IN ({marks(list(workunits))}) ORDER BY r.id
            """
            for row in step.rows(sql, list(workunits)):
                result = _result(row)
                xml, domain, plan_class, platform = map(to_text, row[len(_RESULT) :])
                result.outputs = self._uploads.outputs(xml)
                result.host = f"{domain} (host {result.hostid})" if domain else f"host {result.hostid}" if result.hostid else ""
                result.platform = f"{platform} ({plan_class})" if plan_class else platform
                workunits[int(row[0])].results.append(result)
        return list(workunits.values())

    def batches(self, numbers: Collection[int]) -> dict[int, BatchRow]:
        return self._transaction(batch_rows, sorted(numbers))

    def settle(self, app: CheckedApp, workunits: Sequence[int], change: Callable[[Ledger], T]) -> T:
        return self._transaction(self._settle, app, list(workunits), change)

    def _settle(self, step: Transaction, app: CheckedApp, workunits: Sequence[int], change: Callable[[Ledger], T]) -> T:
        ledger = _read(step, Ledger(_app(step, "id = %s", app.id) or app, self._quota), workunits)
        before = deepcopy(ledger)
        done = change(ledger)
        _write(step, before, ledger)
        return done


def _app(step: Transaction, where: str, value: Value) -> CheckedApp | None:
    row = step.row(f"SELECT id, target_nresults, min_avg_pfc, host_scale_check FROM app WHERE {where}", (value,))
    return None if row is None else CheckedApp(int(row[0]), int(row[1]), float(row[2]), bool(row[3]))


# ---- reading; rows are locked in the order of their numbers, table by table, so that two validators can't block each other


def _read(step: Transaction, ledger: Ledger, workunits: Sequence[int]) -> Ledger:
    if not workunits:
        return ledger
    sql = f"SELECT {', '.join(_WORKUNIT)} FROM workunit WHERE id IN ({marks(workunits)}) AND need_validate > 0 ORDER BY id FOR UPDATE"
    ledger.workunits = _workunits(step.rows(sql, workunits))
    if not ledger.workunits:
        return ledger
    sql = f"SELECT {', '.join(_RESULT)} FROM result WHERE workunitid IN ({marks(list(ledger.workunits))}) ORDER BY id FOR UPDATE"
    for row in step.rows(sql, list(ledger.workunits)):
        ledger.workunits[int(row[0])].results.append(_result(row))
    results = [result for wu in ledger.workunits.values() for result in wu.results if result.server_state == OVER and result.hostid]
    for number, userid, turnaround, account in _accounts(step, "host", _HOST, {each.hostid for each in results}):
        ledger.hosts[number] = HostAccount(*account, int(userid), float(turnaround))
    for number, teamid, _, account in _accounts(step, "user", (*_USER, "0"), {each.userid for each in ledger.hosts.values()}):
        ledger.users[number] = UserAccount(*account, int(teamid))
    teams = {each.teamid for each in ledger.users.values() if each.teamid}
    for number, _, _, account in _accounts(step, "team", (*_ACCOUNT, "0", "0"), teams):
        ledger.teams[number] = Account(*account)
    versions = sorted({each.app_version_id for each in results if each.app_version_id > 0})
    if versions:
        sql = f"SELECT {', '.join(_VERSION)} FROM app_version WHERE id IN ({marks(versions)}) ORDER BY id FOR UPDATE"
        for number_, n, avg, scale, credit, time in step.rows(sql, versions):
            ledger.versions[int(number_)] = Version(int(number_), Mean(float(n), float(avg)), float(scale), float(credit), float(time))
    _read_host_versions(step, ledger, {(each.hostid, each.app_version_id) for each in results if each.app_version_id})
    return ledger


def _accounts(
    step: Transaction, table: str, columns: Sequence[str], numbers: Iterable[int]
) -> Iterable[tuple[int, Any, Any, tuple[int, float, float, float]]]:
    wanted = sorted(numbers)
    for chunk in chunks(wanted, AT_ONCE):
        sql = f"SELECT {', '.join(columns)} FROM {table} WHERE id IN ({marks(chunk)}) ORDER BY id FOR UPDATE"
        for number, total, average, time, first, second in step.rows(sql, chunk):
            yield int(number), first, second, (int(number), float(total), float(average), float(time))


def _read_host_versions(step: Transaction, ledger: Ledger, pairs: set[tuple[int, int]]) -> None:
    wanted = sorted({(host, generalized_app_version_id(version, ledger.app.id)) for host, version in pairs})
    for chunk in chunks(wanted, AT_ONCE):
        where = " OR ".join(["(host_id = %s AND app_version_id = %s)"] * len(chunk))
        values = [value for pair in chunk for value in pair]
        sql = f"SELECT {', '.join(_HOST_VERSION)} FROM host_app_version WHERE {where} ORDER BY host_id, app_version_id FOR UPDATE"
        for row in step.rows(sql, values):
            found = _host_version(row)
            ledger.host_versions[found.host_id, found.app_version_id] = found
    for host, version in wanted:
        if (host, version) not in ledger.host_versions and (version in ledger.versions or version > 1_000_000):
            in_use = [each for its_host, each in wanted if its_host == host]
            ledger.host_versions[host, version] = _adopted(step, host, version, in_use) or _new_host_version(step, host, version)


def _adopted(step: Transaction, host: int, version: int, in_use: Sequence[int]) -> HostVersion | None:
    """What is known of the host with the newest of the app's other versions for that platform becomes the new one's.

    As BOINC does it (its source, `sched/credit.cpp`, hav_lookup), but for versions with which the host has results, too.
    """
    columns = ", ".join(f"h.{each}" for each in _HOST_VERSION)
    sql = f"""
        SELECT {columns} FROM app_version v
        JOIN app_version o ON o.appid = v.appid AND o.platformid = v.platformid AND o.plan_class = v.plan_class
        JOIN host_app_version h ON h.app_version_id = o.id
        WHERE v.id = %s AND h.host_id = %s AND o.id NOT IN ({marks(in_use)}) ORDER BY o.version_num DESC LIMIT 1 FOR UPDATE
    """
    row = step.row(sql, (version, host, *in_use))
    if row is None:
        return None
    found = _host_version(row)
    sql = "UPDATE host_app_version SET app_version_id = %s WHERE host_id = %s AND app_version_id = %s"
    step.change(sql, (version, host, found.app_version_id))
    found.app_version_id = version
    return found


def _new_host_version(step: Transaction, host: int, version: int) -> HostVersion:
    columns: dict[str, Value] = dict.fromkeys((*_HOST_VERSION, "n_jobs_today"), 0)
    step.insert("host_app_version", columns | {"host_id": host, "app_version_id": version})
    return HostVersion(host, version)


def _workunits(rows: Iterable[Row]) -> dict[int, CheckedWorkunit]:
    found = {}
    for number, name, batch, canonical, credit, *whole, estimate, bound in rows:
        quorum, target, most, mask, assimilate, need, transition = map(int, whole)
        values = int(number), to_text(name), int(batch), int(canonical), float(credit), quorum, target, most, mask, assimilate, need
        found[int(number)] = CheckedWorkunit(*values, float(transition), float(estimate), float(bound))
    return found


def _result(row: Row) -> CheckedResult:
    number, server_state, outcome, validate_state, hostid, userid, version = map(int, row[1:8])
    sent, received, elapsed, cpu, flops, credit = (float(each or 0) for each in row[8:14])
    return CheckedResult(
        number, server_state, outcome, validate_state, hostid, userid, version, sent, received, elapsed, cpu, flops, credit, bool(row[14])
    )


def _host_version(row: Row) -> HostVersion:
    numbers = [float(each) for each in row[2:12]]
    means = Mean(*numbers[:2]), Spread(*numbers[2:6]), Spread(*numbers[6:])
    return HostVersion(int(row[0]), int(row[1]), *means, int(row[12]), int(row[13]))


# ---- writing what has changed


def _write(step: Transaction, before: Ledger, after: Ledger) -> None:
    results = {each.id: each for wu in before.workunits.values() for each in wu.results}
    changed = [each for wu in after.workunits.values() for each in wu.results if each != results[each.id]]
    rows: list[tuple[Value, ...]] = [
        (each.id, each.validate_state, each.granted_credit, each.server_state, each.outcome, int(each.runtime_outlier)) for each in changed
    ]
    _update(step, "result", ("id",), ("id", "validate_state", "granted_credit", "server_state", "outcome", "runtime_outlier"), rows)
    _update(step, "host", ("id",), _without(_HOST, "userid"), [
        (each.id, each.total_credit, each.expavg_credit, each.expavg_time, each.avg_turnaround)
        for each in _changed(before.hosts, after.hosts)
    ])  # fmt: skip
    accounts: list[tuple[str, list[Account]]] = [
        ("user", [*_changed(before.users, after.users)]),
        ("team", _changed(before.teams, after.teams)),
    ]
    for table, new in accounts:
        _update(step, table, ("id",), _ACCOUNT, [(each.id, each.total_credit, each.expavg_credit, each.expavg_time) for each in new])
    _update(step, "host_app_version", ("host_id", "app_version_id"), _HOST_VERSION, [
        (each.host_id, each.app_version_id, each.pfc.n, each.pfc.avg, *_spread(each.et), *_spread(each.turnaround), *_counts(each))
        for each in _changed(before.host_versions, after.host_versions)
    ])  # fmt: skip
    _update(step, "app_version", ("id",), _without(_VERSION, "pfc_scale"), [
        (each.id, each.pfc.n, each.pfc.avg, each.expavg_credit, each.expavg_time) for each in _changed(before.versions, after.versions)
    ])  # fmt: skip
    columns = (
        *("id", "need_validate", "error_mask", "assimilate_state", "transition_time", "min_quorum", "target_nresults"),
        *("canonical_resultid", "canonical_credit"),
    )
    _update(step, "workunit", ("id",), columns, [
        (each.id, each.need_validate, each.error_mask, each.assimilate_state, int(min(each.transition_time, INT_MAX)), each.min_quorum,
         each.target_nresults, each.canonical_resultid, each.canonical_credit)
        for each in _changed(before.workunits, after.workunits)
    ])  # fmt: skip


def _changed(before: dict[Any, T], after: dict[Any, T]) -> list[T]:
    return [row for key, row in after.items() if row != before[key]]


def _without(columns: Sequence[str], left_out: str) -> list[str]:
    return [each for each in columns if each != left_out]


def _spread(spread: Spread) -> tuple[float, float, float, float]:
    return spread.n, spread.avg, spread.var, spread.q


def _counts(version: HostVersion) -> tuple[int, int]:
    return version.consecutive_valid, version.max_jobs_per_day


def _update(step: Transaction, table: str, keys: Sequence[str], columns: Sequence[str], rows: Sequence[tuple[Value, ...]]) -> None:
    """Set the columns of many rows by few statements. The keys are the first columns."""
    for chunk in chunks(rows, AT_ONCE):
        first = "SELECT " + ", ".join(f"%s AS {each}" for each in columns)
        more = f" UNION ALL SELECT {marks(columns)}" * (len(chunk) - 1)
        match = " AND ".join(f"t.{each} = v.{each}" for each in keys)
        values = ", ".join(f"t.{each} = v.{each}" for each in columns if each not in keys)
        step.change(f"UPDATE {table} t JOIN ({first}{more}) v ON {match} SET {values}", [value for row in chunk for value in row])
