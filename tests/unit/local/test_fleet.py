"""Fleet files, when hosts are on, and what goes wrong on them."""

from itertools import islice, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyboinc.codec import dumps
from pyboinc.errors import DecodeError
from pyboinc.model import SettingsError
from pyboinc.slave.files import ok_entry, output_file, parse_output_file
from pyboinc_local.fleet import faults, hosts, schema
from pyboinc_local.fleet.availability import NEVER, OnOff, Recorded, Sessions, read_trace
from pyboinc_local.fleet.faults import Faults, draw, upload
from pyboinc_local.model_time import Exponential, Fixed, Normal, Stream, Uniform, Weibull, parse_distribution


@pytest.mark.parametrize(
    "text, told",
    [
        ("[[host]]\nnumber = 1", "a.toml, line 1, host: unknown key"),
        ("x = ", "a.toml: "),
        ("hosts = 3", "a.toml, line 1, hosts: must be one or more tables"),
        ("[[hosts]]\nnumber = 1\nspeeed = 2", "a.toml, line 3, speeed: unknown key; did you mean 'speed'?"),
        ("[[hosts]]\nnumber = 1\n[[hosts]]\nnumber = -1", "a.toml, line 4, number: -1 must be a whole number"),
        ("[[hosts]]\nspeed = 2", "line 2, speed: say how many hosts these are"),
        ("[[hosts]]\nnumber = 1\nspeed = 'fast'", "line 3, speed: 'fast' must be a number, or 'lognormal MEDIAN [SIGMA]'"),
        ("[[hosts]]\nnumber = 1\nspeed = 0", "line 3, speed: 0 must be more than 0"),
        ("[[hosts]]\nnumber = 1\non = '1h'", "line 3, on: on and off belong together"),
        ("[[hosts]]\nnumber = 1\ncrash = 1.5", "line 3, crash: 1.5 must be a probability, from 0 to 1"),
        ("[[hosts]]\nnumber = 1\nplatform = 'amiga'", "line 3, platform: 'amiga' must be 'x86_64-pc-linux-gnu'"),
        ("[[hosts]]\nnumber = 1\nprofile = 'amiga'", "line 3, profile: 'amiga' must be a platform profile"),
        ("[every_host]\nwrong = true\n[[hosts]]\nnumber = 1", "line 2, wrong: True must be a probability"),
        ("[every_host]\nnumber = 3\n[[hosts]]\nnumber = 1", "line 2, number: belongs to each of [[hosts]]"),
        ("[[hosts]]\nnumber = 1\ntrace = 'there is none'", "there is none: No such file"),
        ("[[hosts]]\nnumber = 1\ntrace = 'a'\non = 1\noff = 1", "line 4, on: a trace says when hosts are on"),
        ("[[hosts]]\nnumber = 0", "the fleet has no hosts"),
        ("[[hosts]]\nnumber = 1\nclock_skew = 'exponential 3'", "must be a number of seconds"),
        ("[[hosts]]\nnumber = 1\nprocessor = 'Intel'", "must be a list of two texts"),
    ],
)
def test_what_is_wrong_with_a_fleet_file_is_told_with_line_and_key(text, told):
    with pytest.raises(SettingsError) as raised:
        schema.parse(text, "a.toml")
    assert told in str(raised.value)


def test_a_fleet_that_is_not_there():
    with pytest.raises(SettingsError, match=r"no fleet 'volunters'.*did you mean 'volunteers'"):
        schema.load("volunters")


def test_every_ready_fleet_is_there_and_scales():
    assert set(schema.ready()) == {"laptop", "lab", "volunteers", "hostile", "desktop_grid"}
    for name, description in schema.ready().items():
        assert description
        fleet = schema.load(name)
        for number in (1, 7, 1000):
            made = hosts.hosts(hosts.scaled(fleet, number), 3)
            assert len(made) == number and all(each.speed > 0 and each.ncpus >= 1 for each in made)
    assert hosts.hosts(fleet, 3) == hosts.hosts(fleet, 3) != hosts.hosts(fleet, 4)


def test_volunteers_are_as_their_sources_say():
    made = hosts.hosts(hosts.scaled(schema.load("volunteers"), 4000), 1)
    assert 5.2 < sum(each.ncpus for each in made) / 4000 < 6.2, "Anderson 2020"
    assert 3.0 < sum(each.speed for each in made) / 4000 < 3.5
    sessions = made[0].availability
    spells = [sessions.on(random) for random in [Random(1)] for _ in range(4000)]
    assert 30 * 3600 / 4 < sorted(spells)[2000] < 30 * 3600, "the median of Weibull(0.357, 43.652 h) is 15.6 h"


def test_desktop_grid_is_pymws():
    made = hosts.hosts(schema.load("desktop_grid"), 1)
    assert len(made) == 100 and min(each.speed for each in made) == 1.0
    first = list(islice(made[0].availability.intervals(0.0, Stream("x")), 3))
    assert first == [(100.0, 200.0), (300.0, 400.0), (500.0, 600.0)]


# -- availability


def test_work_stands_still_while_a_host_is_off():
    sessions = Sessions(OnOff(Fixed(100.0), Fixed(50.0), "on").intervals(0.0, Stream("x")))
    assert sessions.done(0.0, 100.0, 1e9) == 100.0
    assert sessions.done(0.0, 101.0, 1e9) == 151.0
    assert sessions.done(0.0, 250.0, 1e9) == 350.0
    assert sessions.done(20.0, 1e8, 1e4) == NEVER
    assert sessions.next_on(20.0, 99.0) == 99.0 and sessions.next_on(20.0, 100.0) == 150.0
    assert sessions.done(120.0, 10.0, 1e9) == 160.0, "it begins when the host is on again"
    assert sessions.next_on(1e5, 1e5) >= 1e5


@given(st.integers(0, 10**6), st.sampled_from(["on", "off", "any"]))
def test_sessions_do_not_overlap_and_compute_what_they_last(seed, begin):
    availability = OnOff(Weibull(1000.0, 0.5), Exponential(300.0), begin)
    spells = list(islice(availability.intervals(500.0, Stream(f"{seed}")), 20))
    assert spells[0][0] >= 500.0 and all(start < end for start, end in spells)
    assert all(one[1] <= other[0] for one, other in pairwise(spells))
    total = sum(end - start for start, end in spells)
    sessions = Sessions(availability.intervals(500.0, Stream(f"{seed}")))
    assert abs(sessions.done(500.0, total * (1 - 1e-12), NEVER) - spells[-1][1]) < 1e-3


TRACE = """#event_id\tcomponent_id\tnode_id\tplatform_id\tnode_name\tevent_type\tevent_start_time\tevent_stop_time\tevent_end_reason
1\t1\t7\t1\tseven\t1\t1000\t1100\t0
2\t1\t7\t1\tseven\t0\t1100\t1500\t0
3\t1\t8\t1\teight\t1\t1200\t1300\t0
4\t1\t7\t1\tseven\t1\t1500\t1600\t0
5\t1\t7\t1\tseven\t1\t1550\t1700\t0
6\t1\t9\t1\tnine\t0\t1000\t2000\t0
"""


def test_a_trace_in_the_failure_trace_archives_format(tmp_path):
    seven, eight = read_trace(TRACE.splitlines())
    assert seven == Recorded(((0.0, 100.0), (500.0, 700.0)), 1000.0) and eight.sessions == ((200.0, 300.0),)
    assert list(islice(eight.intervals(10.0, Stream("x")), 2)) == [(210.0, 310.0), (1210.0, 1310.0)], "over and over again"
    (tmp_path / "event_trace.tab").write_text(TRACE)
    fleet = schema.parse("[[hosts]]\nnumber = 3\ntrace = 'event_trace.tab'", str(tmp_path / "a.toml"))
    assert sorted(each.availability.length - len(each.availability.sessions) for each in hosts.hosts(fleet, 1)) == [998.0, 998.0, 999.0]
    backwards = TRACE.replace("1600", "1400")
    backwards = TRACE.replace("1600", "1400")
    for text, told in (("1 2 3\n1 2 3", "line 1: must have"), (backwards, "must not lie before"), ("title\n", "no node is ever")):
        with pytest.raises(ValueError, match=told):
            read_trace(text.splitlines())


# -- faults


def test_each_fault_happens_as_often_as_it_shall():
    wanted = Faults(crash=0.1, wrong=0.2, truncated=0.05, doubled=0.02, lost=0.1, late=0.3, duplicate=0.15)
    fates = [draw(wanted, chance, 0, 1000.0) for chance in [Stream("faults")] for _ in range(20_000)]
    crashed = [fate for fate in fates if fate.crash_after is not None]
    others = [fate for fate in fates if fate.crash_after is None]
    assert abs(len(crashed) / 20_000 - 0.1) < 0.01 and all(0 <= fate.crash_after < 1 for fate in crashed)
    found = [
        sum(fate.wrong for fate in others),
        sum(fate.arrives < 1 for fate in others),
        sum(fate.doubled for fate in others),
        sum(fate.lost for fate in others),
        sum(fate.delay is not None for fate in others),
        sum(fate.duplicate for fate in others),
    ]
    for count, probability in zip(found, (0.2, 0.05, 0.02, 0.1, 0.3, 0.15), strict=True):
        assert abs(count / len(others) - probability) < 0.012
    assert draw(faults.NONE, Stream("x"), 0, 1.0) == faults.GOOD


def test_a_wolf_is_honest_until_it_is_trusted():
    wolf = Faults(wrong=1.0, honest_until=10)
    assert not draw(wolf, Stream("x"), 9, 1.0).wrong and draw(wolf, Stream("x"), 10, 1.0).wrong


def test_what_uploads_become():
    right = output_file([ok_entry(dumps(49))])
    lie = upload(right, faults.Fate(wrong=True), 3)
    assert lie != right and parse_output_file(lie) == [(True, 52)]
    assert upload(right, faults.Fate(wrong=True), 3) == lie != upload(right, faults.Fate(wrong=True), 4)
    for damaged in (upload(right, faults.Fate(arrives=0.7), 3), upload(right, faults.Fate(doubled=True), 3)):
        with pytest.raises(DecodeError):
            parse_output_file(damaged)


# -- distributions


def test_distributions_as_text():
    assert parse_distribution("weibull 2h 0.5") == Weibull(7200.0, 0.5)
    assert parse_distribution("uniform 1 3") == Uniform(1.0, 3.0)
    assert parse_distribution("normal 2 9 1") == Normal(2.0, 9.0, 1.0)
    assert parse_distribution("exponential 3 20") == Exponential(3.0, 20.0)
    for text in ("", "nan", "-1", "weibull 1 0", "uniform a b", "lognormal 1 2 3", "exponential inf"):
        with pytest.raises(ValueError, match="must be a number, or"):
            parse_distribution(text)


def test_distributions_are_what_they_say():
    chance = Stream("distributions")
    assert abs(sum(chance.random() for _ in range(20_000)) / 20_000 - 0.5) < 0.01
    weibull = sorted(Weibull(10.0, 0.5)(chance) for _ in range(20_001))
    assert abs(weibull[10_000] / (10.0 * 0.693147**2) - 1) < 0.06
    uniform = [Uniform(2.0, 4.0)(chance) for _ in range(10_000)]
    assert min(uniform) >= 2.0 and max(uniform) < 4.0 and abs(sum(uniform) / 10_000 - 3.0) < 0.02
    assert min(Normal(2.0, 9.0, 1.0)(chance) for _ in range(1000)) == 1.0
    assert Stream("a").random() == Stream("a").random() != Stream("b").random()
    assert [Stream("bits").random().hex(), Weibull(1.0, 0.357)(Stream("bits")).hex()] == BITS


BITS = ["0x1.316b4435478e6p-1", "0x1.86464ff4343bfp-1"]
"""What every platform must get."""
