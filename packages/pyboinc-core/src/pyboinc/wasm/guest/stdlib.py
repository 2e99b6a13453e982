"""The standard library and PyBOINC in the runtime, where there are no files: what slaves use most is loaded, all else is kept compiled.

A volunteer downloads what is in, so it is not for nothing: a module that is loaded takes three times the room of its code.
"""

from __future__ import annotations

import marshal
import os
import sys
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, spec_from_loader
from types import CodeType, ModuleType

import pyboinc

LEFT_OUT = frozenset(
    {
        # There is no network,
        *("ssl", "ftplib", "imaplib", "poplib", "smtplib", "xmlrpc", "wsgiref", "webbrowser", "netrc", "mailbox"),
        # there are no time zones, no other processes and threads,
        *("zoneinfo", "asyncio", "multiprocessing", "pty"),
        # nobody sits in front of it,
        *("antigravity", "this", "curses", "idlelib", "tkinter", "turtle", "turtledemo", "cmd", "code", "getpass", "_pyrepl"),
        # and nobody develops programs in it.
        *("test", "tests", "unittest", "doctest", "pdb", "bdb", "pydoc", "pydoc_data", "profile", "cProfile", "trace", "pyclbr"),
        *("modulefinder", "compileall", "py_compile", "pickletools", "tabnanny", "ensurepip", "venv", "lib2to3", "zipapp"),
        # These it has in C, and without a network nobody needs those.
        *("_pydecimal", "_pyio", "idna", "stringprep", "_aix_support", "_android_support", "_apple_support", "_osx_support", "__main__"),
    }
)
"""Names of modules and packages, at any depth. No other module needs one of these to be imported."""

LOADED = (
    *("array", "bisect", "cmath", "collections.abc", "copy", "csv", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools"),
    *("hashlib", "heapq", "io", "itertools", "json", "math", "operator", "pickle", "random", "re", "statistics", "string", "struct"),
    *("textwrap", "time", "typing", "zlib"),
)
"""What is there at once, and what these import."""


class Library(MetaPathFinder, InspectLoader):
    """Imports from code that it holds."""

    def __init__(self) -> None:
        self._code: dict[str, tuple[str, bytes]] = {}

    def add(self, name: str, path: str) -> None:
        """Keep the module whose source is in this file."""
        with open(path, "rb") as file:
            source = decode_source(file.read())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(source, path, "exec", dont_inherit=True)
        self._code[name] = path, marshal.dumps(code)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in self._code:
            return None
        spec = spec_from_loader(name, self, origin=self._code[name][0])
        assert spec is not None
        spec.has_location = True  # it has __file__, as ever
        return spec

    def is_package(self, fullname: str) -> bool:
        return self._code[fullname][0].endswith("/__init__.py")

    def get_code(self, fullname: str) -> CodeType:
        return marshal.loads(self._code[fullname][1])  # type: ignore[no-any-return]

    def get_source(self, fullname: str) -> str | None:
        return None


def keep_all() -> None:
    """Load what is in `LOADED`, and keep the rest."""
    library = Library()
    home = os.path.dirname(textwrap.__file__)  # os is frozen, and in no file
    for name, path in (*_modules(home), *_modules(os.path.dirname(pyboinc.__file__), "pyboinc.")):
        if name not in LOADED and name not in sys.modules and not LEFT_OUT & {*name.split(".")}:
            library.add(name, path)
    for name in LOADED:
        __import__(name)
    sys.meta_path.append(library)


def _modules(folder: str, package: str = "") -> Iterator[tuple[str, str]]:
    for entry in sorted(os.listdir(folder)):
        path = f"{folder}/{entry}"
        stem, ending = os.path.splitext(entry)
        if ending == ".py" and stem != "__init__":
            yield package + stem, path
        elif os.path.exists(f"{path}/__init__.py"):
            yield package + entry, f"{path}/__init__.py"
            yield from _modules(path, f"{package}{entry}.")
