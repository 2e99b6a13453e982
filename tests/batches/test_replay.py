"""Batch directories that earlier releases have left are gone on with by this one, and come to the right end."""

import json
import shutil
from pathlib import Path

import pytest
import save

from pyboinc.batchdir import FORMAT, Checkpoint

SAVED = sorted(path for path in (save.HERE / "saved").glob("*/*") if path.is_dir())


def batch_of(home: Path) -> Path:
    return next(path.parent for path in home.rglob("pyboinc_checkpoint"))


def journal(home: Path) -> list[list]:
    return [json.loads(line) for line in (batch_of(home) / "pyboinc_journal").read_text().splitlines()]


@pytest.mark.parametrize("saved", SAVED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_it_goes_on_to_the_right_end(saved, tmp_path):
    home = shutil.copytree(saved, tmp_path / "program")
    assert save.run(home) == (saved / "expected.txt").read_text()
    before, after = journal(saved), journal(home)
    assert after[: len(before)] == before, "what is decided is decided"
    jobs = [(entry[1], entry[2]) for entry in after if entry[0] == "made"]
    assert len(jobs) == len(set(jobs)), "no job is made twice"
    handled = [entry[1] for entry in after if entry[0] == "handled"]
    assert len(handled) == len(set(handled)) == len(jobs)
    if saved.name.endswith("finished"):
        assert after == before
    assert Checkpoint.load((batch_of(home) / "pyboinc_checkpoint").read_bytes(), "").state == "finished"


def test_there_are_some_of_this_format():
    """If not: python3 noxfile.py -s save_batches."""
    ours = [batch_of(path) for path in SAVED if f"format: {FORMAT}\n" in (batch_of(path) / "pyboinc_checkpoint").read_text()]
    waiting = {(folder / "new").is_dir() and any((folder / "new").iterdir()) for folder in ours}
    assert waiting == {True, False}, "with results that are not handled yet, and without"
