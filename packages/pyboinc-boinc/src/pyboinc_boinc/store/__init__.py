"""The project's database: the only place that knows SQL.

    connection.py    transactions that survive a server that goes away
    schema.py        PyBOINC's own tables, made and migrated by `pyboinc setup`
    admin.py         what `pyboinc setup` and `pyboinc doctor` want to know and set
    batches.py       a batch and its jobs, as the backend sees them
    assimilation.py  the assimilator's part of `pyboinc.ports.Store`
    validation.py    the validator's
    uploads.py       where the output files of results are
"""

from __future__ import annotations

from pyboinc.ports import Clock

from ..project import Project
from .admin import Admin
from .assimilation import AssimilationTables
from .batches import Batches
from .connection import FOREVER, Connection
from .schema import Schema
from .validation import ValidationTables

__all__ = ["FOREVER", "Store"]


class Store:
    """The database of a project: one connection, and what each of its users asks of it.

    patience (float): seconds that a method waits for a database that is away, by `clock.sleep`; then it raises StoreError.
    pure (bool | None): mysql-connector-python without its C extension; None takes the extension where it loads.
    """

    def __init__(self, project: Project, clock: Clock, patience: float = 30.0, pure: bool | None = None) -> None:
        self.connection = connection = Connection(project.config.database, clock, patience, pure)
        self.schema = Schema(connection)
        self.admin = Admin(connection)
        self.batches = Batches(connection)
        self.assimilation = AssimilationTables(connection, project)
        self.validation = ValidationTables(connection, project)
        self.close = connection.close
