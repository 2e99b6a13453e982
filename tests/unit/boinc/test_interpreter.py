"""An interpreter that is shipped: packed from the layouts that there are, unpacked by the launcher, shared by all slots."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from pyboinc_boinc import appversion, interpreter
from pyboinc_boinc.appversion import LINUX, MACOS_ARM, WINDOWS

HERE = Path(os.path.realpath(sys.executable)).parents[1]
TREE = {
    "bin/python3.12": b"program",
    "bin/pip3": b"",
    "include/python3.12/Python.h": b"",
    "lib/python3.12/os.py": b"os",
    "lib/python3.12/json/decoder.py": b"json",
    "lib/python3.12/test/test_os.py": b"",
    "lib/python3.12/json/tests/a.py": b"",
    "lib/python3.12/__pycache__/os.cpython-312.pyc": b"",
    "lib/python3.12/config-3.12/libpython3.12.a": b"",
    "lib/python3.12/lib-dynload/math.cpython-312-x86_64-linux-gnu.so": b"math",
    "lib/python3.12/lib-dynload/_ssl.cpython-312-x86_64-linux-gnu.so": b"",
    "lib/python3.12/site-packages/pip/__init__.py": b"",
    "lib/libpython3.12.so.1.0": b"library",
}
KEPT = {
    "bin/python3",
    "lib/python3.12/os.py",
    "lib/python3.12/json/decoder.py",
    "lib/python3.12/lib-dynload/math.cpython-312-x86_64-linux-gnu.so",
}
ON_WINDOWS = {
    "python.exe": b"",
    "python312.dll": b"",
    "Lib/os.py": b"",
    "Lib/test/a.py": b"",
    "DLLs/_ctypes.pyd": b"",
    "DLLs/_ssl.pyd": b"",
}


def names(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert all(each.isfile() for each in tar)
        return set(tar.getnames())


def tree(folder, files, prefix=""):
    for name, data in files.items():
        path = folder / prefix / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.mark.parametrize("prefix", ["", "python", "python/install"])
@pytest.mark.parametrize("archive", ["", "gz", "xz"])
def test_layouts(tmp_path, prefix, archive):
    path = tree(tmp_path / "tree", TREE, prefix)
    (path / prefix / "bin" / "python3").symlink_to("python3.12")
    if archive:
        with tarfile.open(tmp_path / "a", f"w:{archive}") as tar:
            tar.add(path, ".")
        path = tmp_path / "a"
    made = interpreter.pack(str(path), MACOS_ARM)
    assert names(made) == KEPT
    assert made == interpreter.pack(str(path), MACOS_ARM), "the same each time"


def test_a_library_that_the_program_needs(tmp_path):
    path = tree(tmp_path, {**TREE, "bin/python3.12": b"... libpython3.12.so.1.0 ..."})
    assert names(interpreter.pack(str(path), LINUX)) == KEPT | {"lib/libpython3.12.so.1.0"}


def test_windows(tmp_path):
    made = interpreter.pack(str(tree(tmp_path, ON_WINDOWS)), WINDOWS)
    assert names(made) == {"python.exe", "python312.dll", "Lib/os.py", "DLLs/_ctypes.pyd"}


@pytest.mark.parametrize(
    "platform, files, why",
    [
        (LINUX, {"a": b""}, "holds no bin/python3.N"),
        (LINUX, ON_WINDOWS, "holds no bin/python3.N"),
        (WINDOWS, TREE, "holds no python.exe"),
        ("linux", TREE, "the platforms are x86_64-pc-linux-gnu,"),
    ],
)
def test_what_can_not_be_shipped(tmp_path, platform, files, why):
    with pytest.raises(interpreter.InterpreterError, match=why):
        interpreter.pack(str(tree(tmp_path, files)), platform)


def test_no_archive(tmp_path):
    (tmp_path / "a").write_bytes(b"PK")
    with pytest.raises(interpreter.InterpreterError, match="can't be read"):
        interpreter.pack(str(tmp_path / "a"), LINUX)


# -- in a launcher: a real CPython, this one


@pytest.fixture(scope="module")
def packed():
    if sys.platform != "linux" or not (HERE / "lib" / f"python3.{sys.version_info[1]}" / "os.py").exists():
        pytest.skip("needs a CPython with its library beside it")
    return interpreter.pack(str(HERE), LINUX)


class Computer:
    """A volunteer's, whose PATH has the tools that every system has, and no Python."""

    def __init__(self, folder, archive):
        self.project = folder / "projects" / "www.example.org"
        self.project.mkdir(parents=True)
        tools = folder / "tools"
        tools.mkdir()
        for tool in ("env", "tar", "gzip", "sha256sum", "cut", "mkdir", "mv", "rm", "find", "printf", "timeout", "uname"):
            found = next(each for each in (f"/bin/{tool}", f"/usr/bin/{tool}") if os.path.exists(each))
            (tools / tool).symlink_to(found)
        self.environment = {"PATH": str(tools)}
        self.runtime = "runtime.zip"
        (self.project / "pyboinc_runtime_1.zip").write_bytes(b"no runtime")
        self.ship(archive)

    def ship(self, archive, digest=""):
        self.digest = digest or hashlib.sha256(archive).hexdigest()
        (self.project / f"pyboinc_python.tar_{self.digest[:16]}.gz").write_bytes(archive)
        script = appversion.launcher(shipped=self.digest).decode()
        # In place of the runtime: say which Python this is. And no folders but those of PATH.
        start, end = script.index("boot='"), script.index("become() {")
        boot = "boot='import sys, json, random, decimal, ctypes, zlib, multiprocessing; print(sys.executable)'\n"
        script = (script[:start] + boot + script[end:]).replace("PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin:/opt/bin", "")
        (self.project / "launch.sh").write_text(script)
        (self.project / "launch.sh").chmod(0o755)

    def command(self, slot):
        folder = self.project.parents[1] / "slots" / str(slot)
        folder.mkdir(parents=True, exist_ok=True)
        links = {"runtime.zip": "pyboinc_runtime_1.zip", "python.tar.gz": f"pyboinc_python.tar_{self.digest[:16]}.gz"}
        for name, target in links.items():
            (folder / name).write_text(f"<soft_link>../../projects/www.example.org/{target}</soft_link>\n")
        return {"args": ["../../projects/www.example.org/launch.sh"], "cwd": folder, "env": self.environment}

    def run(self, slot=0):
        return subprocess.run(**self.command(slot), capture_output=True, text=True, timeout=120)

    def unpacked(self):
        return sorted(path.name for path in self.project.glob("pyboinc_*") if path.is_dir())


@pytest.fixture
def computer(tmp_path, packed):
    return Computer(tmp_path / "BOINC Data", packed)


def test_it_runs_where_there_is_no_python_and_is_unpacked_once(computer):
    started = [subprocess.Popen(**computer.command(slot), stdout=subprocess.PIPE, text=True) for slot in range(3)]  # at the same time
    for each in started:
        path = Path(each.communicate(timeout=120)[0].strip())
        assert path.resolve() == (computer.project / f"pyboinc_cpython_{computer.digest}" / "bin" / "python3").resolve()
        assert each.returncode == 0
    assert computer.unpacked() == [f"pyboinc_cpython_{computer.digest}"]
    assert {path.name for path in (computer.project / computer.unpacked()[0]).iterdir()} == {"bin", "lib"}
    before = (computer.project / computer.unpacked()[0]).stat()
    assert computer.run().returncode == 0
    assert (computer.project / computer.unpacked()[0]).stat().st_ino == before.st_ino


def test_a_damaged_archive(computer, packed):
    computer.ship(packed[:-1], computer.digest)
    ran = computer.run()
    assert ran.returncode == 206
    assert ran.stderr.startswith("pyboinc: the shipped Python is damaged or can't be unpacked; looking for another one\n")
    assert computer.unpacked() == []


def test_older_ones_are_removed_when_their_archives_are(computer, packed):
    assert computer.run().returncode == 0
    old = computer.digest
    computer.ship(packed + b"\0" * 8)
    assert computer.run().returncode == 0
    assert len(computer.unpacked()) == 2, "tasks of the older version may be running"
    (computer.project / f"pyboinc_python.tar_{old[:16]}.gz").unlink()
    computer.ship(packed + b"\0" * 16)
    stale = computer.project / "pyboinc_unpack_1"
    stale.mkdir()
    os.utime(stale, (time.time() - 7200,) * 2)
    assert computer.run().returncode == 0
    assert f"pyboinc_cpython_{old}" not in computer.unpacked() and len(computer.unpacked()) == 2
