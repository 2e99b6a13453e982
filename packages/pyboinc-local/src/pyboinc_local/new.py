"""``pyboinc new``: a program to begin with, and tests that it passes."""

from __future__ import annotations

import os
import re
from importlib.resources import files

import click

from pyboinc.errors import PyBoincError

FILES = {
    "app_types.py": "app_types.py",
    "app_slave.py": "app_slave.py",
    "app_master.py": "app_master.py",
    "test_app.py": "test_app.py",
    "README.md": "README.md",
    "pyproject.toml": "pyproject.toml",
    "gitignore": ".gitignore",
}
"""Files of ``skeleton``, and their names in the new folder."""


@click.command()
@click.argument("folder", metavar="NAME")
def new(folder: str) -> None:
    """Make the folder NAME with a program that works.

    Three short files that compute something, a README that says what they do, and tests that run them on this computer and
    compare platforms. Replace what it computes by your own.
    """
    path = os.path.abspath(folder)
    name = os.path.basename(path)
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        raise PyBoincError(f"{name!r} is no name for a program: letters, digits, '-', '_' and '.', with a letter or digit at both ends")
    try:
        os.makedirs(path)
    except FileExistsError:
        raise PyBoincError(f"{path} is there already: choose another name, or move it away") from None
    except OSError as error:
        raise PyBoincError(f"{error.filename}: {error.strerror}") from None
    for source, target in FILES.items():
        text = (files(__package__) / "skeleton" / source).read_text("utf-8")
        with open(os.path.join(path, target), "w", encoding="utf-8", newline="\n") as file:
            file.write(text.replace("NAME", name))
    click.echo(f"{folder} is there. Now:\n  cd {folder}\n  python app_master.py\n  pytest")
