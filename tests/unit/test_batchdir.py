"""The batch directory: formats, lock, damage."""

import contextlib
import os
import random
import subprocess
import sys

import pytest

from pyboinc import ports
from pyboinc.batchdir import CHECKPOINT, JOURNAL, BatchDir, BatchError, Checkpoint
from pyboinc.calllog import CallLog, LoggedCall
from pyboinc.decisions import Master
from pyboinc.ports import Disk
from pyboinc.testing import Crash, MemoryFileSystem

MADE = ["made", "0", 0, [["d", "app_slave.py(0)"]]]


@pytest.fixture
def directory(tmp_path):
    made = BatchDir(Disk(), str(tmp_path / "batch"))
    made.lock()
    yield made
    made.close()


def test_the_first_line_of_the_checkpoint_is_the_batch_id(directory):
    checkpoint = directory.begin("local", "", 0)
    directory.write_checkpoint(Checkpoint(7, "local", "", checkpoint.token))
    lines = Disk().read(directory.path("pyboinc_checkpoint")).decode().splitlines()
    assert lines[0] == "7"
    assert directory.read_checkpoint() == Checkpoint(7, "local", "", checkpoint.token, 0, "running")


def test_another_backend_in_a_used_folder_is_refused(directory):
    directory.begin("local", "", 0)
    with pytest.raises(BatchError, match=r"local, and this run is for boinc /p.*--batch.*--fresh"):
        directory.begin("boinc", "/p", 0)


@pytest.mark.parametrize(
    "text, what",
    [
        ("1\n", "format is missing"),
        ("1\nbackend: local\nproject:\ntoken: ab\nseed: 0\nformat: 99\nstate: running\n", "format is 99"),
        ("x\nbackend: local\nproject:\ntoken: ab\nseed: 0\nformat: 1\nstate: running\n", "line 1"),
        ("1\nbackend: local\nproject:\ntoken: XY\nseed: 0\nformat: 1\nstate: running\n", "'token:'"),
        ("1\nbackend: local\nproject:\ntoken: ab\nseed: 0\nformat: 1\nstate: asleep\n", "'state:'"),
        ("1" * 5000 + "\nbackend: local\nproject:\ntoken: ab\nseed: 0\nformat: 1\nstate: running\n", "line 1"),
        ("1\nbackend: local\nproject:\ntoken: ab\nseed: " + "1" * 5000 + "\nformat: 1\nstate: running\n", "'seed:'"),
        ("", "format is missing"),
        ("\x00\xff", "format is missing"),
    ],
)
def test_a_damaged_checkpoint_is_named(directory, text, what):
    Disk().write(directory.path("pyboinc_checkpoint"), text.encode("latin-1"))
    with pytest.raises(BatchError, match=what):
        directory.read_checkpoint()


def test_a_journal_without_checkpoint_is_not_taken_for_a_new_folder(directory):
    directory.write_journal([["handled", "0", True]])
    with pytest.raises(BatchError, match="no pyboinc_checkpoint"):
        directory.begin("local", "", 0)


@pytest.mark.parametrize("state, results", [("finished", None), ("running", "new"), ("running", "old")])
def test_a_journal_that_is_gone_is_not_taken_for_a_new_batch(directory, state, results):
    token = directory.begin("local", "", 0).token
    directory.bring_back()
    directory.write_checkpoint(Checkpoint(1, "local", "", token, 0, "running"))
    assert directory.begin("local", "", 0).batch_id == 1, "no call was made yet"
    directory.write_checkpoint(Checkpoint(1, "local", "", token, 0, state))
    assert directory.begin("local", "", 0).batch_id == 1, "a program without calls"
    if results:
        Disk().write(directory.path(results, "a result"), b"")
    else:
        os.remove(directory.path("pyboinc_journal"))
    with pytest.raises(BatchError, match=r"no pyboinc_journal: put that file back.*--fresh"):
        directory.begin("local", "", 0)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes there")
def test_a_pipe_among_the_results_does_not_hang(directory):
    directory.begin("local", "", 0)
    directory.bring_back()
    os.mkfifo(directory.path("new", "pipe"))
    code = "import sys; from pyboinc.batchdir import *; BatchDir(ports.Disk(), sys.argv[1]).read_records('pipe')"
    done = subprocess.run([sys.executable, "-c", code, directory.folder], capture_output=True, text=True, timeout=20)
    assert "not a file" in done.stderr and "Move the file away" in done.stderr


def test_the_journal_comes_back(directory):
    entries = [["program", "a.py", "f" * 64], ["made", "0", 0, [["d", "s(é\n)"]]], ["handled", "0", True], ["rerun", ["0"]]]
    for entry in entries:
        directory.write_journal([entry])
    assert directory.journal(list) == entries


def test_a_last_line_that_was_cut_off_is_dropped(directory):
    directory.write_journal([MADE])
    with open(directory.path("pyboinc_journal"), "ab") as file:
        file.write(b'["handled","1"')
    assert directory.journal(list) == [MADE]
    directory.write_journal([["handled", "0", True]])
    assert directory.journal(list) == [MADE, ["handled", "0", True]]


@pytest.mark.parametrize(
    "line",
    [
        *[b"[1", b'["handled",5,true]', b'["made","0",0,[["x"]]]', b"null", b"\xff", b'["handled","0"],["handled","1"]'],
        *[b'["failed","0"],["failed","0"]', b'["made","q",0,[["d","s"],["d","s"]]]', b'["made","%s",0,[["d","s"]]]' % (b"1" * 5000)],
        *[b'["made","1",-1,[["d","s"]]]', b'["made","1",0,[]]', b'["rerun",[[1]]]', b'["rerun",[0]]', b"[" * 200_000],
        *[b'["made","1",%s,[["d","s"]]]' % (b"1" * digits) for digits in (19, 5000)],
        *[b'["rerun",["777"]]', b'["handled","777",true]'],
    ],
    ids=lambda line: repr(line[:40]),
)
def test_a_damaged_line_of_the_journal_is_named(directory, line):
    directory.write_journal([MADE])
    with open(directory.path("pyboinc_journal"), "ab") as file:
        file.write(line + b'\n["handled","2",true]\n')
    with pytest.raises(BatchError, match=r"pyboinc_journal, line 2: damaged.*Ways on: "):
        directory.journal(Master)


def test_two_masters(directory):
    second = BatchDir(Disk(), directory.folder)
    with pytest.raises(BatchError, match="another master"):
        second.lock()
    code = "import sys; from pyboinc.batchdir import BatchDir; from pyboinc.ports import Disk; BatchDir(Disk(), sys.argv[1]).lock()"
    other = subprocess.run([sys.executable, "-c", code, directory.folder], capture_output=True, text=True)
    assert "another master" in other.stderr
    directory.close()
    second.lock()
    second.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_does_not_inherit_the_lock(directory):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # lives on when the master is gone
        os.close(write)
        os.read(read, 1)
        os._exit(0)
    try:
        directory.close()
        code = "import sys; from pyboinc.ports import Disk; sys.exit(Disk().lock(sys.argv[1]) is None)"
        assert subprocess.run([sys.executable, "-c", code, directory.path("pyboinc_lock")]).returncode == 0
    finally:
        os.close(write)
        os.close(read)
        os.waitpid(child, 0)


def test_a_crash_releases_the_lock(tmp_path):
    code = "import os, sys, signal; from pyboinc.ports import Disk; Disk().lock(sys.argv[1]); os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "lock")])
    lock = Disk().lock(str(tmp_path / "lock"))
    assert lock is not None
    lock.release()


def test_fresh_sets_aside_and_deletes_nothing(directory):
    token = directory.begin("local", "", 0).token
    directory.bring_back()
    directory.write_journal([["handled", "0", True]])
    Disk().write(directory.path("new", "result"), b"data")
    aside = directory.set_aside()
    assert aside == directory.path(f"pyboinc_earlier_{token}")
    assert Disk().read(os.path.join(aside, "new", "result")) == b"data"
    assert directory.begin("boinc", "/p", 0).token != token


def test_fresh_sets_aside_what_an_executor_and_slaves_wrote_and_leaves_the_users_files(directory):
    disk = Disk()
    for mine in (False, True):
        directory.begin("local", "", 0)
        disk.write(directory.path("pyboinc_calls"), b"calls")
        for name in ("0", "12.0") + ("mine",) * mine:
            disk.make_folder(directory.path("files", name))
        aside = directory.set_aside()
        assert disk.read(os.path.join(aside, "pyboinc_calls")) == b"calls" and not disk.exists(directory.path("pyboinc_calls"))
        assert disk.exists(directory.path("files")) == mine and disk.exists(os.path.join(aside, "files", "12.0")) != mine


def test_what_was_set_aside_can_be_put_back(directory):
    token = directory.begin("local", "", 0).token
    directory.bring_back()
    directory.write_journal([["handled", "0", True]])
    Disk().write(directory.path("new", "result"), b"data")
    aside = directory.set_aside()
    directory.begin("local", "", 0)
    directory.put_back(aside)
    assert directory.read_checkpoint().token == token and directory.arrived() == ["result"] and not os.path.exists(aside)


def test_unfinished_files_are_not_seen(directory):
    directory.begin("local", "", 0)
    directory.bring_back()
    Disk().write(directory.path("new", ".unfinished"), b"da")
    assert directory.arrived() == []


def test_a_damaged_result_file_is_named(directory):
    directory.begin("local", "", 0)
    directory.bring_back()
    Disk().write(directory.path("new", "pyboinc_1_ab_0"), b"\x80\x04cos\nsystem\n.")
    with pytest.raises(BatchError, match=r"new.pyboinc_1_ab_0: .*Move the file away"):
        directory.read_records("pyboinc_1_ab_0")


def test_a_power_cut_loses_nothing_that_was_reported_written():
    fs = MemoryFileSystem()
    directory = BatchDir(fs, "/batch")
    directory.lock()
    checkpoint = directory.begin("local", "", 0)
    directory.write_journal([MADE])
    directory.write_journal([["handled", "0", True]])
    after = BatchDir(fs.after_power_cut(), "/batch")
    assert after.read_checkpoint() == checkpoint
    assert after.journal(list) == [MADE, ["handled", "0", True]]


def test_a_power_cut_loses_no_batch_that_was_set_aside():
    fs = MemoryFileSystem()
    directory = BatchDir(fs, "/home/batch")
    directory.lock()
    directory.begin("local", "", 0)
    directory.write_journal([MADE])
    aside = directory.set_aside()
    after = fs.after_power_cut()
    assert sorted(after.listdir(aside)) == [CHECKPOINT, JOURNAL] and after.listdir("/home/batch") == [os.path.basename(aside)]


def test_a_power_cut_loses_no_record_between_new_and_old():
    """Nothing is synced when records are moved: it is enough that each is under one of its names."""
    records = {str(number): b"record %d" % number for number in range(4)}

    def run(fs):
        directory = BatchDir(fs, "/batch")
        directory.lock()
        directory.bring_back()
        for name in directory.arrived():
            directory.put_away(name)
        directory.close()

    for at in range(40):
        fs = MemoryFileSystem()
        run(fs)
        for name, data in records.items():
            ports.arrive(fs, "/batch/new", name, data)
        fs = fs.after_kill(at)
        with contextlib.suppress(Crash):
            run(fs)
            run(fs)
        disk = fs.disk.after_power_cut(random.Random(at).random)
        left = sorted((os.path.basename(path), file.data) for path, file in disk.files.items() if "lock" not in path)
        assert left == sorted(records.items()), f"after {at} steps"


def test_a_power_cut_after_a_torn_line_was_cut_off_leaves_the_lines_before_it():
    fs = MemoryFileSystem()
    directory = BatchDir(fs, "/batch")
    directory.lock()
    directory.write_journal([MADE])
    torn = fs.append(directory.path(JOURNAL))
    torn.write(b'["handled","0"')
    torn.sync()
    assert directory.journal(list) == [MADE]
    for seed in range(20):
        left = MemoryFileSystem(disk=fs.disk.after_power_cut(random.Random(seed).random))
        after = BatchDir(left, "/batch")
        after.lock()
        assert after.journal(list) == [MADE], f"seed {seed}"


def test_what_a_killed_master_wrote_is_there_for_good_once_it_is_read():
    """The next one does its handlers' work upon it."""
    disk = MemoryFileSystem().disk
    directory = BatchDir(MemoryFileSystem(disk=disk), "/batch")
    directory.lock()
    directory.write_journal([MADE])
    directory.write_journal([["handled", "0", True]], sync=False)
    log = CallLog(directory)
    log.add(LoggedCall("digest", "program", "f(0)", b"body"))
    with pytest.raises(Crash):
        killed = directory.fs.points
        killed.at = killed.steps + 8  # all is written, and not synced
        log.sync()
    following = BatchDir(MemoryFileSystem(disk=disk), "/batch")
    following.lock()
    told, calls = following.journal(list), CallLog(following).before
    assert told == [MADE, ["handled", "0", True]] and [each.description for each in calls] == ["f(0)"]
    after = BatchDir(MemoryFileSystem(disk=disk.after_power_cut()), "/batch")
    after.lock()
    assert after.journal(list) == told and CallLog(after).before == calls


def test_the_folder_itself_survives_a_power_cut():
    fs = MemoryFileSystem()
    directory = BatchDir(fs, "/home/me/new_batch")
    directory.lock()
    directory.begin("local", "", 0)
    assert fs.after_power_cut().exists("/home/me/new_batch/pyboinc_checkpoint")
