"""An app in a folder of its own, run as a user runs it: `python app_master.py`. And one deterministic runtime for all tests."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from pyboinc.records import load_records

TYPES = """
class Input:
    def __init__(self, value): self.value = value
class Output:
    def __init__(self, value): self.value = value
"""
SLAVE = """
from app_types import Output
from pyboinc import pyboinc_get_input, pyboinc_return_output
value = pyboinc_get_input().value
"""
MASTER = """
import os, sys
from app_types import Input
from pyboinc import pyboinc_call, pyboinc_master
outputs = []
def handle_result(output): outputs.append(output.value)
"""


class App:
    def __init__(self, folder):
        self.folder = folder
        self.started = []
        self.write("app_types.py", TYPES)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def slave(self, text, head=SLAVE):
        self.write("app_slave.py", head + text)

    def master(self, text, head=MASTER):
        self.write("app_master.py", head + text)

    def start(self, *arguments, **more):
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC")} | {"PYTHONUNBUFFERED": "1"}
        pipe = subprocess.PIPE
        command = [sys.executable, "app_master.py", *arguments]
        process = subprocess.Popen(command, cwd=self.folder, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environ, **more)
        self.started.append(process)
        return process

    def records(self, name):
        """The records of a result file, wherever it is."""
        folder = "new" if (self.folder / "new" / name).exists() else "old"
        return load_records((self.folder / folder / name).read_bytes())

    def end(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def run(self, *arguments, status=0, timeout=120):
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=timeout)
        assert process.returncode == status, stderr
        assert status or "Traceback" not in stderr
        return stdout, stderr

    def results(self):
        return [name for folder in ("new", "old") if (self.folder / folder).exists() for name in os.listdir(self.folder / folder)]


@pytest.fixture
def app(tmp_path):
    made = App(tmp_path)
    yield made
    made.end()


@pytest.fixture
def wait_for():
    """Wait until a condition holds."""
    return _wait_for


def _wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen")


@pytest.fixture(scope="session")
def built():
    """The deterministic runtime, built once for its sources and kept in a folder for all sessions."""
    pytest.importorskip("componentize_py")
    pytest.importorskip("wasmtime")
    from pyboinc.wasm import build, engine, runtime

    cache = Path(os.environ.get("PYBOINC_TEST_RUNTIMES") or Path(tempfile.gettempdir(), f"pyboinc_test_runtimes_{os.getuid()}"))
    cache.mkdir(mode=0o700, exist_ok=True)
    if cache.stat().st_uid != os.getuid():
        pytest.fail(f"{cache} is another user's")
    folder = cache / build.recipe()
    with _alone(cache / f"{folder.name}.lock"):
        found = runtime.find(str(folder)) or runtime.make(str(folder))
        engine.compiled(found)
    return found


class _alone:
    """Tests run in several processes: one builds, the others wait."""

    def __init__(self, path):
        self._path = path

    def __enter__(self):
        import fcntl

        self._file = self._path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_error):
        self._file.close()
