"""A connection whose transactions survive a server that goes away.

Faults are told apart by their numbers (MySQL's server and client errors). A server that is killed inside a transaction also
makes the connector raise errors that are not its own: then a ping decides.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

import mysql.connector

from pyboinc.errors import StoreError
from pyboinc.ports import Clock

from ..project import Database

FOREVER = float("inf")
LOST = {-1, 1040, 1053, 1927, 2002, 2003, 2006, 2013, 2055, 3024, 4031}  # away, restarting, too busy to talk
CROSSED = {1205, 1213}  # another transaction was in the way: the server has undone this one
REFUSED = {
    1044: "it does not let this user in. Are <db_user> and <db_passwd> of config.xml right?",
    1045: "it does not let this user in. Are <db_user> and <db_passwd> of config.xml right?",
    1049: "there is no database of that name. Is <db_name> of config.xml right?",
    1146: "a table is missing. Run `pyboinc setup` for the project",
    1054: "a column is missing: another version of PyBOINC or BOINC has made the tables. Run `pyboinc setup` for the project",
}
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between tries

Value: TypeAlias = "str | bytes | int | float | None"
Row: TypeAlias = "tuple[Any, ...]"
T = TypeVar("T")
P = ParamSpec("P")
log = logging.getLogger("pyboinc")


class Transaction:
    """What runs inside of one. Its methods do for `Connection.transaction`, too: `transaction(Transaction.change, sql, values)`."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        self._cursor.execute(sql, values)
        return self._cursor.fetchall()  # type: ignore[no-any-return]

    def row(self, sql: str, values: Sequence[Value] = ()) -> Row | None:
        """The first row, or None."""
        found = self.rows(sql, values)
        return found[0] if found else None

    def change(self, sql: str, values: Sequence[Value] = ()) -> int:
        """How many rows it changed."""
        self._cursor.execute(sql, values)
        return int(self._cursor.rowcount)

    def insert(self, table: str, columns: Mapping[str, Value]) -> int:
        """A new row; the number that it has got."""
        self._cursor.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks(list(columns))})", tuple(columns.values()))
        return int(self._cursor.lastrowid)


class Connection:
    """See `Store`. Connects when it is first used."""

    def __init__(self, database: Database, clock: Clock, patience: float, pure: bool | None = None) -> None:
        self._database = database
        self._clock = clock
        self.patience = patience
        self._pure = pure
        self._connection: Any = None

    def transaction(self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do `work` in one transaction, with these arguments after the transaction; its result.

        If the server goes away it is done again from the start, also if it is not known whether it was committed: `work` must
        bear that. Raises StoreError.
        """
        pause = FIRST_PAUSE
        given_up = self._clock.now() + self.patience
        away = False
        while True:
            try:
                result = self._try(lambda step: work(step, *args, **kwargs))
            except mysql.connector.Error as error:
                if error.errno not in LOST | CROSSED:
                    raise StoreError(f"{self._name}: {REFUSED.get(error.errno, 'it refuses')} ({error})") from error
                fault: Exception = error
            except _Broken as error:
                fault = error
            else:
                if away:
                    log.info("%s is back", self._name)
                return result
            if getattr(fault, "errno", None) not in CROSSED:
                self.close()
                if not away:
                    log.warning("%s is away (%s): trying again", self._name, fault)
                away = True
            if self._clock.now() >= given_up:
                raise StoreError(f"{self._name} does not answer: {fault}. Is it running?") from fault
            self._clock.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):  # of a connection that is broken already
                connection.disconnect()

    @property
    def _name(self) -> str:
        return f"the database {self._database.name} on {self._database.host}:{self._database.port}"

    def _try(self, work: Callable[[Transaction], T]) -> T:
        if self._connection is None:
            self._connection = self._connect()
        connection = self._connection
        try:
            cursor = connection.cursor()
            try:
                result = work(Transaction(cursor))
            finally:
                with contextlib.suppress(Exception):
                    cursor.close()
            connection.commit()
        except mysql.connector.Error:
            self._undo()
            raise
        except Exception as error:
            if _is_there(connection):
                self._undo()
                raise
            raise _Broken(f"{type(error).__name__}: {error}") from error
        except BaseException:
            self.close()
            raise
        return result

    def _undo(self) -> None:
        try:
            self._connection.rollback()
        except Exception:
            self.close()

    def _connect(self) -> Any:
        where = self._database
        pure = {} if self._pure is None else {"use_pure": self._pure}
        try:
            return mysql.connector.connect(
                host=where.host,
                port=where.port,
                user=where.user,
                password=where.password,
                database=where.name,
                charset="utf8mb4",
                collation="utf8mb4_general_ci",  # the connector's own default is unknown to MariaDB
                autocommit=False,
                connection_timeout=10,
                **pure,
            )
        except OSError as error:
            raise _Broken(str(error)) from error


class _Broken(Exception):
    """The connection is gone, and the connector did not say so itself."""


def _is_there(connection: Any) -> bool:
    try:
        return bool(connection.is_connected())
    except Exception:
        return False


def marks(values: Sequence[object]) -> str:
    """The inside of ``IN (...)``.

    >>> marks([1, 2, 3])
    '%s,%s,%s'
    """
    return ",".join(["%s"] * len(values))


def chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """
    >>> list(chunks("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    chunk: list[T] = []
    for value in values:
        chunk.append(value)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def to_text(value: Any) -> str:
    """What a text column holds: the connector gives str, bytes or bytearray, as the column and its own mode will.

    >>> to_text(bytearray(b"caf\\xc3\\xa9")), to_text(None)
    ('café', '')
    """
    return value if isinstance(value, str) else to_bytes(value).decode("utf-8", "replace")


def to_bytes(value: Any) -> bytes:
    """What a blob holds; the same in all modes of the connector."""
    return b"" if value is None else value.encode() if isinstance(value, str) else bytes(value)
