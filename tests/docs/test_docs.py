"""Links resolve; what is printed as a program is the program; sessions shown with >>> run."""

from __future__ import annotations

import ast
import doctest
import re
from pathlib import Path

import pytest

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
def test_snippets(page: Path) -> None:
    for block in blocks(page, "python"):
        ast.parse(block)
    for number, block in enumerate(blocks(page, "pycon")):
        test = doctest.DocTestParser().get_doctest(block, {}, f"{name_of(page)}, session {number}", str(page), 0)
        assert doctest.DocTestRunner().run(test).failed == 0


def test_readme_prints_the_example() -> None:
    printed = dict(block.split("\n", 1) for block in blocks(ROOT / "README.md", "python") if block.startswith("# app_"))
    assert printed == {f"# {path.name}": path.read_text("utf-8") for path in EXAMPLE.glob("app_*.py")}
