"""The daemon, on tables in memory and files on the disk."""

import hashlib

import pytest

from pyboinc import daemon
from pyboinc.codec import dumps
from pyboinc.errors import PyBoincError
from pyboinc.ledger import CheckedApp, CheckedResult, CheckedWorkunit, HostVersion, Ledger, Mean, OutputFile, Version
from pyboinc.ports import Disk
from pyboinc.rows import BatchRow
from pyboinc.slave.files import ok_entry, output_file, report_file
from pyboinc.states import INCONCLUSIVE, INVALID, OVER, SUCCESS, VALID, VALIDATE_INIT
from pyboinc.testing import ManualClock
from pyboinc_validator.daemon import Validator, own_words


class Tables:
    """`pyboinc.ports.Validation` over a few rows."""

    def __init__(self, folder):
        self.folder = folder
        self.workunits = {}
        self.comparator = "bitwise"
        self.settled = 0

    def add(self, *outputs, quorum=2):
        number = len(self.workunits) + 1
        wu = CheckedWorkunit(number, f"wu{number}", 1, 0, 0.0, quorum, len(outputs), 6, 0, 0, 1, 2.0**31, 1e12, 1e15)
        for index, value in enumerate(outputs):
            path = self.folder / "up" / f"{number}_{index}"
            path.parent.mkdir(exist_ok=True)
            if value is not None:
                path.write_bytes(output_file([ok_entry(dumps(value))]))
            files = (OutputFile("output", str(path)), OutputFile("report", "/nowhere/x", optional=True, validated=False))
            wu.results.append(CheckedResult(index + 1, OVER, SUCCESS, 0, index + 1, index + 1, 7, 0.0, 9.0, 5.0, 5.0, 2e9, outputs=files))
        self.workunits[number] = wu
        return wu

    def app(self, name):
        return CheckedApp(1)

    def pending(self, share, limit, without=()):
        return [each for each in self.workunits.values() if each.need_validate and each.batch not in without]

    def batches(self, numbers):
        return {number: BatchRow(number, "", str(self.folder), self.comparator, "running") for number in numbers}

    def settle(self, app, workunits, change):
        self.settled += 1
        books = Ledger(app, 500, {number: self.workunits[number] for number in workunits}, versions={7: Version(7, Mean())})
        books.host_versions = {(each.hostid, 7): HostVersion(each.hostid, 7) for wu in books.workunits.values() for each in wu.results}
        return change(books)


@pytest.fixture
def tables(tmp_path):
    return Tables(tmp_path)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def validator(tables, clock, tmp_path):
    def make(*argv):
        words = daemon.read_words("pyboinc-validator", "", ["--app", "a", "-p", str(tmp_path), *argv], own_words)
        return Validator(tables, words, clock, Disk(), wall=lambda: 1000.0)

    return make


def states(wu):
    return [each.validate_state for each in wu.results]


def test_a_pass_settles_all_that_wait_in_one_transaction(tables, validator):
    first, second = tables.add(1, 1), tables.add(1, 2, 1)
    assert validator().make_pass() and tables.settled == 1
    assert (states(first), states(second)) == ([VALID, VALID], [VALID, INVALID, VALID])
    assert first.results[0].granted_credit > 0
    assert not validator("--no_credit").make_pass()


def test_files_of_slaves_must_be_what_the_output_says(tables, validator):
    """Hosts agree on the digest; who sends another file, or none, is no candidate for the canonical result."""
    told = ok_entry(dumps(1), [("a", 4, hashlib.sha256(b"good").digest())])
    wu = tables.add(1, 1, 1, 1)
    for result, content in zip(wu.results, (b"evil", None, b"good", b"good"), strict=True):
        [output, report] = [tables.folder / "up" / f"{wu.id}_{result.id}{each}" for each in ("o", "r")]
        output.write_bytes(output_file([told]))
        if content:
            report.write_bytes(report_file([("", "", "", "", {"a": content})]))
        result.outputs = OutputFile("output", str(output)), OutputFile("report", str(report), optional=True, validated=False)
    validator().make_pass()
    assert states(wu) == [INVALID, INVALID, VALID, VALID] and wu.canonical_resultid in (3, 4)


def test_a_file_that_is_not_there_is_invalid_and_a_disk_that_is_not_there_is_waited_for(tables, validator, tmp_path):
    wu = tables.add(1, None)
    validator().make_pass()
    assert states(wu) == [INCONCLUSIVE, INVALID]
    away = tables.add(1, 1)
    (tmp_path / "up").rename(tmp_path / "away")
    validator().make_pass()
    assert states(away) == [VALIDATE_INIT, VALIDATE_INIT] and away.transition_time == 1000.0 + 6 * 3600


def test_each_batch_has_its_own_comparator(tables, validator, tmp_path):
    (tmp_path / "mine.py").write_text("def same(a, b): return abs(a - b) < 2\n")
    tables.comparator = "mine:same"
    wu = tables.add(1, 2)
    validator().make_pass()
    assert states(wu) == [VALID, VALID]
    forced = tables.add(1, 2)
    validator("--comparator", "bitwise", "--force_comparator").make_pass()
    assert VALID not in states(forced)


def test_modules_of_two_batches_may_have_one_name(tables, validator, tmp_path):
    validator_ = validator()
    for name, limit in (("one", 2), ("two", 0)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "mine.py").write_text(f"def same(a, b): return abs(a - b) < {limit}\n")
        tables.folder, tables.comparator = folder, "mine:same"
        wu = tables.add(1, 2)
        validator_.make_pass()
        assert (VALID in states(wu)) == (limit == 2)


def test_a_comparator_that_does_not_load_holds_up_its_batch_alone(tables, validator, clock, tmp_path, caplog):
    tables.comparator = "mine:same"
    wu, other = tables.add(1, 2), tables.add(1, 1)
    other.batch = 0
    made = validator()
    made.make_pass()
    assert states(other) == [VALID, VALID] and states(wu) == [VALIDATE_INIT] * 2
    assert "batch 1 can't be validated" in caplog.text
    (tmp_path / "mine.py").write_text("def same(a, b): return True\n")
    clock.sleep(60)
    made.make_pass()
    assert states(wu) == [VALID, VALID]


def test_a_comparator_that_raises_agrees_with_nobody_and_is_told_of(tables, validator, tmp_path, caplog):
    (tmp_path / "mine.py").write_text("def same(a, b): return 1 / 0\n")
    tables.comparator = "mine:same"
    wu = tables.add(1, 1)
    validator().make_pass()
    assert VALID not in states(wu) and "the comparator raised ZeroDivisionError" in caplog.text


def test_a_dry_run_changes_nothing(tables, validator, capsys):
    wu = tables.add(1, 1)
    validator("--dry_run").make_pass()
    assert capsys.readouterr().out == "workunit 1 wu1: canonical result 1; result 1 valid, result 2 valid\n"
    assert states(wu) == [VALIDATE_INIT] * 2 and not tables.settled


def test_words_that_contradict_each_other_are_refused(validator):
    with pytest.raises(PyBoincError, match="not allowed with"):
        validator("--no_credit", "--credit_from_wu")
    with pytest.raises(PyBoincError, match="ulps"):
        validator("--comparator", "ulps")
