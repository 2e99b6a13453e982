"""Jobs with data files: what is staged, and what create_work is told."""

import hashlib
import os
import re
import signal

import pytest

from pyboinc.bundle import Program
from pyboinc.errors import PyBoincError
from pyboinc.model import Attachment, Job, JobSettings
from pyboinc.ports import Disk
from pyboinc_boinc import jobs, templates
from pyboinc_boinc.project import load
from pyboinc_boinc.staging import Staging


@pytest.fixture
def staging(tmp_path):
    (tmp_path / "download").mkdir()
    settings = "<uldl_dir_fanout>1024</uldl_dir_fanout><cache_md5_info>1</cache_md5_info><download_dir>download</download_dir>"
    names = "".join(f"<{each}>x</{each}>" for each in ("db_name", "db_user", "db_passwd", "db_host", "master_url", "host"))
    (tmp_path / "config.xml").write_text(f"<boinc><config>{settings}{names}</config><tasks/><daemons/></boinc>")
    (tmp_path / "project.xml").write_text("<boinc/>")
    return Staging(load(Disk(), str(tmp_path)))


def attachment(path, name="table"):
    return Attachment(name, hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size, str(path))


def test_a_data_file_is_staged_once_and_whole(staging, tmp_path):
    (tmp_path / "table").write_bytes(b"a table" * 1000)
    found = attachment(tmp_path / "table")
    staging.put_data(found)
    [path] = tmp_path.glob("download/*/data_*[!5]")
    assert path.name == found.file_name and path.read_bytes() == b"a table" * 1000 and path.stat().st_mode & 0o444 == 0o444
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    assert path.with_name(f"{path.name}.md5").read_text() == f"{digest} 7000\n"
    assert int(path.with_name(f"{path.name}.md5").stat().st_mtime) >= int(path.stat().st_mtime), "or create_work would not believe it"
    (tmp_path / "table").unlink()
    staging.put_data(found)
    staging.remove(found.file_name)
    with pytest.raises(PyBoincError, match="table: No such file"):
        staging.put_data(found)
    (tmp_path / "table").write_bytes(b"another")
    with pytest.raises(PyBoincError, match="table: it has changed since"):
        staging.put_data(found)
    assert not list(tmp_path.glob("download/*/*")) and not list(tmp_path.glob("download/*/.*"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_a_killed_process_has_left_of_a_data_file_is_removed_some_day(staging, tmp_path, monkeypatch):
    found = []
    for name in ("killed", "young", "old"):
        (tmp_path / name).write_text(name)
        found.append(attachment(tmp_path / name))
    child = os.fork()
    if child == 0:
        monkeypatch.setattr("pyboinc_boinc.staging._copy", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        staging.put_data(found[0])
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    [left] = tmp_path.glob("download/*/.data_*")
    staging.put_data(found[1])
    assert left.exists(), "another process may be writing it"
    os.utime(left, (0, 0))
    Staging(load(Disk(), str(tmp_path))).put_data(found[2])
    assert not left.exists() and len(list(tmp_path.glob("download/*/data_*[!5]"))) == 2


def test_input_files_tell_the_jobs_of_a_batch(staging):
    for name in ("7_c0ffee_1.0_r2.in", "7_c0ffee_12.in", "7_bead_1.in", "77_c0ffee_1.in", "7_abc.zip"):
        staging.put(f"pyboinc_{name}", b"")
    assert sorted(staging.jobs(7, "c0ffee")) == ["pyboinc_7_c0ffee_1.0_r2", "pyboinc_7_c0ffee_12"]


def test_what_create_work_is_told():
    files = tuple(Attachment(name, digest * 32, 1, "") for name, digest in (("a", "aa"), ("b", "bb"), ("same as a", "aa")))
    program = Program("s.py", b"", "cc" * 32, (), ())
    settings = JobSettings(data_lifetime=60)
    line = jobs.line_of(Job("pyboinc_7_c0ffee_12", program, "12", 1, 0, b"", files), 7, settings)
    template = templates.inputs(2, 60)
    expected = ["--wu_name", "pyboinc_7_c0ffee_12", "--wu_template", template.path, f"pyboinc_7_{'cc' * 16}.zip", "pyboinc_7_c0ffee_12.in"]
    assert line.split() == [*expected, f"data_{'aa' * 20}", f"data_{'bb' * 20}"]
    assert template.content.count(b"<sticky/><sticky_lifetime>60</sticky_lifetime><no_delete/>") == 2
    assert re.findall(rb"<open_name>(.*?)<", template.content) == [b"program", b"input", b"data_0", b"data_1"]
    assert b"sticky" not in templates.inputs(2, 0).content, "a lifetime of 0 would be for ever"
    longest = Job(
        f"pyboinc_{10**9}_{'f' * 12}_{'1.' * 44}1_r99",
        program,
        "1",
        1,
        0,
        b"",
        tuple(Attachment(str(i), f"{i:064d}"[::-1], 1, "") for i in range(jobs.MAX_DATA_FILES)),
    )
    line = jobs.line_of(longest, 10**9, settings)
    assert len(line) < 4096 and len(line.split()) < 100
