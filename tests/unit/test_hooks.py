"""Every hook is tried by a test, its example runs, and the documentation has its real signature."""

import ast
import inspect
import re
import textwrap
from pathlib import Path
from unittest.mock import MagicMock

import click
import pytest

import pyboinc.testing
from pyboinc import hookspecs
from pyboinc.model import Batch, Job, JobSettings, ResultCount
from pyboinc.plugins import Plugin, manager_of
from pyboinc.testing import ManualClock, MemoryFileSystem
from pyboinc_validator.comparators import Comparator

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs" / "plugins.md"
CONFORMANCE = Path(pyboinc.testing.__file__).parent / "conformance"
HOOKS = [name for name in vars(hookspecs) if name.startswith("pyboinc_")]

BATCH = Batch(7, "c0ffee", "/batch", "example", "", JobSettings(), {}, MemoryFileSystem(), ManualClock())
ARGUMENTS = {
    "batch": BATCH,
    "jobs": [Job(f"pyboinc_7_c0ffee_{position}", None, str(position), 1, 0, b"") for position in range(2)],
    "timeout": 0.5,
    "group": click.Group(),
    "project_dir": "/project",
    "clock": ManualClock(),
}
"""What a hook is called with, by the argument's name; a new argument needs an entry."""


def called(tree):
    """The hooks that a file calls, as `....hook.pyboinc_x(...)` or `self._hooks.pyboinc_x(...)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in HOOKS:
            yield node.func.attr


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_is_called_by_a_test(name):
    """In the conformance suite if backends implement it; else in a test (this file, which calls all of them, does not count)."""
    files = [*CONFORMANCE.glob("*.py"), *(file for file in TESTS.rglob("test_*.py") if file != Path(__file__))]
    assert any(name in called(ast.parse(file.read_bytes())) for file in files), f"no test calls {name}"


def example(hook):
    """The block in its docstring that is indented deeper than the text."""
    lines = [line for line in hook.__doc__.splitlines(keepends=True) if line.startswith(" " * 8) or not line.strip()]
    assert "".join(lines).strip(), f"{hook.__name__} has no example"
    return textwrap.dedent("".join(lines))


class Plain:
    """What the methods of the examples find in `self`."""

    def __init__(self):
        self.queue = []
        self.database = MagicMock()
        self.database.batch_number.return_value = 7
        self.database.count_results.return_value = [("linux", 5, 1, 1, 7, 3)]
        self.connection = MagicMock()


@pytest.mark.parametrize("name", HOOKS)
def test_each_example_runs(name):
    """As a plugin of a run, called with the arguments that a run gives it."""
    hook = getattr(hookspecs, name)
    known = {"click": click, "Comparator": Comparator, "MyStore": MagicMock(), "ResultCount": ResultCount}
    namespace = {"hookimpl": hookspecs.hookimpl, **known}
    exec(example(hook), namespace)
    function = namespace[name]
    is_method = "self" in inspect.signature(function).parameters
    plugin = type("Example", (Plain,), {name: function if is_method else staticmethod(function)})
    manager = manager_of([Plugin("example", "", "", plugin)])
    result = getattr(manager.hook, name)(**{each: ARGUMENTS[each] for each in inspect.signature(hook).parameters})
    if name == "pyboinc_start_batch":
        assert result == 7
    if name == "pyboinc_count_results":
        assert result == [ResultCount("linux", 5, 1, 1, 7, 3)]
    if name == "pyboinc_comparators":
        assert result == [{"rounded": namespace["Rounded"]}]
    if name == "pyboinc_platforms":
        assert result == [{"abacus": namespace["abacus"]}]
    if name == "pyboinc_add_commands":
        assert list(ARGUMENTS["group"].commands) == ["hello"]


@pytest.mark.parametrize("name", HOOKS)
def test_each_argument_is_explained_by_its_type(name):
    signature = inspect.signature(getattr(hookspecs, name))
    assert all(each.annotation is not each.empty for each in signature.parameters.values())
    assert signature.return_annotation is not signature.empty


def test_the_documentation_has_the_real_signatures():
    real = [f"{name}{inspect.signature(getattr(hookspecs, name))}".replace("'", "") for name in HOOKS]
    assert re.findall(r"^### `(pyboinc_.*)`$", PAGE.read_text("utf-8"), re.MULTILINE) == real
