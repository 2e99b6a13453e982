"""Which app a batch may use."""

from dataclasses import replace

import pytest

from pyboinc.model import JobSettings, SettingsError
from pyboinc_boinc.apps import AppRow, Need, choose, offered, with_quorum
from pyboinc_boinc.project import ProjectError, applied
from pyboinc_boinc.setup import Records, Wanted, WantedApp, plan

PLAIN = AppRow(1, "pyboinc", version=100)
ALIKE = AppRow(2, "alike", hr=1, version=100, bitwise=False)
TRUSTED = AppRow(3, "trusted", adaptive=2, version=100)
APPS = [PLAIN, ALIKE, TRUSTED]


def test_the_first_app_unless_another_is_named():
    assert choose(APPS, Need()) is PLAIN
    assert choose(APPS, Need(), "trusted") is TRUSTED
    assert choose(APPS, Need(hr="fine", adaptive=False), "alike") is ALIKE
    assert choose(APPS, Need("none", False)) is PLAIN


@pytest.mark.parametrize(
    ("need", "text"),
    [
        (Need(hr="fine"), r"pyboinc: homogeneous redundancy is none there, not fine\. The app alike has it: app = 'alike' under \[boinc\]"),
        (Need(adaptive=True), "replication is not adaptive there. The app trusted has it"),
        (Need(comparator="ulp:4"), "compares bytes, and the batch's comparator is ulp:4. The app alike has it"),
        (Need(quorum=1), "BOINC's, would believe .* quorum is 1. The app alike or trusted has it: .* Or quorum = 2 under"),
        (Need(quorum=1, hr="coarse"), "pyboinc setup -p PROJECT_DIR --app NAME --hr coarse --quorum 1$"),
        (Need(hr="coarse", adaptive=True), "pyboinc setup -p PROJECT_DIR --app NAME --hr coarse --adaptive 2"),
    ],
)
def test_a_batch_is_refused_with_the_app_that_would_do(need, text):
    with pytest.raises(ProjectError, match=text):
        choose(APPS, need)


def test_an_app_that_is_not_there_or_not_ready():
    with pytest.raises(ProjectError, match="did you mean 'alike'"):
        choose(APPS, Need(), "alik")
    with pytest.raises(ProjectError, match="it has no app version"):
        choose([AppRow(1, "pyboinc")], Need())
    with pytest.raises(ProjectError, match="pyboinc setup -p PROJECT_DIR"):
        choose([], Need())


def test_sole_results_are_for_apps_that_check_them():
    told = AppRow(1, "pyboinc", version=100, quorum=1, unchecked=True)
    for need in (Need(quorum=1), Need()):
        assert choose([told], need) is told
    assert choose(APPS, Need(quorum=1, own_hosts=True)) is PLAIN, "one's own hosts need no check"
    by_hand = replace(told, unchecked=False)
    with pytest.raises(ProjectError, match="Or quorum = 2 under"):
        choose([by_hand], Need())
    assert choose([by_hand], Need(quorum=2)) is by_hand


def test_a_batch_that_says_nothing_gets_the_apps_quorum():
    def quorum(**settings):
        found = with_quorum(JobSettings(**settings), replace(PLAIN, quorum=3))
        return found.min_quorum, found.target_nresults

    assert quorum() == (3, 3) and quorum(replication=4) == (3, 4)
    assert quorum(quorum=1) == (1, 1) and quorum(quorum=2, replication=2) == (2, 2)
    assert quorum(own_hosts_only=True) == (1, 1)
    with pytest.raises(SettingsError, match="replication is 2, less than 3, the quorum of the app pyboinc"):
        quorum(replication=2)


def test_what_a_project_offers(project):
    before = project()
    wanted = Wanted((WantedApp("b", "B"), WantedApp("a", "A")), "/opt/bin", {})
    after = applied(before, plan(before, Records(), wanted).changes)
    assert offered(after.config, [AppRow(1, "a"), AppRow(2, "other"), AppRow(3, "b")]) == [AppRow(3, "b"), AppRow(1, "a")]
