"""pyboinc-core alone: it imports, and it names the package that is missing. Run by `nox -s core_only`."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pyboinc

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sum_of_squares"
MODULES = [
    module.name
    for module in pkgutil.walk_packages(pyboinc.__path__, "pyboinc.")
    if not module.name.startswith("pyboinc.testing") and not module.name.endswith("__main__")
]


@pytest.fixture(autouse=True)
def alone() -> None:
    for name in ("pyboinc_local", "pyboinc_boinc", "pyboinc_validator", "pyboinc_assimilator"):
        if importlib.util.find_spec(name):
            pytest.skip(f"{name} is installed")


@pytest.mark.parametrize("name", MODULES)
def test_every_module_imports(name: str) -> None:
    importlib.import_module(name)


def test_missing_backend_is_named(tmp_path: Path) -> None:
    program = shutil.copytree(EXAMPLE, tmp_path / "program", ignore=shutil.ignore_patterns("pyboinc_*", "new", "old"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC_")}
    command = [sys.executable, "app_master.py"]
    run = subprocess.run(command, cwd=program, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert run.returncode != 0
    assert "pip install pyboinc-local" in run.stderr
    assert "Traceback" not in run.stderr
    assert "The answer" not in run.stdout
