"""What differs from host to host is fixed, or refused with the reason."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import Any

import pytest

TRY = """
import datetime, glob, io, os, pathlib, random, secrets, shutil, sys, tempfile, time, uuid
from pyboinc import pyboinc_get_input, pyboinc_return_output

def attempt(what):
    try:
        return what()
    except Exception as error:
        return f"{type(error).__name__}: {error}"

class Thing: pass
things = {Thing() for _ in range(200)}
for name in "cab":
    open(name, "w").close()
os.makedirs("folder/within", exist_ok=True)

def entry(name):
    return next(each for each in os.scandir(".") if each.name == name)

def stats(name):
    return os.stat(name), os.lstat(name), pathlib.Path(name).stat(), entry(name).stat()

"""
FOLDER = ["a", "b", "c", "folder"]
START = 946684800  # 2000-01-01 00:00 UTC

FIXED: dict[str, tuple[str, object]] = {
    "time.time": ("lambda: time.time()", 946684800.001),
    "time.time again": ("lambda: time.time() - time.time()", -0.001),
    "time.sleep": ("lambda: (time.sleep(3600), time.ctime())[1]", "Sat Jan  1 01:00:00 2000"),
    "time.monotonic": ("lambda: time.monotonic() > 3600", True),
    "time.process_time": ("lambda: 3600 < time.process_time() < 3601", True),
    "time.perf_counter_ns": ("lambda: time.perf_counter_ns() % 1000000", 0),
    "time.strftime": ("lambda: time.strftime('%Y-%m-%d %H')", "2000-01-01 01"),
    "datetime.now": ("lambda: datetime.datetime.now().isoformat()[:16]", "2000-01-01T01:00"),
    "date.today": ("lambda: str(datetime.date.today())", "2000-01-01"),
    "datetime's class": ("lambda: datetime.datetime.__module__", "datetime"),
    "os.times": ("lambda: (3600 < os.times().elapsed, 0 < os.times().user, os.times().system)", (True, True, 0.0)),
    "file times": ("lambda: [(each.st_mtime, each.st_atime_ns) for each in stats('a')]", [(START, START * 10**9)] * 4),
    "a folder's size and links": ("lambda: [(each.st_size, each.st_nlink) for each in stats('folder')]", [(0, 1)] * 4),
    "inodes": ("lambda: len({each.st_ino for each in stats('a')} | {entry('a').inode()})", 1),
    "kinds of entries": ("lambda: (entry('folder').is_dir(), entry('a').is_file(), os.fspath(entry('a')))", (True, True, "./a")),
    "copies": ("lambda: (shutil.copytree('folder', 'copy'), os.listdir('copy'), shutil.rmtree('copy'))[1]", ["within"]),
    "the order of folders": ("lambda: (os.listdir(), [each.name for each in os.scandir()], glob.glob('*'))", (FOLDER,) * 3),
    "the environment": ("lambda: dict(os.environ)", {}),
    "arguments": ("lambda: sys.argv", ["app_slave.py"]),
    "the current folder": ("os.getcwd", "/slave"),
    "the process": ("os.getpid", 42),
}
"""What -> (code, its value)."""

SAME = {
    "random": "lambda: random.random()",
    "random without a seed": "lambda: [random.Random().random() for _ in range(3)]",
    "seed() without one": "lambda: (random.seed(), random.random())",
    "a set of objects": "lambda: [id(thing) for thing in things]",
    "hashes": "lambda: (hash('pyboinc'), list({str(k) for k in range(50)}))",
    "names of temporary files": "lambda: tempfile.mkdtemp()",
    "a repr with an address": "lambda: repr(Thing())",
}

REFUSED = {
    "os.urandom": "lambda: os.urandom(8)",
    "secrets": "lambda: secrets.token_hex()",
    "uuid4": "lambda: str(uuid.uuid4())",
    "uuid1": "lambda: str(uuid.uuid1())",
    "SystemRandom": "lambda: random.SystemRandom().random()",
}


def _slave(codes: list[str]) -> str:
    return TRY + "pyboinc_return_output([attempt(what) for what in [" + ", ".join(codes) + "]])\n"


def test_each_is_fixed(job: Callable[..., Any]) -> None:
    """The clock stands at the start of the year 2000, and goes on a thousandth of a second whenever it is read."""
    (entry,) = job(_slave([code for code, _ in FIXED.values()]))
    found = dict(zip(FIXED, entry[1], strict=True))
    assert found.pop("time.time") == pytest.approx(946684800.001)
    assert found.pop("time.time again") == pytest.approx(-0.001, rel=1e-3)
    assert found == {name: value for name, (_, value) in FIXED.items() if name in found}


def test_all_is_the_same_again(job: Callable[..., Any]) -> None:
    """Also at another time, in each call of a job, and whatever was there before."""
    source = _slave([*SAME.values(), *(code for code, _ in FIXED.values())])
    first = job(source, (1, 2))
    shutil.rmtree(job.folder)  # type: ignore[attr-defined]
    time.sleep(1.1)
    assert job(source, (1, 2)) == first
    assert first[0][1][len(SAME)] == first[1][1][len(SAME)], "the clock begins anew for each call"
    drawn = first[0][1][:2]
    assert drawn != first[1][1][:2], "calls have seeds of their own"
    assert len({*drawn[1], drawn[0]}) == 4


def test_each_is_refused(job: Callable[..., Any]) -> None:
    (entry,) = job(_slave([*REFUSED.values()]))
    for name, text in zip(REFUSED, entry[1], strict=True):
        assert text.startswith("NotDeterministic: ") and "the same on every computer" in text, (name, text)


def test_a_refusal_is_an_error_of_the_app(job: Callable[..., Any]) -> None:
    """On which all hosts agree; the master hears of it at once."""
    assert job("import secrets\nsecrets.token_hex()\n") == [
        (False, "pyboinc.wasm.guest.fixed.NotDeterministic", (("__main__", "<module>", 2),))
    ]


def test_a_module_of_the_program_wins(job: Callable[..., Any]) -> None:
    source = "import statistics\nfrom pyboinc import pyboinc_return_output\npyboinc_return_output(statistics.MINE)\n"
    assert job(source, modules={"statistics.py": "MINE = 'mine'\n"}) == [(True, "mine")]


def test_one_nan(job: Callable[..., Any]) -> None:
    """Its bits are the CPU's business elsewhere: Intel's and Arm's differ in the sign."""
    source = (
        "import struct\nfrom pyboinc import pyboinc_get_input, pyboinc_return_output\ninfinite = float(pyboinc_get_input())\n"
        "pyboinc_return_output([struct.pack('<d', each) for each in (infinite - infinite, infinite * 0.0, infinite / infinite)])\n"
    )
    assert job(source, ("inf",)) == [(True, [bytes.fromhex("000000000000f87f")] * 3)]


INTERRUPTED = """
import os, random, time
from pyboinc import checkpoint, pyboinc_return_output, restore, temporary_exit
drawn = restore() or []
while len(drawn) < 6:
    drawn.append([time.time(), random.random(), random.Random().random()])
    checkpoint(drawn)
    if len(drawn) == 3 and os.path.exists("/interrupt"): temporary_exit(1, "to see")
pyboinc_return_output(drawn)
"""


def test_an_interrupted_call_goes_on_as_if_it_had_not_been(job: Callable[..., Any]) -> None:
    folder = job.folder  # type: ignore[attr-defined]
    undisturbed = job(INTERRUPTED)
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "interrupt").touch()
    with pytest.raises(FileNotFoundError):
        job(INTERRUPTED)
    (folder / "temporary_exit").unlink()
    (folder / "interrupt").unlink()
    assert job(INTERRUPTED) == undisturbed
