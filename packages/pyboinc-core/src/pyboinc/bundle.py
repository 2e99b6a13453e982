"""The program of one slave as one zip application: the slave script and the local modules that it imports, transitively.

    program = build("app_slave.py", "/home/me/app", requires=["numpy"])
    program.data, program.sha256, program.modules

The zip holds ``__main__.py`` (the start, see `MAIN`), ``pyboinc.txt`` (the manifest, see `manifest`), the slave under
its own name and the modules at the top, sources as they are, byte for byte. The same sources give the same zip on every
platform, Python version and time zone.

*Local* is what Python itself would find when it runs the slave as a script: files and packages in the folder of the
slave script, and nowhere else. For ``slaves/a.py`` that is the folder ``slaves``, not the one above it. A local file
wins over a module of the standard library, a local folder without ``__init__.py`` does not. (Python lets its built-in
modules, such as ``time``, win over files; which ones are built in differs by platform, so the file is bundled anyway.)

`analyse` is pure: bytes to imports. `_Tree` reads the folder, `_Collector` follows the imports from file to file.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import importlib
import importlib.resources
import importlib.util
import io
import os
import re
import symtable
import sys
import warnings
import zipfile
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import packages_distributions
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from pyboinc.errors import PyBoincError
from pyboinc.slave.runner import FORMAT, read_manifest

if TYPE_CHECKING:
    if sys.version_info >= (3, 11):
        from importlib.resources.abc import Traversable
    else:
        from importlib.abc import Traversable

MAIN = "from pyboinc.slave.runner import main\nmain()\n"
"""The text of ``__main__.py``, in every program."""

SHIPPED = ("codec", "errors", "exactmath", "slave", "version")
"""The parts of pyboinc, beside its own names, that are there on a volunteer's computer."""

_MANIFEST_NAME = "pyboinc.txt"
_MASTER_NAMES = ("pyboinc_master", "master")
_IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_NODES = (ast.expr, ast.stmt, ast.excepthandler, ast.comprehension, ast.keyword, ast.withitem, ast.arguments, ast.arg, ast.match_case)
_TRIES: tuple[type[ast.Try], ...] = (ast.Try, getattr(ast, "TryStar", ast.Try))  # 'except*' is known from Python 3.11
_REQUIREMENT = re.compile(r"\s*(\w(?:[\w.-]*\w)?)\s*(?:$|[\[(<>=!~;@])")


class BundleError(PyBoincError):
    """A slave can't be bundled. The text names file, line and the ways out."""


@dataclass(frozen=True)
class Program:
    """One slave, ready to be sent to volunteers.

    ``slave`` is the script's name as the app knows it, ``data`` the zip, ``sha256`` its digest in hexadecimal.
    ``modules`` are the import names of the bundled modules, sorted, without the slave itself. ``optional`` are modules
    imported under ``try``/``except ImportError`` that are neither local nor in the standard library nor in requires.
    ``main`` is the module that is the master's ``__main__``, or empty.
    """

    slave: str
    data: bytes
    sha256: str
    modules: tuple[str, ...]
    optional: tuple[str, ...]
    main: str = ""


@dataclass(frozen=True)
class Manifest:
    """What ``pyboinc.txt`` in the zip says."""

    slave: str
    modules: tuple[str, ...]
    requires: tuple[str, ...]
    main: str


def build(
    slave: str, folder: Path | str, requires: Sequence[str] = (), overlay: Mapping[str, bytes] | None = None, main: str = ""
) -> Program:
    """Bundle the script ``slave`` (a path relative to ``folder``, with ``/``) with the local modules that it imports.

    ``requires`` names what volunteers have beside Python, by distribution or import name: ``["numpy>=1.20"]``.
    ``overlay`` has files, name to content, that stand before those of the folder; the slave may be one. ``main`` is a module
    among them that is the master's ``__main__``: its classes go by that name. Raises BundleError; imports that are found
    nowhere are all listed at once.
    """
    overlay = overlay or {}
    script = Path(folder) / slave if slave in overlay else _find_slave(slave, Path(folder))
    requires = _checked_requires(requires)
    collector = _Collector(slave, _Tree(script.parent, overlay), _Requirements(requires))
    collector.collect(script)
    modules = tuple(sorted(collector.modules))
    lines = [f"format {FORMAT}", f"slave {slave}", *(f"module {name}" for name in modules), *(f"requires {each}" for each in requires)]
    text = "".join(f"{line}\n" for line in [*lines, *([f"main {main}"] if main else [])])
    data = reproducible_zip({**collector.files, "__main__.py": MAIN.encode(), _MANIFEST_NAME: text.encode()})
    return Program(slave, data, hashlib.sha256(data).hexdigest(), modules, tuple(sorted(collector.optional)), main)


def read(data: bytes) -> Program:
    """The program that `build` made of these bytes. Raises BundleError."""
    found = manifest(data)
    return Program(found.slave, data, hashlib.sha256(data).hexdigest(), found.modules, (), found.main)


def manifest(data: bytes) -> Manifest:
    """Read the manifest of a program that `build` made. Raises BundleError for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            content = read_manifest(archive.read(_MANIFEST_NAME))
    except Exception as error:  # zipfile has no one error for bytes that are no zip file
        raise BundleError(f"This is not a program bundled by this version of PyBOINC: {error}") from error
    return Manifest(content["slave"][0], tuple(content["module"]), tuple(content["requires"]), "".join(content["main"]))


def runtime_zip() -> bytes:
    """The part of pyboinc that is sent to volunteers, as a reproducible zip of its sources."""
    return reproducible_zip(_runtime_files(importlib.resources.files("pyboinc")))


def reproducible_zip(files: Mapping[str, bytes], deflated: Collection[str] = ()) -> bytes:
    """A zip that depends on names (with ``/``) and contents only: stored, sorted, 1980-01-01, ``-rw-r--r--``.

    Those named in ``deflated`` depend on the version of zlib too. Every folder has its own entry: zipimport finds a folder
    without ``__init__.py`` by that alone.
    """
    folders = {f"{parent}/": b"" for name in files for parent in PurePosixPath(name).parents if parent.name}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted({**folders, **files}.items()):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, also when written on Windows
            entry.external_attr = (0o40755 << 16 | 0x10) if name.endswith("/") else 0o100644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED if name in deflated else zipfile.ZIP_STORED, compresslevel=9)
    return buffer.getvalue()


def _runtime_files(package: Traversable) -> dict[str, bytes]:
    """The sources of the shipped parts of ``package`` (the folder of pyboinc), by their names in the zip."""
    names = ["__init__.py", "errors.py", "version.py"]
    try:
        for folder in ("codec", "exactmath", "slave"):
            inner = {part.name for part in (package / folder).iterdir() if part.name.endswith(".py")}
            names += [f"{folder}/{name}" for name in inner | {"__init__.py"}]
        return {f"pyboinc/{name}": package.joinpath(*name.split("/")).read_bytes() for name in names}
    except OSError as error:
        raise BundleError(f"This installation of PyBOINC is incomplete: {error}") from error


# ---- One source: which modules does it import? Pure.


@dataclass(frozen=True)
class Import:
    """One import of one source.

    ``level`` counts the dots of a relative import, ``names`` are what ``from module import ...`` lists.
    ``attempt`` is the line of the ``try`` (catching ImportError) in whose body the import stands, 0 for none;
    ``rescues`` are the lines of those in whose handlers it stands: it is needed there only if the attempt fails.
    """

    line: int
    module: str
    level: int = 0
    names: tuple[str, ...] = ()
    attempt: int = 0
    rescues: tuple[int, ...] = ()


@dataclass(frozen=True)
class Analysis:
    """What bundling needs to know of one source.

    ``exports`` is a literal ``__all__``; ``master_call`` the line where importing the file would start a master.
    """

    imports: tuple[Import, ...]
    exports: tuple[str, ...]
    master_call: int | None


@dataclass(frozen=True)
class _Place:
    """Where a node of the syntax tree stands. ``guarded``: in a function or under an ``if``."""

    attempt: int = 0
    rescues: tuple[int, ...] = ()
    guarded: bool = False


def analyse(source: bytes, file: str, as_script: bool = False) -> Analysis:
    """Find the imports in the bytes of a source, in their order, also those inside functions.

    Left out is what never runs: ``if TYPE_CHECKING:`` and, unless ``as_script``, ``if __name__ == "__main__":``.
    Raises BundleError, naming ``file`` and line, when the source is not Python.
    """
    tree = _parse(source, file)
    imports: list[Import] = []
    master_calls: list[int] = []
    master_names: set[str] = set()
    for node, place in _walk(tree, as_script):
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Call)):
            imports.extend(replace(each, attempt=place.attempt, rescues=place.rescues) for each in _imports_in(node))
            master_names.update(_names_of_master(node))
            if isinstance(node, ast.Call) and not place.guarded and _dotted(node.func) in master_names:
                master_calls.append(node.lineno)
    return Analysis(tuple(imports), _literal_all(tree), min(master_calls, default=None))


def guarded_lines(source: bytes, file: str) -> list[range]:
    """The lines of a script under ``if __name__ == "__main__":``, which do not run when it is imported. Raises BundleError."""
    ifs = [node for node in _parse(source, file).body if isinstance(node, ast.If) and ast.dump(node.test) in _IS_MAIN]
    return [range(node.lineno, (node.body[-1].end_lineno or node.lineno) + 1) for node in ifs]


def may_define(source: bytes, name: str) -> bool:
    """May a module of this source have that name at its top level? (With ``import *`` any.)"""
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.parse(source).body):
        return True
    top = symtable.symtable(source.decode("utf-8-sig", "replace"), "<source>", "exec")
    symbol = top.lookup(name) if name in top.get_identifiers() else None
    return symbol is not None and (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace())


def _parse(source: bytes, file: str) -> ast.Module:
    """The syntax tree of a source that Python can compile."""
    if b"\0" in source:
        raise BundleError(f"{file} contains null bytes: it is not Python source.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, file, "exec", dont_inherit=True)  # finds more than the parser, e.g. a 'return' outside a function
            return ast.parse(source, file)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise BundleError(f"{file}{line}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise BundleError(f"{file}: Python can't compile it: {error}") from error


def _walk(tree: ast.Module, as_script: bool) -> Iterator[tuple[ast.AST, _Place]]:
    """All nodes that may run, in the order of the source, each with its place. (No recursion: sources can be deep.)"""
    pending: list[tuple[ast.AST, _Place]] = [(tree, _Place())]
    while pending:
        node, place = pending.pop()
        yield node, place
        pending.extend(reversed(list(_children(node, place, as_script))))


def _children(node: ast.AST, place: _Place, as_script: bool) -> Iterator[tuple[ast.AST, _Place]]:
    """The children of a node that may run, each with its place."""
    places: dict[str, _Place | None] = {}  # by field of the node; None: never runs
    if isinstance(node, ast.If):
        places = {"body": replace(place, guarded=True), "orelse": replace(place, guarded=True), **_dead_branch(node.test, as_script)}
    elif isinstance(node, _FUNCTIONS):
        places = {"body": replace(place, guarded=True)}
    elif isinstance(node, _TRIES) and any(_catches_import_error(handler.type) for handler in node.handlers):
        places = {"body": replace(place, attempt=node.lineno), "handlers": replace(place, rescues=(*place.rescues, node.lineno))}
    elif isinstance(node, ast.With) and any(_suppresses_import_error(item.context_expr) for item in node.items):
        places = {"body": replace(place, attempt=node.lineno)}
    for name in node._fields:
        value, where = getattr(node, name), places.get(name, place)
        if where is not None:
            for child in value if isinstance(value, list) else (value,):
                if isinstance(child, _NODES):
                    yield child, where


def _dead_branch(test: ast.expr, as_script: bool) -> dict[str, None]:
    """The branch of an ``if`` that never runs on a volunteer's computer."""
    if _last_name(test) == "TYPE_CHECKING":
        return {"body": None}
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and _last_name(test.operand) == "TYPE_CHECKING":
        return {"orelse": None}
    if not as_script and ast.dump(test) in _IS_MAIN:
        return {"body": None}
    return {}


_IS_MAIN = frozenset(ast.dump(ast.parse(text, mode="eval").body) for text in ("__name__ == '__main__'", "'__main__' == __name__"))


def _catches_import_error(caught: ast.expr | None) -> bool:
    """Does ``except caught:`` catch a failed import?"""
    if isinstance(caught, ast.Tuple):
        return any(_catches_import_error(each) for each in caught.elts)
    return caught is None or _last_name(caught) in _IMPORT_ERRORS


def _suppresses_import_error(manager: ast.expr) -> bool:
    """Is it ``contextlib.suppress(ImportError)``?"""
    return isinstance(manager, ast.Call) and _last_name(manager.func) == "suppress" and any(map(_catches_import_error, manager.args))


def _imports_in(node: ast.Import | ast.ImportFrom | ast.Call) -> list[Import]:
    """The imports that one statement or call makes."""
    if isinstance(node, ast.Import):
        return [Import(node.lineno, alias.name) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [Import(node.lineno, node.module or "", node.level, tuple(alias.name for alias in node.names))]
    return _import_by_call(node) if _last_name(node.func) in ("import_module", "__import__") else []


def _import_by_call(call: ast.Call) -> list[Import]:
    """The import that ``importlib.import_module("literal")`` or ``__import__("literal")`` makes."""
    given = dict(zip(("name", "package"), call.args, strict=False)) | {keyword.arg or "": keyword.value for keyword in call.keywords}
    text, package = _literal_text(given.get("name")), _literal_text(given.get("package"))
    module = text.lstrip(".")
    level = len(text) - len(module)
    if level and package:
        module, level = absolute_name(package, level, module) or "", 0
    return [Import(call.lineno, module, level)] if module else []


def _names_of_master(node: ast.AST) -> list[str]:
    """The names under which an import makes pyboinc_master known."""
    if isinstance(node, ast.Import):
        return [f"{alias.asname or alias.name}.{name}" for alias in node.names if alias.name == "pyboinc" for name in _MASTER_NAMES]
    if isinstance(node, ast.ImportFrom) and node.module == "pyboinc" and not node.level:
        names = {alias.name: alias.asname or alias.name for alias in node.names}
        return list(_MASTER_NAMES) if "*" in names else [names[name] for name in _MASTER_NAMES if name in names]
    return []


def _literal_all(tree: ast.Module) -> tuple[str, ...]:
    """``__all__`` of a module, if it is written as a literal."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and "__all__" in map(_dotted, node.targets) and isinstance(node.value, (ast.List, ast.Tuple)):
            return tuple(filter(None, map(_literal_text, node.value.elts)))
    return ()


def _literal_text(node: ast.expr | None) -> str:
    """The value of a string literal; of anything else ''."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _dotted(node: ast.expr) -> str:
    """``a.b`` as text; of anything but names and attributes of names ''."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return ""


def _last_name(node: ast.expr) -> str:
    """``b`` of ``a.b``, ``a`` of ``a``."""
    return _dotted(node).rpartition(".")[2]


def absolute_name(package: str, level: int, module: str) -> str | None:
    """The full name of a module imported from inside ``package`` with ``level`` dots; None beyond the top."""
    if level == 0:
        return module
    parents = package.split(".") if package else []
    if level > len(parents):
        return None
    return ".".join([*parents[: len(parents) - level + 1], *filter(None, [module])])


# ---- What volunteers have beside Python.


def _checked_requires(requires: Sequence[str]) -> list[str]:
    """The requirements, sorted, each once. Raises BundleError for one without a name."""
    if isinstance(requires, str):
        raise BundleError(f"requires is a list of names: write requires = [{requires!r}].")
    for text in requires:
        if not (_REQUIREMENT.match(text) and text.isprintable()):
            raise BundleError(f"requires: {text!r} does not begin with the name of a distribution or module, as 'numpy>=1.20' does.")
    return sorted({text.strip() for text in requires})


class _Requirements:
    """Decides which modules the app's ``requires`` cover."""

    def __init__(self, requires: Iterable[str]) -> None:
        self._names = {_normalised(match[1]) for match in map(_REQUIREMENT.match, requires) if match}

    def cover(self, name: str) -> bool:
        """Is the module declared, by an import name or by the name of the installed distribution it comes from?"""
        if not self._names:
            return False
        parts = name.split(".")
        prefixes = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
        candidates = [*prefixes, *self._distributions.get(parts[0], ())]
        return any(_normalised(candidate) in self._names for candidate in candidates)

    @cached_property
    def _distributions(self) -> Mapping[str, list[str]]:
        """The installed distributions by top-level module."""
        return packages_distributions()


def _normalised(name: str) -> str:
    """The one spelling of a distribution's name, as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


# ---- The files beside the slave.


@dataclass(frozen=True)
class _Module:
    """A local module, or the slave (its name is ``__main__``).

    ``source`` is None for a folder without ``__init__.py``; ``folder`` holds the submodules, None if it is no package.
    ``entry`` is its name in the zip.
    """

    name: str
    source: Path | None
    folder: Path | None
    entry: str

    @property
    def package(self) -> str:
        """What relative imports in it start from."""
        return self.name if self.folder else self.name.rpartition(".")[0]


class _Tree:
    """The importable files of a folder. Names match exactly, also where the file system does not mind case.

    ``overlay`` has files that stand before those of the folder.
    """

    def __init__(self, top: Path, overlay: Mapping[str, bytes]) -> None:
        self.top = top
        self._overlay = {top / name: content for name, content in overlay.items()}
        self._listings: dict[Path, frozenset[str]] = {}

    def names(self, folder: Path) -> frozenset[str]:
        """What is in a folder; nothing if it is none."""
        if folder not in self._listings:
            self._listings[folder] = _names_in(folder) | {path.name for path in self._overlay if path.parent == folder}
        return self._listings[folder]

    def chain(self, name: str) -> list[_Module]:
        """What ``import name`` loads from here, outermost first, as far as it is here."""
        found: list[_Module] = []
        folder: Path | None = self.top
        for part in name.split("."):
            module = self._child(folder, part, found[-1].name + "." if found else "") if folder else None
            if module is None:
                break
            found.append(module)
            folder = module.folder
        return found

    def read(self, file: Path) -> bytes:
        """The bytes of a source."""
        return self._overlay[file] if file in self._overlay else _read(file)

    def complete_chain(self, name: str) -> list[_Module]:
        """The same if it ends in a file; else nothing."""
        chain = self.chain(name)
        return chain if len(chain) == name.count(".") + 1 and chain[-1].source else []

    def _child(self, folder: Path, part: str, prefix: str) -> _Module | None:
        """One module of a folder, in Python's order: a package, a file, a folder without ``__init__.py``."""
        inner, file = folder / part, folder / f"{part}.py"
        name = prefix + part
        path = name.replace(".", "/")
        if file not in self._overlay and part in self.names(folder) and "__init__.py" in self.names(inner):
            return _Module(name, inner / "__init__.py", inner, f"{path}/__init__.py")
        if file in self._overlay or (file.name in self.names(folder) and file.is_file()):
            return _Module(name, file, None, f"{path}.py")
        if part in self.names(folder) and inner.is_dir():
            return _Module(name, None, inner, f"{path}/")
        return None


def _names_in(folder: Path) -> frozenset[str]:
    """The names in a folder; none if it is not a folder."""
    try:
        return frozenset(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError as error:
        raise BundleError(f"The folder {folder} can't be read: {error.strerror}") from error


def _read(file: Path) -> bytes:
    """The bytes of a source."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise BundleError(f"{file} can't be read: {error.strerror}") from error


def _find_slave(slave: str, folder: Path) -> Path:
    """The path of the slave script. Raises BundleError, with the nearest names, if it is not there."""
    _check_slave_name(slave)
    if not folder.is_dir():
        raise BundleError(f"There is no folder {folder}.")
    path = folder
    for part in PurePosixPath(slave).parts:
        if part not in _names_in(path):
            raise BundleError(f"There is no {slave} in {folder}. {_offer(slave, folder)}")
        path /= part
    if not path.is_file():
        raise BundleError(f"{slave} in {folder} is not a file.")
    return path


def _check_slave_name(slave: str) -> None:
    """Raise BundleError unless the name is that of a Python script below the app's folder, in its plainest form."""
    windows = PureWindowsPath(slave)
    if windows.drive or windows.root or ".." in windows.parts:
        raise BundleError(f"{slave!r}: a slave is a file in the folder of the app; name it relative to that folder, without '..'.")
    if not slave.endswith(".py"):
        raise BundleError(f"{slave!r}: a slave is a Python script; its name ends in .py.")
    plain = windows.as_posix()
    if not slave.isprintable():
        raise BundleError(f"{slave!r}: the name of a slave holds printable characters only.")
    if plain != slave:
        raise BundleError(f"{slave!r}: write the name of the slave as {plain!r}, so that it is the same everywhere.")
    if slave in ("__main__.py", "pyboinc.py") or slave.startswith("pyboinc/"):
        raise BundleError(f"{slave!r}: PyBOINC needs this name for itself; give the slave another one.")


def _offer(slave: str, folder: Path) -> str:
    """The Python files that are there, the most similar name first."""
    below = PurePosixPath(slave).parent
    places = {PurePosixPath("."), below}
    there = [str(place / name) for place in places for name in _names_in(folder / place) if name.endswith(".py")]
    if not there:
        return "There are no .py files there."
    there.sort(key=lambda name: (-difflib.SequenceMatcher(None, slave, name).ratio(), name))
    more = f" and {len(there) - 10} more" if len(there) > 10 else ""
    return f"There are: {', '.join(there[:10])}{more}."


# ---- From file to file.


class _NotFound(Exception):
    """A module can't be had. Without a reason, it is nowhere at all."""

    def __init__(self, name: str, reason: str = "") -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason


@dataclass
class _Collector:
    """Follows the imports of a slave; what it found is in ``files`` (by entry), ``modules`` and ``optional``."""

    slave: str
    tree: _Tree
    requirements: _Requirements
    files: dict[str, bytes] = field(default_factory=dict)
    origins: dict[str, Path] = field(default_factory=dict)
    analyses: dict[_Module, Analysis] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    optional: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)

    def collect(self, script: Path) -> None:
        """Collect the slave and all that it imports. Raises BundleError with all problems at once."""
        start = _Module("__main__", script, None, self.slave)
        self._add(start, script)
        analysis = self._analysis(start)
        if analysis.master_call:
            self.problems.append(f"{self.slave}, line {analysis.master_call}: calls pyboinc_master: this is a master, not a slave.")
        pending = deque([start])
        while pending:
            importer = pending.popleft()
            for line, module in self._imported_by(importer):
                if module.source and self._add(module, module.source):
                    self._check_no_master(importer, line, module)
                    pending.append(module)
        if self.problems:
            raise BundleError(self._complaint())

    def _add(self, module: _Module, source: Path) -> bool:
        """Put a module among the files; False if it is there already."""
        origin = self.origins.setdefault(module.entry, source)
        if origin != source:
            raise BundleError(f"{self._shown(module)} and the slave {self.slave} need the same name in the bundle; rename one of them.")
        if module.entry in self.files:
            return False
        self.files[module.entry] = self.tree.read(source)
        if source != self.origins[self.slave]:
            self.modules.add(module.name)
        return True

    def _analysis(self, module: _Module) -> Analysis:
        """The imports of a module that is among the files."""
        if module not in self.analyses:
            self.analyses[module] = analyse(self.files[module.entry], self._shown(module), as_script=module.name == "__main__")
        return self.analyses[module]

    def _imported_by(self, importer: _Module) -> Iterator[tuple[int, _Module]]:
        """The local modules that a module imports, with the lines; notes those that can't be had."""
        tried: set[int] = set()
        failed: set[int] = set()
        for wanted in self._analysis(importer).imports:
            needless = any(attempt in tried - failed for attempt in wanted.rescues)
            tried.add(wanted.attempt)
            try:
                yield from ((wanted.line, module) for module in self._modules_for(importer, wanted))
            except _NotFound as lack:
                if not needless:
                    failed.add(wanted.attempt)
                if not needless and not wanted.attempt:
                    self._note_problem(importer, wanted.line, lack)
                elif not wanted.level:
                    self.optional.add(lack.name)

    def _modules_for(self, importer: _Module, wanted: Import) -> list[_Module]:
        """The local modules that one import loads; none if every host has it. Raises _NotFound."""
        name = absolute_name(importer.package, wanted.level, wanted.module)
        if name is None:
            written = "." * wanted.level + wanted.module
            raise _NotFound(written, f"but {self._shown(importer)} is not so deep in a package; import it by its full name.")
        top = name.partition(".")[0]
        if top == "pyboinc":
            _check_shipped(name, wanted.names)
            return []
        chain = self.tree.chain(name)
        if not (chain and chain[0].source) and (top == "__main__" or top in sys.stdlib_module_names or self._covered(name, wanted.names)):
            return []
        return self._local_modules(name, chain, wanted.names)

    def _covered(self, name: str, names: tuple[str, ...]) -> bool:
        """Is the module, or what is imported from it, in requires?"""
        return any(self.requirements.cover(each) for each in (name, *(f"{name}.{inner}" for inner in names)))

    def _local_modules(self, name: str, chain: list[_Module], names: tuple[str, ...]) -> list[_Module]:
        """The chain, and those of the names that are submodules. In a folder without ``__init__.py`` all must be."""
        if not chain:
            raise _NotFound(name.partition(".")[0], self._spelling(name))
        if len(chain) <= name.count("."):
            raise _NotFound(name, self._not_in(chain[-1]))
        package = chain[-1]
        if package.source is None and not names:
            raise _NotFound(name, self._not_in(package))
        if "*" in names and package.folder and package.source:
            names = analyse(self.tree.read(package.source), self._shown(package)).exports
        found = list(chain)
        for inner in names if package.folder else ():
            submodule = self.tree.complete_chain(f"{name}.{inner}")
            if not submodule and package.source is None:
                raise _NotFound(f"{name}.{inner}", self._not_in(package))
            found.extend(submodule)
        return found

    def _spelling(self, name: str) -> str:
        """A reason if only the case of the name is wrong, else ''."""
        top = name.partition(".")[0]
        alike = sorted(each for each in self.tree.names(self.tree.top) if each.lower() in (top.lower(), f"{top.lower()}.py"))
        return f"but here it is spelled {alike[0]!r}; many systems tell the two apart." if alike and Path(alike[0]).stem != top else ""

    def _not_in(self, module: _Module) -> str:
        """The reason why a part of a local package is not found."""
        if module.source is None:
            return f"but the folder {self._shown(module)} has no such Python file."
        return f"but {self._shown(module)} is " + ("a package without such a module." if module.folder else "a module, not a package.")

    def _check_no_master(self, importer: _Module, line: int, module: _Module) -> None:
        """Note a problem if importing the module would run the master on the volunteer's computer."""
        call = self._analysis(module).master_call
        if call:
            self.problems.append(
                f"{self._shown(importer)}, line {line}: imports {module.name!r}, which calls pyboinc_master in line {call} when imported: "
                "every volunteer would run the master. Put that call under if __name__ == '__main__':, or move what master and slave "
                "share into a module of its own."
            )

    def _note_problem(self, importer: _Module, line: int, lack: _NotFound) -> None:
        """Note an import that can't be had."""
        if not lack.reason:
            self.missing.add(lack.name)
        reason = lack.reason or "which is not in this folder, not in Python's standard library and not in requires."
        self.problems.append(f"{self._shown(importer)}, line {line}: imports {lack.name!r}, {reason}")

    def _complaint(self) -> str:
        """All problems, and the ways out."""
        lines = list(dict.fromkeys(self.problems))
        separator = "\n" if len(lines) > 1 else " "
        if self.missing:
            names = sorted(self.missing)
            files = ", ".join(f"{name}.py" for name in names)
            lines.append(
                f"Ways out: put {files} beside {self.slave}; add requires = {names} to the job settings (JobSettings(requires=[...]) or "
                f"[job] in pyboinc.toml) if volunteers have {'it' if len(names) == 1 else 'them'}; or wrap the import in "
                "try/except ImportError if the slave can do without."
            )
        return separator.join(lines)

    def _shown(self, module: _Module) -> str:
        """The name of a module's file relative to the app's folder."""
        return self.slave if module.name == "__main__" else str(PurePosixPath(self.slave).parent / module.entry)


def _check_shipped(name: str, names: Iterable[str]) -> None:
    """Raise _NotFound for a part of pyboinc that volunteers don't get."""
    inner = name.split(".")[1:2] or [each for each in names if _is_part_of_pyboinc(each)]
    for part in inner:
        if part not in SHIPPED:
            allowed = ", ".join(f"pyboinc.{each}" for each in SHIPPED)
            raise _NotFound(f"pyboinc.{part}", f"which volunteers don't have; a slave may import pyboinc, {allowed}.")


def _is_part_of_pyboinc(name: str) -> bool:
    """Does ``from pyboinc import name`` mean a submodule, not one of the public names?"""
    public = getattr(importlib.import_module("pyboinc"), "__all__", ())
    return name not in public and importlib.util.find_spec(f"pyboinc.{name}") is not None
