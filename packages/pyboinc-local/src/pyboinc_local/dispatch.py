"""Which worker gets which job when. Pure: the time is given.

Workers answer in the order in which they were sent jobs, so the first job without an answer is the one that runs.
Short jobs are sent ahead, so that a worker need not wait for the next one; those sent ahead behind a long job
are taken back when another worker has nothing to do.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

AHEAD_SECONDS = 0.02  # work to send ahead: well above the time of a round trip, well below what a person notices
AHEAD_JOBS = 128
STUCK_SECONDS = 0.05  # a job that runs longer than this holds up those behind it


class Send(NamedTuple):
    worker: int
    jobs: list[int]


class Revoke(NamedTuple):
    worker: int
    jobs: list[int]


@dataclass
class _Worker:
    jobs: deque[int] = field(default_factory=deque)
    since: float = 0.0  # when the first of them began


class Dispatcher:
    """Jobs by number, workers by number."""

    def __init__(self) -> None:
        self._ready: deque[int] = deque()
        self._workers: dict[int, _Worker] = {}
        self._mean: float | None = None

    def add(self, jobs: list[int]) -> None:
        """Jobs to run."""
        self._ready.extend(jobs)

    def worker_came(self, worker: int, now: float) -> None:
        self._workers[worker] = _Worker(since=now)

    def worker_died(self, worker: int) -> int | None:
        """The job that it was running, if any; those behind it wait for another worker."""
        jobs = self._workers.pop(worker, _Worker()).jobs
        if not jobs:
            return None
        first = jobs.popleft()
        self._ready.extendleft(reversed(jobs))
        return first

    def answered(self, worker: int, job: int, now: float) -> bool:
        """False if the job had been taken back from this worker: its answer comes from another."""
        state = self._workers[worker]
        elapsed = now - state.since
        state.since = now
        self._mean = elapsed if self._mean is None else 0.8 * self._mean + 0.2 * elapsed
        if state.jobs and state.jobs[0] == job:
            state.jobs.popleft()
            return True
        return False

    @property
    def waiting(self) -> int:
        """Jobs that no worker has."""
        return len(self._ready)

    def _depth(self) -> int:
        if self._mean is None:
            return 1
        return max(1, min(AHEAD_JOBS, int(AHEAD_SECONDS / max(self._mean, 1e-6))))

    def assign(self, now: float) -> list[Send | Revoke]:
        """What to send to whom now."""
        out: list[Send | Revoke] = []
        depth = self._depth()
        for number, worker in sorted(self._workers.items(), key=lambda item: len(item[1].jobs)):
            if not self._ready:
                break
            if len(worker.jobs) * 2 > depth or (len(worker.jobs) == depth):
                continue
            share = -(-len(self._ready) // len(self._workers))  # the last jobs are spread, not given to one
            jobs = [self._ready.popleft() for _ in range(min(depth - len(worker.jobs), share))]
            if not worker.jobs:
                worker.since = now
            worker.jobs.extend(jobs)
            out.append(Send(number, jobs))
        return out

    def take_back(self, now: float) -> list[Send | Revoke]:
        """Free what waits behind a job that turned out long, if a worker is idle."""
        idle = [number for number, worker in self._workers.items() if not worker.jobs]
        if not idle or self._ready:
            return []
        out: list[Send | Revoke] = []
        for number, worker in self._workers.items():
            if len(worker.jobs) > 1 and now - worker.since > STUCK_SECONDS:
                behind = [worker.jobs.pop() for _ in range(len(worker.jobs) - 1)]
                self._ready.extendleft(behind)
                self._mean = now - worker.since
                out.append(Revoke(number, behind))
        return out + self.assign(now) if out else []
