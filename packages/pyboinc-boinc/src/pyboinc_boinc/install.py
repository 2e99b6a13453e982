"""Carries out setup's plan: the project's files, BOINC's own xadd and update_versions, rows; all of it or nothing."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from pyboinc.errors import StoreError

from . import appversion, transaction, versions
from .project import ASSIMILATOR, SUBMIT_USER, AddFiles, Change, Project, ProjectError, SetSetting, applied, steps
from .setup import Plan, Records, Wanted, WantedApp
from .store import Store
from .wasm import Deterministic

XADD, UPDATE_VERSIONS, SIGN = "bin/xadd", "bin/update_versions", "bin/sign_executable"
TIMEOUT = 600  # seconds, for one of BOINC's tools
CACHE = "html/cache"
REREAD = "reread_db"
SHOWN = 2000  # characters of what a tool printed


@dataclass(frozen=True)
class Done:
    """What was done. user (int): to whom batches belong.  authenticator: that user's key to the web pages."""

    backups: list[str]
    user: int
    authenticator: str


def gather(project: Project, store: Store) -> Records:
    """What plan() wants to know of database and disk. Raises StoreError."""
    admin = store.admin
    user = admin.may_submit(project.config.submit_user)
    tables = store.schema.pending()
    return Records(admin.apps(), admin.versions(), admin.platforms(), user, tables, _on_disk(project), admin.volunteers())


def wanted(
    apps: tuple[WantedApp, ...], extras: appversion.Extras | None = None, modulus: int = 0, deterministic: Deterministic | None = None
) -> Wanted:
    """These apps, with the files and scripts of the PyBOINC that runs, and what the admin adds to them."""
    wasm = deterministic.platforms() if deterministic else {}
    return Wanted(apps, scripts_folder(), appversion.platforms(extras), modulus, wasm)


def scripts_folder() -> str:
    """Where pip has put PyBOINC's daemons. Raises ProjectError if they are not there."""
    folder = sysconfig.get_path("scripts")
    if not os.access(os.path.join(folder, ASSIMILATOR), os.X_OK):
        raise ProjectError(f"{folder} has no {ASSIMILATOR}, the daemon that brings results home: install PyBOINC there with pip")
    return folder


def run_tool(folder: str, command: Sequence[str]) -> str:
    """Run one of BOINC's programs in the project's folder; what it printed. Raises ProjectError."""
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProjectError(f"{' '.join(command)}: {error}") from None
    text = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode:
        raise ProjectError(f"{' '.join(command)} ended with status {done.returncode} and said: {text[-SHOWN:]}")
    return text


def install(project: Project, plan: Plan, store: Store, files: transaction.ProjectFiles, keep: Callable[[], None]) -> Done:
    """Do it. Raises TransactionError, ProjectError or StoreError, and then the project is as it was.

    keep: the last deed, so that the next setup knows what the admin has added.
    """
    _check(project, plan)
    address = f"pyboinc@{urlsplit(project.config.master_url).hostname or project.config.host}"
    apps, newest, known_user = store.admin.apps(), store.admin.newest(), store.admin.user(address)
    new_downloads = _new_downloads(project, plan)
    user = project.config.submit_user

    def then() -> None:
        _in_database(project, plan, store)
        keep()

    try:
        changes: list[Change] = list(plan.changes)
        if plan.user:
            user = store.admin.add_submitter(address)
            said = project.config.text(SUBMIT_USER) if project.config.has(SUBMIT_USER) else None
            changes.append(SetSetting(SUBMIT_USER, said, str(user)))
        todo = steps(project, applied(project, changes))
        backups = transaction.commit(files, project.folder, todo, then)
    except BaseException:
        with contextlib.suppress(StoreError):  # the reason is the first error
            store.admin.remove_newer(newest)
            for app in apps:
                store.admin.set_app(app.name, app.hr, app.adaptive, app.min_version)
            if not known_user:
                store.admin.remove_submitter(store.admin.user(address))
        for path in new_downloads:
            with contextlib.suppress(OSError):
                os.remove(path)
        raise
    _clear_cache(project)
    return Done(backups, user, store.admin.authenticator(user))


def _check(project: Project, plan: Plan) -> None:
    """What would fail later fails now, in plain words."""
    tools = [*([XADD] if plan.xadd else []), *([UPDATE_VERSIONS, SIGN] if plan.version_folders else [])]
    for name in tools:
        if not os.access(project.path(name), os.X_OK):
            raise ProjectError(f"{project.path(name)} is not there, or you may not run it: it is BOINC's own, made by make_project")
    if plan.version_folders and plan.strangers:
        others = ", ".join(plan.strangers)
        text = f"{UPDATE_VERSIONS} would publish {others}, too, which nobody has yet. Run it yourself if you want that, or move it away"
        raise ProjectError(text)
    key = os.path.join(project.config.key_dir or project.path("keys"), "code_sign_private")
    if plan.version_folders and not os.access(key, os.R_OK):
        raise ProjectError(f"{key} can't be read: files of an app version are signed with it. If it is kept elsewhere, put it there")


def _in_database(project: Project, plan: Plan, store: Store) -> None:
    """Once the files are in place: what BOINC's tools make of them, what they don't know of, and PyBOINC's tables, which stay."""
    if plan.xadd:
        run_tool(project.folder, [XADD])
    for row in plan.rows:
        store.admin.set_app(row.name, row.hr, row.adaptive, row.min_version)
    if plan.version_folders:
        said = run_tool(project.folder, [UPDATE_VERSIONS, "--noconfirm"])
        there = {versions.folder(row.app, row.number, row.platform): row.signed for row in store.admin.versions()}
        for folder in plan.version_folders:  # whatever happens, it ends with status 0
            if folder not in there:
                raise ProjectError(f"{UPDATE_VERSIONS} did not add {folder}. It said: {said[-SHOWN:]}")
            if not there[folder]:
                raise ProjectError(f"{UPDATE_VERSIONS} did not sign {folder}: is the key code_sign_private whole, and not encrypted?")
    elif plan.xadd or plan.rows:
        with open(project.path(REREAD), "a"):  # the feeder looks at its time
            os.utime(project.path(REREAD))
    store.schema.migrate()


def _on_disk(project: Project) -> dict[str, frozenset[tuple[int, str]]]:
    found: dict[str, set[tuple[int, str]]] = {}
    for app, version, platform in _folders(project.path("apps")):
        parts = version.split(".")
        if all(part.isdecimal() for part in parts):
            number = int(parts[0]) if len(parts) == 1 else int(parts[0]) * 100 + int(parts[1])
            found.setdefault(app, set()).add((number, platform))
    return {app: frozenset(each) for app, each in found.items()}


def _folders(apps: str) -> Iterator[tuple[str, str, str]]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for app in os.listdir(apps):
            with contextlib.suppress(NotADirectoryError):
                for version in os.listdir(os.path.join(apps, app)):
                    with contextlib.suppress(NotADirectoryError):
                        for platform in os.listdir(os.path.join(apps, app, version)):
                            yield app, version, platform


def _new_downloads(project: Project, plan: Plan) -> list[str]:
    """What update_versions will copy into the download folder that is not there yet."""
    names = sorted({name for change in plan.changes if isinstance(change, AddFiles) for name, _, _ in change.files} - {versions.MANIFEST})
    folder = project.config.download_dir or project.path("download")
    paths = [os.path.join(folder, name + ending) for name in names for ending in ("", ".gz")]
    return [path for path in paths if not os.path.exists(path)]


def _clear_cache(project: Project) -> None:
    """The web pages and the scheduler's replies keep lists of platforms and apps there for hours."""
    for folder, _, names in os.walk(project.path(CACHE)):
        for name in names:
            with contextlib.suppress(OSError):  # the web server's own: they time out
                os.remove(os.path.join(folder, name))
