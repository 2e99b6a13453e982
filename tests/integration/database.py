"""A database server in a container, by testcontainers. One setting: PYBOINC_TEST_IMAGE, else mysql:8.4.

If that image can't be pulled, a small one is built from Debian's packages (tests/image). If no Docker engine answers, one is
started for the tests, which takes root. All listens on 127.0.0.1 only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

# testcontainers reads these when it is imported.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # its helper is an image of its own; `sweep` does the same
os.environ["TESTCONTAINERS_CONNECTION_MODE"] = "docker_host"
os.environ["TESTCONTAINERS_HOST_OVERRIDE"] = "127.0.0.1"

IMAGE, OWN_IMAGE = os.environ.get("PYBOINC_TEST_IMAGE", "mysql:8.4"), "pyboinc-test-database:1"
LABEL = "org.pyboinc.test"
PASSWORD = "pyboinc"
BUILD = Path(__file__).resolve().parents[1] / "image" / "build.sh"
PULL_TIMEOUT = 60  # seconds


@contextlib.contextmanager
def engine() -> Iterator[None]:
    """A Docker engine: the one that answers, or one of our own."""
    if _docker("version").returncode == 0:
        yield
        return
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        raise RuntimeError("these tests need Docker: an engine that this user may use, or dockerd (Debian: docker.io) and root")
    folder = tempfile.mkdtemp(prefix="pyboinc-docker-")
    address = f"unix://{folder}/socket"
    command = ["dockerd", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "-p", f"{folder}/pid", "-H", address]
    command += ["--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip=127.0.0.1"]
    with open(f"{folder}/log", "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    before = os.environ.get("DOCKER_HOST")
    os.environ["DOCKER_HOST"] = address
    try:
        end = time.monotonic() + 60
        while _docker("version").returncode:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"dockerd does not start:\n{Path(folder, 'log').read_text('utf-8', 'replace')[-2000:]}")
            time.sleep(0.1)
        yield
    finally:
        if before is None:
            del os.environ["DOCKER_HOST"]
        else:
            os.environ["DOCKER_HOST"] = before
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def image() -> str:
    """The image that is wanted, or else our own."""
    if _docker("image", "inspect", IMAGE).returncode == 0:
        return IMAGE
    with contextlib.suppress(subprocess.TimeoutExpired):
        pulled = _docker("pull", "--quiet", IMAGE, timeout=PULL_TIMEOUT)
        if pulled.returncode == 0:
            return IMAGE
        if "PYBOINC_TEST_IMAGE" in os.environ:
            raise RuntimeError(f"PYBOINC_TEST_IMAGE={IMAGE} can't be pulled: {pulled.stderr.decode('utf-8', 'replace')}")
    if _docker("image", "inspect", OWN_IMAGE).returncode:
        subprocess.run([str(BUILD), OWN_IMAGE], check=True, timeout=300)
    return OWN_IMAGE


class Database:
    """The server. It keeps its address and its data when it is killed and started again."""

    def __init__(self, image: str) -> None:
        from testcontainers.core.container import DockerContainer

        self.port = _free_port()
        self.server = {"host": "127.0.0.1", "port": self.port, "user": "root", "password": PASSWORD}
        container = DockerContainer(image).with_bind_ports(3306, self.port).with_env("MYSQL_ROOT_PASSWORD", PASSWORD)
        self._container = container.with_kwargs(labels={LABEL: "true"})
        self._container.start()

    def wait(self) -> None:
        """Until it answers."""
        import mysql.connector

        end = time.monotonic() + 180
        while True:
            try:
                mysql.connector.connect(**self.server, connection_timeout=5).close()
                return
            except Exception as error:  # the connector raises more than its own errors while a server starts
                if time.monotonic() > end:
                    logs = b"\n".join(self._container.get_logs()).decode("utf-8", "replace")
                    raise RuntimeError(f"the database does not answer: {error}\n{logs[-3000:]}") from None
                time.sleep(0.1)

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def start(self) -> None:
        self._container.get_wrapped_container().start()
        self.wait()

    def remove(self) -> None:
        self._container.stop()


def sweep() -> None:
    """Remove containers of test runs that were killed."""
    found = _docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}").stdout.split()
    if found:
        _docker("rm", "--force", "--volumes", *(each.decode() for each in found))


def _docker(*words: str, timeout: float | None = 60) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["docker", *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    except FileNotFoundError:
        return subprocess.CompletedProcess(words, 127, b"", b"docker is not installed")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
