"""The snapshot that the doctor looks at: a project's files, processes and web server. Linux: processes are those of /proc."""

from __future__ import annotations

import contextlib
import glob
import grp
import os
import pwd
import re
import socket
import stat
import time
from collections.abc import Iterator

from pyboinc.errors import StoreError
from pyboinc.ports import SystemClock

from . import extras, install
from .doctor import PRIVATE_KEYS, WEB_LOGS, WEB_READS, WEB_WRITES, Entry, PidFile, ProjectFacts, WebServer
from .project import CONFIG, Project, ProjectError, load
from .setup import Plan, Records, plan, wanted_apps
from .store import Store
from .transaction import ProjectDisk, is_unfinished
from .xmledit import XmlError, parse

PATIENCE = 5.0  # seconds for a database that does not answer
WEB_PROGRAMS = ("apache2", "httpd", "nginx", "lighttpd", "php-fpm")
WEB_USERS = ("www-data", "apache", "http", "nginx")


def gather(folder: str) -> ProjectFacts:
    """Raises ProjectError or XmlError if the folder is no project or its files can't be read."""
    folder = os.path.realpath(folder)
    disk = ProjectDisk()
    project = load(disk, folder)
    hostname = socket.gethostname().split(".")[0]
    records, todo, fault = _setup(project)
    keys = os.path.relpath(os.path.realpath(project.path(project.config.key_dir or "keys")), folder)
    return ProjectFacts(
        project=project,
        hostname=hostname,
        paths=dict(_entries(folder, keys, hostname)),
        pids=_pids(project.path(f"pid_{hostname}")),
        web=_web_server(project.config.text("httpd_user")),
        enabled=_enabled(project.path(f"run_state_{hostname}.xml")),
        unfinished=is_unfinished(disk, folder),
        umask=_umask(),
        key_dir=keys,
        records=records,
        setup=todo,
        database_fault=fault,
        lost_programs=frozenset(filter(_is_lost, (each.executable for each in project.config.daemons))),
    )


def _is_lost(executable: str) -> bool:
    return os.path.isabs(executable) and not os.access(executable, os.X_OK)


def _setup(project: Project) -> tuple[Records | None, Plan | None, str]:
    """What the database holds and what `pyboinc setup` would do, or why the database does not say."""
    if not project.config.database.name:
        return None, None, f"{CONFIG} names no database"
    store = Store(project, SystemClock(), PATIENCE)
    try:
        records = install.gather(project, store)
        more, modulus = extras.load(project.folder), extras.modulus(project.folder)
        wanted = install.wanted(wanted_apps(project.config), more, modulus, extras.load_deterministic(project.folder))
        return records, plan(project, records, wanted), ""
    except (StoreError, ProjectError) as error:
        return None, None, str(error)
    finally:
        store.close()


def _entries(folder: str, keys: str, hostname: str) -> Iterator[tuple[str, Entry]]:
    logs = f"log_{hostname}"
    names = {".", *WEB_WRITES, *WEB_READS, logs, *(f"{logs}/{name}" for name in WEB_LOGS), *(f"{keys}/{name}" for name in PRIVATE_KEYS)}
    names |= {os.path.basename(path) for path in glob.glob(os.path.join(glob.escape(folder), f"{CONFIG}*"))}
    above = folder
    while above != os.path.dirname(above):
        above = os.path.dirname(above)
        names.add(above)
    for name in sorted(names):
        with contextlib.suppress(OSError):
            yield name, entry(os.path.join(folder, name))


def entry(path: str) -> Entry:
    found = os.stat(path)
    owner, group = str(found.st_uid), str(found.st_gid)
    with contextlib.suppress(KeyError):
        owner = pwd.getpwuid(found.st_uid).pw_name
    with contextlib.suppress(KeyError):
        group = grp.getgrgid(found.st_gid).gr_name
    return Entry(stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, owner, group, stat.S_ISDIR(found.st_mode))


def _pids(folder: str) -> dict[str, PidFile]:
    found = {}
    for path in glob.glob(os.path.join(glob.escape(folder), "*.pid")):
        with contextlib.suppress(OSError):
            data = _read(path)
            number = data.split(b"\n")[0].strip().decode("ascii", "replace")
            found[os.path.basename(path)] = PidFile(data, _command(number) if re.fullmatch("[0-9]+", number) else "")
    return found


def _command(pid: str) -> str:
    """What the process runs, or empty if there is none or only its remains."""
    with contextlib.suppress(OSError):
        for _ in range(5):
            if command := _read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode("utf-8", "replace").strip():
                return command
            if b"\nState:\tZ" in _read(f"/proc/{pid}/status"):
                return ""
            time.sleep(0.01)  # it is just being started, or is the kernel's own
        return _read(f"/proc/{pid}/comm").decode("utf-8", "replace").strip()
    return ""


def _web_server(configured: str) -> WebServer | None:
    """By its processes, which know what /etc/group does not: the groups that they were started with."""
    for number in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):
        with contextlib.suppress(OSError, KeyError, ValueError):
            status = dict(line.partition(":\t")[::2] for line in _read(f"/proc/{number}/status").decode("utf-8", "replace").splitlines())
            uid = int(status["Uid"].split()[1])
            if uid and status["Name"].startswith(WEB_PROGRAMS):
                gids = {int(status["Gid"].split()[1]), *map(int, status["Groups"].split())}
                return WebServer(pwd.getpwuid(uid).pw_name, uid, frozenset(gids), int(status["Umask"], 8))
    for name in (configured, *WEB_USERS):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return WebServer(name, user.pw_uid, frozenset(os.getgrouplist(name, user.pw_gid)), None)
    return None


def _enabled(path: str) -> bool | None:
    try:
        element = parse(path, _read(path)).root.last("enabled")
    except (OSError, XmlError):
        return None
    return element is not None and element.text.strip() not in ("", "0")


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
