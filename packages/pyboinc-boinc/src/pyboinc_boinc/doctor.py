"""What makes a project slow, wrong or unsafe: checks of a snapshot. Pure: facts.py takes the snapshot, transaction.py mends.

Each check is a generator of findings; `examine` runs all. A finding that can be mended here carries the changes that do it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from .apps import offered
from .choice import volunteers_needed
from .knobs import KNOBS
from .project import (
    CONFIG,
    AddDaemon,
    AddFiles,
    Change,
    ChangeDaemon,
    Config,
    Daemon,
    Project,
    RemoveFile,
    SetMinVersion,
    SetMode,
    SetSetting,
)
from .setup import FEEDER, Plan, Records

NOTE = "note"  # nothing is wrong, and it is good to know
SEVERITIES = ("unsafe", "wrong", "slow", NOTE)
READ, WRITE, ENTER = 4, 2, 1
WORLD, GROUP_AND_WORLD, SETGID = 0o007, 0o077, 0o2000
SHOWN = 5
PRIVATE_KEYS = ("code_sign_private", "upload_private", "pyboinc_sign_private")
WEB_WRITES = ("upload", "html/cache", "html/user_profile/images")
WEB_READS = (CONFIG, "cgi-bin", "download", "html/inc", "html/project", "html/user")
WEB_LOGS = ("scheduler.log", "file_upload_handler.log")
NUMBERS = ("shmem_key", "uldl_dir_fanout", "min_sendwork_interval", "daily_result_quota", *(knob.name for knob in KNOBS))
ONCE = (
    *("db_host", "db_name", "db_user", "db_passwd", "host", "master_url", "download_url", "download_dir", "upload_url", "upload_dir"),
    *("key_dir", *NUMBERS),
)


@dataclass(frozen=True)
class Entry:
    """A file or folder. owner, group (str): names, or numbers that have none."""

    mode: int
    uid: int
    gid: int
    owner: str
    group: str
    is_folder: bool


@dataclass(frozen=True)
class WebServer:
    """Whose processes run the scheduler, the upload handler and PHP. umask: None if none of them runs here."""

    user: str
    uid: int
    gids: frozenset[int]
    umask: int | None


@dataclass(frozen=True)
class PidFile:
    """A file in pid_HOST. command (str): of the process that has the number now; empty if none has."""

    data: bytes
    command: str


@dataclass(frozen=True)
class ProjectFacts:
    """A project as it is at one moment.

    hostname: ``hostname -s``.  paths: by name from the project's folder, also of the folders above it (absolute).
    pids: by name in the folder pid_HOST.  enabled: whether `bin/start` was the last word; None if it never was.
    key_dir: from the project's folder if it is in it.  umask: of the user who asks.  records, setup: what the database holds and
    what `pyboinc setup` would do; None if it does not say, and database_fault why.  lost_programs: of daemons, by absolute paths
    that lead nowhere.
    """

    project: Project
    hostname: str
    paths: dict[str, Entry] = field(default_factory=dict)
    pids: dict[str, PidFile] = field(default_factory=dict)
    web: WebServer | None = None
    enabled: bool | None = None
    unfinished: bool = False
    umask: int = 0o022
    key_dir: str = "keys"
    records: Records | None = None
    setup: Plan | None = None
    database_fault: str = ""
    lost_programs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Finding:
    """Something to mend. severity: see SEVERITIES.  changes: what `pyboinc doctor --fix` does; none if it can't."""

    name: str
    severity: str
    what: str
    why: str
    mend: str
    changes: tuple[Change, ...] = ()
    recovers: bool = False

    @property
    def can_fix(self) -> bool:
        return self.recovers or bool(self.changes)


def examine(facts: ProjectFacts) -> list[Finding]:
    """All findings, the gravest first."""
    found = [finding for check in CHECKS for finding in check(facts)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def _unfinished(facts: ProjectFacts) -> Iterator[Finding]:
    if facts.unfinished:
        yield Finding(
            "unfinished_change",
            "wrong",
            "a change of the project was not finished",
            "a pyboinc command was killed while it changed several files: some may be new and others old",
            "pyboinc doctor --fix puts them back as they were, before it does anything else",
            recovers=True,
        )


def _settings(facts: ProjectFacts) -> Iterator[Finding]:
    config = facts.project.config
    for knob in KNOBS:
        if change := knob.change(config):
            said = f"says {change.old or 'nothing'}" if change.old is not None else "is not there"
            mend = f"<{knob.name}>{knob.value}</{knob.name}> in {CONFIG}"
            yield Finding(knob.name, knob.severity, f"{CONFIG}: <{knob.name}> {said}", knob.why, mend, (change,))


def _misread(facts: ProjectFacts) -> Iterator[Finding]:
    for name in NUMBERS:
        if facts.project.config.garbled(name):
            yield Finding(
                "not_a_number",
                "wrong",
                f"{CONFIG}: <{name}> says {facts.project.config.text(name)!r}, which is no number",
                "BOINC goes on as if it were not there",
                f"a number: 1 for yes, 0 for no in {CONFIG}",
            )
    for name in ONCE:
        if values := facts.project.config.repeated(name):
            hidden = "" if "passwd" in name else f": {', '.join(values)}"
            yield Finding(
                "repeated_setting",
                "wrong",
                f"{CONFIG}: <{name}> stands there {len(values)} times, and differs{hidden}",
                "the scheduler and the daemons heed the last one, the web pages the first",
                "keep one of them",
            )


def _host(facts: ProjectFacts) -> Iterator[Finding]:
    config, host = facts.project.config, facts.project.config.host
    if host != facts.hostname:
        alone = not any(each.host for each in (*config.daemons, *config.tasks))
        change = SetSetting("host", host if config.has("host") else None, facts.hostname)
        yield Finding(
            "host_name",
            "wrong",
            f"{CONFIG}: <host> is {host or 'empty'}, and hostname -s says {facts.hostname}",
            "bin/start starts only the daemons of the computer that it runs on, by this name; elsewhere it starts none, without an error",
            f"on the project's server <host>{facts.hostname}</host>; on another computer nothing is wrong",
            (change,) if alone else (),
        )
    folder = f"log_{facts.hostname}"
    if folder not in facts.paths:
        yield Finding(
            "log_folder",
            "wrong",
            f"the folder {folder} is not there",
            "the scheduler writes its log there: if it can't, it tells every client that the project is down",
            f"mkdir -m 2770 {facts.project.path(folder)}",
        )


def _secrets(facts: ProjectFacts) -> Iterator[Finding]:
    """Private keys: the scheduler, that is the web server, reads upload_private (sched_assign.cpp); nothing but update_versions signs."""
    for name in PRIVATE_KEYS:
        path = f"{facts.key_dir}/{name}"
        entry = facts.paths.get(path)
        signs = name.startswith("code_sign")
        too_much = GROUP_AND_WORLD if signs else WORLD
        if entry and entry.mode & too_much:
            who = "everybody on this computer" if entry.mode & WORLD else f"the group {entry.group}"
            yield Finding(
                "private_key",
                "unsafe",
                f"{path} can be read by {who}: its mode is {entry.mode:04o}",
                "who has it signs programs that all volunteers run"
                if signs
                else "who has it can forge the certificates with which volunteers upload",
                f"chmod {entry.mode & ~too_much:04o} {facts.project.path(path)}",
                (SetMode(path, entry.mode, entry.mode & ~too_much),),
            )
    for path, entry in facts.paths.items():
        if fnmatchcase(path, f"{CONFIG}*") and entry.mode & WORLD:
            mode = entry.mode & ~WORLD
            still_served = path != CONFIG or (facts.web is not None and _may(facts.web, entry, READ, mode))
            yield Finding(
                "password",
                "unsafe",
                f"{path}, with the password of the database, is open to everybody on this computer: its mode is {entry.mode:04o}",
                "who has it can change credit, results and accounts",
                f"chmod {mode:04o} {facts.project.path(path)}"
                + ("" if still_served else f", once the web server's user is in the group {entry.group}: it must read it, too"),
                (SetMode(path, entry.mode, mode),) if still_served else (),
            )


def _web(facts: ProjectFacts) -> Iterator[Finding]:
    web, logs = facts.web, f"log_{facts.hostname}"
    if web is None:
        return
    needs = {path: READ | ENTER for path in WEB_READS} | {CONFIG: READ}
    needs |= {path: READ | WRITE | ENTER for path in (*WEB_WRITES, logs)} | {f"{logs}/{name}": WRITE for name in WEB_LOGS}
    needs |= {path: ENTER for path in facts.paths if path == "." or path.startswith("/")}
    failing = [(path, entry, needs[path]) for path, entry in facts.paths.items() if path in needs and not _may(web, entry, needs[path])]
    why = (
        "the scheduler, the upload handler and the web pages run as that user: without it clients hear that the project is down, "
        "uploads fail, and pages stay empty"
    )
    above = [path for path, _, _ in failing if path.startswith("/")]
    if above:
        yield Finding(
            "web_path",
            "wrong",
            f"{web.user}, the web server's user, can't enter {_some(above)}",
            why,
            f"chmod o+x {' '.join(above)}, or move the project to where it can",
        )
    inside = [each for each in failing if not each[0].startswith("/")]
    outside_group = [each for each in inside if each[1].gid not in web.gids and each[1].uid != web.uid]
    if outside_group:
        group = outside_group[0][1].group
        yield Finding(
            "web_group",
            "wrong",
            f"{web.user}, the web server's user, is not in the group {group}, and can't use {_names(outside_group)}",
            why,
            f"usermod -a -G {group} {web.user}, then restart the web server"
            if outside_group[0][1].gid
            else f"root's group is not for a web server: give the project an owner and a group of its own, and {web.user} that group",
        )
    same_group = [each for each in inside if each not in outside_group]
    if same_group:
        changes = tuple(SetMode(path, entry.mode, entry.mode | need << _shift(web, entry)) for path, entry, need in same_group)
        yield Finding(
            "web_access",
            "wrong",
            f"{web.user}, the web server's user, can't use {_names(same_group)}",
            why,
            "; ".join(f"chmod {change.new:04o} {facts.project.path(change.name)}" for change in changes),
            changes,
        )
    for path in ("upload", logs):
        entry = facts.paths.get(path)
        if entry and entry.uid != web.uid and not entry.mode & SETGID and not any(path == each[0] for each in inside):
            yield Finding(
                "web_files",
                "wrong",
                f"{path} does not hand its group on: its mode is {entry.mode:04o}",
                f"what {web.user} puts there belongs to a group of its own, and the project's daemons may not read it",
                f"chmod g+s {facts.project.path(path)}",
                (SetMode(path, entry.mode, entry.mode | SETGID),),
            )
    if web.umask is not None and web.umask & 0o060:
        yield Finding(
            "web_umask",
            "wrong",
            f"the web server runs with umask {web.umask:03o}",
            f"what {web.user} makes in the project its owner can't {'read' if web.umask & 0o040 else 'change'}",
            "umask 002 where the web server starts (Debian: /etc/apache2/envvars), then restart it",
        )


def _umask(facts: ProjectFacts) -> Iterator[Finding]:
    folder = facts.paths.get(".")
    if facts.web and folder and facts.umask & (READ | ENTER) << _shift(facts.web, folder):
        yield Finding(
            "umask",
            "wrong",
            f"your umask is {facts.umask:03o}",
            f"what you put into the download folder {facts.web.user}, the web server's user, could not read",
            "umask 002 in the ~/.profile of the project's owner",
        )


def _daemons(facts: ProjectFacts) -> Iterator[Finding]:
    """Names of files come first: two daemons with one pid file can't both be found by it."""
    config = facts.project.config
    mine = [(index, each) for index, each in enumerate(config.daemons) if (each.host or config.host) == facts.hostname]
    working = [each for _, each in mine if not each.disabled]
    pids = f"pid_{facts.hostname}"
    stale = {name: pid for name, pid in facts.pids.items() if _is_stale(pid, [each for _, each in mine if each.pid_name == name])}
    if stale:
        names = sorted(stale)
        yield Finding(
            "stale_pid",
            "wrong",
            f"{_some([f'{pids}/{name}' for name in names])}: no daemon of the project has the number that is there",
            "a number may belong to another process by now, and bin/stop signals it",
            f"rm {' '.join(facts.project.path(pids, name) for name in names)}",
            tuple(RemoveFile(f"{pids}/{name}", stale[name].data) for name in names),
        )
    if not facts.enabled:
        yield Finding(
            "stopped",
            "wrong",
            "the project is stopped" if facts.enabled is False else f"the project was never started on {facts.hostname}",
            "no job is sent, validated or assimilated",
            f"{facts.project.path('bin/start')}; and a crontab line that calls it with --cron every five minutes",
        )
    elif missing := [each for each in working if each.pid_name not in facts.pids or each.pid_name in stale]:
        yield Finding(
            "daemon_not_running",
            "wrong",
            f"not running: {_some([each.cmd for each in missing])}",
            "bin/start --cron, every five minutes from the crontab, would start a daemon that has ended: either it is not called, "
            "or the daemon ends each time",
            f"the reason is at the end of {_some([f'log_{facts.hostname}/{each.output_name}' for each in missing])}",
        )
    yield from _shared_names(config, [each for each in mine if not each[1].disabled])


def _is_stale(pid: PidFile, owners: list[Daemon]) -> bool:
    return not any(each.program in pid.command for each in owners) if owners else not pid.command


def _shared_names(config: Config, daemons: list[tuple[int, Daemon]]) -> Iterator[Finding]:
    """The later of two gets other names. A lock that only one can hold is changed only then: another lock for a daemon that
    runs would let bin/start start it again beside itself.
    """
    taken = {name for _, each in daemons for name in (each.output_name, each.pid_name)}
    for place, (index, daemon) in enumerate(daemons):
        for first, other in daemons[:place]:
            shared = _files(other) & _files(daemon)
            if not shared:
                continue
            values: dict[str, str] = {}
            same = other.cmd.split() == daemon.cmd.split()
            if not same:
                stem = _free_stem(daemon, taken)
                values |= {"output": f"{stem}.log"} if ("log", daemon.output_name) in shared else {}
                values |= {"pid_file": f"{stem}.pid"} if ("pid", daemon.pid_name) in shared else {}
                taken |= set(values.values())
            names = ", ".join(sorted(name for _, name in shared))
            yield Finding(
                "shared_files",
                "wrong",
                f"{CONFIG}, lines {config.daemon_line(first)} and {config.daemon_line(index)}: two daemons share {names}",
                "while one holds the lock file, bin/start does not start the other"
                if ("pid", daemon.lock_name) in shared
                else "they write over each other's files: a log is mixed, or bin/stop does not find one of them",
                "remove one: they are the same" if same else "an <output> and a <pid_file> of its own for each; then bin/stop, bin/start",
                (ChangeDaemon(index, daemon, values),) if values else (),
            )
            break


def _files(daemon: Daemon) -> set[tuple[str, str]]:
    """Those that it must have for itself: folder and name."""
    names = {("log", daemon.output_name), ("pid", daemon.pid_name), ("pid", daemon.lock_name)}
    return {each for each in names if not each[1].startswith("/dev/")}


def _free_stem(daemon: Daemon, taken: set[str]) -> str:
    """
    >>> _free_stem(Daemon("bin/sample_bitwise_validator --app cubes"), {"sample_bitwise_validator.log"})
    'sample_bitwise_validator_cubes'
    """
    base = re.sub(r"[^\w.-]", "_", f"{daemon.program}_{daemon.app}" if daemon.app else daemon.program)
    stem, number = base, 1
    while {f"{stem}.log", f"{stem}.pid"} & taken:
        number += 1
        stem = f"{base}_{number}"
    return stem


def _may(web: WebServer, entry: Entry, need: int, mode: int | None = None) -> bool:
    """By the permission bits; access lists are not looked at."""
    need = need if entry.is_folder else need & ~ENTER
    return (entry.mode if mode is None else mode) >> _shift(web, entry) & need == need


def _shift(web: WebServer, entry: Entry) -> int:
    """Where the permission bits are that hold for the web server: the owner's, the group's or everybody's."""
    return 6 if entry.uid == web.uid else 3 if entry.gid in web.gids else 0


def _names(failing: list[tuple[str, Entry, int]]) -> str:
    return _some([path for path, _, _ in failing])


def _some(names: list[str]) -> str:
    """
    >>> _some(list("abcdefg"))
    'a, b, c, d, e and 2 more'
    """
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _pyboinc(facts: ProjectFacts) -> Iterator[Finding]:
    """What setup makes, is it there?"""
    mend = f"pyboinc setup -p {facts.project.folder}"
    if facts.database_fault:
        yield Finding(
            "database",
            "wrong",
            facts.database_fault,
            "without its database no part of the project works; and the doctor can't see apps, versions, tables and users",
            f"the settings <db_...> in {CONFIG} and the server must agree; then this command again",
        )
    if not facts.project.config.pyboinc_apps:
        yield Finding("not_set_up", "wrong", "the project has no app for PyBOINC's jobs", "nobody can send it a batch", mend)
        return
    for program in sorted(facts.lost_programs):
        yield Finding("lost_program", "wrong", f"{CONFIG}: a daemon's program {program} is not there", "bin/start can't start it", mend)
    if facts.setup is None:
        return
    kinds: dict[str, list[str]] = {}
    for change in facts.setup.changes:
        if isinstance(change, AddDaemon):
            kinds.setdefault("missing_daemon", []).append(change.daemon.cmd)
        elif isinstance(change, AddFiles):
            kinds.setdefault("app_version", []).append(change.folder)
        elif isinstance(change, ChangeDaemon) and change.daemon.program == FEEDER:
            kinds.setdefault("feeder", []).append(change.daemon.cmd)
        elif isinstance(change, SetMinVersion):
            kinds.setdefault("app_row", []).append(change.app)
    if facts.setup.rows and "app_row" not in kinds:
        kinds["app_row"] = [row.name for row in facts.setup.rows]
    kinds |= {"tables": list(facts.setup.tables)} if facts.setup.tables else {}
    kinds |= {"submit_user": ["to whom batches belong"]} if facts.setup.user else {}
    for name, what in kinds.items():
        text, why = _SETUP_FINDINGS[name]
        yield Finding(name, "wrong", f"{text}: {_some(what)}", why, mend)


_SETUP_FINDINGS = {
    "missing_daemon": ("PyBOINC needs a daemon that config.xml has not", "jobs are done and nothing comes back"),
    "app_version": ("the newest app version is not that of the PyBOINC installed here", "hosts run an older runtime, or get no jobs"),
    "app_row": ("an app keeps no older versions", "jobs of a batch that began before an upgrade would never be sent"),
    "feeder": ("apps differ in homogeneous redundancy, and the feeder has no --allapps", "it ends at once, and no job is sent"),
    "tables": ("the database lacks", "no batch can be made"),
    "submit_user": ("the user is missing", "no batch can be made"),
}


def _quorums(facts: ProjectFacts) -> Iterator[Finding]:
    records, command = facts.records, f"pyboinc setup -p {facts.project.folder} --app"
    for app in offered(facts.project.config, records.apps) if records else []:
        if app.quorum == 1 and app.compares_only:
            yield Finding(
                "sole_results",
                "unsafe",
                f"app {app.name}: quorum 1, and its validator is BOINC's own",
                "that compares results with each other: a sole one it believes whatever it is. PyBOINC's batches are refused",
                f"{command} {app.name} --quorum 1, for pyboinc-validator; or --quorum 2",
            )
        if records and app.quorum > max(1, records.volunteers):
            there = "none of its volunteers" if not records.volunteers else f"only {records.volunteers} of its volunteers"
            yield Finding(
                "few_volunteers",
                NOTE,
                f"app {app.name}: quorum {app.quorum}, and {there} has attached a computer",
                volunteers_needed(app.name, app.quorum),
                f"more volunteers; for a trial with one computer: {command} {app.name} --quorum 1",
            )


Check = Callable[[ProjectFacts], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (_unfinished, _secrets, _settings, _misread, _host, _web, _umask, _daemons, _pyboinc, _quorums)
