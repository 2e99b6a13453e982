"""``pyboinc platforms``: how close each function of each platform is to the real one."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.table import Table

from .profiles import EXACT, Platform, load, names


@click.command()
@click.argument("chosen", nargs=-1, metavar="[PLATFORM]...")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def platforms(chosen: tuple[str, ...], as_json: bool) -> None:
    """List the platforms whose floating point is known, and how close each function is to theirs.

    Exact: the same bits. Statistical: wrong as often, and at most by as much, as was measured or published. The functions of one
    platform are listed by its name.
    """
    found = [load(name) for name in chosen or names()]
    if as_json:
        click.echo(json.dumps({platform.name: _record(platform) for platform in found}, indent=1))
        return
    console = Console()
    if not chosen:
        console.print(_overview(found))
        return
    for platform in found:
        console.print(_details(platform))


def _record(platform: Platform) -> dict[str, object]:
    functions = {name: vars(function) for name, function in platform.functions.items()}
    return {"python": ".".join(map(str, platform.python)), "functions": functions}


def _overview(found: list[Platform]) -> Table:
    table = Table("platform", "Python", "exact", "statistical", box=None)
    for platform in found:
        exact = [name for name, function in platform.functions.items() if function.status == EXACT]
        others = [name for name, function in platform.functions.items() if function.status != EXACT]
        table.add_row(platform.name, ".".join(map(str, platform.python)), _listed(exact, others), _listed(others, exact))
    return table


def _listed(these: list[str], others: list[str]) -> str:
    return " ".join(sorted(these)) if others else "all" if these else ""


def _details(platform: Platform) -> Table:
    table = Table("function", "status", "source", "check", title=platform.name, title_justify="left", box=None)
    for name, function in sorted(platform.functions.items()):
        table.add_row(name, function.status, function.source, function.check)
    return table
