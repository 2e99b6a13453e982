"""A BOINC project in one process, without its clock and its hosts: events go in, actions come out.

    project = Project(config=Config(one_result_per_user_per_wu=True), seed=1)
    app = project.add_app("pyboinc", target_nresults=0, homogeneous_redundancy=HR_NONE)
    project.add_version(app, 100, "x86_64-pc-linux-gnu")
    host = project.add_host(("x86_64-pc-linux-gnu",), p_ncpus=4, p_fpops=2e9)    # userid: one of its own by default
    batch = project.add_batch(app, JobSettings(quorum=2))     # or with a comparator of pyboinc_validator's

    project.handle(Submit(batch, jobs), now)              # jobs: anything with a `name`, e.g. pyboinc.model.Job
    for action in project.handle(Request(host, 4), now):  # host wants 4 jobs
        match action:                                     # Send(host, result, wu): run wu.job; keep `result`
            ...
    actions = project.handle(Report(host, result, Answer(seconds, exit_status, output, report, stderr)), now)
        # Deliver(batch, record): put the record into the batch's folder.  Abort(result): stop it, nobody needs it
    project.handle(Tick(), now)                           # not later than project.next_alarm

`now` is any clock that does not go back, in seconds: a virtual one (`simulation.py`) or this computer's (development
mode). Each call does at once all that follows from its event: what BOINC's transitioner, validator, assimilator, file
deleter and db_purge would do in their next passes. A host that got nothing should ask again when `project.unsent`
is not 0, and after a while (its daily quota may be used up). `project.open` counts workunits that are neither done nor failed,
`project.in_progress` results that hosts have, `project.events` changes of workunits, results and hosts so far.

Decisions are in `server/`; rows are in memory (`store.py`); nothing here reads a file, a clock or a random source but `seed`'s.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import frexp
from random import Random
from typing import NamedTuple, Protocol

from pyboinc.errors import PyBoincError
from pyboinc.model import Job, JobSettings, Record, ResultCount, ResultSummary
from pyboinc.states import ASSIMILATE_DONE, ASSIMILATE_READY, CANCELLED, FILE_DELETE_DONE, FILE_DELETE_READY, IN_PROGRESS, INVALID, OVER
from pyboinc_assimilator import decide as assimilator
from pyboinc_validator import handle
from pyboinc_validator.comparators import Comparator, bitwise, candidate
from pyboinc_validator.quorum import Candidate, Check, Failure, check_pair, check_set

from .eventlog import EventLog
from .server import deleter, quota, scheduler, transitioner
from .server.hr import UNKNOWN, hr_class
from .server.rows import HR_NONE, App, AppVersion, Config, Host, HostAppVersion, Result, Workunit
from .store import Alarms, Archive, Lane, Level, Unsent

_Kind = tuple[str, int, int, int, "int | None"]  # of results that are alike, see ResultCount


class ProjectError(PyBoincError):
    """The project can't go on. The text holds the seed, so that it can be seen again."""


class Named(Protocol):
    """A job: its name is its identity."""

    @property
    def name(self) -> str: ...


UPLOAD_TOO_BIG = -131  # BOINC's ERR_FILE_TOO_BIG (lib/error_numbers.h): its client refuses to upload more than max_nbytes

Read = Callable[[Workunit, Result], Candidate]
"""What the quorum gets to see of a result; see `pyboinc_validator.comparators.candidate`."""


class Answer(NamedTuple):
    """How a host's run of a result ended. elapsed_time: seconds of computing.  exit_status: 0 if there is an output."""

    elapsed_time: float
    exit_status: int = 0
    output: bytes | None = None
    report: bytes = b""
    stderr: str = ""


# Events


class Submit(NamedTuple):
    """New jobs; those whose name is known are left out."""

    batch: int
    jobs: Sequence[Named]


class Request(NamedTuple):
    """A host asks for up to `jobs` results. present: the numbers of those that it has, None if it does not say."""

    host: Host
    jobs: int = 1
    present: Sequence[int] | None = None


class Report(NamedTuple):
    """A host reports a result."""

    host: Host
    result: Result
    answer: Answer


class Cancel(NamedTuple):
    """Give up the jobs of a batch that are not done; all of them, or those with these names."""

    batch: int
    names: Sequence[str] | None = None


class Detach(NamedTuple):
    """A host leaves the project."""

    host: Host


class Tick(NamedTuple):
    """Time has gone by."""


Event = Submit | Request | Report | Cancel | Detach | Tick


# Actions


class Send(NamedTuple):
    """The host is to run the result. again: it had lost it."""

    host: Host
    result: Result
    wu: Workunit
    again: bool = False


class Deliver(NamedTuple):
    """What became of a job. A second record for the same job may come, if it had failed and a late result was right."""

    batch: int
    record: Record


class Abort(NamedTuple):
    """Nobody needs this result, which its host runs."""

    result: Result


Action = Send | Deliver | Abort


@dataclass(frozen=True)
class _Batch:
    id: int
    app: App
    settings: JobSettings
    comparator: Comparator
    read: Read
    app_version_num: int
    target_nresults: int


class _Offer(NamedTuple):
    """A lane of unsent results, and as what the host would get them."""

    lane: Lane
    hr_class: int
    host_class: int
    app: App
    version: AppVersion


def _least_choice_first(offer: _Offer) -> tuple[bool, int]:
    """Work bound to the host's HR class goes first, as nobody else can do it (BOINC's infeasible_count)."""
    head = offer.lane.head()
    return offer.hr_class == 0, head.workunitid if head is not None else 0


class Project:
    """See the module's text.

    seed: of the random choices that the scheduler makes.  log: gets each event (`eventlog.py`).
    host_name: what a failed job's summary calls a host; may be replaced.
    """

    def __init__(self, *, config: Config | None = None, seed: int = 0, log: EventLog | None = None) -> None:
        self.config = config or Config()
        self.seed = seed
        self.apps: dict[int, App] = {}
        self.versions: list[AppVersion] = []
        self.hosts: dict[int, Host] = {}
        self.workunits: dict[int, Workunit] = {}
        self.archive = Archive()
        self._purged = Counter[_Kind]()
        self.open = 0
        self.in_progress = 0
        self.events = 0
        self.host_name: Callable[[Host], str] = lambda host: f"host {host.id}"
        self._batches: dict[int, _Batch] = {}
        self._names: set[str] = set()
        self._random = Random(f"{seed} scheduler")
        self._unsent = Unsent(self.workunits)
        self._alarms = Alarms()
        self._to_purge: deque[tuple[float, float, Workunit]] = deque()
        self._usable: dict[tuple[tuple[str, ...], int, int], tuple[AppVersion, ...]] = {}
        self._classes: dict[tuple[int, int], int] = {}
        self._last_wu = self._last_result = 0
        self._log = log
        self._now = 0.0
        self._handlers: dict[type, Callable[..., Sequence[Action]]] = {
            Submit: self._submit,
            Request: self._request,
            Report: self._report,
            Cancel: self._cancel,
            Detach: self._detach,
            Tick: self._tick,
        }
        if log:
            log.begin(seed)

    # -- what the project has

    def add_app(self, name: str, *, target_nresults: int = 0, homogeneous_redundancy: int = HR_NONE, min_version: int = 0) -> App:
        """A new app. target_nresults above 1: adaptive replication for its jobs that want one result."""
        app = App(len(self.apps) + 1, name, homogeneous_redundancy, target_nresults, min_version)
        self.apps[app.id] = app
        return app

    def add_version(self, app: App, version_num: int, platform: str, flops: float = 1.0) -> AppVersion:
        """A new version of an app; hosts may get it from their next request on."""
        version = AppVersion(len(self.versions) + 1, app.id, version_num, platform, flops=flops)
        self.versions.append(version)
        self._usable.clear()
        return version

    def add_host(
        self,
        platforms: Sequence[str],
        *,
        userid: int = 0,
        os_name: str = "",
        p_vendor: str = "",
        p_model: str = "",
        p_ncpus: int = 1,
        p_fpops: float = 1e9,
    ) -> Host:
        """A new host; userid 0 means a volunteer of its own."""
        number = len(self.hosts) + 1
        host = Host(number, userid or number, tuple(platforms), os_name, p_vendor, p_model, p_ncpus, p_fpops, self._now)
        self.hosts[number] = host
        self.events += 1
        if self._log:
            self._log.host_came(self._now, host)
        return host

    def add_batch(
        self, app: App, settings: JobSettings, comparator: Comparator | None = None, *, app_version_num: int = 0, read: Read | None = None
    ) -> int:
        """A new batch; its number.

        comparator: of outputs, `bitwise` if not given.  app_version_num: the only version that may run its jobs.
        read: what outputs are, if not PyBOINC's output files.
        """
        comparator = comparator or bitwise()
        target = settings.target_nresults
        number = len(self._batches) + 1
        self._batches[number] = _Batch(number, app, settings, comparator, read or _reader(comparator), app_version_num, target)
        return number

    @property
    def unsent(self) -> int:
        """How many results wait for a host."""
        return self._unsent.count

    def count_results(self) -> list[ResultCount]:
        """All results so far, in time in proportion to the workunits that are not purged."""
        counts = self._purged.copy()
        for wu in self.workunits.values():
            counts.update(map(self._kind, wu.results))
        return [ResultCount(*kind, number) for kind, number in counts.items()]

    @property
    def next_alarm(self) -> float | None:
        """When `Tick` is due, if no other event comes before."""
        return self._alarms.next()

    # -- events

    def handle(self, event: Event, now: float) -> Sequence[Action]:
        """What follows from the event. Raises ProjectError, with the seed, if anything goes wrong."""
        self._now = now
        try:
            return self._handlers[type(event)](now, *event)
        except Exception as error:
            if isinstance(error, ProjectError):
                raise
            raise ProjectError(f"{type(error).__name__}: {error} (time {now!r}, seed {self.seed})") from error

    def _submit(self, now: float, batch_id: int, jobs: Sequence[Named]) -> Sequence[Action]:
        batch = self._batches[batch_id]
        settings = batch.settings
        actions: list[Action] = []
        for job in jobs:
            if job.name in self._names:
                continue
            self._names.add(job.name)
            self._last_wu += 1
            wu = Workunit(
                self._last_wu,
                job.name,
                batch.app.id,
                batch_id,
                job,
                now,
                settings.min_quorum,
                batch.target_nresults,
                settings.max_error_results,
                settings.max_total_results,
                settings.max_success_results,
                settings.deadline,
                settings.fpops_estimate,
                settings.priority,
                batch.app_version_num,
                now,
            )
            self.workunits[wu.id] = wu
            self.open += 1
            self.events += 1
            if self._log:
                self._log.submitted(now, wu)
            self._settle(wu, now, actions)
        return actions

    def _request(self, now: float, host: Host, jobs: int, present: Sequence[int] | None) -> Sequence[Action]:
        quota.start_request(host, now, self.config.daily_result_quota)
        self._purge(now)
        actions: list[Action] = []
        if present is not None and self.config.resend_lost_results:
            for result in scheduler.lost(host, present):
                self._resend(result, host, now, actions)
        if actions and any(type(action) is Send for action in actions):
            return actions  # BOINC: no new work with it
        while jobs and self._unsent.count and self._send_one(host, now, actions):
            jobs -= 1
        return actions

    def _report(self, now: float, host: Host, result: Result, answer: Answer) -> Sequence[Action]:
        wu = self.workunits.get(result.workunitid)
        if wu is None:
            return ()  # purged
        quota.start_request(host, now, self.config.daily_result_quota)
        limit = self._batches[wu.batch].settings.max_output
        if answer.output is not None and len(answer.output) > limit:
            text = f"the output file has {len(answer.output)} bytes, and max_output is {limit}"
            answer = answer._replace(exit_status=UPLOAD_TOO_BIG, output=None, report=b"", stderr=text)
        owner = self.hosts[result.hostid]
        running = result.server_state == IN_PROGRESS
        refusal = scheduler.report(result, wu, host, now, answer.exit_status, answer.elapsed_time, self.config)
        if refusal:
            if self._log:
                self._log.refused(now, result, host, refusal)
            return ()
        owner.in_progress.pop(result.id, None)
        self.in_progress -= running
        result.output = answer.output
        result.report = answer.report
        result.stderr = answer.stderr
        self.events += 1
        if self._log:
            self._log.over(now, result)
        actions: list[Action] = []
        self._settle(wu, now, actions)
        return actions

    def _cancel(self, now: float, batch_id: int, names: Sequence[str] | None) -> Sequence[Action]:
        wanted = None if names is None else frozenset(names)
        actions: list[Action] = []
        for wu in list(self.workunits.values()):
            if wu.batch != batch_id or wu.assimilate_state == ASSIMILATE_DONE or not (wanted is None or wu.name in wanted):
                continue
            wu.error_mask |= CANCELLED
            self._changed(now, "cancelled", wu)
            actions.extend(Abort(result) for result in wu.results if result.server_state == IN_PROGRESS)
            self._settle(wu, now, actions)
        return actions

    def _detach(self, now: float, host: Host) -> Sequence[Action]:
        actions: list[Action] = []
        self.events += 1
        if self._log:
            self._log.host_left(now, host)
        for result in scheduler.detach(host, now):
            self.in_progress -= 1
            self.events += 1
            if self._log:
                self._log.over(now, result)
            self._settle(self.workunits[result.workunitid], now, actions)
        return actions

    def _tick(self, now: float) -> Sequence[Action]:
        actions: list[Action] = []
        while wu := self._alarms.due(now, self.workunits):
            self._settle(wu, now, actions)
        self._purge(now)
        return actions

    # -- sending

    def _send_one(self, host: Host, now: float, actions: list[Action]) -> bool:
        """Send the host one result: of the highest priority, then of the oldest workunit. False if there is none for it."""
        config = self.config
        restricted = config.one_result_per_user_per_wu or config.one_result_per_host_per_wu
        for level in self._unsent.levels():
            offers = self._offers(level, host)
            if len(offers) > 1:
                offers.sort(key=_least_choice_first)
            for offer in offers:
                if restricted:
                    result = offer.lane.take(lambda each: self._may_have(each, host), config.shmem_work_items)
                else:
                    result = offer.lane.pop()
                if result is not None:
                    self._send(result, host, offer, now, actions)
                    return True
        return False

    def _offers(self, level: Level, host: Host) -> list[_Offer]:
        """Lanes of which the host can take results."""
        offers = []
        for (appid, version_num), classes in level.items():
            app = self.apps[appid]
            version = scheduler.best_version(host, self._versions_for(host, app, version_num), self.config)
            if version is None:
                continue
            host_class = self._class_of(host, app) if app.homogeneous_redundancy else 0
            for number in (host_class, 0) if host_class else (0,):
                if number in classes and host_class != UNKNOWN:
                    offers.append(_Offer(classes[number], number, host_class, app, version))
        return offers

    def _may_have(self, result: Result, host: Host) -> bool:
        return scheduler.may_have(self.workunits[result.workunitid], host, self.config)

    def _send(self, result: Result, host: Host, offer: _Offer, now: float, actions: list[Action]) -> None:
        wu = self.workunits[result.workunitid]
        newly_bound = offer.host_class != wu.hr_class
        self._unsent.count -= 1
        replicated = scheduler.send(result, wu, host, offer.host_class, offer.app, offer.version, now, self._random, self.config)
        self.in_progress += 1
        self.events += 1
        if self._log:
            self._log.sent(now, result)
        actions.append(Send(host, result, wu))
        if newly_bound:
            self._file_again(wu)
        if replicated:
            self._changed(now, "replicated", wu)
            self._settle(wu, now, actions)
        else:
            self._alarms.set(wu)

    def _resend(self, result: Result, host: Host, now: float, actions: list[Action]) -> None:
        wu = self.workunits[result.workunitid]
        app = self.apps[wu.appid]
        version = scheduler.best_version(host, self._versions_for(host, app, wu.app_version_num), self.config)
        if scheduler.resend(result, wu, host, self._class_of(host, app), version, now, self.config):
            self.events += 1
            if self._log:
                self._log.sent(now, result, again=True)
            actions.append(Send(host, result, wu, again=True))
        else:
            self._settle(wu, now, actions)

    def _versions_for(self, host: Host, app: App, version_num: int) -> tuple[AppVersion, ...]:
        key = host.platforms, app.id, version_num
        versions = self._usable.get(key)
        if versions is None:
            versions = self._usable[key] = scheduler.usable_versions(host.platforms, self.versions, app, version_num)
        return versions

    def _class_of(self, host: Host, app: App) -> int:
        key = host.id, app.homogeneous_redundancy
        number = self._classes.get(key)
        if number is None:
            number = self._classes[key] = hr_class(host, app.homogeneous_redundancy)
        return number

    def _file_again(self, wu: Workunit) -> None:
        for result in wu.results:
            if result.server_state < IN_PROGRESS:
                self._unsent.file(result, wu)

    # -- what follows for a workunit

    def _settle(self, wu: Workunit, now: float, actions: list[Action]) -> None:
        """Transitioner, validator, assimilator and file deleter, until nothing is left to do now."""
        was_open = wu.assimilate_state != ASSIMILATE_DONE
        while True:
            followup = transitioner.transition(wu, now, self.config)
            planned = wu.transition_time
            if followup is not transitioner.NOTHING:
                self._follow(wu, followup, now)
            if wu.need_validate:
                self._validate(wu, now)
            if wu.assimilate_state == ASSIMILATE_READY:
                self._assimilate(wu, now, actions)
            elif wu.assimilate_state == ASSIMILATE_DONE:
                self._delete_files(wu, now)
            if wu.transition_time > now or wu.transition_time == planned:
                break  # nobody has called the transitioner
        if was_open and wu.assimilate_state == ASSIMILATE_DONE:
            self.open -= 1
        self._alarms.set(wu)

    def _follow(self, wu: Workunit, followup: transitioner.Transition, now: float) -> None:
        log = self._log
        for result in followup.timed_out:
            host = self.hosts[result.hostid]
            host.in_progress.pop(result.id, None)
            quota.timed_out(host.app_versions[result.app_version_id], self.config.daily_result_quota)
            self.in_progress -= 1
            self.events += 1
            if log:
                log.over(now, result)
        self._unneeded(followup.unneeded, now)
        if followup.hr_reset:
            self._file_again(wu)
        for _ in range(followup.new_results):
            self._last_result += 1
            result = Result(self._last_result, wu.id, wu.priority + followup.priority_increase)
            wu.results.append(result)
            self._unsent.add(result, wu)
            self.events += 1
            if log:
                log.made(now, result)

    def _unneeded(self, results: Iterable[Result], now: float) -> None:
        for result in results:
            self._unsent.count -= 1
            self.events += 1
            if self._log:
                self._log.over(now, result)

    def _validate(self, wu: Workunit, now: float) -> None:
        self._changed(now, "validate", wu)
        wu.need_validate = False
        if wu.canonical_resultid:
            self._check_pairs(wu, now)
        else:
            self._check_set(wu, now)

    def _check_set(self, wu: Workunit, now: float) -> None:
        """Look for a canonical result."""
        batch = self._batches[wu.batch]
        viable = handle.viable_results(wu.results)
        if len(viable) < wu.min_quorum:
            return
        comparator = batch.comparator
        verdict = check_set(
            [batch.read(wu, result) for result in viable],
            wu.min_quorum,
            comparator.same,
            key=comparator.key,
            app_target=batch.app.target_nresults,
            boinc_exact=self.config.boinc_exact,
        )
        self._comparator_works(comparator, verdict.failures, now)
        before = [result.validate_state for result in viable]
        unneeded = handle.set_checked(
            wu,
            wu.results,
            viable,
            [self._record(result) for result in viable],
            verdict.canonical,
            verdict.states,
            verdict.outcomes,
            verdict.retry,
            now,
            app_target=batch.app.target_nresults,
            quota=self.config.daily_result_quota,
            boinc_exact=self.config.boinc_exact,
        )
        for result, state in zip(viable, before, strict=True):
            if result.validate_state != state:
                self._result_checked(result, now)
        if wu.canonical_resultid:
            self._changed(now, "canonical", wu)
        self._unneeded(unneeded, now)

    def _check_pairs(self, wu: Workunit, now: float) -> None:
        """Compare late results with the canonical one."""
        batch = self._batches[wu.batch]
        comparator = batch.comparator
        canonical = batch.read(wu, _canonical(wu))
        for result in handle.unchecked_results(wu.results):
            late = batch.read(wu, result)
            failures: list[Failure] = []
            exact = self.config.boinc_exact
            state, retry = check_pair(late, canonical, comparator.same, key=comparator.key, boinc_exact=exact, failures=failures)
            self._comparator_works(comparator, failures, now)
            if retry:
                handle.retry_later(wu, now)
                return
            failure = late.check is Check.INVALID
            target, limit = batch.app.target_nresults, self.config.daily_result_quota
            handle.pair_checked(wu, result, state, failure, self._record(result), now, app_target=target, quota=limit)
            self._result_checked(result, now)

    def _comparator_works(self, comparator: Comparator, failures: Sequence[Failure], now: float) -> None:
        """A user's comparator that raises would make every result wrong: here it is the user who looks."""
        if failures:
            error = failures[0].error
            text = f"the comparator {comparator.spec} raised {type(error).__name__}: {error}"
            raise ProjectError(f"{text} (time {now!r}, seed {self.seed})") from error

    def _result_checked(self, result: Result, now: float) -> None:
        self.events += 1
        if self._log:
            self._log.checked(now, result)

    def _record(self, result: Result) -> HostAppVersion | None:
        return self.hosts[result.hostid].app_versions.get(result.app_version_id)

    def _assimilate(self, wu: Workunit, now: float, actions: list[Action]) -> None:
        canonical = None
        elapsed = 0.0
        telling: Iterable[Result] = wu.results
        if wu.canonical_resultid:
            found = _canonical(wu)
            canonical = (found.output or b"", found.report)
            elapsed = found.elapsed_time
            telling = [each for each in wu.results if each.validate_state == INVALID]
        results = tuple(self._summary(each) for each in telling)
        record = assimilator.decide(assimilator.Workunit(wu.name, canonical, wu.error_mask, results, elapsed))
        assert record is not None
        actions.append(Deliver(wu.batch, record))
        wu.assimilate_state = ASSIMILATE_DONE
        wu.transition_time = now
        self._changed(now, "assimilated" if canonical else "failed", wu)

    def _summary(self, result: Result) -> ResultSummary:
        host = self.host_name(self.hosts[result.hostid]) if result.hostid else ""
        return ResultSummary(result.outcome, result.exit_status, host, result.stderr, result.validate_state)

    def _delete_files(self, wu: Workunit, now: float) -> None:
        kept_input = wu.file_delete_state != FILE_DELETE_DONE
        log = self._log
        before = [result for result in wu.results if result.file_delete_state == FILE_DELETE_READY] if log else ()
        self.events += deleter.delete_files(wu, _drop_input, _drop_output)
        for result in before:
            assert log is not None
            log.files_deleted(now, result)
        if kept_input and wu.file_delete_state == FILE_DELETE_DONE:
            if log:
                log.workunit(now, "files_deleted", wu)
            self._to_purge.append((deleter.purge_time(now, self.config), now, wu))

    def _purge(self, now: float) -> None:
        waiting = self._to_purge
        while waiting and waiting[0][0] <= now:
            _, time, wu = waiting.popleft()
            self.archive.add(wu, time)
            self._purged.update(map(self._kind, wu.results))
            self._changed(now, "purged", wu)
            del self.workunits[wu.id]

    def _kind(self, result: Result) -> _Kind:
        turnaround = result.received_time - result.sent_time
        return (
            self.versions[result.app_version_id - 1].platform if result.app_version_id else "",
            result.server_state,
            result.outcome,
            result.validate_state,
            frexp(turnaround)[1] - 1 if result.server_state == OVER and turnaround > 0.0 else None,
        )

    def _changed(self, now: float, what: str, wu: Workunit) -> None:
        self.events += 1
        if self._log:
            self._log.workunit(now, what, wu)


def _canonical(wu: Workunit) -> Result:
    return next(result for result in wu.results if result.id == wu.canonical_resultid)


def _reader(comparator: Comparator) -> Read:
    """Reads PyBOINC's output files, which have as many outputs as the job has calls."""

    def read(wu: Workunit, result: Result) -> Candidate:
        calls = wu.job.count if isinstance(wu.job, Job) else None
        return candidate(result.id, result.output or b"", comparator, calls, lambda: result.report)

    return read


def _drop_input(wu: Workunit) -> bool:
    wu.job = None
    return True


def _drop_output(result: Result) -> bool:
    result.output = None
    result.report = b""
    return True
