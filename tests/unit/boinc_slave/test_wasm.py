"""A task with the deterministic runtime as a client sees it: the script that starts the engine, on one folder of the slot.

The engine is wasmtime's command line if WASMTIME names it, or it is on the PATH; else one that takes the same words and runs
wasmtime's library. Without BOINC's wrapper the script is started here.
"""

import os
import shutil
import signal
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pyboinc.slave import files
from pyboinc.slave.verify import Trust
from pyboinc_boinc.appversion import LINUX
from pyboinc_boinc.wasm import Deterministic, trust_name

ENGINE = os.environ.get("WASMTIME") or shutil.which("wasmtime")
WRAPPER = os.environ.get("BOINC_WRAPPER") or shutil.which("wrapper")
SCRIPT = "../../projects/www.example.org/sandbox.sh_0f3a"
MEMORY = 120_000_000
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
pyboinc_return_output(Output((seen, open('/checkpoint_period').read())))
"""
FULL = """
kept = []
try:
    while True: kept.append(bytes(1_000_000))
except MemoryError:
    got, kept = len(kept), None
pyboinc_return_output(Output(got))
"""
AWAY = """
import pyboinc
times = pyboinc.restore() or 0
pyboinc.checkpoint(times + 1)
if times < 2: pyboinc.temporary_exit(0, 'a moment, please')
pyboinc_return_output(Output(times))
"""
LINKS = """
os.symlink('../init_data.xml', '/output.new')
os.makedirs('/a/b')
os.symlink('../../../', '/a/b/c')
"""
LONG = "os.symlink('../init_data.xml', '/output')\nwhile True: pass\n"


@pytest.fixture(scope="session")
def given(built):
    """The runtime as an app version has it."""
    from pyboinc.wasm import engine, runtime

    with open(runtime.compile_by(ENGINE, built, LINUX) if ENGINE else engine.compiled(built), "rb") as file:
        return Deterministic(built.sha256, {LINUX: file.read()}, {LINUX: b"engine"}, {LINUX: b"wrapper"})


@pytest.fixture
def start(client, given):
    """`start(slave, trust)`: the task, with a signed program's key or without."""

    def start(slave=SLAVE, trust=b""):
        client.job(slave)
        client.talks()
        limit = f"<rsc_memory_bound>{MEMORY}.000000</rsc_memory_bound>\n"
        hostile = '<rsc_memory_bound>1"; touch planted; "</rsc_memory_bound>\n</project_preferences>'
        told = (
            (client.slot / "init_data.xml")
            .read_text()
            .replace("</project_preferences>", hostile)
            .replace("<host_info>", f"{limit}<host_info>")
        )
        (client.slot / "init_data.xml").write_text(told)
        job = client.slot / "job"
        job.mkdir(exist_ok=True)
        for name in ("program", "input"):
            (client.slot / name).rename(job / name)
        if trust:
            (client.slot / trust_name()).write_bytes(trust)
        for file in given.platforms()[LINUX][2:]:
            client.put(file.logical_name, file.content, "softlink")
        own = f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).with_name("engine.py")}" "$@"\n'
        client.put("engine", f'#!/bin/sh\nexec "{ENGINE}" "$@"\n'.encode() if ENGINE else own.encode(), "softlink")
        for name in ("engine", "sandbox.sh"):
            (client.project / f"{name}_0f3a").chmod(0o755)
        if WRAPPER:
            return client.start(WRAPPER)
        task = ElementTree.fromstring((client.project / "job.xml_0f3a").read_bytes()).find("task")
        assert task.findtext("application") == "sandbox.sh"
        line = task.findtext("command_line").replace("boinc_resolve(", "../../projects/www.example.org/").replace(")", "_0f3a")
        return client.start(SCRIPT, *line.split())

    return start


@pytest.fixture
def run(client, start, eventually):
    """The same, to its end; its exit status."""

    def run(*arguments):
        task = start(*arguments)
        eventually(lambda: (WRAPPER and client.beat()) or task.poll() is not None, 120)
        return task.returncode

    return run


@pytest.fixture
def output(client):
    """What the slave returned."""

    def output():
        [(ok, value)] = files.parse_output_file((client.slot / "job" / "output").read_bytes())[:1]
        assert ok
        return value.fields["value"]

    return output


def test_a_task(client, run, output):
    assert run() == 0, client.stderr()
    job = client.slot / "job"
    seen, period = output()
    assert "input" in seen and "init_data.xml" not in "".join(seen) and period == "60\n"
    assert (job / "fraction_done").exists() and (job / "checkpoint").exists(), "what job.xml names"
    assert not (job / "report").exists() or (job / "report").read_bytes()
    assert (client.slot / "boinc_finish_called").exists() == bool(WRAPPER)
    assert not (client.slot / "planted").exists()


def test_the_workunits_limit_of_memory(client, run, output):
    assert run(FULL) == 0, client.stderr()
    assert 20 < output() < MEMORY / 1e6


def test_temporary_exits(client, run, output):
    assert run(AWAY) == 0, client.stderr()
    assert output() == 2 and client.stderr().count("a temporary exit of 0 s: a moment, please") == 2 * 2


def test_a_client_without_a_limit(client, start):
    task = start()
    task.kill()
    task.wait()
    client.talks()
    client.run(SCRIPT, "x", "y", status=1)
    assert "init_data.xml has no limit of memory" in client.stderr()


def test_links_are_gone_before_anything_follows_them(client, run, start, eventually):
    """The client sends off what a link named output shows, and the script itself writes into the folder."""
    assert run(LINKS) != 0
    job = client.slot / "job"
    assert (job / "a" / "b").is_dir() and not [each for each in job.rglob("*") if each.is_symlink()]

    (job / "checkpoint_period").unlink()
    (job / "checkpoint_period").symlink_to("../../victim")
    task = start(LONG)
    eventually(lambda: (WRAPPER and client.beat()) or (job / "output").is_symlink())
    assert (job / "checkpoint_period").read_text() == "60\n" and not (client.data / "slots" / "victim").exists()
    if WRAPPER:
        eventually(lambda: client.beat() or (job / "output").is_symlink())
        client.send(0, "<quit/>")
    else:
        task.send_signal(signal.SIGTERM)
    eventually(lambda: task.poll() is not None and not client.pids())
    assert not (job / "output").is_symlink()


def test_a_program_that_nobody_has_signed_is_refused(client, run):
    assert run(SLAVE, Trust("http://example.org/", "pyboinc", 3**2000).text()) != 0
    assert "the program is refused: it is not signed" in client.stderr()
    assert not (client.slot / "job" / "output").exists()
