"""Why a workunit's results agree or not, for people. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pyboinc.ledger import CheckedApp, CheckedResult, CheckedWorkunit
from pyboinc.model import Outcome
from pyboinc.states import IN_PROGRESS, OVER, SUCCESS

from .comparators import Comparator
from .judge import judge
from .quorum import Candidate, Check, ValidateState


@dataclass(frozen=True)
class Told:
    """A result. group (str): results of one letter agree with its first one; empty if there is no output.

    differs (str): where and by how much from group A.
    """

    id: int
    host: str
    platform: str
    state: str
    group: str
    differs: str


@dataclass(frozen=True)
class Explanation:
    """A workunit. would: what validating it now would decide."""

    workunit: CheckedWorkunit
    comparator: str
    results: tuple[Told, ...]
    would: str


def explain(wu: CheckedWorkunit, app: CheckedApp, comparator: Comparator, read: Callable[[CheckedResult], Candidate]) -> Explanation:
    """Compare all outputs of a workunit that are there."""
    candidates = {each.id: read(each) for each in wu.results if each.outcome == SUCCESS and each.server_state == OVER}
    readable = [each for each in candidates.values() if each.check is Check.OK]
    groups: list[list[Candidate]] = []
    for each in sorted(readable, key=lambda one: one.id != wu.canonical_resultid):
        home = next((group for group in groups if comparator.same(group[0].output, each.output)), None)
        if home is None:
            groups.append([each])
        else:
            home.append(each)
    if not wu.canonical_resultid:
        groups.sort(key=len, reverse=True)
    letters = {each.id: chr(ord("A") + min(number, 25)) for number, group in enumerate(groups) for each in group}
    results = tuple(_told(each, candidates.get(each.id), letters, groups, comparator) for each in wu.results)
    return Explanation(wu, comparator.spec, results, _would(wu, app, comparator, candidates))


def _told(
    result: CheckedResult,
    candidate: Candidate | None,
    letters: Mapping[int, str],
    groups: Sequence[Sequence[Candidate]],
    comparator: Comparator,
) -> Told:
    if candidate is None:
        differs = "no output: " + _outcome(result)
    elif candidate.check is Check.TRANSIENT:
        differs = "its output can't be read now"
    elif candidate.check is Check.INVALID:
        differs = "its file is not an output of PyBOINC's, or gone"
    else:
        differs = comparator.difference(groups[0][0].output, candidate.output) or ""
        if candidate.suspicious:
            differs = f"the app raised an exception{f'; {differs}' if differs else ''}"
    state = ValidateState(result.validate_state).name.lower() if candidate is not None else ""
    return Told(result.id, result.host, result.platform, state, letters.get(result.id, ""), differs)


def _outcome(result: CheckedResult) -> str:
    if result.server_state != OVER:
        return "a host has it" if result.server_state == IN_PROGRESS else "not sent yet"
    return Outcome(result.outcome).name.lower().replace("_", " ")


def _would(wu: CheckedWorkunit, app: CheckedApp, comparator: Comparator, candidates: Mapping[int, Candidate]) -> str:
    if wu.canonical_resultid:
        return f"result {wu.canonical_resultid} is canonical: valid is what agrees with it"
    judgement = judge(wu, app, comparator, lambda each: candidates[each.id])
    verdict = judgement.verdict
    if verdict is None:
        return f"a quorum of {wu.min_quorum} has not come back yet"
    needed = f"{verdict.quorum // 2 + 1} of a quorum of {verdict.quorum}"
    if verdict.canonical:
        return f"result {verdict.canonical} would be canonical: {needed} or more agree with it"
    if verdict.retry:
        return "an output can't be read now: it is tried again later"
    return f"no {needed} agree: another result is needed"
