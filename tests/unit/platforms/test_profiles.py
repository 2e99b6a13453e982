"""Platforms by their names, those of plugins too."""

import math

import pytest

from pyboinc.hookspecs import hookimpl
from pyboinc.plugins import Plugin, for_commands, manager_of
from pyboinc_local import platforms
from pyboinc_local.platforms import profiles


def test_a_platform_has_all_of_math():
    musl = platforms.load("linux-musl")
    public = {name for name in vars(math) if not name.startswith("_")}
    assert public - set(vars(musl.math)) <= {"fma"}  # its Python is 3.12
    assert musl.math.exp(1.0) == math.e
    assert musl is platforms.load("linux-musl")


def test_an_unknown_platform_is_refused_with_the_nearest():
    with pytest.raises(platforms.PlatformError, match="did you mean 'linux-musl'"):
        platforms.load("linux-muls")


@pytest.fixture
def plugin(monkeypatch):
    """The hook pyboinc_platforms of the plugins of this test, as a list to fill."""
    given = []

    class Some:
        def __init__(self, factories):
            self.factories = factories

        @hookimpl
        def pyboinc_platforms(self):
            return self.factories

    def for_commands():
        return manager_of([Plugin(f"some-{n}", "", "", Some(factories)) for n, factories in enumerate(given)]), []

    monkeypatch.setattr(profiles.plugins, "for_commands", for_commands)
    profiles._factories.cache_clear()
    yield given
    profiles._factories.cache_clear()


def test_the_hook_brings_the_platforms_of_pyboinc():
    assert set(for_commands()[0].hook.pyboinc_platforms()[0]) == set(platforms.names())


def test_a_plugin_brings_a_platform(plugin):
    plugin.append({"abacus": lambda python=(3, 12): ("abacus", python)})
    assert platforms.names() == ["abacus"]
    profiles.load.cache_clear()
    assert platforms.load("abacus", (3, 11)) == ("abacus", (3, 11))


def test_two_plugins_with_one_name_are_refused(plugin):
    plugin.extend([{"abacus": dict}, {"abacus": dict}])
    with pytest.raises(platforms.PlatformError, match="two plugins"):
        platforms.names()
