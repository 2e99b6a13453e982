"""Links resolve; what is printed as a program is the program; snippets and commands run and print what the pages say."""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(page for pattern in ("*.md", "docs/**/*.md", "packages/*/README.md", "examples/*/README.md") for page in ROOT.glob(pattern))
EXAMPLE = ROOT / "examples" / "sum_of_squares"


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links(page: Path) -> None:
    text = re.sub(r"^```.*?^```$|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", link):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.is_relative_to(ROOT) and target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_snippets(page: Path, tmp_path: Path) -> None:
    """What a page shows does what the page says, block by block, from top to bottom; CONTRIBUTING.md has the rules."""
    folder = tmp_path / "program"
    example = page.parent if page.parent.parent == ROOT / "examples" else EXAMPLE
    shutil.copytree(example, folder, ignore=shutil.ignore_patterns("pyboinc_*", "new", "old", "__pycache__", "README.md"))
    printed = None  # by the last commands, until it is compared
    master = False  # the page has printed one that has not run yet
    for language, block in shown(page):
        if language == "python" and (match := re.match(r"# (\w+\.py)\n", block)):
            compile(block, match[1], "exec")
            known = match[1].startswith(("app_", "test_app")) or match[1] in RUN_ELSEWHERE
            assert known, f"{match[1]}: say in RUN_ELSEWHERE which test runs it"
            (folder / match[1]).write_text(block, "utf-8")
            master = master or match[1] == "app_master.py"
        elif language == "python":
            compile(block, name_of(page), "exec")
            if not reason(block):
                printed = run([sys.executable, "-c", block], folder)
        elif language == "pycon":
            test = doctest.DocTestParser().get_doctest(block, {}, name_of(page), str(page), 0)
            assert doctest.DocTestRunner().run(test).failed == 0
        elif language == "sh":
            if commands := "\n".join(line for line in block.splitlines() if line.strip() and not reason(line)):
                printed = run(["sh", "-e", "-c", commands], folder)
                master = master and "app_master.py" not in commands
        elif language == "toml":
            tomllib.loads(block)
        elif language == "text" and block.startswith("$ "):
            assert name_of(page) in RUN_ELSEWHERE, f"{block.splitlines()[0]}: show it as sh and text, or say in RUN_ELSEWHERE what runs it"
        elif language == "text" and (printed is not None or master):
            output = run(PLAIN_RUN, folder) if printed is None else printed
            assert doctest.OutputChecker().check_output(available(block), output, doctest.ELLIPSIS), f"printed:\n{output}\nshown:\n{block}"
            printed, master = None, False
        elif language == "xml":
            ElementTree.fromstring(block)
        elif language == "text":
            assert block.startswith("$ ") or any(block.startswith(start) for start in NOT_COMPARED), f"NOT_COMPARED: why not?\n{block}"
        else:
            pytest.fail(f"a block of the language {language!r}: nobody tries what it says\n{block}")
    if master:
        run(PLAIN_RUN, folder)


PLAIN_RUN = [sys.executable, "app_master.py"]

NOT_RUN = {
    "python3 noxfile.py": "this test is a part of it",
    "python3 -m venv": "this test is in one",
    "for package in core validator": "so is the installation",
    "pip install": "it changes the environment; nothing is on a package index",
    "pytest tests/unit": "the session `tests` does",
    "from pymw import": "PyMW is for Python 2",
}
"""How a command or snippet begins that is not run, and why."""

NOT_COMPARED = {
    "- `pyboinc status": "the text of a fragment of the changelog",
    "Honest computers DISAGREE": "its bits are those of one computer; tests/examples/test_platforms.py has what must hold",
    "pyboinc sign --key": "printed by the master of a project that signs elsewhere: tests/unit/boinc/test_sign.py",
}
"""How a text begins that no command of the page has printed, and why it stands there."""

RUN_ELSEWHERE = {
    "tiny_backend.py": "tests/conformance/test_tiny.py",
    "test_tiny_backend.py": "tests/conformance/test_tiny.py",
    "hello_plugin.py": "tests/unit/test_plugins.py",
    "docs/cli.md": "tests/docs/test_cli_page.py",
    "docs/admin.md": "tests/fullserver/test_pages.py",
    "docs/an-hour.md": "tests/fullserver/test_pages.py",
    "packages/pyboinc-boinc/README.md": "tests/fullserver/test_pages.py",
}
"""Files that a page prints, beside those of a program, and pages with sessions ($ ...): the test that runs them."""

NEEDS = {"The picture: .../sunspots.png": "matplotlib"}
"""Lines that are printed only if a package is there."""


def shown(page: Path) -> list[tuple[str, str]]:
    """(language, text) of each block. An indented one is commands if a program's name stands first in each line, else text."""
    found = []
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$|(?<=\n\n)((?: {4}[^\n]*\n)+)", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        if match[3] is None:
            found.append((match[1], match[2]))
        else:
            block = re.sub(r"^ {4}", "", match[3], flags=re.MULTILINE)
            commands = all(re.match(r"(python3?|pip|pyboinc) ", line) for line in block.splitlines())
            found.append(("sh" if commands else "text", block))
    return found


def reason(text: str) -> str:
    """Why it is not run; empty if it is."""
    return next((why for start, why in NOT_RUN.items() if text.startswith(start)), "")


def available(block: str) -> str:
    """The block; whatever stands where something is missing is right."""
    lines = block.splitlines(keepends=True)
    return "".join("...\n" if (need := NEEDS.get(line.strip())) and not importlib.util.find_spec(need) else line for line in lines)


def run(command: list[str], folder: Path) -> str:
    """What it prints. It must end well; `python` and `pyboinc` are those of this environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC")}
    environment["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), environment.get("PATH", "")])
    ran = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def test_what_is_not_run_is_still_there() -> None:
    """A reason that nothing needs any more goes."""
    blocks = [block for page in PAGES for block in shown(page)]
    pieces = [piece for language, block in blocks for piece in ([block] if language == "python" else block.splitlines())]
    assert [start for start in NOT_RUN if not any(piece.startswith(start) for piece in pieces)] == []


def test_readme_prints_the_example() -> None:
    printed = dict(block.split("\n", 1) for block in blocks(ROOT / "README.md", "python") if block.startswith("# app_"))
    assert printed.items() >= {f"# {path.name}": path.read_text("utf-8") for path in EXAMPLE.glob("app_*.py")}.items()
