"""Puts the pages of the documentation's site together: those that mkdocs.yml names, what they link to, and a reference made from the code.

    python docs/site.py TARGET

Needs the packages installed. Pages keep their places, so their links hold; a link to a folder goes to its README.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import pkgutil
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click

import pyboinc
import pyboinc_assimilator
import pyboinc_boinc
import pyboinc_local
import pyboinc_validator
from pyboinc import cli, hookspecs, plugins, settings
from pyboinc.errors import PyBoincError
from pyboinc.model import JobSettings
from pyboinc_boinc.options import BoincOptions
from pyboinc_local.options import LocalOptions

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = (pyboinc, pyboinc_validator, pyboinc_assimilator, pyboinc_local, pyboinc_boinc)
LEFT_OUT = re.compile(
    r"skeleton|joblib|pytest_plugin|__main__|\.guest\.(app|stdlib)|\.slave\.(?!api|verify)"
)  # what needs other packages, or runs when it is imported
PICTURES = "docs/pictures.md"
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")


def main(target: Path, pictures: bool = True) -> None:
    """Make the folder anew. pictures: with plots and screenshots, which takes half a minute."""
    shutil.rmtree(target, ignore_errors=True)
    made = {f"docs/reference/{name}.md": text for name, text in reference().items()}
    made["docs/tutorial.md"] = notebook((ROOT / "docs/tutorial.ipynb").read_text("utf-8"))
    named = re.findall(r"\S+\.md$", (ROOT / "docs/mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    todo = [page for page in named if page not in made and page != PICTURES]
    done: set[str] = set()
    while todo:
        page = todo.pop()
        if page in done:
            continue
        done.add(page)
        source, goal = ROOT / page, target / page
        goal.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix != ".md":
            shutil.copy(source, goal)
            continue
        text = _linked(source)
        goal.write_text(text, "utf-8")
        for link in LINK.finditer(text):
            linked = (source.parent / link[2]).resolve()
            if linked.is_file() and linked.is_relative_to(ROOT):
                todo.append(linked.relative_to(ROOT).as_posix())
    if pictures:
        from pictures import make

        made[PICTURES] = make(target / "docs/pictures")
    for page, text in made.items():
        (target / page).parent.mkdir(parents=True, exist_ok=True)
        (target / page).write_text(text, "utf-8")


def _linked(page: Path) -> str:
    """Its text, with links to pages of the site in place of those to folders and notebooks."""

    def moved(link: re.Match[str]) -> str:
        path = link[2].removesuffix(".ipynb") + ".md" if link[2].endswith(".ipynb") else link[2]
        if (page.parent / path / "README.md").is_file():
            path = f"{path.rstrip('/')}/README.md"
        return link[1] + path + link[3]

    return LINK.sub(moved, page.read_text("utf-8"))


def notebook(text: str) -> str:
    """A notebook as Markdown, with the outputs that are stored in it."""
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        parts += [f"```text\n{''.join(each['text']).rstrip()}\n```" for each in cell.get("outputs", [])]
    return "\n\n".join(parts)


def reference() -> dict[str, str]:
    """Pages made from the code, by name."""
    return {
        "commands": "\n\n".join(["# Commands", *_commands()]),
        "settings": "\n\n".join(["# Settings", *_settings()]),
        "python": "\n\n".join(["# Python", *_python()]),
        "errors": "\n\n".join(["# Errors", *_errors()]),
        "hooks": "\n\n".join(["# Hooks", _text(inspect.getdoc(hookspecs)), *_hooks()]),
    }


def _commands() -> Iterator[str]:
    manager, _ = plugins.for_commands()
    manager.hook.pyboinc_add_commands(group=cli.group)
    yield from _command(cli.group, click.Context(cli.group, info_name="pyboinc"))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    context.max_content_width = 100
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _command(below, click.Context(below, parent=context, info_name=name))


def _settings() -> Iterator[str]:
    yield "The tables of `pyboinc.toml`. What each setting means, with examples, is in [settings](../settings.md)."
    tables = {"[job]": JobSettings, "[local]": LocalOptions, "[boinc]": BoincOptions}
    keys = ", ".join(f"`{key}`" for key in settings._TOP_LEVEL)
    yield f"At the top: {keys}, texts all."
    for title, kind in tables.items():
        rows = [f"| `{each.name}` | {str(each.type).replace('|', 'or')} | `{each.default!r}` |" for each in dataclasses.fields(kind)]
        table = "| setting | type | default |\n|---|---|---|\n" + "\n".join(rows)
        yield f"## {title}\n\n{table}\n\n{_text(inspect.getdoc(kind))}"


def _errors() -> Iterator[str]:
    """All of PyBOINC's own, by package."""
    yield "All are a `pyboinc.PyBoincError`. How commands tell of them: [the command line](../cli.md)."
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.startswith(f"{package.__name__}.testing") and not LEFT_OUT.search(module.name):
                importlib.import_module(module.name)
    todo, found = [PyBoincError], []
    while todo:
        kind = todo.pop()
        found.append(kind)
        todo += kind.__subclasses__()
    for kind in sorted(set(found), key=lambda each: (each.__module__.split(".")[0], each.__name__)):
        bases = ", ".join(base.__name__ for base in kind.__bases__)
        yield f"## {kind.__module__}.{kind.__name__}\n\nA kind of {bases}.\n\n{_text(inspect.getdoc(kind))}"


def _python() -> Iterator[str]:
    yield _text(inspect.getdoc(pyboinc))
    for name in sorted(set(pyboinc.__all__) - set(pyboinc._SHORT)):
        value = getattr(pyboinc, name)
        yield f"## {name}\n\n```text\n{name}{_signature(value)}\n```\n\n{_text(inspect.getdoc(value))}"


def _hooks() -> Iterator[str]:
    for name, value in vars(hookspecs).items():
        if name.startswith("pyboinc_"):
            yield f"## {name}\n\n```text\n{name}{_signature(value)}\n```\n\n{_text(inspect.getdoc(value))}"


def _signature(value: object) -> str:
    try:
        return str(inspect.signature(value)).replace("'", "")  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""


def _text(doc: str | None) -> str:
    """A docstring as Markdown: what is indented is code, and two spaces part the entries of a list of names."""
    found: list[str] = []
    for line in (doc or "").replace("::\n", ":\n").splitlines():
        goes_on = line and found and found[-1] and not line.startswith(("    ", "- ")) and not found[-1].startswith("    ")
        found[-1:] = [f"{found[-1]} {line}"] if goes_on else [*found[-1:], line]
    return "\n".join(line if line.startswith("    ") else line.replace(".  ", ".  \n") for line in found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
