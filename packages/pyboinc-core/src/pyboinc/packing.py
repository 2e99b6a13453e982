"""Which calls share a job. Pure.

A job is worth a volunteer's while if it takes minutes; a call may take milliseconds. Calls that follow each other, of one
program and with the same data files, share a job: a fixed number of them, or as many as fill a time, as the first ones show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .model import next_sibling

if TYPE_CHECKING:
    from .decisions import CallMade

PROBES = 8  # jobs of one call that are sent to learn what a call takes
MAX_CALLS = 100_000  # in a job


class Packer:
    """Collects calls in the order in which they are made, and gives them back in groups, each for one job.

    calls_per_job: the size of the groups.  job_seconds: in place of it, what a job shall take; 0 for a fixed size.
    """

    def __init__(self, calls_per_job: int = 1, job_seconds: float = 0.0) -> None:
        self._fixed = calls_per_job
        self._job_seconds = job_seconds
        self._open: dict[str, list[CallMade]] = {}  # by parent of their positions: calls that may share a job with the next
        self._closed: list[list[CallMade]] = []  # calls that may share a job
        self._probes = PROBES  # jobs of one call that may be made before the size is known
        self._calls, self._seconds = 0, 0.0  # of the jobs measured

    @property
    def size(self) -> int:
        """Calls of a full group; 0 if that is not known yet."""
        if not self._job_seconds:
            return self._fixed
        if not self._calls:
            return 0
        return max(1, min(MAX_CALLS, int(self._job_seconds * self._calls / max(self._seconds, 1e-9))))

    def measured(self, calls: int, seconds: float) -> None:
        """A job has ended; seconds: its run time, 0 if it failed."""
        self._probes += 1
        if seconds > 0:
            self._calls += calls
            self._seconds += seconds

    def add(self, call: CallMade) -> list[list[CallMade]]:
        """The groups that are full with it."""
        if self._fixed == 1 and not self._job_seconds:
            return [[call]]
        parent = call.call.position.rpartition(".")[0]
        run = self._open.setdefault(parent, [])
        if run and not _may_share(run[-1], call):
            self._closed.append(run)
            run = self._open[parent] = []
        run.append(call)
        return self._cut() if self._closed or len(run) >= self.size else []

    def take(self, rest: bool = False) -> list[list[CallMade]]:
        """The groups that are full, and those of the calls made by handlers that have returned. rest: those of all calls."""
        for parent in list(self._open):
            if rest or parent:
                self._closed.append(self._open.pop(parent))
        return self._cut()

    def _cut(self) -> list[list[CallMade]]:
        groups: list[list[CallMade]] = []
        runs = [*self._closed, *self._open.values()]
        for number, run in enumerate(runs):
            least = 1 if number < len(self._closed) else max(1, self.size)
            while len(run) >= least and (size := self.size or self._probe()):
                groups.append(run[:size])
                del run[:size]
        self._closed = [run for run in self._closed if run]
        self._open = {parent: run for parent, run in self._open.items() if run}
        return groups

    @property
    def holds_calls(self) -> bool:
        return bool(self._open or self._closed)

    def _probe(self) -> int:
        """The size of a job that is to show what a call takes; 0 if there are enough of them."""
        if not self._probes:
            return 0
        self._probes -= 1
        return 1


def _may_share(call: CallMade, following: CallMade) -> bool:
    same = call.program is following.program and call.files == following.files
    return same and next_sibling(call.call.position) == following.call.position
