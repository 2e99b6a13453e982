"""``pyboinc validate``."""

from __future__ import annotations

from dataclasses import asdict

import click

from pyboinc import daemon
from pyboinc.cli import voice
from pyboinc.errors import PyBoincError
from pyboinc.ports import Disk, SystemClock

from .daemon import own_words, validator_of
from .explain import Explanation


@click.command()
@click.argument("workunit", type=int, metavar="WU_ID")
@click.option("-p", "--project_home", "folder", metavar="DIR", envvar="PYBOINC_DIR", help="The folder of the BOINC project [PYBOINC_DIR].")
@click.option("--explain", is_flag=True, required=True, help="Show its results side by side: who agrees, and which field differs.")
@click.option("--app", default="pyboinc", show_default=True, help="The app whose job it is.")
@click.option("--comparator", default="", metavar="SPEC", help="Compare in this way instead of the batch's own.")
@voice.json_option
def validate(workunit: int, folder: str | None, explain: bool, app: str, comparator: str, as_json: bool) -> None:
    """Look at a workunit of a BOINC project as its validator does. Nothing is changed; the daemon pyboinc-validator validates.

    A differs column tells where an output first differs from that of group A, which is the canonical result's, or the largest.
    """
    if not folder:
        raise PyBoincError("name the folder of the project:  pyboinc validate WU_ID --explain -p DIR")
    words = ["--app", app, "--wu_id", str(workunit), "--dry_run", "-p", folder]
    if comparator:
        words += ["--comparator", comparator, "--force_comparator"]
    clock = SystemClock()
    store = daemon.open_store(folder, clock)
    try:
        validator = validator_of(store, daemon.read_words("pyboinc validate", "", words, own_words), clock, Disk())
        found = validator.explain()
    finally:
        store.close()
    if found is None:
        raise PyBoincError(f"the app {app!r} has no workunit {workunit}")
    if as_json:
        answer = {"workunit": found.workunit.id, "name": found.workunit.name, "quorum": found.workunit.min_quorum}
        results = [asdict(each) for each in found.results]
        voice.answer_json(answer | {"comparator": found.comparator, "would": found.would, "results": results})
    else:
        _show(found)


def _show(found: Explanation) -> None:
    wu = found.workunit
    voice.heading(f"workunit {wu.id} {voice.line(wu.name)}")
    click.echo(f"quorum      {wu.min_quorum}, compared by {found.comparator}")
    click.echo(f"decision    {found.would}\n")
    rows = [[str(each.id), *map(voice.line, (each.host, each.platform, each.state, each.group, each.differs))] for each in found.results]
    voice.table(["result", "host", "platform", "state", "group", "differs"], rows)
