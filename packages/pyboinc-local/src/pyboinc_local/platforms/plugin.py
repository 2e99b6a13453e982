"""The platforms that come with PyBOINC, by the hook `pyboinc_platforms`."""

from __future__ import annotations

from collections.abc import Callable

from pyboinc.hookspecs import hookimpl

from .profiles import Platform


@hookimpl
def pyboinc_platforms() -> dict[str, Callable[..., Platform]]:
    from . import libraries  # tables, which only a simulation needs

    return {"native": libraries.native, "linux-musl": libraries.linux_musl}
