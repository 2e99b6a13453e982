"""The command ``pyboinc check``."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import click

from pyboinc import display
from pyboinc.cli import voice
from pyboinc.cli.program import check_script
from pyboinc.errors import PyBoincError
from pyboinc.ports import SystemClock

from ..fleet import schema
from ..options import LocalOptions

AGREE, DISAGREE = 0, 1


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--sample", metavar="N", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many of its calls to run.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.option("--report", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write a page (HTML) with plots.")
@click.option("--fleet", metavar="NAME", default="volunteers", show_default=True, help="Who volunteers: see pyboinc fleets.")
@click.option("--workers", metavar="N", type=click.IntRange(1), help="Processes that run slaves; one for each core if not given.")
@click.argument("script", metavar="APP_MASTER.PY")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def check(
    script: str, arguments: tuple[str, ...], sample: int, as_json: bool, report: Path | None, fleet: str, workers: int | None
) -> None:
    """Which operation makes honest computers disagree?

    Runs a sample of the program's calls, in a temporary folder, as Windows, macOS and Linux computers would compute them; says
    whether the outputs agree bit for bit, which operation of the slave is the first that does not, and what each cure would do.
    The program's own arguments come after the script.

    Exit status: 0 if all agree, 1 if not, 2 if the program can't be checked.
    """
    from . import analysis, page  # much to import
    from .report import tell

    check_script(script)
    volunteers = schema.load(fleet, os.getcwd())
    if report is not None and not report.parent.is_dir():
        raise PyBoincError(f"there is no folder {report.parent}")
    with tempfile.TemporaryDirectory(prefix="pyboinc_check_") as folder, voice.stdout_to_stderr():
        count = LocalOptions(workers=workers).workers_wanted
        found = analysis.check(script, arguments, sample, volunteers, count, folder, SystemClock(), _Progress())
    if report is not None:
        report.write_text(page.page(found), "utf-8")
    click.echo(json.dumps(found.as_json(), indent=2) if as_json else tell(found))
    if report is not None:
        display.say(f"the report is in {report}")
    raise SystemExit(AGREE if found.agree else DISAGREE)


class _Progress:
    """A line on stderr, if it is a terminal."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._last = ""

    def __call__(self, what: str, done: int, of: int) -> None:
        line = f"{what}: {done} of {of}"
        if self._shown and line != self._last:
            self._last = line
            click.echo(f"\r{line:<60}\r", nl=False, err=True)
