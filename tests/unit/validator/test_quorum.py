"""check_set and check_pair: BOINC's own decisions, row by row, and where ours differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pyboinc.model import Outcome
from pyboinc_validator.quorum import Candidate, Check, Failure, TransientError, ValidateState, Verdict, check_pair, check_set

VALID, INVALID, INIT = ValidateState.VALID, ValidateState.INVALID, ValidateState.INIT
CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "data" / "quorum-vectors.json").read_text())["cases"]
CHECKS = {0: Check.OK, 1: Check.OK, 2: Check.TRANSIENT, 3: Check.TRANSIENT, 4: Check.INVALID}


def decide(case: dict[str, Any], boinc_exact: bool) -> Verdict:
    """A vector's case; outputs are the numbers of its results. The data's own note says what its numbers mean."""

    def same(i: int, j: int) -> bool:
        answer = case["cmp"][i][j]
        if answer == "2":
            raise TransientError("not now")
        if answer == "3":
            raise ValueError("never")
        return bool(answer == "1")

    candidates = [Candidate(i + 1, i, CHECKS[each], suspicious=each == 1) for i, each in enumerate(case["init"])]
    return check_set(candidates, case["q"], same, app_target=case["app_target"], boinc_exact=boinc_exact)


def row(case: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    numbers = range(1, len(case["init"]) + 1)
    return {
        "canonical": verdict.canonical or 0,
        "retry": int(verdict.retry),
        "min_quorum_after": verdict.quorum,
        "validate_state": [int(verdict.states.get(each, INIT)) for each in numbers],
        "outcome": [int(verdict.outcomes.get(each, Outcome.SUCCESS)) for each in numbers],
    }


def test_there_are_600_decisions() -> None:
    assert len(CASES) == 600


def test_boinc_exact_decides_as_boinc_does() -> None:
    for number, case in enumerate(CASES):
        expected = {key: case[key] for key in ("canonical", "retry", "min_quorum_after", "validate_state", "outcome")}
        assert row(case, decide(case, boinc_exact=True)) == expected, f"case {number}: {case}"


def test_ours_differs_only_where_it_says() -> None:
    """With nothing suspicious and no more results than the quorum, BOINC's decisions are ours."""
    seen = 0
    for number, case in enumerate(CASES):
        readable = sum(each in (0, 1) for each in case["init"])
        if 1 not in case["init"] and readable <= case["q"]:
            seen += 1
            assert row(case, decide(case, boinc_exact=False)) == row(case, decide(case, boinc_exact=True)), f"case {number}: {case}"
    assert seen > 100


def outputs(text: str, **more: Any) -> list[Candidate]:
    """Candidates 1, 2, ... with these letters as outputs; capitals are suspicious, ? can't be read now, ! is invalid."""
    checks = {"?": Check.TRANSIENT, "!": Check.INVALID}
    return [Candidate(i, each.lower(), checks.get(each, Check.OK), each.isupper()) for i, each in enumerate(text, 1)]


def equal(a: object, b: object) -> bool:
    return a == b


def no_call(a: object, b: object) -> bool:
    raise AssertionError


def states(verdict: Verdict) -> dict[int, str]:
    return {number: state.name for number, state in verdict.states.items()}


@pytest.mark.parametrize("by_key", [False, True], ids=["same", "key"])
@pytest.mark.parametrize(
    "text, quorum, canonical, valid, invalid",
    [
        ("", 1, None, "", ""),
        ("a", 1, 1, "1", ""),
        ("aa", 2, 1, "12", ""),
        ("ab", 2, None, "", ""),
        ("aba", 2, 1, "13", "2"),
        ("baa", 2, 2, "23", "1"),
        ("a", 2, None, "", ""),
        ("abb", 3, 2, "23", "1"),  # two of three are a majority
        ("aabb", 4, None, "", ""),  # two of four are not
        ("aaab", 4, 1, "123", "4"),
        ("a!", 1, 1, "1", "2"),
        ("a!", 2, None, "", "2"),
        ("!", 1, None, "", "1"),
        ("a?a", 2, 1, "13", ""),
    ],
)
def test_check_set(text: str, quorum: int, canonical: int | None, valid: str, invalid: str, by_key: bool) -> None:
    for exact in (False, True):
        verdict = check_set(outputs(text), quorum, no_call if by_key else equal, key=str if by_key else None, boinc_exact=exact)
        assert verdict.canonical == canonical
        expected = {**{int(each): VALID for each in valid}, **{int(each): INVALID for each in invalid}}
        assert verdict.states == expected
        assert verdict.retry == ("?" in text)
        assert verdict.quorum == quorum
        assert verdict.outcomes == {i: Outcome.VALIDATE_ERROR for i, each in enumerate(text, 1) if each == "!"}


@pytest.mark.parametrize("by_key", [False, True], ids=["same", "key"])
def test_the_larger_group_wins(by_key: bool) -> None:
    def canonical(text: str, quorum: int, exact: bool) -> int | None:
        return check_set(outputs(text), quorum, no_call if by_key else equal, key=str if by_key else None, boinc_exact=exact).canonical

    assert canonical("aabbb", 2, exact=True) == 1
    assert canonical("aabbb", 2, exact=False) == 3
    assert canonical("abb", 1, exact=True) == 1
    assert canonical("abb", 1, exact=False) == 2
    assert canonical("aabb", 2, exact=False) == 1  # of equals the first


class TestSuspicious:
    def test_a_sole_one_needs_a_second_opinion(self) -> None:
        verdict = check_set(outputs("A"), 1, equal)
        assert (verdict.canonical, verdict.states, verdict.quorum) == (None, {}, 2)
        exact = check_set(outputs("A"), 1, equal, boinc_exact=True)
        assert (exact.canonical, exact.states, exact.quorum) == (None, {}, 1)

    def test_a_second_opinion_that_agrees(self) -> None:
        verdict = check_set(outputs("Aa"), 1, equal)
        assert (verdict.canonical, states(verdict)) == (1, {1: "VALID", 2: "VALID"})

    def test_a_second_opinion_that_disagrees_asks_for_a_third(self) -> None:
        assert check_set(outputs("Ab"), 1, equal).canonical is None
        verdict = check_set(outputs("Abb"), 1, equal)
        assert (verdict.canonical, states(verdict)) == (2, {1: "INVALID", 2: "VALID", 3: "VALID"})
        assert check_set(outputs("Ab"), 1, equal, boinc_exact=True).canonical == 1  # unopposed

    def test_the_raised_quorum_has_its_own_majority(self) -> None:
        """min_quorum 2 raised to 5 by the app's target: two agree, BOINC's old majority; ours wants three."""
        assert check_set(outputs("Aabcd"), 2, equal, app_target=5, boinc_exact=True).canonical == 1
        verdict = check_set(outputs("Aabcd"), 2, equal, app_target=5)
        assert (verdict.canonical, verdict.quorum, verdict.states) == (None, 5, {})
        assert check_set(outputs("Aabca"), 2, equal, app_target=5).canonical == 1

    def test_a_negative_target_counts_as_positive(self) -> None:
        for exact in (False, True):
            assert check_set(outputs("Aaa"), 1, equal, app_target=-3, boinc_exact=exact).quorum == 3

    def test_it_does_not_lower_a_quorum(self) -> None:
        assert check_set(outputs("Aaaa"), 4, equal, app_target=2).quorum == 4

    def test_one_that_cannot_be_read_raises_nothing(self) -> None:
        candidates = [Candidate(1, "a"), Candidate(2, check=Check.TRANSIENT, suspicious=True)]
        assert check_set(candidates, 1, equal).quorum == 1


class TestTransient:
    def test_what_cannot_be_compared_now_decides_nothing(self) -> None:
        for error in (TransientError("disk is away"), OSError("disk is away")):

            def away(a: object, b: object, error: Exception = error) -> bool:
                raise error

            verdict = check_set(outputs("aa!"), 2, away)
            assert (verdict.canonical, states(verdict), verdict.retry) == (None, {3: "INVALID"}, True)
            assert check_pair(Candidate(1), Candidate(2), away) == (INIT, True)

    def test_too_few_can_be_read(self) -> None:
        verdict = check_set(outputs("a?"), 2, equal)
        assert (verdict.canonical, verdict.states, verdict.retry) == (None, {}, True)


def test_a_comparator_that_raises_has_not_agreed() -> None:
    error = KeyError("powers")

    def same(a: str, b: str) -> bool:
        if "x" in (a, b):
            raise error
        return a == b

    verdict = check_set(outputs("xaa"), 2, same)
    assert (verdict.canonical, states(verdict)) == (2, {1: "INVALID", 2: "VALID", 3: "VALID"})
    assert verdict.failures[0] == Failure(1, 2, error)
    failures: list[Failure] = []
    assert check_pair(Candidate(1, "x"), Candidate(2, "a"), same, failures=failures) == (INVALID, False)
    assert failures == [Failure(1, 2, error)]


def test_a_tolerance_makes_order_matter() -> None:
    """Not transitive: b agrees with a and c, which do not agree. Then who is canonical says who else is valid."""

    def near(a: float, b: float) -> bool:
        return abs(a - b) <= 1

    def judged(*values: float, exact: bool = False) -> dict[float, bool]:
        verdict = check_set([Candidate(i, each) for i, each in enumerate(values)], 2, near, boinc_exact=exact)
        return {values[number]: state is VALID for number, state in verdict.states.items()}

    assert judged(1, 2, 3, exact=True) == {1: True, 2: True, 3: False}
    assert judged(3, 2, 1, exact=True) == {1: False, 2: True, 3: True}
    # ours: of four results, 2 and 3 have three friends each, and the first of them is canonical
    assert judged(1, 2, 3, 4) == {1: True, 2: True, 3: True, 4: False}
    assert judged(1, 3, 2, 4) == {1: False, 2: True, 3: True, 4: True}


@pytest.mark.parametrize(
    "text, expected, exact",
    [
        ("aa", (VALID, False), (VALID, False)),
        ("ab", (INVALID, False), (INVALID, False)),
        ("?a", (INIT, True), (INIT, True)),
        ("a?", (INIT, True), (INIT, True)),
        ("!a", (INVALID, False), (INVALID, False)),
        ("!?", (INVALID, False), (INVALID, False)),
        ("a!", (ValidateState.TOO_LATE, False), (INVALID, False)),
        ("Aa", (VALID, False), (INVALID, False)),
        ("aA", (VALID, False), (INVALID, False)),
        ("Ab", (INVALID, False), (INVALID, False)),
        ("A?", (INIT, True), (INVALID, False)),
    ],
)
def test_check_pair(text: str, expected: tuple[ValidateState, bool], exact: tuple[ValidateState, bool]) -> None:
    pair = outputs(text)
    assert check_pair(pair[0], pair[1], equal) == expected
    assert check_pair(pair[0], pair[1], no_call, key=str) == expected
    assert check_pair(pair[0], pair[1], equal, boinc_exact=True) == exact


def test_numbers_are_those_of_the_database() -> None:
    assert [each.name for each in ValidateState] == ["INIT", "VALID", "INVALID", "NO_CHECK", "INCONCLUSIVE", "TOO_LATE"]
    assert list(map(int, ValidateState)) == [0, 1, 2, 3, 4, 5]
