"""The examples in docstrings give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import pyboinc
import pyboinc_boinc
import pyboinc_local

PACKAGES = (pyboinc, pyboinc_boinc, pyboinc_local)
MODULES = [module.name for package in PACKAGES for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
