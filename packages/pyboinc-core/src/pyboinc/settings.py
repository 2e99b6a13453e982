"""Where a run's options come from: arguments, then environment, then pyboinc.toml beside the master."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NoReturn

from .model import JobSettings, SettingsError, describe, nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "pyboinc.toml"
NATIVE, WASM = RUNTIMES = ("native", "wasm")


@dataclass(frozen=True)
class OwnOption:
    """One of PyBOINC's own arguments. metavar: empty for a flag."""

    names: tuple[str, ...]
    help: str
    metavar: str = ""
    kind: type = str
    choices: tuple[str, ...] | None = None


OWN = (
    OwnOption(("-i", "--interface"), "The backend: local, boinc or another that is installed.", "NAME"),
    OwnOption(("-p", "--project_home"), "The folder of the BOINC project; implies -i boinc.", "DIR"),
    OwnOption(("--batch",), "The folder of the batch, instead of the script's.", "DIR"),
    OwnOption(("--fresh",), "Start anew; the batch that is there is set aside."),
    OwnOption(("--quiet",), "Show no progress."),
    OwnOption(("--runtime",), f"What slaves run in: {', '.join(RUNTIMES)}.", "NAME", choices=RUNTIMES),
    OwnOption(("--quorum",), "Results that must agree, instead of what the program says.", "N", int),
    OwnOption(("--hosts",), "Hosts of the local project.", "N", int),
)

taken: list[str] | None = None
"""PyBOINC's own arguments if ``pyboinc run`` started this program and took them out of `sys.argv`, else None."""

on_top: dict[tuple[str, str], Any] = {}
"""What a command that starts the program in this process puts in place of pyboinc.toml's: (table, key) -> value, None for
nothing; table "" is the file's top.
"""

scratch: str | None = None
"""The folder of a command that only tries the program out: the batches of its executors go there, and none lasts."""

DURABILITIES = ("power-cut", "kill")
_TOP_LEVEL = {"interface": str, "project_home": str, "durability": str, "runtime": str}


@dataclass(frozen=True)
class Options:
    """How one run of a master is set up.

    interface (str): the backend's name.  project_home (str): the BOINC project's folder, or empty.  batch (str): the
    batch directory.  tables: the other tables of pyboinc.toml, each for the backend of its name.  durability (str): what
    the batch directory survives: a power cut, or only the death of processes, which is faster.  runtime (str): one of `RUNTIMES`.
    """

    interface: str
    project_home: str
    batch: str
    fresh: bool
    quiet: bool
    job: JobSettings
    tables: Mapping[str, Mapping[str, Any]]
    durability: str = DURABILITIES[0]
    runtime: str = NATIVE


class Places:
    """Where settings come from, for errors: pyboinc.toml, unless an argument or the program itself gave them."""

    def __init__(self, path: str = "", text: str = "", elsewhere: Mapping[tuple[str, str], str] | None = None) -> None:
        self._path = path
        self._text = text
        self._elsewhere = dict(elsewhere or {})

    def given(self, places: Mapping[tuple[str, str], str]) -> Places:
        """The same, with these (table, key) from elsewhere, e.g. "--hosts 0"."""
        return Places(self._path, self._text, {**self._elsewhere, **places})

    def of(self, table: str, key: str) -> str:
        """
        >>> Places("/app/pyboinc.toml", "[local]\\nworkers = 0").of("local", "workers")
        '/app/pyboinc.toml, line 2, workers'
        """
        return self._elsewhere.get((table, key)) or (_place(self._path, self._text, table, key) if self._path else "")


class Table(dict[str, Any]):
    """A backend's table of pyboinc.toml, with the places of all settings of the run."""

    def __init__(self, values: Mapping[str, Any], places: Places) -> None:
        super().__init__(values)
        self.places = places


def placed(error: SettingsError, options: Mapping[str, Any]) -> SettingsError:
    """The error, with the place of its setting in front. options: those of the `Batch`, which a backend gets.

    >>> table = Table({"workers": 0}, Places("/app/pyboinc.toml", "[local]\\nworkers = 0"))
    >>> print(placed(SettingsError("workers = 0: must be at least 1", "local", "workers"), table))
    /app/pyboinc.toml, line 2, workers: workers = 0: must be at least 1
    """
    place = options.places.of(error.table, error.key) if isinstance(options, Table) and error.key else ""
    return SettingsError(f"{place}: {error}" if place else str(error))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(message)


def _parser() -> _Parser:
    parser = _Parser(prog="pyboinc", add_help=False, allow_abbrev=False)
    for each in OWN:
        if each.metavar:
            parser.add_argument(*each.names, metavar=each.metavar, type=each.kind, choices=each.choices, help=each.help)
        else:
            parser.add_argument(*each.names, action="store_true", help=each.help)
    return parser


def split_arguments(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """PyBOINC's own arguments, and the rest, which is the app's. Raises SettingsError.

    >>> split_arguments(["-i", "local", "--points", "9"])[1]
    ['--points', '9']
    """
    theirs = "\0"  # in front of what argparse would take for -i or -p with a value, and is an option of the app such as -input
    own, rest = _parser().parse_known_args([theirs + each if re.match("-[ip].", each) else each for each in argv])
    return own, [each.removeprefix(theirs) for each in rest]


def to_arguments(own: argparse.Namespace) -> list[str]:
    """The inverse of `split_arguments`.

    >>> to_arguments(split_arguments(["--quiet", "--interface=local"])[0])
    ['-i', 'local', '--quiet']
    """
    arguments: list[str] = []
    for each in OWN:
        value = getattr(own, each.names[-1].lstrip("-"))
        if value is not None and value is not False:
            arguments += [each.names[0], str(value)] if each.metavar else [each.names[0]]
    return arguments


def own_arguments(argv: Sequence[str] | None) -> Sequence[str]:
    """Where `pyboinc_master(argv=argv)` finds its own arguments. Those given to ``pyboinc run`` always count."""
    if taken is None:
        return sys.argv[1:] if argv is None else argv
    return [*(argv or []), *taken]


def command_to_go_on() -> list[str]:
    """The command that started this program, without --fresh."""
    if taken is None:
        return [os.path.basename(sys.executable), *(each for each in sys.argv if each != "--fresh")]
    return ["pyboinc", "run", sys.argv[0], *(each for each in taken if each != "--fresh"), *sys.argv[1:]]


def resolve(
    app_folder: str, argv: Sequence[str], environ: Mapping[str, str], job: JobSettings | Mapping[str, Any] | None = None
) -> Options:
    """The options of a run: argument, else environment, else pyboinc.toml, else default. Raises SettingsError."""
    arguments, _ = split_arguments(argv)
    toml = read_toml(os.path.join(app_folder, FILE))
    home = arguments.project_home
    interface = arguments.interface
    if interface is None and home is not None:
        interface = "boinc"
    if interface is None and environ.get("PYBOINC_DIR"):
        interface = "boinc"
    if interface is None:
        interface = toml.interface or ("boinc" if toml.project_home else "local")
    if home is None and interface == "boinc":
        home = environ.get("PYBOINC_DIR") or toml.project_home
    settings = job if isinstance(job, JobSettings) else toml.job.with_(job or {})
    own = [each.name for each in fields(JobSettings)] if isinstance(job, JobSettings) else job or {}
    given = {("job", key): f"job of pyboinc_master, {key}" for key in own}
    tables = {interface: {}, **toml.tables}
    for (table, key), value in on_top.items():
        if table:
            given[table, key] = f"--{key.replace('_', '-')} {value}"
            others = {name: each for name, each in tables.get(table, {}).items() if name != key}
            tables[table] = others if value is None else {**others, key: value}
    if arguments.quorum is not None:
        given["job", "quorum"] = f"--quorum {arguments.quorum}"
        try:
            settings = settings.with_({"quorum": arguments.quorum})
        except SettingsError as error:
            raise SettingsError(f"{given['job', 'quorum']}: {error}") from None
    if arguments.hosts is not None:
        given["local", "hosts"] = f"--hosts {arguments.hosts}"
        tables["local"] = {**tables.get("local", {}), "hosts": arguments.hosts}
    places = toml.places.given(given)
    return Options(
        interface=interface,
        project_home=os.path.abspath(home) if home else "",
        batch=os.path.abspath(arguments.batch or app_folder),
        fresh=arguments.fresh,
        quiet=arguments.quiet,
        job=settings,
        tables={name: Table(table, places) for name, table in tables.items()},
        durability=on_top.get(("", "durability"), toml.durability),
        runtime=arguments.runtime or toml.runtime,
    )


@dataclass(frozen=True)
class TomlFile:
    """What pyboinc.toml says."""

    interface: str = ""
    project_home: str = ""
    job: JobSettings = field(default_factory=JobSettings)
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    durability: str = DURABILITIES[0]
    places: Places = field(default_factory=Places)
    runtime: str = NATIVE


def read_toml(path: str) -> TomlFile:
    """Read pyboinc.toml; defaults if there is none. Raises SettingsError that names file, line and key."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return TomlFile()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    try:
        text = data.decode()
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # the latter of brackets in brackets in ...
        raise SettingsError(f"{path}: {error}") from None
    values: dict[str, str] = {}
    places = Places(path, text)
    tables: dict[str, Mapping[str, Any]] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            tables[key] = Table(value, places)
        elif key not in _TOP_LEVEL:
            raise SettingsError(f"{_place(path, text, '', key)}: unknown key{nearest(key, [*_TOP_LEVEL, '[job]'])}")
        elif not isinstance(value, str):
            raise SettingsError(f"{_place(path, text, '', key)}: must be a text in quotes, not {describe(value)}")
        else:
            values[key] = value
    job = tables.pop("job", {})
    try:
        settings = JobSettings.of(job)
    except SettingsError as error:
        raise SettingsError(f"{_place(path, text, 'job', _blamed(job))}: {error}") from None
    home = values.get("project_home", "")
    home = os.path.join(os.path.dirname(path), os.path.expanduser(home)) if home else ""
    chosen = {}
    for key, words in {"durability": DURABILITIES, "runtime": RUNTIMES}.items():
        chosen[key] = values.get(key, words[0])
        if chosen[key] not in words:
            raise SettingsError(f"{_place(path, text, '', key)}: {chosen[key]!r} is unknown{nearest(chosen[key], words)}")
    return TomlFile(values.get("interface", ""), home, settings, tables, chosen["durability"], places, chosen["runtime"])


def _blamed(job: Mapping[str, Any]) -> str:
    """The key whose value is refused; the last one if only their combination is."""
    for key, value in job.items():
        try:
            JobSettings.of({key: value})
        except SettingsError:
            return key
    return list(job)[-1]


def _place(path: str, text: str, table: str, key: str) -> str:
    """table: e.g. "local", or "[[local.hosts]] number 2"."""
    section = ""
    groups: dict[str, int] = {}
    parent, _, name = re.sub(r"\[\[(.*)\]\] number \d+", r"\1", table).rpartition(".")
    otherwise = ""  # the line of a table that is written as one value, or of the tables that are the value
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(r"[\"']", "", line).strip()
        if match := re.match(r"\[\[([^\[\]]+)\]\]", line):
            group = match[1].strip()
            groups[group] = groups.get(group, 0) + 1
            section = f"[[{group}]] number {groups[group]}"
        elif match := re.match(r"\[([^\[\]]+)\]", line):
            section = match[1].strip()
        elif section == table and re.match(rf"{re.escape(key)}\s*[=.]", line):
            return f"{path}, line {number}, {key}"
        elif section == parent and re.match(rf"{re.escape(name)}\s*(=|\.\s*{re.escape(key)}\s*=)", line):
            otherwise = otherwise or f"{path}, line {number}, {key}"
        if section == f"[[{table}.{key}]] number 1":
            otherwise = otherwise or f"{path}, line {number}, {key}"
    return otherwise or f"{path}, {key}"
