"""What a slave in the runtime can not do, tried. docs/wasm.md shows the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyboinc.wasm import engine

ATTEMPTS = {
    "read a file outside": ("open('/etc/passwd')", "FileNotFoundError"),
    "read above the folder": ("open('/../../../etc/passwd')", "PermissionError"),
    "write above the folder": ("open('/../outside', 'w')", "PermissionError"),
    "follow a link that leads out": ("open('/planted')", "PermissionError"),
    "list through a link that leads out": ("os.listdir('/planted_folder')", "PermissionError"),
    "make a link that leads out": ("os.symlink('/etc/passwd', 'link')", "PermissionError"),
    "a relative one, and read it": ("(os.symlink('../../../../../etc/passwd', 'other'), open('other'))", "PermissionError"),
    "hard-link a file outside": ("os.link('/../outside', 'mine')", "PermissionError"),
    "rename a file to the outside": ("os.rename('/input', '/../outside')", "PermissionError"),
    "connect a socket": ("socket.socket().connect(('127.0.0.1', 80))", "PermissionError"),
    "listen on a socket": ("socket.socket().bind(('127.0.0.1', 0))", "PermissionError"),
    "send a datagram": ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 53))", "PermissionError"),
    "look up a name": ("socket.getaddrinfo(b'localhost', 80)", "gaierror"),
    "start a process": ("subprocess.run(['ls'])", "OSError"),
    "fork": ("os.fork()", "AttributeError"),
    "replace the process": ("os.execv('/bin/sh', ['sh'])", "AttributeError"),
    "signal another process": ("os.kill(1, 9)", "AttributeError"),
    "start a thread": ("threading.Thread(target=print).start()", "RuntimeError"),
    "call into C": ("__import__('ctypes')", "ModuleNotFoundError"),
    "map memory": ("__import__('mmap')", "ModuleNotFoundError"),
    "load machine code": ("__import__('_imp').create_dynamic(type('Spec', (), {'name': 'x', 'origin': '/input'}))", "ImportError"),
    "read its environment": ("{}['HOME'] if not os.environ else 0", "KeyError"),
}
"""What -> (code, how it ends)."""

SLAVE = """
import os, socket, subprocess, threading
from pyboinc import pyboinc_return_output

def attempt(code):
    try:
        return f"done: {eval(code)!r}"
    except BaseException as error:
        return type(error).__name__

pyboinc_return_output([attempt(code) for code in CODES])
"""


def test_nothing_gets_out(job: Callable[..., Any], tmp_path: Path) -> None:
    secret = tmp_path / "outside"
    secret.write_text("secret")
    job.folder.mkdir()  # type: ignore[attr-defined]
    (job.folder / "planted").symlink_to(secret)  # type: ignore[attr-defined]
    (job.folder / "planted_folder").symlink_to(tmp_path)  # type: ignore[attr-defined]
    codes = [code for code, _ in ATTEMPTS.values()]
    (entry,) = job(SLAVE.replace("CODES", repr(codes)))
    assert dict(zip(ATTEMPTS, entry[1], strict=True)) == {name: end for name, (_, end) in ATTEMPTS.items()}
    assert secret.read_text() == "secret"
    assert not [each for each in job.folder.rglob("*") if each.is_symlink()]  # type: ignore[attr-defined]
    assert {each.name for each in tmp_path.iterdir()} == {"job", "outside"}


ENDS = {
    "take all memory": ("kept = []\nwhile True: kept.append(bytearray(10_000_000))\n", "MemoryError"),
    "a loop that never ends": ("while True: pass\n", "stopped after 1 seconds, its limit"),
    "one below Python": ("import re\nre.match('(a*)*b', 'a' * 60)\n", "stopped after 1 seconds, its limit"),
    "end the process": ("import os\nos._exit(0)\n", None),
    "nest calls in C without end": (
        "deep = []\nfor _ in range(100_000): deep = [deep]\nrepr(deep)\n",
        "its calls are nested too deep for the machine's stack",
    ),
}


@pytest.mark.parametrize("what", ENDS)
def test_it_ends_alone(what: str, job: Callable[..., Any]) -> None:
    """As a client error: another host may try. This process, and the next job in it, are as they were."""
    source, said = ENDS[what]
    seconds = 1 if said and "1 seconds" in said else 60
    with pytest.raises((engine.Ended, FileNotFoundError), match=said):
        job(source, limits=engine.Limits(100_000_000, seconds))
    assert not (job.folder / "output").exists()  # type: ignore[attr-defined]
    good = "from pyboinc import pyboinc_return_output\npyboinc_return_output('well')\n"
    assert job(good) == [(True, "well")]


def test_the_page_shows_the_table() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "wasm.md"
    rows = [line.split("|")[1:3] for line in page.read_text("utf-8").splitlines() if line.startswith("| ")]
    shown = {what.strip(): end.strip().strip("`") for what, end in rows}
    assert {name: end for name, (_, end) in ATTEMPTS.items()}.items() <= shown.items()
    assert ENDS.keys() <= shown.keys()
