"""What holds for every set of results, and for every pair of floats."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pyboinc_validator.comparators import tolerance, ulp, ulps
from pyboinc_validator.quorum import Candidate, Check, ValidateState, check_pair, check_set

VALID, INVALID = ValidateState.VALID, ValidateState.INVALID
quorums = st.integers(1, 6)
targets = st.integers(-5, 5)
checks = st.sampled_from([Check.OK] * 6 + [Check.INVALID, Check.TRANSIENT])


def sets(outputs: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Candidate]]:
    parts = st.tuples(outputs, checks, st.integers(0, 5).map(lambda n: n == 0))
    return st.lists(parts, max_size=8).map(lambda rows: [Candidate(i, *each) for i, each in enumerate(rows, 1)])


def equal(a: object, b: object) -> bool:
    return a == b


def near(a: float, b: float) -> bool:
    return abs(a - b) <= 1


@given(sets(st.integers(0, 5)), quorums, targets, st.sampled_from([equal, near]), st.booleans())
def test_canonical_means_that_a_majority_of_the_quorum_agrees(
    candidates: list[Candidate], quorum: int, target: int, same: Any, boinc_exact: bool
) -> None:
    verdict = check_set(candidates, quorum, same, app_target=target, boinc_exact=boinc_exact)
    by_id = {each.id: each for each in candidates}
    readable = [each for each in candidates if each.check is Check.OK]
    suspicious = any(each.suspicious for each in readable)
    assert verdict.quorum == max(quorum, abs(target) if suspicious else 0, 2 if suspicious and not boinc_exact else 0)
    assert verdict.retry == any(each.check is Check.TRANSIENT for each in candidates)
    assert verdict.outcomes.keys() == {each.id for each in candidates if each.check is Check.INVALID}
    if verdict.canonical is None:
        assert set(verdict.states) == set(verdict.outcomes)
        return
    canonical = by_id[verdict.canonical]
    agreeing = {each.id for each in readable if same(canonical.output, each.output)}
    assert len(readable) >= verdict.quorum
    assert 2 * len(agreeing) > (quorum if boinc_exact else verdict.quorum)
    assert {number for number, state in verdict.states.items() if state is VALID} == agreeing
    assert verdict.states.keys() == {each.id for each in candidates if each.check is not Check.TRANSIENT}


@given(sets(st.integers(0, 2)), quorums, targets, st.booleans())
def test_no_canonical_result_means_that_no_majority_agrees(
    candidates: list[Candidate], quorum: int, target: int, boinc_exact: bool
) -> None:
    verdict = check_set(candidates, quorum, equal, app_target=target, boinc_exact=boinc_exact)
    outputs = [each.output for each in candidates if each.check is Check.OK]
    alone = boinc_exact and len(outputs) == 1  # BOINC does not count a suspicious one that is alone
    if verdict.canonical is None and len(outputs) >= verdict.quorum and not alone:
        assert all(2 * outputs.count(each) <= (quorum if boinc_exact else verdict.quorum) for each in outputs)


@given(sets(st.integers(0, 2)), quorums, targets, st.booleans())
def test_a_key_decides_as_its_equality_does(candidates: list[Candidate], quorum: int, target: int, boinc_exact: bool) -> None:
    by_same = check_set(candidates, quorum, equal, app_target=target, boinc_exact=boinc_exact)
    by_key = check_set(candidates, quorum, None, key=lambda output: output, app_target=target, boinc_exact=boinc_exact)
    assert by_same == by_key


@given(st.data(), sets(st.integers(0, 2)), quorums, targets)
def test_order_matters_only_between_equal_groups(data: st.DataObject, candidates: list[Candidate], quorum: int, target: int) -> None:
    """A transitive comparator. BOINC too, as long as only one group is large enough: see the next one."""
    verdict = check_set(candidates, quorum, equal, app_target=target)
    other = check_set(data.draw(st.permutations(candidates)), quorum, equal, app_target=target)
    outputs = [each.output for each in candidates if each.check is Check.OK]
    sizes = sorted(map(outputs.count, set(outputs)))
    assert (verdict.canonical is None) == (other.canonical is None)
    assert (verdict.quorum, verdict.retry, verdict.outcomes) == (other.quorum, other.retry, other.outcomes)
    if len(sizes) < 2 or sizes[-1] > sizes[-2] or verdict.canonical is None:
        assert verdict.states == other.states


@given(st.data(), sets(st.integers(0, 2)), quorums, targets)
def test_order_under_boinc_exact(data: st.DataObject, candidates: list[Candidate], quorum: int, target: int) -> None:
    outputs = [each.output for each in candidates if each.check is Check.OK]
    if sum(2 * outputs.count(each) > quorum for each in set(outputs)) < 2:
        verdict = check_set(candidates, quorum, equal, app_target=target, boinc_exact=True)
        other = check_set(data.draw(st.permutations(candidates)), quorum, equal, app_target=target, boinc_exact=True)
        assert verdict.states == other.states


@given(sets(st.integers(0, 2)), quorums, targets)
def test_a_latecomer_is_judged_as_the_set_was(candidates: list[Candidate], quorum: int, target: int) -> None:
    verdict = check_set(candidates, quorum, equal, app_target=target)
    for each in candidates:
        if verdict.canonical is not None:
            state, retry = check_pair(each, candidates[verdict.canonical - 1], equal)
            assert state == verdict.states.get(each.id, ValidateState.INIT)
            assert retry == (each.check is Check.TRANSIENT)


floats = st.floats(allow_subnormal=True)
limits = st.floats(0, 1, exclude_max=True)
widths = st.sampled_from([16, 32, 64])


@given(floats, floats, limits, st.floats(0, 1e300))
def test_tolerance_is_symmetric_and_reflexive(a: float, b: float, relative: float, absolute: float) -> None:
    close = tolerance(relative, absolute)
    assert close.agree(a, a)
    assert close.agree(a, b) == close.agree(b, a)
    if math.isfinite(a) and math.isfinite(b) and a != b:
        assert close.agree(a, b) == (abs(a - b) <= max(relative * max(abs(a), abs(b)), absolute))
    else:
        assert close.agree(a, b) == (a == b or (math.isnan(a) and math.isnan(b)))


@given(st.floats(allow_nan=False), st.integers(0, 1000), st.integers(0, 1000))
def test_ulps_count_steps(a: float, up: int, limit: int) -> None:
    b = a
    for _ in range(min(up, 50)):
        b = math.nextafter(b, math.inf)
    steps = ulps(a, b)
    assert steps == min(up, 50) or math.isinf(b)
    assert ulps(b, a) == ulps(-a, -b) == steps
    if math.isfinite(a) and math.isfinite(b):
        assert ulp(limit).agree(a, b) == ulp(limit).agree(b, a) == (steps <= limit)


@given(st.data(), widths)
def test_ulps_are_a_distance(data: st.DataObject, bits: int) -> None:
    a, b, c = (data.draw(st.floats(width=bits, allow_nan=False)) for _ in range(3))  # type: ignore[arg-type]
    assert (ulps(a, b, bits) == 0) == (a == b)
    assert ulps(a, c, bits) <= ulps(a, b, bits) + ulps(b, c, bits)
    if min(a, c) <= b <= max(a, c):
        assert ulps(a, c, bits) == ulps(a, b, bits) + ulps(b, c, bits)
