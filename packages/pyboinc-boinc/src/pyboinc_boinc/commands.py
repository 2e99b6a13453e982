"""``pyboinc doctor``."""

from __future__ import annotations

from typing import Any

import click

from pyboinc.cli import voice

from . import transaction
from .doctor import SEVERITIES, Finding, examine
from .facts import gather
from .project import ProjectError, applied, diff, steps


@click.command()
@click.option("-p", "--project_home", "folder", metavar="DIR", envvar="PYBOINC_DIR", help="The folder of the BOINC project [PYBOINC_DIR].")
@click.option("--fix", is_flag=True, help="Mend what can be mended here, all of it or nothing.")
@click.option("--dry-run", is_flag=True, help="With --fix: show what it would change, as a diff, and change nothing.")
@voice.json_option
def doctor(folder: str | None, fix: bool, dry_run: bool, as_json: bool) -> None:
    """Find what makes a BOINC project slow, wrong or unsafe, and say why and how to mend it.

    It looks at config.xml and project.xml, at permissions, pid files, daemons and the web server of this computer; not at the
    database. Run it on the project's server, with --fix as the project's owner. --fix leaves a backup beside each file that
    it writes.

    Exit status: 0 if all is well; 1 if something is left to mend; 2 if there is no project, or nothing could be changed.
    """
    if not folder:
        raise ProjectError("name the folder of the project:  pyboinc doctor -p DIR")
    if dry_run and not fix:
        raise ProjectError("--dry-run shows what --fix would do: give both")
    facts = gather(folder)
    project = facts.project
    disk = transaction.ProjectDisk()
    recovered = fix and not dry_run and transaction.recover(disk, project.folder)
    if recovered:
        facts = gather(folder)
        project = facts.project
    findings = examine(facts)
    fixable = [finding for finding in findings if finding.can_fix]
    then = applied(project, [change for finding in fixable for change in finding.changes])
    if dry_run and not as_json:
        click.echo(diff(project, then), nl=False)
        raise SystemExit(voice.FAILED if findings else 0)
    backups: list[str] = []
    left = findings
    if fix and not dry_run:
        backups = transaction.commit(disk, project.folder, steps(project, then))
        left = examine(gather(project.folder))
    mended = [finding for finding in fixable if finding.what not in {each.what for each in left}]
    if as_json:
        rows = [_row(each, each in mended) for each in findings]
        rows += [_row(each, False) for each in left if each.what not in {row["what"] for row in rows}]
        answer: dict[str, Any] = {"project": project.folder, "findings": rows, "backups": backups}
        if dry_run:
            answer["diff"] = diff(project, then)
        voice.answer_json(answer)
    else:
        if recovered:
            click.echo("A change that was not finished is undone.\n")
        _show(project.folder, left, mended, backups)
    if left:
        raise SystemExit(voice.FAILED)


def _row(finding: Finding, fixed: bool) -> dict[str, Any]:
    return {
        "name": finding.name,
        "severity": finding.severity,
        "what": finding.what,
        "why": finding.why,
        "mend": finding.mend,
        "can_fix": finding.can_fix,
        "changes": [str(change) for change in finding.changes],
        "fixed": fixed,
    }


def _show(folder: str, left: list[Finding], mended: list[Finding], backups: list[str]) -> None:
    for finding in mended:
        for change in finding.changes:
            click.echo(f"mended  {voice.line(str(change))}")
    for backup in backups:
        click.echo(f"backup  {voice.line(backup)}")
    if mended:
        click.echo()
    if not left:
        click.echo(f"All is well{' now' if mended else ''}: {folder}")
        return
    counts = [f"{count} {each}" for each in SEVERITIES if (count := sum(finding.severity == each for finding in left))]
    voice.heading(f"{', '.join(counts)}: {folder}")
    for finding in left:
        click.echo()
        click.echo(f"{click.style(finding.severity, bold=True)}  {voice.line(finding.what)}")
        click.echo(f"    why   {voice.line(finding.why)}")
        click.echo(f"    mend  {voice.line(finding.mend)}")
    if any(finding.can_fix for finding in left):
        few = " this" if all(finding.can_fix for finding in left) else " what it can of this"
        click.echo(f"\nTo mend{few}:  pyboinc doctor -p {folder} --fix")
