"""Make the batch directories that a release leaves to all later ones: `python tests/batches/save.py`.

Each is made by a run of its program, finished or killed in the middle, with the installed PyBOINC; `test_replay.py` goes on with
all of them for ever. They go into `saved/VERSION`. Nothing in them tells of the computer or the time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from programs import PROGRAMS, SAVED

from pyboinc.version import __version__

HERE = Path(__file__).resolve().parent
LEFT_OUT = ("pyboinc_lock", "pyboinc_workers", "__pycache__")
KILLED = 9


def run(folder: Path, stop: int | None = None) -> str:
    """What the program says to its end, or nothing if it is killed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC")}
    if stop:
        environment |= {"STOP": str(stop)}
    command = [sys.executable, "app_master.py", *(["--quiet"] if (folder / "app_slave.py").exists() else [])]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != (KILLED if stop else 0):
        raise RuntimeError(f"{folder.name} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def save(name: str, program: str, stop: int | None, target: Path) -> None:
    """One batch directory. expected.txt: what the program says when it has gone on to its end."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "program")
        folder.mkdir()
        for file, text in PROGRAMS[program].items():
            (folder / file).write_text(text, newline="\n")
        run(folder, stop)
        home = target / name
        shutil.copytree(folder, home, ignore=shutil.ignore_patterns(*LEFT_OUT))
        for file in home.rglob("*"):
            if file.is_file() and (place.encode() in file.read_bytes()):
                raise RuntimeError(f"{file} tells where it was made")
        (home / "expected.txt").write_text(run(folder), newline="\n")


def main() -> None:
    target = HERE / "saved" / __version__
    shutil.rmtree(target, ignore_errors=True)
    for each in SAVED:
        save(*each, target)
        print(target / each[0])


if __name__ == "__main__":
    main()
