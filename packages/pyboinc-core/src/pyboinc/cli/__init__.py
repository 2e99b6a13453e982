"""The command line ``pyboinc``: what needs no backend; plugins add the rest by the hook pyboinc_add_commands."""

from __future__ import annotations

import click

from .. import plugins
from ..version import __version__
from . import voice
from .change import cancel, rerun, retire
from .dashboard import dashboard
from .look import errors, status
from .program import bundle, run
from .runtime import build_runtime


@click.group(cls=voice.Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pyboinc")
def group() -> None:
    """PyBOINC: Python programs on volunteers' computers.

    \b
    Exit status of all commands:
      0    done
      1    calls failed, or the program did; cancel: not ended yet
      2    refused: the text on stderr says why and what to do
      130  stopped by ^C
    """


for command in (run, bundle, status, errors, dashboard, cancel, retire, rerun, build_runtime):
    group.add_command(command)


@group.command("plugins")
def list_plugins() -> None:
    """List the installed plugins: name, version, hooks, state."""
    found = plugins.installed()
    if not found:
        click.echo("No plugin is installed. The local project is one:  pip install pyboinc-local")
        return
    rows = [
        [plugin.name, plugin.distribution, plugin.version, "\n".join(each.removeprefix("pyboinc_") for each in plugin.hooks), plugin.state]
        for plugin in found
    ]
    voice.table(["name", "package", "version", "hooks", "state"], rows)


def main() -> None:
    """Entry point of the console script."""
    manager, broken = plugins.for_commands()
    for plugin in broken:
        click.echo(f"pyboinc: the plugin {plugin.name} ({plugin.distribution} {plugin.version}) is left out: {plugin.cause}", err=True)
    for each in manager.hook.pyboinc_add_commands.get_hookimpls():
        try:
            each.function(group)
        except Exception as error:  # whatever a stranger's code does
            click.echo(f"pyboinc: the commands of the plugin {each.plugin_name} are left out: {type(error).__name__}: {error}", err=True)
    group(prog_name="pyboinc")
