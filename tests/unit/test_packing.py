"""Which calls share a job."""

from typing import NamedTuple

import pytest

from pyboinc.model import Call, SettingsError
from pyboinc.model import JobSettings as Settings
from pyboinc.packing import MAX_CALLS, PROBES, Packer


class Made(NamedTuple):
    call: Call
    program: str = "program"
    files: tuple = ()


def made(position, program="program", files=()):
    return Made(Call(position, "slave.py", None), program, files)


def positions(groups):
    return [" ".join(each.call.position for each in group) for group in groups]


def added(packer, calls):
    return positions([group for call in calls for group in packer.add(call)])


def test_a_fixed_number_of_calls():
    packer = Packer(3)
    assert added(packer, [made(str(i)) for i in range(8)]) == ["0 1 2", "3 4 5"]
    assert packer.take() == []
    assert positions(packer.take(rest=True)) == ["6 7"]
    assert packer.take(rest=True) == []


@pytest.mark.parametrize("other", [made("2", "another"), made("3"), made("2", files=("a file",))], ids=["program", "gap", "files"])
def test_calls_that_do_not_belong_together(other):
    packer = Packer(3)
    assert added(packer, [made("0"), made("1"), other]) == ["0 1"]
    assert positions(packer.take(rest=True)) == [other.call.position]


def test_calls_of_a_handler_do_not_part_those_of_make_calls():
    packer = Packer(3)
    assert added(packer, [made("0"), made("7.0"), made("1"), made("7.1"), made("2")]) == ["0 1 2"]
    assert positions(packer.take()) == ["7.0 7.1"], "no more come from a handler that has returned"


def test_the_size_follows_the_run_times_of_the_first_jobs():
    packer = Packer(job_seconds=60)
    calls = [made(str(i)) for i in range(200)]
    assert added(packer, calls) == [str(i) for i in range(PROBES)]
    assert packer.take(rest=True) == [], "the others wait for the first"
    packer.measured(1, 0.0)  # a failed one tells nothing: another takes its place
    assert positions(packer.take(rest=True)) == [str(PROBES)]
    packer.measured(1, 2.0)
    assert packer.size == 30
    assert [len(group) for group in packer.take()] == [30] * 6 + [200 - PROBES - 1 - 180]
    packer.measured(30, 29.0)
    assert packer.size == 60


def test_the_size_has_bounds():
    packer = Packer(job_seconds=60)
    packer.measured(1, 1e-12)
    assert packer.size == MAX_CALLS
    packer.measured(1, 1e12)
    assert packer.size == 1


def test_number_and_time_exclude_each_other():
    with pytest.raises(SettingsError, match="calls_per_job and job_minutes exclude each other"):
        Settings(calls_per_job=2, job_minutes=1)
    for wrong in ({"calls_per_job": 0}, {"job_minutes": 0}):
        with pytest.raises(SettingsError, match=next(iter(wrong))):
            Settings.of(wrong)
