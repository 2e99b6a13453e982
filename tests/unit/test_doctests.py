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
MODULES = [name for name in NAMES if sys.platform == "win32" or not name.endswith("_windows")]  # these are imported there only


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
