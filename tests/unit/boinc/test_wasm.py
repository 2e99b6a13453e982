"""App versions with the deterministic runtime: numbers of their own, and nothing of a workunit in their command."""

import shutil
import sys
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from pyboinc.model import Attachment, Job, JobSettings
from pyboinc_boinc import extras, templates, versions
from pyboinc_boinc.apps import AppRow, Need, choose
from pyboinc_boinc.appversion import AppFile, Extras
from pyboinc_boinc.jobs import line_of, words_of, work_of
from pyboinc_boinc.project import AddFiles, ProjectError
from pyboinc_boinc.setup import Records, Wanted, WantedApp, plan
from pyboinc_boinc.store.uploads import Uploads
from pyboinc_boinc.versions import VersionRow, physical_names
from pyboinc_boinc.wasm import Deterministic, code_for

LINUX, WINDOWS, ARM = "x86_64-pc-linux-gnu", "windows_x86_64", "aarch64-unknown-linux-gnu"
SHA256 = "0123456789abcdef" * 4
GIVEN = Deterministic(SHA256, {LINUX: b"code", WINDOWS: b"code!"}, {LINUX: b"e", WINDOWS: b"e!"}, {LINUX: b"w", WINDOWS: b"w!"})
NATIVE = {LINUX: [AppFile("launch.sh", b"#!/bin/sh\n", is_main=True)]}


def wanted(given=GIVEN, native=NATIVE, modulus=0):
    return Wanted((WantedApp("pyboinc", "PyBOINC"),), "/opt/pyboinc/bin", native, modulus, given.platforms())


def folders(project, rows, want):
    records = Records([AppRow(1, "pyboinc", min_version=100)], rows, frozenset({LINUX, WINDOWS}), user=True)
    return {each.folder: each for each in plan(project(), records, want).changes if isinstance(each, AddFiles)}


def rows_of(number, files, **more):
    return [VersionRow("pyboinc", number, platform, physical_names(each), **more) for platform, each in files.items()]


def test_native_and_deterministic_versions_have_numbers_of_their_own(project):
    assert list(folders(project, [], wanted())) == [f"apps/pyboinc/1.0{path}" for path in (f"0/{LINUX}", f"1/{LINUX}", f"1/{WINDOWS}")]
    there = [*rows_of(100, NATIVE), *rows_of(101, GIVEN.platforms())]
    assert not folders(project, there, wanted())

    upgrade = {LINUX: [AppFile("launch.sh", b"#!/bin/dash\n", is_main=True)]}
    assert list(folders(project, there, wanted(native=upgrade))) == [f"apps/pyboinc/1.02/{LINUX}"]
    there += rows_of(102, upgrade)
    other = replace(GIVEN, code={**GIVEN.code, LINUX: b"other"})
    assert list(folders(project, there, wanted(other, upgrade))) == [f"apps/pyboinc/1.03/{each}" for each in (LINUX, WINDOWS)]
    assert [versions.newest(there, wasm).number for wasm in (False, True)] == [102, 101]
    assert versions.newest(there[:1], wasm=True) is None and versions.newest(there, wasm=True).runtime == SHA256[:16]


def test_what_a_platform_gets(project):
    made = folders(project, [], wanted(modulus=3**2000))[f"apps/pyboinc/1.01/{WINDOWS}"].files
    files = {name: content for name, content, _ in made}
    root = ElementTree.fromstring(files["version.xml"])
    refs = {each.findtext("logical_name") or "main": each for each in root.findall("file")}
    assert set(refs) == {"main", "engine.exe", "sandbox.bat", "job.xml", "wasm-0123456789abcdef.cwasm", "job/trust.txt"}
    assert [name for name, each in refs.items() if each.find("gzip") is not None] == ["engine.exe", "wasm-0123456789abcdef.cwasm"]
    assert refs["job/trust.txt"].find("copy_file") is not None, "the runtime sees no links"
    assert files[refs["main"].findtext("physical_name")] == b"w!"
    task = ElementTree.fromstring(files[refs["job.xml"].findtext("physical_name")]).find("task")
    assert task.findtext("application") == "sandbox.bat" and task.find("append_cmdline_args") is None
    assert task.findtext("command_line") == "boinc_resolve(engine.exe) boinc_resolve(wasm-0123456789abcdef.cwasm)"
    script = files[refs["sandbox.bat"].findtext("physical_name")]
    assert b"run -W nan-canonicalization=y" in script and script.count(b"\n") == script.count(b"\r\n")
    assert not replace(GIVEN, wrappers={}).platforms()


def test_a_job_is_copied_into_the_folder_that_the_runtime_sees(project):
    one, two = (Attachment(name, digit * 64, 1, f"/home/{name}") for name, digit in (("a", "f"), ("b", "0")))
    line = line_of(Job("j", _Program, "0", 1, 0, b"", (one, two)), 7, JobSettings(), wasm=True).split()
    assert line[-2:] == [two.file_name, one.file_name], "in the order in which the runtime counts them"
    assert line[3] == templates.inputs(2, JobSettings().data_lifetime, wasm=True).path
    assert line[3] in line_of(Job("k", _Program, "0", 1, 0, b"", (one, two)), 7, JobSettings(), wasm=True)
    root = ElementTree.fromstring(templates.inputs(2, wasm=True).content)
    refs = root.findall("workunit/file_ref")
    assert [each.findtext("open_name") for each in refs] == ["job/program", "job/input", "job/data_0", "job/data_1"]
    assert all(each.find("copy_file") is not None for each in refs)
    words = words_of("a", 7, 101, JobSettings(quorum=2), work_of(JobSettings(), 0, 0, 0), wasm=True)
    assert templates.inputs(wasm=True).path in words and templates.output(JobSettings().max_output, wasm=True).path in words
    asked = templates.output(9, wasm=True).content.decode().replace("<OUTFILE_0/>", "x_0").replace("<OUTFILE_1/>", "x_1")
    assert list(Uploads(project()).files(asked)) == ["output", "report"], "a result's files have the same names wherever it ran"


class _Program:
    sha256 = "ab" * 32


def test_a_batch_is_for_an_app_with_its_runtime():
    app = AppRow(1, "pyboinc", version=100)
    able = replace(app, name="able", wasm_version=101, runtime=SHA256[:16])
    assert choose([app, able], Need(runtime=SHA256), "able") is able and choose([able], Need()) is able
    with pytest.raises(ProjectError, match=r"no app version with the deterministic runtime\. No app has it; .* --runtime DIR --engine"):
        choose([app], Need(runtime=SHA256))
    with pytest.raises(ProjectError, match=r"the deterministic runtime is 0123456789abcdef there, and here .* ffffffffffffffff"):
        choose([able], Need(runtime="f" * 64))


def test_what_was_given_stays(tmp_path):
    assert extras.load_deterministic(str(tmp_path)) == Deterministic()
    extras.save(str(tmp_path), Extras(), 0, GIVEN)
    assert extras.load_deterministic(str(tmp_path)) == GIVEN
    extras.save(str(tmp_path), Extras(), 0)
    assert extras.load_deterministic(str(tmp_path)) == Deterministic() and not list((tmp_path / extras.FOLDER).iterdir())


def test_what_setup_is_told_of_it(tmp_path):
    from pyboinc_boinc.commands import _deterministic

    assert _deterministic(GIVEN, None, (), ()) is GIVEN and not _deterministic(GIVEN, "", (), ()).platforms()
    assert list(_deterministic(GIVEN, None, (f"{LINUX}=",), ()).platforms()) == [WINDOWS]
    (tmp_path / "engine").write_bytes(b"MZ")
    with pytest.raises(ProjectError, match="--runtime also needs --engine"):
        _deterministic(Deterministic(), str(tmp_path), (), ())
    with pytest.raises(ProjectError, match="--engine needs the runtime"):
        _deterministic(GIVEN, None, (f"{WINDOWS}={tmp_path / 'engine'}",), ())
    with pytest.raises(ProjectError, match="also needs --engine-wrapper x86_64-pc-linux-gnu=FILE"):
        _deterministic(GIVEN, None, (), (f"{LINUX}=",))
    with pytest.raises(ProjectError, match=r"there is none\. Build it: "):
        _deterministic(GIVEN, str(tmp_path), (), ())


def test_the_engine_must_be_of_the_version_that_compiled(tmp_path):
    (tmp_path / f"{ARM}_49.0.3_{SHA256[:16]}.cwasm").write_bytes(b"code")
    assert code_for(str(tmp_path), SHA256, ARM, b"\x7fELF ... 49.0.3 (f96eabaa1)") == b"code"
    with pytest.raises(ProjectError, match=r"compiled for wasmtime 49\.0\.3, and --engine aarch64-unknown-linux-gnu is none of these"):
        code_for(str(tmp_path), SHA256, ARM, b"\x7fELF ... 149.0.3 49.0.31")
    with pytest.raises(ProjectError, match="no program for that platform"):
        code_for(str(tmp_path), SHA256, ARM, b"MZ 49.0.3")
    with pytest.raises(ProjectError, match=f"not compiled.*pyboinc build-runtime .* --platform {WINDOWS} --engine FILE"):
        code_for(str(tmp_path), SHA256, WINDOWS, b"MZ 49.0.3")


@pytest.mark.skipif(sys.platform != "linux", reason="a shell script stands for the engine")
def test_an_engine_that_does_not_run_the_runtime_is_refused(tmp_path, monkeypatch):
    from pyboinc_boinc import wasm

    monkeypatch.setattr(wasm, "_MAGIC", dict.fromkeys(wasm._MAGIC, b"#!"))
    monkeypatch.setattr(wasm, "_HERE", {(sys.platform, wasm.platform.machine()): LINUX})
    (tmp_path / f"{LINUX}_49.0.3_{SHA256[:16]}.cwasm").write_bytes(b"code")
    shell = shutil.which("sh").encode()
    with pytest.raises(ProjectError, match=r"does not run the runtime on this computer.*: incompatible"):
        code_for(str(tmp_path), SHA256, LINUX, b"#!" + shell + b"\n# 49.0.3\necho incompatible >&2; exit 1\n")
    starts = b"#!" + shell + b'\n# 49.0.3\nfor each; do case $each in *::/) touch "${each%::/}/exit_status";; esac; done; exit 1\n'
    assert code_for(str(tmp_path), SHA256, LINUX, starts) == b"code"
