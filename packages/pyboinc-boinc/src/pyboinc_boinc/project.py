"""What a BOINC project says about itself in config.xml and project.xml, and changes of it. Pure: see transaction.py for the disk.

A `Project` is a value; a `Change` gives another one and says in one line what it does. The formats are those of BOINC's
source: sched/sched_config.cpp and lib/parse.cpp (the scheduler's reading), py/Boinc/setup_project.py (what make_project writes),
sched/start (daemons and tasks, and the names of their files), tools/xadd (project.xml).
"""

from __future__ import annotations

import difflib
import math
import posixpath
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Protocol, TypeVar

from pyboinc.errors import PyBoincError
from pyboinc.ports import FileSystem

from .xmledit import Document, Element, Node, parse

CONFIG, APPS = "config.xml", "project.xml"
MYSQL_PORT = 3306
ASSIMILATOR = "pyboinc-assimilator"
BITWISE_VALIDATOR = "sample_bitwise_validator"
SUBMIT_USER = "pyboinc_user"
APP_QUORUM, APP_UNCHECKED = "pyboinc_quorum_{}", "pyboinc_unchecked_{}"  # by the app's name
_FALSE = ("", "0")
_AnyTask = TypeVar("_AnyTask", bound="Task")
_PASSWORD = re.compile(r"(<(\w*passwd)>).*?(</\2>)")


class ProjectError(PyBoincError):
    """A folder is no BOINC project, or its files say what BOINC could not use."""


@dataclass(frozen=True)
class Database:
    """Where the project's database is, and its credentials."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Task:
    """A <task>: a command that `bin/start --cron` runs now and then.

    Names of files are those that BOINC gives it (sched/start): in the folders log_HOST and pid_HOST.
    """

    ending: ClassVar[str] = ".out"

    cmd: str
    host: str = ""
    output: str = ""
    pid_file: str = ""
    lock_file: str = ""
    period: str = ""
    disabled: bool = False

    @property
    def program(self) -> str:
        """The command without its folder and arguments.

        >>> Task("run_in_ops ./notify.php").program, Daemon("/opt/bin/feeder -d 3").program
        ('notify.php', 'feeder')
        """
        words = self.cmd.split()
        if words[:1] == ["run_in_ops"]:
            words = words[1:]
        return posixpath.basename(words[0]) if words else ""

    @property
    def executable(self) -> str:
        """The program as `bin/start` finds it: a path, or a name in the folder bin.

        >>> Daemon("'/opt/py boinc/pyboinc-assimilator' -d 3").executable
        '/opt/py boinc/pyboinc-assimilator'
        """
        try:
            words = shlex.split(self.cmd)
        except ValueError:  # an open quote
            words = self.cmd.split()
        return next(iter(words), "")

    @property
    def app(self) -> str:
        """The app that it works for, empty if it names none.

        >>> Daemon("sample_bitwise_validator -d 3 --app pyboinc").app
        'pyboinc'
        """
        match = re.search(r"(?:^|\s)--?app[=\s]\s*(\S+)", self.cmd)
        return match[1] if match else ""

    @property
    def output_name(self) -> str:
        return self.output or self.program + self.ending

    @property
    def lock_name(self) -> str:
        """While it is locked BOINC starts no second one."""
        of_output = f"{self.output}.lock" if self.output and not self.output.startswith("/dev/") else ""
        return self.lock_file or of_output or f"{self.program}.lock"


class Daemon(Task):
    """A <daemon>: a command that `bin/start` keeps running."""

    ending = ".log"

    @property
    def pid_name(self) -> str:
        return self.pid_file or f"{self.program}.pid"


@dataclass(frozen=True)
class Config:
    """config.xml."""

    document: Document

    def __post_init__(self) -> None:
        root = self.document.root
        if root.name != "boinc" or not root.children or root.children[0].name != "config":
            raise ProjectError(f"{self.document.path}: BOINC's scheduler expects <boinc> and, first in it, <config>")

    def text(self, name: str, default: str = "") -> str:
        """What a setting says, without white space around it."""
        element = self._settings.last(name)
        return default if element is None else element.text.strip()

    def has(self, name: str) -> bool:
        return self._settings.last(name) is not None

    def flag(self, name: str) -> bool:
        """On if it is ``<name/>`` or holds a number other than 0."""
        element = self._settings.last(name)
        return element is not None and (element.inner == element.end or bool(self.number(name)))

    def number(self, name: str, default: float = 0.0) -> float:
        """As BOINC reads it: what is no number is not there."""
        element = self._settings.last(name)
        number = None if element is None else _number(element.text)
        return default if number is None else number

    def garbled(self, name: str) -> bool:
        """Whether it is there and is not the number that BOINC expects."""
        element = self._settings.last(name)
        return element is not None and _number(element.text) is None

    def repeated(self, name: str) -> list[str]:
        """What a setting says at each place, if it stands there more than once with different values."""
        values = [element.text.strip() for element in self._settings.all(name)]
        return values if len(set(values)) > 1 else []

    @property
    def database(self) -> Database:
        host, _, port = self.text("db_host").partition(":")
        if port and not port.isdecimal():
            raise ProjectError(f"{self.document.path}: <db_host> says {self.text('db_host')!r}; its form is host:port")
        name, user, password = (self.text(f"db_{each}") for each in ("name", "user", "passwd"))
        return Database(host or "localhost", int(port or MYSQL_PORT), name, user, password)

    @property
    def shmem_key(self) -> int:
        return int(self.number("shmem_key"))

    @property
    def host(self) -> str:
        """The server on which daemons and tasks run that name none."""
        return self.text("host")

    @property
    def master_url(self) -> str:
        return self.text("master_url")

    @property
    def download_url(self) -> str:
        return self.text("download_url")

    @property
    def upload_url(self) -> str:
        return self.text("upload_url")

    @property
    def download_dir(self) -> str:
        return self.text("download_dir")

    @property
    def upload_dir(self) -> str:
        return self.text("upload_dir")

    @property
    def key_dir(self) -> str:
        return self.text("key_dir")

    @property
    def fanout(self) -> int:
        """Folders in the download and the upload hierarchy."""
        return int(self.number("uldl_dir_fanout"))

    @property
    def one_result_per_user_per_wu(self) -> bool:
        return self.flag("one_result_per_user_per_wu")

    @property
    def resend_lost_results(self) -> bool:
        return self.flag("resend_lost_results")

    @property
    def next_rpc_delay(self) -> float:
        """Seconds after which an idle client asks again; 0: as it likes."""
        return self.number("next_rpc_delay")

    @property
    def maintenance_delay(self) -> float:
        """Seconds that a client waits which called while the project was down."""
        return self.number("maintenance_delay", 3600.0)

    @property
    def min_sendwork_interval(self) -> int:
        return int(self.number("min_sendwork_interval"))

    @property
    def daily_result_quota(self) -> int:
        return int(self.number("daily_result_quota"))

    @property
    def submit_user(self) -> int:
        """The ID of the user to whom PyBOINC's batches belong; 0 before `pyboinc setup`. The setting is PyBOINC's own: BOINC skips it."""
        return int(self.number(SUBMIT_USER))

    @property
    def pyboinc_apps(self) -> list[str]:
        """The apps that take PyBOINC's jobs: those that its assimilator works for. The first is for batches that name none."""
        mine = (each for each in self.daemons if posixpath.basename(each.executable) == ASSIMILATOR and each.app and not each.disabled)
        return list(dict.fromkeys(each.app for each in mine))

    def validators(self, app: str) -> list[Daemon]:
        """The daemons that validate the app's results: BOINC's and ours have the word in their names."""
        return [each for each in self.daemons if "validator" in each.program and each.app == app]

    def is_bitwise(self, app: str) -> bool:
        """Whether the app's results are compared byte by byte, whatever the batch wants."""
        return any(each.program == BITWISE_VALIDATOR for each in self.validators(app))

    def quorum(self, app: str) -> int:
        """Of jobs whose program says nothing about one, as `pyboinc setup` was told; 0 if it was not. PyBOINC's own setting, too."""
        return int(self.number(APP_QUORUM.format(app)))

    def unchecked(self, app: str) -> bool:
        """Whether `pyboinc setup` was told that BOINC's validator may believe sole results."""
        return self.flag(APP_UNCHECKED.format(app))

    @property
    def daemons(self) -> list[Daemon]:
        return [self._read(element, Daemon) for element in self._list("daemon")]

    @property
    def tasks(self) -> list[Task]:
        return [self._read(element, Task) for element in self._list("task")]

    def daemon_line(self, index: int) -> int:
        return self._list("daemon")[index].line

    def set(self, name: str, value: str) -> Config:
        """With a setting changed where it stands, else added at the end."""
        return Config(_with(self.document, self._settings, name, value))

    def add_daemon(self, daemon: Daemon) -> Config:
        values = [(each.name, getattr(daemon, each.name)) for each in fields(daemon)]
        node: Node = ("daemon", [(name, "1" if value is True else value) for name, value in values if value])
        daemons = self.document.root.last("daemons")
        if daemons is None:
            return Config(self.document.add(self.document.root, ("daemons", [node])))
        return Config(self.document.add(daemons, node))

    def set_daemon(self, index: int, name: str, value: str) -> Config:
        return Config(_with(self.document, self._list("daemon")[index], name, value))

    @property
    def _settings(self) -> Element:
        return self.document.root.children[0]

    def _list(self, kind: str) -> list[Element]:
        found = self.document.root.last(f"{kind}s")
        return found.all(kind) if found else []

    def _read(self, element: Element, kind: type[_AnyTask]) -> _AnyTask:
        values = {child.name: child.text.strip() for child in element.children}
        known = {each.name: values[each.name] for each in fields(kind) if each.name in values and each.name != "disabled"}
        return kind(**{"cmd": "", **known}, disabled=values.get("disabled", "") not in _FALSE)


@dataclass(frozen=True)
class App:
    """An application in project.xml, as `bin/xadd` puts it into the database.

    min_version: the oldest app version that is handed out; empty: only the newest. Each xadd sets the row to what stands here.
    """

    name: str
    user_friendly_name: str
    min_version: str = ""


@dataclass(frozen=True)
class Platform:
    """A platform in project.xml."""

    name: str
    user_friendly_name: str


@dataclass(frozen=True)
class ProjectXml:
    """project.xml: the platforms and applications that `bin/xadd` adds to the database."""

    document: Document

    def __post_init__(self) -> None:
        if self.document.root.name != "boinc":
            raise ProjectError(f"{self.document.path}: BOINC's bin/xadd expects <boinc> around all, not <{self.document.root.name}>")

    @property
    def apps(self) -> list[App]:
        return [App(*(_text(element, each.name) for each in fields(App))) for element in self.document.root.all("app")]

    @property
    def platforms(self) -> list[str]:
        return [_text(element, "name") for element in self.document.root.all("platform")]

    def add(self, new: App | Platform) -> ProjectXml:
        node: Node = (type(new).__name__.lower(), [(each.name, value) for each in fields(new) if (value := getattr(new, each.name))])
        return ProjectXml(self.document.add(self.document.root, node))

    def set_min_version(self, app: str, number: str) -> ProjectXml:
        element = next(each for each in self.document.root.all("app") if _text(each, "name") == app)
        return ProjectXml(_with(self.document, element, "min_version", number))


@dataclass(frozen=True)
class Replace:
    """Step of a transaction: another content for a file that is there."""

    path: str
    old: bytes = field(repr=False)
    new: bytes = field(repr=False)


@dataclass(frozen=True)
class Mode:
    """Step of a transaction: other permission bits for a file or folder."""

    path: str
    mode: int


@dataclass(frozen=True)
class Remove:
    """Step of a transaction: a small file goes, if it still holds data."""

    path: str
    data: bytes


@dataclass(frozen=True)
class Create:
    """Step of a transaction: a file that is not there yet, with the folders above it."""

    path: str
    data: bytes = field(repr=False)
    mode: int


Step = Replace | Mode | Remove | Create


@dataclass(frozen=True)
class Project:
    """The two files of the project in a folder, and what else changes have asked for. xml: project.xml, None if it is not there."""

    folder: str
    config: Config
    xml: ProjectXml | None
    more: tuple[Step, ...] = ()

    def path(self, *names: str) -> str:
        return posixpath.join(self.folder, *names)


class Change(Protocol):
    """Something that is done to a project; its str is one line that says what."""

    def apply(self, project: Project) -> Project: ...


@dataclass(frozen=True)
class SetSetting:
    """A setting of config.xml. old: None if it is not there."""

    name: str
    old: str | None
    new: str

    def apply(self, project: Project) -> Project:
        return replace(project, config=project.config.set(self.name, self.new))

    def __str__(self) -> str:
        before = "new" if self.old is None else f"was {self.old or 'empty'}"
        return f"{CONFIG}: <{self.name}> {self.new}, {before}"


@dataclass(frozen=True)
class AddDaemon:
    daemon: Daemon

    def apply(self, project: Project) -> Project:
        return replace(project, config=project.config.add_daemon(self.daemon))

    def __str__(self) -> str:
        return f"{CONFIG}: new daemon {self.daemon.cmd} (log {self.daemon.output_name}, pid {self.daemon.pid_name})"


@dataclass(frozen=True)
class ChangeDaemon:
    """Other values for a daemon that is there. index: its place among all."""

    index: int
    daemon: Daemon
    values: Mapping[str, str]

    def apply(self, project: Project) -> Project:
        config = project.config
        for name, value in self.values.items():
            config = config.set_daemon(self.index, name, value)
        return replace(project, config=config)

    def __str__(self) -> str:
        return f"{CONFIG}: daemon {self.daemon.cmd}: " + ", ".join(f"<{name}> {value}" for name, value in self.values.items())


@dataclass(frozen=True)
class AddApp:
    app: App

    def apply(self, project: Project) -> Project:
        return _with_entry(project, self.app)

    def __str__(self) -> str:
        return f"{APPS}: new app {self.app.name}, {self.app.user_friendly_name!r}"


@dataclass(frozen=True)
class SetMinVersion:
    """Of an app that is there."""

    app: str
    number: str

    def apply(self, project: Project) -> Project:
        assert project.xml is not None
        return replace(project, xml=project.xml.set_min_version(self.app, self.number))

    def __str__(self) -> str:
        return f"{APPS}: app {self.app}: <min_version> {self.number}"


@dataclass(frozen=True)
class AddPlatform:
    platform: Platform

    def apply(self, project: Project) -> Project:
        return _with_entry(project, self.platform)

    def __str__(self) -> str:
        return f"{APPS}: new platform {self.platform.name}"


@dataclass(frozen=True)
class SetMode:
    """Permission bits of a file or folder, named from the project's folder."""

    name: str
    old: int
    new: int

    def apply(self, project: Project) -> Project:
        return replace(project, more=(*project.more, Mode(project.path(self.name), self.new)))

    def __str__(self) -> str:
        return f"{self.name}: mode {self.new:04o}, was {self.old:04o}"


@dataclass(frozen=True)
class AddFiles:
    """New files in one folder. folder: from the project's.  files: name, content, permission bits."""

    folder: str
    files: tuple[tuple[str, bytes, int], ...] = field(repr=False)

    def apply(self, project: Project) -> Project:
        created = (Create(project.path(self.folder, name), data, mode) for name, data, mode in self.files)
        return replace(project, more=(*project.more, *created))

    def __str__(self) -> str:
        return f"{self.folder}: new, with {', '.join(name for name, _, _ in self.files)}"


@dataclass(frozen=True)
class RemoveFile:
    name: str
    data: bytes

    def apply(self, project: Project) -> Project:
        return replace(project, more=(*project.more, Remove(project.path(self.name), self.data)))

    def __str__(self) -> str:
        return f"{self.name}: removed"


def load(fs: FileSystem, folder: str) -> Project:
    """Read the project in the folder. Raises ProjectError, or XmlError that names the line."""
    config, xml = (posixpath.join(folder, name) for name in (CONFIG, APPS))
    try:
        if not fs.exists(config):
            raise ProjectError(f"{folder} is not a BOINC project: no {CONFIG} is there. Name the folder that make_project made")
        apps = ProjectXml(parse(xml, fs.read(xml))) if fs.exists(xml) else None
        return Project(folder, Config(parse(config, fs.read(config))), apps)
    except OSError as error:
        raise ProjectError(f"{error.filename}: {error.strerror}") from None


def applied(project: Project, changes: list[Change]) -> Project:
    for change in changes:
        project = change.apply(project)
    return project


def steps(before: Project, after: Project) -> list[Step]:
    """What makes one of the other on disk."""
    files = [(old, new) for old, new in _documents(before, after) if old.data != new.data]
    return [*(Replace(old.path, old.data, new.data) for old, new in files), *after.more[len(before.more) :]]


def diff(before: Project, after: Project) -> str:
    """The changed files as a unified diff, without passwords; what else is changed follows, a line each."""
    lines: list[str] = []
    for old, new in _documents(before, after):
        name = posixpath.basename(old.path)
        now, then = (_PASSWORD.sub(r"\1...\3", each.data.decode("utf-8", "replace")).splitlines() for each in (old, new))
        lines += difflib.unified_diff(now, then, f"{name} (now)", f"{name} (then)", lineterm="")
    for step in after.more[len(before.more) :]:
        path = posixpath.relpath(step.path, before.folder)
        lines.append(_in_a_line(step, path))
    return "".join(f"{line}\n" for line in lines)


def _in_a_line(step: Step, path: str) -> str:
    if isinstance(step, Mode):
        return f"mode {step.mode:04o} {path}"
    if isinstance(step, Create):
        return f"create {path}, {len(step.data):,} bytes"
    return f"remove {path}"


def _documents(before: Project, after: Project) -> list[tuple[Document, Document]]:
    pairs = [(before.config.document, after.config.document)]
    if before.xml and after.xml:
        pairs.append((before.xml.document, after.xml.document))
    return pairs


def _number(text: str) -> float | None:
    """As C's strtol and strtod read it; 0 if nothing is said.

    >>> _number("0x1111abcd"), _number(" 6 "), _number(""), _number("an hour"), _number("1e999")
    (286370765.0, 6.0, 0.0, None, None)
    """
    text = text.strip() or "0"
    try:
        number = float(int(text, 16)) if text.lower().startswith(("0x", "-0x")) else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _with(document: Document, parent: Element, name: str, value: str) -> Document:
    element = parent.last(name)
    return document.add(parent, (name, value)) if element is None else document.set_text(element, value)


def _with_entry(project: Project, new: App | Platform) -> Project:
    if project.xml is None:
        raise ProjectError(f"{project.folder} has no {APPS}: make_project writes one, and bin/xadd needs it")
    return replace(project, xml=project.xml.add(new))


def _text(element: Element, name: str) -> str:
    child = element.last(name)
    return child.text.strip() if child else ""
