"""How much credit a job's volunteers get: BOINC's adaptive credit, and the simpler ways. Pure.

Adaptive credit is described on BOINC's wiki page CreditNew; details and constants are those of its source, `sched/credit.cpp`
and `credit.h`. In short: a result claims its elapsed time multiplied by the peak speed of its host. The claim is scaled
so that all versions of an app claim the same on average, and all hosts of a version too; what is granted is an average of
the claims of the valid results, in which claims far from the estimate count less. A workunit's estimate, rsc_fpops_est,
divides claims before they are averaged, so jobs of an app may differ in size.

A version's samples count from the next transaction on; in BOINC from its next pass over all workunits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from pyboinc.ledger import (
    Account,
    CheckedApp,
    CheckedResult,
    CheckedWorkunit,
    HostVersion,
    Ledger,
    Mean,
    Spread,
    Version,
    generalized_app_version_id,
)

COBBLESTONE = 200 / 86400e9
"""Credit of one operation: a day of 1 GFLOPS is worth 200 (BOINC's wiki, Computation credit)."""
DAY = 86400.0
HALF_LIFE = 7 * DAY  # of recent average credit
AVERAGE_CPU_FPOPS = 4.3e9  # of a host that does not tell
FAILED_BENCHMARK_FPOPS = 1e9  # what a client says whose benchmark failed
MIN_HOST_SAMPLES = 10
MIN_VERSION_SAMPLES = 100
MIN_CONSECUTIVE_VALID = 10  # for an app with host_scale_check
MAX_HOST_SCALE = 10.0
SANE = 1e-4, 1e4  # claim / estimate: outside of it somebody's numbers are wrong
DEFAULT_MAX_GRANTED = 200 * 1000 * 365.0  # a year of 1 TFLOPS


class Mode(Enum):
    """Where credit comes from."""

    ADAPTIVE = "adaptive"
    FROM_WU = "from_wu"
    """the workunit's row says it (``create_work --credit``)"""
    FROM_RUNTIME = "from_runtime"
    """elapsed time, as it was claimed"""
    NONE = "none"


@dataclass(frozen=True)
class Rule:
    """max_granted (float): no result gets more; 0 for no limit.  boinc_exact: also what BOINC does where that is questionable."""

    mode: Mode = Mode.ADAPTIVE
    max_granted: float = DEFAULT_MAX_GRANTED
    boinc_exact: bool = False


# ---- averages


def add_sample(mean: Mean, sample: float, threshold: float, weight: float, limit: float) -> None:
    """Take a sample in: the plain average of the first `threshold`, from then on an exponential one.

    A sample above limit times the average counts as that; a negative one not at all. BOINC's `lib/average.h`.
    """
    if sample < 0:
        return
    if mean.n and mean.avg:
        sample = min(sample, mean.avg * limit)
    mean.n += 1
    delta = sample - mean.avg
    plain = mean.n < threshold
    mean.avg += delta / mean.n if plain else weight * delta
    if isinstance(mean, Spread):
        if plain:
            mean.q += delta * (sample - mean.avg)
            mean.var = mean.q / mean.n
        else:
            mean.var += weight * (delta * delta - mean.var)


def add_host_sample(mean: Mean, sample: float) -> None:
    """For a host with a version."""
    add_sample(mean, sample, 20, 0.01, 10)


def count_version_samples(ledger: Ledger) -> None:
    """Take in what the transaction's results have claimed."""
    for version in ledger.versions.values():
        for sample in version.samples:
            add_sample(version.pfc, sample, 100, 0.001, 10)
        version.samples.clear()


def recent_average(now: float, start: float, work: float, average: float, time: float) -> tuple[float, float]:
    """A day's work as it was lately, after more was done: an average that halves in a week without work, and its time.

    now, start, time: seconds since 1970; `start` is when the work began, `time` when the average was computed, 0 if never.
    BOINC's `lib/util.cpp`, update_average.
    """
    if time:
        passed = max(0.0, now - time)
        weight = math.exp(-passed * math.log(2) / HALF_LIFE)
        average *= weight
        if 1 - weight > 1e-6:
            average += (1 - weight) * work / (passed / DAY)
        else:  # the same as passed goes to 0
            average += math.log(2) * work * DAY / HALF_LIFE
    elif work:
        average = work / (max(1.0, now - start) / DAY)
    return average, now


def low_average(values: Sequence[float]) -> float:
    """An average in which each value counts as much as the sum of the others: large outliers count little."""
    total = sum(values)
    if len(values) == 1 or not total:
        return values[0]
    return sum(value * (total - value) for value in values) / ((len(values) - 1) * total)


def pegged_average(values: Sequence[float], anchor: float) -> float:
    """An average in which values count less the further they are from the anchor."""
    if len(values) == 1:
        return values[0]
    weights = [1 / (0.1 * anchor + abs(anchor - value)) if anchor or value else 1.0 for value in values]
    return sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights)


# ---- claims


@dataclass(frozen=True)
class _Claim:
    """Operations. normal: computed from the statistics of host and version, not estimated in part."""

    pfc: float
    normal: bool


def adaptive_credit(ledger: Ledger, wu: CheckedWorkunit, results: Iterable[CheckedResult], rule: Rule, now: float) -> float:
    """The credit of a workunit by the claims of these results, which are valid; the statistics of hosts and versions take them in.

    To be called once for each valid result.
    """
    estimate = _estimated_pfc(wu, ledger.app)
    normal: list[float] = []
    approximate: list[float] = []
    for result in results:
        claim = _claim(ledger, wu, result, now)
        pfc = min(claim.pfc, wu.rsc_fpops_bound)
        if rule.max_granted and pfc * COBBLESTONE > rule.max_granted:
            continue
        (normal if claim.normal else approximate).append(pfc)
    if len(normal) > 1:
        return pegged_average(normal, estimate) * COBBLESTONE
    claims = approximate + 2 * normal
    return (pegged_average(claims, estimate) if claims else estimate) * COBBLESTONE


def _estimated_pfc(wu: CheckedWorkunit, app: CheckedApp) -> float:
    return wu.rsc_fpops_est * (app.min_avg_pfc or 1.0)


def _claim(ledger: Ledger, wu: CheckedWorkunit, result: CheckedResult, now: float) -> _Claim:
    app = ledger.app
    host = ledger.host_versions.get((result.hostid, generalized_app_version_id(result.app_version_id, app.id)))
    version = ledger.versions.get(result.app_version_id)
    if host is None or (version is None and result.app_version_id >= 0):
        return _Claim(_estimated_pfc(wu, app), False)
    elapsed = result.elapsed_time if result.elapsed_time >= 1e-6 else result.cpu_time
    flops = result.flops_estimate
    if flops <= 0 or flops == FAILED_BENCHMARK_FPOPS:
        flops = AVERAGE_CPU_FPOPS
        result.runtime_outlier = True
    raw = elapsed * flops
    relative = raw / wu.rsc_fpops_est if wu.rsc_fpops_est > 0 else math.inf
    trusted = not app.host_scale_check or host.consecutive_valid >= MIN_CONSECUTIVE_VALID
    measured = trusted and host.pfc.n >= MIN_HOST_SAMPLES and host.pfc.avg > 0
    sane = not result.runtime_outlier and SANE[0] <= relative <= SANE[1]
    if version is None:
        claim = _Claim(raw * app.min_avg_pfc / host.pfc.avg if measured else _estimated_pfc(wu, app), False)
    else:
        claim = _scaled(raw, host, version, measured)
        if sane:
            version.samples.append(relative)
        credit = claim.pfc * COBBLESTONE
        version.expavg_credit, version.expavg_time = recent_average(
            now, result.sent_time, credit, version.expavg_credit, version.expavg_time
        )
    if sane:
        add_host_sample(host.pfc, relative)
    if not result.runtime_outlier and wu.rsc_fpops_est > 0:
        add_host_sample(host.et, elapsed / wu.rsc_fpops_est)
        add_host_sample(host.turnaround, result.received_time - result.sent_time)
    return claim


def _scaled(raw: float, host: HostVersion, version: Version, measured: bool) -> _Claim:
    host_scale = 0.0
    if measured and version.pfc.n >= MIN_VERSION_SAMPLES:
        host_scale = min(MAX_HOST_SCALE, version.pfc.avg / host.pfc.avg)
    pfc = raw * (version.pfc_scale or 1.0) * (host_scale or 1.0)
    return _Claim(pfc, bool(version.pfc_scale and host_scale))


# ---- what is granted


def workunit_credit(
    ledger: Ledger, wu: CheckedWorkunit, viable: Sequence[CheckedResult], is_valid: Callable[[CheckedResult], bool], rule: Rule, now: float
) -> float:
    """What each valid result of a workunit gets that has just got a canonical one. viable: those that were compared.

    Unlike BOINC, whose credit from run time averages what the invalid ones claim, too, only the valid ones count.
    """
    valid = [each for each in viable if is_valid(each)]
    credit = 0.0
    if rule.mode is not Mode.FROM_RUNTIME:  # else BOINC takes no statistics
        credit = adaptive_credit(ledger, wu, valid, rule, now)
    if rule.mode is Mode.FROM_WU:
        credit = wu.canonical_credit
    elif rule.mode is Mode.FROM_RUNTIME:
        credit = _runtime_credit(wu, viable if rule.boinc_exact else valid, rule)
    elif rule.mode is Mode.NONE:
        credit = 0.0
    return min(credit, rule.max_granted) if rule.max_granted else credit


def _runtime_credit(wu: CheckedWorkunit, results: Iterable[CheckedResult], rule: Rule) -> float:
    claims = []
    for result in results:
        flops = AVERAGE_CPU_FPOPS if result.flops_estimate == FAILED_BENCHMARK_FPOPS else result.flops_estimate
        pfc = result.elapsed_time * flops
        credit = (wu.rsc_fpops_bound if pfc > 2 * wu.rsc_fpops_bound else pfc) * COBBLESTONE
        if credit > 0 and (not rule.max_granted or credit <= rule.max_granted):
            claims.append(credit)
    return low_average(claims) if claims else 0.0


def grant(ledger: Ledger, result: CheckedResult, credit: float, now: float) -> None:
    """Give a result its credit: its host, the host's user and the user's team get it."""
    result.granted_credit = credit
    host = ledger.hosts.get(result.hostid)
    if host is None:
        return
    user = ledger.users.get(host.userid)
    accounts: list[Account | None] = [host, user, ledger.teams.get(user.teamid) if user and user.teamid else None]
    for account in accounts:
        if account is not None:
            account.total_credit += credit
            account.expavg_credit, account.expavg_time = recent_average(
                now, result.sent_time, credit, account.expavg_credit, account.expavg_time
            )


def came_back(ledger: Ledger, result: CheckedResult) -> None:
    """A valid result's time counts for its host. BOINC's `sched/sched_util.cpp`, compute_avg_turnaround."""
    host = ledger.hosts.get(result.hostid)
    if host is not None:
        turnaround = result.received_time - result.sent_time
        host.avg_turnaround = 0.7 * host.avg_turnaround + 0.3 * turnaround if host.avg_turnaround else turnaround


