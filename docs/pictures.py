"""The page of pictures: made from runs of the examples each time the site is built, so that none shows what is no more.

Screenshots need Chromium (as the tests of the dashboard do); without it the page has plots and reports only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Set
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/dashboard"))

import chromium  # noqa: E402

from pyboinc import charts  # noqa: E402
from pyboinc.dashboard.source import Source  # noqa: E402
from pyboinc.dashboard.web import Dashboard, server  # noqa: E402

FLEET = ["--fleet", "volunteers", "--quorum", "2", "--seed", "3"]
HOSTS = [5, 10, 25, 50, 100]
STYLE = """<style>.line-a,.line-b{fill:none;stroke-width:2.2;stroke:#2563a8}.line-b{stroke:#d98324}
.grid{stroke:#8884}text{font:13px sans-serif;fill:#777}</style>"""
VIEWS = {"light": (1100, 900, False), "dark": (1100, 900, True), "phone": (390, 844, False)}


def make(folder: Path) -> str:
    """Files into the folder; the page that shows them, which stands beside it."""
    folder = folder.resolve()  # the runs have folders of their own
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        for name in ("sum_of_squares", "sunspots"):
            shutil.copytree(ROOT / "examples" / name, Path(temporary) / name)
        squares, sunspots = Path(temporary) / "sum_of_squares", Path(temporary) / "sunspots"
        (folder / "speedup.svg").write_text(_speedup(squares), "utf-8")
        _pyboinc(squares, "simulate", "app_master.py", *FLEET, "--report", str(folder / "simulate.html"))
        _pyboinc(sunspots, "check", "app_master.py", "--sample", "2", "--report", str(folder / "check.html"), fine=1)
        (squares / "pyboinc.toml").write_text('[job]\nquorum = 2\n[local]\nfleet = "hostile"\nseed = 3\n', "utf-8")
        _run(squares, sys.executable, "app_master.py", "--quiet", fine=1)  # one call has nobody but liars
        return "\n\n".join(_page(folder.name, set(_screenshots(squares, folder))))


def _page(folder: str, taken: Set[str]) -> Iterator[str]:
    yield "# Pictures"
    yield "Of the examples [sum of squares](../examples/sum_of_squares/README.md) and [sunspots](../examples/sunspots/README.md)."
    yield "## More computers, sooner done"
    yield "`pyboinc simulate app_master.py`, a hundred jobs of an hour, on a fleet of equal hosts that are always on."
    yield f"![How many times faster up to {HOSTS[-1]} hosts are than one]({folder}/speedup.svg)"
    for name, command in (("simulate", " ".join(FLEET)), ("check", "")):
        yield f"## The report of pyboinc {name}"
        yield f"`{' '.join(f'pyboinc {name} app_master.py {command} --report FILE.html'.split())}`: [the page]({folder}/{name}.html)."
        if name in taken:
            yield f"![The report]({folder}/{name}.png)"
    if taken:
        yield "## The dashboard"
        yield "`pyboinc dashboard`, of a batch on the fleet `hostile`."
        yield from (f"![The dashboard, {view}]({folder}/{view}.png)" for view in VIEWS)


def _speedup(program: Path) -> str:
    (program / "equal.toml").write_text("[[hosts]]\nnumber = 1\n", "utf-8")

    def seconds(hosts: int, quorum: int) -> float:
        arguments = ["--fleet", "equal.toml", "--hosts", str(hosts), "--quorum", str(quorum), "--no-trials", "--json"]
        return float(json.loads(_pyboinc(program, "simulate", "app_master.py", *arguments))["simulated_seconds"])

    alone = seconds(1, 1)
    lines = [
        charts.Line("one result for each job", "line-a", [(1.0, 1.0), *((float(each), alone / seconds(each, 1)) for each in HOSTS)]),
        charts.Line("two that agree", "line-b", [(float(each), alone / seconds(each, 2)) for each in HOSTS]),
    ]
    plot = charts.lines(lines, "hosts", "times faster than one")
    return plot.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(">", f">{STYLE}", 1)


def _screenshots(program: Path, folder: Path) -> Iterator[str]:
    found = chromium.find()
    if found is None:
        return
    made = Dashboard(Source(str(program)))
    serving = server(made, "127.0.0.1", 0)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    try:
        with tempfile.TemporaryDirectory() as profile, chromium.Browser(found, Path(profile)) as browser:
            for name in ("simulate", "check"):
                browser.open((folder / f"{name}.html").as_uri())
                browser.look(1100, 900, False, folder / f"{name}.png")
                yield name
            browser.open(f"http://127.0.0.1:{serving.server_port}/?token={made.token}")
            for name, (width, height, dark) in VIEWS.items():
                browser.look(width, height, dark, folder / f"{name}.png")
                yield name
    finally:
        serving.shutdown()
        serving.server_close()


def _pyboinc(program: Path, *arguments: str, fine: int = 0) -> str:
    return _run(program, sys.executable, "-c", "from pyboinc.cli import main; main()", *arguments, fine=fine)


def _run(program: Path, *command: str, fine: int = 0) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC")}
    ran = subprocess.run(command, cwd=program, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    if ran.returncode != fine:
        raise SystemExit(f"{command}:\n{ran.stdout}\n{ran.stderr}")
    return ran.stdout
