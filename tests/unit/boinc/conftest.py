"""A BOINC project as make_project leaves it: its two files, in memory or in a folder, and a file system with permissions."""

import os
import socket

import pytest

from pyboinc.testing import MemoryFileSystem
from pyboinc_boinc.project import load

FOLDER = "/home/boincadm/projects/cubes"
SETTINGS = {
    "long_name": "Cubes &amp; Squares",
    "db_user": "boincadm",
    "db_name": "cubes",
    "db_passwd": "s3cret&lt;&gt;",
    "db_host": "127.0.0.1:3307",
    "shmem_key": "0x1111c0de",
    "uldl_dir_fanout": "1024",
    "host": "{server}",
    "min_sendwork_interval": "6",
    "max_wus_to_send": "50",
    "daily_result_quota": "500",
    "disable_account_creation": "0",
    "show_results": "1",
    "cache_md5_info": "1",
    "one_result_per_user_per_wu": "0",
    "send_result_abort": "1",
    "dont_generate_upload_certificates": "1",
    "ignore_upload_certificates": "1",
    "master_url": "http://127.0.0.1:8088/cubes/",
    "download_url": "http://127.0.0.1:8088/cubes/download",
    "upload_url": "http://127.0.0.1:8088/cubes_cgi/file_upload_handler",
    "download_dir": "{folder}/download",
    "upload_dir": "{folder}/upload",
    "key_dir": "{folder}/keys/",
    "app_dir": "{folder}/apps",
    "log_dir": "{folder}/log_{server}",
}
TASKS = [("24 hours", "antique_file_deleter.out", "antique_file_deleter -d 2", 0), ("1 hour", "notify.out", "run_in_ops ./notify.php", 1)]
PLATFORMS = {"windows_x86_64": "Microsoft Windows", "x86_64-pc-linux-gnu": "Linux running on an AMD x86_64 or Intel EM64T CPU"}


def element(depth, name, children):
    pad = "    " * depth
    return f"{pad}<{name}>\n" + "".join(children) + f"{pad}</{name}>\n"


def value(depth, name, text):
    return f"{'    ' * depth}<{name}>{text}</{name}>\n"


def config_text(folder=FOLDER, server="server", daemons=("feeder", "transitioner", "file_deleter"), **settings):
    values = SETTINGS | settings
    config = [value(2, name, text.format(folder=folder, server=server)) for name, text in values.items() if text is not None]
    tasks = [
        element(2, "task", [value(3, name, text) for name, text in zip(("period", "output", "cmd", "disabled"), each, strict=True)])
        for each in TASKS
    ]
    lines = [element(2, "daemon", [each if each.startswith("<") else value(3, "cmd", f"{each} -d 3 ")]) for each in daemons]
    parts = [element(1, "config", config), element(1, "tasks", tasks), element(1, "daemons", lines)]
    return '<?xml version="1.0" ?>\n' + element(0, "boinc", parts)


def project_text():
    platforms = [
        element(1, "platform", [value(2, "name", name), value(2, "user_friendly_name", title)]) for name, title in PLATFORMS.items()
    ]
    return element(0, "boinc", platforms)


class ProjectMemory(MemoryFileSystem):
    """With the permissions of `transaction.ProjectFiles`, each change of which is a crash point, too."""

    def __init__(self, crash_at=None):
        super().__init__(crash_at)
        self.modes = {}
        self.strangers = set()

    def _successor(self, disk, crash_at):
        mine = ProjectMemory(crash_at)
        mine.disk = disk
        mine.modes = dict(self.modes)
        return mine

    def write(self, path, data):
        self.modes.setdefault(path, 0o644)
        super().write(path, data)

    def rename(self, source, target):
        super().rename(source, target)
        self.modes[target] = self.modes[source]

    def mode(self, path):
        self._file(path)
        return self.modes[path]

    def set_mode(self, path, mode):
        self._file(path)
        self._change(lambda: self.modes.__setitem__(path, mode))

    def take_after(self, path, model):
        self.set_mode(path, self.mode(model))

    def is_mine(self, path):
        return path not in self.strangers


@pytest.fixture
def texts():
    """`texts.config(...)`, `texts.project()`."""

    class Texts:
        config = staticmethod(config_text)
        project = staticmethod(project_text)
        folder = FOLDER

    return Texts


@pytest.fixture
def memory():
    """A project in memory: `memory(config=..., crash_at=...)`."""

    def make(config=None, crash_at=None, xml=None):
        fs = ProjectMemory()
        fs.make_folder(f"{FOLDER}/pid_server")
        for name, text in (("config.xml", config or config_text()), ("project.xml", xml or project_text())):
            fs.write(f"{FOLDER}/{name}", text.encode())
        fs.write(f"{FOLDER}/pid_server/feeder.pid", b"4711\n")
        fs.modes[f"{FOLDER}/config.xml"] = 0o640
        fs.disk = fs.disk.copy()  # all of it is synced
        fs.points.steps, fs.points.at = 0, crash_at
        return fs

    return make


@pytest.fixture
def project(memory):
    """The value of a project: `project(daemons=[...], next_rpc_delay="60")`."""

    def make(**changed):
        return load(memory(config_text(**changed)), FOLDER)

    return make


@pytest.fixture
def folder(tmp_path):
    """A real folder, with the permissions that make_project gives."""
    old = os.umask(0o022)
    made = tmp_path / "cubes"
    host = socket.gethostname().split(".")[0]
    html = ("html/cache", "html/inc", "html/project", "html/user")
    for name in ("upload", "download", "keys", "cgi-bin", f"log_{host}", f"pid_{host}", *html):
        (made / name).mkdir(parents=True)
    for name in ("upload", f"log_{host}", "html/cache"):
        (made / name).chmod(0o2770)
    for name in ("code_sign_private", "code_sign_public", "upload_private", "upload_public"):
        (made / "keys" / name).write_text("1024\n")
    daemons = ("feeder", "transitioner", "file_deleter", "pyboinc-assimilator --app pyboinc")
    (made / "config.xml").write_text(config_text(str(made), host, daemons))
    (made / "project.xml").write_text(project_text())
    os.umask(old)
    return made
