"""The comparators that come with PyBOINC, by the hook `pyboinc_comparators`."""

from __future__ import annotations

from pyboinc.hookspecs import hookimpl

from .comparators import COMPARATORS, Factory


@hookimpl
def pyboinc_comparators() -> dict[str, Factory]:
    return COMPARATORS
