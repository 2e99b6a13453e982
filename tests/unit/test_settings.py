"""Options of a run, and the settings of its jobs."""

from dataclasses import fields

import pytest

from pyboinc.model import JobSettings, SettingsError
from pyboinc.settings import read_toml, resolve, split_arguments


@pytest.fixture
def toml(tmp_path):
    def write(text):
        (tmp_path / "pyboinc.toml").write_text(text)
        return str(tmp_path)

    return write


def options(folder="/nowhere", argv=(), environ=None, job=None):
    return resolve(str(folder), list(argv), environ or {}, job)


def test_the_local_project_is_the_default(tmp_path):
    found = options(tmp_path)
    assert (found.interface, found.project_home, found.batch) == ("local", "", str(tmp_path))


def test_argument_beats_environment_beats_file(toml):
    folder = toml('interface = "boinc"\nproject_home = "/toml"\n')
    assert options(folder).project_home == "/toml"
    environ = {"PYBOINC_DIR": "/environ"}
    assert options(folder, [], environ).project_home == "/environ"
    assert options(folder, ["-p", "/argument"], environ).project_home == "/argument"
    assert options(folder, ["-i", "local"], environ).interface == "local"


def test_a_project_home_means_the_boinc_backend():
    assert options(argv=["-p", "/p"]).interface == "boinc"
    assert options(environ={"PYBOINC_DIR": "/p"}).interface == "boinc"


def test_the_rest_is_left_to_the_app():
    own, rest = split_arguments(["-i", "local", "--points", "9", "--quiet", "file", "--bat", "x"])
    assert own.quiet and own.interface == "local"
    assert rest == ["--points", "9", "file", "--bat", "x"], "no abbreviations"


def test_an_option_of_the_app_that_begins_like_one_of_ours():
    own, rest = split_arguments(["-input", "file", "-p1", "-i", "local"])
    assert (own.interface, own.project_home, rest) == ("local", None, ["-input", "file", "-p1"])


def test_a_wrong_argument_is_a_settings_error():
    with pytest.raises(SettingsError, match="--batch"):
        split_arguments(["--batch"])


def test_durability(toml, tmp_path):
    assert options(tmp_path).durability == "power-cut"
    assert options(toml('durability = "kill"\n')).durability == "kill"
    with pytest.raises(SettingsError, match=r"line 2, durability: 'power' is unknown; did you mean 'power-cut'"):
        options(toml('\ndurability = "power"\n'))


def test_settings_of_the_file_and_of_the_call(toml):
    folder = toml('[job]\nquorum = 2\nrequires = ["numpy"]\n[local]\nworkers = 3\n')
    found = options(folder)
    assert found.job.quorum == 2 and found.job.target_nresults == 2 and found.job.requires == ("numpy",)
    assert found.tables == {"local": {"workers": 3}}
    assert options(folder, job=JobSettings()).job.min_quorum == 1
    assert options(folder, job={"seed": 5}).job == JobSettings(quorum=2, requires=("numpy",), seed=5)


@pytest.mark.parametrize(
    "text, match",
    [
        ("\n[job]\nquorm = 2\n", r"pyboinc.toml, line 3, quorm: unknown job setting 'quorm'; did you mean 'quorum'\?"),
        ("[job]\nseed = 1\nquorum = 0\n", r"line 3, quorum: quorum = 0: must be at least 1"),
        ('[job]\nquorum = "two"\n', r"line 2, quorum: .*whole number"),
        ("[job]\nquorum = true\n", r"line 2, quorum: .*whole number"),
        ("[job]\nown_hosts_only = 1\n", "true or false"),
        ('[job]\nrequires = "numpy"\n', r"must be a list of names"),
        ("[job]\nmemory = -1.5\n", "at least 1 bytes"),
        ("[job]\ndeadline = nan\n", "at least 1 seconds"),
        ("[job]\ndeadline = inf\n", "line 2, deadline: deadline = inf: must be finite"),
        ("[job]\nown_hosts_only = true\nquorum = 2\n", "implies quorum 1"),
        ("[job]\nquorum = 3\nreplication = 2\n", "less than the quorum"),
        ("interfac = 'local'\n", r"line 1, interfac: unknown key; did you mean 'interface'"),
        ("interface = 5\n", r"line 1, interface: must be a text"),
        ("[job\n", r"pyboinc.toml: .*line 1"),
    ],
)
def test_errors_name_file_line_and_key(toml, text, match):
    folder = toml(text)
    with pytest.raises(SettingsError, match=match):
        options(folder)


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "pyboinc.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"pyboinc.toml"):
        read_toml(str(tmp_path / "pyboinc.toml"))


def test_job_settings_are_checked_in_python_too():
    with pytest.raises(SettingsError, match="quorum = 0"):
        JobSettings(quorum=0)
    with pytest.raises(SettingsError, match="fpops_bound"):
        JobSettings(fpops_estimate=1e20)


@pytest.mark.parametrize("name", [field.name for field in fields(JobSettings) if field.type == "float"])
@pytest.mark.parametrize("value", [float("inf"), 10**400])
def test_numbers_are_finite(name, value):
    with pytest.raises(SettingsError, match=rf"{name} = .*must be finite"):
        JobSettings(**{name: value})
