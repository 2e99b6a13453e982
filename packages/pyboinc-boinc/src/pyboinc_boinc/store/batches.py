"""A batch and its jobs, as the backend sees them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pyboinc.model import ResultCount
from pyboinc.states import OVER

from .connection import Connection, Transaction, Value, chunks, marks, to_bytes, to_text

IN_PROGRESS, COMPLETE, ABORTED, RETIRED = 1, 2, 3, 4  # batch.state
UNSENT, SENT = 2, 4  # result.server_state
ASSIMILATE_READY, ASSIMILATE_DONE = 1, 2
FILES_DELETED = 2  # file_delete_state
CANCELLED = 16  # workunit.error_mask
NOT_COUNTED, COUNTED_FAILED, COUNTED_SUCCEEDED = 0, 1, 2
"""``workunit.opaque``, which BOINC leaves to its users: as what the counters of its batch have this one."""
NAMES_AT_ONCE = 1000
_ZERO = (  # columns of `batch` without a default
    *("logical_start_time", "logical_end_time", "est_completion_time", "njobs", "fraction_done", "nerror_jobs", "completion_time"),
    *("credit_estimate", "credit_canonical", "credit_total", "project_state", "expire_time"),
)


@dataclass(frozen=True)
class NewBatch:
    """What a batch is made with. directory: absolute.  title, description: for BOINC's web pages, at most 255 characters."""

    token: str
    user_id: int
    app_id: int
    app_version_num: int
    directory: str
    comparator: str
    title: str
    description: str
    result_template: str


@dataclass(frozen=True)
class BatchStatus:
    """A batch with its counters. boinc_state: `batch.state`.  timed, fpops_sum, fpops_max: the measured work of its jobs."""

    id: int
    token: str
    directory: str
    state: str
    boinc_state: int
    app_version_num: int
    result_template: str
    jobs: int
    succeeded: int
    failed: int
    timed: int
    fpops_sum: float
    fpops_max: float


class Known(NamedTuple):
    """A job that exists. assimilated: its record was delivered.  lost: so it was, and its output is not here any more."""

    id: int
    assimilated: bool
    lost: bool


class Batches:
    """See the module's text. All may be done again without harm."""

    def __init__(self, connection: Connection) -> None:
        self._transaction = connection.transaction

    def find(self, token: str) -> BatchStatus | None:
        return self._transaction(_find, token)

    def make(self, new: NewBatch) -> BatchStatus:
        """The batch of that token, made if it is not there: one row in `batch` and one in `pyboinc_batch`, both or none."""
        return self._transaction(_make, new)

    def known(self, names: Sequence[str]) -> dict[str, Known]:
        """Those of these jobs that exist."""
        return {name: job for chunk in chunks(names, NAMES_AT_ONCE) for name, job in self._transaction(_known, chunk)}

    def begin(self, batch: int, result_template: str, files: Collection[str]) -> None:
        """Jobs are to be made that share these files: from now on nobody removes them, and whoever cleans up after the batch finds them."""
        self._transaction(_begin, batch, result_template, files)

    def made(self, batch: int, jobs: int) -> None:
        """So many jobs were made."""
        self._transaction(_made, batch, jobs)

    def set_limits(self, batch: int, max_error: int, max_total: int, max_success: int) -> None:
        """Limits of all the batch's workunits with another limit of errors."""
        sql = "UPDATE workunit SET max_error_results = %s, max_total_results = %s, max_success_results = %s"
        where = "WHERE batch = %s AND max_error_results <> %s"
        self._transaction(Transaction.change, f"{sql} {where}", (max_error, max_total, max_success, batch, max_error))

    def recount(self, batch: int) -> None:
        """Bring the number of jobs up to date, after a crash that came between a job and its being counted."""
        self._transaction(recount, batch)

    def deliver_again(self, jobs: Collection[Known]) -> None:
        """Records of these jobs got lost: the assimilator brings them again."""
        numbers = [job.id for job in jobs]
        for chunk in chunks(numbers, NAMES_AT_ONCE):
            self._transaction(Transaction.change, f"{_AGAIN} AND id IN ({marks(chunk)})", chunk)

    def forget(self, jobs: Collection[Known]) -> None:
        """These jobs can't give their outputs again: their names are free for new ones, their rows are left to BOINC's cleaning up."""
        numbers = [job.id for job in jobs]
        for chunk in chunks(numbers, NAMES_AT_ONCE):
            self._transaction(_forget, chunk)

    def boinc_state(self, batch: int) -> int:
        """`batch.state`; RETIRED if its row is gone."""
        found = self._transaction(Transaction.row, "SELECT state FROM batch WHERE id = %s", (batch,))
        return RETIRED if found is None else int(found[0])

    def count_results(self, batch: int) -> list[ResultCount]:
        """Of the rows that are there: BOINC's db_purge takes old ones away."""
        return [
            ResultCount(to_text(platform), int(state), int(outcome), int(checked), None if power is None else int(power), int(number))
            for platform, state, outcome, checked, power, number in self._transaction(Transaction.rows, _COUNT_RESULTS, (batch,))
        ]

    def to_cancel(self, batch: int) -> list[int]:
        """Numbers of the batch's workunits that have neither a canonical result nor failed, ascending."""
        sql = "SELECT id FROM workunit WHERE batch = %s AND canonical_resultid = 0 AND error_mask = 0 ORDER BY id"
        return [int(number) for (number,) in self._transaction(Transaction.rows, sql, (batch,))]

    def close(self, batch: int, state: str) -> None:
        """The batch is cancelled or retired."""
        self._transaction(_close, batch, state)

    def clean_up(self, remove: Callable[[str], None]) -> None:
        """Remove files that only retired batches use, of which no host has a job any more. remove: does it, by the file's name."""
        self._transaction(_clean_up, remove)

    def unused_templates(self, batch: int) -> list[str]:
        """Result templates of the batch that no other one needs."""
        return self._transaction(_unused_templates, batch)


_AGAIN = f"UPDATE workunit SET assimilate_state = {ASSIMILATE_READY} WHERE assimilate_state = {ASSIMILATE_DONE}"
# A volunteer who brings an app of their own (anonymous platform) has a negative app_version_id. Times are whole seconds.
_COUNT_RESULTS = f"""
    SELECT COALESCE(p.name, IF(r.app_version_id < 0, 'anonymous platform', '')), r.server_state, r.outcome, r.validate_state,
           IF(r.server_state = {OVER} AND r.received_time >= r.sent_time AND r.sent_time > 0,
              FLOOR(LOG2(r.received_time - r.sent_time + 0.5)), NULL), COUNT(*)
    FROM result r LEFT JOIN app_version v ON v.id = r.app_version_id LEFT JOIN platform p ON p.id = v.platformid
    WHERE r.batch = %s GROUP BY 1, 2, 3, 4, 5
"""
_STATUS = """
    SELECT p.id, p.token, p.directory, p.state, COALESCE(b.state, 4), p.app_version_num, p.result_template,
           p.jobs, p.succeeded, p.failed, p.timed, p.fpops_sum, p.fpops_max
    FROM pyboinc_batch p LEFT JOIN batch b ON b.id = p.id
"""


def _find(step: Transaction, token: str) -> BatchStatus | None:
    found = step.row(f"{_STATUS} WHERE p.token = %s", (token,))
    if found is None:
        return None
    number, its_token, directory, state, boinc_state, version, template, jobs, succeeded, failed, timed, fpops_sum, fpops_max = found
    return BatchStatus(
        id=int(number),
        token=to_text(its_token),
        directory=to_bytes(directory).decode("utf-8", "surrogateescape"),
        state=to_text(state),
        boinc_state=int(boinc_state),
        app_version_num=int(version),
        result_template=to_text(template),
        jobs=int(jobs),
        succeeded=int(succeeded),
        failed=int(failed),
        timed=int(timed),
        fpops_sum=float(fpops_sum),
        fpops_max=float(fpops_max),
    )


def _make(step: Transaction, new: NewBatch) -> BatchStatus:
    found = _find(step, new.token)
    if found is not None:
        return found
    now = int(time.time())
    columns: dict[str, Value] = {
        "user_id": new.user_id,
        "create_time": now,
        "state": IN_PROGRESS,
        "name": new.title,
        "app_id": new.app_id,
        "description": new.description,
    }
    columns |= dict.fromkeys(_ZERO, 0)
    own: dict[str, Value] = {
        "id": step.insert("batch", columns),
        "token": new.token,
        "user_id": new.user_id,
        "app_id": new.app_id,
        "app_version_num": new.app_version_num,
        "directory": new.directory.encode("utf-8", "surrogateescape"),
        "comparator": new.comparator,
        "state": "running",
        "create_time": now,
        "result_template": new.result_template,
    }
    step.insert("pyboinc_batch", own)
    made = _find(step, new.token)
    assert made is not None
    return made


def _known(step: Transaction, names: Sequence[str]) -> list[tuple[str, Known]]:
    sql = f"""
        SELECT w.name, w.id, w.assimilate_state, COALESCE(r.file_delete_state, 0)
        FROM workunit w LEFT JOIN result r ON r.id = w.canonical_resultid WHERE w.name IN ({marks(names)})
    """
    found = []
    for name, number, assimilated, deleted in step.rows(sql, names):
        done = assimilated == ASSIMILATE_DONE
        found.append((to_text(name), Known(int(number), done, done and deleted == FILES_DELETED)))
    return found


def _forget(step: Transaction, workunits: Sequence[int]) -> None:
    """With their results, whose names begin with theirs."""
    unless = "name NOT LIKE 'lost\\_%%'"
    some = marks(workunits)
    step.change(f"UPDATE result SET name = CONCAT('lost_', workunitid, '_', name) WHERE {unless} AND workunitid IN ({some})", workunits)
    step.change(f"UPDATE workunit SET name = CONCAT('lost_', id, '_', name) WHERE {unless} AND id IN ({some})", workunits)


def _begin(step: Transaction, batch: int, result_template: str, files: Collection[str]) -> None:
    step.change("UPDATE pyboinc_batch SET result_template = %s WHERE id = %s", (result_template, batch))
    for name in files:
        step.change("INSERT IGNORE INTO pyboinc_file (batch, name) VALUES (%s, %s)", (batch, name))


def _made(step: Transaction, batch: int, jobs: int) -> None:
    step.change("UPDATE pyboinc_batch SET jobs = jobs + %s WHERE id = %s", (jobs, batch))
    _show_jobs(step, batch)


def recount(step: Transaction, batch: int) -> None:
    """Those that were counted when they ended, of which some may be purged, and those that were not."""
    waiting = f"SELECT COUNT(*) FROM workunit WHERE batch = %s AND opaque = {NOT_COUNTED}"
    if step.change(f"UPDATE pyboinc_batch SET jobs = succeeded + failed + ({waiting}) WHERE id = %s", (batch, batch)):
        _show_jobs(step, batch)


def _show_jobs(step: Transaction, batch: int) -> None:
    """On BOINC's web pages. A batch that they take for complete has got more jobs."""
    sql = f"""
        UPDATE batch b JOIN pyboinc_batch p ON p.id = b.id
        SET b.njobs = p.jobs, b.fraction_done = (p.succeeded + p.failed) / GREATEST(p.jobs, 1),
            b.state = IF(b.state = {COMPLETE} AND p.succeeded + p.failed < p.jobs, {IN_PROGRESS}, b.state)
        WHERE b.id = %s
    """
    step.change(sql, (batch,))


def _close(step: Transaction, batch: int, state: str) -> None:
    step.change("UPDATE pyboinc_batch SET state = %s WHERE id = %s AND state <> 'retired'", (state, batch))
    # BOINC's web pages set error masks and leave the transitioner to find out some day.
    step.change(
        "UPDATE workunit SET transition_time = %s WHERE batch = %s AND error_mask <> 0 AND assimilate_state = 0", (int(time.time()), batch)
    )
    boinc_state = RETIRED if state == "retired" else ABORTED
    sql = "UPDATE batch SET state = %s, completion_time = IF(completion_time = 0, %s, completion_time) WHERE id = %s AND state <> %s"
    step.change(sql, (boinc_state, int(time.time()), batch, RETIRED))


def _clean_up(step: Transaction, remove: Callable[[str], None]) -> None:
    retired = step.rows("SELECT DISTINCT p.id FROM pyboinc_file f JOIN pyboinc_batch p ON p.id = f.batch WHERE p.state = 'retired'")
    busy = f"SELECT 1 FROM result WHERE batch = %s AND server_state BETWEEN {UNSENT} AND {SENT} LIMIT 1"
    idle = [int(batch) for (batch,) in retired if step.row(busy, (int(batch),)) is None]
    if not idle:
        return
    # A batch that begins to use a file is either seen here, or waits for this lock and then finds that the file is gone.
    used = step.rows("SELECT batch, name FROM pyboinc_file FOR UPDATE")
    kept = {to_text(name) for batch, name in used if int(batch) not in idle}
    for name in sorted({to_text(name) for _, name in used} - kept):
        remove(name)
    step.change(f"DELETE FROM pyboinc_file WHERE batch IN ({marks(idle)})", idle)


def _unused_templates(step: Transaction, batch: int) -> list[str]:
    found = step.rows("SELECT DISTINCT result_template_file FROM workunit WHERE batch = %s", (batch,))
    found += step.rows("SELECT result_template FROM pyboinc_batch WHERE id = %s", (batch,))
    candidates = sorted({to_text(name) for (name,) in found})
    used = "SELECT 1 FROM pyboinc_batch WHERE result_template = %s AND state <> 'retired' LIMIT 1"
    return [name for name in candidates if name and step.row(used, (name,)) is None]
