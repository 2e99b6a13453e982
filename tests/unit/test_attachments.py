"""Data files of calls and files of slaves: simulated volunteers, limits, liars."""

import hashlib

import pytest

from pyboinc import DecodeError, records
from pyboinc.attachments import Attachments, keep
from pyboinc.codec import dumps
from pyboinc.model import Record, SettingsError
from pyboinc.slave import files
from pyboinc.testing import MemoryFileSystem

SLAVE = """
from pyboinc import data_file, output_file, pyboinc_get_input, pyboinc_return_output
value = pyboinc_get_input()
"""


def test_simulated_volunteers_agree_on_files(app):
    app.write("table.txt", "7")
    app.write("pyboinc.toml", "[local]\nhosts = 4\n[job]\nquorum = 2\ncalls_per_job = 3\n")
    app.slave(
        "open(output_file('square.txt'), 'w').write(str(value * int(open(data_file('table.txt')).read())))\npyboinc_return_output(value)",
        head=SLAVE,
    )
    app.master(
        """
from pyboinc import output_file, pyboinc_call, pyboinc_master
def make_calls():
    for i in range(7): pyboinc_call("app_slave.py", i)
found = {}
def handle_result(value): found[value] = open(output_file("square.txt")).read()
pyboinc_master(make_calls, handle_result, data_files=["table.txt"])
print(found)
""",
        head="",
    )
    assert app.run()[0] == f"{ {i: str(7 * i) for i in range(7)} }\n"


def test_files_of_functions(app):
    app.write("table.txt", "7")
    app.write(
        "app_master.py",
        """
from pyboinc import Executor, data_file, output_file
def work(x):
    with open(output_file("twice.txt"), "w") as file: file.write(open(data_file("table.txt")).read() * x)
def asks(name): return data_file(name)
def writes(name): return output_file(name)
def writes_much(): open(output_file("much"), "wb").write(b"x" * 100_000_001)
if __name__ == "__main__":
    for _ in range(2):
        with Executor("calls", data_files=["table.txt"]) as executor:
            print([open(each.output_file("twice.txt")).read() for each in (executor.submit(work, 2), executor.submit(work, 3))])
            for call in ((asks, "nothing"), (writes, "../x"), (writes_much,)):
                print(executor.submit(*call).exception())
""",
    )
    stdout, _ = app.run()
    assert stdout == 2 * (
        "['77', '777']\n"
        "pyboinc.errors.PyBoincError: no data file 'nothing' came with this call, there are table.txt: name it in data_files=[...]\n"
        "pyboinc.errors.PyBoincError: '../x' is no name for a file: letters, digits, _ - . (ASCII), at most 100, not beginning with a dot\n"
        "pyboinc.slave.api.OutputError: 1 files, of 100,000,001 bytes with those of the job's other calls: a call may write 100 files,"
        " a job 100,000,000 bytes\n"
    )


def test_data_files_are_checked(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"four")
    (tmp_path / "ä.txt").write_bytes(b"four")
    attachments = Attachments(str(tmp_path), limit=4)
    [found] = attachments.of(["a.txt"])
    assert (found.name, found.size, found.sha256) == ("a.txt", 4, hashlib.sha256(b"four").hexdigest())
    assert found.file_name == "data_" + found.sha256[:40]
    [other] = attachments.of({"b": "ä.txt"})
    assert other.name == "b" and other.file_name == found.file_name, "sent once"
    for wrong, why in [
        ("a.txt", r"write data_files=\['a.txt'\]"),
        (["none"], "none: No such file"),
        (["ä.txt"], "gives a file another one"),
        (["a.txt", "./a.txt"], "two are called a.txt"),
        ({"a": "a.txt", "b": "a.txt"}, "8 bytes, and disk, what a job may use, is 4"),
    ]:
        with pytest.raises(SettingsError, match=why):
            attachments.of(wrong)


def test_a_report_is_read_once_for_all_calls_of_its_job(monkeypatch):
    read = []
    monkeypatch.setattr(files, "read_report_file", lambda data, do=files.read_report_file: read.append(1) or do(data))
    record = Record("job", b"", files.report_file([("out", "err", str(i), "", {"a": bytes([i])}) for i in range(50)]))
    assert [(records.contents(record, i), records.report_part(record, i)) for i in range(51)] == [
        *(({"a": bytes([i])}, ("out", "err", str(i), "")) for i in range(50)),
        ({}, ("", "", "", "")),
    ]
    assert len(read) == 1


def test_what_a_stranger_says_of_files():
    def entry(*written):
        return dumps((1, [(True, 5, written)]))

    good = ("a", 1, hashlib.sha256(b"x").digest())
    assert files.parse_output_file(entry(good)) == [(True, 5, (good,))]
    for wrong in ((), ("a", 1), ("../a", 1, b""), ("/a", 1, b""), (".a", 1, b""), ("a" * 101, 1, b""), ("a", "1", b""), ("\n", 1, b""), 5):
        with pytest.raises(DecodeError):
            files.parse_output_file(entry(wrong))
    with pytest.raises(DecodeError):
        files.parse_output_file(dumps((1, [(True, 5, ())])))
    fs = MemoryFileSystem()
    keep(fs, "/batch", "0", [good], {"a": b"x", "../b": b"y"})
    assert fs.read("/batch/files/0/a") == b"x"
    for contents in ({}, {"a": b"y"}, {"a": b"xx"}):
        with pytest.raises(DecodeError, match="did not come back as it was"):
            keep(fs, "/batch", "0", [good], contents)
