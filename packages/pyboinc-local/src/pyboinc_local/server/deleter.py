"""Files of finished work, and rows: BOINC's `sched/file_deleter.cpp` and `sched/db_purge.cpp`."""

from __future__ import annotations

from collections.abc import Callable

from pyboinc.states import FILE_DELETE_DONE, FILE_DELETE_ERROR, FILE_DELETE_READY

from .rows import Config, Result, Workunit


def delete_files(wu: Workunit, delete_input: Callable[[Workunit], bool], delete_output: Callable[[Result], bool]) -> int:
    """Delete what the transitioner released: the outputs of results, then the inputs. Returns how many rows changed.

    The callables delete files and return False if they can't; then the state is FILE_DELETE_ERROR, for `retry_errors`.
    """
    changed = 0
    for result in wu.results:
        if result.file_delete_state == FILE_DELETE_READY:
            result.file_delete_state = FILE_DELETE_DONE if delete_output(result) else FILE_DELETE_ERROR
            changed += 1
    if wu.file_delete_state == FILE_DELETE_READY:
        wu.file_delete_state = FILE_DELETE_DONE if delete_input(wu) else FILE_DELETE_ERROR
        changed += 1
    return changed


def retry_errors(wu: Workunit) -> None:
    """Files that could not be deleted are to be tried again."""
    rows: list[Workunit | Result] = [wu, *wu.results]
    for row in rows:
        if row.file_delete_state == FILE_DELETE_ERROR:
            row.file_delete_state = FILE_DELETE_READY


def purge_time(deleted_time: float, config: Config) -> float:
    """When the rows of a workunit may go to the archive, if its input files were deleted at this time."""
    return deleted_time + config.purge_min_age
