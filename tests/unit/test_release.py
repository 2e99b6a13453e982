"""docs/release.py: the changelog from its fragments. The session `release` checks the wheels."""

import doctest
import importlib.util
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def release(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("release_tool", ROOT / "docs/release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "docs/changes").mkdir(parents=True)
    version = Path("packages/pyboinc-core/src/pyboinc/version.py")
    (tmp_path / version).parent.mkdir(parents=True)
    shutil.copy(ROOT / version, tmp_path / version)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def test_examples(release):
    assert doctest.testmod(release).failed == 0


def test_fragments_move_into_the_changelog(release, tmp_path):
    page = tmp_path / "CHANGELOG.md"
    page.write_text("# Changelog\n\n## [Unreleased]\n\n### Added\n\n- One.\n\n## [0.0.1] - 2026-01-01\n\n### Added\n\n- Zero.\n")
    (tmp_path / "docs/changes/README.md").write_text("not a fragment")
    (tmp_path / "docs/changes/two.added.md").write_text("- Two.\n")
    (tmp_path / "docs/changes/three.fixed.md").write_text("- Three.\n")
    section = release.changelog("")
    assert section == "### Added\n\n- One.\n- Two.\n\n### Fixed\n\n- Three." and "Two" not in page.read_text()
    assert release.changelog("2027-01-31") == section
    assert page.read_text() == (
        f"# Changelog\n\n## [Unreleased]\n\n## [{release.version()}] - 2027-01-31\n\n{section}\n\n"
        "## [0.0.1] - 2026-01-01\n\n### Added\n\n- Zero.\n"
    )
    assert [path.name for path in (tmp_path / "docs/changes").iterdir()] == ["README.md"]
    with pytest.raises(ValueError, match="nothing has changed"):
        release.changelog("2027-02-01")


@pytest.mark.parametrize(("name", "text"), [("x.md", "- x"), ("x.new.md", "- x"), ("x.added.md", "x")])
def test_fragments_that_would_get_lost_are_refused(release, name, text):
    with pytest.raises(ValueError, match=f"docs/changes/{name}"):
        release.gathered("", {name: text})


def test_the_fragments_here_are_well_formed():
    spec = importlib.util.spec_from_file_location("release_tool", ROOT / "docs/release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.changelog("")


def test_what_is_wrong_with_wheels_is_told(release, tmp_path):
    with pytest.raises(ValueError, match=r"missing: pyboinc_core-\S+whl[^$]*no batch directories of"):
        release.check(tmp_path)
