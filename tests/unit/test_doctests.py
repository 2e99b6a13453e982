"""The examples in docstrings give what they say."""

import doctest
import importlib
import pkgutil
import sys

import pytest

import pyboinc
import pyboinc_boinc
import pyboinc_local

PACKAGES = (pyboinc, pyboinc_boinc, pyboinc_local)
NAMES = [module.name for package in PACKAGES for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
ELSEWHERE = ("pyboinc.wasm.guest.app", *(() if sys.platform == "win32" else ("_windows",)))  # these are imported only there
MODULES = [name for name in NAMES if not name.endswith(ELSEWHERE)]


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
