"""docs/settings.md lists every setting, with its default."""

import dataclasses
import re
from pathlib import Path

from pyboinc import settings
from pyboinc.model import JobSettings
from pyboinc_boinc.options import BoincOptions
from pyboinc_local.options import SYSTEMS, LocalOptions

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text("utf-8")


def rows(heading):
    """Names in the first column of the table under the heading, with the rest of their lines."""
    section = PAGE.split(heading)[1].split("\n## ")[0]
    return {name: line for line in section.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])}


def test_job_settings_and_their_defaults():
    found = rows("## `[job]`")
    assert set(found) == {field.name for field in dataclasses.fields(JobSettings)}
    for field in dataclasses.fields(JobSettings):
        default = found[field.name].split("|")[2].strip().strip("`")
        if field.name in ("memory", "disk", "fpops_estimate", "fpops_bound"):
            assert field.default in [float(each) for each in default.split(", ")]
        elif field.name == "quorum":
            assert (field.default, default) == (None, "1")
        elif field.name == "replication":
            assert (field.default, default) == (None, "the quorum")
        elif field.name == "job_minutes":
            assert (field.default, default) == (None, "none")
        else:
            assert eval(default, {"false": False, "true": True}) == (list(field.default) if field.default == () else field.default)


def test_local_options():
    found = rows("## `[local]`")
    assert set(found) == {field.name for field in dataclasses.fields(LocalOptions)}
    for platform in SYSTEMS:
        assert f"`{platform}`" in PAGE


def test_boinc_options():
    found = rows("## `[boinc]`")
    assert set(found) == {field.name for field in dataclasses.fields(BoincOptions)}
    for field in dataclasses.fields(BoincOptions):
        assert eval(found[field.name].split("|")[2].strip().strip("`"), {"false": False}) == field.default


def test_keys_at_the_top():
    assert set(rows("# Settings")) == set(settings._TOP_LEVEL)
