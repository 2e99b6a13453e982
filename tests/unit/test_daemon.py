"""The shell around daemons: its words, how it ends, and where it gets its database."""

import os
import signal
from dataclasses import replace
from unittest.mock import MagicMock

import pytest

from pyboinc import daemon, plugins
from pyboinc.errors import PyBoincError, StoreError
from pyboinc.hookspecs import hookimpl
from pyboinc.plugins import Plugin, manager_of
from pyboinc.testing import ManualClock


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "config.xml").write_text("<boinc><config></config></boinc>")
    (tmp_path / "tmp_host").mkdir()
    monkeypatch.chdir(tmp_path / "tmp_host")  # where bin/start starts daemons
    monkeypatch.delenv(daemon.FOLDER_VARIABLE, raising=False)
    return tmp_path


@pytest.fixture
def store(monkeypatch):
    """What the one installed plugin opens."""
    opened = MagicMock()

    class Opener:
        @hookimpl
        def pyboinc_open_store(self, project_dir, clock):
            opened.project = project_dir
            return opened

    manager = manager_of([Plugin("opener", "", "", Opener)])
    monkeypatch.setattr(plugins, "for_commands", lambda: (manager, []))
    return opened


@pytest.fixture(autouse=True)
def _signals():
    before = {each: signal.getsignal(each) for each in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def words(*argv):
    return daemon.read_words("pyboinc-x", "", ["--app", "app", *argv])


def test_boincs_words(project):
    read = daemon.read_words("x", "", ["-d", "3", "-app", "a", "-mod", "4", "3", "--one_pass", "--sleep_interval", "7", "--wu_id", "9"])
    assert replace(read, own=None) == daemon.Words("a", 3, 4, 3, True, 7.0, 9, False, str(project), None)
    assert words("--dry_run").one_pass, "a dry run does not repeat itself"
    assert words("-p", "/elsewhere").project == "/elsewhere"
    for wrong in (["--mod", "0", "0"], ["--mod", "2", "2"], ["--no_such_word"], ["-d", "much"]):
        with pytest.raises(PyBoincError):
            words(*wrong)


def test_outside_of_a_project_it_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PyBoincError, match=r"config\.xml"):
        words()


def test_without_a_plugin_that_opens_databases_the_package_is_named(monkeypatch):
    monkeypatch.setattr(plugins, "for_commands", lambda: (manager_of([]), []))
    with pytest.raises(StoreError, match="pip install pyboinc-boinc"):
        daemon.open_store("/project", ManualClock())


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGTERM, "stop_daemons"])
def test_it_ends_cleanly(project, store, how):
    passes = []

    def make_pass():
        passes.append(1)
        if len(passes) == 2:
            if how == "stop_daemons":
                (project / how).touch()
            else:
                os.kill(os.getpid(), how)
            return False  # it goes to sleep, and is woken
        return True

    assert daemon.main("pyboinc-x", "", lambda *_: make_pass, ["--app", "a", "--sleep_interval", "60"]) == 0
    assert len(passes) == 2 and store.close.called and store.project == str(project)


def test_one_pass(project, store):
    passes = []
    assert daemon.main("pyboinc-x", "", lambda *_: lambda: bool(passes.append(1)), ["--app", "a", "--one_pass"]) == 0
    assert len(passes) == 1


def test_the_hook_is_asked_by_its_name(store):
    [manager] = [plugins.for_commands()[0]]
    assert manager.hook.pyboinc_open_store(project_dir="/project", clock=ManualClock()) is store
