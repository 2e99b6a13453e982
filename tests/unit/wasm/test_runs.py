"""A program with --runtime wasm, as a user runs it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyboinc.records import load_records
from pyboinc.wasm import runtime

SLAVE = """
import math, sys
from app_types import Output
from pyboinc import checkpoint, fraction_done, pyboinc_get_input, pyboinc_return_output, restore
n = pyboinc_get_input().value
print("printed", n, sys.platform)
if n == 3: raise ValueError("three")
if n == 4: sys.exit(7)
if restore() is None:
    fraction_done(0.5)
    checkpoint({"n": n})
pyboinc_return_output(Output((sys.platform, sys.version_info[:2], math.exp(n / 7))))
"""
MASTER = """
from app_types import Input
from pyboinc import pyboinc_call, pyboinc_master
def make_calls():
    for n in range(5): pyboinc_call("app_slave.py", Input(n))
def handle_result(output): print("result", *output.value)
def handle_error(call, error): print("error", call.input.value, type(error).__name__, error)
pyboinc_master(make_calls, handle_result, handle_error)
"""
TYPES = "class Input:\n    def __init__(self, value): self.value = value\nclass Output(Input): pass\n"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    for name, text in {"app_slave.py": SLAVE, "app_master.py": MASTER, "app_types.py": TYPES}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "app_master.py", "--quiet", *arguments]
    return subprocess.run(command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300)


def test_a_whole_program(app: Path, built: runtime.Runtime) -> None:
    here = {"PYBOINC_RUNTIME": built.folder}
    done = run(app, "--runtime", "wasm", **here)
    lines = sorted(done.stdout.splitlines())
    assert [line.split("(")[0] for line in lines if line.startswith("result")] == ["result wasi "] * 3, done.stderr
    assert all("(3, 14)" in line for line in lines if line.startswith("result"))
    assert [line for line in lines if line.startswith("error 3 ") and line.endswith("three")]
    assert [line for line in lines if line.startswith("error 4 JobError")]
    assert f"runtime: {built.sha256}\n" in (app / "pyboinc_checkpoint").read_text()

    other = run(app)
    assert other.returncode == 2 and "To go on with it: --runtime wasm." in other.stderr and "--fresh" in other.stderr
    (app / "pyboinc.toml").write_text('runtime = "wasm"\n')
    assert sorted(run(app, **here).stdout.splitlines()) == lines, "the same batch, from its results"


def test_another_runtime_in_a_used_folder(app: Path, built: runtime.Runtime, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert run(app, "--runtime", "wasm", PYBOINC_RUNTIME=built.folder).returncode == 0
    other = tmp_path_factory.mktemp("other")
    (other / "runtime.wasm").write_bytes(b"another build")
    text = f"{runtime.HEAD}\nsha256 e75bb18c02a35ed79f6e3bb5f3ae7cd2c48a4d7ac0b2d3f01bd0a6ad59f50af2\n"
    (other / "runtime.txt").write_text(text)
    damaged = run(app, "--runtime", "wasm", PYBOINC_RUNTIME=str(other))
    assert damaged.returncode == 2 and "damaged" in damaged.stderr
    (other / "runtime.txt").write_text(f"{runtime.HEAD}\nsha256 {hashlib.sha256(b'another build').hexdigest()}\n")
    refused = run(app, "--runtime", "wasm", PYBOINC_RUNTIME=str(other))
    assert refused.returncode == 2 and f"has sha256 {built.sha256}" in refused.stderr and "--batch DIR" in refused.stderr


@pytest.mark.parametrize("missing", ["wasmtime", "componentize_py"])
def test_without_what_it_needs(missing: str, app: Path, built: runtime.Runtime) -> None:
    """The error names the extra."""
    hide = f"""
import importlib.metadata, importlib.util, sys
find, version = importlib.util.find_spec, importlib.metadata.version
def gone(name):
    if name.replace("-", "_") == {missing!r}: raise importlib.metadata.PackageNotFoundError(name)
    return version(name)
importlib.metadata.version = gone
importlib.util.find_spec = lambda name, *more: None if name == {missing!r} else find(name, *more)
"""
    (app / "app_master.py").write_text(hide + MASTER)
    folder = built.folder if missing == "wasmtime" else ""
    done = run(app, "--runtime", "wasm", PYBOINC_RUNTIME=folder, XDG_CACHE_HOME=str(app / "cache"))
    assert done.returncode == 2 and "pip install 'pyboinc-local[wasm]'" in done.stderr, done.stderr


def test_what_it_has_not(app: Path, built: runtime.Runtime) -> None:
    (app / "pyboinc.toml").write_text('runtime = "wasm"\n[job]\nrequires = ["numpy"]\n')
    done = run(app, PYBOINC_RUNTIME=built.folder)
    assert done.returncode == 2 and "the program requires numpy" in done.stderr


def test_a_limit(app: Path, built: runtime.Runtime) -> None:
    """fpops_bound, on a computer of BOINC's typical speed."""
    (app / "app_slave.py").write_text("import app_types\nwhile True: pass\n")
    settings = "[job]\nmax_error_results = 0\nfpops_estimate = 1e8\nfpops_bound = 1e9\nmax_total_results = 1\n"
    (app / "pyboinc.toml").write_text('runtime = "wasm"\n' + settings)
    (app / "app_master.py").write_text(MASTER.replace("range(5)", "range(1)"))
    done = run(app, PYBOINC_RUNTIME=built.folder)
    (file,) = (app / "old").iterdir()
    (record,) = load_records(file.read_bytes())
    assert "stopped after 1 seconds, its limit (fpops_bound)" in record.results[0].stderr, done.stderr
