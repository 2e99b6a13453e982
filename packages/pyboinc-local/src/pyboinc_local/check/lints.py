"""What the source says about bits that differ: order, clocks, addresses, and arithmetic that no platform profile reaches."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import io
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import decode_source

from pyboinc.bundle import Program

from ..platforms.namespace import REEXECUTED

UNROUTED = "not routed"
"""The kind of a lint that says: what `pyboinc check` measures does not hold for this."""


@dataclass(frozen=True, order=True)
class Lint:
    """Something in a source. kind (str): "order", "clock", "identity", "locale", "nan", "sum", "library" or `UNROUTED`."""

    file: str
    line: int
    kind: str
    text: str


CALLS = {
    "hash": ("identity", "hash() of a text differs from process to process: use hashlib, or zlib.crc32"),
    "id": ("identity", "id() is an address: it differs from run to run"),
    "os.urandom": ("clock", "os.urandom gives other bytes each time: use random, which is seeded for each call"),
    "uuid.uuid1": ("clock", "uuid1 holds the clock and the network card's number"),
    "uuid.uuid4": ("clock", "uuid4 is random: make names from the input"),
    "random.SystemRandom": ("clock", "SystemRandom can't be seeded: use random.Random"),
    "datetime.now": ("clock", "the clock differs from host to host"),
    "datetime.utcnow": ("clock", "the clock differs from host to host"),
    "datetime.today": ("clock", "the clock differs from host to host"),
    "date.today": ("clock", "the clock differs from host to host"),
    "os.listdir": ("order", "the order of a folder's names differs from host to host: sort them"),
    "glob.glob": ("order", "the order of a folder's names differs from host to host: sort them"),
    "os.getenv": ("locale", "the environment differs from host to host"),
    "math.copysign": ("nan", "the sign of a NaN differs between processors: ask math.isnan before copysign"),
    "struct.pack": ("nan", "the bits of a NaN differ between processors: ask math.isnan before pack"),
}
MODULES = {
    "time": ("clock", "clocks differ from host to host; time measured is no result"),
    "secrets": ("clock", "secrets can't be seeded: use random, which is seeded for each call"),
    "locale": ("locale", "the locale differs from host to host"),
    "platform": ("locale", "what the computer is called differs from host to host"),
    "socket": ("clock", "the network gives each host something else"),
}
DUNDERS = {"__pow__", "__rpow__", "__ipow__"}
PASSING_ORDER = {"list", "tuple", "sum", "enumerate", "iter", "map", "filter", "zip", "reversed", "next"}
"""Functions that hand on the order of what they get, unlike sorted, min, max, len, set, any and all."""


def of(program: Program) -> list[Lint]:
    """All that is found in a program."""
    return lint(sources(program), frozenset(program.modules))


def sources(program: Program) -> dict[str, str]:
    """The texts of a program's files, by name."""
    with zipfile.ZipFile(io.BytesIO(program.data)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".py") and name != "__main__.py"]
        return {name: decode_source(archive.read(name)) for name in names}


def lint(sources: Mapping[str, str], own: frozenset[str]) -> list[Lint]:
    """All that is found in the sources of a program (file -> text). own: the names of its modules."""
    found: set[Lint] = set()
    for file, text in sources.items():
        tree = ast.parse(text)
        names = _imported(tree)
        found.update(Lint(file, line, kind, told) for line, kind, told in _in(tree, names, own))
    return sorted(found)


def _imported(tree: ast.AST) -> dict[str, str]:
    """What the names of imports stand for: {"m": "math", "sin": "math.sin"}."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update({alias.asname or alias.name.partition(".")[0]: alias.name for alias in node.names})
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return names


def _in(tree: ast.AST, names: Mapping[str, str], own: frozenset[str]) -> Iterator[tuple[int, str, str]]:
    sets = _set_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for module in _modules(node):
                yield from ((node.lineno, *each) for each in _of_module(module, own))
        elif isinstance(node, ast.Call):
            yield from ((node.lineno, *each) for each in _of_call(node, names, sets))
        elif isinstance(node, (ast.For, ast.comprehension)) and _is_set(node.iter, sets):
            yield node.iter.lineno, "order", "the order of a set differs from process to process: sort it"
        elif isinstance(node, ast.Attribute):
            if node.attr in DUNDERS and isinstance(node.ctx, ast.Load):
                yield node.lineno, UNROUTED, f"{node.attr} called by name is computed by this computer's C library: write **"
            if _full(node, names) == "sys.modules":
                yield node.lineno, UNROUTED, "what comes from sys.modules is this computer's own: import it"


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if node.module and not node.level else []


def _of_module(name: str, own: frozenset[str]) -> Iterator[tuple[str, str]]:
    top = name.partition(".")[0]
    if top in own or top in ("pyboinc", "math", "cmath", *REEXECUTED):
        return
    if top in MODULES:
        yield MODULES[top]
    elif top not in sys.stdlib_module_names:
        what = "compiled code" if _is_compiled(top) else "a package"
        yield UNROUTED, (
            f"{top} is {what} from outside the program: it computes with this computer's C library and processor, "
            "whatever the profile. Volunteers' results may differ where this check sees no difference"
        )


def _is_compiled(top: str) -> bool:
    """Are there extension modules in it? Only looked for, not imported."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    if spec is None or isinstance(spec.loader, importlib.machinery.ExtensionFileLoader):
        return spec is not None
    from pathlib import Path

    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    return any(file.name.endswith(suffixes) for folder in spec.submodule_search_locations or () for file in Path(folder).rglob("*"))


def _of_call(node: ast.Call, names: Mapping[str, str], sets: frozenset[str]) -> Iterator[tuple[str, str]]:
    name = _full(node.func, names)
    short = ".".join(name.split(".")[-2:])
    if name in CALLS:
        yield CALLS[name]
    elif short in CALLS:
        yield CALLS[short]
    if name == "sum":
        yield "sum", "sum() of floats gives other bits from Python 3.12 on: use math.fsum, which is exact"
    if name == "math.hypot" or name == "math.dist":
        yield "sum", f"{name} gives other bits from Python 3.10 on: use math.sqrt of a sum"
    if name == "os.environ.get" or name == "os.environ":
        yield "locale", "the environment differs from host to host"
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if node.args and _is_set(node.args[0], sets) and (name in PASSING_ORDER or method == "join"):
        yield "order", "the order of a set differs from process to process: sort it"
    if isinstance(node.func, ast.Attribute) and method == "pop" and not node.args and _is_set(node.func.value, sets):
        yield "order", "which member pop() takes from a set differs from process to process"


def _full(node: ast.expr, names: Mapping[str, str]) -> str:
    """The dotted name of a function, through imports: `m.sin` is "math.sin"."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([names.get(node.id, node.id), *reversed(parts)])


def _set_names(tree: ast.AST) -> frozenset[str]:
    """Variables that are only ever given sets."""
    given: dict[str, bool] = {}
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        for target in targets:
            if isinstance(target, ast.Name):
                given[target.id] = given.get(target.id, True) and _is_set(value, frozenset())
    return frozenset(name for name, only in given.items() if only)


def _is_set(node: ast.expr, sets: frozenset[str]) -> bool:
    if isinstance(node, (ast.Set, ast.SetComp)):
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ("set", "frozenset")
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)):
        return _is_set(node.left, sets) or _is_set(node.right, sets)
    return isinstance(node, ast.Name) and node.id in sets
