"""What the daemons see of the rows of a project's database; see `pyboinc.ports.Store`.

Columns have BOINC's names (its source, ``db/boinc_db_types.h``). Texts and bytes that come from hosts are a stranger's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ABORTED_STATES = (3, 4)
"""``batch.state`` of a batch that somebody has aborted or retired on the project's web pages."""


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A result. host (str): a name for messages.  files: by logical name, where the server keeps each output file (absolute
    paths; whether a file is there is another question).  host_fpops (float): what the host's benchmark measured, operations
    a second; 0 if it has none.  elapsed_time: seconds.
    """

    id: int
    outcome: int
    exit_status: int
    validate_state: int
    host: str = ""
    stderr: bytes = b""
    elapsed_time: float = 0.0
    host_fpops: float = 0.0
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkunitRow:
    """A workunit with all its results. canonical_resultid: 0 if it has none."""

    id: int
    name: str
    batch: int
    error_mask: int
    canonical_resultid: int
    results: tuple[ResultRow, ...] = ()

    @property
    def canonical(self) -> ResultRow | None:
        """The canonical result; None also if its row is gone."""
        return next((each for each in self.results if each.id == self.canonical_resultid), None)


@dataclass(frozen=True, slots=True)
class BatchRow:
    """PyBOINC's own row of a batch. directory (str): the batch directory.  state: running, cancelled or retired."""

    id: int
    token: str
    directory: str
    comparator: str
    state: str


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of the workunits a daemon takes: those of an app whose ID leaves this remainder; or one alone."""

    app: int
    modulus: int = 1
    remainder: int = 0
    wu_id: int = 0
