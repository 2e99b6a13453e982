"""Counts what a simulation does. It knows the truth: which outputs were spoiled, and what hosts really are.

A `Tally` is an event log that counts; the lines go on to another log, if there is one.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from math import sqrt

from pyboinc.states import CLIENT_ERROR, INVALID, NO_REPLY, SUCCESS, TOO_LATE, VALID, VALIDATE_ERROR

from ..eventlog import EventLog
from ..server.rows import Host, Result, Workunit
from ..simulation import Simulation, Volunteer

Same = Callable[[bytes, bytes], bool]
"""Do two honest outputs agree?"""


class Tally(EventLog):
    """The numbers of one simulation.

    same: the batch's comparator.  log: gets the events too. `watch` tells it whose truth it is to know.

    Times are seconds.  ended: when each job got its canonical result, in order.  failed: numbers of workunits that have none.
    results_of_jobs: how many results were sent, of each ended job.  turnaround, cpu: of each result that came, from sent to
    received, and of computing.  pairs: (label, label) in alphabetical order -> [compared, agreed], of honest outputs of one job.
    """

    def __init__(self, same: Same, log: EventLog | None = None) -> None:
        super().__init__(lambda line: None)
        self._spoiled: Collection[int] = frozenset()
        self._volunteers: Mapping[int, Volunteer] = {}
        self._same = same
        self._log = log
        self.jobs = self.results_made = self.results_sent = self.canonical = 0
        self.agreed = self.disagreed = self.invalid = self.too_late = 0
        self.errors = self.late = self.reports_refused = self.honest_refused = 0
        self.no_reply = 0
        self.wrong_accepted = self.wrong_credited = 0
        self.split_jobs = 0  # honest outputs of one job that did not agree
        self.failed: set[int] = set()
        self.useful = self.valid_time = self.total_time = 0.0
        self.ended = array("d")
        self.failed_at = array("d")
        self.received = array("d")
        self.results_of_jobs = Counter[int]()
        self.turnaround = array("d")
        self.cpu = array("d")
        self.pairs: dict[tuple[str, str], list[int]] = {}

    def watch(self, simulation: Simulation) -> None:
        """Count this simulation, from before its first job on."""
        self._spoiled = simulation.spoiled
        self._volunteers = simulation.volunteers

    @property
    def hosts(self) -> Counter[str]:
        """All that ever came, by what they are called where they are compared."""
        return Counter(each.spec.label for each in self._volunteers.values())

    @property
    def hosts_left(self) -> int:
        return sum(each.gone for each in self._volunteers.values())

    def _label(self, host: int) -> str:
        return self._volunteers[host].spec.label

    # -- the event log

    def begin(self, seed: int) -> None:
        if self._log:
            self._log.begin(seed)

    def host_came(self, t: float, host: Host) -> None:
        if self._log:
            self._log.host_came(t, host)

    def host_left(self, t: float, host: Host) -> None:
        if self._log:
            self._log.host_left(t, host)

    def submitted(self, t: float, wu: Workunit) -> None:
        self.jobs += 1
        if self._log:
            self._log.submitted(t, wu)

    def made(self, t: float, result: Result) -> None:
        self.results_made += 1
        if self._log:
            self._log.made(t, result)

    def sent(self, t: float, result: Result, again: bool = False) -> None:
        self.results_sent += not again
        if self._log:
            self._log.sent(t, result, again)

    def over(self, t: float, result: Result) -> None:
        outcome = result.outcome
        if outcome == NO_REPLY:
            self.no_reply += 1
        elif outcome in (SUCCESS, CLIENT_ERROR):
            self.late += t > result.report_deadline
            self.errors += outcome == CLIENT_ERROR
            self.total_time += result.elapsed_time
            self.received.append(t)
            self.turnaround.append(t - result.sent_time)
            self.cpu.append(result.elapsed_time)
        if self._log:
            self._log.over(t, result)

    def refused(self, t: float, result: Result, host: Host, why: str) -> None:
        self.reports_refused += 1
        if self._log:
            self._log.refused(t, result, host, why)

    def checked(self, t: float, result: Result) -> None:
        state = result.validate_state
        if state == VALID:
            self.agreed += 1
            self.valid_time += result.elapsed_time
            self.wrong_credited += result.id in self._spoiled
        elif state == INVALID:
            if result.outcome == VALIDATE_ERROR:
                self.invalid += 1
            else:
                self.disagreed += 1
                self.honest_refused += result.id not in self._spoiled
        elif state == TOO_LATE:
            self.too_late += 1
        if self._log:
            self._log.checked(t, result)

    def workunit(self, t: float, event: str, wu: Workunit) -> None:
        if event == "canonical":
            self.canonical += 1
            self.wrong_accepted += wu.canonical_resultid in self._spoiled
            self.useful += sum(each.elapsed_time for each in wu.results if each.id == wu.canonical_resultid)
        elif event == "assimilated":
            self.ended.append(t)
            if wu.id in self.failed:  # a late result was right
                self.failed.discard(wu.id)
            else:
                self._ended(wu)
        elif event == "failed":
            self.failed.add(wu.id)
            self.failed_at.append(t)
            self._ended(wu)
        if self._log:
            self._log.workunit(t, event, wu)

    def files_deleted(self, t: float, result: Result) -> None:
        if self._log:
            self._log.files_deleted(t, result)

    # -- more about ended jobs

    def _ended(self, wu: Workunit) -> None:
        self.results_of_jobs[sum(each.hostid != 0 for each in wu.results)] += 1
        honest = [each for each in wu.results if each.outcome == SUCCESS and each.output is not None and each.id not in self._spoiled]
        split = False
        for place, one in enumerate(honest):
            for other in honest[:place]:
                agree = one.output == other.output or self._same(one.output or b"", other.output or b"")
                split = split or not agree
                first, second = self._label(one.hostid), self._label(other.hostid)
                pair = (first, second) if first <= second else (second, first)
                counts = self.pairs.get(pair) or self.pairs.setdefault(pair, [0, 0])
                counts[0] += 1
                counts[1] += agree
        self.split_jobs += split

    # -- figures

    @property
    def last(self) -> float:
        """When the last job got its canonical result, or failed."""
        return max([*self.ended[-1:], *self.failed_at[-1:]], default=0.0)

    @property
    def sent_per_canonical(self) -> float:
        return self.results_sent / max(1, self.canonical)

    def summary(self) -> dict[str, object]:
        """For JSON; docs/simulate.md lists the keys."""
        not_needed = max(0.0, self.valid_time - self.useful)
        return {
            "simulated_seconds": self.last,
            "hosts": len(self._volunteers) - self.hosts_left,
            "hosts_left": self.hosts_left,
            "jobs": self.jobs,
            "jobs_failed": len(self.failed),
            "results": {
                "sent": self.results_sent,
                "sent_per_canonical": round(self.sent_per_canonical, 4),
                "agreed": self.agreed,
                "disagreed": self.disagreed,
                "invalid": self.invalid,
                "errors": self.errors,
                "late": self.late,
                "never_came": max(0, self.no_reply - self.late),
                "too_late_to_check": self.too_late,
                "refused_reports": self.reports_refused,
            },
            "time": {
                "total": self.total_time,
                "canonical": self.useful,
                "replication": not_needed,
                "lost": self.total_time - self.useful - not_needed,
            },
            "truth": {
                "wrong_accepted": self.wrong_accepted,
                "wrong_credited": self.wrong_credited,
                "honest_refused": self.honest_refused,
                "jobs_on_which_honest_hosts_disagree": self.split_jobs,
            },
            "pairs": [{"between": list(pair), "compared": n, "agreed": agreed} for pair, (n, agreed) in sorted(self.pairs.items())],
            "pymw": {
                "num_total_workers": len(self._volunteers),
                "num_executed_tasks": len(self.cpu),
                "cur_sim_time": self.last,
                **_statistics("wall", self.turnaround),
                **_statistics("cpu", self.cpu),
            },
        }


def _statistics(name: str, values: Sequence[float]) -> dict[str, float]:
    """What PyMW's grid simulator tells of its tasks, under its names. Its median is the upper of two middle ones."""
    if not values:
        return {f"{what}_{name}_time": 0.0 for what in ("total", "mean", "median", "stddev")}
    total = sum(values)
    mean = total / len(values)
    return {
        f"total_{name}_time": total,
        f"mean_{name}_time": mean,
        f"median_{name}_time": sorted(values)[len(values) // 2],
        f"stddev_{name}_time": sqrt(sum((each - mean) ** 2 for each in values) / len(values)),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies; 0 if there are none.

    >>> percentile([3.0, 1.0, 2.0], 0.5)
    2.0
    """
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
