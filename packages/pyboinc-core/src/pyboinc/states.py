"""BOINC's numbers in the rows of a project (its source, `db/boinc_db_types.h`), for decisions about rows.

Plain integers: members of an IntEnum would cost a third of a simulation's time. They are those of `pyboinc.model`.
"""

from __future__ import annotations

from typing import Final

# result.server_state
INACTIVE: Final = 1
UNSENT: Final = 2
IN_PROGRESS: Final = 4
OVER: Final = 5

# result.outcome, defined once it is OVER; as pyboinc.model.Outcome
NO_OUTCOME: Final = 0
SUCCESS: Final = 1
COULDNT_SEND: Final = 2
CLIENT_ERROR: Final = 3
NO_REPLY: Final = 4
DIDNT_NEED: Final = 5
VALIDATE_ERROR: Final = 6
CLIENT_DETACHED: Final = 7

# result.validate_state
VALIDATE_INIT: Final = 0
VALID: Final = 1
INVALID: Final = 2
NO_CHECK: Final = 3
INCONCLUSIVE: Final = 4
TOO_LATE: Final = 5

# workunit.assimilate_state
ASSIMILATE_INIT: Final = 0
ASSIMILATE_READY: Final = 1
ASSIMILATE_DONE: Final = 2

# file_delete_state of workunits (their input files) and of results (their output files)
FILE_DELETE_INIT: Final = 0
FILE_DELETE_READY: Final = 1
FILE_DELETE_DONE: Final = 2
FILE_DELETE_ERROR: Final = 3

# workunit.error_mask; as pyboinc.model.ErrorMask
COULDNT_SEND_RESULT: Final = 1
TOO_MANY_ERROR_RESULTS: Final = 2
TOO_MANY_SUCCESS_RESULTS: Final = 4
TOO_MANY_TOTAL_RESULTS: Final = 8
CANCELLED: Final = 16
NO_CANONICAL_RESULT: Final = 32

NEVER: Final = float("inf")  # transition_time of a workunit for which nothing is to come
