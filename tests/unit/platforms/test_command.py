"""``pyboinc platforms``."""

import json

import pytest
from click.testing import CliRunner

from pyboinc_local import platforms
from pyboinc_local.platforms.command import platforms as command


def test_every_platform_is_listed():
    ran = CliRunner().invoke(command, [])
    assert ran.exit_code == 0
    assert [line.split()[0] for line in ran.stdout.splitlines()[1:] if not line.startswith("   ")] == platforms.names()


def test_functions_of_one_platform_for_people_and_for_programs():
    assert "Arm's" in CliRunner().invoke(command, ["linux-musl"]).stdout
    ran = CliRunner().invoke(command, ["freebsd", "macos-arm64", "--json"])
    found = json.loads(ran.stdout)
    assert found["freebsd"]["functions"]["sin"]["status"] == "exact"
    assert found["macos-arm64"]["functions"]["**"]["status"] == "statistical"
    assert all(set(each) == {"status", "source", "check"} for each in found["freebsd"]["functions"].values())


def test_an_unknown_platform_is_an_error_for_people():
    with pytest.raises(platforms.PlatformError, match="did you mean"):
        CliRunner().invoke(command, ["windows12"], catch_exceptions=False)
