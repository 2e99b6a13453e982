"""Where a run's options come from: arguments, then environment, then pyboinc.toml beside the master."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from .model import JobSettings, SettingsError, nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "pyboinc.toml"
RUNTIMES = ("native",)
_TOP_LEVEL = {"interface": str, "project_home": str}


@dataclass(frozen=True)
class Options:
    """How one run of a master is set up.

    interface (str): the backend's name.  project_home (str): the BOINC project's folder, or empty.  batch (str): the
    batch directory.  tables: the other tables of pyboinc.toml, each for the backend of its name.
    """

    interface: str
    project_home: str
    batch: str
    fresh: bool
    quiet: bool
    job: JobSettings
    tables: Mapping[str, Mapping[str, Any]]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(message)


def _parser() -> _Parser:
    parser = _Parser(prog="pyboinc", add_help=False, allow_abbrev=False)
    parser.add_argument("-i", "--interface", metavar="NAME")
    parser.add_argument("-p", "--project_home", metavar="DIR")
    parser.add_argument("--batch", metavar="DIR")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--runtime", choices=RUNTIMES, default="native")
    return parser


def split_arguments(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """PyBOINC's own arguments, and the rest, which is the app's. Raises SettingsError.

    >>> split_arguments(["-i", "local", "--points", "9"])[1]
    ['--points', '9']
    """
    return _parser().parse_known_args(list(argv))


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
    return Options(
        interface=interface,
        project_home=os.path.abspath(home) if home else "",
        batch=os.path.abspath(arguments.batch or app_folder),
        fresh=arguments.fresh,
        quiet=arguments.quiet,
        job=job if isinstance(job, JobSettings) else toml.job.with_(job or {}),
        tables=toml.tables,
    )


@dataclass(frozen=True)
class TomlFile:
    """What pyboinc.toml says."""

    interface: str = ""
    project_home: str = ""
    job: JobSettings = field(default_factory=JobSettings)
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


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
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None
    values: dict[str, str] = {}
    tables: dict[str, Mapping[str, Any]] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            tables[key] = value
        elif key not in _TOP_LEVEL:
            raise SettingsError(f"{_place(path, text, '', key)}: unknown key{nearest(key, [*_TOP_LEVEL, '[job]'])}")
        elif not isinstance(value, str):
            raise SettingsError(f"{_place(path, text, '', key)}: must be a text in quotes, not {value!r}")
        else:
            values[key] = value
    job = tables.pop("job", {})
    try:
        settings = JobSettings.of(job)
    except SettingsError as error:
        raise SettingsError(f"{_place(path, text, 'job', _blamed(job))}: {error}") from None
    home = values.get("project_home", "")
    home = os.path.join(os.path.dirname(path), os.path.expanduser(home)) if home else ""
    return TomlFile(values.get("interface", ""), home, settings, tables)


def _blamed(job: Mapping[str, Any]) -> str:
    """The key whose value is refused; the last one if only their combination is."""
    for key, value in job.items():
        try:
            JobSettings.of({key: value})
        except SettingsError:
            return key
    return list(job)[-1]


def _place(path: str, text: str, table: str, key: str) -> str:
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*\[([^\[\]]+)\]", line):
            section = match[1].strip()
        elif section == table and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return f"{path}, line {number}, {key}"
    return f"{path}, {key}"
