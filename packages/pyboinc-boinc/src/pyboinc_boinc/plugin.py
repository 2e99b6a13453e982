"""The plugin ``boinc``: commands for the admin of a BOINC project. It runs no jobs yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyboinc.hookspecs import hookimpl

if TYPE_CHECKING:
    import click

    from pyboinc.ports import Clock

    from .store import Store


@hookimpl
def pyboinc_add_commands(group: click.Group) -> None:
    from .commands import doctor, setup

    group.add_command(setup)
    group.add_command(doctor)


@hookimpl
def pyboinc_open_store(project_dir: str, clock: Clock) -> Store:
    """For daemons, which wait for their database for ever."""
    from . import project, store
    from .transaction import ProjectDisk

    return store.Store(project.load(ProjectDisk(), project_dir), clock, patience=store.FOREVER)
