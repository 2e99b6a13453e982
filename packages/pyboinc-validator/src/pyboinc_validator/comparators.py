"""Do the outputs of two results agree? Comparators, and the texts by which a batch names its own.

==================================  ==============================================================================
``bitwise``                         the output files are the same, byte for byte
``tolerance:relative=1e-9``         floats may differ, relative to the larger one; ``absolute=1e-12``: by that much
``ulp:4``                           floats may differ by so many units in the last place
``mymodule:same``                   a function of yours: gets two outputs as neutral trees (`pyboinc.codec.parse`)
``name`` or ``name:key=value,...``  one that a plugin brings by the hook `pyboinc_comparators`
==================================  ==============================================================================

A field of the outputs can have parameters of its own: ``tolerance:relative=1e-9,powers[*][1].relative=1e-6``. They hold
for the field and all in it; what they leave out is as for the rest. A path starts at the output and is made of

- ``.name``: an attribute (without the dot where the path begins), ``.*``: any one;
- ``[2]``: a member of a list, tuple, NamedTuple or array; ``['key']``, ``[7]``: the item of a dict; ``[*]``: any one.
  The fields of a frozen dataclass with slots have no names in an output file: count them, ``[0]`` is the first.

Of several paths that fit, the longest holds; of equally long ones that with fewer stars.

Under `tolerance` and `ulp` whatever is not a float must be equal, types included: 1, 1.0 and True are three values, and so
are float32 and float64. NaN equals NaN, an infinity only itself, -0.0 equals 0.0. Lists have the same length, dicts the same
keys, arrays the same shape and dtype; a complex number is two floats. Members of sets and keys of dicts are compared exactly.
An app's exception has no tolerance, whatever the comparator: type and place must be the same.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import math
import re
import sys
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from struct import pack, unpack
from typing import TYPE_CHECKING, Any

from pyboinc.attachments import all_came_back
from pyboinc.codec import Array, Instance, Made, Scalar, dumps
from pyboinc.errors import DecodeError
from pyboinc.model import SettingsError, describe, nearest
from pyboinc.slave.files import parse_output_file

from .quorum import Candidate, Check

if TYPE_CHECKING:
    import pluggy

Entry = tuple[Any, ...]
"""What an output file has for one call: (True, output) or (False, type name, frames)."""
Factory = Callable[..., "Comparator"]
Close = Callable[[float, float, int], bool]
"""Are two floats of so many bits close enough?"""


class Comparator(ABC):
    """Says whether two output files agree. For one of your own, say whether two outputs do (`agree`).

    spec (str): the text from which `load` makes it again.  key: for a comparator that is an equality, a function of what
    `parse` gives whose values are equal if and only if the files agree; see `pyboinc_validator.quorum.check_set`.
    """

    spec: str = ""
    key: Callable[[Any], Hashable] | None = None

    def __repr__(self) -> str:
        return f"<comparator {self.spec or type(self).__name__}>"

    def parse(self, data: bytes) -> Any:
        """What `same` compares, from an output file: its entries. Raises DecodeError."""
        return self.take(data, parse_output_file(data))

    def take(self, data: bytes, entries: list[Entry]) -> Any:
        """The same, for who has read the file already."""
        return entries

    def same(self, a: Any, b: Any) -> bool:
        """Do two output files, parsed, agree?"""
        return len(a) == len(b) and all(map(self._same_entry, a, b))

    def _same_entry(self, a: Entry, b: Entry) -> bool:
        if a[0] and b[0]:
            return self.agree(a[1], b[1]) and a[2:] == b[2:]  # written files: whatever the comparator, byte for byte
        return a == b  # an error has nothing in it but bool, str and int

    @abstractmethod
    def agree(self, a: Any, b: Any) -> bool:
        """Do the outputs of one call agree? They are neutral trees."""

    def difference(self, a: Any, b: Any) -> str | None:
        """In words, where two output files, parsed, first disagree; None if they agree."""
        if len(a) != len(b):
            return f"outputs of {len(a)} and of {len(b)} calls"
        for number, (one, other) in enumerate(zip(a, b, strict=True), 1):
            if not self._same_entry(one, other):
                call = f"call {number} of {len(a)}: " if len(a) > 1 else ""
                if one[0] and other[0]:
                    files = "the files that the slaves wrote differ" if one[2:] != other[2:] else "the outputs disagree"
                    return call + (self.explain(one[1], other[1]) or files)
                return f"{call}{_entry_text(one)} and {_entry_text(other)}"
        return None

    def explain(self, a: Any, b: Any) -> str | None:
        """In words, where two outputs that do not agree differ first."""
        return difference(a, b)


def _entry_text(entry: Entry) -> str:
    if entry[0]:
        return "an output"
    place = ", ".join(f"{module}.{function} line {line}" for module, function, line in entry[2][-1:])
    return f"{describe(entry[1])} at {describe(place)}"


class Bitwise(Comparator):
    """Output files must be the same, byte for byte; equal values have equal bytes."""

    spec = "bitwise"

    @staticmethod
    def key(data: bytes) -> Hashable:
        return data

    def take(self, data: bytes, entries: list[Entry]) -> bytes:
        return data

    def same(self, a: bytes, b: bytes) -> bool:
        return a == b

    def agree(self, a: Any, b: Any) -> bool:
        return difference(a, b) is None

    def difference(self, a: bytes, b: bytes) -> str | None:
        return None if a == b else super().difference(parse_output_file(a), parse_output_file(b))


class _Close(Comparator):
    """Floats may differ by a little; fields may have limits of their own."""

    def __init__(self, spec: str, close: Close, fields: Mapping[str, Close]) -> None:
        self.spec = spec
        self._limits = _Limits.of(close, fields)

    def agree(self, a: Any, b: Any) -> bool:
        return _differ(a, b, self._limits) is None

    def explain(self, a: Any, b: Any) -> str | None:
        return _in_words(_differ(a, b, self._limits), "output")


def bitwise() -> Comparator:
    """Output files must be the same, byte for byte."""
    return Bitwise()


def tolerance(relative: float = 0.0, absolute: float = 0.0, fields: Mapping[str, Mapping[str, float]] | None = None) -> Comparator:
    """Floats a, b may differ by max(relative * max(|a|, |b|), absolute).

    relative: at least 0, less than 1.  absolute: at least 0, in the floats' own unit.  fields: path -> the parameters there.

    >>> tolerance(relative=1e-9, fields={"powers[*][1]": {"relative": 1e-6}})
    <comparator tolerance:relative=1e-09,powers[*][1].relative=1e-06>
    """
    parameters = {"relative": _number("relative", relative, below=1.0), "absolute": _number("absolute", absolute)}
    own = {
        path: {key: _number(f"{path}.{key}", value, 1.0 if key == "relative" else math.inf) for key, value in each.items()}
        for path, each in _known_parameters(fields, ["relative", "absolute"])
    }
    spec = _spec("tolerance", {key: value for key, value in parameters.items() if value}, own)
    return _Close(spec, _within(**parameters), {path: _within(**{**parameters, **each}) for path, each in own.items()})


def ulp(ulps: int, fields: Mapping[str, Mapping[str, int]] | None = None) -> Comparator:
    """Floats may differ by so many units in the last place: steps from one float to the next of the same width.

    >>> ulp(4, fields={"energy": {"ulps": 64}})
    <comparator ulp:ulps=4,energy.ulps=64>
    """
    steps = _whole("ulps", ulps)
    own = {path: {key: _whole(f"{path}.{key}", value) for key, value in each.items()} for path, each in _known_parameters(fields, ["ulps"])}
    return _Close(_spec("ulp", {"ulps": steps}, own), _steps(steps), {path: _steps(each.get("ulps", steps)) for path, each in own.items()})


class Own(Comparator):
    """A function of the user's: two neutral trees -> bool."""

    def __init__(self, spec: str, function: Callable[[Any, Any], Any]) -> None:
        self.spec = spec
        self._function = function

    def agree(self, a: Any, b: Any) -> bool:
        answer = self._function(a, b)
        if answer is None:
            raise TypeError(f"{self.spec} returned None: it has to return True or False")
        return bool(answer)


COMPARATORS: dict[str, Factory] = {"bitwise": bitwise, "tolerance": tolerance, "ulp": ulp}
"""Those that are here: name -> what makes one, from the parameters."""


def candidate(
    result: int, data: bytes | None, comparator: Comparator, calls: int | None = None, report: Callable[[], bytes | None] | None = None
) -> Candidate:
    """A result for `check_set`, from its output file.

    data: None if it could not be read now.  calls: how many the job has, None if not known.  report(): its second output file,
    asked for if the slave wrote files, which are in it; None if it could not be read now. An output file that PyBOINC has not
    written is invalid, also under `bitwise`: a hundred hosts may agree on it, and the master could not read it. So is a result
    whose files are not what its output says of them, which is what hosts agree on.
    An app's exception is suspicious: it may be the host's fault.
    """
    if data is None:
        return Candidate(result, check=Check.TRANSIENT)
    try:
        entries = parse_output_file(data)
        output = comparator.take(data, entries)
    except DecodeError:
        return Candidate(result, check=Check.INVALID)
    if calls is not None and len(entries) != calls:
        return Candidate(result, check=Check.INVALID)
    if report is not None and any([each[0] and len(each) == 3 for each in entries]):
        said = report()
        if said is None:
            return Candidate(result, check=Check.TRANSIENT)
        if not all_came_back(entries, said):
            return Candidate(result, check=Check.INVALID)
    return Candidate(result, output, suspicious=not all([each[0] for each in entries]))


# ---- Specs: comparators as text.


def known(manager: pluggy.PluginManager) -> dict[str, Factory]:
    """All comparators, those of plugins included. Raises SettingsError if two have the same name."""
    found: dict[str, Factory] = {}
    for each in manager.hook.pyboinc_comparators():
        for name, factory in each.items():
            if found.setdefault(name, factory) is not factory:
                raise SettingsError(f"two plugins bring a comparator {name!r}: remove one of them")
    return found


def load(spec: str, comparators: Mapping[str, Factory] = COMPARATORS) -> Comparator:
    """The comparator of a spec. Raises SettingsError that says what is wrong with it.

    comparators: those that are known by name, see `known`. ``module:function`` imports the module.

    >>> load("tolerance:relative=1e-9,absolute=1e-12")
    <comparator tolerance:relative=1e-09,absolute=1e-12>
    >>> load("ulps")
    Traceback (most recent call last):
    pyboinc.model.SettingsError: comparator 'ulps': no comparator is called 'ulps'; did you mean 'ulp'? known are: ulp, bitwise, tolerance
    """
    try:
        name, colon, rest = spec.strip().partition(":")
        if name in comparators:
            return _made(spec.strip(), comparators[name], *_parameters(rest if colon else None))
        missing = f"no comparator is called {name!r}"
        if not re.fullmatch(r"\w+(\.\w+)*:\w+", spec.strip()):
            raise SettingsError(missing + nearest(name, list(comparators)))
        return Own(spec.strip(), _function(name, rest, f"{missing}{nearest(name, list(comparators))}; and "))
    except SettingsError as error:
        raise SettingsError(f"comparator {spec!r}: {error}", "job", "comparator") from error.__cause__


def _function(module: str, name: str, otherwise: str) -> Callable[[Any, Any], Any]:
    try:
        found = importlib.import_module(module)
    except Exception as error:  # whatever a user's module does when it is imported
        raise SettingsError(f"{otherwise}the module {module} can't be imported: {type(error).__name__}: {error}") from error
    function = getattr(found, name, None)
    if not callable(function):
        names = [key for key, value in vars(found).items() if callable(value) and not key.startswith("_")]
        raise SettingsError(f"the module {module} has no function {name!r}{nearest(name, names, 'it has')}")
    return function  # type: ignore[no-any-return]


def _made(
    written: str, factory: Factory, values: list[Any], options: dict[str, Any], fields: dict[str, dict[str, Any]]
) -> Comparator:
    if fields:
        options = {**options, "fields": fields}
    try:
        takes = inspect.signature(factory).parameters
        anything = any(each.kind is each.VAR_KEYWORD for each in takes.values())
        for key in [key for key in options if key not in takes and not anything]:
            if key == "fields":
                raise SettingsError(f"its fields have no parameters of their own, such as {next(iter(fields))!r}")
            raise SettingsError(f"there is no parameter {key!r}{nearest(key, list(takes))}")
        made = factory(*values, **options)
    except (TypeError, ValueError) as error:
        raise SettingsError(str(error)) from error
    if not isinstance(made, Comparator):
        raise SettingsError(f"its plugin makes a {type(made).__name__}, which is not a pyboinc_validator.comparators.Comparator")
    made.spec = made.spec or written
    return made


_ITEM = re.compile(r"""(?:\[(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^]'"])*\]|[^,\[])+""")


def _parameters(text: str | None) -> tuple[list[Any], dict[str, Any], dict[str, dict[str, Any]]]:
    """``4,relative=1e-9,value.relative=1e-6`` as values, parameters, and parameters of fields."""
    values: list[Any] = []
    options: dict[str, Any] = {}
    fields: dict[str, dict[str, Any]] = {}
    for item in [] if text is None else _items(text):
        key, equals, value = (each.strip() for each in item.rpartition("="))
        if not equals:
            values.append(_value(value))
            continue
        path, dot, name = key.rpartition(".")
        where = fields.setdefault(path, {}) if dot else options
        if not name.isidentifier():
            raise SettingsError(f"{item!r} is not parameter=value")
        if name in where:
            raise SettingsError(f"{key} is given twice")
        where[name] = _value(value)
    return values, options, fields


def _items(text: str) -> Iterator[str]:
    """What commas separate; those in brackets belong to a path."""
    position = -1
    while position < len(text):
        match = _ITEM.match(text, position + 1)
        if match is None or (match.end() < len(text) and text[match.end()] != ","):
            raise SettingsError(f"there is no parameter at {text[position + 1 :]!r}: write parameter=value, separated by commas")
        yield match[0]
        position = match.end()


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _spec(name: str, options: Mapping[str, Any], fields: Mapping[str, Mapping[str, Any]]) -> str:
    words = [f"{key}={value}" for key, value in options.items()]
    words += [f"{path}.{key}={value}" for path, each in fields.items() for key, value in each.items()]
    return f"{name}:{','.join(words)}" if words else name


def _number(name: str, value: object, below: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < below:
        limit = "" if below == math.inf else f", less than {below:g}"
        raise SettingsError(f"{name} = {value!r}: must be a finite number, at least 0{limit}")
    return float(value)


def _whole(name: str, value: object) -> int:
    if type(value) is not int or value < 0:
        raise SettingsError(f"{name} = {value!r}: must be a whole number, at least 0")
    return value


def _known_parameters(fields: Mapping[str, Mapping[str, Any]] | None, names: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, parameters in (fields or {}).items():
        for name in parameters:
            if name not in names:
                raise SettingsError(f"{path}.{name}: there is no parameter {name!r}{nearest(name, names)}")
        yield path, parameters


# ---- Floats.


def ulps(a: float, b: float, bits: int = 64) -> int:
    """Steps from a to b, each to the next float of that width (16, 32 or 64 bits). Neither may be NaN.

    -0.0 and 0.0 are at the same place; an infinity is one step beyond the largest float.

    >>> ulps(1.0, 1.0000000000000004), ulps(-5e-324, 5e-324)
    (2, 2)
    """
    return abs(_ordinal(a, bits) - _ordinal(b, bits))


def _ordinal(value: float, bits: int) -> int:
    """The place of a float among all of its width, 0 for zero: the bits of a float without its sign are in order."""
    as_float, as_int = {16: ("<e", "<H"), 32: ("<f", "<I"), 64: ("<d", "<Q")}[bits]
    number: int = unpack(as_int, pack(as_float, abs(value)))[0]
    return -number if value < 0 else number


def _exactly(a: float, b: float, bits: int) -> bool:
    return (a == b and math.copysign(1.0, a) == math.copysign(1.0, b)) or (a != a and b != b)


def _within(relative: float, absolute: float) -> Close:
    def close(a: float, b: float, bits: int) -> bool:
        return math.isclose(a, b, rel_tol=relative, abs_tol=absolute) or (a != a and b != b)

    return close


def _steps(limit: int) -> Close:
    def close(a: float, b: float, bits: int) -> bool:
        if math.isfinite(a) and math.isfinite(b):
            return a == b or ulps(a, b, bits) <= limit
        return a == b or (a != a and b != b)

    return close


# ---- Paths of fields, and what holds there.


class _Name(str):
    """A step to an attribute; a step to an item is the dict's key or the list's index itself."""

    __slots__ = ()


class _Star:
    """A step to every attribute (``.*``) or to every item (``[*]``)."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


_STEP = re.compile(
    r"""\.?(?P<name>\*|[^\W\d]\w*) | \[(?:(?P<star>\*)|(?P<number>-?\d+)|(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))\]""", re.VERBOSE
)


def _steps_of(path: str) -> tuple[Any, ...]:
    """The steps of a path such as ``powers[*][1]``. Raises SettingsError."""
    steps: list[Any] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        step = _step(match) if match and not (match["name"] and (match[0][0] == ".") == (position == 0)) else None
        if match is None or step is None:
            rest = path[position:]
            raise SettingsError(f"the path {path!r} can't be read from {rest!r} on: it is made of .name, [0], ['key'], .* and [*]")
        steps.append(step)
        position = match.end()
    if not steps:
        raise SettingsError("a parameter of a field begins with the field's path, e.g. value.relative")
    return tuple(steps)


def _step(match: re.Match[str]) -> Any:
    """None if it is no literal of Python's, as some numbers and texts are."""
    if match["name"]:
        return _Star("name") if match["name"] == "*" else _Name(match["name"])
    try:
        return _Star("item") if match["star"] else ast.literal_eval(match["number"] or match["text"])
    except (ValueError, SyntaxError):
        return None


def _fits(pattern: Any, step: Any) -> bool:
    if type(pattern) is _Star:
        return (pattern.kind == "name") == (type(step) is _Name)
    return type(pattern) is type(step) and bool(pattern == step)


@dataclass(frozen=True)
class _Limits:
    """What holds at one place of a tree: how close floats must be, and the paths that lead on from here.

    sees_all: `close` is to be asked of equal arrays too.
    """

    close: Close
    fields: tuple[tuple[tuple[Any, ...], Close], ...] = ()
    sees_all: bool = False

    @classmethod
    def of(cls, close: Close, fields: Mapping[str, Close]) -> _Limits:
        steps = [(_steps_of(path), each) for path, each in fields.items()]
        # fewer stars come later, and of those that end at the same place the last holds
        return cls(close, tuple(sorted(steps, key=lambda each: -sum(type(step) is _Star for step in each[0]))))

    def at(self, step: Any) -> _Limits:
        """The limits one step further."""
        if not self.fields:
            return self
        on = [(path[1:], close) for path, close in self.fields if _fits(path[0], step)]
        ends = [close for path, close in on if not path]
        return _Limits(ends[-1] if ends else self.close, tuple(each for each in on if each[0]))


# ---- Two trees, side by side.

Difference = tuple[list[Any], Any, Any, int]
"""The steps of its path, the last one first; the two values; the width of the floats in bits, or 0."""
_BITS = {"float16": 16, "float32": 32, "float64": 64, "complex64": 32, "complex128": 64}
_BITS |= {"<f2": 16, "<f4": 32, "<c8": 32, "<f8": 64, "<c16": 64}


def difference(a: Any, b: Any, name: str = "output") -> str | None:
    """Where two neutral trees first differ, as `bitwise` sees it; None if they are the same.

    >>> difference([1.0, 2.0], [1.0, 2.0000000000000004])
    'output[1]: 2.0 and 2.0000000000000004, 1 ulp apart'
    """
    return _in_words(_differ(a, b, _EXACT), name)


def float_pairs(a: Any, b: Any) -> tuple[list[tuple[float, float, int]], str | None]:
    """The floats at the same places of two neutral trees, each with its width in bits; and in words, what else differs first.

    What comes after another difference is left out.

    >>> float_pairs([1.0, "a"], [1.5, "b"])
    ([(1.0, 1.5, 64)], "output[1]: 'a' and 'b'")
    """
    pairs: list[tuple[float, float, int]] = []

    def see(x: float, y: float, bits: int) -> bool:
        pairs.append((x, y, bits))
        return True

    return pairs, _in_words(_differ(a, b, _Limits(see, sees_all=True)), "output")


def _in_words(found: Difference | None, name: str) -> str | None:
    if found is None:
        return None
    steps, a, b, bits = found
    path = name + "".join(map(_step_text, reversed(steps)))
    text = f"{path}: {describe(a)} and {describe(b)}"
    if bits and math.isfinite(a) and math.isfinite(b):
        apart = ulps(a, b, bits)
        text += f", {apart} ulp{'s' if apart != 1 else ''} apart"
    return text


def _step_text(step: Any) -> str:
    if type(step) is _Name and step.isidentifier() and step.isascii() and len(step) <= 80:
        return f".{step}"
    return f"[{describe(step)}]"


def _differ(a: Any, b: Any, limits: _Limits) -> Difference | None:
    """One frame of Python's stack for each level of the trees: 200 are allowed."""
    kind = type(a)
    if kind is not type(b):
        return [], a, b, 0
    if kind is float:
        return None if limits.close(a, b, 64) else ([], a, b, 64)
    if kind in _FLAT:
        return None if a == b else ([], a, b, 0)
    leaf = _LEAVES.get(kind)
    if leaf is not None:
        return leaf(a, b, limits)
    parts = _PARTS[kind](a, b)
    if parts is None:
        return [], a, b, 0
    for step, one, other in parts:
        found = _differ(one, other, limits.at(step))
        if found is not None:
            found[0].append(step)
            return found
    return None


Parts = Iterable[tuple[Any, Any, Any]] | None
"""The parts of two values, as (step, part, part); None if the values have not the same parts."""


def _sequence(a: Sequence[Any], b: Sequence[Any]) -> Parts:
    return zip(range(len(a)), a, b, strict=True) if len(a) == len(b) else None


def _dict(a: dict[Any, Any], b: dict[Any, Any]) -> Parts:
    ours, others = _typed(a), _typed(b)
    if ours.keys() != others.keys():
        return None
    return ((key, item, others[typed][1]) for typed, (key, item) in ours.items())


def _typed(items: dict[Any, Any]) -> dict[Any, tuple[Any, Any]]:
    """Items by keys of which 1, 1.0 and True are three."""
    if set(map(type, items)) in ({str}, {int}):
        return {key: (key, item) for key, item in items.items()}
    return {dumps(key): (key, item) for key, item in items.items()}


def _instance(a: Instance, b: Instance) -> Parts:
    if (a.module, a.name, _layout(a.state)) != (b.module, b.name, _layout(b.state)):
        return None
    if type(a.state) is list:  # no names on the wire
        return _sequence(a.state, b.state)
    others = b.fields
    return ((_Name(name), value, others[name]) for name, value in a.fields.items())


def _layout(state: Any) -> object:
    """Which fields there are, and which of them are slots."""
    if type(state) is tuple:
        return set(state[0] or ()), set(state[1])
    return set(state) if type(state) is dict else len(state)


def _made_parts(a: Made, b: Made) -> Parts:
    return _sequence(a.args, b.args) if (a.module, a.name) == (b.module, b.name) else None


def _complex(a: complex, b: complex) -> Parts:
    return (_Name("real"), a.real, b.real), (_Name("imag"), a.imag, b.imag)


def _exact(a: Any, b: Any, limits: _Limits) -> Difference | None:
    return None if a == b and dumps(a) == dumps(b) else ([], a, b, 0)


def _scalar(a: Scalar, b: Scalar, limits: _Limits) -> Difference | None:
    bits = _BITS.get(a.name)
    if a.name != b.name or bits is None:
        return None if a == b else ([], a, b, 0)
    if type(a.value) is complex:
        close = limits.close(a.value.real, b.value.real, bits) and limits.close(a.value.imag, b.value.imag, bits)
    else:
        close = limits.close(a.value, b.value, bits)
    return None if close else ([], a.value, b.value, 0 if type(a.value) is complex else bits)


def _array(a: Array, b: Array, limits: _Limits) -> Difference | None:
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return [], a, b, 0
    bits = _BITS.get(a.dtype)
    if a.data == b.data and not (bits and limits.sees_all):
        return None
    if bits is None:
        return [], a, b, 0
    parts = 2 if a.dtype.startswith("<c") else 1
    for index, (x, y) in enumerate(zip(_floats(a.data, bits), _floats(b.data, bits), strict=True)):
        here = _limits_in_array(index // parts, a.shape, limits) if limits.fields else limits
        if not here.close(x, y, bits):
            return list(reversed(_indices(index // parts, a.shape))), x, y, bits
    return None


def _limits_in_array(index: int, shape: tuple[int, ...], limits: _Limits) -> _Limits:
    for step in _indices(index, shape):
        limits = limits.at(step)
    return limits


def _indices(index: int, shape: tuple[int, ...]) -> list[int]:
    """The place of an element on each axis, in C order.

    >>> _indices(4, (2, 3))
    [1, 1]
    """
    found: list[int] = []
    for length in reversed(shape):
        index, place = divmod(index, length)
        found.insert(0, place)
    return found


def _floats(data: bytes, bits: int) -> Sequence[float]:
    if bits == 16:
        return unpack(f"<{len(data) // 2}e", data)
    values = array("f" if bits == 32 else "d", data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


_EXACT = _Limits(_exactly)
_FLAT = {type(None), bool, int, str, bytes}
_LEAVES: dict[type, Callable[[Any, Any, _Limits], Difference | None]] = {set: _exact, frozenset: _exact, Scalar: _scalar, Array: _array}
_PARTS: dict[type, Callable[[Any, Any], Parts]] = {
    list: _sequence,
    tuple: _sequence,
    dict: _dict,
    Instance: _instance,
    Made: _made_parts,
    complex: _complex,
}
