"""What it takes to make a BOINC project one that runs PyBOINC's jobs. Pure: see transaction.py for the disk.

The plan for a project that is set up is empty. What an admin has chosen stays: arguments of daemons, names of files,
settings that will do.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass

from .knobs import KNOBS
from .project import AddApp, AddDaemon, App, Change, ChangeDaemon, Daemon, Project, ProjectError

SCRIPTS = {"validator": "pyboinc-validator", "assimilator": "pyboinc-assimilator"}
ARGUMENTS = "-d 3 --app"
_APP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Wanted:
    """What the project shall have. apps: one or more.  scripts: the folder of the installed pyboinc-* scripts, absolute."""

    apps: tuple[App, ...]
    scripts: str

    def __post_init__(self) -> None:
        if not posixpath.isabs(self.scripts):
            raise ProjectError(f"{self.scripts!r}: daemons start in the folder tmp_HOST, so their scripts need an absolute path")
        for app in self.apps:
            if not _APP_NAME.fullmatch(app.name):
                raise ProjectError(f"{app.name!r} can't name an app: it becomes a folder's name; letters, digits, _ and -, at most 64")


def plan(project: Project, wanted: Wanted) -> list[Change]:
    """The changes that make the project what is wanted; none if it is."""
    changes: list[Change] = []
    known = {app.name for app in project.xml.apps} if project.xml else set()
    changes += [AddApp(app) for app in wanted.apps if app.name not in known]
    for app in wanted.apps:
        for role in SCRIPTS:
            changes += _daemon(project, app, role, posixpath.join(wanted.scripts, SCRIPTS[role]))
    changes += [change for knob in KNOBS if (change := knob.change(project.config))]
    return changes


def _daemon(project: Project, app: App, role: str, script: str) -> list[Change]:
    """The app's validator or assimilator. One that is there keeps its arguments and files."""
    daemons = project.config.daemons
    mine = [(index, each) for index, each in enumerate(daemons) if _script(each) == SCRIPTS[role] and each.app == app.name]
    if not mine:
        name = f"pyboinc_{role}_{app.name}"
        taken = {each.output_name for each in daemons} | {each.pid_name for each in daemons}
        while {f"{name}.log", f"{name}.pid"} & taken:
            name += "_"
        cmd = f"{shlex.quote(script)} {ARGUMENTS} {app.name}"
        return [AddDaemon(Daemon(cmd, output=f"{name}.log", pid_file=f"{name}.pid"))]
    moved = [(index, each) for index, each in mine if _first_word(each) != script]
    return [ChangeDaemon(index, each, {"cmd": _with_program(each.cmd, script)}) for index, each in moved]


def _first_word(daemon: Daemon) -> str:
    """The program as `bin/start` finds it."""
    try:
        words = shlex.split(daemon.cmd)
    except ValueError:  # an open quote
        words = daemon.cmd.split()
    return words[0] if words else ""


def _script(daemon: Daemon) -> str:
    return posixpath.basename(_first_word(daemon))


def _with_program(cmd: str, script: str) -> str:
    """
    >>> _with_program("'/old place/pyboinc-validator' -d 4 --app x", "/new/pyboinc-validator")
    '/new/pyboinc-validator -d 4 --app x'
    """
    rest = re.sub(r"""^(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])+""", "", cmd)
    return shlex.quote(script) + rest
