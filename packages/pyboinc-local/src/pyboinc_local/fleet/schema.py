"""Fleet files: TOML that says which volunteers' computers there are. docs/simulate.md lists the keys.

Everything that is wrong is told before anything runs, with file, line and key.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pyboinc.model import SettingsError, describe, nearest
from pyboinc.settings import Places

from ..model_time import Distribution, Fixed, parse_distribution
from ..systems import SYSTEMS
from .availability import ANY, OFF, ON, Availability, OnOff, Recorded, read_trace
from .faults import PROBABILITIES, Faults

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DATA = Path(__file__).parent / "data"
EVERY = "every_host"


@dataclass(frozen=True)
class Group:
    """Hosts of one kind. number: how many of them, among those of the whole fleet.

    speed: operations a second of one processor, in 1e9.  trace: the hosts of a trace, each for one host of the group in turn.
    profile: its arithmetic; "" is that of its platform.
    """

    number: int
    platform: str = "x86_64-pc-linux-gnu"
    name: str = ""
    processor: tuple[str, str] | None = None
    ncpus: Distribution = field(default=Fixed(1.0))
    speed: Distribution = field(default=Fixed(1.0))
    availability: Availability | None = None
    trace: tuple[Recorded, ...] = ()
    life: Distribution | None = None
    detaches: bool = False
    faults: Faults = field(default=Faults())
    profile: str = ""


@dataclass(frozen=True)
class Fleet:
    """What a fleet file says. name: of the file."""

    name: str
    description: str
    groups: tuple[Group, ...]

    @property
    def number(self) -> int:
        """Of hosts."""
        return sum(group.number for group in self.groups)


def ready() -> dict[str, str]:
    """The fleets that come with PyBOINC: name -> description."""
    return {path.stem: load(path.stem).description for path in sorted(DATA.glob("*.toml"))}


def load(name: str, folder: str = ".") -> Fleet:
    """A fleet that comes with PyBOINC, by name, or from a file, relative to folder. Raises SettingsError."""
    known = sorted(path.stem for path in DATA.glob("*.toml"))
    path = DATA / f"{name}.toml" if name in known else Path(folder, name)
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise SettingsError(f"there is no fleet {name!r}: name a file{nearest(name, known, 'or one of these')}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    return parse(text, str(path))


def parse(text: str, path: str) -> Fleet:
    """A fleet from the text of its file. Files that it names are read, relative to its folder. Raises SettingsError."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # the latter of brackets in brackets in ...
        raise SettingsError(f"{path}: {error}") from None
    reader = _Reader(path, text)
    for key in table:
        if key not in ("description", EVERY, "hosts"):
            raise reader.refused_at_top(key, f"unknown key{nearest(key, ['description', f'[{EVERY}]', '[[hosts]]'])}")
    every, tables = table.get(EVERY, {}), table.get("hosts")
    if not isinstance(every, dict):
        raise reader.refused_at_top(EVERY, f"must be a table [{EVERY}]")
    if not isinstance(tables, list) or not tables or not all(isinstance(each, dict) for each in tables):
        raise reader.refused_at_top("hosts", "must be one or more tables [[hosts]]")
    if "number" in every:
        raise reader.refused(EVERY, "number", "belongs to each of [[hosts]]")
    defaults = reader.values(EVERY, every)
    groups = [reader.group(number, each, defaults) for number, each in enumerate(tables, 1)]
    if not any(group.number for group in groups):
        raise SettingsError(f"{path}: the fleet has no hosts")
    description = table.get("description", "")
    if not isinstance(description, str):
        raise reader.refused_at_top("description", "must be a text in quotes")
    return Fleet(Path(path).stem, " ".join(description.split()), tuple(groups))


class _Reader:
    """Reads the tables of one file."""

    def __init__(self, path: str, text: str) -> None:
        self._folder = Path(path).parent
        self._path = path
        self._lines = text.splitlines()
        self._places = Places(path, text)

    def refused_at_top(self, key: str, must: str) -> SettingsError:
        """key: at the file's top, or a table's name."""
        line = next((number for number, line in enumerate(self._lines, 1) if re.match(rf"\s*\[*\s*{re.escape(key)}\b", line)), 1)
        return SettingsError(f"{self._path}, line {line}, {key}: {must}")

    def refused(self, table: str, key: str, must: str) -> SettingsError:
        return SettingsError(f"{self._places.of(table, key)}: {must}")

    def values(self, where: str, table: Mapping[str, Any]) -> dict[str, Any]:
        """The table's values, as what they stand for."""
        found = {}
        for key, value in table.items():
            if key not in _KEYS:
                raise self.refused(where, key, f"unknown key{nearest(key, list(_KEYS))}")
            try:
                found[key] = _KEYS[key](value)
            except ValueError as error:
                raise self.refused(where, key, f"{describe(value)} {error}") from None
        if "trace" in found:
            if clash := next((key for key in ("on", "off", "begin") if key in found), ""):
                raise self.refused(where, clash, "a trace says when hosts are on")
            found["trace"] = self._trace(where, found["trace"])
        return found

    def _trace(self, where: str, name: str) -> tuple[Recorded, ...]:
        try:
            with open(self._folder / name, encoding="utf-8", errors="replace") as file:
                return tuple(read_trace(file.readlines()))
        except OSError as error:
            raise self.refused(where, "trace", f"{self._folder / name}: {error.strerror}") from None
        except ValueError as error:
            raise self.refused(where, "trace", f"{self._folder / name}, {error}") from None

    def group(self, number: int, table: Mapping[str, Any], defaults: Mapping[str, Any]) -> Group:
        where = f"[[hosts]] number {number}"
        own = self.values(where, table)
        if "number" not in own:
            key = next(iter(table), "number")
            raise self.refused(where, key, "say how many hosts these are: number = ...")
        inherited = {key: value for key, value in defaults.items() if not ("trace" in own and key in ("on", "off", "begin"))}
        if "on" in own or "off" in own:
            inherited.pop("trace", None)
        found = {**inherited, **own}
        on, off = found.pop("on", None), found.pop("off", None)
        begin = found.pop("begin", ANY)
        if (on is None) != (off is None):
            key = "on" if off is None else "off"
            raise self.refused(where if key in own else EVERY, key, "on and off belong together")
        if on is not None:
            found["availability"] = OnOff(on, off, begin)
        elif begin != ANY:
            raise self.refused(where, "begin", "says where sessions begin: give on and off too")
        wrong = {key: found.pop(key) for key in [each.name for each in fields(Faults)] if key in found}
        return Group(faults=Faults(**wrong), **found)


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 10_000_000:
        raise ValueError("must be a whole number from 0 to 10,000,000")
    return value


def _probability(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise ValueError("must be a probability, from 0 to 1")
    return float(value)


def _distribution(value: Any) -> Distribution:
    if type(value) not in (int, float, str):
        raise ValueError("must be a number, or a distribution in quotes such as 'lognormal 2.5 0.4'")
    return parse_distribution(str(value))


def _positive(value: Any) -> Distribution:
    found = _distribution(value)
    if not found.typical > 0:
        raise ValueError("must be more than 0")
    return found


def _processor(value: Any) -> tuple[str, str]:
    if not (isinstance(value, list) and len(value) == 2 and all(isinstance(each, str) for each in value)):
        raise ValueError("must be a list of two texts, vendor and model, as BOINC's clients report them")
    return value[0], value[1]


def _profile(value: Any) -> str:
    from ..platforms import PlatformError  # much to import
    from ..platforms.spec import arithmetic

    try:
        arithmetic(str(value))
    except PlatformError as error:
        raise ValueError(f"must be a platform profile, such as 'windows11' or 'windows11@3.12': {error}") from None
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text in quotes")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _seconds(value: Any) -> float:
    found = _distribution(value)
    if not isinstance(found, Fixed):
        raise ValueError("must be a number of seconds, or a time such as '2h'")
    return found.value


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be {' or '.join(map(repr, words))}")
        return str(value)

    return read


_KEYS: dict[str, Callable[[Any], Any]] = {
    "number": _number,
    "name": _text,
    "platform": _one_of(*SYSTEMS),
    "profile": _profile,
    "processor": _processor,
    "ncpus": _positive,
    "speed": _positive,
    "on": _positive,
    "off": _distribution,
    "begin": _one_of(ON, OFF, ANY),
    "trace": _text,
    "life": _positive,
    "detaches": _truth,
    **{name: _probability for name in PROBABILITIES},
    "collude": _text,
    "honest_until": _number,
    "clock_skew": _seconds,
}
