"""The protocol between PyBOINC and its plugins, in the order in which a job lives.

A plugin is an entry point of the group ``pyboinc``: a module, or a class of which each run makes an instance. One that
implements `pyboinc_start_batch` is a *backend*: it runs jobs, and a run has exactly one, chosen by its entry point's
name. Every other plugin is an extension and is in every run. Mark implementations with `pyboinc.hookspecs.hookimpl`.

Hooks on the job path take lists, not single jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    import click

    from .model import Batch, Job, ResultCount
    from .ports import Clock, Store

hookspec = pluggy.HookspecMarker("pyboinc")
hookimpl = pluggy.HookimplMarker("pyboinc")


@hookspec
def pyboinc_add_commands(group: click.Group) -> None:
    """Add commands to the command line ``pyboinc``.

        @hookimpl
        def pyboinc_add_commands(group):
            @group.command()
            def hello():
                click.echo("hello")

    Called once, when the command line starts; not in a run.
    """


@hookspec(firstresult=True)
def pyboinc_start_batch(batch: Batch) -> int | None:
    """Make the batch in the project, or find it by its token, and return its number (1 or more).

    Called at the start of every run, so more than once for a batch that is resumed. What the project can't do
    for `batch.settings` is refused here, with a `PyBoincError` that says what to do.

        @hookimpl
        def pyboinc_start_batch(self, batch):
            return self.database.batch_number(batch.token)
    """


@hookspec
def pyboinc_submit_jobs(batch: Batch, jobs: list[Job]) -> None:
    """Make those of the jobs that do not exist yet; a job's name is its identity.

    A resumed run asks for the jobs of which it has no record. One that exists and runs needs nothing; one whose record was
    delivered before has lost it (a power cut, a deleted file) and gets it again.

    `job.files` are data files that its slave reads: each goes to a host once, under its `file_name`, which its content alone
    decides; `Channel.data_file` in `pyboinc.slave.channel` gives its path there. A host keeps it for `batch.settings.data_lifetime`
    seconds after its last use (on a BOINC project: sticky, with that lifetime). A file that is no longer what `sha256` says is
    a `PyBoincError`. Files that slaves write come in the report (`record.report`), which may be 100 MB large for them and more.

        @hookimpl
        def pyboinc_submit_jobs(self, batch, jobs):
            known = {job.name for job in self.queue}
            self.queue.extend(job for job in jobs if job.name not in known)
    """


@hookspec
def pyboinc_comparators() -> Mapping[str, Callable[..., Any]]:
    """Ways to tell whether the results that came back for a job agree: name -> what makes a comparator.

    A batch names its own as text: ``rounded:digits=9`` calls the factory of that name with ``digits=9``. It returns a
    `pyboinc_validator.comparators.Comparator`; its `agree` gets two outputs as neutral trees, see `pyboinc.codec.parse`.

        class Rounded(Comparator):
            def __init__(self, digits=6):
                self.digits = digits
            def agree(self, a, b):
                return round(a.fields["value"], self.digits) == round(b.fields["value"], self.digits)

        @hookimpl
        def pyboinc_comparators():
            return {"rounded": Rounded}
    """
    return {}


@hookspec(firstresult=True)
def pyboinc_open_store(project_dir: str, clock: Clock) -> Store | None:
    """The database of the BOINC project in that folder, for a daemon.

    While the database is away, the store's methods wait, by `clock.sleep`, for as long as it takes. Raises a `PyBoincError`
    if the folder is no project or the database refuses the project's credentials.

        @hookimpl
        def pyboinc_open_store(project_dir, clock):
            return MyStore(project_dir, clock)
    """


@hookspec
def pyboinc_platforms() -> Mapping[str, Callable[..., Any]]:
    """Floating point as other computers have it: name -> what makes a `pyboinc_local.platforms.Platform`.

    It may be called with ``python=(3, 11)``: the Python that the platform shall have, instead of its usual one.

        def abacus(python=(3, 12)):
            return build("abacus", {**musl.LIBM, "exp": lambda x: 2.718281828**x}, python, FUNCTIONS)

        @hookimpl
        def pyboinc_platforms():
            return {"abacus": abacus}
    """
    return {}


@hookspec
def pyboinc_wait(batch: Batch, timeout: float) -> None:
    """Return when records may have arrived in the folder ``new`` of the batch, or after `timeout` seconds.

        @hookimpl
        def pyboinc_wait(self, batch, timeout):
            batch.clock.sleep(min(timeout, 1.0))
    """


@hookspec(firstresult=True)
def pyboinc_count_results(batch: Batch) -> list[ResultCount] | None:
    """What has become of the batch's results so far, all that the project knows of; None if it does not say.

    Called by ``pyboinc dashboard``, beside the run or after it and every few seconds, so without `pyboinc_start_batch`, and with
    the settings and options of a pyboinc.toml in the batch's folder. `batch.id` may be 0: go by the token.

        @hookimpl
        def pyboinc_count_results(self, batch):
            return [ResultCount(*alike) for alike in self.database.count_results(batch.token)]
    """


@hookspec
def pyboinc_cancel_batch(batch: Batch) -> None:
    """End the batch's own jobs in the project: no result of theirs is wanted any more. Again for a cancelled batch is harmless.

    Called by a master that runs, or, if none does, by ``pyboinc cancel``: then there was no `pyboinc_start_batch` in this
    process, and settings and options are those of a pyboinc.toml in the batch's folder. `batch.id` may be 0: go by the token.

        @hookimpl
        def pyboinc_cancel_batch(self, batch):
            self.queue[:] = [job for job in self.queue if batch.token not in job.name]
    """


@hookspec
def pyboinc_stop(batch: Batch) -> None:
    """The run is over, finished or not: let go of what this process holds, within a second.

        @hookimpl
        def pyboinc_stop(self, batch):
            self.connection.close()
    """


@hookspec
def pyboinc_retire_batch(batch: Batch) -> None:
    """Let go of what the project keeps for the batch, whose jobs have all ended; what is in its folder stays. Again is harmless.

    Called by ``pyboinc retire``, so without `pyboinc_start_batch`, and with the settings and options of a pyboinc.toml in
    the batch's folder.

        @hookimpl
        def pyboinc_retire_batch(self, batch):
            self.database.retire(batch.token)
    """
