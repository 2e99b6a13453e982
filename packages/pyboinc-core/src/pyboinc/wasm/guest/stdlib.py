"""Imports the standard library: what is not imported when the runtime is built is not there when it runs."""

from __future__ import annotations

import pkgutil
import sys
import warnings

LEFT_OUT = frozenset(
    {
        *("antigravity", "this", "idlelib", "lib2to3", "tkinter", "turtle", "turtledemo", "test"),
        *("ensurepip", "venv", "pydoc_data", "_pyrepl"),
        *("__main__", "tests"),  # at any depth
    }
)


def import_all() -> dict[str, str]:
    """Import each module that can be imported; those that can't, and why."""
    missing: dict[str, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in sorted(sys.stdlib_module_names):
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
