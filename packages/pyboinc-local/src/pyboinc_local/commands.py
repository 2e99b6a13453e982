"""``pyboinc simulate`` and ``pyboinc estimate``: what a fleet of volunteers would do to a program."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from typing import Any, TypeVar

import click

from pyboinc import settings
from pyboinc.cli import voice
from pyboinc.cli.program import check_script, execute
from pyboinc.display import say
from pyboinc.errors import PyBoincError
from pyboinc.model import Batch
from pyboinc_validator.comparators import Comparator

from . import plugin
from .fleet import estimate as estimating
from .fleet import report, schema, tell
from .fleet.hosts import scaled
from .fleet.study import trials
from .options import LocalOptions
from .plugin import Mode
from .simulated import Sampling, Simulated

F = TypeVar("F", bound=Callable[..., Any])


def _program(command: F) -> F:
    """Script, its own arguments, and what says who the volunteers are."""
    for decorate in (
        click.argument("arguments", nargs=-1, type=click.UNPROCESSED),
        click.argument("script", metavar="app_master.py"),
        click.option("--fleet", required=True, metavar="NAME", help="A fleet file, or one that comes with PyBOINC: see pyboinc fleets."),
        click.option("--hosts", type=click.IntRange(min=1), metavar="N", help="As many hosts, in the same mix."),
        click.option("--quorum", type=int, metavar="N", help="Results that must agree, instead of what the program says."),
        click.option("--seed", type=click.IntRange(min=0), default=0, metavar="N", help="Of all that is drawn: one seed, one course."),
    ):
        command = decorate(command)
    return command


@click.command(context_settings={"ignore_unknown_options": True})
@_program
@click.option("--log", metavar="FILE", help="Write each change of a workunit, result or host, as a line of JSON.")
@click.option("--report", "page", metavar="FILE.html", help="Write a page with plots.")
@click.option("--no-trials", is_flag=True, help="Do not try other settings.")
@voice.json_option
def simulate(
    script: str,
    arguments: tuple[str, ...],
    fleet: str,
    hosts: int | None,
    quorum: int | None,
    seed: int,
    log: str | None,
    page: str | None,
    no_trials: bool,
    as_json: bool,
) -> None:
    """Run a program on a fleet of simulated volunteers.

    The slaves run for real, each with the arithmetic of its host; when hosts compute, report, fail and lie is simulated, in
    virtual time, by the rules of BOINC's server. The program prints its answer; then comes what the fleet did to it, and
    which settings would do better. The batch is in a temporary folder: nothing is left beside the program.

    ARGUMENTS are the program's own. Exit status: the program's.
    """
    _refuse_what_cant_be_written(page, log)
    with tempfile.TemporaryDirectory(prefix="pyboinc-") as folder, contextlib.ExitStack() as stack:
        played: list[Simulated] = []

        def make(batch: Batch, options: LocalOptions, comparator: Comparator) -> Simulated:
            played.append(Simulated(batch, options, comparator, kept=True))
            stack.callback(played[-1].close)
            return played[-1]

        given = {**_given(fleet, hosts, seed), ("local", "event_log"): os.path.abspath(log) if log else None}
        status = _run(script, arguments, folder, quorum, given, as_json, make)
        if not played:
            raise SystemExit(status or _nothing_ran(script))
        if status == voice.REFUSED or not played[-1].finished:
            raise SystemExit(status or voice.FAILED)
        study = played[-1].study
        tried = [] if no_trials else trials(study)
    shown = schema.load(fleet, os.getcwd())
    told = tell.Told(scaled(shown, hosts) if hosts else shown, study, tried)
    if page:
        with open(page, "w", encoding="utf-8", newline="\n") as file:
            file.write(report.page(told))
    if as_json:
        voice.answer_json(told.json())
    else:
        for line in told.lines():
            click.echo(line)
        if page:
            say(f"the report is in {page}")
    raise SystemExit(status)


@click.command(context_settings={"ignore_unknown_options": True})
@_program
@click.option("--sample", type=click.IntRange(min=1), default=20, metavar="N", help="Jobs to run for their time (20).")
@click.option("--seeds", type=click.IntRange(min=2, max=1000), default=9, metavar="N", help="Simulations, for the uncertainty (9).")
@click.option("--speed", type=float, default=estimating.THIS_COMPUTER, metavar="X", help="Of this computer, as fleets give it (4.0).")
@voice.json_option
def estimate(
    script: str,
    arguments: tuple[str, ...],
    fleet: str,
    hosts: int | None,
    quorum: int | None,
    seed: int,
    sample: int,
    seeds: int,
    speed: float,
    as_json: bool,
) -> None:
    """Say when a program would be done on a fleet, and how many volunteers it takes to be done in a week.

    Runs a sample of the program's jobs on this computer for their time, and then simulates all of them with such times,
    several times. Calls that handlers make are not known without results, so they are left out.
    """
    if not speed > 0:
        raise PyBoincError(f"--speed {speed:g}: must be more than 0")
    made: list[Sampling] = []

    def make(batch: Batch, options: LocalOptions, comparator: Comparator) -> Sampling:
        made.append(Sampling(batch, options, comparator, sample))
        return made[-1]

    with tempfile.TemporaryDirectory(prefix="pyboinc-") as folder:
        given = {**_given(fleet, hosts, seed), ("local", "event_log"): None}
        status = _run(script, arguments, folder, quorum, given, as_json, make)
    taken = made[-1].sample if made else None
    if taken is None:
        raise SystemExit(status or _nothing_ran(script))
    found = estimating.estimate(taken, schema.load(fleet, os.getcwd()), hosts, seed, seeds, speed)
    if as_json:
        voice.answer_json(found.json())
    else:
        for line in found.lines():
            click.echo(line)


@click.command()
def fleets() -> None:
    """List the fleets that come with PyBOINC."""
    rows = []
    for name in schema.ready():
        fleet = schema.load(name)
        rows.append([name, voice.number(fleet.number), fleet.description])
    voice.table(["name", "hosts", ""], rows)


def _given(fleet: str, hosts: int | None, seed: int) -> dict[tuple[str, str], Any]:
    """What goes on top of the program's pyboinc.toml. Raises SettingsError: what is wrong with a fleet is told before anything runs."""
    schema.load(fleet, os.getcwd())
    known = fleet in schema.ready()
    return {
        ("", "durability"): "kill",
        ("local", "fleet"): fleet if known else os.path.abspath(fleet),
        ("local", "hosts"): hosts,
        ("local", "seed"): seed,
        ("local", "slave"): None,
    }


def _run(
    script: str,
    arguments: tuple[str, ...],
    folder: str,
    quorum: int | None,
    given: dict[tuple[str, str], Any],
    as_json: bool,
    make: Callable[[Batch, LocalOptions, Comparator], Mode],
) -> int:
    """Run the program in this process, and keep its study; its exit status."""
    check_script(script)
    own = ["-i", "local", "--batch", folder, "--quiet"]
    settings.taken = own if quorum is None else [*own, "--quorum", str(quorum)]
    settings.on_top.update(given)
    settings.scratch = folder
    plugin.make_mode = make
    try:
        with voice.stdout_to_stderr() if as_json else contextlib.nullcontext():
            execute(script, arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else voice.FAILED if stop.code else 0
    finally:
        settings.taken = settings.scratch = plugin.make_mode = None
        settings.on_top.clear()
    return 0


def _nothing_ran(script: str) -> int:
    raise PyBoincError(f"{script} has ended without a batch: it has to call pyboinc_master, on the local project")


def _refuse_what_cant_be_written(*paths: str | None) -> None:
    """Before anything runs."""
    for path in paths:
        folder = os.path.dirname(os.path.abspath(path)) if path else ""
        if path and (not os.path.isdir(folder) or os.path.isdir(path)):
            raise PyBoincError(f"{path}: {'is a folder' if os.path.isdir(path) else f'there is no folder {folder}'}")
