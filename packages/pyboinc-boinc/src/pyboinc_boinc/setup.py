"""What it takes to make a BOINC project one that runs PyBOINC's jobs. Pure: see install.py for the deeds.

The plan for a project that is set up is empty. What an admin has chosen stays: arguments of daemons, names of files,
settings that will do.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyboinc.slave.verify import Trust

from . import versions
from .apps import HR_TYPES, AppRow
from .appversion import TRUST_NAME, AppFile
from .choice import VALIDATOR, VALIDATORS, Wish, choose
from .knobs import KNOBS
from .project import (
    BITWISE_VALIDATOR,
    CONFIG,
    SUBMIT_USER,
    AddApp,
    AddDaemon,
    AddFiles,
    AddPlatform,
    App,
    Change,
    ChangeDaemon,
    Config,
    Daemon,
    Platform,
    Project,
    ProjectError,
    SetMinVersion,
)
from .versions import VersionRow
from .wasm import trust_name

DEFAULT_APP = "pyboinc"
FEEDER = "feeder"
ARGUMENTS = "-d 3 --app"
OLDEST = str(versions.FIRST)
"""BOINC's scheduler hands out older app versions only for an app with a min_version, and a batch keeps the one it began with."""
_APP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class WantedApp:
    """hr: one of HR_TYPES.  adaptive: replication until a host is trusted, 0: not adaptive. None: as it is."""

    name: str
    title: str
    hr: str | None = None
    adaptive: int | None = None
    wish: Wish = field(default_factory=Wish)

    def __post_init__(self) -> None:
        if not _APP_NAME.fullmatch(self.name):
            raise ProjectError(f"{self.name!r} can't name an app: it becomes a folder's name; letters, digits, _ and -, at most 64")
        if self.adaptive is not None and (self.adaptive == 1 or not 0 <= self.adaptive < 100):
            raise ProjectError(f"--adaptive {self.adaptive}: results of a job until its host is trusted, 2 or more; 0: not adaptive")


@dataclass(frozen=True)
class Wanted:
    """What the project shall have.

    apps: one or more.  scripts: the folder of the installed pyboinc-* scripts, absolute.  files: of an app version, by platform.
    modulus: of the key by which programs must be signed; 0 if they need not be.  wasm: files of the deterministic runtime's.
    """

    apps: tuple[WantedApp, ...]
    scripts: str
    files: Mapping[str, Sequence[AppFile]] = field(repr=False)
    modulus: int = field(default=0, repr=False)
    wasm: Mapping[str, Sequence[AppFile]] = field(default_factory=dict, repr=False)

    def versions_of(self, app: str, url: str) -> list[dict[str, list[AppFile]]]:
        """The files of each app version, with the file that says whose programs this app of this project runs."""
        text = Trust(url, app, self.modulus).text() if self.modulus else b""
        native = [AppFile(TRUST_NAME, text)] if text else []
        wasm = [AppFile(trust_name(), text, copy=True)] if text else []
        found = [{platform: [*files, *native] for platform, files in self.files.items()}]
        return found + ([{platform: [*files, *wasm] for platform, files in self.wasm.items()}] if self.wasm else [])

    def __post_init__(self) -> None:
        if not posixpath.isabs(self.scripts):
            raise ProjectError(f"{self.scripts!r}: daemons start in the folder tmp_HOST, so their scripts need an absolute path")


@dataclass(frozen=True)
class Records:
    """What the database and the folder apps hold.

    user: whether the submitting user that config.xml names is there.  tables: what PyBOINC's own tables lack, a line each.
    on_disk: number and platform of the versions in an app's folder.  volunteers: users with hosts.
    """

    apps: Sequence[AppRow] = ()
    versions: Sequence[VersionRow] = ()
    platforms: frozenset[str] = frozenset()
    user: bool = False
    tables: Sequence[str] = ()
    on_disk: Mapping[str, frozenset[tuple[int, str]]] = field(default_factory=dict)
    volunteers: int = 0


@dataclass(frozen=True)
class SetApp:
    """Columns of an app's row. hr: an index of HR_TYPES.  min_version: see OLDEST."""

    name: str
    hr: int
    adaptive: int
    min_version: int

    def __str__(self) -> str:
        adaptive = f"adaptive replication, {self.adaptive}" if self.adaptive > 1 else "no adaptive replication"
        return f"database: app {self.name}: homogeneous redundancy {HR_TYPES[self.hr]}, {adaptive}, versions from {self.min_version} on"


@dataclass(frozen=True)
class Plan:
    """changes: of files.  rows: of apps' columns.  xadd, user: whether project.xml must be read anew, a user be made.

    tables: what is made in the database, a line each.  strangers: app versions of others that are on disk alone, and that
    `bin/update_versions` would publish, too.  reasons: what was chosen of validators and quorums, and why, a line each.
    """

    changes: list[Change]
    rows: list[SetApp] = field(default_factory=list)
    xadd: bool = False
    user: bool = False
    tables: Sequence[str] = ()
    strangers: Sequence[str] = ()
    reasons: Sequence[str] = ()

    @property
    def version_folders(self) -> list[str]:
        return [change.folder for change in self.changes if isinstance(change, AddFiles)]

    @property
    def new_daemons(self) -> bool:
        return any(isinstance(change, AddDaemon) for change in self.changes)

    @property
    def changed_daemons(self) -> bool:
        return any(isinstance(change, ChangeDaemon) for change in self.changes)

    def __bool__(self) -> bool:
        return bool(self.lines)

    @property
    def lines(self) -> list[str]:
        """What is done, a line each."""
        lines = [*map(str, self.changes), *map(str, self.rows), *(f"database: {line}" for line in self.tables)]
        return [*lines, *([f"database: new user, to whom the batches belong; {CONFIG}: <{SUBMIT_USER}> its number"] if self.user else [])]


def wanted_apps(
    config: Config,
    name: str | None = None,
    title: str | None = None,
    hr: str | None = None,
    adaptive: int | None = None,
    wish: Wish | None = None,
) -> tuple[WantedApp, ...]:
    """The app that is asked for, and those that are there and may need what an upgrade brings."""
    there = config.pyboinc_apps
    name = name or (there[0] if there else DEFAULT_APP)
    title = title or ("PyBOINC" if name == DEFAULT_APP else f"PyBOINC: {name}")
    asked = WantedApp(name, title, hr, adaptive, wish or Wish())
    return (asked, *(WantedApp(other, other) for other in there if other != name))


def plan(project: Project, records: Records, wanted: Wanted) -> Plan:
    """What makes the project what is wanted; nothing if it is."""
    changes: list[Change] = []
    rows: list[SetApp] = []
    reasons: list[str] = []
    in_database = {app.name: app for app in records.apps}
    in_file = {app.name: app for app in project.xml.apps} if project.xml else {}
    listed = set(project.xml.platforms) if project.xml else set()
    new_platforms = [name for name in wanted.files if name not in records.platforms]
    changes += [AddPlatform(Platform(name, name)) for name in new_platforms if name not in listed]
    for app in wanted.apps:
        if app.name in in_file:
            changes += [SetMinVersion(app.name, OLDEST)] if in_file[app.name].min_version in ("", "0") else []
        elif app.name not in in_database:
            changes.append(AddApp(App(app.name, app.title, OLDEST)))
        row = in_database.get(app.name, AppRow(0, app.name))
        hr = row.hr if app.hr is None else HR_TYPES.index(app.hr)
        adaptive = row.adaptive if app.adaptive is None else app.adaptive
        choice = choose(project.config, app.name, app.wish, adaptive, app.adaptive is not None)
        reasons += choice.reasons
        changes += [*_validator(project, app.name, choice.validator, wanted.scripts), *choice.settings]
        changes += _ours(project, app.name, "assimilator", wanted.scripts)
        changes += _versions(app.name, records, wanted.versions_of(app.name, project.config.master_url))
        if (hr, adaptive) != (row.hr, row.adaptive) or row.min_version == 0:
            rows.append(SetApp(app.name, hr, adaptive, row.min_version or int(OLDEST)))
    changes += _feeder(project, {row.name: row.hr for row in records.apps} | {row.name: row.hr for row in rows})
    changes += [change for knob in KNOBS if (change := knob.change(project.config))]
    xadd = bool(new_platforms) or any(app.name not in in_database for app in wanted.apps)
    published = {(row.app, row.number, row.platform) for row in records.versions}
    strangers = [
        versions.folder(app, number, platform)
        for app in in_database
        for number, platform in sorted(records.on_disk.get(app, ()))
        if (app, number, platform) not in published
    ]
    return Plan(changes, rows, xadd, not records.user, records.tables, strangers, reasons)


def _versions(app: str, records: Records, wanted: Sequence[Mapping[str, Sequence[AppFile]]]) -> list[Change]:
    rows = [row for row in records.versions if row.app == app]
    taken = records.on_disk.get(app, frozenset())
    changes: list[Change] = []
    for files in wanted:
        number, platforms = versions.to_add(rows, taken, files)
        taken |= {(number, platform) for platform in platforms}
        for platform in platforms:
            made = [(versions.physical_name(file), file.content, file.mode) for file in files[platform]]
            manifest = (versions.MANIFEST, versions.manifest(files[platform]), 0o644)
            changes.append(AddFiles(versions.folder(app, number, platform), (*made, manifest)))
    return changes


def _validator(project: Project, app: str, asked: str | None, scripts: str) -> list[Change]:
    """The app's validator. One that is there keeps its arguments and files, and its program unless the other one is asked for."""
    there = project.config.validators(app)
    others = [(index, each) for index, each in enumerate(project.config.daemons) if each in there]
    others = [(index, each) for index, each in others if each.program != VALIDATORS.get(asked or "")]
    if asked and others:
        program = shlex.quote(posixpath.join(scripts, VALIDATOR)) if asked == "pyboinc" else BITWISE_VALIDATOR
        return [ChangeDaemon(index, each, {"cmd": f"{program} {ARGUMENTS} {app}{_share(each.cmd)}"}) for index, each in others]
    if asked == "pyboinc" or any(each.program == VALIDATOR for each in there):
        return _ours(project, app, "validator", scripts)
    return [] if there else [_new_daemon(project, "validator", BITWISE_VALIDATOR, app)]


def _ours(project: Project, app: str, role: str, scripts: str) -> list[Change]:
    """A daemon of PyBOINC's, by the script that is installed now. One that is there keeps its arguments and files."""
    script = posixpath.join(scripts, f"pyboinc-{role}")
    daemons = enumerate(project.config.daemons)
    mine = [(index, each) for index, each in daemons if posixpath.basename(each.executable) == f"pyboinc-{role}" and each.app == app]
    if not mine:
        return [_new_daemon(project, role, shlex.quote(script), app)]
    moved = [(index, each) for index, each in mine if each.executable != script]
    return [ChangeDaemon(index, each, {"cmd": _with_program(each.cmd, script)}) for index, each in moved]


def _feeder(project: Project, hr: Mapping[str, int]) -> list[Change]:
    """BOINC's feeder ends at once if apps differ in their homogeneous redundancy and it does not enumerate them one by one."""
    if any(hr.values()) and project.config.number("homogeneous_redundancy"):
        raise ProjectError(f"{CONFIG} has <homogeneous_redundancy> for all apps, and BOINC allows no app's own beside it: remove it")
    if len(set(hr.values())) < 2:
        return []
    feeders = [(index, each) for index, each in enumerate(project.config.daemons) if each.program == FEEDER]
    lacking = [(index, each) for index, each in feeders if not re.search(r"(?:^|\s)--?allapps(?:\s|$)", each.cmd)]
    return [ChangeDaemon(index, each, {"cmd": f"{each.cmd} --allapps"}) for index, each in lacking]


def _new_daemon(project: Project, role: str, program: str, app: str) -> AddDaemon:
    daemons = project.config.daemons
    name = f"pyboinc_{role}_{app}"
    taken = {each.output_name for each in daemons} | {each.pid_name for each in daemons}
    while {f"{name}.log", f"{name}.pid"} & taken:
        name += "_"
    return AddDaemon(Daemon(f"{program} {ARGUMENTS} {app}", output=f"{name}.log", pid_file=f"{name}.pid"))


def _share(cmd: str) -> str:
    """Which workunits are a daemon's, beside others of the app.

    >>> _share("script_validator --app x --mod 2 1 -d 3")
    ' --mod 2 1'
    """
    found = re.search(r"\s--?mod\s+\d+\s+\d+(?=\s|$)", cmd)
    return found[0] if found else ""


def _with_program(cmd: str, script: str) -> str:
    """
    >>> _with_program("'/old place/pyboinc-assimilator' -d 4 --app x", "/new/pyboinc-assimilator")
    '/new/pyboinc-assimilator -d 4 --app x'
    """
    rest = re.sub(r"""^(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])+""", "", cmd)
    return shlex.quote(script) + rest
