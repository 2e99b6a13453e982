"""The shape of the packages: what each may import, and what it is released with."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = Path(__file__).resolve().parents[2] / "packages"
MODULES = {
    "pyboinc-core": "pyboinc",
    "pyboinc-validator": "pyboinc_validator",
    "pyboinc-assimilator": "pyboinc_assimilator",
    "pyboinc-local": "pyboinc_local",
    "pyboinc-boinc": "pyboinc_boinc",
}
MAY_IMPORT = {
    "pyboinc": set(),
    "pyboinc_validator": {"pyboinc"},
    "pyboinc_assimilator": {"pyboinc"},
    "pyboinc_local": {"pyboinc", "pyboinc_validator", "pyboinc_assimilator"},
    "pyboinc_boinc": {"pyboinc", "pyboinc_validator", "pyboinc_assimilator"},
}

# Decisions: time, disk and database are parameters (pyboinc.ports).
DECISIONS = [
    "pyboinc/decisions.py",
    "pyboinc/packing.py",
    "pyboinc_assimilator/decide.py",
    "pyboinc_validator/quorum.py",
    "pyboinc_local/server/**/*.py",
    *(f"pyboinc_local/fleet/{name}.py" for name in ("availability", "estimate", "faults", "hosts", "report", "study", "tally", "tell")),
    *(f"pyboinc_boinc/{name}.py" for name in ("apps", "doctor", "knobs", "project", "setup", "versions", "xmledit")),
]
WORLD = {
    *("asyncio", "concurrent", "datetime", "glob", "io", "logging", "mmap", "multiprocessing", "os", "pathlib", "secrets", "select"),
    *("shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib", "uuid"),
}
WORLDLY_CALLS = {"open", "print", "input", "__import__"}

# Shipped to volunteers as it is.
SHIPPED = [
    *("pyboinc/__init__.py", "pyboinc/errors.py", "pyboinc/version.py"),
    *("pyboinc/codec/**/*.py", "pyboinc/exactmath/**/*.py", "pyboinc/slave/**/*.py"),
    *("pyboinc_boinc/__init__.py", "pyboinc_boinc/slave/**/*.py"),
]
SINCE_310 = {"tomllib"}
ONE_OF_THEM = {"_sha2", "_sha256"}  # each Python has one of them, or hashlib does


def sources(*patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in PACKAGES.glob(f"*/src/{pattern}"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGES).as_posix().split("/src/")[1]


def each(*patterns: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", sources(*patterns), ids=name_of)


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Like ast.walk, but without what only a type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in node.orelse:
                yield from nodes(other)
            continue
        yield node
        yield from nodes(node)


def imports(path: Path) -> set[str]:
    """Absolute names of the modules that a file imports, anywhere in it."""
    package = name_of(path).removesuffix(".py").split("/")[:-1]
    found = set()
    for node in nodes(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            found.add(".".join([*base, *([node.module] if node.module else [])]))
    return found


def top(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def test_the_top_level_stays_as_it_is() -> None:
    folders = {path.name for path in PACKAGES.parent.iterdir() if path.is_dir() and not path.name.startswith(".")}
    assert folders - {"build", "dist"} == {"benchmarks", "docs", "examples", "packages", "sim", "tests"}


def test_there_are_five() -> None:
    assert {path.name for path in PACKAGES.iterdir() if path.is_dir()} == set(MODULES)


@pytest.mark.parametrize("distribution", MODULES)
def test_release(distribution: str) -> None:
    released = importlib.metadata.distribution(distribution)
    assert released.version == importlib.metadata.version("pyboinc-core")
    assert released.metadata["License-Expression"] == "LGPL-3.0-or-later"
    if json.loads(released.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable"):
        pytest.skip("not installed from a wheel")
    files = [path.as_posix() for path in released.files or []]
    assert f"{MODULES[distribution]}/py.typed" in files
    assert any(path.endswith("licenses/LICENSE") for path in files)


def test_siblings_accept_this_version() -> None:
    """The bounds between the packages are the one place, beside version.py, that a release may have to touch."""
    version = tuple(map(int, importlib.metadata.version("pyboinc-core").split(".")[:2]))
    for distribution in MODULES:
        for requirement in importlib.metadata.requires(distribution) or []:
            if requirement.startswith("pyboinc-"):
                bounds = re.fullmatch(r"pyboinc-\w+(?:\[wasm\])?<(\d+)\.(\d+),>=(\d+)\.(\d+)", requirement.partition(";")[0].rstrip())
                assert bounds, requirement
                below, least = tuple(map(int, bounds.groups()[:2])), tuple(map(int, bounds.groups()[2:]))
                assert least <= version < below, f"{distribution} requires {requirement}"


@each("**/*.py")
def test_dependencies_point_one_way(path: Path) -> None:
    package = name_of(path).partition("/")[0]
    assert top(imports(path)) & set(MAY_IMPORT) <= MAY_IMPORT[package] | {package}


@each(*DECISIONS)
def test_decisions_are_pure(path: Path) -> None:
    assert not top(imports(path)) & WORLD
    calls = {node.func.id for node in nodes(ast.parse(path.read_bytes())) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not calls & WORLDLY_CALLS


@each(*SHIPPED)
def test_shipped_code_needs_nothing(path: Path) -> None:
    ast.parse(path.read_bytes(), feature_version=(3, 9))
    foreign = top(imports(path)) - set(sys.stdlib_module_names - SINCE_310) - ONE_OF_THEM - {"pyboinc", "pyboinc_boinc"}
    if path.name == "arrays.py":  # only when an array is met, in a function: `test_shipped` runs without it
        foreign -= {"numpy"}
    assert not foreign


@each("pyboinc/codec/**/*.py", "pyboinc/exactmath/**/*.py", "pyboinc/slave/**/*.py", "pyboinc_boinc/slave/**/*.py")
def test_shipped_code_imports_shipped_code(path: Path) -> None:
    shipped = {name_of(source).removesuffix(".py").removesuffix("/__init__").replace("/", ".") for source in sources(*SHIPPED)}
    assert {name for name in imports(path) if top({name}) <= {"pyboinc", "pyboinc_boinc"}} <= shipped
