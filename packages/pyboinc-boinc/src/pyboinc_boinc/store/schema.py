"""PyBOINC's own tables, beside BOINC's. `migrate` makes them what this version needs.

    pyboinc_batch    a row for each batch: whose it is, where its directory is, counters
    pyboinc_file     programs and data files in the download hierarchy, to be removed when the batches that use them are retired
    pyboinc_schema   the version of these tables

Each step is a single statement that does no harm when it is done again: MySQL commits every one of them at once, so that a
migration that is cut off goes on from where it was.
"""

from __future__ import annotations

from pyboinc.errors import StoreError

from .connection import Connection, Transaction

_STEPS: tuple[tuple[str, str], ...] = (
    (
        "new table pyboinc_batch",
        """
        CREATE TABLE IF NOT EXISTS pyboinc_batch (
            id               BIGINT UNSIGNED NOT NULL PRIMARY KEY,  -- that of the row in `batch`
            token            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
            user_id          INT NOT NULL,
            app_id           INT NOT NULL,
            app_version_num  INT NOT NULL,
            directory        VARBINARY(4096) NOT NULL,
            comparator       VARCHAR(255) NOT NULL,
            state            VARCHAR(16) NOT NULL,                  -- running, cancelled, retired
            create_time      INT NOT NULL,
            jobs             INT NOT NULL DEFAULT 0,                -- made
            succeeded        INT NOT NULL DEFAULT 0,                -- assimilated, with an output
            failed           INT NOT NULL DEFAULT 0,                -- assimilated, without
            timed            INT NOT NULL DEFAULT 0,                -- canonical results whose running time was measured
            fpops_sum        DOUBLE NOT NULL DEFAULT 0,             -- of those: seconds times the host's operations a second
            fpops_max        DOUBLE NOT NULL DEFAULT 0,
            result_template  VARCHAR(63) NOT NULL DEFAULT '',
            KEY pyboinc_batch_state (state)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
        """,
    ),
    (
        "new table pyboinc_file",
        """
        CREATE TABLE IF NOT EXISTS pyboinc_file (
            batch  BIGINT UNSIGNED NOT NULL,
            name   VARCHAR(191) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
            PRIMARY KEY (batch, name)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
        """,
    ),
)
VERSION = len(_STEPS)


class Schema:
    """The version of PyBOINC's tables."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def pending(self) -> list[str]:
        """What `migrate` would do, in words. Raises StoreError if a later version of PyBOINC has made the tables."""
        return [text for text, _ in _STEPS[self._version() :]]

    def migrate(self) -> list[str]:
        """Make the tables what this version needs; what was done, in words. Raises StoreError as `pending` does."""
        missing = _STEPS[self._version() :]
        for _, sql in missing:
            self._connection.transaction(Transaction.change, sql)
        if missing:
            self._connection.transaction(_write_version)
        return [text for text, _ in missing]

    def _version(self) -> int:
        found = self._connection.transaction(_read_version)
        if found > VERSION:
            raise StoreError(f"the project's tables are of a later PyBOINC (version {found}, here {VERSION}): upgrade pyboinc-boinc here")
        return found


def _read_version(step: Transaction) -> int:
    there = "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'pyboinc_schema'"
    if step.row(there) is None:
        return 0
    found = step.row("SELECT MAX(version) FROM pyboinc_schema")
    return int(found[0]) if found and found[0] is not None else 0


def _write_version(step: Transaction) -> None:
    step.change("CREATE TABLE IF NOT EXISTS pyboinc_schema (version INT NOT NULL PRIMARY KEY) ENGINE=InnoDB")
    step.change("INSERT IGNORE INTO pyboinc_schema (version) VALUES (%s)", (VERSION,))
