"""A workunit's results and outputs in, a judgement out; and what the judgement changes in the project's rows. Pure.

The two are apart because outputs are read and compared outside of a transaction. What has changed meanwhile is judged anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from pyboinc.ledger import CheckedApp, CheckedResult, CheckedWorkunit, HostVersion, Ledger, generalized_app_version_id
from pyboinc.states import INCONCLUSIVE, INVALID, VALID

from . import handle
from .comparators import Comparator
from .credit import Mode, Rule, adaptive_credit, came_back, count_version_samples, grant, workunit_credit
from .quorum import Candidate, Check, Failure, ValidateState, Verdict, check_pair, check_set

Read = Callable[[CheckedResult], Candidate]
"""Reads a result's output files."""
Seen = tuple[int, tuple[tuple[int, int], ...]]
"""The canonical result, and the viable results with their states."""


@dataclass(frozen=True)
class Late:
    """What a result is that came after the canonical one. failure: its output is not one."""

    result: int
    state: ValidateState
    failure: bool


@dataclass(frozen=True)
class Judgement:
    """What is to become of a workunit. verdict: None if nothing was compared.  late: if there was a canonical result already.

    retry: something could not be read now.  failures: of the comparator, for the log.
    """

    workunit: int
    seen: Seen
    verdict: Verdict | None = None
    late: tuple[Late, ...] = ()
    retry: bool = False
    failures: tuple[Failure, ...] = ()


def judge(wu: CheckedWorkunit, app: CheckedApp, comparator: Comparator, read: Read, boinc_exact: bool = False) -> Judgement:
    """Compare the outputs of a workunit's results."""
    if wu.canonical_resultid:
        return _judge_late(wu, comparator, read, boinc_exact)
    viable = handle.viable_results(wu.results)
    if len(viable) < wu.min_quorum:
        return Judgement(wu.id, seen(wu))
    verdict = check_set(
        map(read, viable),
        wu.min_quorum,
        comparator.same,
        key=comparator.key,
        app_target=app.target_nresults,
        boinc_exact=boinc_exact,
    )
    return Judgement(wu.id, seen(wu), verdict, retry=verdict.retry, failures=tuple(verdict.failures))


def _judge_late(wu: CheckedWorkunit, comparator: Comparator, read: Read, boinc_exact: bool) -> Judgement:
    canonical = next((read(each) for each in wu.results if each.id == wu.canonical_resultid), Candidate(0, check=Check.INVALID))
    late: list[Late] = []
    failures: list[Failure] = []
    retry = False
    for result in handle.unchecked_results(wu.results):
        one = read(result)
        state, again = check_pair(one, canonical, comparator.same, key=comparator.key, boinc_exact=boinc_exact, failures=failures)
        if again:
            retry = True
            break
        failure = one.check is Check.INVALID or (boinc_exact and canonical.check is Check.INVALID)
        late.append(Late(result.id, state, failure))
    return Judgement(wu.id, seen(wu), None, tuple(late), retry, tuple(failures))


def seen(wu: CheckedWorkunit) -> Seen:
    """What a judgement rests on."""
    return wu.canonical_resultid, tuple((each.id, each.validate_state) for each in handle.viable_results(wu.results))


def settle(ledger: Ledger, judgements: Iterable[Judgement], rule: Rule, now: float) -> list[Judgement]:
    """Change the rows as judged; the judgements that took effect. A workunit that is not what was judged stays for the next time."""
    settled = []
    for judgement in judgements:
        wu = ledger.workunits.get(judgement.workunit)
        if wu is None or seen(wu) != judgement.seen:
            continue
        wu.need_validate = 0
        if judgement.verdict is not None:
            _settle_set(ledger, wu, judgement.verdict, rule, now)
        else:
            for each in judgement.late:
                _settle_late(ledger, wu, each, rule, now)
            if judgement.retry:
                handle.retry_later(wu, now)
        settled.append(judgement)
    count_version_samples(ledger)
    return settled


def _settle_set(ledger: Ledger, wu: CheckedWorkunit, verdict: Verdict, rule: Rule, now: float) -> None:
    viable = handle.viable_results(wu.results)
    credit = 0.0
    if verdict.canonical:
        credit = workunit_credit(ledger, wu, viable, lambda each: verdict.states.get(each.id) == VALID, rule, now)
        wu.canonical_credit = credit
    elif not rule.boinc_exact:
        wu.min_quorum = verdict.quorum  # of suspicious results, a raised one
    handle.set_checked(
        wu,
        wu.results,
        viable,
        _records(ledger, viable),
        verdict.canonical,
        verdict.states,
        verdict.outcomes,
        verdict.retry,
        now,
        app_target=ledger.app.target_nresults,
        quota=ledger.daily_result_quota,
        boinc_exact=rule.boinc_exact,
    )
    for result in viable:
        if result.validate_state == VALID:
            _reward(ledger, result, credit, rule, now)


def _settle_late(ledger: Ledger, wu: CheckedWorkunit, late: Late, rule: Rule, now: float) -> None:
    result = next(each for each in wu.results if each.id == late.result)
    (record,) = _records(ledger, [result])
    target, quota = ledger.app.target_nresults, ledger.daily_result_quota
    if late.state == VALID:
        adaptive_credit(ledger, wu, [replace(result)], rule, now)  # for the statistics
    handle.pair_checked(wu, result, late.state, late.failure, record, now, app_target=target, quota=quota)
    if late.state == VALID:
        canonical = next((each for each in wu.results if each.id == wu.canonical_resultid), None)
        _reward(ledger, result, canonical.granted_credit if canonical else wu.canonical_credit, rule, now)


def _reward(ledger: Ledger, result: CheckedResult, credit: float, rule: Rule, now: float) -> None:
    came_back(ledger, result)
    if rule.mode is not Mode.NONE:
        grant(ledger, result, credit, now)


def _records(ledger: Ledger, results: Sequence[CheckedResult]) -> list[HostVersion | None]:
    keys = [(each.hostid, generalized_app_version_id(each.app_version_id, ledger.app.id)) for each in results]
    return [ledger.host_versions.get(key) for key in keys]


def summary(wu: CheckedWorkunit) -> str:
    """A settled workunit in a line, for the log."""
    counts = {name: sum(each.validate_state == state for each in wu.results) for name, state in _WORDS.items()}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    canonical = f"canonical result {wu.canonical_resultid}" if wu.canonical_resultid else "no canonical result"
    return f"workunit {wu.id} {wu.name}: {canonical}; {told or 'nothing to compare yet'}"


_WORDS = {"valid": VALID, "invalid": INVALID, "inconclusive": INCONCLUSIVE}
