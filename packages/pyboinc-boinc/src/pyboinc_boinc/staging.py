"""Input files in the project's download hierarchy, from where hosts fetch them, and templates.

Files are written in place, without a sync: a job is made once its files are there, and when a batch is resumed the files of
its open jobs are looked at again (`Staging.put`), which mends what a power cut has taken.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator

from pyboinc.bundle import Program
from pyboinc.errors import PyBoincError
from pyboinc.model import Job

from .hierarchy import folder_of
from .project import Project
from .templates import FOLDER, Template

_MODE = 0o664  # the web server reads them, whatever the umask


def program_name(batch: int, program: Program) -> str:
    """The program's file: the batch's own, so that it goes when the batch is retired.

    >>> program_name(7, Program("s.py", b"", "ab" * 32, (), ()))
    'pyboinc_7_abababababababababababababababab.zip'
    """
    return f"pyboinc_{batch}_{program.sha256[:32]}.zip"


def input_name(job: Job) -> str:
    """The job's input file."""
    return f"{job.name}.in"


class Staging:
    """The download hierarchy and the templates of a project."""

    def __init__(self, project: Project) -> None:
        config = project.config
        self._templates = project.path(FOLDER)
        self._project = project.folder
        self._root = project.path(config.download_dir)
        self._fanout = config.fanout
        self._with_md5 = config.flag("cache_md5_info")
        self._folders: set[str] = set()

    def put(self, name: str, data: bytes) -> None:
        """The file is there, with this content. Raises PyBoincError if it can't be written."""
        with _refusals():
            folder = self._folder(name)
            path = f"{folder}/{name}"
            _write(path, data)
            if self._with_md5:  # create_work believes it, and computes nothing, as long as it is not older than the file
                digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
                _write(f"{path}.md5", f"{digest} {len(data)}\n".encode())

    def remove(self, name: str) -> None:
        """The file is gone."""
        path = os.path.join(self._root, folder_of(self._fanout, name), name)
        with _refusals():
            for each in (path, f"{path}.md5"):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(each)

    def put_template(self, template: Template) -> None:
        """The template is there. At once and for good: BOINC reads it whenever it makes a result."""
        path = os.path.join(self._project, template.path)
        with _refusals():
            if _read(path) == template.content:
                return
            temporary = os.path.join(self._templates, f".{os.path.basename(path)}.{os.getpid()}")
            _write(temporary, template.content, sync=True)
            os.replace(temporary, path)

    def remove_template(self, path: str) -> None:
        """One of ours, by its path from the project's folder."""
        if os.path.dirname(path) == FOLDER and os.path.basename(path).startswith("pyboinc_"):
            with _refusals(), contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(self._project, path))

    def _folder(self, name: str) -> str:
        folder = f"{self._root}/{folder_of(self._fanout, name)}"
        if folder not in self._folders:
            os.makedirs(folder, exist_ok=True)
            self._folders.add(folder)
        return folder


def _write(path: str, data: bytes, sync: bool = False) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    except FileExistsError:
        if _read(path) == data:
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fchmod(descriptor, _MODE)
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or "the project's folder"
        raise PyBoincError(f"{where}: {error.strerror}. Whoever submits jobs must be able to write there: see `pyboinc doctor`") from error
