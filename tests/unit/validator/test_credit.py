"""Averages and adaptive credit, by figures worked out by hand."""

import math

import pytest

from pyboinc.ledger import CheckedApp, CheckedResult, CheckedWorkunit, HostAccount, HostVersion, Ledger, Mean, Spread, UserAccount, Version
from pyboinc.states import OVER, SUCCESS
from pyboinc_validator import credit
from pyboinc_validator.credit import COBBLESTONE, DAY, Mode, Rule

NOW = 1_700_000_000.0


def ledger(hosts=2, host_samples=0.0, version_samples=0.0, scale=0.0):
    made = Ledger(CheckedApp(1, min_avg_pfc=1.0), 500)
    made.versions[7] = Version(7, Mean(version_samples, 2.0 if version_samples else 0.0), scale)
    for number in range(1, hosts + 1):
        made.host_versions[number, 7] = HostVersion(number, 7, Mean(host_samples, 1.0 if host_samples else 0.0))
        made.hosts[number] = HostAccount(number, userid=number)
        made.users[number] = UserAccount(number)
    return made


def workunit(*elapsed, flops=2e9):
    wu = CheckedWorkunit(1, "wu", 1, 0, 0.0, 2, 2, 6, 0, 0, 1, 0.0, 1e12, 1e15)
    wu.results = [
        CheckedResult(n, OVER, SUCCESS, 0, n, n, 7, NOW - 1000, NOW - 100, seconds, seconds, flops) for n, seconds in enumerate(elapsed, 1)
    ]
    return wu


def test_a_mean_is_plain_at_first_and_exponential_later():
    mean = Mean()
    for sample in (1.0, 2.0, 6.0):
        credit.add_sample(mean, sample, 100, 0.1, 10)
    assert mean == Mean(3, 3.0)
    credit.add_sample(mean, 1000.0, 4, 0.1, 10)  # cut to ten times the average, weighted
    assert mean == Mean(4, 3.0 + 0.1 * 27)
    credit.add_sample(mean, -1.0, 4, 0.1, 10)
    assert mean.n == 4


def test_the_variance_of_the_first_samples_is_the_variance():
    spread = Spread()
    samples = [1.0, 2.0, 6.0, 3.0]
    for sample in samples:
        credit.add_sample(spread, sample, 100, 0.1, 10)
    assert spread.var == pytest.approx(sum((each - 3) ** 2 for each in samples) / 4)


def test_recent_average_credit_halves_in_a_week():
    average, time = credit.recent_average(NOW, NOW, 0.0, 10.0, NOW - 7 * DAY)
    assert (average, time) == (pytest.approx(5.0), NOW)
    assert credit.recent_average(NOW, NOW - DAY, 20.0, 0.0, 0.0)[0] == pytest.approx(20.0), "the first work is divided by its time"
    at_once = credit.recent_average(NOW, NOW, 7.0, 0.0, NOW)[0]
    assert at_once == pytest.approx(credit.recent_average(NOW + 1, NOW, 7.0, 0.0, NOW)[0], rel=1e-3), "no jump at the limit"


def test_averages_that_mistrust_outliers():
    assert credit.low_average([1.0, 1.0, 100.0]) < 6
    assert credit.pegged_average([1.0, 1.0, 100.0], 1.0) == pytest.approx((10 + 10 + 100 / 99.1) / (20 + 1 / 99.1))
    assert credit.pegged_average([5.0], 1.0) == credit.low_average([5.0]) == 5.0
    assert credit.low_average([0.0, 0.0]) == 0.0


def test_without_statistics_claims_are_taken_as_they_are():
    books, wu = ledger(), workunit(500.0, 500.0)
    assert credit.adaptive_credit(books, wu, wu.results, Rule(), NOW) == pytest.approx(1e12 * COBBLESTONE)
    credit.count_version_samples(books)
    assert books.versions[7].pfc == Mean(2, 1.0)
    assert books.host_versions[1, 7].pfc == Mean(1, 1.0)
    assert books.host_versions[1, 7].et.avg == pytest.approx(5e-10) and books.host_versions[1, 7].turnaround.avg == 900.0


def test_host_and_version_are_scaled():
    books, wu = ledger(host_samples=20, version_samples=200, scale=0.5), workunit(500.0, 500.0)
    assert credit.adaptive_credit(books, wu, wu.results, Rule(), NOW) == pytest.approx(1e12 * 0.5 * 2.0 * COBBLESTONE)


def test_claims_have_limits():
    wu = workunit(500.0, 5e9)
    assert credit.adaptive_credit(ledger(), wu, wu.results[1:], Rule(max_granted=0), NOW) == wu.rsc_fpops_bound * COBBLESTONE
    books = ledger()
    assert credit.adaptive_credit(books, wu, wu.results[1:], Rule(max_granted=1.0), NOW) == pytest.approx(1e12 * COBBLESTONE)
    assert not books.versions[7].samples, "what can't be true does not count"


def test_a_host_that_does_not_tell_its_speed_is_an_average_one():
    books, wu = ledger(), workunit(100.0, flops=1e9)
    claimed = credit.adaptive_credit(books, wu, wu.results, Rule(), NOW)
    assert claimed == pytest.approx(430e9 * COBBLESTONE) and wu.results[0].runtime_outlier and not books.host_versions[1, 7].pfc.n


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(Mode.FROM_WU, 12.5), (Mode.NONE, 0.0), (Mode.FROM_RUNTIME, 1e12 * COBBLESTONE), (Mode.ADAPTIVE, 1e12 * COBBLESTONE)],
)
def test_where_credit_comes_from(mode, expected):
    books, wu = ledger(), workunit(500.0, 500.0)
    wu.canonical_credit = 12.5
    assert credit.workunit_credit(books, wu, wu.results, lambda _: True, Rule(mode), NOW) == pytest.approx(expected)
    assert bool(books.host_versions[1, 7].pfc.n) == (mode is not Mode.FROM_RUNTIME)


def test_invalid_results_have_no_say_in_credit_from_run_time():
    wu = workunit(500.0, 100000.0)
    valid, rule = (lambda result: result.id == 1), Rule(Mode.FROM_RUNTIME)
    assert credit.workunit_credit(ledger(), wu, wu.results, valid, rule, NOW) == pytest.approx(1e12 * COBBLESTONE)
    exact = Rule(Mode.FROM_RUNTIME, boinc_exact=True)
    assert credit.workunit_credit(ledger(), wu, wu.results, valid, exact, NOW) > 1e12 * COBBLESTONE


def test_host_user_and_team_are_credited():
    from pyboinc.ledger import Account

    books, wu = ledger(), workunit(500.0)
    books.users[1].teamid = 5
    books.teams[5] = Account(5, 100.0, 3.0, NOW - DAY)
    credit.grant(books, wu.results[0], 10.0, NOW)
    assert [each.total_credit for each in (books.hosts[1], books.users[1], books.teams[5])] == [10.0, 10.0, 110.0]
    assert books.teams[5].expavg_credit == pytest.approx(3 * 2 ** (-1 / 7) + (1 - 2 ** (-1 / 7)) * 10)
    assert math.isfinite(books.hosts[1].expavg_credit) and wu.results[0].granted_credit == 10.0
