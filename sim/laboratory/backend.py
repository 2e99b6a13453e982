"""The master's side of the project: PyBOINC's backend for BOINC, with simulated tables, download hierarchy and tools.

Its own code finds and makes the batch, submits, waits, cancels and retires. create_work is a process of its own, which goes on
when the master dies; it makes jobs some at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pluggy import PluginManager

from pyboinc.hookspecs import hookimpl
from pyboinc.model import Attachment, Batch, Job
from pyboinc.plugins import Plugin as InstalledPlugin
from pyboinc.plugins import manager_of
from pyboinc_boinc import backend, jobs
from pyboinc_boinc.store.batches import NewBatch
from pyboinc_boinc.tools import ToolError

from .boinc import Files
from .plan import DATA_CHANGED, DATA_GONE
from .processes import Process
from .slaves import DATA
from .tables import SimulatedStore

if TYPE_CHECKING:
    from .world import World


LOOK_EVERY = 10.0  # seconds


class Tool:
    """A create_work that runs."""

    def __init__(self, world: World, batch: int, lines: Sequence[str]) -> None:
        self._world = world
        self._batch = batch
        self._lines = [_files(line.split()) for line in lines]
        self._error = ""
        self.over = False
        self.cut_off = False  # by a power cut
        world.after(world.plan.tool_seconds, self._some)

    def _some(self) -> None:
        if self.cut_off:
            return
        world, size = self._world, self._world.plan.tool_chunk
        try:
            if world.tool_fails():
                raise ToolError("create_work: the database has gone away")
            world.boinc.insert(self._batch, self._lines[:size], world.now)
        except ToolError as error:
            self._error = str(error)
            self._lines = []
        self._lines = self._lines[size:]
        if self._lines:
            world.after(world.plan.tool_seconds, self._some)
        else:
            self.over = True
            world.wake_master()

    def ended(self) -> bool:
        return self.over

    def wait(self, timeout: float | None = None) -> bool:
        end = self._world.now + (timeout or 60.0)
        while not self.over and self._world.now < end:
            self._world.wait_for_news(end - self._world.now)
        return self.over

    def leave(self) -> None: ...

    def check(self) -> None:
        if self._error:
            raise ToolError(self._error)


def _files(words: Sequence[str]) -> Files:
    """What a line of create_work names: a job, perhaps its template, its files."""
    options = dict(zip(words[0:4:2], words[1:4:2], strict=True))
    first = 4 if "--wu_template" in options else 2
    return Files(options["--wu_name"], words[first], words[first + 1], tuple(words[first + 2 :]))


class Staging:
    """The download hierarchy."""

    def __init__(self, project: Any) -> None:
        self._world = project.world

    def put(self, name: str, data: bytes) -> None:
        if self._world.boinc.staged.get(name) != data:
            self._world.boinc.staged[name] = data
            self._world.boinc.unsettled.add(name)

    def settle(self) -> None:
        self._world.boinc.unsettled.clear()

    def put_data(self, attached: Attachment) -> None:
        if attached.file_name not in self._world.boinc.staged:
            self._world.look_for_data(DATA_GONE, DATA_CHANGED)
            self.put(attached.file_name, DATA[attached.name])

    def jobs(self, batch: int, token: str) -> list[str]:
        return [name.removesuffix(".in") for name in self._world.boinc.staged if name.endswith(".in")]

    def put_template(self, template: object) -> None: ...

    def remove_template(self, path: str) -> None: ...

    def remove(self, name: str) -> None:
        self._world.boinc.staged.pop(name, None)


class Run(backend.Run):
    """PyBOINC's own, but for what it finds in a project's folder."""

    def __init__(self, batch: Batch, world: World, process: Process) -> None:
        self._world = world
        self._batch = batch
        self._project = _project(world)
        self._store = SimulatedStore(world.server, batch.clock, backend.PATIENCE, process.points)  # type: ignore[assignment]
        self._pipeline = None
        self._next_look = batch.clock.now() + backend.LOOK_EVERY

    def start(self) -> int:
        batches = self._store.batches
        status = self._status() or batches.make(self._new())
        self._look_at(status)
        self._clean_up()
        batches.recount(status.id)
        settings = self._batch.settings
        self._pipeline = jobs.Pipeline(self._project, batches, self._batch.clock, status, "pyboinc", settings, 0, _unsigned)  # type: ignore[arg-type]
        return status.id

    def wait(self, timeout: float) -> None:
        """Until something happens: simulated hours are not for looking around twice a second, when news wake the master."""
        assert self._pipeline is not None
        if self._pipeline.busy:
            self._pipeline.wait(max(timeout, LOOK_EVERY))
        else:
            self._world.wait_for_news(self._world.plan.patience)
        super().wait(0.0)

    def _new(self) -> NewBatch:
        batch, version = self._batch, max(each.version_num for each in self._world.boinc.versions)
        texts = {"comparator": batch.settings.comparator, "title": "", "description": "", "result_template": ""}
        return NewBatch(token=batch.token, user_id=1, app_id=1, app_version_num=version, directory=batch.folder, **texts)


class Plugin:
    """The backend of the master that runs. somebody_goes_on: asked before it waits, whether another thread had something to do."""

    def __init__(self) -> None:
        self.manager = manager_of([InstalledPlugin("boinc", "", "", self)])
        self.somebody_goes_on: Callable[[], bool] = lambda: False

    def for_master(self, world: World, process: Process) -> PluginManager:
        """The manager for another master. It is made once, as that takes long beside a simulated run."""
        self._world = world
        self._process = process
        self._run: Run | None = None
        return self.manager

    @hookimpl
    def pyboinc_start_batch(self, batch: Batch) -> int:
        self._run = Run(batch, self._world, self._process)
        return self._run.start()

    @hookimpl
    def pyboinc_submit_jobs(self, batch: Batch, jobs: list[Job]) -> None:
        assert self._run is not None
        self._run.submit(jobs)

    @hookimpl
    def pyboinc_wait(self, batch: Batch, timeout: float) -> None:
        assert self._run is not None
        if not self.somebody_goes_on():
            self._run.wait(timeout)

    @hookimpl
    def pyboinc_cancel_batch(self, batch: Batch) -> None:
        assert self._run is not None
        self._run.cancel()

    @hookimpl
    def pyboinc_stop(self, batch: Batch) -> None:
        self._process.check()
        if self._run is not None:
            self._run.stop()


PLUGIN = Plugin()


def _unsigned(program: Any) -> bytes:
    return bytes(program.data)


def _project(world: World) -> Any:
    config = SimpleNamespace(download_dir="download", fanout=1, flag=lambda name: False)
    return SimpleNamespace(config=config, folder="/project", path=lambda *names: "/project", world=world)


def _create_work(project: Any, words: Sequence[str], lines: Sequence[str]) -> Tool:
    return project.world.create_work(int(words[words.index("--batch") + 1]), lines)  # type: ignore[no-any-return]


def _cancel_jobs(project: Any, first: int, last: int) -> None:
    project.world.boinc.cancel(first, last, project.world.now)


jobs.Staging = backend.Staging = Staging  # type: ignore[misc, assignment]
jobs.create_work = _create_work  # type: ignore[assignment]
backend.cancel_jobs = _cancel_jobs
