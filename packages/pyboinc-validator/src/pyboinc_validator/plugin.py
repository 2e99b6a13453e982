"""The comparators that come with PyBOINC, and the command that explains what a validator decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyboinc.hookspecs import hookimpl

from .comparators import COMPARATORS, Factory

if TYPE_CHECKING:
    import click


@hookimpl
def pyboinc_comparators() -> dict[str, Factory]:
    return COMPARATORS


@hookimpl
def pyboinc_add_commands(group: click.Group) -> None:
    from .commands import validate

    group.add_command(validate)
