"""The plugin ``boinc``: runs jobs on a BOINC project, opens its database for daemons, and has commands for its admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyboinc.hookspecs import hookimpl

if TYPE_CHECKING:
    import click

    from pyboinc.model import Batch, Job, ResultCount
    from pyboinc.ports import Clock

    from .backend import Run
    from .store import Store


class BoincBackend:
    """The backend of one run, or of one command."""

    def __init__(self) -> None:
        self._run: Run | None = None

    @hookimpl
    def pyboinc_add_commands(self, group: click.Group) -> None:
        from .commands import doctor, setup, sign

        group.add_command(setup)
        group.add_command(sign)
        group.add_command(doctor)

    @hookimpl
    def pyboinc_start_batch(self, batch: Batch) -> int:
        self._run = _open(batch)
        return self._run.start()

    @hookimpl
    def pyboinc_submit_jobs(self, batch: Batch, jobs: list[Job]) -> None:
        assert self._run is not None
        self._run.submit(jobs)

    @hookimpl
    def pyboinc_open_store(self, project_dir: str, clock: Clock) -> Store:
        """For daemons, which wait for their database for ever."""
        from . import project, store
        from .transaction import ProjectDisk

        return store.Store(project.load(ProjectDisk(), project_dir), clock, patience=store.FOREVER)

    @hookimpl
    def pyboinc_wait(self, batch: Batch, timeout: float) -> None:
        assert self._run is not None
        self._run.wait(timeout)

    @hookimpl
    def pyboinc_count_results(self, batch: Batch) -> list[ResultCount]:
        """A database that is away is not waited for: whoever looks will look again."""
        run = _open(batch, patience=0.0)
        try:
            return run.count_results()
        finally:
            run.close()

    @hookimpl
    def pyboinc_cancel_batch(self, batch: Batch) -> None:
        if self._run is not None:
            self._run.cancel()
            return
        run = _open(batch)
        try:
            run.cancel()
        finally:
            run.close()

    @hookimpl
    def pyboinc_retire_batch(self, batch: Batch) -> None:
        run = _open(batch)
        try:
            run.retire()
        finally:
            run.close()

    @hookimpl
    def pyboinc_stop(self, batch: Batch) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.stop()


def _open(batch: Batch, **patience: float) -> Run:
    from .backend import Run  # here: the command line need not load it

    return Run(batch, **patience)
