"""A database in a container, and on it a project whose server is a stand-in."""

import contextlib
import os
import sys
from itertools import count
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import database as containers
from standin.project import Project

_numbers = count(1)


@pytest.fixture(scope="session")
def database():
    """The database's server."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(containers.engine())
        except RuntimeError as error:
            if os.environ.get("PYBOINC_NEEDS_DATABASE"):
                raise
            pytest.skip(str(error))
        containers.sweep()
        made = containers.Database(containers.image())
        try:
            made.wait()
            yield made
        finally:
            made.remove()


@pytest.fixture(scope="session")
def make_project(database, tmp_path_factory):
    """Makes projects that `pyboinc setup` has set up."""
    made = []

    def make():
        project = Project(tmp_path_factory.mktemp("project"), database.server, f"boinc_{next(_numbers)}")
        made.append(project)
        project.setup()
        return project

    yield make
    for project in made:
        project.close()


@pytest.fixture(scope="session")
def project(make_project):
    """One whose server and assimilator run."""
    made = make_project()
    made.start("server")
    made.assimilator = made.start("assimilator")
    return made
