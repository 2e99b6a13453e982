"""Honest platforms and the examples: who disagrees, and what each cure of docs/check.md does about it.

What `pyboinc check` foretells and what becomes of a quorum of simulated hosts are held against each other.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CALLS = 4
WINDOWS, LINUX, MACOS = "windows_x86_64", "x86_64-pc-linux-gnu", "x86_64-apple-darwin"
JOB = """[job]
quorum = 2
max_success_results = 2
max_total_results = 2
comparator = "{comparator}"
[local]
hr = "{hr}"
"""
HOST = """[[local.hosts]]
platform = "{platform}"
profile = "{profile}"
"""


def check(folder: Path, status: int, *arguments: str) -> dict:
    command = [sys.executable, "-c", "from pyboinc.cli import main; main()", "check", "app_master.py", "--json", *arguments]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert ran.returncode == status, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def few_calls(folder: Path) -> None:
    """The sunspots with fewer frequencies; calls that fail are counted."""
    master = folder / "app_master.py"
    text = master.read_text("utf-8").replace("CALLS, SHARE = 250, 10", f"CALLS, SHARE = {CALLS}, 10")
    head, run, _ = text.partition("pyboinc_master(make_calls, handle_result)\n")
    assert run and str(CALLS) in text
    handle_error = "lambda call, error: failed.append(call.position)"
    master.write_text(f"{head}failed = []\n{run[:-2]}, {handle_error})\nprint(*sorted(failed))\n", "utf-8")


@pytest.fixture(scope="module")
def sunspots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    leftovers = shutil.ignore_patterns("pyboinc_*", "new", "old", "__pycache__")
    folder = Path(shutil.copytree(EXAMPLES / "sunspots", tmp_path_factory.mktemp("sunspots") / "program", ignore=leftovers))
    few_calls(folder)
    return folder


@pytest.fixture(scope="module")
def found(sunspots: Path) -> dict:
    """What `pyboinc check` says of them."""
    return check(sunspots, 1, "--sample", str(CALLS))


@pytest.fixture
def failed(sunspots: Path) -> Callable[..., set[str]]:
    """The calls without a quorum, on hosts given as (platform, profile)."""

    def run(*hosts: tuple[str, str], comparator: str = "bitwise", hr: str = "none", folder: Path = sunspots) -> set[str]:
        toml = JOB.format(comparator=comparator, hr=hr) + "".join(HOST.format(platform=platform, profile=each) for platform, each in hosts)
        (folder / "pyboinc.toml").write_text(toml, "utf-8")
        command = [sys.executable, "app_master.py", "--fresh", "--quiet"]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        (folder / "pyboinc.toml").unlink()
        assert ran.returncode == 0, ran.stderr
        return set(ran.stdout.split())

    return run


def test_honest_hosts_disagree_where_the_check_says(found: dict, failed: Callable[..., set[str]]) -> None:
    differ = found["matrix"]["windows11"][found["here"]]
    assert differ > 0
    assert len(failed((WINDOWS, "windows11@" + found["python"]), (LINUX, "native"))) == differ
    firsts = {(each["example"]["file"], each["example"]["line"], each["example"]["function"]) for each in found["operations"]}
    assert firsts & {("periodogram.py", 30, "math.cos"), ("periodogram.py", 30, "math.sin")}
    assert ("periodogram.py", 19, "sum") in firsts  # between versions of Python


def test_a_tolerance(found: dict, failed: Callable[..., set[str]]) -> None:
    hosts = (WINDOWS, "windows11@" + found["python"]), (MACOS, "macos-x86_64@" + found["python"])
    assert found["matrix"]["windows11"]["macos-x86_64"] == len(failed(*hosts)) > 0
    for name in ("relative", "ulp"):
        each = found["tolerance"][name]
        assert failed(*hosts, comparator=each["comparator"]) == set()
        assert 2 <= each["room"] < 1000


def test_homogeneous_redundancy_and_what_remains(found: dict, failed: Callable[..., set[str]]) -> None:
    """Classes know the system and the processor's maker: hosts of one platform agree, but not those with and without FMA."""
    windows = next(each for each in found["redundancy"]["coarse"]["classes"] if each["name"].startswith("Windows"))
    assert {"windows11", "windows10-nofma"} <= set(windows["profiles"])
    assert windows["hit"] > 0 and 0 < windows["disagree"] < found["disagree"]
    both = (WINDOWS, "windows11"), (LINUX, found["here"])
    assert failed(*both, *both, hr="coarse") == set()
    remains = failed((WINDOWS, "windows11@" + found["python"]), (WINDOWS, "windows10-nofma@" + found["python"]), hr="coarse")
    assert len(remains) == found["matrix"]["windows11"]["windows10-nofma"] > 0


def test_correctly_rounded_functions(found: dict, failed: Callable[..., set[str]], sunspots: Path, tmp_path: Path) -> None:
    assert found["rounded"]["hit_before"] == len(found["hit"]) and found["rounded"]["hit"] == 0
    folder = Path(shutil.copytree(sunspots, tmp_path / "exact"))
    source = (folder / "periodogram.py").read_text("utf-8")
    exact = source.replace("from math import cos, pi, sin", "from pyboinc.exactmath import cos, fsum, pi, sin").replace("sum(", "fsum(")
    assert exact.count("fsum(") == 1 and "exactmath" in exact
    (folder / "periodogram.py").write_text(exact, "utf-8")
    assert failed((WINDOWS, "windows11@3.12"), (LINUX, "native@3.11"), folder=folder) == set()
    assert check(folder, 0, "--sample", "2")["agree"]


def test_one_cpython(found: dict, failed: Callable[..., set[str]]) -> None:
    """It ends what differs between Python's versions, and nothing else."""
    assert found["versions_hit"] == [str(call) for call in range(CALLS)]
    assert failed((LINUX, "native@3.11"), (LINUX, "native@3.12")) == set(found["versions_hit"])
    assert failed((LINUX, "native@3.12"), (LINUX, "native@3.13")) == set()
    assert len(failed((WINDOWS, "windows11@3.12"), (LINUX, "native@3.12"))) > 0


def test_the_deterministic_runtime(found: dict, failed: Callable[..., set[str]]) -> None:
    assert failed((WINDOWS, "wasm"), (LINUX, "wasm")) == set()
    assert len(failed((WINDOWS, "wasm"), (LINUX, "native"))) > 0 and found["wasm_differs"] > 0


@pytest.mark.parametrize("name", ["sum_of_squares", "prime_finder"])
def test_whole_numbers_agree_everywhere(name: str, example: Callable) -> None:
    found = check(example(name).folder, 0, "--sample", "5")
    assert found["agree"] and not found["lints"] and not any(found["differs"].values())
