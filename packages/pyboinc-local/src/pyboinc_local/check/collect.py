"""A sample of a program's real calls: its master runs, in a temporary folder, until it has made enough of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from pyboinc import settings
from pyboinc.bundle import Program
from pyboinc.cli.program import execute
from pyboinc.codec import encode, parse
from pyboinc.errors import PyBoincError
from pyboinc.model import Attachment, Batch, Job, describe, siblings
from pyboinc.slave import files
from pyboinc_validator.comparators import Comparator

from .. import plugin
from ..development import Development
from ..options import LocalOptions

MOST_CALLS = 100_000
"""A program that makes more is stopped there."""


@dataclass(frozen=True)
class Sampled:
    """One call. position (str): as in `pyboinc.model.Call`.  data: an input file with just this call.  shown: its input in short.
    files: its data files."""

    position: str
    program: Program
    data: bytes
    shown: str
    files: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class Sample:
    """calls: evenly spread over those that were made.  made (int): how many those are.  whole: these are all the calls of the program.

    comparator (str): the program's own.
    """

    calls: tuple[Sampled, ...]
    made: int
    whole: bool
    comparator: str


class Enough(SystemExit):
    """The master has made the calls that were wanted."""


class Collector:
    """The project of a program that is checked: it keeps the jobs, and runs them only as long as more calls are wanted."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.jobs: list[Job] = []
        self.made = 0
        self.comparator = ""
        self._held: list[Job] = []
        self._development: Development | None = None

    def __call__(self, batch: Batch, options: LocalOptions, comparator: Comparator) -> Collector:
        self.comparator = comparator.spec
        alone = batch.settings.with_({"quorum": 1, "replication": None})
        batch.settings = alone
        self._development = Development(batch, LocalOptions(workers=options.workers), comparator)
        return self

    def submit(self, jobs: list[Job]) -> None:
        self.jobs += jobs
        self._held += jobs
        self.made += sum(job.count for job in jobs)
        if self.made >= MOST_CALLS:
            raise Enough

    def wait(self, timeout: float) -> None:
        assert self._development is not None
        if self.made >= self.wanted:
            raise Enough
        if self._held:
            self._development.submit(self._held)
            self._held = []
        self._development.wait(timeout)

    def stop(self) -> None:
        if self._development is not None:
            self._development.stop()


def sample(script: str, arguments: Sequence[str], wanted: int, folder: str) -> Sample:
    """Run the master and get its calls. folder: an empty one. Raises PyBoincError, and what the program raises."""
    collector = Collector(wanted)
    plugin.make_mode = collector
    settings.taken = ["-i", "local", "--batch", os.path.join(folder, "batch"), "--quiet"]
    settings.scratch = folder
    whole = False
    try:
        execute(script, arguments)
        whole = True
    except Enough:
        pass
    except SystemExit as end:
        if end.code and not collector.jobs:
            raise
        whole = not end.code
    finally:
        settings.taken = settings.scratch = plugin.make_mode = None
    if not collector.made:
        raise PyBoincError(f"{script} made no call: is it the program's master?")
    return Sample(tuple(_spread(collector.jobs, wanted)), collector.made, whole, collector.comparator)


def _spread(jobs: Sequence[Job], wanted: int) -> list[Sampled]:
    """So many calls, evenly spread, the first and the last among them."""
    places = [(job, number) for job in jobs for number in range(job.count)]
    count = min(wanted, len(places))
    steps = max(count - 1, 1)
    return [_one(*places[k * (len(places) - 1) // steps]) for k in range(count)]


def _one(job: Job, number: int) -> Sampled:
    _, seed, _, inputs, *_ = parse(job.data)
    position = siblings(job.first, job.count)[number]
    data = files.input_file(seed, position, [encode(inputs[number], within=2)], {each.name: each.file_name for each in job.files})
    return Sampled(position, job.program, data, describe(inputs[number]), job.files)
