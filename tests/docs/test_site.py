"""The notebook runs from top to bottom and prints what it shows; the site's pages can be put together, and its reference is whole."""

import doctest
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyboinc
from pyboinc import hookspecs
from pyboinc.model import JobSettings
from pyboinc_boinc.options import BoincOptions
from pyboinc_local.options import LocalOptions

ROOT = Path(__file__).resolve().parents[2]


def test_the_notebook_runs(tmp_path: Path) -> None:
    """Each cell's output is what is stored with it, `...` standing for anything, in one process as in Jupyter."""
    cells = [each for each in json.loads((ROOT / "docs/tutorial.ipynb").read_text("utf-8"))["cells"] if each["cell_type"] == "code"]
    line = "=== end of a cell ==="
    script = f"print({line!r})\n".join("".join(each["source"]) + "\n" for each in cells) + f"print({line!r})\n"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC")}
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    printed = ran.stdout.split(line + "\n")[:-1]
    assert len(printed) == len(cells)
    for cell, output in zip(cells, printed, strict=True):
        shown = "".join(text for each in cell["outputs"] for text in each["text"])
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        assert doctest.OutputChecker().check_output(shown, output, flags), f"printed:\n{output}\nshown:\n{shown}"


def test_the_site_has_all_pages_and_a_whole_reference(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("site_of_the_docs", ROOT / "docs/site.py")
    assert spec is not None and spec.loader is not None
    site = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(site)
    site.main(tmp_path / "pages", pictures=False)
    for page in ROOT.glob("docs/*.md"):
        assert (tmp_path / "pages/docs" / page.name).exists(), f"{page.name} is in no navigation and no page links to it"
    made = {page.stem: page.read_text("utf-8") for page in tmp_path.glob("pages/docs/reference/*.md")}
    for command in ("run", "status", "check", "simulate", "new", "doctor", "setup"):
        assert f"## pyboinc {command}\n" in made["commands"]
    for name in vars(hookspecs):
        assert not name.startswith("pyboinc_") or f"## {name}\n" in made["hooks"]
    for name in pyboinc.__all__:
        assert name in pyboinc._SHORT or f"## {name}\n" in made["python"]
    for name in {**JobSettings.__dataclass_fields__, **LocalOptions.__dataclass_fields__, **BoincOptions.__dataclass_fields__}:
        assert f"| `{name}` |" in made["settings"]
    for source in ROOT.glob("packages/*/src/**/*.py"):
        for name in re.findall(r"^class (\w+)\(PyBoincError", source.read_text("utf-8"), re.MULTILINE):
            assert f".{name}\n" in made["errors"], f"{name} of {source}"
    assert "## On this computer" in (tmp_path / "pages/docs/tutorial.md").read_text("utf-8")
