"""What a slave may ask for beside input and output: progress, checkpoints, trickles, a temporary exit."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

import pyboinc
from pyboinc import bundle, codec
from pyboinc.slave import checkpoint, files
from pyboinc.slave.channel import Channel, TemporaryExit
from pyboinc.slave.runner import HostFault, Program, run_job

HEAD = "import pyboinc\n"
RETURN = "pyboinc.return_output(pyboinc.get_input())\n"


class Told(Channel):
    """Keeps what it hears; a checkpoint is due at any time."""

    checkpoint_period = 0.0

    def __init__(self, folder):
        self.path = str(folder / "kept")
        self.fractions = []
        self.trickles = []
        self.checkpoints = 0

    def checkpoint_file(self, seed, first):
        return self.path

    def fraction_done(self, fraction):
        self.fractions.append(fraction)

    def checkpointed(self):
        self.checkpoints += 1

    def trickle_up(self, variety, text):
        self.trickles.append((variety, text))


@pytest.fixture
def channel(tmp_path):
    return Told(tmp_path)


@pytest.fixture
def run(tmp_path, channel):
    """Run a job of such a slave; the entries of its output."""

    def run(slave, inputs=(1,), seed=7):
        (tmp_path / "app_slave.py").write_text(HEAD + slave)
        path = tmp_path / f"program{len(list(tmp_path.iterdir()))}"  # Python remembers what is in a zip file
        (tmp_path / f"{path.name}.old").touch()
        path.write_bytes(bundle.build("app_slave.py", tmp_path).data)
        program = Program(str(path))
        output, _ = run_job(program, files.input_file(seed, "5", [codec.dumps(each) for each in inputs]), lambda: ("", ""), channel)
        return files.parse_output_file(output)

    return run


def test_progress_is_that_of_the_job(run, channel):
    run("pyboinc.fraction_done(.5)\npyboinc.fraction_done(7)\npyboinc.fraction_done(float('nan'))\n" + RETURN, (1, 2))
    assert channel.fractions == [0.25, 0.5, 0.0, 0.5, 0.75, 1.0, 0.5, 1.0]


LONG = """
import random
at, drawn = pyboinc.restore() or (0, [])
while at < 4:
    drawn.append(random.random())
    at += 1
    if pyboinc.time_to_checkpoint():
        pyboinc.checkpoint((at, drawn))
    if at == 2 and pyboinc.get_input() == 2 and TEST:
        raise MemoryError
pyboinc.return_output((pyboinc.get_input(), drawn))
"""


def test_an_interrupted_job_goes_on_with_the_same_output(run, channel):
    whole = run(LONG.replace("TEST", "0"), (1, 2, 3))
    os.remove(channel.path)
    with pytest.raises(HostFault, match="MemoryError"):
        run(LONG.replace("TEST", "1"), (1, 2, 3))
    channel.fractions.clear()
    assert run(LONG.replace("TEST", "0"), (1, 2, 3)) == whole
    assert min(channel.fractions) > 0.5, "the first call was made again"


def test_a_checkpoint_of_another_job_is_not_taken(run, channel):
    slave = "kept = pyboinc.restore()\npyboinc.checkpoint([1])\npyboinc.return_output(kept)\n"
    assert run(slave) == [(True, None)]
    assert run(slave, seed=8) == [(True, None)]
    assert run(slave, (1, 2)) == [(True, None), (True, None)]


@pytest.mark.parametrize("damage", [b"", b"\0" * 300, b"\x80\x04N.", b"\x80\x04K\x01K\x02K\x03\x87."])
def test_a_damaged_checkpoint_counts_as_none(run, channel, damage):
    with open(channel.path, "wb") as file:
        file.write(damage)
    assert run("pyboinc.return_output(pyboinc.restore())\n") == [(True, None)]


def test_killed_at_any_byte(tmp_path, monkeypatch):
    """The disk takes n bytes and then the process is gone: the old state is there, whole, until the new one is."""
    told = Told(tmp_path)
    kept = checkpoint.Progress(told, 1, "0", 1)
    kept.checkpoint("old", None)
    size = os.path.getsize(told.path)

    class Killed(BaseException):
        pass

    class Disk:
        def __init__(self, path, mode):
            self.file = open(path, mode)  # noqa: SIM115

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, data):
            self.file.write(data[:room])
            self.file.flush()
            if room < len(data):
                raise Killed

        flush = fileno = lambda self: self.file.fileno()

    monkeypatch.setitem(checkpoint.__dict__, "open", Disk)
    for room in range(size):  # noqa: B007  (Disk reads it)
        with pytest.raises(Killed):
            kept.checkpoint("new", None)
        assert reread(monkeypatch, told) == "old"
    room = size
    monkeypatch.setattr(os, "fsync", lambda _: None)
    kept.checkpoint("new", None)
    assert reread(monkeypatch, told) == "new"


def reread(monkeypatch, told):
    with monkeypatch.context() as now:
        now.delitem(checkpoint.__dict__, "open")
        return checkpoint.Progress(told, 1, "0", 1).restore(None)


KILLED = """
import sys
from pyboinc.slave.channel import Channel
from pyboinc.slave.checkpoint import Progress
Channel.checkpoint_file = lambda *_: sys.argv[1]
kept = Progress(Channel(), 1, "0", 1)
at = (kept.restore(None) or [0])[0]
print(at, flush=True)
while True:
    at += 1
    kept.checkpoint([at] * 1000, None)
"""


def test_kill_9_in_the_midst_of_checkpoints(tmp_path):
    last = -1
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", KILLED, tmp_path / "kept"], stdout=subprocess.PIPE, text=True)
        restored = int(process.stdout.readline())
        assert restored > last
        last = restored
        before = stamp(tmp_path / "kept")
        while stamp(tmp_path / "kept") == before:
            time.sleep(0.01)
        time.sleep(0.02 * random.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()


def stamp(path):
    return path.stat().st_mtime_ns if path.exists() else 0


def test_trickles(run, channel):
    run("pyboinc.trickle_up('a.b-c_1', 'x < y')\n" + RETURN)
    assert channel.trickles == [("a.b-c_1", "x < y")]
    for arguments in ("'', ''", "'a b', ''", "'a', 'x' * 8193"):
        assert run(f"pyboinc.trickle_up({arguments})\n" + RETURN)[0][:2] == (False, "ValueError")


def test_a_trickle_without_a_client_is_in_the_report(capsys):
    Channel().trickle_up("news", "half of it")
    assert capsys.readouterr().err == "trickle-up news: half of it\n"


def test_a_temporary_exit_keeps_what_is_done(run, channel):
    slave = (
        "if pyboinc.get_input() == 2 and pyboinc.restore() is None:\n"
        "    pyboinc.checkpoint('x')\n    pyboinc.temporary_exit(99999999, 'a\\nb')\n"
    )
    with pytest.raises(TemporaryExit) as wish:
        run(slave + RETURN, (1, 2))
    assert (wish.value.seconds, wish.value.reason) == (86400, "a b")
    channel.fractions.clear()
    assert run(slave + RETURN, (1, 2)) == [(True, 1), (True, 2)]
    assert channel.fractions == [1.0]


def test_outside_a_slave():
    for call in (lambda: pyboinc.fraction_done(0.5), pyboinc.restore, pyboinc.time_to_checkpoint, lambda: pyboinc.checkpoint(1)):
        with pytest.raises(pyboinc.PyBoincError, match="this is a slave"):
            call()


@pytest.mark.parametrize("slave", ["import random\n", "from random import random\n", "import tempfile, random\n"])
def test_random_is_seeded_whenever_it_is_imported(tmp_path, slave):
    """In a fresh process, where nobody has imported `random` yet."""
    slave += "import random\npyboinc.return_output((random.random(), random.__spec__.origin))\n"
    (tmp_path / "app_slave.py").write_text(HEAD + slave)
    (tmp_path / "program").write_bytes(bundle.build("app_slave.py", tmp_path).data)
    (tmp_path / "input").write_bytes(files.input_file(7, "5", [codec.dumps(None)] * 2))
    (tmp_path / "runtime.zip").write_bytes(bundle.runtime_zip())
    start = "import sys; sys.path[:0] = ['program', 'runtime.zip']; from pyboinc.slave.runner import main; main()"
    subprocess.run([sys.executable, "-I", "-S", "-c", start], cwd=tmp_path, check=True)
    expected = [(True, (random.Random(f"7/{k}").random(), random.__spec__.origin)) for k in (5, 6)]
    assert files.parse_output_file((tmp_path / "output").read_bytes()) == expected


# -- on the local project


MASTER = """
from pyboinc import pyboinc_call, pyboinc_master
pyboinc_master(lambda: pyboinc_call("app_slave.py", 3), print)
"""


def test_the_local_project_starts_again_after_a_temporary_exit(tmp_path):
    (tmp_path / "app_master.py").write_text(MASTER)
    (tmp_path / "app_slave.py").write_text(
        "import pyboinc\nat = pyboinc.restore() or 0\nif at < 3:\n    pyboinc.checkpoint(at + 1)\n    pyboinc.temporary_exit(0, 'wait')\n"
        "pyboinc.return_output(at)\n"
    )
    ran = subprocess.run([sys.executable, "app_master.py", "--quiet"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.returncode) == ("3\n", 0), ran.stderr
    assert not (tmp_path / "pyboinc_workers").exists()


@pytest.mark.skipif(os.name == "nt", reason="no ^C for a subprocess there")
def test_a_call_goes_on_after_ctrl_c_of_its_master(tmp_path):
    (tmp_path / "app_master.py").write_text(MASTER)
    (tmp_path / "app_slave.py").write_text(
        "import os, pyboinc, time\nat = pyboinc.restore()\nif at is None:\n    pyboinc.checkpoint('half')\n"
        f"    open({str(tmp_path / 'flag')!r}, 'w').close()\n    time.sleep(60)\npyboinc.return_output(at)\n"
    )
    first = subprocess.Popen([sys.executable, "app_master.py", "--quiet"], cwd=tmp_path, stderr=subprocess.PIPE)
    while not (tmp_path / "flag").exists():
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.02)
    first.send_signal(signal.SIGINT)
    assert first.wait(30) != 0
    first.stderr.close()
    ran = subprocess.run([sys.executable, "app_master.py", "--quiet"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.returncode) == ("half\n", 0), ran.stderr
    assert not (tmp_path / "pyboinc_workers").exists()
