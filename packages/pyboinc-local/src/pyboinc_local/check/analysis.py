"""The check of one program, from its calls to what would help."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pyboinc import plugins
from pyboinc.bundle import Program
from pyboinc.errors import PyBoincError
from pyboinc.ports import Clock
from pyboinc_validator import comparators

from .. import deterministic, platforms
from ..fleet.schema import Fleet
from ..server.hr import INTEL, UNKNOWN
from ..server.rows import HR_COARSE
from ..systems import this_profile
from ..worker import NATIVE, WASM
from . import lints, runs
from .collect import Sampled, sample
from .compare import Outcomes, Spread, agree, disagreement, groups, hit, raises, room, smallest, spread
from .lints import Lint
from .population import HR_TYPES, Kind, kinds, shares_of
from .runs import Native, Outcome
from .trace import Divergence, look

FORMAT = 1
VERSIONS = ((3, 9), (3, 11), (3, 12), (3, 14))
"""Versions of Python between which arithmetic changed: hypot in 3.10, sum in 3.12 and 3.14."""
MOST_TRACED = 5
"""Calls of which the first operation that differs is looked for."""
PROCESSORS = {
    **{2: "Intel", 11: "Intel Xeon", 12: "Intel Celeron", 13: "Intel Pentium", 21: "Intel Core"},
    **{3: "AMD", 9: "AMD Athlon 64", 4: "PowerPC", 22: "ARM"},
}
SYSTEMS = {256: "Linux", 384: "Windows", 512: "macOS", 640: "FreeBSD", 768: "Android"}

Progress = Callable[[str, int, int], object]
"""Is told what is being done, and how many of how many steps of it are done."""


@dataclass
class Operation:
    """An operation that was the first to differ. calls (int): in how many of the traced ones.  profiles: that part there.

    example: one of them.  position: of the call that it is from.  source: the line.
    """

    example: Divergence
    position: str
    source: str
    calls: int = 0
    profiles: list[str] = field(default_factory=list)


@dataclass
class HrClass:
    """A class of homogeneous redundancy. share: of all hosts.  disagree: how often two of its hosts do, on average over the calls."""

    number: int
    name: str
    profiles: list[str]
    share: float
    disagree: float
    hit: int


@dataclass
class Findings:
    """All that the check has found; what is written as JSON.

    here: the profile that this computer is.  profiles: name -> "exact", "statistical" or "this computer".  hit: positions of the
    calls on which platforms disagree.  versions_hit: on which versions of Python do.  raising: of those that end in an error of the
    slave's.  unstable: position -> what it depends on, for calls whose output is not the same twice on one computer.  differs: by
    profile, how many calls differ from this computer's outputs.  matrix: profile against profile, the same.  disagree: how often
    two hosts drawn from the fleet do.  accepted: the program's comparator, which is not bitwise, takes all for the same.
    wasm_itself: the platform wasm was the deterministic runtime, and not its model.
    """

    script: str
    python: str
    made: int
    whole: bool
    positions: list[str]
    comparator: str
    here: str
    profiles: dict[str, str]
    fleet: str
    hit: list[str] = field(default_factory=list)
    versions_hit: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    raising: list[str] = field(default_factory=list)
    unstable: dict[str, str] = field(default_factory=dict)
    differs: dict[str, int] = field(default_factory=dict)
    matrix: dict[str, dict[str, int]] = field(default_factory=dict)
    differs_by_version: dict[str, int] = field(default_factory=dict)
    disagree: float = 0.0
    traced: int = 0
    operations: list[Operation] = field(default_factory=list)
    spread: Spread = field(default_factory=Spread)
    accepted: bool = False
    tolerance: dict[str, dict[str, Any]] = field(default_factory=dict)
    redundancy: dict[str, dict[str, Any]] = field(default_factory=dict)
    rounded: dict[str, Any] = field(default_factory=dict)
    wasm_differs: int | None = None
    wasm_itself: bool = False
    lints: list[Lint] = field(default_factory=list)

    @property
    def agree(self) -> bool:
        """By the program's comparator, on every platform and version of Python, and bit for bit twice on one computer."""
        return not self.unstable and not self.failed and (self.accepted or not (self.hit or self.versions_hit))

    def as_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "agree": self.agree, **asdict(self)}


def check(
    script: str, arguments: Sequence[str], wanted: int, volunteers: Fleet, workers: int, folder: str, clock: Clock, progress: Progress
) -> Findings:
    """Check a program. wanted: calls.  volunteers: who would run it.  workers: processes.  folder: an empty one, for all that is made.

    Raises PyBoincError, and what the program raises.
    """
    progress("calls", 0, wanted)
    taken = sample(script, arguments, wanted, folder)
    calls = taken.calls
    version = sys.version_info[:2]
    here = this_profile()
    names = [here, *(name for name in platforms.names() if name not in (here, NATIVE, WASM))]
    found = Findings(
        script=os.path.basename(script),
        python=_dotted(version),
        made=taken.made,
        whole=taken.whole,
        positions=[call.position for call in calls],
        comparator=taken.comparator,
        here=here,
        profiles={name: "this computer" if name == here else _status(name) for name in names},
        fleet=volunteers.name,
    )
    found.lints = _lints(calls)
    progress("this computer", 0, 4)
    _stability(found, calls, runs.natively(calls, folder, clock))
    calls = tuple(call for call in calls if call.position not in found.unstable and call.position not in found.failed)
    if not calls:  # what differs on one computer says nothing about two
        return found
    at = f"@{_dotted(version)}"
    real = deterministic.profile_if_there()
    versions = {_dotted(each): f"{NATIVE}@{_dotted(each)}" for each in VERSIONS}
    profiles = {**{name: name + at for name in names}, **({WASM: real or WASM} if WASM in platforms.names() else {}), **versions}
    everything = runs.under(list(profiles.values()), calls, workers, folder, clock, lambda done, of: progress("platforms", done, of))
    honest = {name: everything[profiles[name]] for name in names}
    by_version = {name: everything[spec] for name, spec in versions.items()}
    population = kinds(volunteers)
    _disagreement(found, calls, honest, by_version, shares_of(population))
    if WASM in profiles:
        found.wasm_differs = _differing(honest[here], everything[profiles[WASM]])
        found.wasm_itself = real is not None
    _trace(found, calls, honest, by_version, profiles, folder, progress)
    _cures(found, honest, population)
    found.accepted = _accepted(taken.comparator, honest, by_version)
    _rounded(found, calls, honest, shares_of(population), at, workers, folder, clock, progress)
    return found


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _status(name: str) -> str:
    """ "exact" if every function is."""
    functions = platforms.load(name).functions.values()
    return platforms.EXACT if all(each.status == platforms.EXACT for each in functions) else platforms.STATISTICAL


def _lints(calls: Sequence[Sampled]) -> list[Lint]:
    programs = {call.program.sha256: call.program for call in calls}
    return sorted({each for program in programs.values() for each in lints.of(program)})


def _stability(found: Findings, calls: Sequence[Sampled], native: Native) -> None:
    """Which calls give something else on the same computer, and why."""
    for number, call in enumerate(calls):
        first = native.first[number]
        if raises(first):
            found.raising.append(call.position)
        if first.output is None:
            found.failed[call.position] = first.text[-2000:]
        elif first.output != native.again[number].output:
            found.unstable[call.position] = "it differs each time: a clock, os.urandom, id() or the like"
        elif first.output != native.other_hashes[number].output:
            found.unstable[call.position] = "it depends on the hash seed: the order of a set, or hash()"
        elif first.output != native.reverse[number].output:
            found.unstable[call.position] = "it depends on the calls before it: state is left over in a module"


def _disagreement(
    found: Findings, calls: Sequence[Sampled], honest: Outcomes, by_version: Outcomes, volunteers: Mapping[str, float]
) -> None:
    found.hit = [calls[call].position for call in hit(honest)]
    found.versions_hit = [calls[call].position for call in hit(by_version)]
    expected = honest[found.here]
    found.differs = {name: _differing(expected, each) for name, each in honest.items()}
    found.matrix = {name: {other: _differing(each, honest[other]) for other in honest} for name, each in honest.items()}
    found.differs_by_version = {name: _differing(by_version[_dotted(VERSIONS[1])], each) for name, each in by_version.items()}
    found.disagree = disagreement(honest, volunteers)
    found.spread = spread(honest, found.here)


def _differing(expected: Sequence[Outcome], outcomes: Sequence[Outcome]) -> int:
    return sum(a.output != b.output for a, b in zip(expected, outcomes, strict=True))


def _trace(
    found: Findings,
    calls: Sequence[Sampled],
    honest: Outcomes,
    by_version: Outcomes,
    profiles: Mapping[str, str],
    folder: str,
    progress: Progress,
) -> None:
    """The first operations that differ, in some of the calls that are hit."""
    by_place: dict[tuple[str, int, str], Operation] = {}
    older = _dotted(VERSIONS[1])
    wanted = [(call, honest, found.here, "") for call in _some(hit(honest), MOST_TRACED)]
    wanted += [(call, by_version, older, "Python ") for call in _some(hit(by_version), 2)]
    found.traced = len(wanted)
    for number, (call, outcomes, reference, kind) in enumerate(wanted):
        progress("operations", number, len(wanted))
        parts = groups(outcomes, call)
        others = [group for group in parts if reference not in group]
        pairs = [(profiles[reference], profiles[group[0]]) for group in others]
        looked = look(calls[call], pairs, os.path.join(folder, f"trace_{number}"))
        seen = set()
        for group, each in zip(others, looked, strict=True):
            each.one_profile, each.other_profile = kind + reference, kind + group[0]
            key = each.file, each.line, each.function
            operation = by_place.setdefault(key, Operation(each, calls[call].position, _line(calls[call].program, each.file, each.line)))
            operation.calls += key not in seen
            operation.profiles += [kind + name for name in group if kind + name not in operation.profiles]
            seen.add(key)
    found.operations = sorted(by_place.values(), key=lambda each: (-each.calls, -len(each.profiles)))


def _some(calls: Sequence[int], most: int) -> list[int]:
    count = min(most, len(calls))
    return [calls[k * len(calls) // count] for k in range(count)]


def _line(program: Program, file: str, number: int) -> str:
    """The text of a line of a source; empty if it is not there."""
    lines = lints.sources(program).get(file.replace(os.sep, "/"), "").splitlines()
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def _accepted(spec: str, *outcomes: Outcomes) -> bool:
    """Does the program's comparator, if it is not bitwise, take all outputs for the same?"""
    own = comparators.load(spec, comparators.known(plugins.for_commands()[0]))
    if own.spec == "bitwise":
        return False
    try:
        return all(agree(own, some, call) for some in outcomes for call in hit(some))
    except Exception as error:  # a user's own function
        raise PyBoincError(f"the comparator {own.spec} raised {type(error).__name__}: {error}") from error


def _cures(found: Findings, honest: Outcomes, population: Sequence[Kind]) -> None:
    outputs = [each.output for each in honest[found.here]]
    for name, comparator in smallest(honest, found.spread).items():
        wrong = 2.0 * found.spread.ulps if name == "ulp" else room(outputs, **{name: float(comparator.spec.rpartition("=")[2])})
        found.tolerance[name] = {"comparator": comparator.spec, "room": wrong}
    for name, hr_type in HR_TYPES.items():
        classes: dict[int, dict[str, float]] = {}
        for kind in population:
            inside = classes.setdefault(kind.hr_class(hr_type), {})
            inside[kind.profile] = inside.get(kind.profile, 0.0) + kind.share
        lost = sum(classes.pop(UNKNOWN, {}).values())
        made = [_hr_class(number, _class_name(number, hr_type), inside, honest) for number, inside in sorted(classes.items())]
        kept = sum(each.share for each in made)
        found.redundancy[name] = {
            "classes": made,
            "without_class": lost,
            "disagree": sum(each.share * each.disagree for each in made) / kept if kept else 0.0,
        }


def _class_name(number: int, hr_type: int) -> str:
    """A class of homogeneous redundancy in words."""
    system, processor = SYSTEMS[number // 128 * 128], number % 128
    if hr_type == HR_COARSE and processor == INTEL:
        return f"{system}, Intel or AMD"
    return f"{system}, {PROCESSORS.get(processor, f'processor class {processor}')}"


def _hr_class(number: int, name: str, shares: dict[str, float], honest: Outcomes) -> HrClass:
    inside = {profile: honest[profile] for profile in shares if profile in honest}
    return HrClass(number, name, sorted(shares), sum(shares.values()), disagreement(inside, shares), len(hit(inside)))


def _rounded(
    found: Findings,
    calls: Sequence[Sampled],
    honest: Outcomes,
    volunteers: Mapping[str, float],
    at: str,
    workers: int,
    folder: str,
    clock: Clock,
    progress: Progress,
) -> None:
    """The calls that are hit once more, with correctly rounded functions in place of the C library's."""
    chosen = hit(honest)
    if not chosen:
        return
    profiles = [f"exact+{name}{at}" for name in honest]
    some = [calls[call] for call in chosen]
    outcomes = runs.under(profiles, some, workers, folder, clock, lambda done, of: progress("correctly rounded", done, of))
    before = sum(honest[found.here][call].seconds for call in chosen)
    cost = sum(each.seconds for each in outcomes[profiles[0]]) / before if before else None
    left = {name: outcomes[spec] for name, spec in zip(honest, profiles, strict=True)}
    disagree = disagreement(left, volunteers) * len(chosen) / len(calls)
    found.rounded = {"hit_before": len(chosen), "hit": len(hit(left)), "disagree": disagree, "cost": cost}
