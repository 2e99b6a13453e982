"""The sunspot example: its mathematics against two independent libraries, and its answer from a real run."""

import importlib.util
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sunspots"

# Power by period (years). Computed with astropy 8.0.2, LombScargle(t, y).power(1 / period, method="chi2"), from the committed file;
# scipy 1.17.1, lombscargle(t, y, 2 * pi / period, floating_mean=True, normalize=True), agrees to 3e-15.
REFERENCE = {
    3.0: 0.000016276290285,
    5.5: 0.009187590223751,
    8.5: 0.026691288368768,
    10.5: 0.148880115864418,
    11.0: 0.304915849538118,
    12.0: 0.067152537006855,
    22.0: 0.009028251717295,
    100.0: 0.086586883629183,
}


def load(name):
    """Import a module of the example without leaving its folder on sys.path, where other examples have the same names."""
    spec = importlib.util.spec_from_file_location(f"sunspots_{name}", EXAMPLE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_series():
    rows = [line.split(";") for line in (EXAMPLE / "data" / "SN_y_tot_V2.0.csv").read_text(encoding="ascii").splitlines()]
    return [(float(row[0]), float(row[1])) for row in rows]


def test_data_are_version_2_and_whole():
    numbers = dict(read_series())
    assert list(numbers) == [year + 0.5 for year in range(1700, 2026)]
    assert numbers[1700.5] == 8.3  # 5.0 in version 1
    assert numbers[1957.5] == 269.3  # 190.2 in version 1


def test_periodogram_agrees_with_astropy_and_scipy():
    powers = load("periodogram").periodogram([1 / period for period in REFERENCE], read_series())
    assert [power for _, power in powers] == pytest.approx(list(REFERENCE.values()), rel=1e-9, abs=1e-14)


def test_a_pure_sine_on_a_constant_has_power_one():
    series = [(time, 40 + 3 * math.sin(2 * math.pi * time / 7 + 1)) for time in (0.0, 1.1, 2.9, 3.2, 5.0, 8.3, 9.1, 12.6)]
    [(_, power)] = load("periodogram").periodogram([1 / 7], series)
    assert power == pytest.approx(1, abs=1e-12)


def test_the_example_finds_the_cycle(tmp_path):
    copy = tmp_path / "sunspots"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("pyboinc_checkpoint*", "new", "old", "__pycache__", "*.png"))
    picture = tmp_path / "p.png"
    command = [sys.executable, str(copy / "app_master.py"), "--batch", str(tmp_path / "batch"), "--quiet", "--plot", str(picture)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC_")}
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    period = re.search(r"The sunspot cycle: ([\d.]+) years", run.stdout)
    assert period, run.stdout
    assert 10.5 < float(period[1]) < 11.5
    if importlib.util.find_spec("matplotlib") is None:
        assert "No picture" in run.stdout
        return
    assert str(picture) in run.stdout
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert 30_000 < len(content) < 500_000
