"""Decisions have no clock, disk or random source of their own."""

import ast
from pathlib import Path

import pytest

import pyboinc_local
import pyboinc_local.server
from pyboinc import states
from pyboinc.model import ErrorMask, Outcome

HOME = Path(pyboinc_local.__file__).parent
FORBIDDEN = {"io", "os", "pathlib", "time", "datetime", "socket", "subprocess", "sys", "tempfile", "threading", "asyncio"}
MODULES = [*sorted((HOME / "server").glob("*.py")), *(HOME / name for name in ("project.py", "simulation.py", "store.py", "model_time.py"))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_way_to_time_disk_or_chance(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {(node.module or "").split(".")[0]} if not node.level else set()
        else:
            assert not (isinstance(node, ast.Name) and node.id in {"open", "input", "exec", "eval", "__import__"}), node.lineno
            continue
        assert not names & FORBIDDEN, node.lineno
        if "random" in names:
            assert isinstance(node, ast.ImportFrom) and [alias.name for alias in node.names] == ["Random"], node.lineno


def test_numbers_are_those_of_the_model():
    for outcome in Outcome:
        assert getattr(states, "NO_OUTCOME" if outcome is Outcome.INIT else outcome.name) == outcome
    for mask in ErrorMask:
        assert getattr(states, mask.name) == mask
