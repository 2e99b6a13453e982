"""Changes of a project's files, all or none: a failure half-way, of this process or of the computer, leaves the project as it was.

Before anything is touched, a backup stands beside each file that gets another content (``config.xml.backup-1``, readable by its
owner alone), and ``pyboinc_undo`` in the project's folder says how each step is undone. Each file is replaced at once. An
undo file that is found later belongs to a process that died: `recover` undoes what it names.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from pyboinc.errors import PyBoincError
from pyboinc.ports import Disk, FileSystem, arrive, make_lasting_folder

from .project import Create, Mode, Remove, Replace, Step

UNDO, LOCK = "pyboinc_undo", "pyboinc_lock"
FORMAT = 1


class TransactionError(PyBoincError):
    """The project was not changed, and the text says why."""


class ProjectFiles(FileSystem, Protocol):
    """A file system with permissions, as a project's folder needs it."""

    def mode(self, path: str) -> int:
        """Permission bits."""

    def set_mode(self, path: str, mode: int) -> None: ...

    def take_after(self, path: str, model: str) -> None:
        """Give a file the group, the mode and the access list of another one."""

    def is_mine(self, path: str) -> bool:
        """Whether it belongs to the user of this process."""


class ProjectDisk(Disk):
    """The computer's."""

    def mode(self, path: str) -> int:
        return stat.S_IMODE(os.stat(path).st_mode)

    def set_mode(self, path: str, mode: int) -> None:
        os.chmod(path, mode)

    def take_after(self, path: str, model: str) -> None:
        like = os.stat(model)
        if os.stat(path).st_gid != like.st_gid:
            os.chown(path, -1, like.st_gid)
        os.chmod(path, stat.S_IMODE(like.st_mode))
        with contextlib.suppress(OSError):  # a file system without them, or one that is not ours to set
            for name in os.listxattr(model):
                os.setxattr(path, name, os.getxattr(model, name))

    def rename(self, source: str, target: str) -> None:
        super().rename(source, os.path.realpath(target))  # a config.xml that is a link stays one

    def is_mine(self, path: str) -> bool:
        return os.stat(path).st_uid == os.geteuid()


def commit(fs: ProjectFiles, folder: str, steps: list[Step], then: Callable[[], None] | None = None) -> list[str]:
    """Do the steps; the backups that were made. Raises TransactionError, and then the project is as it was.

    then: what else must succeed, done last. If it raises, the steps are undone and its exception goes on.
    """
    if not steps and then is None:
        return []
    with _held(fs, folder):
        _recover(fs, folder)
        for step in steps:
            _check(fs, step)
        backups: list[str] = []
        undo: list[list[Any]] = []
        try:
            for step in steps:
                undo.append(_prepare(fs, step, backups))
            arrive(fs, folder, UNDO, json.dumps({"format": FORMAT, "steps": undo}).encode())
            for step in steps:
                _do(fs, step)
            if then:
                then()
            fs.remove(os.path.join(folder, UNDO))
        except (Exception, KeyboardInterrupt) as error:
            _recover(fs, folder)
            for backup in backups:  # of a failure before there was an undo file
                _remove_if_there(fs, backup)
            if isinstance(error, OSError):
                raise TransactionError(f"nothing was changed: {error.filename or folder}: {error.strerror}") from error
            raise
        fs.sync_folder(folder)
        return backups


def is_unfinished(fs: FileSystem, folder: str) -> bool:
    """Whether a process died while it changed the project."""
    return fs.exists(os.path.join(folder, UNDO))


def recover(fs: ProjectFiles, folder: str) -> bool:
    """Undo what a process that died has left half done; whether there was anything. Raises TransactionError."""
    if not is_unfinished(fs, folder):
        return False
    with _held(fs, folder):
        return _recover(fs, folder)


@contextlib.contextmanager
def _held(fs: ProjectFiles, folder: str) -> Iterator[None]:
    """The lock, for the project's owner alone: files that somebody else makes would not be the project's."""
    try:
        if not fs.is_mine(folder):
            raise TransactionError(f"{folder} belongs to another user: run this command as its owner")
        lock = fs.lock(os.path.join(folder, LOCK))
    except OSError as error:
        raise TransactionError(f"nothing was changed: {error.filename or folder}: {error.strerror}") from error
    if lock is None:
        raise TransactionError(f"another pyboinc is changing {folder} now")
    try:
        yield
    finally:
        lock.release()


def _check(fs: ProjectFiles, step: Step) -> None:
    """Is the file still what the step was planned for?"""
    try:
        if isinstance(step, Create):
            if fs.exists(step.path):
                raise TransactionError(f"nothing was changed: {step.path} is there already. Run the command again")
            return
        if not fs.is_mine(step.path):
            raise TransactionError(f"nothing was changed: {step.path} belongs to another user than its folder: chown it first")
        expected = step.old if isinstance(step, Replace) else step.data if isinstance(step, Remove) else None
        if expected is not None and fs.read(step.path) != expected:
            raise TransactionError(f"nothing was changed: somebody else has just changed {step.path}. Run the command again")
    except OSError as error:
        raise TransactionError(f"nothing was changed: {step.path}: {error.strerror}") from error


def _prepare(fs: ProjectFiles, step: Step, backups: list[str]) -> list[Any]:
    """How the step is undone, as it stands in the undo file."""
    if isinstance(step, Create):
        return ["create", step.path, _missing_folders(fs, step.path)]
    mode = fs.mode(step.path)
    if isinstance(step, Mode):
        return ["mode", step.path, mode]
    if isinstance(step, Remove):
        return ["remove", step.path, step.data.hex(), mode]
    backup = _free_name(fs, step.path)
    backups.append(backup)
    _write_as(fs, backup, step.old, lambda: fs.set_mode(backup, mode & (stat.S_IRUSR | stat.S_IWUSR)))
    fs.sync_folder(os.path.dirname(backup))
    return ["replace", step.path, backup]


def _do(fs: ProjectFiles, step: Step) -> None:
    if isinstance(step, Replace):
        _put(fs, step.path, step.new)
    elif isinstance(step, Mode):
        fs.set_mode(step.path, step.mode)
    elif isinstance(step, Create):
        make_lasting_folder(fs, os.path.dirname(step.path))
        _put(fs, step.path, step.data, lambda temporary: fs.set_mode(temporary, step.mode))
    else:
        fs.remove(step.path)
        fs.sync_folder(os.path.dirname(step.path))


def _recover(fs: ProjectFiles, folder: str) -> bool:
    path = os.path.join(folder, UNDO)
    if not fs.exists(path):
        return False
    if not fs.is_mine(path):
        raise TransactionError(f"{path} belongs to another user, and what it says is not to be trusted: look at it, then remove it")
    try:
        journal = json.loads(fs.read(path))
        if journal["format"] != FORMAT:
            raise ValueError(f"{path} has format {journal['format']}, of another version of PyBOINC")
        undo = journal["steps"]
        for kind, target, *state in reversed(undo):
            _undo(fs, kind, target, *state)
        for kind, target, *state in undo:
            if kind == "replace":
                _remove_if_there(fs, state[0])
                _remove_if_there(fs, _temporary(target))
        fs.remove(path)
        fs.sync_folder(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        text = f"a change that was not finished could not be undone: mend this and run the command again: {error}"
        raise TransactionError(text) from error
    return True


def _undo(fs: ProjectFiles, kind: str, target: str, *state: Any) -> None:
    """Again is harmless."""
    if kind == "replace":
        if fs.exists(state[0]):  # gone: undone before
            data = fs.read(state[0])
            if fs.read(target) != data:
                _put(fs, target, data)
    elif kind == "mode":
        fs.set_mode(target, state[0])
    elif kind == "create":
        for path in (_temporary(target), target):
            _remove_if_there(fs, path)
        for made in state[0]:
            if fs.exists(made) and not fs.listdir(made):
                fs.remove(made)
    elif not fs.exists(target):
        _put(fs, target, bytes.fromhex(state[0]), lambda temporary: fs.set_mode(temporary, state[1]))


def _put(fs: ProjectFiles, path: str, data: bytes, permit: Callable[[str], None] | None = None) -> None:
    """Another content for a file, at once; group and permissions are the old ones unless permit gives others."""
    temporary = _temporary(path)
    try:
        _write_as(fs, temporary, data, lambda: permit(temporary) if permit else fs.take_after(temporary, path))
        fs.rename(temporary, path)
    except OSError:
        _remove_if_there(fs, temporary)
        raise
    fs.sync_folder(os.path.dirname(path))


def _temporary(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.pyboinc")


def _write_as(fs: ProjectFiles, path: str, data: bytes, permit: Callable[[], None]) -> None:
    """Write a file that has its permissions before it has its content: a password is never there for everybody."""
    fs.write(path, b"")
    permit()
    fs.write(path, data)


def _missing_folders(fs: ProjectFiles, path: str) -> list[str]:
    """Those above the path that are not there, the deepest first."""
    missing = []
    while not fs.exists(path := os.path.dirname(path)):
        missing.append(path)
    return missing


def _free_name(fs: ProjectFiles, path: str) -> str:
    folder, name = os.path.split(path)
    matches = (re.fullmatch(rf"{re.escape(name)}\.backup-(\d+)", each) for each in fs.listdir(folder))
    return f"{path}.backup-{max((int(match[1]) for match in matches if match), default=0) + 1}"


def _remove_if_there(fs: ProjectFiles, path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        fs.remove(path)
