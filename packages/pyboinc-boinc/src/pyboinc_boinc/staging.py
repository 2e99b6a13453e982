"""Input files in the project's download hierarchy, from where hosts fetch them, and templates.

Files that we have made are written in place, and are there for good before jobs are made of them (`Staging.settle`). When a batch
is resumed the files of its open jobs are looked at again (`Staging.put`). A user's data file may be large and belong to other
batches, too: it is there whole, or not at all (`Staging.put_data`). What a killed process has left of one goes when a later run
stages another.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import time
from collections.abc import Iterator
from typing import BinaryIO

from pyboinc.bundle import Program
from pyboinc.errors import PyBoincError
from pyboinc.model import Attachment, Job

from .hierarchy import folder_of
from .project import Project
from .templates import FOLDER, Template

_MODE = 0o664  # the web server reads them, whatever the umask
_LEFT = 3600.0  # seconds without a further byte, after which nobody writes a data file any more: it may be another computer's process


def program_name(batch: int, program: Program) -> str:
    """The program's file: the batch's own, so that it goes when the batch is retired.

    >>> program_name(7, Program("s.py", b"", "ab" * 32, (), ()))
    'pyboinc_7_abababababababababababababababab.zip'
    """
    return f"pyboinc_{batch}_{program.sha256[:32]}.zip"


def input_name(job: Job) -> str:
    """The job's input file."""
    return input_of(job.name)


def input_of(job: str) -> str:
    return f"{job}.in"


class Staging:
    """The download hierarchy and the templates of a project."""

    def __init__(self, project: Project) -> None:
        config = project.config
        self._project = project.folder
        self._root = project.path(config.download_dir)
        self._fanout = config.fanout
        self._with_md5 = config.flag("cache_md5_info")
        self._folders: set[str] = set()
        self._has_swept = False
        self._is_settled = True

    def put(self, name: str, data: bytes) -> None:
        """The file is there, with this content. Raises PyBoincError if it can't be written."""
        self._is_settled = False
        with _refusals():
            folder = self._folder(name)
            path = f"{folder}/{name}"
            _write(path, data)
            if self._with_md5:  # create_work believes it, and computes nothing, as long as it is not older than the file
                digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
                _write(f"{path}.md5", f"{digest} {len(data)}\n".encode())

    def put_data(self, attached: Attachment) -> None:
        """The data file is there. Raises PyBoincError if it is not what it was when its calls were made."""
        self._is_settled = False
        with _refusals():
            path = f"{self._folder(attached.file_name)}/{attached.file_name}"
            if all(map(os.path.exists, [path, f"{path}.md5"] if self._with_md5 else [path])):
                return  # the name says what is in it
            self._sweep()
            try:
                source = open(attached.path, "rb")  # noqa: SIM115
            except OSError as error:
                raise PyBoincError(f"data file {attached.path}: {error.strerror}") from None
            with source, _whole(path) as target:
                digest = _copy(source, target, attached)
            if self._with_md5:
                with _whole(f"{path}.md5") as target:
                    target.write(f"{digest} {attached.size}\n".encode())

    def _sweep(self) -> None:
        """Remove what is left of data files by processes that were killed. Once a run: it looks through all folders."""
        if self._has_swept:
            return
        self._has_swept = True
        for path in glob.iglob(f"{glob.escape(self._root)}/*/.data_*"):
            with contextlib.suppress(OSError):  # somebody else's, or somebody else has done it
                if os.path.getmtime(path) < time.time() - _LEFT:
                    os.remove(path)

    def settle(self) -> None:
        """No power cut takes what was put. One sync for all of it: one for each file takes ten times as long and more."""
        if not self._is_settled:
            os.sync()
            self._is_settled = True

    def remove(self, name: str) -> None:
        """The file is gone."""
        path = os.path.join(self._root, folder_of(self._fanout, name), name)
        with _refusals():
            for each in (path, f"{path}.md5"):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(each)

    def jobs(self, batch: int, token: str) -> list[str]:
        """Names of the batch's jobs whose input files are there."""
        inputs = glob.iglob(f"{glob.escape(self._root)}/*/pyboinc_{batch}_{token}_*.in")
        return [os.path.basename(path).removesuffix(".in") for path in inputs]

    def put_template(self, template: Template) -> None:
        """The template is there. At once and for good: BOINC reads it whenever it makes a result."""
        path = os.path.join(self._project, template.path)
        with _refusals():
            if _read(path) != template.content:
                with _whole(path) as file:
                    file.write(template.content)

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


def _write(path: str, data: bytes) -> None:
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
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _whole(path: str) -> Iterator[BinaryIO]:
    """To write a file that is there whole and for good after the block, or not at all."""
    folder, name = os.path.split(path)
    temporary = f"{folder}/.{name}.{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), _MODE)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)


def _copy(source: BinaryIO, target: BinaryIO, attached: Attachment) -> str:
    """Copy a data file; its MD5 in hexadecimal. Raises PyBoincError if it has changed."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    while block := source.read(1 << 20):
        md5.update(block)
        sha256.update(block)
        target.write(block)
    if sha256.hexdigest() != attached.sha256:
        raise PyBoincError(f"data file {attached.path}: it has changed since its calls were made")
    return md5.hexdigest()


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
