"""A real BOINC project, given by --boinc-project DIR, and two volunteers: BOINC's own client, one account each.

The tests change the project: give them one that was just made, whose web server runs, and run them as the project's owner.
"""

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path

import pytest

from pyboinc.ports import SystemClock
from pyboinc_boinc import transaction
from pyboinc_boinc.project import SetSetting, applied, load, steps
from pyboinc_boinc.store import Store

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = sysconfig.get_path("scripts")
PATIENCE = 600  # seconds for a batch; the server and two clients may be slow, and a test that hangs must end
NUDGE = 4  # seconds between a client's calls
QUICK = {"next_rpc_delay": "5", "min_sendwork_interval": "1"}  # what an admin may choose; setup keeps it
SETUP = ("--quorum", "1")  # most tests want an answer from one volunteer
CC_CONFIG = """<cc_config>
<options>
<allow_multiple_clients>1</allow_multiple_clients>
<skip_cpu_benchmarks>1</skip_cpu_benchmarks>
<ncpus>{ncpus}</ncpus>
<no_gpus>1</no_gpus>
<dont_contact_ref_site>1</dont_contact_ref_site>
<suppress_net_info>1</suppress_net_info>
<report_results_immediately>1</report_results_immediately>
<start_delay>0</start_delay>
</options>
</cc_config>
"""
PREFERENCES = """<global_preferences>
<run_on_batteries>1</run_on_batteries>
<run_if_user_active>1</run_if_user_active>
<suspend_cpu_usage>0</suspend_cpu_usage>
<work_buf_min_days>{buffer}</work_buf_min_days>
<work_buf_additional_days>0</work_buf_additional_days>
<disk_max_used_pct>95</disk_max_used_pct>
<disk_min_free_gb>0.1</disk_min_free_gb>
<ram_max_used_busy_pct>90</ram_max_used_busy_pct>
<leave_apps_in_memory>1</leave_apps_in_memory>
</global_preferences>
"""


def pytest_addoption(parser):
    parser.addoption("--boinc-project", metavar="DIR", help="the folder of a real BOINC project; the full-server tests change it")


def until(what, seconds=PATIENCE):
    """What it gives, once that is true."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"waited {seconds} s in vain"
        time.sleep(0.2)
    return found


def finished(process, status):
    """What a master printed on stdout and stderr, once it has ended with this status."""
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, (process.returncode, out, err[-3000:])
    return out, err


@dataclass
class Server:
    """The project. said: what the commands of the set-up printed, by name."""

    folder: Path
    said: dict = field(default_factory=dict)
    until = staticmethod(until)
    finished = staticmethod(finished)

    @property
    def config(self):
        return load(transaction.ProjectDisk(), str(self.folder)).config

    @property
    def host(self):
        return socket.gethostname().split(".")[0]

    def environment(self):
        """Of the admin's shell: BOINC's own scripts need the system's Python, not that of the tests."""
        path = [each for each in os.environ["PATH"].split(os.pathsep) if each != SCRIPTS]
        kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH", "PYBOINC_DIR")}
        return {**kept, "PATH": os.pathsep.join(path), "USER": os.environ.get("USER") or self.folder.owner()}

    def tool(self, *command):
        """One of BOINC's programs, in the project's folder; what it printed."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def pyboinc(self, *arguments, status=0):
        """A command of ours; what it printed."""
        command = [os.path.join(SCRIPTS, "pyboinc"), *map(str, arguments)]
        done = subprocess.run(command, cwd="/", env=self.environment(), capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout

    @contextlib.contextmanager
    def running(self, folder, *arguments):
        """A master in a folder, against the project; it ends with the block, if not before."""
        environment = {**self.environment(), "PYBOINC_DIR": str(self.folder), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "app_master.py", *arguments]
        master = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            yield master
        finally:
            if master.poll() is None:
                master.kill()
                master.communicate()

    def run(self, folder, *arguments):
        """A master from start to a good end; what it printed."""
        with self.running(folder, *arguments) as master:
            return finished(master, 0)[0]

    def texts(self):
        return {name: (self.folder / name).read_text() for name in ("config.xml", "project.xml")}

    def rows(self, sql, *values):
        store = Store(load(transaction.ProjectDisk(), str(self.folder)), SystemClock())
        try:
            return store.connection.transaction(lambda step: step.rows(sql, values))
        finally:
            store.close()

    def change(self, sql, *values):
        store = Store(load(transaction.ProjectDisk(), str(self.folder)), SystemClock())
        try:
            store.connection.transaction(lambda step: step.change(sql, values))
        finally:
            store.close()

    def batch(self, folder):
        """The number of the batch in a folder."""
        return int((Path(folder) / "pyboinc_checkpoint").read_text().split("\n")[0] or 0)

    def begun(self, folder):
        """The number of the batch in a folder, once there is one."""
        until(lambda: (Path(folder) / "pyboinc_checkpoint").exists() and self.batch(folder))
        return self.batch(folder)

    def at_work(self, volunteers, batch, fraction):
        """Who runs a task of the batch that has come so far, and the task's name."""
        found = []

        def look():
            for volunteer in volunteers:
                for task in volunteer.tasks():
                    done = float(task.get("fraction done", 0))
                    if task["name"].startswith(f"pyboinc_{batch}_") and task.get("active_task_state") == "EXECUTING" and done == fraction:
                        found.append((volunteer, task["name"]))
            return found

        until(look)
        return found[0]

    def page(self, name, **more):
        """A web page, as the user to whom the batches belong sees it."""
        key = self.rows("SELECT authenticator FROM user WHERE id = %s", self.config.submit_user)[0][0]
        request = urllib.request.Request(self.config.master_url + name, headers={"Cookie": f"auth={_text(key)}"}, **more)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode("utf-8", "replace")

    def stop(self):
        """bin/stop does not wait, and leaves pid files."""
        pids = self.folder / f"pid_{self.host}"
        self.tool("bin/stop")
        for path in pids.glob("*.pid"):
            with contextlib.suppress(ValueError):
                number = int(path.read_text().strip() or 0)
                until(lambda number=number: not _runs(number), 60)
            path.unlink()


@dataclass
class Volunteer:
    """A client of BOINC's with a folder, an account and a port of its own. ncpus: as which it acts.  buffer: days of work kept."""

    name: str
    folder: Path
    server: Server
    port: int = 0
    key: str = ""
    process: subprocess.Popen | None = None
    ncpus: int = 4
    buffer: float = 0.02
    prefix: tuple[str, ...] = ()  # of the command that starts it

    def start(self):
        self.folder.mkdir(exist_ok=True)
        (self.folder / "cc_config.xml").write_text(CC_CONFIG.format(ncpus=self.ncpus))
        (self.folder / "global_prefs_override.xml").write_text(PREFERENCES.format(buffer=self.buffer))
        (self.folder / "gui_rpc_auth.cfg").write_text("volunteer")
        self.port = self.port or _free_port()
        command = [*self.prefix, "boinc", "--dir", str(self.folder), "--gui_rpc_port", str(self.port), "--allow_multiple_clients"]
        environment = {"PATH": self.server.environment()["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}
        with open(self.folder / "log.txt", "ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: self.ask("--get_host_info", check=False), 60)

    def register(self):
        """An account of its own."""
        address, word = f"{self.name}-{secrets.token_hex(4)}@example.org", secrets.token_hex(8)
        form = {
            "email_addr": address,
            "passwd_hash": md5((word + address).encode()).hexdigest(),
            "user_name": address.partition("@")[0],
        }
        answer = self.server.page("create_account.php?" + urllib.parse.urlencode(form))
        match = re.search(r"<authenticator>(\w+)</authenticator>", answer)
        assert match, answer
        self.key = match[1]

    def attach(self):
        self.register()
        self.ask("--project_attach", self.server.config.master_url, self.key)

    def ask(self, *arguments, check=True):
        """boinccmd; what it printed."""
        command = ["boinccmd", "--host", f"127.0.0.1:{self.port}", "--passwd", "volunteer", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 or not check, (arguments, done.stdout, done.stderr, self.log()[-2000:])
        return done.stdout if done.returncode == 0 else ""

    def tasks(self):
        """What boinccmd shows of each task."""
        found = []
        for line in self.ask("--get_tasks", check=False).splitlines():
            name, colon, value = line.strip().partition(": ")
            if colon and name == "name":
                found.append({})
            if colon and found:
                found[-1][name] = value
        return found

    def processes(self):
        """The processes in its slots."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if (
                    os.readlink(path / "cwd").startswith(str(self.folder / "slots"))
                    and (path / "stat").read_text().rpartition(")")[2][1] != "Z"
                ):
                    found.append(path)
            except OSError:
                pass
        return found

    def used(self):
        """Ticks of CPU time that its tasks use in a second."""

        def ticks():
            total = 0
            for path in self.processes():
                with contextlib.suppress(OSError):
                    total += sum(map(int, (path / "stat").read_text().rpartition(")")[2].split()[11:13]))
            return total

        before = ticks()
        time.sleep(1)
        return max(0, ticks() - before)

    def suspend(self, task):
        """It stands still on return."""
        self.ask("--task", self.server.config.master_url, task, "suspend")
        until(lambda: self.used() == 0)

    def resume(self, task):
        """It computes on return."""
        self.ask("--task", self.server.config.master_url, task, "resume")
        until(lambda: self.used() > 10)

    def kill(self, seconds):
        """The client dies; its tasks notice that within so many seconds, and end."""
        self.process.kill()
        self.process.wait()
        until(lambda: not self.processes(), seconds)

    def nudge(self):
        """Call the scheduler now, whatever the client has decided to wait for."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.ask("--project", self.server.config.master_url, "update", check=False)

    def log(self):
        return (self.folder / "log.txt").read_text(errors="replace")

    def stop(self):
        if self.process is not None:
            self.ask("--quit", check=False)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextlib.contextmanager
def nudged(volunteers):
    """These call the server often, once they are started; in the end they stop."""
    over = threading.Event()

    def nudge():
        while not over.wait(NUDGE):
            for each in volunteers:
                if each.process is not None:
                    each.nudge()

    thread = threading.Thread(target=nudge, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for each in volunteers:
            each.stop()


@pytest.fixture(scope="session")
def project(request):
    folder = request.config.getoption("--boinc-project")
    if not folder:
        pytest.skip("no BOINC project was given: pytest tests/fullserver --boinc-project DIR")
    folder = Path(folder).resolve()
    if not (folder / "config.xml").exists():
        pytest.exit(f"{folder} is not a BOINC project", 2)
    if folder.stat().st_uid != os.geteuid():
        pytest.exit(f"{folder} belongs to {folder.owner()}: run the full-server tests as that user", 2)
    for program in ("boinc", "boinccmd"):
        if not shutil.which(program):
            pytest.exit(f"{program} is not there. On Debian and Ubuntu: apt install boinc-client", 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and so would its children
    return Server(folder)


@pytest.fixture(scope="session")
def server(project, request):
    """The project, set up as its admin does it, and started."""
    said, config = project.said, project.config
    said["fresh"] = not config.pyboinc_apps
    before = load(transaction.ProjectDisk(), str(project.folder))
    quick = [SetSetting(name, config.text(name) if config.has(name) else None, value) for name, value in QUICK.items()]
    if any(config.text(name) != value for name, value in QUICK.items()):
        transaction.commit(transaction.ProjectDisk(), str(project.folder), steps(before, applied(before, quick)))
    if not said["fresh"]:
        project.stop()  # what an earlier run left
    said["texts"] = project.texts()
    said["doctor before"] = project.pyboinc("doctor", "-p", project.folder, status=1)
    said["dry run"] = project.pyboinc("setup", "-p", project.folder, *SETUP, "--dry-run")
    said["setup"] = project.pyboinc("setup", "-p", project.folder, *SETUP)
    said["texts after"] = project.texts()
    said["again"] = project.pyboinc("setup", "-p", project.folder)
    said["fix"] = project.pyboinc("doctor", "-p", project.folder, "--fix", status=1)  # it does not run yet
    project.tool("bin/start")
    request.addfinalizer(project.stop)
    said["doctor"] = project.pyboinc("doctor", "-p", project.folder)
    return project


@pytest.fixture(scope="session")
def volunteers(server, tmp_path_factory):
    """Two clients that work and call the server often."""
    both = [Volunteer(name, tmp_path_factory.mktemp(name), server) for name in ("ada", "grace")]
    with nudged(both):
        for each in both:
            each.start()
            each.attach()
        yield both


@pytest.fixture
def newcomer(server, tmp_path):
    """A client that works, and belongs to no project yet."""
    made = Volunteer("newcomer", tmp_path / "client", server)
    with nudged([made]):
        made.start()
        yield made


@pytest.fixture
def join(server, tmp_path_factory):
    """`join({"ncpus": 1}, {"ncpus": 2})`: clients that nobody calls: they wait as BOINC makes them wait."""
    made = []

    def come(*kinds):
        known = server.rows("SELECT COUNT(*) FROM host")[0][0]
        for number, kind in enumerate(kinds):
            made.append(Volunteer(f"host{number}", tmp_path_factory.mktemp(f"host{number}"), server, **kind))
            made[-1].start()
            made[-1].attach()
        server.until(lambda: server.rows("SELECT COUNT(*) FROM host")[0][0] == known + len(kinds))

    try:
        yield come
    finally:
        for each in made:
            each.stop()


@pytest.fixture
def example(tmp_path):
    """`example("sunspots", name="a", **files)`: a copy in a folder of its own, with other files instead."""

    def copy(which, name="", **files):
        ignored = shutil.ignore_patterns("pyboinc_*", "new", "old", "__pycache__")
        folder = shutil.copytree(EXAMPLES / which, tmp_path / (name or which), ignore=ignored)
        for stem, text in files.items():
            (folder / f"{stem}{'.toml' if stem == 'pyboinc' else '.py'}").write_text(text)
        return folder

    return copy


def pytest_terminal_summary(terminalreporter, config):
    """The rows that the run has left, for the record."""
    folder = config.getoption("--boinc-project")
    if not folder or not (Path(folder) / "config.xml").exists():
        return
    server = Server(Path(folder).resolve())
    queries = {
        "batch": "SELECT id, user_id, app_id, njobs, fraction_done, nerror_jobs, state, name FROM batch",
        "pyboinc_batch": "SELECT id, token, state, app_version_num, jobs, succeeded, failed FROM pyboinc_batch",
        "workunit": "SELECT batch, min_quorum, canonical_resultid > 0, error_mask, assimilate_state, file_delete_state, COUNT(*)"
        " FROM workunit GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6",
        "result": "SELECT batch, hostid, server_state, outcome, validate_state, exit_status, COUNT(*) FROM result"
        " GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6",
    }
    for table, sql in queries.items():
        terminalreporter.section(f"table {table}: {sql[len('SELECT ') : sql.index(' FROM')]}", "-")
        try:
            for row in server.rows(sql):
                terminalreporter.line("  ".join(map(_text, row)))
        except Exception as error:  # a project that was never set up, or a database that is gone
            terminalreporter.line(str(error))


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, (bytes, bytearray)) else str(value)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
