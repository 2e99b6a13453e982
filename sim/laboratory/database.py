"""The simulated database: rows in memory, behind PyBOINC's own connection, which is what retries, waits and gives up.

What stands in SQL in `pyboinc_boinc.store` stands here as functions on rows. The wire between them breaks as MySQL's does: a
connection is lost before, in and after a transaction, a commit may have happened or not, two transactions cross each other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import mysql.connector

from pyboinc.ports import Clock
from pyboinc.testing import CrashPoints
from pyboinc_boinc.project import Database
from pyboinc_boinc.store.batches import IN_PROGRESS
from pyboinc_boinc.store.connection import Connection, Transaction
from pyboinc_local.server.rows import Workunit

from .boinc import Boinc

LOST, LOST_AT_COMMIT, LOST_AFTER_COMMIT, DEADLOCK = "lost", "lost at commit", "lost after commit", "deadlock"
T = TypeVar("T")


@dataclass(eq=False)
class BatchTable:
    """A batch's rows in `batch` and `pyboinc_batch`."""

    id: int
    token: str
    directory: str
    comparator: str
    version: int
    template: str
    state: str = "running"
    boinc_state: int = IN_PROGRESS
    jobs: int = 0
    succeeded: int = 0
    failed: int = 0
    timed: int = 0
    fpops_sum: float = 0.0
    fpops_max: float = 0.0

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed


@dataclass
class Server:
    """The database server. committed: told of the workunits that a transaction has changed, once it is done.

    wall (callable): its clock, seconds since 1970.  armed: what goes wrong with the next transactions that change anything.
    away: it takes no connection.  told: of each fault that took place.
    """

    boinc: Boinc
    wall: Callable[[], float]
    committed: Callable[[Collection[Workunit]], None]
    told: Callable[[str], None]
    batches: dict[int, BatchTable] = field(default_factory=dict)
    counted: dict[int, int] = field(default_factory=dict)  # workunit.opaque
    files: set[tuple[int, str]] = field(default_factory=set)  # pyboinc_file: batch and name of what its jobs share
    armed: list[str] = field(default_factory=list)
    away: bool = False

    def connect(self, points: CrashPoints) -> Wire:
        if self.away:
            raise _error(2003, "can't connect")
        return Wire(self, points)

    def late(self) -> list[Workunit]:
        """Jobs of a batch that has ended which nobody has given up yet."""
        ended = {each.id for each in self.batches.values() if each.state != "running"}
        return [
            wu
            for wu in (self.boinc.workunits.values() if ended else ())
            if wu.batch in ended and not (wu.assimilate_state or wu.error_mask or wu.canonical_resultid)
        ]

    def take(self, *kinds: str) -> str:
        """The fault of these kinds that is next, if it is."""
        if self.armed and self.armed[0] in kinds:
            self.told(self.armed[0])
            return self.armed.pop(0)
        return ""


def _error(number: int, text: str) -> mysql.connector.Error:
    return mysql.connector.errors.OperationalError(msg=text, errno=number)


class Wire:
    """A connection as mysql-connector has it, and its transaction. What it executes is a function instead of SQL."""

    def __init__(self, server: Server, points: CrashPoints) -> None:
        self.server = server
        self._points = points
        self._undo: list[Callable[[], object]] = []
        self._touched: dict[int, Workunit] = {}
        self._broken = False
        self._answer: Any = None

    # -- what mysql-connector offers

    def cursor(self) -> Wire:
        return self

    def execute(self, question: Callable[..., Any], values: Sequence[Any]) -> None:
        if self._broken or self.server.away:
            self._break()
            raise _error(2013, "lost connection")
        self._answer = question(self, *values)
        fault = self._undo and self.server.take(LOST, DEADLOCK)
        if fault == LOST:
            self._break()
            raise _error(2013, "lost connection")
        if fault == DEADLOCK:
            self.rollback()
            raise _error(1213, "deadlock found")

    def fetchall(self) -> Any:
        return self._answer

    def commit(self) -> None:
        if not self._undo:
            return
        self._points.reach()
        if self.server.take(LOST_AT_COMMIT):
            self._break()
            raise _error(2013, "lost connection")
        touched, self._touched = self._touched, {}
        self._undo.clear()
        self.server.committed(touched.values())
        if self.server.take(LOST_AFTER_COMMIT):
            self._break()
            raise _error(2013, "lost connection")
        self._points.reach()

    def rollback(self) -> None:
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()
        self._touched.clear()

    def close(self) -> None: ...

    def disconnect(self) -> None:
        self.rollback()

    def is_connected(self) -> bool:
        return not self._broken

    def _break(self) -> None:
        self._broken = True
        self.rollback()

    # -- changing rows

    def set(self, row: Any, **columns: Any) -> None:
        for name, value in columns.items():
            before = getattr(row, name)
            if before != value:
                self._undo.append(lambda name=name, before=before: setattr(row, name, before))  # type: ignore[misc]
                setattr(row, name, value)

    def put(self, table: dict[int, T], key: int, value: T) -> None:
        before = table.get(key)
        self._undo.append(lambda: table.pop(key) if before is None else table.__setitem__(key, before))
        table[key] = value

    def touch(self, wu: Workunit) -> None:
        """BOINC's daemons are to look at it once the transaction is done."""
        self._touched[wu.id] = wu


class SimulatedConnection(Connection):
    """PyBOINC's own, to a simulated server."""

    def __init__(self, server: Server, clock: Clock, patience: float, points: CrashPoints) -> None:
        super().__init__(Database("simulated", 0, "laboratory", "", ""), clock, patience)
        self._server = server
        self._points = points

    def _connect(self) -> Any:
        return self._server.connect(self._points)

    def do(self, question: Callable[..., T], *values: Any) -> T:
        return self.transaction(Transaction.rows, question, values)  # type: ignore[arg-type, return-value]
