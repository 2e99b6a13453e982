"""Which results of a job agree, and which one is canonical. Pure.

The rules are those of BOINC's check_set and check_pair (its source, `sched/validate_util2.cpp`; its wiki page
ValidationSimple); the docstrings say where ours differ, and `boinc_exact=True` takes BOINC's to the letter.

*Agree* is what a comparator says of two outputs. A job has a canonical result when as many results as its quorum have
been read and a majority of the quorum (more than half of it) agree with that one. Under a comparator that is transitive,
such as `bitwise`, results fall into groups, and neither their order nor who is canonical matters to the others' states,
unless groups of equal size are in the way. A tolerance is not transitive: 1.0 agrees with 1.1 and 1.1 with 1.2, but 1.0 not
with 1.2. Then valid means to agree with the canonical result, and which of several candidates that is may depend on their order.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any

from pyboinc.errors import PyBoincError
from pyboinc.model import Outcome

Same = Callable[[Any, Any], bool]
Key = Callable[[Any], Hashable]


class ValidateState(IntEnum):
    """What the validator thinks of a result: the numbers of BOINC's database (its source, `db/boinc_db_types.h`)."""

    INIT = 0
    """not looked at"""
    VALID = 1
    INVALID = 2
    NO_CHECK = 3
    """its job has failed: it will never be looked at"""
    INCONCLUSIVE = 4
    """looked at, and there was no canonical result"""
    TOO_LATE = 5
    """the canonical result's files are gone: nobody can tell"""


class Check(Enum):
    """What reading a result's output, on its own, has shown; BOINC's init_result."""

    OK = "ok"
    INVALID = "invalid"
    """it is not an output, and never will be"""
    TRANSIENT = "transient"
    """it could not be read now: try again later"""


class TransientError(PyBoincError):
    """Raised by a comparator that can't tell now, e.g. because a disk is away. An OSError is understood as one."""


@dataclass(slots=True)
class Candidate:
    """A result that came back as a success and has not been found invalid.

    id (int): the result's.  output: what the comparator gets; not looked at unless `check` is OK.  suspicious: it may well
    be right, but should not be believed without a second opinion; so is an app's exception under quorum 1.
    """

    id: int
    output: Any = field(default=None, repr=False)
    check: Check = Check.OK
    suspicious: bool = False


@dataclass(frozen=True)
class Failure:
    """The comparator raised `error` when it was given the outputs of these two results (IDs)."""

    first: int
    second: int
    error: Exception


@dataclass(slots=True)
class Verdict:
    """What check_set has decided.

    canonical (int | None): ID of the canonical result.  states: of every result decided on, by ID; who is missing keeps the
    state it has.  retry: something could not be read now, call again later.  quorum: the one in force, raised if there are
    suspicious results; it follows from them, so it need not be written back.  outcomes: of the results whose outcome
    changes, by ID.  failures: of the comparator, for the log.
    """

    canonical: int | None
    states: dict[int, ValidateState]
    retry: bool
    quorum: int
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


def check_set(
    candidates: Iterable[Candidate],
    quorum: int,
    same: Same | None,
    *,
    key: Key | None = None,
    app_target: int = 0,
    boinc_exact: bool = False,
) -> Verdict:
    """Find the canonical result of a job that has none, and the state of each of its results.

    quorum: the job's min_quorum.  same: do two outputs agree? With `key`, outputs agree if their keys are equal, which takes
    time proportional to the number of results instead of its square, and `same` is not called.  app_target: the app's own
    target_nresults, 0 if it has no adaptive replication.

    - A result that is no output becomes invalid, with the outcome VALIDATE_ERROR, canonical result or not.
    - Results that can't be read now are left out, and `retry` is set. If two results can't be compared now, nothing is
      decided on those that can be read.
    - A comparator that raises anything else has not agreed: one result must not be able to stop the validation of others.

    Different from BOINC:

    - A suspicious result raises the quorum, in BOINC to abs(app_target) only; here to 2 at least. Else, without adaptive
      replication, a second result arrives and the suspicious one, being the first, is made canonical without its consent.
    - When the quorum is raised, BOINC goes on asking for a majority of the old one; here it is of the raised one.
    - BOINC takes the first result that enough others agree with, even if more of them agree with another; here it
      is the one that most agree with, the first of equals. The two differ only if more results came back than the quorum.
    """
    verdict = Verdict(None, {}, False, quorum)
    readable = _readable(candidates, verdict)
    alone = False
    if any([each.suspicious for each in readable]):
        alone = boinc_exact and len(readable) == 1
        verdict.quorum = max(quorum, abs(app_target), 0 if boinc_exact else 2)
    if len(readable) < max(1, verdict.quorum) or alone:
        return verdict
    needed = (quorum if boinc_exact else verdict.quorum) // 2 + 1
    try:
        if key is not None:
            found = _agreeing_by_key([key(each.output) for each in readable], needed, first=boinc_exact)
        else:
            assert same is not None, "check_set needs same or key"
            found = _agreeing(readable, same, needed, verdict.failures, first=boinc_exact)
    except (TransientError, OSError):
        verdict.retry = True
        return verdict
    if found is not None:
        leader, agrees = found
        verdict.canonical = readable[leader].id
        for each, agreed in zip(readable, agrees, strict=True):
            verdict.states[each.id] = ValidateState.VALID if agreed else ValidateState.INVALID
    return verdict


def check_pair(
    candidate: Candidate,
    canonical: Candidate,
    same: Same | None,
    *,
    key: Key | None = None,
    boinc_exact: bool = False,
    failures: list[Failure] | None = None,
) -> tuple[ValidateState, bool]:
    """The state of a result that came after its job got a canonical one, and whether to try again later.

    INIT: nothing is decided, the result keeps the state it has. A result whose own check is INVALID gets the outcome
    VALIDATE_ERROR too. A comparator that raises makes it invalid; what it raised is appended to `failures`.

    Different from BOINC (whose ways are in brackets, and also set VALIDATE_ERROR):

    - If the canonical result is no longer readable, ever, the result is TOO_LATE (invalid: the volunteer would pay for
      what the project has lost).
    - Suspicious results are compared like any other (invalid, whichever of the two is suspicious).
    """
    refused = [each.check is Check.INVALID or (boinc_exact and each.suspicious) for each in (candidate, canonical)]
    if candidate.check is Check.TRANSIENT:
        return ValidateState.INIT, True
    if refused[0]:
        return ValidateState.INVALID, False
    if canonical.check is Check.TRANSIENT:
        return ValidateState.INIT, True
    if refused[1]:
        return (ValidateState.INVALID if boinc_exact else ValidateState.TOO_LATE), False
    try:
        if key is not None:
            agreed = key(candidate.output) == key(canonical.output)
        else:
            assert same is not None, "check_pair needs same or key"
            agreed = _agree(candidate, canonical, same, [] if failures is None else failures)
    except (TransientError, OSError):
        return ValidateState.INIT, True
    return (ValidateState.VALID if agreed else ValidateState.INVALID), False


def _readable(candidates: Iterable[Candidate], verdict: Verdict) -> list[Candidate]:
    """The candidates that can be compared; the verdict gets what is known of the others."""
    readable = []
    for each in candidates:
        if each.check is Check.OK:
            readable.append(each)
        elif each.check is Check.INVALID:
            verdict.states[each.id] = ValidateState.INVALID
            verdict.outcomes[each.id] = Outcome.VALIDATE_ERROR
        else:
            verdict.retry = True
    return readable


Agreement = tuple[int, list[bool]]
"""The index of a result, and for each result whether it agrees with that one."""


def _agreeing_by_key(keys: list[Hashable], needed: int, first: bool) -> Agreement | None:
    """The largest group of equal keys, or the first that is large enough; None if none is."""
    if keys.count(keys[0]) == len(keys):  # as nearly always
        return (0, [True] * len(keys)) if len(keys) >= needed else None
    counts: dict[Hashable, int] = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    enough = [key for key, count in counts.items() if count >= needed]
    if not enough:
        return None
    leader = enough[0] if first else max(enough, key=counts.__getitem__)
    return keys.index(leader), [key == leader for key in keys]


def _agreeing(candidates: Sequence[Candidate], same: Same, needed: int, failures: list[Failure], first: bool) -> Agreement | None:
    """The candidate that most agree with, or the first that enough do; None if there is none."""
    best, most = None, needed - 1
    for i, one in enumerate(candidates):
        agrees = [one is other or _agree(one, other, same, failures) for other in candidates]
        count = sum(agrees)
        if count > most:
            best, most = (i, agrees), count
            if first or 2 * count > len(candidates):  # no other group can be larger
                break
    return best


def _agree(one: Candidate, other: Candidate, same: Same, failures: list[Failure]) -> bool:
    try:
        return bool(same(one.output, other.output))
    except (TransientError, OSError):
        raise
    except Exception as error:  # a comparator of the user's, given a stranger's output
        failures.append(Failure(one.id, other.id, error))
        return False
