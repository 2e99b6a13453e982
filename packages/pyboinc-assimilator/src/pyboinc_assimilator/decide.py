"""Which record a workunit's end makes. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pyboinc.model import Record, ResultSummary


@dataclass(frozen=True)
class Workunit:
    """What the project knows of a workunit.

    canonical (tuple[bytes, bytes] | None): output file and report of the canonical result, if there is one.
    error_mask (int): see `pyboinc.model.ErrorMask`.  results: how its results ended; beside a canonical result, those found
    invalid.  elapsed (float): seconds that the canonical result ran (`elapsed_time` of its row), 0 if that is not known.
    """

    name: str
    canonical: tuple[bytes, bytes] | None
    error_mask: int
    results: tuple[ResultSummary, ...] = ()
    elapsed: float = 0.0


def decide(workunit: Workunit) -> Record | None:
    """The record to deliver; None while the workunit is neither done nor failed.

    A canonical result wins over an error mask: BOINC accepts a late success of a workunit that has failed.
    """
    if workunit.canonical is not None:
        return Record(workunit.name, *workunit.canonical, 0, workunit.results, workunit.elapsed)
    if workunit.error_mask:
        return Record(workunit.name, None, b"", workunit.error_mask, workunit.results)
    return None
