"""The backend ``local``: this machine as a BOINC project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import click

from pyboinc import plugins
from pyboinc.hookspecs import hookimpl
from pyboinc.model import Batch, Job, ResultCount, SettingsError
from pyboinc_validator import comparators
from pyboinc_validator.comparators import Comparator

from . import options, tally, workers
from .development import Development
from .simulated import Simulated


class Mode(Protocol):
    """Jobs in, records out into the batch's folder."""

    def submit(self, jobs: list[Job]) -> None: ...
    def wait(self, timeout: float) -> None: ...
    def stop(self) -> None: ...


make_mode: Callable[[Batch, options.LocalOptions, Comparator], Mode] | None = None
"""What runs the jobs, if a command that runs a program its own way (``pyboinc check``) has said so."""


class LocalBackend:
    """One run's local project: with this machine's cores as hosts, or with simulated ones if there are any.

    The project lives as long as the run: jobs without a record run again in the next one.
    """

    def __init__(self) -> None:
        self._mode: Mode | None = None

    @hookimpl
    def pyboinc_add_commands(self, group: click.Group) -> None:
        from .check.command import check  # much to import, which a run needs not
        from .commands import estimate, fleets, simulate
        from .new import new

        for command in (new, check, simulate, estimate, fleets):
            group.add_command(command)

    @hookimpl
    def pyboinc_start_batch(self, batch: Batch) -> int:
        if batch.project:
            raise SettingsError("the local project has no project home: leave out -p, or choose -i boinc")
        chosen = options.read(batch.options, batch.folder)
        extensions, _ = plugins.for_commands()
        comparator = comparators.load(batch.settings.comparator, comparators.known(extensions))
        workers.clear(batch.folder)
        self._mode = (make_mode or (Simulated if chosen.hosts else Development))(batch, chosen, comparator)
        return 1

    @hookimpl
    def pyboinc_submit_jobs(self, batch: Batch, jobs: list[Job]) -> None:
        assert self._mode is not None
        self._mode.submit(jobs)

    @hookimpl
    def pyboinc_wait(self, batch: Batch, timeout: float) -> None:
        assert self._mode is not None
        self._mode.wait(timeout)

    @hookimpl
    def pyboinc_count_results(self, batch: Batch) -> list[ResultCount] | None:
        return tally.read(batch)

    @hookimpl
    def pyboinc_cancel_batch(self, batch: Batch) -> None:
        """The jobs live in the run's process, which ends them in `pyboinc_stop`; without a run there are none."""

    @hookimpl
    def pyboinc_retire_batch(self, batch: Batch) -> None:
        """Nothing is kept outside the batch's folder."""

    @hookimpl
    def pyboinc_stop(self, batch: Batch) -> None:
        if self._mode is not None:
            self._mode.stop()
