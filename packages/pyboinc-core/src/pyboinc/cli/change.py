"""``pyboinc cancel``, ``retire`` and ``rerun``: they change the batch, under its lock."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import click

from ..batchdir import BatchError
from ..decisions import Entry, told
from . import voice
from .folder import Folder, head, hold, hooks_of, open_folder

PATIENCE = 10.0  # seconds for a master to notice that it is to end
TRY_EVERY = 0.1


@click.command()
@voice.folder_argument
@voice.json_option
def cancel(folder: str, as_json: bool) -> None:
    """Cancel the batch in DIR.

    Its jobs end, and a master that runs ends too; the results that came are kept. DIR is the folder of the master, or what
    --batch named; the current one if it is left out. A cancelled batch can't go on; only --fresh starts anew there.

    Exit status: 0 if it is cancelled; 1 if a master runs that has not ended yet, but was told to; 2 if it is refused.
    """
    there = open_folder(folder)
    there = cancel_batch(there)
    if as_json:
        voice.answer_json(head(there))
    elif there.checkpoint.state == "cancelled":
        click.echo(f"cancelled: {there}")
    else:
        click.echo(
            f"a master is running for {there}. It is told to end, and does as soon as its handler or make_calls comes back to PyBOINC.\n"
            "To have it at once, stop that process and cancel again."
        )
    if there.checkpoint.state == "running":
        raise SystemExit(voice.FAILED)


def cancel_batch(there: Folder) -> Folder:
    """The folder as it is after that: still running if its master has not ended yet. Raises BatchError if there is nothing to cancel."""
    if there.checkpoint.state == "running":
        there = _cancel(there)
    if there.checkpoint.state in ("finished", "retired"):
        raise BatchError(f"{there} is {there.checkpoint.state}: nothing is left to cancel")
    return there


def _cancel(there: Folder) -> Folder:
    """Whoever has the lock cancels: the master if one runs, else this process."""
    hooks = hooks_of(there)
    there.directory.ask_to_cancel(there.checkpoint)
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with hold(there) as held:
                try:
                    if held.checkpoint.state == "running":
                        hooks.pyboinc_cancel_batch(batch=held.batch())
                        held = _set_state(held, "cancelled")
                finally:
                    held.directory.forget_to_cancel()
                return held
        except BatchError:
            if not there.has_master():
                raise
        if time.monotonic() > end:
            return there
        time.sleep(TRY_EVERY)


@click.command()
@voice.folder_argument
@voice.json_option
def retire(folder: str, as_json: bool) -> None:
    """Retire the batch in DIR.

    It must be finished or cancelled; the project keeps nothing for it any longer, and the results in DIR stay readable. DIR
    is the folder of the master, or what --batch named; the current one if it is left out. A retired batch can't go on; only
    --fresh starts anew there.

    Exit status: 0 if it is retired; 2 if it is refused.
    """
    there = retire_batch(open_folder(folder))
    if as_json:
        voice.answer_json(head(there))
    else:
        click.echo(f"retired: {there}")


def retire_batch(there: Folder) -> Folder:
    """The folder as it is after that. Raises BatchError if it is not at its end."""
    if there.checkpoint.state != "retired":
        hooks = hooks_of(there)
        with hold(there) as there:
            if there.checkpoint.state == "running":
                raise BatchError(f"{there} is not finished: start its master again to finish it, or end it by pyboinc cancel")
            if there.checkpoint.state != "retired":
                hooks.pyboinc_retire_batch(batch=there.batch())
                there = _set_state(there, "retired")
    return there


@click.command()
@voice.folder_argument
@click.argument("positions", nargs=-1, metavar="[POSITION]...")
@click.option("--failed", is_flag=True, help="All calls that failed.")
@voice.json_option
def rerun(folder: str, positions: tuple[str, ...], failed: bool, as_json: bool) -> None:
    """Have calls run again.

    All that failed, or those at the positions that pyboinc errors shows. DIR is the folder of the master, or what --batch
    named; the current one if it is left out. The calls run when the master is started again; calls that were made while their results were
    handled are made anew. The result files of the earlier attempts stay.

    Exit status: 0; 2 if it is refused.
    """
    if failed == bool(positions):
        raise BatchError("name what is to run again: pyboinc rerun --failed [DIR], or pyboinc rerun DIR POSITION...")
    if positions and not os.path.isdir(folder):
        raise BatchError(f"{folder} is not a folder. Its name comes first:  pyboinc rerun DIR POSITION...")
    with hold(open_folder(folder)) as there:
        if there.checkpoint.state in ("cancelled", "retired"):
            raise BatchError(f"{there} is {there.checkpoint.state}: none of its calls can run again. --fresh starts anew")
        journal = there.directory.journal(list)
        all_failed = there.overview().failed
        again = _chosen(all_failed if failed else list(positions), journal, all_failed, there)
        dropped = 0
        if again:
            entry: Entry = ["rerun", again]
            dropped = _number_of_calls(journal) - _number_of_calls([*journal, entry])
            there.directory.write_journal([entry])
            there = _set_state(there, "running")
    if as_json:
        voice.answer_json(head(there) | {"rerun": again, "dropped": dropped})
    elif again:
        followers = f" {voice.calls(dropped)} that their handlers made will be made anew." if dropped else ""
        click.echo(f"{voice.calls(len(again))} will run again when the master is started: {there}.{followers}")
    else:
        click.echo(f"no call failed: {there}")


def _chosen(positions: list[str], journal: list[Entry], failed: list[str], there: Folder) -> list[str]:
    """These, and the calls that share their jobs. Raises BatchError if one is unknown or has no result yet."""
    job_of = {position: job for job in told(journal)[0] for position in job.positions}
    for position in positions:
        if position not in job_of:
            raise BatchError(f"no call is at position {position!r}: {there}. Positions are those that pyboinc errors shows")
        if job_of[position].handled is None and position not in failed:
            raise BatchError(f"call {position} is not handled yet, so it can't run again: {there}")
    return list(dict.fromkeys(each for position in positions for each in job_of[position].positions))


def _number_of_calls(journal: list[Entry]) -> int:
    return sum(len(job.positions) for job in told(journal)[0])


def _set_state(there: Folder, state: str) -> Folder:
    """Only under the lock."""
    changed = replace(there.checkpoint, state=state)
    if changed != there.checkpoint:
        there.directory.write_checkpoint(changed)
    return replace(there, checkpoint=changed)
