"""Which app a batch may use."""

import pytest

from pyboinc_boinc.apps import AppRow, Need, choose, offered
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


def test_what_a_project_offers(project):
    before = project()
    wanted = Wanted((WantedApp("b", "B"), WantedApp("a", "A")), "/opt/bin", {})
    after = applied(before, plan(before, Records(), wanted).changes)
    assert offered(after.config, [AppRow(1, "a"), AppRow(2, "other"), AppRow(3, "b")]) == [AppRow(3, "b"), AppRow(1, "a")]
