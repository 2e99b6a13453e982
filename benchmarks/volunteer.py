"""What the volunteer's side costs: size, a task's start, a shipped interpreter, and the protocol of a task that waits.

Medians; each figure beside its reference, taken in turn. Linux. `python benchmarks/volunteer.py [PREFIX]`: PREFIX is a CPython to ship.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pyboinc import bundle, codec
from pyboinc.slave import files
from pyboinc_boinc import appversion, interpreter

ROUNDS = 60
IDLE = 20.0  # seconds
PYTHON = os.path.realpath(sys.executable)
SLAVE = "import pyboinc, time\nopen('at', 'w').write(repr(time.time()))\n{more}\npyboinc.return_output(pyboinc.get_input())\n"
INIT = f"<app_init_data>\n<client_pid>{os.getpid()}</client_pid>\n<wu_cpu_time>0</wu_cpu_time>\n</app_init_data>\n"


class Slot:
    """As a client makes it, with soft links."""

    def __init__(self, folder: Path, shipped: bytes = b"", more: str = "") -> None:
        self.project, self.folder = folder / "projects" / "p", folder / "slots" / "0"
        for each in (self.project, self.folder):
            each.mkdir(parents=True)
        (folder / "app_slave.py").write_text(SLAVE.format(more=more))
        digest = hashlib.sha256(shipped).hexdigest() if shipped else ""
        content = {
            "program": bundle.build("app_slave.py", folder).data,
            "input": files.input_file(1, "0", [codec.dumps(1)]),
            "output": b"",
            "report": b"",
            "runtime.zip": appversion.runtime_zip(),
            "python.tar.gz": shipped,
        }
        for name, data in content.items():
            physical = f"pyboinc_python.tar_{digest[:16]}.gz" if name == "python.tar.gz" else f"pyboinc_{name}"
            (self.project / physical).write_bytes(data)
            (self.folder / name).write_text(f"<soft_link>../../projects/p/{physical}</soft_link>\n")
        (self.project / "launch.sh").write_bytes(appversion.launcher(shipped=digest))
        (self.project / "launch.sh").chmod(0o755)

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["../../projects/p/launch.sh"], cwd=self.folder, env={"PATH": f"{os.path.dirname(PYTHON)}:/usr/bin:/bin"})

    def seconds_to_slave(self) -> float:
        begun = time.time()
        if self.start().wait():
            sys.exit("the task failed")
        return float((self.folder / "slave" / "at").read_text()) - begun


def seconds_of(*command: str) -> float:
    begun = time.time()
    subprocess.run(command, check=True)
    return time.time() - begun


def starts(slot: Slot, python: str) -> tuple[float, float, float]:
    """First start, then the medians of later ones and of a bare start of that Python, in milliseconds."""
    first = slot.seconds_to_slave()
    pairs = [(slot.seconds_to_slave(), seconds_of(python, "-I", "-S", "-c", "pass")) for _ in range(ROUNDS)]
    task, bare = (statistics.median(column) * 1e3 for column in zip(*pairs, strict=True))
    return first * 1e3, task, bare


def idle(folder: Path) -> float:
    """CPU time of all processes of a task whose slave sleeps, in percent of a core."""
    slot = Slot(folder, more="time.sleep(3600)")
    (slot.folder / "init_data.xml").write_text(INIT)
    with open(slot.folder / "boinc_mmap_file", "w+b") as file:
        file.truncate(8192)
        memory = mmap.mmap(file.fileno(), 8192)
    task = slot.start()
    while not (slot.folder / "slave" / "at").exists():
        time.sleep(0.05)
    time.sleep(1)
    before, begun = _cpu_time(slot.folder), time.monotonic()
    while time.monotonic() - begun < IDLE:  # a client that reads what it is told
        memory[5 * 1024] = 0
        time.sleep(1)
    used = (_cpu_time(slot.folder) - before) / (time.monotonic() - begun)
    memory[1:10], memory[0] = b"<abort/>\0", 1
    task.wait()
    return used * 100


def _cpu_time(folder: Path) -> float:
    """Seconds of all processes that work in a folder, by the scheduler's own nanoseconds: the ticks of `stat` are too coarse."""
    total = 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(path / "cwd").startswith(str(folder)):
                total += int((path / "schedstat").read_text().split()[0])
        except OSError:
            pass
    return total / 1e9


def main() -> None:
    prefix = sys.argv[1] if len(sys.argv) > 1 else "/usr"
    print(f"runtime                    {len(appversion.runtime_zip()) / 1000:8.1f} kB")
    packed = interpreter.pack(prefix, appversion.LINUX)
    print(f"shipped CPython of {prefix:8}{len(packed) / 1e6:8.1f} MB")
    with tempfile.TemporaryDirectory() as folder:
        first, task, bare = starts(Slot(Path(folder, "a")), PYTHON)
        print(f"start to slave's first line{task:8.1f} ms, {task / bare:.2f} times a bare Python's; the first time {first:.0f}")
        shipped = Slot(Path(folder, "b"), packed)
        first = shipped.seconds_to_slave() * 1e3
        own = Slot(Path(folder, "c"))
        own.seconds_to_slave()
        pairs = [(shipped.seconds_to_slave(), own.seconds_to_slave()) for _ in range(ROUNDS)]
        ours, theirs = (statistics.median(column) * 1e3 for column in zip(*pairs, strict=True))
        print(f"with the shipped CPython   {ours:8.1f} ms, {ours - theirs:+.1f} against the system's; the first time {first:.0f}")
        print(f"protocol, idle             {idle(Path(folder, 'd')):8.2f} % of a core")


if __name__ == "__main__":
    main()
