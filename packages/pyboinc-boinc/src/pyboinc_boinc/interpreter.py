"""An interpreter that app versions ship: a CPython made small, as an archive that each system unpacks without Python.

Taken are the layouts of python-build-standalone (``python/install/`` or ``python/``) and a plain prefix such as ``/usr`` or
``~/.pyenv/versions/3.12.1``, as a folder or an archive. The result is a ``tar.gz``, since ``tar`` and ``gzip`` are all that
Linux, macOS and Windows 10 have in common: the tar of Windows 10 knows no xz. The same tree gives the same content.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping

from pyboinc.errors import PyBoincError

from .appversion import PLATFORMS, WINDOWS

MAX_SIZE = 1 << 30  # bytes, of a file in a tree
_NEVER = frozenset(
    {
        *("test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3"),
        *("pydoc_data", "__pycache__", "site-packages", "dist-packages", "venv", "distutils", "unittest"),
        *("xmlrpc", "wsgiref", "curses", "dbm", "sqlite3", "__phello__", "msilib"),
        *("Tools"),
    }
)
"""Folders of the standard library that a slave has no use for: tests, windows, installers, servers, databases."""
_NEVER_FILES = re.compile(
    r"turtle\.py|pydoc\.py|doctest\.py|pdb\.py|.*\.(a|lib|pdb|o|pc|chm|whl|exe)|(config-|lib(tcl|tk|sqlite|ssl|crypto|ncurses|readline|panel)).*|"
    r"_?(tkinter|sqlite3|curses|curses_panel|readline|test\w*|testcapi|testbuffer|xxtestfuzz|ssl|hashlib|dbm|gdbm|msi|ctypes_test)\."
    r"(.*\.)?(so|pyd|dll)|_test.*\.(so|pyd)|_ctypes_test.*|xxlimited.*|(sqlite3|tcl\d+t|tk\d+t|libcrypto-.*|libssl-.*)\.dll",
)
"""Modules that load OpenSSL, Tcl, SQLite or a terminal, and what only developers need. (hashlib has code of its own.)"""


class InterpreterError(PyBoincError):
    """This is no interpreter that can be shipped. The text says why."""


def pack(path: str, platform: str) -> bytes:
    """The archive for app versions of a platform. path: a folder, or a tar archive. Raises InterpreterError."""
    if platform not in PLATFORMS:
        raise InterpreterError(f"{platform!r}: the platforms are {', '.join(PLATFORMS)}")
    try:
        names, read = _folder(path) if os.path.isdir(path) else _archive(path)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise InterpreterError(f"{path} can't be read: {error}") from None
    chosen = (_of_windows if platform == WINDOWS else _of_unix)(names, path)
    buffer = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, buffer, mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, source in sorted(chosen.items()):
            try:
                data = read(source)
            except (OSError, KeyError, tarfile.TarError) as error:
                raise InterpreterError(f"{path}: {source} can't be read: {error}") from None
            if _is_needless(name, data, chosen, read):
                continue
            data = stripped(data)
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o755 if name.startswith("bin/") or re.search(r"\.(so|dylib|dll|pyd|exe)", name) else 0o644
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _of_unix(names: frozenset[str], path: str) -> dict[str, str]:
    """What is taken of the tree: name in the archive -> name in the tree."""
    for prefix in _prefixes(names, "lib/python3."):
        found = sorted(
            {m[1] for name in names if (m := re.fullmatch(re.escape(prefix) + r"lib/(python3\.\d+)/os\.py", name))}, key=_version
        )
        for library in reversed(found):
            program = f"{prefix}bin/{library}"
            if program in names:
                taken = {"bin/python3": program} | _standard_library(names, f"{prefix}lib/{library}/", f"lib/{library}/")
                shared = re.compile(re.escape(f"{prefix}lib/lib{library}") + r"[a-z]?(\.so\.1\.0|\.dylib)")
                return taken | {name[len(prefix) :]: name for name in names if shared.fullmatch(name)}
    raise InterpreterError(f"{path} holds no bin/python3.N with its lib/python3.N/os.py beside it")


def _of_windows(names: frozenset[str], path: str) -> dict[str, str]:
    for prefix in _prefixes(names, "Lib/os.py"):
        if f"{prefix}python.exe" in names:
            top = re.compile(re.escape(prefix) + r"(python\.exe|python3\d*\.dll|vcruntime\w*\.dll)", re.IGNORECASE)
            taken = {name[len(prefix) :]: name for name in names if top.fullmatch(name)}
            return taken | _standard_library(names, f"{prefix}Lib/", "Lib/") | _standard_library(names, f"{prefix}DLLs/", "DLLs/")
    raise InterpreterError(f"{path} holds no python.exe with its Lib/os.py beside it")


def _prefixes(names: frozenset[str], mark: str) -> list[str]:
    """Where in the tree an installation may begin, outermost first."""
    found = {name[: name.index(mark)] for name in names if name.endswith("os.py") and mark in name}
    return sorted((each for each in found if not each or each.endswith("/")), key=len)


def _version(name: str) -> tuple[int, ...]:
    """
    >>> _version("python3.12")
    (3, 12)
    """
    return tuple(map(int, re.findall(r"\d+", name)))


def _standard_library(names: frozenset[str], at: str, to: str) -> dict[str, str]:
    return {to + name[len(at) :]: name for name in names if name.startswith(at) and not _never(name[len(at) :])}


def _never(name: str) -> bool:
    *folders, file = name.split("/")
    return not _NEVER.isdisjoint(folders) or any(each.startswith("config-") for each in folders) or bool(_NEVER_FILES.fullmatch(file))


def _is_needless(name: str, data: bytes, chosen: Mapping[str, str], read: Callable[[str], bytes]) -> bool:
    """Is it the shared library of an interpreter that has all of it in its program, or a module that another file replaces?"""
    library = re.fullmatch(r"lib/(libpython3.*)", name)
    return bool(library) and library[1].encode() not in read(chosen["bin/python3"]) if library else False


def stripped(data: bytes) -> bytes:
    """A program or library of Linux without what debuggers want, if this computer's ``strip`` knows its processor."""
    strip = shutil.which("strip")
    if not strip or not data.startswith(b"\x7fELF"):
        return data
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file")
        with open(path, "wb") as file:
            file.write(data)
        done = subprocess.run([strip, "--strip-unneeded", path], capture_output=True, check=False)
        with open(path, "rb") as file:
            return file.read() if done.returncode == 0 else data


def _folder(path: str) -> tuple[frozenset[str], Callable[[str], bytes]]:
    """The names of the files below a folder, as far as an installation reaches, and how to read one."""
    root = os.path.realpath(path)

    def walk() -> Iterator[str]:
        for folder, folders, files in os.walk(root):
            inside = os.path.relpath(folder, root).replace(os.sep, "/")
            depth = 0 if inside == "." else inside.count("/") + 1
            folders[:] = [
                each for each in folders if each not in _NEVER and (depth > 3 or each not in ("share", "include", "src", "local"))
            ]
            if inside == "lib" and not any(each.startswith("python3.") for each in folders):
                folders[:] = []
            elif inside == "lib":
                folders[:] = [each for each in folders if each.startswith("python3.")]
            yield from (f"{inside}/{each}".removeprefix("./") for each in files)

    def read(name: str) -> bytes:
        with open(os.path.join(root, name), "rb") as file:
            return file.read(MAX_SIZE)

    return frozenset(walk()), read


def _archive(path: str) -> tuple[frozenset[str], Callable[[str], bytes]]:
    """The same of a tar archive, compressed by anything that this Python can read."""
    with tarfile.open(path) as tar:
        contents = {}
        links = {}
        for member in tar:
            name = member.name.removeprefix("./")
            if member.isfile():
                file = tar.extractfile(member)
                contents[name] = file.read(MAX_SIZE) if file else b""
            elif member.issym():
                links[name] = os.path.normpath(os.path.join(os.path.dirname(name), member.linkname)).replace(os.sep, "/")
            elif member.islnk():
                links[name] = member.linkname.removeprefix("./")
    for name, target in links.items():
        for _ in range(10):
            target = links.get(target, target)
        if target in contents:
            contents[name] = contents[target]
    return frozenset(contents), contents.__getitem__
