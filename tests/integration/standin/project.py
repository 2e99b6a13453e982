"""A folder that PyBOINC takes for a BOINC project: config.xml, stand-ins in bin, tables; and its server as a process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import mysql.connector

from pyboinc.rows import Share

HERE = Path(__file__).resolve().parent
SCRIPTS = Path(sys.executable).parent
TOOLS = ("create_work", "cancel_jobs", "xadd", "update_versions")
CONFIG = """<boinc>
    <config>
        <long_name>Stand-in</long_name>
        <db_user>{user}</db_user>
        <db_name>{name}</db_name>
        <db_passwd>{password}</db_passwd>
        <db_host>{host}:{port}</db_host>
        <host>{hostname}</host>
        <uldl_dir_fanout>1024</uldl_dir_fanout>
        <cache_md5_info>1</cache_md5_info>
        <master_url>http://127.0.0.1:8088/x/</master_url>
        <download_url>http://127.0.0.1:8088/x/download</download_url>
        <upload_url>http://127.0.0.1:8088/x_cgi/file_upload_handler</upload_url>
        <download_dir>{folder}/download</download_dir>
        <upload_dir>{folder}/upload</upload_dir>
        <key_dir>{folder}/keys/</key_dir>
    </config>
    <tasks></tasks>
    <daemons></daemons>
</boinc>
"""


def connect(server, database=None, **options):
    encoding = {"charset": "utf8mb4", "collation": "utf8mb4_general_ci"}
    return mysql.connector.connect(**server, **encoding, database=database, autocommit=True, **options)


class Project:
    """In an empty folder, on a database of its own. server: host, port, user and password."""

    def __init__(self, folder: Path, server: dict, name: str) -> None:
        self.folder = folder
        self.server = server
        self.name = name
        self._processes: list[subprocess.Popen] = []
        for each in ("download", "upload", "keys", "templates", "apps", "bin", "html/cache"):
            (folder / each).mkdir(parents=True)
        (folder / "config.xml").write_text(CONFIG.format(**server, name=name, folder=folder, hostname=socket.gethostname().split(".")[0]))
        (folder / "project.xml").write_text("<boinc>\n</boinc>\n")
        (folder / "keys" / "code_sign_private").write_text("stand-in")
        for tool in (*TOOLS, "sign_executable"):
            path = folder / "bin" / tool
            code = f"import sys\nsys.path.insert(0, {str(HERE.parent)!r})\nfrom standin import tools\ntools.{tool}()\n"
            path.write_text(f"#!{sys.executable}\n{code}")
            path.chmod(0o755)
        connection = connect(server)
        cursor = connection.cursor()
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
        cursor.execute(f"USE {name}")
        for statement in (HERE / "schema.sql").read_text().split(";"):
            if statement.strip():
                cursor.execute(statement)
        cursor.execute("INSERT INTO host (id, create_time, userid, domain_name, p_fpops) VALUES (1, 0, 1, 'stand-in', 1e9)")
        connection.close()

    def setup(self) -> str:
        """`pyboinc setup`, for the one host that there is; what it says."""
        return self.run([str(SCRIPTS / "pyboinc"), "setup", "-p", str(self.folder), "--quorum", "1"])

    def run(self, command: list[str], **options) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    # -- what runs

    def start(self, what: str, *words: str) -> subprocess.Popen:
        """A server or an assimilator; its output goes to WHAT.log in the project's folder."""
        command = {
            "server": [sys.executable, "-m", "standin.server", str(self.folder), "2"],
            "assimilator": [str(SCRIPTS / "pyboinc-assimilator"), "--app", "pyboinc", "--sleep_interval", "0.1", "-p", str(self.folder)],
        }[what]
        with open(self.folder / f"{what}.log", "ab") as log:
            process = subprocess.Popen([*command, *words], cwd=HERE.parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._processes.append(process)
        return process

    def log(self, what: str) -> str:
        return (self.folder / f"{what}.log").read_text("utf-8", "replace")

    def end(self, process: subprocess.Popen, how: int = signal.SIGTERM) -> int:
        """Its exit status."""
        process.send_signal(how)
        return process.wait(60)

    def close(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    # -- what is in the database

    def rows(self, sql: str, *values) -> list[tuple]:
        connection = connect(self.server, self.name)
        try:
            cursor = connection.cursor()
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.with_rows else []
        finally:
            connection.close()

    def share(self) -> Share:
        """All jobs of its app."""
        [(app,)] = self.rows("SELECT id FROM app WHERE name = 'pyboinc'")
        return Share(app)

    def until(self, condition, what: str, seconds: float = 60.0) -> None:
        """Wait for it."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"{what}: not in {seconds} s\n{self.logs()}"
            time.sleep(0.05)

    def logs(self) -> str:
        return "\n".join(f"--- {path.name}\n{path.read_text('utf-8', 'replace')[-3000:]}" for path in sorted(self.folder.glob("*.log")))


def environment() -> dict[str, str]:
    """For the master: nothing of PyBOINC's own variables."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC")}
