"""The plugin ``boinc``: commands for the admin of a BOINC project. It runs no jobs yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyboinc.hookspecs import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def pyboinc_add_commands(group: click.Group) -> None:
    from .commands import doctor

    group.add_command(doctor)
