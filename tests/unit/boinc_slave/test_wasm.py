"""A task with the deterministic runtime as a client sees it: BOINC's wrapper speaks, and the engine sees one folder of the slot.

It needs wasmtime's command line (WASMTIME names it, if it is not on the PATH) and what builds the runtime. Without BOINC's
wrapper the engine is started here, by the wrapper's job.xml.
"""

import os
import shutil
import subprocess
from xml.etree import ElementTree

import pytest

from pyboinc.slave import files
from pyboinc.slave.verify import Trust
from pyboinc_boinc.appversion import LINUX
from pyboinc_boinc.wasm import Deterministic, trust_name

ENGINE = os.environ.get("WASMTIME") or shutil.which("wasmtime")
WRAPPER = os.environ.get("BOINC_WRAPPER") or shutil.which("wrapper")
APP_STATUS = 5
SLAVE = """
import pyboinc
pyboinc.fraction_done(.5)
pyboinc.checkpoint(1)
seen = sorted(os.listdir('/'))
for path in ('../init_data.xml', '/../init_data.xml', '../../init_data.xml'):
    try:
        seen.append(open(path).read())
    except OSError:
        pass
pyboinc_return_output(Output(seen))
"""


@pytest.fixture(scope="session")
def given(tmp_path_factory):
    """The runtime, compiled for this computer's engine: kept for all sessions if PYBOINC_RUNTIME names a folder."""
    pytest.importorskip("componentize_py")
    if not ENGINE:
        pytest.skip("wasmtime's command line is not here: WASMTIME can name it")
    from pyboinc.wasm import runtime

    folder = os.environ.get("PYBOINC_RUNTIME") or str(tmp_path_factory.mktemp("runtime"))
    found = runtime.find(folder) or runtime.make(folder)
    with open(runtime.compile_by(ENGINE, found, LINUX), "rb") as file:
        return Deterministic(found.sha256, {LINUX: file.read()}, {LINUX: b"engine"}, {LINUX: b"wrapper"})


@pytest.fixture
def run(client, given, eventually):
    """`run(slave, trust)`: the task from its start to its end, with a signed program's key or without; its exit status."""

    def run(slave=SLAVE, trust=b""):
        client.job(slave)
        client.talks()
        job = client.slot / "job"
        job.mkdir()
        for name in ("program", "input"):
            (client.slot / name).rename(job / name)
        if trust:
            (client.slot / trust_name()).write_bytes(trust)
        (client.project / "engine_0f3a").symlink_to(os.path.abspath(ENGINE))
        client.put("engine", None, "softlink")
        for file in given.platforms()[LINUX][2:]:
            client.put(file.logical_name, file.content, "softlink")
        if WRAPPER:
            client.start(WRAPPER)
            eventually(lambda: client.beat() or client.task.poll() is not None, 60)
            return client.task.returncode
        task = ElementTree.fromstring((client.project / "job.xml_0f3a").read_bytes()).find("task")
        code = f"../../projects/www.example.org/wasm-{given.sha256[:16]}.cwasm_0f3a"
        line = task.findtext("command_line").replace(f"boinc_resolve(wasm-{given.sha256[:16]}.cwasm)", code)
        with open(client.slot / "stderr.txt", "wb") as stderr:
            return subprocess.run([ENGINE, *line.split()], cwd=client.slot, stderr=stderr, timeout=60, check=False).returncode

    return run


def test_a_task(client, run):
    assert run() == 0, client.stderr()
    job = client.slot / "job"
    [(ok, output)] = files.parse_output_file((job / "output").read_bytes())[:1]
    assert ok and "input" in output.fields["value"] and "init_data.xml" not in "".join(output.fields["value"])
    assert (job / "fraction_done").exists() and (job / "checkpoint").exists(), "what job.xml names"
    assert not (job / "report").exists() or (job / "report").read_bytes()
    assert (client.slot / "boinc_finish_called").exists() == bool(WRAPPER)


def test_a_program_that_nobody_has_signed_is_refused(client, run):
    assert run(trust=Trust("http://example.org/", "pyboinc", 3**2000).text()) != 0
    assert "the program is refused: it is not signed" in client.stderr()
    assert not (client.slot / "job" / "output").exists()
