"""One run's talk with a BOINC project: its batch, from the start to the end."""

from __future__ import annotations

import contextlib
import os

from pyboinc import batchdir
from pyboinc.errors import PyBoincError
from pyboinc.model import Batch, Job, JobSettings, ResultCount, SettingsError
from pyboinc.rows import ABORTED_STATES

from . import options as boinc_options
from . import templates
from .apps import AppRow, Need, choose, offered, with_quorum
from .jobs import Pipeline, check_limits, runs_of
from .options import TABLE, BoincOptions
from .project import Project, load
from .sign import Signer
from .staging import Staging, input_of
from .store import Store
from .store.batches import BatchStatus, NewBatch
from .tools import cancel_jobs
from .transaction import ProjectDisk

PATIENCE = 120.0  # seconds for a database that restarts
TICK = 0.1  # seconds between looks into new/
LOOK_EVERY = 10.0  # seconds between looks whether the batch was aborted on the project's web pages
LET_GO = 0.5  # seconds for a create_work that runs when the master stops; it goes on alone
MAX_TEXT = 255


class Run:
    """A batch on a project. Raises PyBoincError that says what to do. patience: seconds for a database that is away."""

    def __init__(self, batch: Batch, patience: float = PATIENCE) -> None:
        if not batch.project:
            raise SettingsError("name the folder of the BOINC project: -p DIR, or PYBOINC_DIR")
        self._batch = batch
        self._project = load(ProjectDisk(), batch.project)
        self._store = Store(self._project, batch.clock, patience)
        self._pipeline: Pipeline | None = None
        self._next_look = batch.clock.now() + LOOK_EVERY
        self._new = os.path.join(batch.folder, batchdir.NEW)
        self._changed = 0

    # -- a run of the master

    def start(self) -> int:
        """The number of the batch."""
        options = boinc_options.read(self._batch.options)
        app = self._app(options)
        settings = with_quorum(self._batch.settings, app)
        user = self._user(options)
        refuse(settings, self._project)
        status = self._status() or self._store.batches.make(self._new_batch(options, app, user))
        wasm = self._batch.runtime is not None
        self._look_at(status)
        self._clean_up()
        self._store.batches.recount(status.id)
        only_user = user if settings.own_hosts_only else 0
        signer = Signer(self._project, app.name, self._batch.folder)
        self._pipeline = Pipeline(
            self._project, self._store.batches, self._batch.clock, status, app.name, settings, only_user, signer, wasm
        )
        return status.id

    def submit(self, jobs: list[Job]) -> None:
        assert self._pipeline is not None
        self._pipeline.submit(jobs)

    def wait(self, timeout: float) -> None:
        assert self._pipeline is not None
        clock = self._batch.clock
        end = clock.now() + timeout
        while (left := end - clock.now()) > 0 and not self._has_changed():
            if self._pipeline.busy:
                self._pipeline.wait(min(left, TICK))
            else:
                clock.sleep(min(left, TICK))
        if self._batch.clock.now() >= self._next_look:
            self._next_look = self._batch.clock.now() + LOOK_EVERY
            if status := self._status():
                self._look_at(status)

    def _has_changed(self) -> bool:
        """Whether something has come into ``new``, or gone, since this was last asked."""
        try:
            changed = os.stat(self._new).st_mtime_ns
        except OSError:
            return False
        before, self._changed = self._changed, changed
        return changed != before

    def stop(self) -> None:
        """Without waiting for a database that is away: the next run asks for what is missing, and counts anew."""
        self._store.connection.patience = 0.0
        try:
            if self._pipeline is not None:
                with contextlib.suppress(PyBoincError):
                    self._pipeline.drain(LET_GO)
                self._pipeline.leave()
        finally:
            self._store.close()

    # -- also without one

    def count_results(self) -> list[ResultCount]:
        """None of a batch that is not there."""
        status = self._status()
        return [] if status is None else self._store.batches.count_results(status.id)

    def cancel(self) -> None:
        """End the batch's own workunits. Those that a create_work makes later the assimilator ends: it looks for jobs of closed batches."""
        if self._pipeline is not None:
            self._pipeline.give_up(PATIENCE)
        status = self._status()
        if status is None or status.state == "retired":
            return
        batches = self._store.batches
        batches.close(status.id, "cancelled")
        batches.recount(status.id)
        for first, last in runs_of(batches.to_cancel(status.id)):
            cancel_jobs(self._project, first, last)

    def retire(self) -> None:
        """Remove what the project keeps for the batch: at once what no host needs any more, the rest with a later batch."""
        status = self._status()
        if status is None:
            return
        if status.state != "retired":
            self._store.batches.close(status.id, "retired")
        self._clean_up()
        staging = Staging(self._project)
        staged = staging.jobs(status.id, status.token)
        for name in {*staged} - self._store.batches.known(staged).keys():  # never made; BOINC removes those of the others
            staging.remove(input_of(name))
        for path in self._store.batches.unused_templates(status.id):
            staging.remove_template(path)

    def close(self) -> None:
        self._store.close()

    # -- how

    def _status(self) -> BatchStatus | None:
        return self._store.batches.find(self._batch.token)

    def _look_at(self, status: BatchStatus) -> None:
        """A batch that was aborted or retired on the project's web pages ends here, too: by the master's own way."""
        if status.state != "running" or status.boinc_state in ABORTED_STATES:
            with contextlib.suppress(OSError):  # the disk is full: the next look will do
                batchdir.ask_to_cancel(self._batch.fs, self._batch.folder, self._batch.token)

    def _app(self, options: BoincOptions) -> AppRow:
        if self._store.schema.pending():
            raise PyBoincError(f"the project in {self._project.folder} is not set up for PyBOINC. {self._setup()}")
        apps = offered(self._project.config, self._store.admin.apps())
        job = self._batch.settings
        need = Need(options.hr or None, options.adaptive or None, job.comparator, job.quorum, job.own_hosts_only, self._runtime())
        return choose(apps, need, options.app)

    def _user(self, options: BoincOptions) -> int:
        """The number of the user to whom the batch belongs."""
        user = self._store.admin.user(options.user) if options.user else self._project.config.submit_user
        if options.user and not user:
            raise SettingsError(f"user = {options.user!r}: the project has no user with that address", TABLE, "user")
        if not self._store.admin.may_submit(user):
            raise PyBoincError(f"user {user} of the project may not submit jobs, or is not there. {self._setup()}")
        return user

    def _version(self, options: BoincOptions, app: AppRow) -> int:
        """The number of the app version that the batch pins."""
        runtime = self._runtime()
        if not options.app_version:
            return app.wasm_version if runtime else app.version
        rows = [each for each in self._store.admin.versions() if each.app == app.name and not each.deprecated]
        numbers = sorted({each.number for each in rows if each.runtime == runtime[:16]})
        if options.app_version not in numbers:
            has = f"{', '.join(map(str, numbers)) or 'none'}{' with the deterministic runtime' if runtime else ''}"
            raise SettingsError(f"app_version = {options.app_version}: the app {app.name} has {has}", TABLE, "app_version")
        return options.app_version

    def _runtime(self) -> str:
        """The SHA-256 of the deterministic runtime in which jobs run; empty: they run natively."""
        return self._batch.runtime.sha256 if self._batch.runtime else ""

    def _new_batch(self, options: BoincOptions, app: AppRow, user: int) -> NewBatch:
        folder = self._batch.folder
        return NewBatch(
            token=self._batch.token,
            user_id=user,
            app_id=app.id,
            app_version_num=self._version(options, app),
            directory=folder,
            comparator=self._batch.settings.comparator,
            title=_cut(f"{os.path.basename(folder)} {self._batch.token}"),
            description=_cut(f"PyBOINC, {folder}"),
            result_template=templates.output(self._batch.settings.max_output, bool(self._batch.runtime)).path,
        )

    def _clean_up(self) -> None:
        """Remove what only retired batches have used."""
        self._store.batches.clean_up(Staging(self._project).remove)

    def _setup(self) -> str:
        return f"Set it up:  pyboinc setup -p {self._project.folder}"


def refuse(settings: JobSettings, project: Project) -> None:
    """Raises SettingsError for what the project can't do. Pure."""
    check_limits(settings)
    if settings.own_hosts_only and not project.config.flag("enable_assignment"):
        raise SettingsError(
            "own_hosts_only needs <enable_assignment>1</enable_assignment> in the project's config.xml", "job", "own_hosts_only"
        )


def _cut(text: str) -> str:
    """For BOINC's web pages, which show it as it is; and its column is 255 characters wide."""
    safe = "".join(each if each.isprintable() and each not in "<>&\"'" else "?" for each in text)
    return safe[:MAX_TEXT]
