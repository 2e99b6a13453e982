"""The assimilator's part of `pyboinc.ports.Store`."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from pyboinc.errors import StoreError
from pyboinc.rows import ABORTED_STATES, BatchRow, ResultRow, Share, WorkunitRow

from ..project import Project
from .batches import (
    ASSIMILATE_DONE,
    ASSIMILATE_READY,
    CANCELLED,
    COMPLETE,
    COUNTED_FAILED,
    COUNTED_SUCCEEDED,
    IN_PROGRESS,
    NAMES_AT_ONCE,
    NOT_COUNTED,
    recount,
)
from .connection import Connection, Row, Transaction, chunks, marks, to_bytes, to_text
from .uploads import Uploads

_STDERR_KEPT = 65536


class AssimilationTables:
    """See `pyboinc.ports.Assimilation`."""

    def __init__(self, connection: Connection, project: Project) -> None:
        self._transaction = connection.transaction
        self._uploads = Uploads(project)
        self._folder = project.folder
        self._looked = 0, 0  # the newest workunit at the last look for late jobs, and at the one before

    def app(self, name: str) -> int:
        found = self._transaction(Transaction.row, "SELECT id FROM app WHERE name = %s", (name,))
        if found is None:
            raise StoreError(f"the project in {self._folder} has no app {name!r}: `pyboinc setup` adds one")
        return int(found[0])

    def ready(self, share: Share, limit: int, without: Collection[int] = ()) -> list[WorkunitRow]:
        return self._transaction(self._ready, share, limit, list(without))

    def _ready(self, step: Transaction, share: Share, limit: int, without: Sequence[int]) -> list[WorkunitRow]:
        conditions, values = ["appid = %s", f"assimilate_state = {ASSIMILATE_READY}"], [share.app]
        if share.modulus > 1:
            conditions.append("id %% %s = %s")
            values += [share.modulus, share.remainder]
        if share.wu_id:
            conditions.append("id = %s")
            values.append(share.wu_id)
        if without:
            conditions.append(f"batch NOT IN ({marks(without)})")
            values += without
        sql = "SELECT id, name, batch, error_mask, canonical_resultid FROM workunit"
        workunits = step.rows(f"{sql} WHERE {' AND '.join(conditions)} ORDER BY id LIMIT {limit}", values)
        if not workunits:
            return []
        canonical = {int(row[0]): int(row[4]) for row in workunits}
        results: dict[int, list[ResultRow]] = {number: [] for number in canonical}
        sql = f"""
            SELECT r.workunitid, r.id, r.outcome, r.exit_status, r.validate_state, r.hostid, h.domain_name,
                   IF(r.id = w.canonical_resultid, '', LEFT(r.stderr_out, {_STDERR_KEPT})), r.elapsed_time, h.p_fpops,
                   IF(r.id = w.canonical_resultid, r.xml_doc_in, '')
            FROM workunit w JOIN result r ON r.workunitid = w.id LEFT JOIN host h ON h.id = r.hostid
            WHERE w.id IN ({marks(workunits)}) ORDER BY r.id
        """
        for row in step.rows(sql, list(canonical)):
            results[int(row[0])].append(self._result(row))
        return [
            WorkunitRow(int(number), to_text(name), int(batch), int(mask), int(chosen), tuple(results[int(number)]))
            for number, name, batch, mask, chosen in workunits
        ]

    def _result(self, row: Row) -> ResultRow:
        _, number, outcome, exit_status, validate_state, host, domain, stderr, elapsed, fpops, xml = row
        name = f"{to_text(domain)} (host {host})" if domain else f"host {host}" if host else ""
        states = int(outcome), int(exit_status), int(validate_state)
        files = self._uploads.files(to_text(xml))
        return ResultRow(int(number), *states, name, to_bytes(stderr), float(elapsed or 0), float(fpops or 0), files)

    def batches(self, numbers: Collection[int]) -> dict[int, BatchRow]:
        return self._transaction(batch_rows, sorted(numbers))

    def mark(self, workunits: Sequence[WorkunitRow]) -> None:
        if workunits:
            self._transaction(_mark, workunits)

    def end_aborted(self, app: int) -> list[BatchRow]:
        ended, newest = self._transaction(_end_aborted, app, self._looked[1])
        self._looked = newest, self._looked[0]
        return ended


def batch_rows(step: Transaction, numbers: Sequence[int]) -> dict[int, BatchRow]:
    """Those of these batches that PyBOINC has made."""
    if not numbers:
        return {}
    sql = f"SELECT id, token, directory, comparator, state FROM pyboinc_batch WHERE id IN ({marks(numbers)})"
    return {row.id: row for row in map(_batch, step.rows(sql, numbers))}


def _batch(row: Row) -> BatchRow:
    number, token, directory, comparator, state = row
    return BatchRow(
        int(number), to_text(token), to_bytes(directory).decode("utf-8", "surrogateescape"), to_text(comparator), to_text(state)
    )


def _mark(step: Transaction, workunits: Sequence[WorkunitRow]) -> None:
    sql = f"""
        SELECT id, canonical_resultid, opaque FROM workunit
        WHERE assimilate_state = {ASSIMILATE_READY} AND id IN ({marks(workunits)}) ORDER BY id FOR UPDATE
    """
    now = {int(number): (int(chosen), int(counted)) for number, chosen, counted in step.rows(sql, [each.id for each in workunits])}
    done: dict[int, list[int]] = {COUNTED_FAILED: [], COUNTED_SUCCEEDED: []}
    changes: dict[int, list[float]] = {}
    for each in workunits:
        chosen, counted = now.get(each.id, (-1, NOT_COUNTED))
        if chosen != each.canonical_resultid:
            continue
        became = COUNTED_SUCCEEDED if chosen else COUNTED_FAILED
        done[became].append(each.id)
        change = changes.setdefault(each.batch, [0, 0, 0, 0, 0])  # succeeded, failed, timed, fpops_sum, fpops_max
        change[0] += (became == COUNTED_SUCCEEDED) - (counted == COUNTED_SUCCEEDED)
        change[1] += (became == COUNTED_FAILED) - (counted == COUNTED_FAILED)
        result = each.canonical
        if result and counted != COUNTED_SUCCEEDED and (fpops := result.elapsed_time * result.host_fpops) > 0:
            change[2] += 1
            change[3] += fpops
            change[4] = max(change[4], fpops)
    time_now = int(time.time())
    for became, numbers in done.items():
        if numbers:
            sql = f"UPDATE workunit SET assimilate_state = {ASSIMILATE_DONE}, transition_time = %s, opaque = %s"
            step.change(f"{sql} WHERE id IN ({marks(numbers)})", (time_now, became, *numbers))
    for batch in sorted(changes):
        succeeded, failed, timed, fpops_sum, fpops_max = changes[batch]
        sql = """
            UPDATE pyboinc_batch SET succeeded = succeeded + %s, failed = failed + %s, timed = timed + %s, fpops_sum = fpops_sum + %s,
                                     fpops_max = GREATEST(fpops_max, %s) WHERE id = %s
        """
        step.change(sql, (int(succeeded), int(failed), int(timed), fpops_sum, fpops_max, batch))
        _show_progress(step, batch, time_now)


def _show_progress(step: Transaction, batch: int, now: int) -> None:
    """On BOINC's web pages: what its own pages would compute from all workunits of the batch."""
    done = """
        UPDATE batch b JOIN pyboinc_batch p ON p.id = b.id
        SET b.nerror_jobs = p.failed, b.fraction_done = LEAST((p.succeeded + p.failed) / GREATEST(p.jobs, 1), 1) WHERE b.id = %s
    """
    step.change(done, (batch,))
    complete = f"""
        UPDATE batch b JOIN pyboinc_batch p ON p.id = b.id SET b.state = {COMPLETE}, b.completion_time = %s
        WHERE b.id = %s AND b.state = {IN_PROGRESS} AND p.succeeded + p.failed >= p.jobs
    """
    step.change(complete, (now, batch))


def _end_aborted(step: Transaction, app: int, looked: int) -> tuple[list[BatchRow], int]:
    """BOINC's pages set error masks, or not even that, and leave the transitioner to find out some day.

    looked: workunits up to this one have been looked at. Returned beside the batches: the newest workunit. As two transactions may
    commit in another order than they took their numbers, a look at what is new goes back to the last look but one.
    """
    newest = step.row("SELECT COALESCE(MAX(id), 0) FROM workunit")
    assert newest is not None
    sql = f"""
        SELECT p.id, p.token, p.directory, p.comparator, p.state FROM pyboinc_batch p JOIN batch b ON b.id = p.id
        WHERE p.app_id = %s AND p.state = 'running' AND b.state IN ({marks(ABORTED_STATES)}) FOR UPDATE
    """
    found = [_batch(row) for row in step.rows(sql, (app, *ABORTED_STATES))]
    for batch in found:
        step.change(f"{_GIVE_UP} AND batch = %s", (int(time.time()), batch.id))
        step.change("UPDATE pyboinc_batch SET state = 'cancelled' WHERE id = %s", (batch.id,))
    late = """
        SELECT w.id, w.batch FROM workunit w JOIN pyboinc_batch p ON p.id = w.batch
        WHERE w.id > %s AND w.appid = %s AND w.assimilate_state = 0 AND w.error_mask = 0 AND w.canonical_resultid = 0
          AND p.state <> 'running'
    """
    jobs = step.rows(late, (looked, app))
    for chunk in chunks([int(number) for number, _ in jobs], NAMES_AT_ONCE):
        step.change(f"{_GIVE_UP} AND id IN ({marks(chunk)})", (int(time.time()), *chunk))
    for number in sorted({int(batch) for _, batch in jobs}):
        recount(step, number)
    return found, int(newest[0])


_GIVE_UP = f"""
    UPDATE workunit SET error_mask = error_mask | {CANCELLED}, transition_time = %s WHERE assimilate_state = 0 AND canonical_resultid = 0
"""
