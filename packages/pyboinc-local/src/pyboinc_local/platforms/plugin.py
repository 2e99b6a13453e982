"""The platforms that come with PyBOINC, by the hook `pyboinc_platforms`, and the command that lists them."""

from __future__ import annotations

from collections.abc import Callable

import click

from pyboinc.hookspecs import hookimpl

from .profiles import Platform


@hookimpl
def pyboinc_platforms() -> dict[str, Callable[..., Platform]]:
    from .libraries import PLATFORMS  # with tables, which only a simulation needs

    return PLATFORMS


@hookimpl
def pyboinc_add_commands(group: click.Group) -> None:
    from .command import platforms

    group.add_command(platforms)
