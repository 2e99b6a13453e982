"""A BOINC client, as far as a task can see it."""

import contextlib
import fcntl
import glob
import mmap
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyboinc import bundle, codec
from pyboinc.slave import files
from pyboinc_boinc import appversion

if sys.platform != "linux":
    collect_ignore_glob = ["*"]

OLD = glob.glob(os.path.expanduser("~/.pyenv/versions/3.9.*/bin/python"))
# Another one that shall do, e.g. a script that starts one for another processor under qemu-user.
OTHER = os.environ.get("PYBOINC_OTHER_PYTHON")
PYTHONS = {"this": sys.executable, **({"3.9": OLD[0]} if OLD else {}), **({"other": OTHER} if OTHER else {})}
AUTHENTICATOR = "5ec4e70f"

# As the client of BOINC's HEAD writes it, with what projects and people may put into it.
INIT_DATA = f"""<app_init_data>
<major_version>8</major_version>
<minor_version>3</minor_version>
<release>0</release>
<userid>1</userid>
<hostid>7</hostid>
<app_name>pyboinc</app_name>
<project_preferences>
<project_specific>
<client_pid>1</client_pid>
<color a=b & c>
</project_specific>
</project_preferences>
<user_name>J&#246;rg &#1; &amp; sons</user_name>
<project_dir>/var/lib/boinc/projects/www.example.org</project_dir>
<authenticator>{AUTHENTICATOR}</authenticator>
<shm_key>-1</shm_key>
<slot>0</slot>
CLIENT_PID<wu_cpu_time>100.500000</wu_cpu_time>
<checkpoint_period>60.000000</checkpoint_period>
<fraction_done_start>0.000000</fraction_done_start>
<fraction_done_end>1.000000</fraction_done_end>
<host_info>
    <wu_cpu_time>77</wu_cpu_time>
</host_info>
</app_init_data>
"""

# The same as launch.sh does, with BOINC's seconds made short.
START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from pyboinc_boinc.slave import app_client, pace; "
    "app_client.main(pace.Pace(tick=.02, status=.1, client=.2, heartbeat=1, lock=.3))"
)
# A client of which nobody but the operating system knows that it has died.
CLIENT = (
    "import os, subprocess, sys, time; text = open('init_data.xml').read(); "
    "open('init_data.xml', 'w').write(text.replace('CLIENT_PID', f'<client_pid>{os.getpid()}</client_pid>')); "
    "subprocess.Popen(sys.argv[1:]); time.sleep(60)"
)
TYPES = "class Input:\n    def __init__(self, value): self.value = value\nclass Output(Input): pass\n"
HEAD = "import os, sys, time\nfrom app_types import Output\nfrom pyboinc import pyboinc_get_input, pyboinc_return_output\n"
RETURN = "pyboinc_return_output(Output(pyboinc_get_input().value ** 2))\n"


class Client:
    """One slot of a client, and the task in it."""

    def __init__(self, folder):
        self.data = folder / "boinc"
        self.slot = self.data / "slots" / "0"
        self.project = self.data / "projects" / "www.example.org"
        self.app = folder / "app"
        for each in (self.slot, self.project, self.app):
            each.mkdir(parents=True)
        self.task = None
        self.memory = None

    # -- what a client puts into a slot

    def put(self, name, data, how="copy"):
        """A logical file: a copy, BOINC's soft link, or a symbolic link."""
        physical = self.project / f"{name}_0f3a"
        if how == "copy":
            (self.slot / name).write_bytes(data or b"") if data is not None else None
            return
        if data is not None:
            physical.write_bytes(data)
        target = f"../../projects/www.example.org/{physical.name}"
        if how == "symlink":
            (self.slot / name).symlink_to(target)
        else:
            (self.slot / name).write_text(f"<soft_link>{target}</soft_link>\n")

    def job(self, slave=RETURN, values=(3, 4), how="copy", requires=()):
        """Program, input, output, report, and the app version's files."""
        (self.app / "app_slave.py").write_text(HEAD + slave)
        (self.app / "app_types.py").write_text(TYPES)
        self.put("program", bundle.build("app_slave.py", self.app, requires).data, how)
        inputs = [codec.dumps(codec.Instance("app_types", "Input", {"value": value})) for value in values]
        self.put("input", files.input_file(7, "5", inputs), how)
        self.put("output", None, how)
        self.put("report", None, how)
        self.put("runtime.zip", appversion.runtime_zip(), how)
        launcher = self.project / "launch_1.sh"
        launcher.write_bytes(appversion.launcher())
        launcher.chmod(0o755)

    def wrapped(self, wrapper):
        """The same files for BOINC's wrapper; the command that starts it."""
        for name, data in (("launch.sh", appversion.launcher()), ("job.xml", appversion.job_xml("launch.sh"))):
            self.put(name, data, "softlink")
        (self.project / "launch.sh_0f3a").chmod(0o755)
        return [wrapper]

    def talks(self, client_pid="<client_pid>{}</client_pid>\n", channels=True):
        """init_data.xml and the shared memory. Without these the task is standalone."""
        (self.slot / "init_data.xml").write_text(INIT_DATA.replace("CLIENT_PID", client_pid.format(os.getpid())))
        if channels:
            with open(self.slot / "boinc_mmap_file", "w+b") as file:
                file.truncate(8192)
                self.memory = mmap.mmap(file.fileno(), 8192)

    # -- the task

    def start(self, *command, python=sys.executable, runtime="runtime.zip", environ=()):
        """Start the task as a client does: current folder, streams, priority; by default with short seconds."""
        command = command or [python, "-I", "-S", "-c", START, runtime]
        with open(self.slot / "stderr.txt", "ab") as stderr:
            null = subprocess.DEVNULL
            self.task = subprocess.Popen(
                command, cwd=self.slot, stdin=null, stdout=null, stderr=stderr, env={"PATH": os.environ["PATH"], **dict(environ)}
            )
        return self.task

    def start_from_another(self, python=sys.executable):
        """Start it from a process that can be killed in place of this one; `task` is that process."""
        self.talks("CLIENT_PID")
        return self.start(python, "-c", CLIENT, python, "-I", "-S", "-c", START, "runtime.zip")

    def run(self, *command, status=0, **more):
        """Run the task to its end; its stderr."""
        self.start(*command, **more)
        ended = self.task.wait(60)
        text = self.stderr()
        assert ended == status, text
        return text

    def stderr(self):
        return (self.slot / "stderr.txt").read_text()

    def pids(self):
        """The processes that work in this slot: of the task, the guard, the slave, and what the slave has started."""
        found = set()
        for path in glob.glob("/proc/[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(f"{path}/cwd").startswith(str(self.slot)) and "Z" not in Path(path, "stat").read_text().rpartition(")")[2]:
                    found.add(int(path[6:]))
        return found

    def slave_cpu(self):
        """Ticks of CPU time of all processes in the slave's own folder."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/cwd").endswith("/slave"):
                    total += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
        return total

    def slave_pid(self):
        """The process of the slave, once it is there."""
        return int((self.slot / "slave" / "pid").read_text())

    def outputs(self, path=None):
        return files.parse_output_file((path or self.slot / "output").read_bytes())

    # -- shared memory

    def send(self, channel, text):
        assert not self.memory[channel * 1024]
        data = text.encode() + b"\0"
        self.memory[channel * 1024 + 1 : channel * 1024 + 1 + len(data)] = data
        self.memory[channel * 1024] = 1

    def beat(self):
        """A heartbeat, unless the last one has not been heard."""
        if not self.memory[4 * 1024]:
            self.send(4, "<heartbeat/><wss>1e+06</wss><max_wss>1e+09</max_wss>")

    def receive(self, channel):
        if not self.memory[channel * 1024]:
            return None
        text = self.memory[channel * 1024 + 1 : channel * 1024 + 1024].partition(b"\0")[0].decode()
        self.memory[channel * 1024] = 0
        return text

    def end(self):
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.task is not None:
            self.task.kill()
            self.task.wait()
        if self.memory is not None:
            self.memory.close()


@pytest.fixture
def client(tmp_path):
    made = Client(tmp_path)
    yield made
    made.end()


@pytest.fixture(params=PYTHONS.values(), ids=PYTHONS)
def python(request):
    """Every Python at hand on which what is shipped must run."""
    return request.param


@pytest.fixture
def locked(client):
    """The slot's lock, held by this process; call it to let go."""
    file = open(client.slot / "boinc_lockfile", "ab")  # noqa: SIM115
    fcntl.lockf(file, fcntl.LOCK_EX)
    yield file.close
    file.close()


@pytest.fixture
def eventually():
    """Wait until a condition holds; the seconds it took."""

    def wait(condition, seconds=60):
        start = time.monotonic()
        while not condition():
            assert time.monotonic() - start < seconds, "it did not happen"
            time.sleep(0.01)
        return time.monotonic() - start

    return wait
