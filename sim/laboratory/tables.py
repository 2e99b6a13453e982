"""What PyBOINC's processes ask of the database, as functions on rows: each stands for SQL of `pyboinc_boinc.store`, under its name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

from pyboinc.ledger import CheckedApp, CheckedResult, CheckedWorkunit, HostVersion, Ledger, OutputFile
from pyboinc.ports import Clock
from pyboinc.rows import ABORTED_STATES, BatchRow, ResultRow, Share, WorkunitRow
from pyboinc.states import ASSIMILATE_DONE, ASSIMILATE_READY, CANCELLED, IN_PROGRESS, SUCCESS, UNSENT
from pyboinc.testing import CrashPoints
from pyboinc_boinc.store import batches
from pyboinc_boinc.store.batches import (
    ABORTED,
    COMPLETE,
    COUNTED_FAILED,
    COUNTED_SUCCEEDED,
    NOT_COUNTED,
    RETIRED,
    BatchStatus,
    Known,
    NewBatch,
)
from pyboinc_local.server.rows import Workunit

from .boinc import Boinc, upload_path
from .database import BatchTable, Server, SimulatedConnection, Wire

QUOTA = 500
T = TypeVar("T")


def _share(boinc: Boinc, share: Share, waiting: Iterable[int], without: Collection[int], limit: int) -> list[Workunit]:
    rows = (boinc.workunits[number] for number in sorted(waiting) if number in boinc.workunits)
    chosen = [wu for wu in rows if wu.batch not in without and wu.id % share.modulus == share.remainder and wu.appid == share.app]
    return chosen[:limit]


def _batch_rows(wire: Wire, numbers: Collection[int]) -> dict[int, BatchRow]:
    found = [wire.server.batches[number] for number in sorted(numbers) if number in wire.server.batches]
    return {each.id: BatchRow(each.id, each.token, each.directory, each.comparator, each.state) for each in found}


class SimulatedAssimilation:
    """`pyboinc.ports.Assimilation`."""

    def __init__(self, connection: SimulatedConnection) -> None:
        self._do = connection.do
        self._looked = 0, 0

    def app(self, name: str) -> int:
        return self._do(lambda wire: next(each.id for each in wire.server.boinc.apps.values() if each.name == name))

    def ready(self, share: Share, limit: int, without: Collection[int] = ()) -> list[WorkunitRow]:
        return self._do(_ready, share, limit, list(without))

    def batches(self, numbers: Collection[int]) -> dict[int, BatchRow]:
        return self._do(_batch_rows, numbers)

    def mark(self, workunits: Sequence[WorkunitRow]) -> None:
        self._do(_mark, workunits)

    def end_aborted(self, app: int) -> list[BatchRow]:
        ended, newest = self._do(_end_aborted, self._looked[1])
        self._looked = newest, self._looked[0]
        return ended


def _ready(wire: Wire, share: Share, limit: int, without: Sequence[int]) -> list[WorkunitRow]:
    boinc = wire.server.boinc
    waiting = [number for number in boinc.to_assimilate if boinc.workunits[number].assimilate_state == ASSIMILATE_READY]
    return [_workunit_row(boinc, wu) for wu in _share(boinc, share, waiting, without, limit)]


def _workunit_row(boinc: Boinc, wu: Workunit) -> WorkunitRow:
    results = []
    for each in wu.results:
        canonical = each.id == wu.canonical_resultid
        files = {"output": upload_path(each), "report": f"{upload_path(each)}_report"} if canonical else {}
        stderr = b"" if canonical else each.stderr.encode()
        host = f"host {each.hostid}" if each.hostid else ""
        fpops = boinc.hosts[each.hostid].p_fpops if each.hostid else 0.0
        states = each.outcome, each.exit_status, each.validate_state
        results.append(ResultRow(each.id, *states, host, stderr, each.elapsed_time, fpops, files))
    return WorkunitRow(wu.id, wu.name, wu.batch, wu.error_mask, wu.canonical_resultid, tuple(results))


def _mark(wire: Wire, workunits: Sequence[WorkunitRow]) -> None:
    server, boinc = wire.server, wire.server.boinc
    for each in workunits:
        wu = boinc.workunits.get(each.id)
        if wu is None or wu.assimilate_state != ASSIMILATE_READY or wu.canonical_resultid != each.canonical_resultid:
            continue
        counted = server.counted.get(wu.id, NOT_COUNTED)
        became = COUNTED_SUCCEEDED if wu.canonical_resultid else COUNTED_FAILED
        batch = server.batches[wu.batch]
        succeeded = (became == COUNTED_SUCCEEDED) - (counted == COUNTED_SUCCEEDED)
        failed = (became == COUNTED_FAILED) - (counted == COUNTED_FAILED)
        wire.set(batch, succeeded=batch.succeeded + succeeded, failed=batch.failed + failed)
        result = each.canonical
        if result and counted != COUNTED_SUCCEEDED and (fpops := result.elapsed_time * result.host_fpops) > 0:
            wire.set(batch, timed=batch.timed + 1, fpops_sum=batch.fpops_sum + fpops, fpops_max=max(batch.fpops_max, fpops))
        if batch.boinc_state == batches.IN_PROGRESS and batch.ended >= batch.jobs:
            wire.set(batch, boinc_state=COMPLETE)
        wire.put(server.counted, wu.id, became)
        wire.set(wu, assimilate_state=ASSIMILATE_DONE, transition_time=server.wall())
        wire.touch(wu)


def _end_aborted(wire: Wire, looked: int) -> tuple[list[BatchRow], int]:
    server = wire.server
    found = [each for each in server.batches.values() if each.state == "running" and each.boinc_state in ABORTED_STATES]
    for batch in found:
        _give_up(wire, [wu for wu in server.boinc.workunits.values() if wu.batch == batch.id])
        wire.set(batch, state="cancelled")
    late = [wu for wu in server.late() if wu.id > looked]
    _give_up(wire, late)
    for number in sorted({wu.batch for wu in late}):
        _recount(wire, number)
    return list(_batch_rows(wire, [each.id for each in found]).values()), max(server.boinc.workunits, default=0)


def _give_up(wire: Wire, workunits: Iterable[Workunit]) -> None:
    for wu in workunits:
        if wu.assimilate_state == 0 and not wu.canonical_resultid:
            wire.set(wu, error_mask=wu.error_mask | CANCELLED, transition_time=wire.server.wall())
            wire.touch(wu)


class SimulatedValidation:
    """`pyboinc.ports.Validation`."""

    def __init__(self, connection: SimulatedConnection) -> None:
        self._do = connection.do

    def app(self, name: str) -> CheckedApp:
        return self._do(_app, name)

    def pending(self, share: Share, limit: int, without: Collection[int] = ()) -> list[CheckedWorkunit]:
        return self._do(_pending, share, limit, list(without))

    def batches(self, numbers: Collection[int]) -> dict[int, BatchRow]:
        return self._do(_batch_rows, numbers)

    def settle(self, app: CheckedApp, workunits: Sequence[int], change: Callable[[Ledger], T]) -> T:
        return self._do(_settle, app, workunits, change)


def _app(wire: Wire, name: str) -> CheckedApp:
    found = next(each for each in wire.server.boinc.apps.values() if each.name == name)
    return CheckedApp(found.id, found.target_nresults)


def _pending(wire: Wire, share: Share, limit: int, without: Sequence[int]) -> list[CheckedWorkunit]:
    boinc = wire.server.boinc
    waiting = [number for number in boinc.to_validate if boinc.workunits[number].need_validate]
    return [_checked(wu) for wu in _share(boinc, share, waiting, without, limit)]


def _checked(wu: Workunit) -> CheckedWorkunit:
    states = wu.error_mask, wu.assimilate_state, int(wu.need_validate), wu.transition_time
    limits = wu.min_quorum, wu.target_nresults, wu.max_success_results
    row = CheckedWorkunit(wu.id, wu.name, wu.batch, wu.canonical_resultid, 0.0, *limits, *states, wu.rsc_fpops_est, 100 * wu.rsc_fpops_est)
    for each in wu.results:
        path = upload_path(each)
        files = OutputFile("output", path), OutputFile("report", f"{path}_report", optional=True, validated=False)
        outputs = files if each.outcome == SUCCESS else ()
        result = CheckedResult(each.id, each.server_state, each.outcome, each.validate_state, each.hostid, each.userid, each.app_version_id)
        result.sent_time, result.received_time, result.elapsed_time = each.sent_time, each.received_time, each.elapsed_time
        result.outputs = outputs
        row.results.append(result)
    return row


def _settle(wire: Wire, app: CheckedApp, workunits: Sequence[int], change: Callable[[Ledger], T]) -> T:
    boinc = wire.server.boinc
    rows = [boinc.workunits[number] for number in workunits if number in boinc.workunits and boinc.workunits[number].need_validate]
    ledger = Ledger(app, QUOTA, {wu.id: _checked(wu) for wu in rows})
    known = {}
    for wu in rows:
        for each in wu.results:
            host = boinc.hosts.get(each.hostid)
            if host is not None and (record := host.app_versions.get(each.app_version_id)):
                key = host.id, each.app_version_id
                known[key] = record
                values = record.consecutive_valid, record.max_jobs_per_day
                ledger.host_versions[key] = HostVersion(*key, consecutive_valid=values[0], max_jobs_per_day=values[1])
    done = change(ledger)
    for wu in rows:
        new = ledger.workunits[wu.id]
        wire.set(
            wu,
            need_validate=bool(new.need_validate),
            error_mask=new.error_mask,
            assimilate_state=new.assimilate_state,
            transition_time=new.transition_time,
            min_quorum=new.min_quorum,
            target_nresults=new.target_nresults,
            canonical_resultid=new.canonical_resultid,
        )
        for each, row in zip(new.results, wu.results, strict=True):
            wire.set(row, validate_state=each.validate_state, server_state=each.server_state, outcome=each.outcome)
        wire.touch(wu)
    for key, record in known.items():
        after = ledger.host_versions[key]
        wire.set(record, consecutive_valid=after.consecutive_valid, max_jobs_per_day=after.max_jobs_per_day)
    return done


class SimulatedBatches:
    """What `pyboinc_boinc.store.batches.Batches` offers."""

    def __init__(self, connection: SimulatedConnection) -> None:
        self._do = connection.do

    def find(self, token: str) -> BatchStatus | None:
        return self._do(_find, token)

    def make(self, new: NewBatch) -> BatchStatus:
        return self._do(_make, new)

    def known(self, names: Sequence[str]) -> dict[str, Known]:
        return self._do(_known, names)

    def begin(self, batch: int, result_template: str, files: Collection[str]) -> None:
        self._do(lambda wire: wire.set(wire.server, files=wire.server.files | {(batch, each) for each in files}))

    def made(self, batch: int, jobs: int) -> None:
        self._do(lambda wire: wire.set(wire.server.batches[batch], jobs=wire.server.batches[batch].jobs + jobs))

    def set_limits(self, batch: int, max_error: int, max_total: int, max_success: int) -> None:
        limits = {"max_error_results": max_error, "max_total_results": max_total, "max_success_results": max_success}
        self._do(lambda wire: [wire.set(wu, **limits) for wu in wire.server.boinc.workunits.values() if wu.batch == batch])

    def recount(self, batch: int) -> None:
        self._do(_recount, batch)

    def deliver_again(self, jobs: Collection[Known]) -> None:
        self._do(_deliver_again, [each.id for each in jobs])

    def forget(self, jobs: Collection[Known]) -> None:
        self._do(_forget, [each.id for each in jobs])

    def to_cancel(self, batch: int) -> list[int]:
        return self._do(_to_cancel, batch)

    def close(self, batch: int, state: str) -> None:
        self._do(_close, batch, state)

    def clean_up(self, remove: Callable[[str], None]) -> None:
        self._do(_clean_up, remove)

    def unused_templates(self, batch: int) -> list[str]:
        return []


def _find(wire: Wire, token: str) -> BatchStatus | None:
    for each in wire.server.batches.values():
        if each.token == token:
            counts = each.jobs, each.succeeded, each.failed, each.timed, each.fpops_sum, each.fpops_max
            return BatchStatus(each.id, token, each.directory, each.state, each.boinc_state, each.version, each.template, *counts)
    return None


def _make(wire: Wire, new: NewBatch) -> BatchStatus:
    if found := _find(wire, new.token):
        return found
    number = wire.server.boinc.new_batch()
    table = BatchTable(number, new.token, new.directory, new.comparator, new.app_version_num, new.result_template)
    wire.put(wire.server.batches, number, table)
    made = _find(wire, new.token)
    assert made is not None
    return made


def _known(wire: Wire, names: Sequence[str]) -> dict[str, Known]:
    found = {}
    for name in names:
        wu = wire.server.boinc.by_name.get(name)
        if wu is not None:
            found[name] = Known(wu.id, wu.assimilate_state == ASSIMILATE_DONE, wire.server.boinc.is_lost(wu))
    return found


def _recount(wire: Wire, batch: int) -> None:
    table = wire.server.batches[batch]
    waiting = sum(wu.batch == batch and wu.id not in wire.server.counted for wu in wire.server.boinc.workunits.values())
    wire.set(table, jobs=table.ended + waiting)
    if table.boinc_state == COMPLETE and table.ended < table.jobs:
        wire.set(table, boinc_state=batches.IN_PROGRESS)


def _deliver_again(wire: Wire, workunits: Sequence[int]) -> None:
    for number in workunits:
        wu = wire.server.boinc.workunits[number]
        if wu.assimilate_state == ASSIMILATE_DONE:
            wire.set(wu, assimilate_state=ASSIMILATE_READY)
            wire.touch(wu)


def _forget(wire: Wire, workunits: Sequence[int]) -> None:
    boinc = wire.server.boinc
    for number in workunits:
        wu = boinc.workunits[number]
        if not boinc.is_lost(wu):
            boinc.needless.add(wu.name)
        if not wu.name.startswith("lost_"):
            boinc.rename(wu, f"lost_{wu.id}_{wu.name}")


def _to_cancel(wire: Wire, batch: int) -> list[int]:
    rows = wire.server.boinc.workunits.values()
    return sorted(wu.id for wu in rows if wu.batch == batch and not wu.canonical_resultid and not wu.error_mask)


def _close(wire: Wire, batch: int, state: str) -> None:
    table = wire.server.batches[batch]
    if table.state != "retired":
        wire.set(table, state=state)
    for wu in wire.server.boinc.workunits.values():
        if wu.batch == batch and wu.error_mask and not wu.assimilate_state:
            wire.set(wu, transition_time=wire.server.wall())
            wire.touch(wu)
    if table.boinc_state != RETIRED:
        wire.set(table, boinc_state=RETIRED if state == "retired" else ABORTED)


def _clean_up(wire: Wire, remove: Callable[[str], None]) -> None:
    server = wire.server
    busy = {wu.batch for wu in server.boinc.workunits.values() if any(each.server_state in (UNSENT, IN_PROGRESS) for each in wu.results)}
    idle = {batch for batch, _ in server.files if server.batches[batch].state == "retired"} - busy
    kept = {name for batch, name in server.files if batch not in idle}
    for name in sorted({name for _, name in server.files} - kept):
        remove(name)
    wire.set(server, files={(batch, name) for batch, name in server.files if batch not in idle})


class SimulatedStore:
    """What one process has of the database. See `pyboinc.ports.Store`."""

    def __init__(self, server: Server, clock: Clock, patience: float, points: CrashPoints) -> None:
        self.connection = SimulatedConnection(server, clock, patience, points)
        self.assimilation = SimulatedAssimilation(self.connection)
        self.validation = SimulatedValidation(self.connection)
        self.batches = SimulatedBatches(self.connection)
        self.close = self.connection.close
