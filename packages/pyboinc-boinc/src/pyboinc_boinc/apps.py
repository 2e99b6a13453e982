"""The apps of a project, and which of them a batch may use. Pure.

What holds for all jobs of an app is the app's own (BOINC's table `app`, its wiki page AppsAndVersions): homogeneous
redundancy, adaptive replication, and the validator with its comparator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyboinc.model import JobSettings, SettingsError, nearest

from .project import Config, ProjectError

HR_TYPES = ("none", "fine", "coarse")
"""By `app.homogeneous_redundancy`: hosts of one class are alike in nothing, processor model, or processor maker."""
DEFAULT_QUORUM = 2


def default_quorum(adaptive: int) -> int:
    """Of an app of which nothing else was said. BOINC replicates adaptively what has a quorum of 1."""
    return 1 if adaptive > 1 else DEFAULT_QUORUM


@dataclass(frozen=True)
class AppRow:
    """A row of `app`, and what the project's files say of it.

    hr (int): an index of HR_TYPES.  adaptive (int): `target_nresults`; above 1 each job with one result to begin with is replicated
    so often until its host is trusted.  min_version (int): the oldest app version that is handed out; 0: only the newest one.
    version (int): the number of the newest app version that runs natively; 0 if there is none.  wasm_version (int), runtime (str):
    the same of the deterministic runtime, and the first 16 digits of its SHA-256.  bitwise (bool): its validator is BOINC's, which
    compares bytes.  quorum (int): of batches that say nothing about one.  unchecked (bool): that validator may believe sole results.
    """

    id: int
    name: str
    hr: int = 0
    adaptive: int = 0
    min_version: int = 0
    version: int = 0
    bitwise: bool = True
    quorum: int = DEFAULT_QUORUM
    unchecked: bool = False
    wasm_version: int = 0
    runtime: str = ""

    @property
    def hr_name(self) -> str:
        return HR_TYPES[self.hr] if 0 <= self.hr < len(HR_TYPES) else str(self.hr)

    @property
    def compares_only(self) -> bool:
        """Whether results are checked by each other alone, so that a sole one of any host's would count whatever it is."""
        return self.bitwise and self.adaptive < 2 and not self.unchecked


def offered(config: Config, rows: Sequence[AppRow]) -> list[AppRow]:
    """The apps that take PyBOINC's jobs, in the order of config.xml."""
    known = {row.name: row for row in rows}
    return [_with_settings(config, known[name]) for name in config.pyboinc_apps if name in known]


def _with_settings(config: Config, row: AppRow) -> AppRow:
    quorum = config.quorum(row.name) or default_quorum(row.adaptive)
    return replace(row, bitwise=config.is_bitwise(row.name), quorum=quorum, unchecked=config.unchecked(row.name))


@dataclass(frozen=True)
class Need:
    """What a batch asks of its app. None: nothing.  hr: one of HR_TYPES.  adaptive (bool).  quorum (int).

    own_hosts (bool): the submitter's alone do the jobs, so that nobody has to be checked.  runtime (str): SHA-256 of the
    deterministic one, empty: it runs natively.
    """

    hr: str | None = None
    adaptive: bool | None = None
    comparator: str = "bitwise"
    quorum: int | None = None
    own_hosts: bool = False
    runtime: str = ""

    def lacking(self, app: AppRow) -> list[str]:
        """What the app lacks, in words."""
        lacks = []
        if self.hr is not None and self.hr != app.hr_name:
            lacks.append(f"homogeneous redundancy is {app.hr_name} there, not {self.hr}")
        if self.adaptive is not None and self.adaptive != (app.adaptive > 1):
            lacks.append(f"replication is {'' if app.adaptive > 1 else 'not '}adaptive there")
        if self.comparator != "bitwise" and app.bitwise:
            lacks.append(f"its validator compares bytes, and the batch's comparator is {self.comparator}")
        if (self.quorum or app.quorum) == 1 and app.compares_only and not self.own_hosts:
            lacks.append("its validator, BOINC's, would believe whatever one volunteer sends, and the batch's quorum is 1")
        if not self.runtime and app.version == 0:
            lacks.append("it has no app version")
        if self.runtime and not app.runtime:
            lacks.append("it has no app version with the deterministic runtime")
        elif self.runtime and self.runtime[:16] != app.runtime:
            lacks.append(f"the deterministic runtime is {app.runtime} there, and here (PYBOINC_RUNTIME=DIR) {self.runtime[:16]}")
        return lacks


def choose(apps: Sequence[AppRow], need: Need, name: str = "") -> AppRow:
    """The app for a batch that names one, or else the first. Raises ProjectError that names the app that would do."""
    if not apps:
        raise ProjectError("the project has no app for PyBOINC's jobs. Its admin makes one:  pyboinc setup -p PROJECT_DIR")
    wanted = next((app for app in apps if app.name == name), None) if name else apps[0]
    if wanted is None:
        raise ProjectError(f"the project has no app {name!r}{nearest(name, [app.name for app in apps], 'its apps for PyBOINC are')}")
    lacks = need.lacking(wanted)
    if not lacks:
        return wanted
    others = [app.name for app in apps if not need.lacking(app)]
    ways = [f"The app {' or '.join(others)} has it: app = {others[0]!r} under [boinc]" if others else _make(need)]
    compared = max(wanted.quorum, DEFAULT_QUORUM)
    if not replace(need, quorum=compared).lacking(wanted):
        ways.append(f"Or quorum = {compared} under [job]")
    raise ProjectError(f"the batch can't use the app {wanted.name}: {'; '.join(lacks)}. {'. '.join(ways)}")


def _make(need: Need) -> str:
    options = "".join([f" --hr {need.hr}" if need.hr else "", " --adaptive 2" if need.adaptive else ""])
    options += "" if need.comparator == "bitwise" else " --validator pyboinc"
    options += " --quorum 1" if need.quorum == 1 and not need.adaptive else ""
    options += " --runtime DIR --engine PLATFORM=FILE --engine-wrapper PLATFORM=FILE" if need.runtime else ""
    return f"No app has it; the project's admin makes one:  pyboinc setup -p PROJECT_DIR --app NAME{options}"


def with_quorum(settings: JobSettings, app: AppRow) -> JobSettings:
    """The settings of a batch on this app. Raises SettingsError if its quorum is more than the replication that the batch wants."""
    if settings.quorum is not None:
        return settings
    quorum = 1 if settings.own_hosts_only else app.quorum
    if settings.replication is not None and settings.replication < quorum:
        text = f"replication is {settings.replication}, less than {quorum}, the quorum of the app {app.name}: say quorum, too"
        raise SettingsError(text, "job", "replication")
    return replace(settings, quorum=quorum)
