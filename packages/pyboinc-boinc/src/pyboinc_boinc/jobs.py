"""The jobs of a batch: what is said to create_work, and when. Decisions are pure; `Pipeline` is the shell around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from pyboinc.errors import PyBoincError
from pyboinc.model import Attachment, Job, JobSettings
from pyboinc.ports import Clock

from . import templates
from .project import Project
from .sign import Signer
from .staging import Staging, input_name, program_name
from .store.batches import Batches, BatchStatus
from .tools import Running, ToolError, create_work

ENOUGH_RUNS = 10  # measured, before they are believed
FIRST_GUESS = 60e9  # operations of a job of which nothing is known: with more, clients would fetch one at a time
FASTEST_HOST = 1e11  # operations a second: no client takes a processor for faster
MARGIN = 100  # times the longest job that was measured
LOOK_EVERY = 10.0  # seconds between looks at what was measured
TRIES = 5
PAUSE = 2.0  # seconds until create_work is tried again; each time twice as long
MAX_LINES = 10_000  # jobs that one create_work makes: what it says of each is in memory until it is told
MAX_DATA_FILES = 64  # of a job: create_work's lines end at 4,096 characters
DEFAULTS = {each.name: each.default for each in fields(JobSettings)}


@dataclass(frozen=True)
class Work:
    """Floating-point operations of a job. estimate: for the client's plans.  bound: at this the client ends it."""

    estimate: float
    bound: float


def work_of(settings: JobSettings, timed: int, fpops_sum: float, fpops_max: float) -> Work:
    """What the settings say; if they say nothing, what was measured of so many jobs of the batch.

    A client ends a job when bound / speed seconds have gone by, and its idea of its speed may be wrong by an order of
    magnitude. So without a bound of the user's own a job has until its deadline, and once there are measurements 100 times the longest.

    >>> work_of(JobSettings(), 0, 0, 0).bound >= 7 * 86400 * 1e11
    True
    >>> work_of(JobSettings(), 50, 50 * 2e9, 8e9)
    Work(estimate=2000000000.0, bound=360000000000000.0)
    """
    measured = timed >= ENOUGH_RUNS
    own_estimate = settings.fpops_estimate != DEFAULTS["fpops_estimate"]
    estimate = settings.fpops_estimate if own_estimate else fpops_sum / timed if measured else FIRST_GUESS
    if settings.fpops_bound != DEFAULTS["fpops_bound"]:
        return Work(min(estimate, settings.fpops_bound), settings.fpops_bound)
    bound = max(MARGIN * fpops_max, 3600 * FASTEST_HOST) if measured else settings.deadline * FASTEST_HOST
    return Work(estimate, max(bound, MARGIN * estimate))


def words_of(
    app: str, batch: int, app_version_num: int, settings: JobSettings, work: Work, only_user: int = 0, wasm: bool = False
) -> list[str]:
    """What create_work is told of all jobs of a batch. only_user: the number of the user whose hosts alone may have them, 0 for all.
    wasm: they run in the deterministic runtime.

    It takes no max_error_results of 0: that is given to the jobs afterwards (`Batches.made`). Until then there are no results
    beyond the first ones, so that a job that fails at once has failed.
    """
    total = settings.target_nresults if settings.max_error_results == 0 else total_of(settings)
    return [
        *("--appname", app),
        *("--batch", str(batch)),
        *("--app_version_num", str(app_version_num)),
        *("--wu_template", templates.inputs(wasm=wasm).path),
        *("--result_template", templates.output(settings.max_output, wasm).path),
        *("--min_quorum", str(settings.min_quorum)),
        *("--target_nresults", str(settings.target_nresults)),
        *("--max_error_results", str(min(max(settings.max_error_results, 1), total))),
        *("--max_total_results", str(total)),
        *("--max_success_results", str(success_of(settings, total))),
        *("--delay_bound", str(max(1, round(settings.deadline)))),
        *("--rsc_memory_bound", f"{settings.memory:.0f}"),
        *("--rsc_disk_bound", f"{settings.disk:.0f}"),
        *("--rsc_fpops_est", f"{work.estimate:.6g}"),
        *("--rsc_fpops_bound", f"{work.bound:.6g}"),
        *("--priority", str(settings.priority)),
        *(["--target_user", str(only_user)] if only_user else []),
    ]


def total_of(settings: JobSettings) -> int:
    """max_total_results, which may not be less than the results made at first."""
    return max(settings.max_total_results, settings.target_nresults)


def success_of(settings: JobSettings, total: int) -> int:
    """max_success_results, which may be neither less than the results made at first nor more than all."""
    return min(max(settings.max_success_results, settings.target_nresults), total)


def line_of(job: Job, batch: int, settings: JobSettings, wasm: bool = False) -> str:
    """What create_work is told of one job. The files come last: a line that is cut off names a file that is not there.

    The deterministic runtime, which sees copies and no names of the project's, knows data files by their order.
    """
    template = f"--wu_template {_input_template(job, settings, wasm).path} " if job.files else ""
    return " ".join([f"--wu_name {job.name} {template}{program_name(batch, job.program)} {input_name(job)}", *sorted(_data_files([job]))])


def _input_template(job: Job, settings: JobSettings, wasm: bool) -> templates.Template:
    return templates.inputs(len(_data_files([job])), settings.data_lifetime, wasm)


def _data_files(jobs: Iterable[Job]) -> dict[str, Attachment]:
    """Those of the jobs, each once, by the names that they have on the project."""
    return {each.file_name: each for job in jobs for each in job.files}


def runs_of(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending numbers as runs of consecutive ones, by their first and last.

    >>> runs_of([3, 4, 5, 9, 11, 12])
    [(3, 5), (9, 9), (11, 12)]
    """
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return runs


class Pipeline:
    """Makes jobs while the master goes on: files are staged here, one create_work at a time makes the jobs of what has come.

    Nothing is lost if it is cut off at any point: the next run of the master asks for each job without a record again.
    """

    def __init__(
        self,
        project: Project,
        batches: Batches,
        clock: Clock,
        status: BatchStatus,
        app: str,
        settings: JobSettings,
        only_user: int,
        signer: Signer,
        wasm: bool = False,
    ) -> None:
        self._project = project
        self._signer = signer
        self._batches = batches
        self._clock = clock
        self._status = status
        self._looked = clock.now()
        self._app = app
        self._settings = settings
        self._only_user = only_user
        self._wasm = wasm
        self._staging = Staging(project)
        self._template = templates.output(settings.max_output, wasm)
        self._shared: set[str] = set()  # files of several jobs that are there
        self._templates: set[templates.Template] = set()
        self._waiting: dict[str, str] = {}  # lines of create_work, by the job's name
        self._in_hand: dict[str, str] = {}
        self._tool: Running | None = None
        self._uncounted = False  # somebody else may have made jobs since the last count
        self._tries = 0
        self._not_before = clock.now()  # create_work is not tried again

    @property
    def busy(self) -> bool:
        return self._tool is not None or bool(self._waiting)

    def submit(self, jobs: Sequence[Job]) -> None:
        """Make those of the jobs that do not exist. On return their files are there; see `pump`. Raises PyBoincError."""
        known = self._batches.known([job.name for job in jobs])
        self._uncounted |= bool(known)
        lost = [each for each in known.values() if each.lost]
        self._batches.forget(lost)
        self._batches.deliver_again([each for each in known.values() if each.assimilated and not each.lost])
        missing = [job for job in jobs if job.name not in known or known[job.name].lost]
        self._prepare(missing)
        for job in missing + [job for job in jobs if job.name in known and not known[job.name].assimilated]:
            self._staging.put(input_name(job), job.data)
        self._waiting.update(
            (job.name, line_of(job, self._status.id, self._settings, self._wasm)) for job in missing if job.name not in self._in_hand
        )
        self.pump()

    def _prepare(self, jobs: Sequence[Job]) -> None:
        """What the jobs share. Raises PyBoincError."""
        for job in jobs:
            if len(job.files) > MAX_DATA_FILES:
                much = f"{len(job.files)} data files, and a job on a BOINC project may have {MAX_DATA_FILES}"
                raise PyBoincError(f"call {job.first} has {much}: put them into an archive, e.g. with zipfile")
        batch = self._status.id
        programs = {program_name(batch, job.program): job.program for job in jobs}
        data_files = _data_files(jobs)
        new = (programs.keys() | data_files.keys()) - self._shared
        if new:
            signed = {name: self._signer(programs[name]) for name in programs.keys() & new}
            self._batches.begin(batch, self._template.path, sorted(new))
            for name, data in signed.items():
                self._staging.put(name, data)
            for name in data_files.keys() & new:
                self._staging.put_data(data_files[name])
            self._shared |= new
        wanted = {
            self._template,
            templates.inputs(wasm=self._wasm),
            *[_input_template(job, self._settings, self._wasm) for job in jobs if job.files],
        }
        for template in wanted - self._templates:
            self._staging.put_template(template)
        self._templates |= wanted

    def pump(self) -> None:
        """Look after create_work, without waiting for it. Raises ToolError if it fails for good.

        A create_work of a master that was killed goes on: what it has made is counted when all is there.
        """
        if self._tool is not None and self._tool.ended():
            self._end(self._tool)
        if self._tool is None and self._waiting and self._clock.now() >= self._not_before:
            self._in_hand = dict(list(self._waiting.items())[:MAX_LINES])
            for name in self._in_hand:
                del self._waiting[name]
            self._staging.settle()
            self._tool = create_work(self._project, self._words(), list(self._in_hand.values()))
        if self._uncounted and not self.busy:
            self._batches.recount(self._status.id)
            self._uncounted = False

    def _end(self, tool: Running) -> None:
        self._tool = None
        made, self._in_hand = self._in_hand, {}
        try:
            tool.check()
        except ToolError:
            # It makes some jobs before it fails, and another one, of a master that was killed, may have made some of these.
            there = self._batches.known(list(made))
            self._uncounted |= bool(there)
            self._tries = 0 if there else self._tries + 1
            if self._tries >= TRIES:
                raise
            if self._tries:
                self._not_before = self._clock.now() + PAUSE * 2 ** (self._tries - 1)
            self._waiting = {name: line for name, line in made.items() if name not in there} | self._waiting
            made = {name: line for name, line in made.items() if name in there}
        else:
            self._tries = 0
        if made:
            self._batches.made(self._status.id, len(made))
            if self._settings.max_error_results == 0:
                total = total_of(self._settings)
                self._batches.set_limits(self._status.id, 0, total, success_of(self._settings, total))

    def _words(self) -> list[str]:
        if self._clock.now() - self._looked >= LOOK_EVERY:
            self._looked = self._clock.now()
            self._status = self._batches.find(self._status.token) or self._status
        status = self._status
        work = work_of(self._settings, status.timed, status.fpops_sum, status.fpops_max)
        return words_of(self._app, status.id, status.app_version_num, self._settings, work, self._only_user, self._wasm)

    def drain(self, seconds: float) -> None:
        """Until all jobs are made, or for so many seconds. Raises ToolError."""
        end = self._clock.now() + seconds
        while self.busy and self._clock.now() < end:
            self.wait(0.1)

    def give_up(self, seconds: float) -> None:
        """Make no more jobs. A create_work that runs is waited for, for so many seconds."""
        self._waiting.clear()
        if self._tool is not None:
            self._tool.wait(seconds)
        self.leave()

    def leave(self) -> None:
        """Let go: a create_work that runs goes on, and the next run of the master asks for what it has not made."""
        self._waiting.clear()
        if self._tool is not None:
            self._tool.leave()
            self._tool = None

    def wait(self, seconds: float) -> None:
        """A step on: until the create_work that runs has ended, or for so many seconds."""
        if self._tool is not None:
            self._tool.wait(seconds)
        elif self._waiting:
            self._clock.sleep(seconds)
        self.pump()


def check_limits(settings: JobSettings) -> None:
    """Raises PyBoincError if the settings are more than a workunit's row holds."""
    if settings.deadline > 2**31 - 1 or abs(settings.priority) > 2**31 - 1:
        raise PyBoincError("deadline and priority must be below 2**31: BOINC keeps them in 32 bits")
