"""pyboinc-core alone: it imports, and it names the package that is missing. Run by `nox -s core_only`."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import re
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
    if not re.match(r"pyboinc\.(testing|wasm\.guest\.)|.*\.__main__$", module.name)  # the guest changes the process that it is in
]
NEED_AN_EXTRA = {("pyboinc.dashboard.web", "bottle"), ("pyboinc.joblib", "joblib")}


@pytest.fixture(autouse=True)
def alone() -> None:
    for name in ("pyboinc_local", "pyboinc_boinc", "pyboinc_validator", "pyboinc_assimilator"):
        if importlib.util.find_spec(name):
            pytest.skip(f"{name} is installed")


@pytest.mark.parametrize("name", MODULES)
def test_every_module_imports(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        assert (name, error.name) in NEED_AN_EXTRA


@pytest.mark.skipif(importlib.util.find_spec("bottle") is not None, reason="bottle is installed")
def test_the_extra_of_the_dashboard_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyboinc_checkpoint").write_text("1\nbackend: local\nproject: \ntoken: c0ffee\nseed: 0\nformat: 1\nstate: running\n")
    command = [sys.executable, "-c", "from pyboinc.cli import main; main()", "dashboard", str(tmp_path)]
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert run.returncode == 2
    assert "pip install 'pyboinc-core[dashboard]'" in run.stderr


def test_missing_backend_is_named(tmp_path: Path) -> None:
    program = shutil.copytree(EXAMPLE, tmp_path / "program", ignore=shutil.ignore_patterns("pyboinc_*", "new", "old"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC_")}
    command = [sys.executable, "app_master.py"]
    run = subprocess.run(command, cwd=program, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert run.returncode != 0
    assert "pip install pyboinc-local" in run.stderr
    assert "Traceback" not in run.stderr
    assert "The answer" not in run.stdout
