"""What `pyboinc check` prints."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pyboinc.display import printable

from .analysis import Findings, Operation
from .lints import UNROUTED

WIDTH = 110
WASM_COST = 2.4
"""Times that CPython as WebAssembly takes: the geometric mean of `benchmarks/wasm.py`."""


def tell(found: Findings) -> str:
    """The findings as plain text."""
    return printable("\n".join(wrapped for line in _lines(found) for wrapped in _wrapped(line)))


def _wrapped(line: str) -> list[str]:
    """A long line, its rest a little further to the right."""
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent + "    ", break_long_words=False, break_on_hyphens=False) or [""]


def _lines(found: Findings) -> Iterator[str]:
    yield headline(found)
    more = "" if found.whole else " or more"
    yield f"{_calls(len(found.positions))} of {found.made:,}{more} ran on {len(found.profiles)} platforms, with Python {found.python}."
    for position, text in found.failed.items():
        yield f"Call {position} fails on this computer: {(text.strip().splitlines() or ['no output'])[-1]}"
    if found.raising:
        yield f"{_calls(len(found.raising))} ended in an error of the slave's, which is what was compared: {', '.join(found.raising[:10])}."
    for text in dict.fromkeys(found.unstable.values()):
        calls = [position for position, why in found.unstable.items() if why == text]
        yield f"Not the same twice on this computer: {_calls(len(calls))} ({', '.join(calls[:5])}): {text}."
    if found.operations:
        yield ""
        yield f"THE FIRST OPERATION THAT DIFFERS ({_calls(found.traced)} looked at)"
        for operation in found.operations:
            yield from _operation(operation)
    if found.hit:
        yield ""
        yield f"PLATFORMS (of {_calls(len(found.positions))}, how many differ from this computer's)"
        for name, differs in found.differs.items():
            yield f"  {name:<20}{differs:>6}   {found.profiles[name]}"
        yield f"  {spread_text(found)}"
        yield f"  Two computers drawn from the fleet {found.fleet} disagree on {_percent(found.disagree)} of the calls."
    if found.hit or found.versions_hit:
        yield ""
        yield "WHAT WOULD HELP"
        for name, text in cures(found):
            yield f"  {name}: {text}"
    if found.lints:
        yield ""
        yield "IN THE SOURCE"
        for each in found.lints:
            yield f"  {each.file}:{each.line}: {each.text}"


def headline(found: Findings) -> str:
    """The answer in a sentence."""
    total = len(found.positions)
    if found.failed:
        return f"{_calls(len(found.failed))} of {total} can't be checked: the slave fails on this computer."
    if found.accepted and not found.unstable:
        some = len({*found.hit, *found.versions_hit})
        by = f"by the program's comparator, {found.comparator}"
        return f"Honest computers agree {by}; bit for bit they do not, on {some} of {_calls(total)}."
    if found.hit:
        return f"Honest computers DISAGREE on {len(found.hit)} of {_calls(total)}."
    if found.versions_hit:
        return f"Platforms agree, but versions of Python DISAGREE on {len(found.versions_hit)} of {_calls(total)}."
    if found.unstable:
        return f"The outputs of {len(found.unstable)} of {_calls(total)} are NOT THE SAME TWICE."
    unsure = ", as far as this can see" if any(lint.kind == UNROUTED for lint in found.lints) else ""
    return f"Honest computers agree, bit for bit, on {'all ' if total > 1 else ''}{_calls(total)}{unsure}."


def _operation(operation: Operation) -> Iterator[str]:
    each = operation.example
    if not each.number:
        yield f"  call {operation.position}: none of the {each.operations:,} operations that are watched; see the notes on the source"
        return
    where = f"{each.file}:{each.line}"
    if not each.function:
        yield f"  {where}: before this line, by something that is not watched ({', '.join(operation.profiles)})"
        return
    yield f"  {where}: {each.function}({each.arguments}), in {_calls(operation.calls)}"
    yield f"      {operation.source}"
    width = max(len(each.one_profile), len(each.other_profile))
    yield f"      {each.one_profile:<{width}}  {each.one:<24}  {each.one_hex}"
    yield f"      {each.other_profile:<{width}}  {each.other:<24}  {each.other_hex}"
    if each.arguments_hex:
        yield f"      the arguments' bits: {each.arguments_hex}"
    yield f"      {how_it_spread(operation)}"


def how_it_spread(operation: Operation) -> str:
    """What followed from an operation, in its call."""
    each = operation.example
    text = f"operation {each.number:,} of call {operation.position}; {each.differing:,} of {each.operations:,} gave something else"
    if each.parted:
        text += ", then the program took another path"
    return f"{text}; so on {', '.join(operation.profiles)}"


def spread_text(found: Findings) -> str:
    """How far apart the outputs are."""
    spread = found.spread
    if spread.other:
        return f"Outputs differ in more than floats: {spread.other}."
    return (
        f"{spread.differing:,} of {spread.floats:,} floats in the outputs differ, by at most {spread.relative:.2g} of their size, "
        f"{spread.absolute:.2g} in all, {spread.ulps:,.0f} units in the last place."
    )


def cures(found: Findings) -> Iterator[tuple[str, str]]:
    """Name of each cure, and what it would do for this program."""
    if found.hit:
        yield from _cures_of_platforms(found)
    yield (
        "one CPython for all hosts",
        f"ends what differs between Python's versions ({_calls(len(found.versions_hit))}), not what differs between C libraries, "
        f"which stay the operating systems' own ({_calls(len(found.hit))}, measured with Python {found.python} on every platform)",
    )


def _cures_of_platforms(found: Findings) -> Iterator[tuple[str, str]]:
    yield "a tolerance", _tolerance(found)
    pythons = f", and on {_calls(len(found.versions_hit))} if their Pythons are of different versions" if found.versions_hit else ""
    for name, each in found.redundancy.items():
        left = "; ".join(f"{c.name}: {_percent(c.share)} of the hosts, {_percent(c.disagree)} disagree" for c in each["classes"])
        yield (
            f"homogeneous redundancy, {name}",
            f"two hosts of a class disagree on {_percent(each['disagree'])} of the calls{pythons} (else {_percent(found.disagree)}); "
            f"only hosts of its class can do a job, and {_percent(each['without_class'])} of the hosts have none and get no work. {left}",
        )
    if found.rounded:
        cost = f", in {found.rounded['cost']:.1f} times the time" if found.rounded["cost"] else ""
        yield (
            "correctly rounded functions",
            "with pyboinc.exactmath in place of math and ** in the program's own code "
            f"{found.rounded['hit']} of {_calls(found.rounded['hit_before'])} still differ{cost}",
        )
    if found.wasm_differs is not None:
        yield (
            "the deterministic runtime",
            f"CPython as WebAssembly computes the same bits everywhere, in about {WASM_COST} times the time; its outputs differ from "
            f"this computer's on {_calls(found.wasm_differs)}{'' if found.wasm_itself else ' (by its model: pyboinc build-runtime)'}, "
            "so that it must never share a quorum with other hosts",
        )


def remaining(found: Findings) -> list[tuple[str, float]]:
    """How often two hosts disagree with each cure, for a plot."""
    values = [("as it is", found.disagree)]
    values += [(f"homogeneous redundancy, {name}", each["disagree"]) for name, each in found.redundancy.items()]
    values.append(("one CPython for all hosts", found.disagree))
    if found.rounded:
        values.append(("correctly rounded functions", found.rounded["disagree"]))
    if found.tolerance:
        values.append(("the smallest tolerance", 0.0))
    if found.wasm_differs is not None:
        values.append(("the deterministic runtime", 0.0))
    return values


def _tolerance(found: Findings) -> str:
    if not found.tolerance:
        return "none accepts all honest platforms: outputs differ in more than finite floats"
    parts = [f"{each['comparator']} ({_room(each['room'])})" for each in found.tolerance.values()]
    return f"the smallest that accept all honest platforms are {', '.join(parts)}"


def _room(values: float) -> str:
    return f"a liar has {values:,.0f} wrong values for each right one" if values < 1e9 else f"a liar has {values:.0e} for each right one"


def _percent(share: float) -> str:
    """
    >>> _percent(0.5), _percent(0.004), _percent(0.00001), _percent(0.0)
    ('50 %', '0.4 %', 'less than 0.1 %', '0 %')
    """
    if 0 < share < 0.001:
        return "less than 0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.1 or not share else f"{100 * share:.1f} %"


def _calls(count: int) -> str:
    return f"{count:,} call{'' if count == 1 else 's'}"
