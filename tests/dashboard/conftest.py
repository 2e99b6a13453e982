"""A batch made by hand, and a server for it."""

import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from handmade import Made


@pytest.fixture
def batch(tmp_path):
    folder = tmp_path / "batch"
    folder.mkdir()
    return Made(folder)


@pytest.fixture
def serve():
    """Starts a server for a folder; its link with the token."""
    pytest.importorskip("bottle")
    from pyboinc.dashboard.source import Source
    from pyboinc.dashboard.web import Dashboard, server

    started = []

    def start(folder):
        made = Dashboard(Source(str(folder)))
        serving = server(made, "127.0.0.1", 0)
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        started.append((serving, thread))
        return f"http://127.0.0.1:{serving.server_port}/?token={made.token}"

    yield start
    for serving, thread in started:
        serving.shutdown()
        thread.join()
        serving.server_close()
