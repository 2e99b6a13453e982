"""The command line ``pyboinc``: what needs no backend; plugins add the rest by the hook pyboinc_add_commands."""

from __future__ import annotations

import click

from .. import plugins
from ..version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pyboinc")
def group() -> None:
    """PyBOINC: Python programs on volunteers' computers."""


@group.command("plugins")
def list_plugins() -> None:
    """List the installed plugins: name, version, hooks, state."""
    from rich.console import Console
    from rich.table import Table

    found = plugins.installed()
    if not found:
        click.echo("No plugin is installed. The local project is one:  pip install pyboinc-local")
        return
    table = Table("name", "package", "version", "hooks", "state", box=None, header_style="bold", pad_edge=False)
    for plugin in found:
        hooks = "\n".join(each.removeprefix("pyboinc_") for each in plugin.hooks)
        table.add_row(plugin.name, plugin.distribution, plugin.version, hooks, plugin.state)
    Console(soft_wrap=False).print(table, markup=False)


def main() -> None:
    """Entry point of the console script."""
    manager, broken = plugins.for_commands()
    for plugin in broken:
        click.echo(f"pyboinc: the plugin {plugin.name} ({plugin.distribution} {plugin.version}) is left out: {plugin.cause}", err=True)
    manager.hook.pyboinc_add_commands(group=group)
    group()
