"""Imports the standard library and the slave's side of PyBOINC: what is not imported when the runtime is built is not in it."""

from __future__ import annotations

import pkgutil
import sys
import warnings

LEFT_OUT = frozenset(
    {
        # There is no network,
        *("ssl", "http", "ftplib", "imaplib", "poplib", "smtplib", "socketserver", "xmlrpc", "wsgiref", "webbrowser", "netrc", "mailbox"),
        # there are no other processes and threads,
        *("asyncio", "concurrent", "multiprocessing", "pty"),
        # nobody sits in front of it,
        *("antigravity", "this", "curses", "idlelib", "tkinter", "turtle", "turtledemo", "cmd", "code", "codeop", "getpass", "_pyrepl"),
        # and nobody develops programs in it.
        *("test", "tests", "unittest", "doctest", "pdb", "bdb", "pydoc", "pydoc_data", "profile", "cProfile", "trace", "pyclbr"),
        *("modulefinder", "compileall", "py_compile", "pickletools", "tabnanny", "ensurepip", "venv", "lib2to3", "zipapp", "sysconfig"),
        # These it has in C, and without a network nobody needs those.
        *("_pydecimal", "_pyio", "idna", "stringprep", "_aix_support", "_android_support", "_apple_support", "_osx_support", "__main__"),
    }
)
"""Names of modules and packages, at any depth. A volunteer loads what is in, so it is not for nothing."""


def import_all() -> dict[str, str]:
    """Import each module that can be imported; those that can't, and why."""
    missing: dict[str, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in [*sorted(sys.stdlib_module_names), "pyboinc"]:
            _import(name, missing)
    return missing


def _import(name: str, missing: dict[str, str]) -> None:
    if LEFT_OUT & {*name.split(".")}:
        return
    try:
        __import__(name)
    except BaseException as error:  # whatever a module of another system does
        missing[name] = f"{type(error).__name__}: {error}"
        return
    path = getattr(sys.modules[name], "__path__", None)
    if path is not None:
        for each in pkgutil.iter_modules(path, name + "."):
            _import(each.name, missing)
