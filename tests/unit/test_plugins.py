"""Plugins come and go, and some are broken: each is named with its cause, and the rest goes on."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pyboinc import plugins
from pyboinc.plugins import PluginError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"
HEAD = "from pyboinc.hookspecs import hookimpl\n"
EXTENSION = HEAD + "@hookimpl\ndef pyboinc_comparators(): return {}\n"
BACKEND = (
    HEAD + "class Backend:\n"
    "    @hookimpl\n    def pyboinc_start_batch(self, batch): return 1\n"
    "    @hookimpl\n    def pyboinc_submit_jobs(self, batch, jobs): pass\n"
    "    @hookimpl\n    def pyboinc_wait(self, batch, timeout): pass\n"
)

BROKEN = {
    "import no_such_module": "ModuleNotFoundError: No module named 'no_such_module'",
    "1 / 0": "ZeroDivisionError: division by zero",
    "raise SystemExit('not here')": "SystemExit: not here",
    "def (": "SyntaxError: ",
    HEAD + "@hookimpl\ndef pyboinc_wait(batch, minutes): pass": "PluginValidationError: ",
    HEAD + "@hookimpl\ndef pyboinc_wiat(batch): pass": "unknown hook 'pyboinc_wiat'",
    "def pyboinc_comparators(): return {}": "PluginError: pyboinc_comparators is not marked with @pyboinc.hookspecs.hookimpl",
    HEAD + "class plugin:\n    def __init__(self): raise ValueError('no luck')": "ValueError: no luck",
    BACKEND[: BACKEND.rindex("    @hookimpl")] + "plugin = Backend": "PluginError: a backend must implement pyboinc_wait",
}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a plugin on the path as pip would: `install(name, source)`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    before = set(sys.modules)

    def put(name, source, attribute="", distribution=None):
        distribution = distribution or f"{name}-plugin"
        module = f"{distribution.replace('-', '_')}_module"
        information = tmp_path / f"{distribution.replace('-', '_')}-2.5.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.5\n")
        (information / "entry_points.txt").write_text(f"[pyboinc]\n{name} = {module}{attribute and ':' + attribute}\n")
        (tmp_path / f"{module}.py").write_text(source)

    yield put
    for name in set(sys.modules) - before:
        if name.endswith("_plugin_module"):
            del sys.modules[name]


def found(name):
    return {plugin.name: plugin for plugin in plugins.installed()}[name]


def test_an_extension_is_in_every_run(install):
    install("good", EXTENSION)
    assert (found("good").state, found("good").distribution, found("good").version) == ("extension", "good-plugin", "2.5")
    manager, broken = plugins.for_run("local")
    assert manager.has_plugin("good") and not broken
    assert {} in manager.hook.pyboinc_comparators()


@pytest.mark.parametrize("source", BROKEN)
def test_a_broken_plugin_is_named_with_its_cause_and_the_rest_goes_on(install, source):
    install("bad", source, "plugin" if "plugin" in source else "")
    install("good", EXTENSION)
    assert BROKEN[source] in found("bad").cause and found("bad").state.startswith("broken: ")
    for manager, broken in (plugins.for_run("local"), plugins.for_commands()):
        assert [plugin.name for plugin in broken] == ["bad"]
        assert manager.has_plugin("good") and manager.has_plugin("local") and not manager.has_plugin("bad")


def test_a_run_has_exactly_one_backend(install):
    install("mine", BACKEND, "Backend")
    assert found("mine").is_backend and found("local").is_backend
    for chosen, other in (("mine", "local"), ("local", "mine")):
        manager, _ = plugins.for_run(chosen)
        assert manager.has_plugin(chosen) and not manager.has_plugin(other)
        assert len(manager.hook.pyboinc_start_batch.get_hookimpls()) == 1


def test_each_run_has_an_instance_of_its_own(install):
    install("mine", BACKEND, "Backend")
    assert plugins.for_run("mine")[0].get_plugin("mine") is not plugins.for_run("mine")[0].get_plugin("mine")


def test_a_broken_backend_that_is_asked_for(install):
    install("bad", "1 / 0")
    with pytest.raises(PluginError, match=r"the backend 'bad' \(bad-plugin 2.5\) is broken: ZeroDivisionError: division by zero"):
        plugins.for_run("bad")


def test_an_unknown_backend(install):
    install("mine", BACKEND, "Backend")
    install("bad", "1 / 0")
    install("good", EXTENSION)
    for asked in ("mien", "good"):
        with pytest.raises(PluginError, match="no backend is called") as error:
            plugins.for_run(asked)
        listed = str(error.value).partition("installed are: ")[2].split(", ")
        assert {"mine", "local"} <= set(listed) and not {"bad", "good"} & set(listed)
    with pytest.raises(PluginError, match="did you mean 'mine'"):
        plugins.for_run("mien")


def test_an_extension_of_a_backends_name(install):
    """As pyboinc-boinc is before it runs jobs: to install it is no way on."""
    install("good", EXTENSION)
    with pytest.raises(PluginError, match=r"good-plugin 2\.5 is installed, but this version of it runs no jobs; installed are: .*local"):
        plugins.for_run("good")


def test_a_known_backend_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(plugins, "entry_points", lambda group: [])
    for name in ("local", "boinc"):
        with pytest.raises(PluginError, match=f"pip install pyboinc-{name}"):
            plugins.for_run(name)


def test_two_plugins_of_one_name(install):
    install("good", EXTENSION)
    install("good", EXTENSION, distribution="other-plugin")
    manager, [broken] = plugins.for_run("local")
    assert manager.has_plugin("good")
    assert "has a plugin of the same name" in broken.cause


def command(*arguments):
    code = "from pyboinc.cli import main; main()"
    environ = {**os.environ, "COLUMNS": "300", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environ)


def test_the_command_lists_them(install):
    install("good", EXTENSION)
    install("mine", BACKEND, "Backend")
    install("bad", "raise ValueError('[bold] no markup')")
    ran = command("plugins")
    assert ran.returncode == 0, ran.stderr
    rows = {line.split()[0]: " ".join(line.split()) for line in ran.stdout.splitlines() if line and not line.startswith(" ")}
    assert rows["good"] == "good good-plugin 2.5 comparators extension"
    assert rows["bad"] == "bad bad-plugin 2.5 broken: ValueError: [bold] no markup"
    assert rows["mine"].startswith("mine mine-plugin 2.5 start_batch") and rows["mine"].endswith("backend")
    assert "the plugin bad (bad-plugin 2.5) is left out: ValueError: [bold] no markup" in ran.stderr


def test_a_plugin_adds_a_command(install):
    """The extension that docs/plugins.md prints."""
    [source] = re.findall(r"^```python\n(# hello_plugin.py\n.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    install("hello", source)
    group = click.Group()
    plugins.for_commands()[0].hook.pyboinc_add_commands(group=group)
    assert "hello" in group.commands
    assert command("hello").stdout == "Hello, volunteers\n"
    assert "Greet the world." in command("--help").stdout


def test_a_run_says_which_are_left_out_and_goes_on(install, tmp_path):
    install("bad", "1 / 0")
    master = tmp_path / "app" / "app_master.py"
    master.parent.mkdir()
    master.write_text("from pyboinc import pyboinc_master\npyboinc_master(lambda: None, print)\nprint('done')\n")
    ran = subprocess.run([sys.executable, str(master)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert ran.returncode == 0 and ran.stdout == "done\n"
    assert "the plugin bad (bad-plugin 2.5) is left out: ZeroDivisionError: division by zero" in ran.stderr
