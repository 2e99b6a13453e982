"""docs/formats.md says what the code writes: names of files, lines of the journal, and the shape of each file that holds values."""

import io
import pickle
import re
import zipfile
from pathlib import Path

from pyboinc import batchdir, bundle, calllog, codec, records
from pyboinc.codec.grammar import MAX_DEPTH
from pyboinc.model import Record, ResultSummary
from pyboinc.slave import checkpoint, files, runner
from pyboinc_local import tally, workers

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
PROGRAM = Path(__file__).parents[2] / "examples" / "sum_of_squares"


def section(title):
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_names_of_files():
    table = section("The batch directory")
    names = [batchdir.CHECKPOINT, batchdir.JOURNAL, batchdir.LOCK, batchdir.CANCEL, calllog.CALLS, tally.FILE]
    for name in (*names, f"{batchdir.NEW}/", f"{batchdir.OLD}/", f"{workers.FOLDER}/"):
        assert f"`{name}`" in table, name
    formats = {batchdir.FORMAT, records.FORMAT, files.FORMAT, calllog.FORMAT, checkpoint.FORMAT, tally.FORMAT}
    assert formats == {1} and "the number of its format, now 1" in PAGE


def test_the_checkpoint():
    lines = batchdir.Checkpoint(0, "local", "", "c0ffee", runtime="0" * 64).dump().decode().splitlines()
    row = next(line for line in PAGE.splitlines() if line.startswith("| `pyboinc_checkpoint`"))
    assert re.findall(r"`(\w+):`", row) == [line.partition(":")[0] for line in lines[1:]]
    assert set(re.search(r"`state:` \((.*)\)", row)[1].replace("`", "").split(", ")) == set(batchdir.STATES)


def test_the_journal():
    lines = {name: members for name, members in re.findall(r'^\| `\["(\w+)", (.*)\]` \|', section("The journal"), re.MULTILINE)}
    assert set(lines) == set(batchdir._FORMS)
    for name, types in batchdir._FORMS.items():
        members = re.sub(r"\[.*\]", "list", lines[name]).split(", ")
        assert len(members) == len(types) and (list in types) == ("list" in members), name


def test_files_that_hold_values():
    """As Python's own pickle reads them."""
    one = codec.dumps(7)
    assert pickle.loads(files.input_file(3, "12", [one])) == (1, 3, "12", [7])
    assert pickle.loads(files.input_file(3, "12", [one], {"a": "data_b"})) == (1, 3, "12", [7], {"a": "data_b"})
    assert "`(1, seed, first, [input, …])`" in PAGE and "`(1, seed, first, [input, …], {name: file_name})`" in PAGE
    entries = [files.ok_entry(one), files.ok_entry(one, [("a", 1, b"hash")]), files.error_entry("ValueError", [("app", "f", 3)])]
    told = [(True, 7), (True, 7, (("a", 1, b"hash"),)), (False, "ValueError", (("app", "f", 3),))]
    assert pickle.loads(files.output_file(entries)) == (1, told)
    entries_told = "`(True, output)`", "`(True, output, files)`", "`(False, type_name, frames)`"
    for text in ("`(1, [entry, …])`", *entries_told, "`(name, size, sha256)`"):
        assert text in PAGE, text
    assert pickle.loads(files.report_file([("out", "", "m", "t")])) == (1, [("out", "", "m", "t")])
    assert "`(1, [(stdout, stderr, message, traceback), …])`" in PAGE and f"at most {runner.MAX_TEXT // 1024} KiB" in PAGE
    record = Record("job", None, b"", 2, (ResultSummary(3, 1, "host", "text", 2),), 1.5)
    assert pickle.loads(records.dump_records([record])) == (1, [("job", None, b"", 2, ((3, 1, "host", "text", 2),), 1.5)])
    members = "`(job, output, report, error_mask, results, elapsed)`", "`(outcome, exit_status, host, stderr, validate_state)`"
    for text in ("`(1, [record, …])`", *members):
        assert text in PAGE, text
    assert f"depth is at most {MAX_DEPTH}" in PAGE


def test_the_program():
    with zipfile.ZipFile(io.BytesIO(bundle.build("app_slave.py", PROGRAM).data)) as archive:
        lines = archive.read("pyboinc.txt").decode().splitlines()
        assert {"app_slave.py", "app_types.py", "__main__.py"} <= set(archive.namelist())
        assert {each.compress_type for each in archive.infolist()} == {zipfile.ZIP_STORED}
    assert [f"format {runner.FORMAT}", "slave app_slave.py", "module app_types"] == lines
    for line in lines:
        assert f"`{line.partition(' ')[0]} " in section("The program"), line
