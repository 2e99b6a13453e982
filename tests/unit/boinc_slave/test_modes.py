"""What a client sees is the same whether the runtime speaks with it or BOINC's own wrapper does."""

import os
import random
import shutil

import pytest

from pyboinc.slave import files

PROCESS_CONTROL, APP_STATUS = 0, 5
WRAPPER = os.environ.get("BOINC_WRAPPER") or shutil.which("wrapper")

STEPS = """
import random, pyboinc
at, drawn = pyboinc.restore() or (0, [])
while at < 3:
    at, drawn = at + 1, [*drawn, random.random()]
    pyboinc.fraction_done(at / 4)
    pyboinc.checkpoint((at, drawn))
    if at == 2 and not os.path.exists('again'):
        open('again', 'w').close()
        while True: pass
pyboinc_return_output(Output(drawn))
"""


@pytest.fixture(params=["direct", "wrapped"])
def start(request, client, eventually):
    """Start a task as a client does, and talk to it as one."""
    client.job(STEPS, values=(1,), how="softlink")
    client.talks()
    command = ["../../projects/www.example.org/launch_1.sh"]
    if request.param == "wrapped":
        if not WRAPPER:
            pytest.skip("BOINC's wrapper is not here: BOINC_WRAPPER can name it")
        command = client.wrapped(WRAPPER)
    return lambda: client.start(*command)


def test_a_life_of_a_task(client, eventually, start):
    heard = []

    def hears(text):
        client.beat()
        heard.append(client.receive(APP_STATUS) or "")
        return text in heard[-1]

    def used(seconds):
        before, end = client.slave_cpu(), []
        eventually(lambda: client.beat() or end.append(0) or len(end) > seconds * 100)
        return client.slave_cpu() - before

    start()
    eventually(lambda: hears("<fraction_done>5.0"), 60)

    client.send(PROCESS_CONTROL, "<suspend/>")
    eventually(lambda: used(0.5) == 0, 60)
    client.send(PROCESS_CONTROL, "<resume/>")
    eventually(lambda: used(0.5) > 0, 60)

    client.send(PROCESS_CONTROL, "<quit/>")
    eventually(lambda: client.beat() or client.task.poll() is not None, 60)
    assert client.task.returncode == 0
    eventually(lambda: not client.pids(), 60)
    assert not (client.slot / "boinc_finish_called").exists()

    start()
    eventually(lambda: client.beat() or client.task.poll() is not None, 60)
    assert client.task.returncode == 0, client.stderr()
    assert (client.slot / "boinc_finish_called").read_text().startswith("0")
    drawn = random.Random("7/5")
    assert [entry[1].fields["value"] for entry in client.outputs(client.project / "output_0f3a")] == [[drawn.random() for _ in range(3)]]


def test_abort(client, eventually, start):
    start()
    eventually(lambda: client.beat() or (client.slot / "slave" / "again").exists(), 60)
    client.send(PROCESS_CONTROL, "<abort/>")
    eventually(lambda: client.beat() or client.task.poll() is not None, 60)
    eventually(lambda: not client.pids(), 60)
    assert not (client.slot / "boinc_finish_called").exists()


def test_without_a_wrapper_its_files_are_written(client):
    """What job.xml names, and nothing that is the wrapper's."""
    client.job(
        "import pyboinc\npyboinc.checkpoint(1)\npyboinc.trickle_up('half', 'a < b')\n"
        "if not os.path.exists('x'):\n    open('x', 'w')\n    pyboinc.temporary_exit(0, '')\npyboinc_return_output(1)\n",
        how="softlink",
    )
    client.talks(channels=False)
    client.run("../../projects/www.example.org/launch_1.sh", "--wrapped")
    assert (client.slot / "pyboinc_fraction_done").read_text() == "1.000000\n"
    assert (client.slot / "pyboinc_checkpoint").exists()
    assert not (client.slot / "boinc_finish_called").exists() and not (client.slot / "boinc_lockfile").exists()
    assert len(client.outputs(client.project / "output_0f3a")) == 2
    report = files.read_report_file((client.project / "report_0f3a").read_bytes())
    assert report[1][1] == "trickle-up half: a < b\n", "the wrapper passes none on"
    assert not [*client.slot.glob("*trickle*")]
