"""BOINC's own daemons and tools around the rows: transitioner, scheduler, upload handler, file deleter, create_work, cancel_jobs.

They are those of `pyboinc_local`, but for validator and assimilator: these are PyBOINC's daemons, which have the rows through the
simulated database. BOINC's own parts do not fail here, they are only slow.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from pyboinc.model import JobSettings, parse_job_name
from pyboinc.states import ASSIMILATE_DONE, ASSIMILATE_READY, FILE_DELETE_DONE, OVER, UNSENT
from pyboinc.testing import MemoryDisk
from pyboinc_boinc.tools import ToolError
from pyboinc_local.eventlog import EventLog
from pyboinc_local.project import Action, Answer, Cancel, Event, Named, Project, Submit, Tick
from pyboinc_local.server.rows import Config, Host, Result, Workunit

from .disk import UPLOADS

NO_FILE = -224  # BOINC's ERR_FILE_NOT_FOUND: a client could not download an input file


class Files(NamedTuple):
    """What create_work is told of a job: its name, and those of its input files in the download hierarchy."""

    name: str
    program: str
    input: str
    data: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return self.program, self.input, *self.data


def upload_path(result: Result) -> str:
    return f"{UPLOADS}/{result.id}"


class Boinc(Project):
    """staged: the download hierarchy, by name.  unsettled: what a power cut may take of it.
    to_validate, to_assimilate: workunits that may wait for PyBOINC's daemons.
    by_name: workunits that are not purged or forgotten.  needless: names of jobs that were given up without need.
    made: told of each new workunit.  closed_until: until then BOINC's daemons are stopped, and nobody answers hosts.
    ahead: seconds by which the server's clock is wrong: the times in all rows are that clock's.
    """

    def __init__(
        self,
        disk: MemoryDisk,
        settings: JobSettings,
        config: Config,
        seed: int,
        log: EventLog,
        made: Callable[[Workunit], None],
        happened: Callable[[str], None],
    ) -> None:
        super().__init__(config=config, seed=seed, log=log)
        self.disk = disk
        self.staged: dict[str, bytes] = {}
        self.unsettled: set[str] = set()
        self.to_validate: set[int] = set()
        self.to_assimilate: set[int] = set()
        self.by_name: dict[str, Workunit] = {}
        self.needless: set[str] = set()
        self.ahead = 0.0
        self.closed_until = 0.0
        self._settings = settings
        self._made = made
        self._happened = happened

    @property
    def app(self) -> Any:
        return self.apps[1]

    def handle(self, event: Event, now: float) -> Sequence[Action]:
        return super().handle(event, now + self.ahead)

    @property
    def next_alarm(self) -> float | None:
        alarm = super().next_alarm
        return None if alarm is None else max(alarm - self.ahead, self.closed_until)

    def tick(self, now: float) -> None:
        """Its alarm is due."""
        alarm = super().next_alarm
        assert alarm is not None
        super().handle(Tick(), max(alarm, now + self.ahead))

    def new_batch(self) -> int:
        return self.add_batch(self.app, self._settings, app_version_num=max(each.version_num for each in self.versions))

    def is_lost(self, wu: Workunit) -> bool:
        """Its output was deleted after it had been delivered, and can't be delivered again."""
        gone = any(each.id == wu.canonical_resultid and each.file_delete_state == FILE_DELETE_DONE for each in wu.results)
        return gone and wu.assimilate_state == ASSIMILATE_DONE

    def rename(self, wu: Workunit, name: str) -> None:
        self.by_name.pop(wu.name, None)
        self._names.discard(wu.name)
        wu.name = name

    def changed(self, workunits: Collection[Workunit]) -> None:
        """A transaction of a daemon of PyBOINC's has changed these: the others will see it."""
        for wu in workunits:
            if wu.need_validate:
                self.to_validate.add(wu.id)
            else:
                self.to_validate.discard(wu.id)
            if wu.assimilate_state == ASSIMILATE_READY:
                self.to_assimilate.add(wu.id)
            else:
                self.to_assimilate.discard(wu.id)
            if wu.id in self.workunits:
                self._alarms.set(wu)
        self._unsent.count = sum(each.server_state == UNSENT for wu in self.workunits.values() for each in wu.results)

    # -- what differs from pyboinc_local's project

    def _submit(self, now: float, batch_id: int, jobs: Sequence[Named]) -> Sequence[Action]:
        first = self._last_wu + 1
        actions = super()._submit(now, batch_id, jobs)
        for number in range(first, self._last_wu + 1):
            wu = self.workunits[number]
            self.by_name[wu.name] = wu
            self._made(wu)
        return actions

    def _validate(self, wu: Workunit, now: float) -> None:
        self.to_validate.add(wu.id)

    def _assimilate(self, wu: Workunit, now: float, actions: list[Action]) -> None:
        self.to_assimilate.add(wu.id)

    def _report(self, now: float, host: Host, result: Result, answer: Answer) -> Sequence[Action]:
        """The upload handler takes what the host sends, whatever the scheduler says of it then."""
        if answer.output is not None and len(answer.output) <= self._settings.max_output:
            path = upload_path(result)
            if result.received_time:
                self._happened("an upload came again" if path in self.disk.files else "an upload came again, and its file was deleted")
            self.disk.put(path, answer.output)
            if answer.report:
                self.disk.put(f"{path}_report", answer.report)
        if result.workunitid not in self.workunits:
            self._happened("a report came of a workunit that was purged")
        return super()._report(now, host, result, answer)

    def _delete_files(self, wu: Workunit, now: float) -> None:
        files = wu.job
        super()._delete_files(wu, now)
        if wu.job is None and isinstance(files, Files):
            self.staged.pop(files.input, None)
        for each in wu.results:
            if each.file_delete_state == FILE_DELETE_DONE:
                self.disk.drop(upload_path(each))
                self.disk.drop(f"{upload_path(each)}_report")

    def _purge(self, now: float) -> None:
        waiting = self._to_purge
        for _ in range(len(waiting)):
            time, since, wu = waiting.popleft()
            over = all(each.server_state == OVER for each in wu.results)
            if time > now or not over or wu.assimilate_state != ASSIMILATE_DONE:
                waiting.append((time if time > now else now + self.config.purge_min_age, since, wu))
                continue
            self.archive.add(wu, since)
            self._changed(now, "purged", wu)
            del self.workunits[wu.id]
            if self.by_name.get(wu.name) is wu:
                self.rename(wu, f"purged_{wu.name}")
            self.to_validate.discard(wu.id)
            self.to_assimilate.discard(wu.id)

    # -- tools

    def insert(self, batch: int, lines: Sequence[Files], now: float) -> None:
        """Raises ToolError, before anything is made, if one is there already or lacks its files."""
        for each in lines:
            if each.name in self.by_name:
                raise ToolError(f"create_work: {each.name} exists")
            if not self.staged.keys() >= {*each.all}:
                raise ToolError(f"create_work: no input file of {each.name}")
        self.handle(Submit(batch, lines), now)

    def cancel(self, first: int, last: int, now: float) -> None:
        """bin/cancel_jobs: whoever's they are."""
        chosen = [wu for wu in self.workunits.values() if first <= wu.id <= last]
        for batch in sorted({wu.batch for wu in chosen}):
            self.handle(Cancel(batch, [wu.name for wu in chosen if wu.batch == batch]), now)


def positions_of(name: str) -> tuple[str, int]:
    """The first position and the attempt that a job's name tells."""
    parsed = parse_job_name(name)
    assert parsed is not None
    return parsed[2], parsed[3]
