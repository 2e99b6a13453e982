"""The program of a slave as one zip: which imports are followed, which are refused, and that the bytes are always the same."""

from __future__ import annotations

import ast
import hashlib
import io
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from pyboinc import bundle
from pyboinc.bundle import MAIN, BundleError, Import, Program, absolute_name, analyse, build, manifest, reproducible_zip, runtime_zip
from pyboinc.errors import PyBoincError

SOURCES = Path(bundle.__file__).parents[1]
OTHER_PYTHONS = [path for path in (Path.home() / ".pyenv/versions").glob("3.1[0-9].*/bin/python") if path.exists()]


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


class App:
    """A folder of sources; a slave that imports what a test wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, **files: str | bytes) -> App:
        """Write files: ``pkg__mod='...'`` is pkg/mod.py, ``pkg__`` is pkg/__init__.py."""
        for name, text in files.items():
            folder, _, stem = name.rpartition("__")
            path = self.folder / folder.replace("__", "/") / f"{stem or '__init__'}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self

    def build(self, text: str | bytes | None = None, requires: list[str] | None = None, slave: str = "app_slave.py") -> Program:
        if text is not None:
            (self.folder / slave).write_bytes(text if isinstance(text, bytes) else text.encode())
        return build(slave, self.folder, requires or [])

    def refused(self, text: str | bytes | None = None, requires: list[str] | None = None, slave: str = "app_slave.py") -> str:
        with pytest.raises(BundleError) as caught:
            self.build(text, requires, slave)
        return str(caught.value)


def names_in(program: Program) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(program.data)) as archive:
        return archive.namelist()


def content(program: Program, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(program.data)) as archive:
        return archive.read(name)


# ---- The zip.


def test_the_reference_example(app: App) -> None:
    slave = "from app_types import Output\nfrom pyboinc import pyboinc_get_input, pyboinc_return_output\n"
    program = app.write(app_types="class Output: pass\n", app_master="import nothing_of_the_slave\n").build(slave)
    assert program.slave == "app_slave.py"
    assert program.modules == ("app_types",)
    assert program.optional == ()
    assert program.sha256 == hashlib.sha256(program.data).hexdigest()
    assert names_in(program) == ["__main__.py", "app_slave.py", "app_types.py", "pyboinc.txt"]
    assert content(program, "app_slave.py").decode() == slave
    assert content(program, "__main__.py").decode() == MAIN == "from pyboinc.slave.runner import main\nmain()\n"
    assert content(program, "pyboinc.txt").decode() == "format 2\nslave app_slave.py\nmodule app_types\n"


def test_manifest_is_read_back(app: App) -> None:
    read = manifest(app.write(b="", a="").build("import b, a, numpy", ["numpy>=1.20", " numpy>=1.20 "]).data)
    assert (read.slave, read.modules, read.requires) == ("app_slave.py", ("a", "b"), ("numpy>=1.20",))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\5\6",
        reproducible_zip({"a": b""}),
        reproducible_zip({"pyboinc.txt": b"\xff"}),
        reproducible_zip({"pyboinc.txt": b"format 2\n"}),
        reproducible_zip({"pyboinc.txt": b"format 1\nslave a.py\n"}),
        reproducible_zip({"pyboinc.txt": b"format 2\nslave a.py\nmaster b.py\n"}),
    ],
)
def test_manifest_of_something_else(data: bytes) -> None:
    with pytest.raises(BundleError):
        manifest(data)


def test_bundle_error_is_ours() -> None:
    assert issubclass(BundleError, PyBoincError)


def test_entries_are_plain(app: App) -> None:
    with zipfile.ZipFile(io.BytesIO(app.write(pkg__="").build("import pkg").data)) as archive:
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.compress_type == zipfile.ZIP_STORED
            assert entry.create_system == 3
            assert entry.external_attr >> 16 == (0o40755 if entry.is_dir() else 0o100644)
        assert archive.namelist() == sorted(archive.namelist())


def test_sources_stay_as_they_are(app: App) -> None:
    source = "# -*- coding: latin-1 -*-\r\nimport größe\r\n".encode("latin-1")
    app.write(größe=b"\xef\xbb\xbfx = 1\r\n")
    program = app.build(source)
    assert program.modules == ("größe",)
    assert content(program, "app_slave.py") == source
    assert content(program, "größe.py") == b"\xef\xbb\xbfx = 1\r\n"


# ---- The same bytes everywhere.


def write_example(folder: Path) -> Path:
    app = App(folder)
    app.folder.mkdir(exist_ok=True)
    app.write(größe="", helper="from pkg import deep\n", pkg__="", pkg__deep="", spaces__here="import größe\n")
    app.write(app_slave="import helper, spaces.here, json, numpy\n")
    return folder


def test_same_bytes_in_another_folder_at_another_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build("app_slave.py", write_example(tmp_path / "first"), ["numpy"])
    second = write_example(tmp_path / "second")
    for file in second.rglob("*.py"):
        os.utime(file, (1e9, 1e9))
        file.chmod(0o600)
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")
    if hasattr(time, "tzset"):
        time.tzset()
    assert build("app_slave.py", str(second), ["numpy"]) == first
    monkeypatch.undo()
    if hasattr(time, "tzset"):
        time.tzset()


def test_these_very_bytes(tmp_path: Path) -> None:
    program = build("app_slave.py", write_example(tmp_path / "app"), ["numpy"])
    assert program.modules == ("größe", "helper", "pkg", "pkg.deep", "spaces.here")
    assert program.sha256 == "ddc8efecf0ce02baa3a429ebb9bd0f13bda4c0999322ad174021cc0e2ce65662"  # change FORMAT before you change this


@pytest.mark.parametrize("python", OTHER_PYTHONS, ids=lambda path: path.parents[1].name)
def test_same_bytes_under_another_python(tmp_path: Path, python: Path) -> None:
    expected = build("app_slave.py", write_example(tmp_path / "app"), ["numpy"]).sha256
    code = "import sys; from pyboinc.bundle import build; print(build('app_slave.py', sys.argv[1], ['numpy']).sha256)"
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "PYTHONHASHSEED": "7", "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run([python, "-c", code, str(tmp_path / "app")], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == expected


def test_modules_import_from_the_zip(app: App) -> None:
    app.write(plain="x = 1\n", pkg__="from .one import x\n", pkg__one="x = 2\n", pkg__sub__="", pkg__sub__two="from ..one import x\n")
    app.write(ns__three="x = 3\n", ns__inner__four="from ..three import x\n", größe="x = 5\n")
    program = app.build("import plain, pkg.sub.two, ns.three, größe\nfrom ns.inner import four\n")
    (app.folder / "program.zip").write_bytes(program.data)
    check = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import plain, pkg.sub.two, ns.three, ns.inner.four, größe\n"
        "print(plain.x, pkg.x, pkg.sub.two.x, ns.three.x, ns.inner.four.x, größe.x, plain.__loader__.__class__.__name__)\n"
    )
    for python in (sys.executable, *map(str, OTHER_PYTHONS)):
        ran = subprocess.run(
            [python, "-I", "-S", "-c", check, app.folder / "program.zip"], cwd="/", capture_output=True, text=True, check=True
        )
        assert ran.stdout == "1 2 2 3 3 5 zipimporter\n"


def test_python_runs_the_zip(app: App) -> None:
    program = app.build("")
    stand_in = {"pyboinc/__init__.py": b"", "pyboinc/slave/__init__.py": b"", "pyboinc/slave/runner.py": b"def main(): print('runs')\n"}
    with zipfile.ZipFile(io.BytesIO(program.data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    (app.folder / "program.zip").write_bytes(reproducible_zip({**files, **stand_in}))
    ran = subprocess.run([sys.executable, "-I", "-S", app.folder / "program.zip"], capture_output=True, text=True, check=True)
    assert ran.stdout == "runs\n"


# ---- What is local.


def test_imports_are_followed(app: App) -> None:
    app.write(one="def f():\n    import two\n", two="import three as t\n", three="import one, app_slave\n", unused="")
    program = app.build("import one")
    assert program.modules == ("one", "three", "two")
    assert names_in(program) == ["__main__.py", "app_slave.py", "one.py", "pyboinc.txt", "three.py", "two.py"]


def test_of_a_package_only_what_is_imported(app: App) -> None:
    app.write(pkg__="", pkg__one="", pkg__unused="", pkg__sub__="import helper\n", pkg__sub__deep="", helper="")
    assert app.build("import pkg.one").modules == ("pkg", "pkg.one")
    assert app.build("from pkg import one, some_name").modules == ("pkg", "pkg.one")
    assert app.build("import pkg.sub.deep").modules == ("helper", "pkg", "pkg.sub", "pkg.sub.deep")
    assert app.build("from pkg.sub.deep import name").modules == ("helper", "pkg", "pkg.sub", "pkg.sub.deep")
    assert app.build("from pkg.one import one").modules == ("pkg", "pkg.one")


def test_relative_imports(app: App) -> None:
    app.write(pkg__="from . import one\n", pkg__one="from .two import name\n", pkg__two="from .sub import three\n")
    app.write(pkg__sub__="", pkg__sub__three="from .. import four\nfrom ..sub.five import x\n", pkg__four="", pkg__sub__five="")
    assert app.build("import pkg").modules == ("pkg", "pkg.four", "pkg.one", "pkg.sub", "pkg.sub.five", "pkg.sub.three", "pkg.two")


def test_relative_imports_where_there_is_no_package(app: App) -> None:
    assert app.refused("from . import one") == (
        "app_slave.py, line 1: imports '.', but app_slave.py is not so deep in a package; import it by its full name."
    )
    app.write(pkg__="from ..other import x\n")
    assert "pkg/__init__.py, line 1: imports '..other'" in app.refused("import pkg")
    program = app.write(one="").build("try:\n    from .one import x\nexcept ImportError:\n    from one import x\n")
    assert (program.modules, program.optional) == (("one",), ())


def test_star_takes_the_submodules_in_all(app: App) -> None:
    app.write(pkg__="__all__ = ['one', 'name']\nname = 1\n", pkg__one="", pkg__two="")
    assert app.build("from pkg import *").modules == ("pkg", "pkg.one")
    assert app.build("import pkg").modules == ("pkg",)


def test_folders_without_init(app: App) -> None:
    app.write(ns__one="from . import two\n", ns__two="", json__mine="", numpy__mine="")
    (app.folder / "data").mkdir()
    assert app.build("import ns.one").modules == ("ns.one", "ns.two")
    assert app.build("from ns import one").modules == ("ns.one", "ns.two")
    assert app.build("import json").modules == ()
    assert app.build("import numpy", ["numpy"]).modules == ()
    assert "imports 'ns.three', but the folder ns has no such Python file." in app.refused("from ns import one, three")
    assert "imports 'ns.three', but the folder ns has" in app.refused("import ns.three")
    assert "imports 'data', but the folder data has no such Python file." in app.refused("import data")


def test_a_package_wins_over_a_file_of_its_name(app: App) -> None:
    assert names_in(app.write(one="", one__="").build("import one")) == [
        "__main__.py",
        "app_slave.py",
        "one/",
        "one/__init__.py",
        "pyboinc.txt",
    ]


def test_a_local_file_wins_over_the_standard_library(app: App) -> None:
    assert app.write(statistics="").build("import statistics, math").modules == ("statistics",)


def test_submodules_that_are_not_there(app: App) -> None:
    app.write(pkg__="", one="")
    assert app.refused("import pkg.two") == (
        "app_slave.py, line 1: imports 'pkg.two', but pkg/__init__.py is a package without such a module."
    )
    assert "imports 'one.two', but one.py is a module, not a package." in app.refused("import one.two")


def test_names_match_exactly(app: App) -> None:
    app.write(Helper="")
    assert "imports 'helper', but here it is spelled 'Helper.py'" in app.refused("import helper")
    assert "There is no App_Slave.py" in app.refused(slave="App_Slave.py")


def test_symbolic_links_are_followed(app: App, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    App(elsewhere).write(real="x = 1\n", pkg__="", pkg__one="")
    try:
        (app.folder / "linked.py").symlink_to(elsewhere / "real.py")
        (app.folder / "pkg").symlink_to(elsewhere / "pkg")
    except OSError:
        pytest.skip("no symbolic links here")
    program = app.build("import linked, pkg.one")
    assert program.modules == ("linked", "pkg", "pkg.one")
    assert content(program, "linked.py") == b"x = 1\n"
    (app.folder / "gone.py").symlink_to(elsewhere / "gone.py")
    assert "imports 'gone', which is not in this folder" in app.refused("import gone")


def test_modules_that_can_not_be_imported_are_ignored(app: App) -> None:
    (app.folder / "not-a-name.py").write_text("import nothing")
    assert app.build("x = 1").modules == ()


# ---- A slave in a folder of its own.


def test_slave_in_a_subfolder_imports_from_there_only(app: App) -> None:
    app.write(slaves__a="import helper, a\n", slaves__helper="", other="")
    program = app.build(slave="slaves/a.py")
    assert program.slave == manifest(program.data).slave == "slaves/a.py"
    assert program.modules == ("helper",)
    assert names_in(program) == ["__main__.py", "a.py", "helper.py", "pyboinc.txt", "slaves/", "slaves/a.py"]
    app.write(slaves__a="import other\n")
    text = app.refused(slave="slaves/a.py")
    assert "slaves/a.py, line 1: imports 'other'" in text
    assert "put other.py beside slaves/a.py" in text


def test_slave_and_module_with_one_name(app: App) -> None:
    app.write(slaves__a="import slaves.a\n", slaves__slaves__="", slaves__slaves__a="")
    assert "need the same name" in app.refused(slave="slaves/a.py")


def test_errors_name_files_from_the_app_folder(app: App) -> None:
    app.write(slaves__a="import helper\n", slaves__helper="import nothing\n")
    assert "slaves/helper.py, line 1: imports 'nothing'" in app.refused(slave="slaves/a.py")


@pytest.mark.parametrize(
    ("slave", "text"),
    [
        ("../a.py", "relative to that folder"),
        ("x/../../a.py", "relative to that folder"),
        ("/a.py", "relative to that folder"),
        ("C:/a.py", "relative to that folder"),
        ("C:a.py", "relative to that folder"),
        ("\\\\host\\share\\a.py", "relative to that folder"),
        ("..\\a.py", "relative to that folder"),
        ("./a.py", "write the name of the slave as 'a.py'"),
        ("slaves\\a.py", "write the name of the slave as 'slaves/a.py'"),
        ("slaves//a.py", "write the name of the slave as 'slaves/a.py'"),
        ("", "ends in .py"),
        ("a", "ends in .py"),
        ("__main__.py", "another one"),
        ("pyboinc.py", "another one"),
        ("pyboinc/a.py", "another one"),
    ],
)
def test_names_that_no_slave_has(app: App, slave: str, text: str) -> None:
    assert text in app.refused(slave=slave)


def test_missing_slave(app: App) -> None:
    app.write(zebra="", app_slave="", app_master="", slaves__one="")
    (app.folder / "folder.py").mkdir()
    folder = app.folder
    text = app.refused(slave="app_slvae.py")
    assert text.startswith(f"There is no app_slvae.py in {folder}. There are: app_slave.py, app_master.py, ")
    assert "zebra.py" in text
    assert "There are: slaves/one.py, " in app.refused(slave="slaves/ones.py")
    assert app.refused(slave="folder.py") == f"folder.py in {folder} is not a file."
    with pytest.raises(BundleError, match="There is no folder"):
        build("a.py", app.folder / "nowhere")
    (app.folder / "empty").mkdir()
    with pytest.raises(BundleError, match=r"There are no \.py files there"):
        build("a.py", app.folder / "empty")
    app.write(**{f"file{number}": "" for number in range(20)})
    assert " more." in app.refused(slave="x.py")


# ---- What is not local.


def test_an_import_that_is_nowhere(app: App) -> None:
    assert app.refused("import math\n\nimport requests\n") == (
        "app_slave.py, line 3: imports 'requests', which is not in this folder, not in Python's standard library and not in requires. "
        "Ways out: put requests.py beside app_slave.py; add requires = ['requests'] to the job settings (JobSettings(requires=[...]) "
        "or [job] in pyboinc.toml) if volunteers have it; or wrap the import in try/except ImportError if the slave can do without."
    )


def test_all_of_them_at_once(app: App) -> None:
    app.write(helper="from yaml.nodes import Node\nimport pkg.nowhere\n", pkg__="")
    lines = app.refused("import requests.adapters, helper\nimport requests\nimport pyboinc.cli\n").splitlines()
    assert [line.split(",")[0] for line in lines[:-1]] == ["app_slave.py"] * 3 + ["helper.py"] * 2
    assert lines[0].startswith("app_slave.py, line 1: imports 'requests', which")
    assert lines[-1].startswith("Ways out: put requests.py, yaml.py beside app_slave.py; add requires = ['requests', 'yaml'] to")
    assert "volunteers have them;" in lines[-1]


def test_standard_library_of_any_platform(app: App) -> None:
    assert app.build("import fcntl, winreg, os.path, __future__, __main__\nfrom xml.etree import ElementTree").modules == ()


def test_pyboinc_is_there_but_not_all_of_it(app: App) -> None:
    app.build("import pyboinc, pyboinc.errors, pyboinc.codec\nfrom pyboinc.slave import api\nfrom pyboinc import errors, pyboinc_call")
    text = app.refused("import pyboinc.cli")
    assert text.startswith("app_slave.py, line 1: imports 'pyboinc.cli', which volunteers don't have; a slave may import pyboinc,")
    assert "Ways out" not in text
    assert len(app.refused("import pyboinc.cli\nimport pyboinc.run").splitlines()) == 2
    assert "imports 'pyboinc.bundle', which volunteers" in app.refused("from pyboinc.bundle import build")
    assert "imports 'pyboinc.bundle', which volunteers" in app.refused("from pyboinc import bundle")
    assert app.build("try:\n    import pyboinc.cli\nexcept ImportError: pass").optional == ("pyboinc.cli",)


@pytest.mark.parametrize(
    ("statement", "requires"),
    [
        ("import numpy", "numpy"),
        ("import numpy.linalg", "numpy>=1.20"),
        ("from numpy import linalg", " NumPy [extra] >= 1.20, < 3 ; python_version > '3.8'"),
        ("import some_thing", "Some.Thing"),
        ("import nowhere.installed", "nowhere-installed~=2"),
        ("from nowhere import installed", "nowhere.installed==1"),
        ("import _pytest", "pytest"),
        ("import pytest", "pytest @ https://example.org/pytest.whl"),
        ("import größe", "größe"),
    ],
)
def test_declared_in_requires(app: App, statement: str, requires: str) -> None:
    program = app.build(statement, [requires])
    assert (program.modules, program.optional) == ((), ())
    assert manifest(program.data).requires == (requires.strip(),)


def test_requires_of_something_else(app: App) -> None:
    assert "imports 'numpy'" in app.refused("import numpy", ["numpyro"])


@pytest.mark.parametrize("requires", ["", ">=1.20", "git+https://example.org/x", "-e ."])
def test_requires_without_a_name(app: App, requires: str) -> None:
    assert f"requires: {requires!r} does not begin with the name" in app.refused("", [requires])


def test_requires_as_one_text(app: App) -> None:
    app.write(app_slave="")
    with pytest.raises(BundleError, match=r"write requires = \['numpy'\]"):
        build("app_slave.py", app.folder, "numpy")


# ---- Imports that may fail.


@pytest.mark.parametrize(
    "caught", ["ImportError", "ModuleNotFoundError", "(KeyError, ImportError)", "Exception", "BaseException", "builtins.ImportError", ""]
)
def test_optional_imports(app: App, caught: str) -> None:
    program = app.write(one="").build(f"try:\n    import numpy.linalg, one, json, declared\nexcept {caught}:\n    pass", ["declared"])
    assert program.modules == ("one",)
    assert program.optional == ("numpy",)


def test_suppressed_imports(app: App) -> None:
    assert app.build("from contextlib import suppress\nwith suppress(KeyError, ImportError):\n    import numpy").optional == ("numpy",)
    assert "imports 'numpy'" in app.refused("from contextlib import suppress\nwith suppress(KeyError):\n    import numpy")


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import numpy\nexcept KeyError:\n    pass",
        "try:\n    import numpy\nfinally:\n    pass",
        "try:\n    pass\nexcept ImportError:\n    import numpy",
        "try:\n    import nowhere\nexcept ImportError:\n    import numpy",
        "try:\n    import json\nexcept ImportError:\n    pass\nelse:\n    import numpy",
        "try:\n    import json\nexcept ImportError:\n    pass\nfinally:\n    import numpy",
        "try:\n    import nowhere\nexcept ImportError:\n    try:\n        import nowhere2\n    except ImportError:\n        import numpy",
    ],
)
def test_not_optional(app: App, text: str) -> None:
    assert "imports 'numpy'" in app.refused(text)


def test_the_other_way_is_needed_only_if_the_first_fails(app: App) -> None:
    assert app.build("try:\n    import json\nexcept ImportError:\n    import simplejson as json").optional == ("simplejson",)
    program = app.write(fallback="").build("try:\n    import numpy\nexcept ImportError:\n    import fallback")
    assert (program.modules, program.optional) == (("fallback",), ("numpy",))
    nested = "try:\n    import json\nexcept ImportError:\n    try:\n        import x\n    except ImportError:\n        import y"
    assert app.build(nested).optional == ("x", "y")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="except* is new in Python 3.11")
def test_optional_with_except_star(app: App) -> None:
    assert app.build("try:\n    import numpy\nexcept* ImportError:\n    pass").optional == ("numpy",)


def test_for_type_checkers_only(app: App) -> None:
    app.write(one="", two="", three="")
    text = "import typing\nif typing.TYPE_CHECKING:\n    import numpy\nelse:\n    import one\n"
    text += (
        "if not TYPE_CHECKING:\n    import two\nelse:\n    import numpy\nif TYPE_CHECKING:\n    import numpy\nelif x:\n    import three\n"
    )
    assert app.build(text).modules == ("one", "three", "two")


def test_what_a_module_does_as_a_script_never_runs(app: App) -> None:
    text = "if __name__ == '__main__':\n    import matplotlib\nelse:\n    import one\n"
    assert app.write(helper=text, one="").build("import helper").modules == ("helper", "one")
    assert "app_slave.py, line 2: imports 'matplotlib'" in app.refused(text)


def test_imports_by_call(app: App) -> None:
    app.write(one="", two="", three="", pkg__="import importlib\nimportlib.import_module('.inner', __package__)\n", pkg__inner="")
    app.write(pkg__far="")
    text = "import importlib\nfrom importlib import import_module\n"
    text += "importlib.import_module('one')\nx = import_module(name='two')\n__import__('three')\nimport_module('pkg')\n"
    text += (
        "import_module('.far', package='pkg')\nimport_module(variable)\nimport_module('')\nimport_module('..x', 'pkg')\nimport_module()\n"
    )
    assert app.build(text).modules == ("one", "pkg", "pkg.far", "pkg.inner", "three", "two")
    assert "line 3: imports 'nowhere'" in app.refused("import importlib\n\nimportlib.import_module('nowhere')")
    assert app.build("try:\n    __import__('nowhere')\nexcept ImportError:\n    pass").optional == ("nowhere",)


def test_imports_anywhere(app: App) -> None:
    app.write(**{f"m{number}": "" for number in range(7)})
    text = "class A:\n    import m0\n    async def f(self):\n        with x:\n            import m1\n"
    text += "for i in x:\n    import m2\nwhile x:\n    import m3\nif x:\n    import m4\nelse:\n    import m5\n"
    text += "f = lambda: __import__('m6')\n"
    assert app.build(text).modules == tuple(f"m{number}" for number in range(7))


# ---- Masters stay at home.


@pytest.mark.parametrize(
    "call",
    [
        "from pyboinc import pyboinc_master\npyboinc_master(f, g)",
        "from pyboinc import pyboinc_master as start\nstart(f, g)",
        "from pyboinc import *\nx = pyboinc_master(f, g)",
        "import pyboinc\npyboinc.master(f, g)",
        "import pyboinc as pb\ntry:\n    pb.pyboinc_master(f, g)\nfinally:\n    pass",
        "from pyboinc import master\nwith x: master(f, g)",
    ],
)
def test_importing_the_master(app: App, call: str) -> None:
    text = app.write(app_master=call, helper="import app_master\n").refused("\nimport helper\n")
    assert text.startswith("helper.py, line 1: imports 'app_master', which calls pyboinc_master in line ")
    assert "__name__ == '__main__'" in text
    assert "this is a master, not a slave" in app.refused(call)


@pytest.mark.parametrize(
    "call",
    [
        "from pyboinc import pyboinc_master\nif __name__ == '__main__':\n    pyboinc_master(f, g)",
        "from pyboinc import pyboinc_master\ndef main():\n    pyboinc_master(f, g)",
        "from pyboinc import pyboinc_call\nmaster = print\nmaster()",
    ],
)
def test_importing_a_guarded_master(app: App, call: str) -> None:
    assert app.write(app_master=call).build("import app_master").modules == ("app_master",)


# ---- Sources that are not Python.


def test_syntax_errors(app: App) -> None:
    assert app.refused("x = 1\ny = (\n").startswith("app_slave.py, line 2: ")
    assert app.write(helper="\n\nif x\n").refused("import helper").startswith("helper.py, line 3: ")
    assert app.refused("x = 1\nreturn x\n") == "app_slave.py, line 2: 'return' outside function"


def test_not_text(app: App) -> None:
    assert app.refused(b"x = 1\0\n") == "app_slave.py contains null bytes: it is not Python source."
    assert app.refused(b"x = '\xff'\n").startswith("app_slave.py")
    assert app.refused(b"# coding: klingon\n").startswith("app_slave.py")
    assert app.build(b"# coding: latin-1\nx = '\xff'\n").modules == ()


def test_no_warnings_of_the_compiler(app: App) -> None:
    app.build("x = '\\d'\nx is 1\n")  # pytest makes errors of warnings


def test_deep_sources(app: App) -> None:
    assert app.write(one="").build("x = " + "+".join(["1"] * 800) + "\nimport one\n").modules == ("one",)
    assert app.refused("x = " + "(" * 1000 + ")" * 1000).startswith("app_slave.py")


def test_unreadable(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    app.write(app_slave="")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert app.refused().endswith("app_slave.py can't be read: Permission denied")


# ---- The pure parts.


def test_analyse() -> None:
    source = b"import a.b as c\ntry:\n    from ..d import e, f\nexcept ImportError:\n    import g\n__all__ = ['x', y]\n"
    analysis = analyse(source, "file.py")
    assert analysis.imports == (
        Import(1, "a.b"),
        Import(3, "d", level=2, names=("e", "f"), attempt=2),
        Import(5, "g", rescues=(2,)),
    )
    assert analysis.exports == ("x",)
    assert analysis.master_call is None


@pytest.mark.parametrize(
    ("package", "level", "module", "expected"),
    [
        ("", 0, "a.b", "a.b"),
        ("p.q", 0, "a", "a"),
        ("p.q", 1, "a", "p.q.a"),
        ("p.q", 1, "", "p.q"),
        ("p.q", 2, "a.b", "p.a.b"),
        ("p.q", 3, "a", None),
        ("", 1, "a", None),
    ],
)
def test_absolute_name(package: str, level: int, module: str, expected: str | None) -> None:
    assert absolute_name(package, level, module) == expected


# ---- The runtime.


def test_runtime_of_a_stand_in(tmp_path: Path) -> None:
    shipped = {"": "", "errors": "", "version": "", "codec__": "", "codec__types": "", "exactmath__": "", "slave__": ""}
    App(tmp_path).write(**shipped, cli__="", run="")
    (tmp_path / "slave" / "notes.txt").write_text("not shipped")
    (tmp_path / "slave" / "__pycache__").mkdir()
    files = bundle._runtime_files(tmp_path)
    assert sorted(files) == [
        "pyboinc/__init__.py",
        "pyboinc/codec/__init__.py",
        "pyboinc/codec/types.py",
        "pyboinc/errors.py",
        "pyboinc/exactmath/__init__.py",
        "pyboinc/slave/__init__.py",
        "pyboinc/version.py",
    ]
    (tmp_path / "slave" / "__init__.py").unlink()
    with pytest.raises(BundleError, match=r"incomplete.*__init__\.py"):
        bundle._runtime_files(tmp_path)
    App(tmp_path).write(slave__="")
    (tmp_path / "errors.py").unlink()
    with pytest.raises(BundleError, match=r"incomplete.*errors\.py"):
        bundle._runtime_files(tmp_path)
    with pytest.raises(BundleError, match=r"incomplete.*codec"):
        bundle._runtime_files(tmp_path / "cli")


@pytest.fixture
def runtime() -> bytes:
    try:
        return runtime_zip()
    except BundleError as error:
        pytest.skip(f"still being written: {error}")


def test_runtime_is_reproducible(runtime: bytes) -> None:
    assert runtime == runtime_zip()


def test_runtime_is_standard_library_and_itself(runtime: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(runtime)) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    modules = {name[:-3].replace("/", ".").removesuffix(".__init__") for name in files}
    for file, source in files.items():
        ast.parse(source, file, feature_version=(3, 9))
        package = file.rpartition("/")[0].replace("/", ".")
        for wanted in analyse(source, file).imports:
            name = absolute_name(package, wanted.level, wanted.module) or "?"
            known = name in modules or name.partition(".")[0] in {*sys.stdlib_module_names, "numpy"}  # numpy: where the app uses it
            assert known or wanted.attempt, f"{file}, line {wanted.line}: imports {name}"
