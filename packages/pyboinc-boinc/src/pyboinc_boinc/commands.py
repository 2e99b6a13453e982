"""``pyboinc setup``, ``pyboinc doctor`` and ``pyboinc sign``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import click

from pyboinc.cli import voice
from pyboinc.ports import SystemClock
from pyboinc.wasm import runtime as runtimes

from . import extras, install, transaction
from . import interpreter as interpreters
from . import sign as signing
from .apps import HR_TYPES
from .appversion import PLATFORMS
from .appversion.tried import TRIED
from .choice import VALIDATORS, Wish
from .doctor import NOTE, SEVERITIES, Finding, examine
from .facts import PATIENCE, gather
from .project import Project, ProjectError, applied, diff, load, steps
from .setup import Plan, plan, wanted_apps
from .store import Store
from .wasm import Deterministic, code_for

_project_option = click.option(
    "-p", "--project_home", "folder", metavar="DIR", envvar="PYBOINC_DIR", help="The folder of the BOINC project [PYBOINC_DIR]."
)


@click.command()
@_project_option
@click.option("--app", metavar="NAME", help="The app to set up, made if it is not there [the first there is, or pyboinc].")
@click.option("--title", metavar="TEXT", help="What volunteers see as the app's name, if it is new.")
@click.option("--hr", type=click.Choice(HR_TYPES), help="Homogeneous redundancy: a job's results come from hosts that are alike.")
@click.option("--adaptive", type=int, metavar="N", help="Adaptive replication: N results until a host is trusted, then one; 0: no.")
@click.option("--validator", type=click.Choice([*VALIDATORS]), help="BOINC's bitwise one [boinc], or pyboinc-validator for any comparator.")
@click.option("--quorum", type=int, metavar="N", help="Results of a job that must agree, if its program does not say [2; adaptive: 1].")
@click.option("--unchecked/--checked", default=None, help="Let BOINC's validator believe sole results, whoever sends them; or no more.")
@click.option("--interpreter", multiple=True, metavar="PLATFORM=FILE", help="Ship this CPython, a folder or an archive; nothing: none.")
@click.option("--wrapper", multiple=True, metavar="PLATFORM=FILE", help="Start tasks by this file, BOINC's wrapper; nothing: directly.")
@click.option("--runtime", metavar="DIR", help="Offer the deterministic runtime of pyboinc build-runtime DIR, too; nothing: no more.")
@click.option("--engine", multiple=True, metavar="PLATFORM=FILE", help="Run it there by this file, wasmtime; nothing: not there.")
@click.option("--engine-wrapper", multiple=True, metavar="PLATFORM=FILE", help="BOINC's wrapper, which starts the engine there.")
@click.option("--sign-key", metavar="FILE", help="Volunteers run only what this key has signed; nothing: all programs.")
@click.option("--dry-run", is_flag=True, help="Show what would change, files as a diff, and change nothing.")
@voice.json_option
def setup(
    folder: str | None,
    app: str | None,
    title: str | None,
    hr: str | None,
    adaptive: int | None,
    validator: str | None,
    quorum: int | None,
    unchecked: bool | None,
    interpreter: tuple[str, ...],
    wrapper: tuple[str, ...],
    runtime: str | None,
    engine: tuple[str, ...],
    engine_wrapper: tuple[str, ...],
    sign_key: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make a BOINC project one that runs PyBOINC's jobs.

    It adds the app, its app version and its daemons, a user to whom the batches belong, and PyBOINC's tables, and says what it
    changed. Run it as the project's owner; again after each upgrade of PyBOINC: it changes only what it must. A backup is left
    beside each file that it writes, and if anything fails the project is as it was.

    What --interpreter, --wrapper, --sign-key, --runtime, --engine and --engine-wrapper have added stays until they take it
    away (PLATFORM= or "" without a file). The platforms are those of BOINC: x86_64-pc-linux-gnu, aarch64-unknown-linux-gnu,
    windows_x86_64, x86_64-apple-darwin, arm64-apple-darwin. The key is a private one, or a public one if the private one is
    not to come near the server. The deterministic runtime gets an app version beside the native one, for the platforms with
    an engine.

    Exit status: 0 if the project is set up; 2 if it could not be, or there is no project.
    """
    if not folder:
        raise ProjectError("name the folder of the project:  pyboinc setup -p DIR")
    disk = transaction.ProjectDisk()
    folder = os.path.realpath(folder)
    recovered = not dry_run and transaction.recover(disk, folder)
    project = load(disk, folder)
    store = Store(project, SystemClock(), PATIENCE)
    try:
        apps = wanted_apps(project.config, app, title, hr, adaptive, Wish(validator, quorum, unchecked))
        more = extras.added(extras.load(folder), _packed(interpreter), _by_platform(wrapper, "--wrapper", _content))
        deterministic = _deterministic(extras.load_deterministic(folder), runtime, engine, engine_wrapper)
        modulus = extras.modulus(folder) if sign_key is None else signing.read_modulus(sign_key) if sign_key else 0
        todo = plan(project, install.gather(project, store), install.wanted(apps, more, modulus, deterministic))
        keep = partial(extras.save, folder, more, modulus, deterministic)
        done = install.install(project, todo, store, disk, keep) if todo and not dry_run else None
        if not todo and not dry_run:
            keep()
    finally:
        store.close()
    if as_json:
        answer: dict[str, Any] = {"project": folder, "apps": [each.name for each in apps], "changes": todo.lines, "reasons": todo.reasons}
        answer |= {"changed": done is not None, "backups": done.backups if done else []}
        if dry_run:
            answer["diff"] = diff(project, applied(project, todo.changes))
        voice.answer_json(answer)
        return
    if recovered:
        click.echo("A change that was not finished is undone.\n")
    for line in todo.lines:
        click.echo(voice.line(line))
    for line in todo.reasons:
        click.echo(voice.line(line))
    if dry_run and todo:
        click.echo()
        click.echo(diff(project, applied(project, todo.changes)), nl=False)
    if done:
        _show_done(project, todo, done)
    if not todo:
        click.echo(f"Nothing to change: {folder}")


def _by_platform(given: Sequence[str], option: str, read: Callable[[str, str], bytes]) -> dict[str, bytes]:
    """What PLATFORM=FILE options name; nothing for a platform without a file. Raises ProjectError."""
    found = {}
    for each in given:
        platform, equals, path = each.partition("=")
        if not equals or platform not in PLATFORMS:
            raise ProjectError(f"{option} {each}: write PLATFORM=FILE, with a platform of {', '.join(PLATFORMS)}")
        found[platform] = read(path, platform) if path else b""
    return found


def _packed(given: Sequence[str]) -> dict[str, bytes]:
    return _by_platform(given, "--interpreter", interpreters.pack)


def _deterministic(there: Deterministic, runtime: str | None, engine: Sequence[str], wrapper: Sequence[str]) -> Deterministic:
    """With what the options change."""
    if runtime is None and not engine and not wrapper:
        return there
    given = _by_platform(engine, "--engine", lambda path, name: interpreters.stripped(_content(path, name)))
    engines = extras.merged(there.engines, given)
    wrappers = extras.merged(there.wrappers, _by_platform(wrapper, "--engine-wrapper", _content))
    if runtime and not engines:
        raise ProjectError("--runtime also needs --engine PLATFORM=FILE and --engine-wrapper PLATFORM=FILE, for each platform")
    if runtime == "" or not engines:
        return Deterministic("", {}, engines, wrappers)
    if runtime is None and any(given.values()):
        raise ProjectError("--engine needs the runtime that it is to run, too: --runtime DIR, the folder of pyboinc build-runtime")
    sha256, code = there.sha256, {name: each for name, each in there.code.items() if name in engines}
    if runtime:
        found = runtimes.find(runtime)
        if found is None:
            raise ProjectError(f"--runtime {runtime}: there is none. Build it:  pyboinc build-runtime {runtime} --engine FILE")
        sha256 = found.sha256
        code = {name: code_for(found.folder, sha256, name, each) for name, each in engines.items()}
    if lone := [f"--engine-wrapper {name}=FILE" for name in code if name not in wrappers]:
        raise ProjectError(f"the deterministic runtime also needs {', '.join(lone)}")
    return Deterministic(sha256, code, engines, wrappers)


def _content(path: str, _platform: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ProjectError(f"{path}: {error.strerror}") from None


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--key", required=True, metavar="FILE", help="The private key, a PEM file without a password.")
@click.option("--new-key", is_flag=True, help="Make the key: FILE, and FILE.pub for pyboinc setup --sign-key. Takes some seconds.")
@click.option("--project", "url", metavar="URL", help="The project's URL, as its config.xml has it (master_url).")
@click.option("--app", metavar="NAME", help="The app whose volunteers shall run the programs.")
def sign(files: tuple[str, ...], key: str, new_key: bool, url: str | None, app: str | None) -> None:
    """Sign programs, in place, for the volunteers of one app of one project.

    A FILE is what pyboinc bundle makes, or what a master that waits for a signature has left. No server is needed here.

    Exit status: 0 if they are signed; 2 if not.
    """
    if new_key:
        signing.make_key(key)
        click.echo(f"{key}: keep it secret. {key}.pub: for  pyboinc setup --sign-key {key}.pub  on the server")
    if files and not (url and app):
        raise ProjectError("what is signed is signed for one app of one project: add --project URL --app NAME")
    for path in files:
        signing.sign_file(path, signing.read_key(key), url or "", app or "")
        click.echo(f"signed: {path}")
    if not files and not new_key:
        raise ProjectError("name the files to sign, or --new-key")


def _show_done(project: Project, todo: Plan, done: install.Done) -> None:
    for backup in done.backups:
        click.echo(f"backup  {voice.line(backup)}")
    click.echo()
    if todo.user:
        click.echo(f"Batches belong to user {done.user}. To abort one on the web pages log in with its account key: {done.authenticator}")
    if todo.new_daemons or todo.changed_daemons:
        stop = f"{project.path('bin/stop')}, wait for the daemons to end, then " if todo.changed_daemons else ""
        click.echo(f"To start the daemons:  {stop}{project.path('bin/start')}")
    click.echo(f"What else the project needs:  pyboinc doctor -p {project.folder}")


@click.command()
@_project_option
@click.option("--fix", is_flag=True, help="Mend what can be mended here, all of it or nothing.")
@click.option("--dry-run", is_flag=True, help="With --fix: show what it would change, as a diff, and change nothing.")
@voice.json_option
def doctor(folder: str | None, fix: bool, dry_run: bool, as_json: bool) -> None:
    """Find what makes a BOINC project slow, wrong or unsafe, and say why and how to mend it.

    It looks at config.xml and project.xml, at permissions, pid files, daemons and the web server of this computer, and whether the
    database has what PyBOINC needs. Run it on the project's server, with --fix as the project's owner. --fix leaves a backup
    beside each file that it writes.

    It also names the platforms of volunteers on which nobody has tried PyBOINC yet.

    Exit status: 0 if all is well, whatever is noted; 1 if something is left to mend; 2 if there is no project, or nothing could be changed.
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
        raise SystemExit(voice.FAILED if _faults(findings) else 0)
    backups: list[str] = []
    left = findings
    if fix and not dry_run:
        backups = transaction.commit(disk, project.folder, steps(project, then))
        left = examine(gather(project.folder))
    mended = [finding for finding in fixable if finding.what not in {each.what for each in left}]
    if as_json:
        rows = [_row(each, each in mended) for each in findings]
        rows += [_row(each, False) for each in left if each.what not in {row["what"] for row in rows}]
        platforms = {platform: {"verified": each.verified, "how": each.how} for platform, each in TRIED.items()}
        answer: dict[str, Any] = {"project": project.folder, "findings": rows, "backups": backups, "platforms": platforms}
        if dry_run:
            answer["diff"] = diff(project, then)
        voice.answer_json(answer)
    else:
        if recovered:
            click.echo("A change that was not finished is undone.\n")
        _show(project.folder, left, mended, backups)
        click.echo()
        for platform, tried in TRIED.items():
            if not tried.verified:
                click.echo(f"{platform} is {tried}")
    if _faults(left):
        raise SystemExit(voice.FAILED)


def _faults(found: list[Finding]) -> list[Finding]:
    return [each for each in found if each.severity != NOTE]


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
    if _faults(left):
        counts = [f"{count} {each}" for each in SEVERITIES if (count := sum(finding.severity == each for finding in left))]
        voice.heading(f"{', '.join(counts)}: {folder}")
    else:
        click.echo(f"All is well{' now' if mended else ''}: {folder}")
    for finding in left:
        click.echo()
        click.echo(f"{click.style(finding.severity, bold=True)}  {voice.line(finding.what)}")
        click.echo(f"    why   {voice.line(finding.why)}")
        click.echo(f"    mend  {voice.line(finding.mend)}")
    if any(finding.can_fix for finding in left):
        few = " this" if all(finding.can_fix for finding in left) else " what it can of this"
        click.echo(f"\nTo mend{few}:  pyboinc doctor -p {folder} --fix")
