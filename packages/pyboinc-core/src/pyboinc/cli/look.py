"""``pyboinc status`` and ``pyboinc errors``: they read, and disturb nobody."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timezone
from typing import Any

import click

from .. import display
from ..batchdir import BatchError
from ..errors import JobError, SlaveError
from ..model import ResultSummary
from ..overview import Counts, Failure, groups
from . import voice
from .folder import STATES, head, open_folder
from .watch import watch

SHOWN_POSITIONS = 12


@click.command()
@voice.folder_argument
@click.option("--watch", "watched", is_flag=True, help="Stay, and show it again every second until the batch ends; ^C leaves.")
@voice.json_option
def status(folder: str, watched: bool, as_json: bool) -> None:
    """Show how far the batch in DIR is.

    DIR is the folder of the master, or what --batch named; the current one if it is left out. A master may be running.

    Exit status: 0; 2 if there is no batch or it can't be read.
    """
    there = open_folder(folder)
    if watched:
        if as_json or not sys.stdout.isatty():
            raise BatchError("--watch needs a terminal: leave it out, or leave out --json and pipes")
        watch(folder)
        return
    has_master = there.has_master()
    found = there.overview()
    changed = there.changed()
    if as_json:
        voice.answer_json(
            head(there)
            | {
                "backend": there.checkpoint.backend,
                "project": there.checkpoint.project,
                "master_running": has_master,
                "changed": _utc(changed),
                "calls": _counts(found.calls),
                "left": found.left,
                "slaves": [{"slave": slave} | _counts(counts) for slave, counts in found.slaves.items()],
            }
        )
        return
    voice.heading(str(there))
    click.echo(f"backend   {' '.join(filter(None, (there.checkpoint.backend, there.checkpoint.project)))}")
    click.echo(f"state     {STATES[there.state()]}")
    if changed is not None:
        click.echo(f"changed   {datetime.fromtimestamp(changed).strftime('%Y-%m-%d %H:%M:%S')}, {_ago(time.time() - changed)}")
    click.echo()
    rows = [[voice.line(slave), *_columns(counts)] for slave, counts in found.slaves.items()]
    if len(rows) != 1:
        rows.append(["all", *_columns(found.calls)])
    voice.table(["calls of", "made", "handled", "arrived", "in progress", "failed"], rows)
    if found.left:
        click.echo(f"\n{voice.calls(len(found.left))} of earlier runs that the last one did not make: {_positions(found.left)}")
    if found.failed:
        click.echo(f"\nWhat failed:  pyboinc errors {_typed(folder)}".rstrip())


@click.command()
@voice.folder_argument
@voice.json_option
def errors(folder: str, as_json: bool) -> None:
    """Show the calls that failed.

    They are grouped by traceback, with one example each, and what its slave printed. DIR is the folder of the master, or
    what --batch named; the current one if it is left out. A master may be running.

    Exit status: 0 if no call failed; 1 if some did; 2 if there is no batch or it can't be read.
    """
    there = open_folder(folder)
    found = there.overview(details=True)
    grouped = groups(found.failures)
    if as_json:
        outvoted = [{"host": host, "positions": positions} for host, positions in found.outvoted.items()]
        voice.answer_json(head(there) | {"failed": len(found.failed), "groups": [_group(group) for group in grouped], "outvoted": outvoted})
    elif not grouped:
        done = voice.number(found.calls.handled + found.calls.arrived)
        click.echo(f"no call failed: {there}, {done} of {voice.calls(found.calls.made)} done")
        _show_outvoted(found.outvoted)
    else:
        ways = f", in {len(grouped)} ways" if len(grouped) > 1 else ""
        voice.heading(f"{voice.number(len(found.failed))} of {voice.calls(found.calls.made)} failed{ways}: {there}")
        for group in grouped:
            _show(group)
        _show_outvoted(found.outvoted)
        if there.checkpoint.state not in ("cancelled", "retired"):
            click.echo(f"\nTo run them again:  pyboinc rerun --failed {_typed(folder)}".rstrip())
    if grouped:
        raise SystemExit(voice.FAILED)


def _show_outvoted(outvoted: dict[str, list[str]]) -> None:
    """Wrong results that did no harm: the quorum chose others."""
    if not outvoted:
        return
    click.echo()
    voice.heading("results that were found wrong and outvoted")
    for host, positions in outvoted.items():
        shown = _positions(positions)
        click.echo(f"    {voice.line(host)}: {voice.number(len(positions))}, of {'the call' if len(positions) == 1 else 'calls'} {shown}")


def _positions(positions: list[str]) -> str:
    return ", ".join(positions[:SHOWN_POSITIONS]) + (", …" if len(positions) > SHOWN_POSITIONS else "")


def _typed(folder: str) -> str:
    return "" if folder == "." else folder


def _counts(counts: Counts) -> dict[str, int]:
    return {
        "made": counts.made,
        "handled": counts.handled,
        "arrived": counts.arrived,
        "in_progress": counts.in_progress,
        "failed": counts.failed,
    }


def _columns(counts: Counts) -> list[str]:
    return [voice.number(each) for each in _counts(counts).values()]


def _utc(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")


def _ago(seconds: float) -> str:
    """
    >>> _ago(3), _ago(400), _ago(90000)
    ('3 seconds ago', '6 minutes ago', '25 hours ago')
    """
    for unit, size in (("days", 172800), ("hours", 7200), ("minutes", 120)):
        if seconds >= size:
            return f"{int(seconds / {'days': 86400, 'hours': 3600, 'minutes': 60}[unit])} {unit} ago"
    return f"{max(0, int(seconds))} seconds ago"


def _group(group: list[Failure]) -> dict[str, Any]:
    example = group[0]
    error = example.error
    results = error.results if isinstance(error, JobError) else ()
    return {
        "slave": example.slave,
        "error": type(error).__name__,
        "type": error.type_name if isinstance(error, SlaveError) else None,
        "message": error.message if isinstance(error, SlaveError) else str(error),
        "count": len(group),
        "positions": [each.position for each in group],
        "example": {
            "position": example.position,
            "call": example.description,
            "traceback": error.traceback if isinstance(error, SlaveError) else "",
            "stdout": example.stdout,
            "stderr": example.stderr,
            "results": [
                {"host": each.host, "outcome": each.outcome, "exit_status": each.exit_status, "stderr": each.stderr}
                for each in results
                if isinstance(each, ResultSummary)
            ],
        },
    }


def _show(group: list[Failure]) -> None:
    example = group[0]
    click.echo()
    voice.heading(f"{voice.calls(len(group))} of {voice.line(example.slave)}: {voice.line(str(example.error))}")
    if len(group) > 1:
        click.echo(f"    at {_positions([each.position for each in group])}")
    click.echo(f"    {'for example ' if len(group) > 1 else ''}call {example.position}: {voice.line(example.description)}")
    for each in display.details(example.error, example.stdout, example.stderr):
        click.echo(each)
