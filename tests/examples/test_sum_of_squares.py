"""The reference example, run as a user runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sum_of_squares"


def run_master(program: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC_")}
    command = [sys.executable, "app_master.py"]
    run = subprocess.run(command, cwd=program, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_sum_of_squares(tmp_path: Path) -> None:
    program = shutil.copytree(EXAMPLE, tmp_path / "program", ignore=shutil.ignore_patterns("pyboinc_*", "new", "old"))
    assert "The answer is 338350" in run_master(program).splitlines()

    # The second run replays: it makes no job, so it needs no slave's work and writes no result file.
    before = sorted((path.name, path.stat().st_mtime_ns) for folder in ("new", "old") for path in program.glob(f"{folder}/*"))
    assert "The answer is 338350" in run_master(program).splitlines()
    after = sorted((path.name, path.stat().st_mtime_ns) for folder in ("new", "old") for path in program.glob(f"{folder}/*"))
    assert after == before
