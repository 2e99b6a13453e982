"""The world of a plan: simulated time, the processes on the server, the volunteers, and what befalls them."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from types import SimpleNamespace
from typing import Any, NamedTuple

from pyboinc import batchdir, daemon
from pyboinc.batchdir import BatchError, Checkpoint
from pyboinc.errors import PyBoincError, StoreError
from pyboinc.model import Batch
from pyboinc.records import load_records
from pyboinc.rows import ABORTED_STATES
from pyboinc.run import Run
from pyboinc.settings import Options
from pyboinc.states import ASSIMILATE_DONE, FILE_DELETE_DONE, OVER, UNSENT
from pyboinc.testing import Crash, CrashPoints, MemoryDisk
from pyboinc_assimilator.daemon import ABORTED_EVERY, Assimilator
from pyboinc_boinc.tools import ToolError
from pyboinc_local.project import Answer
from pyboinc_local.server.rows import Config, HostAppVersion, Result, Workunit
from pyboinc_local.simulation import Volunteer
from pyboinc_validator.daemon import Validator
from pyboinc_validator.daemon import own_words as validators_words

from . import backend, disk, plan, slaves
from .app import App, DataFiles, LabApp
from .boinc import NO_FILE, Boinc, Files
from .database import Server
from .fleet import Fleet
from .plan import PROCESSES, Draw, Fault, Plan
from .processes import Process
from .tables import SimulatedStore
from .witness import Failures, Rests, Violation, Witness

RESTART = 30.0  # seconds until what has died is started again
REFUSED = 300.0  # seconds until a master that was told to come again does
TO_THE_END = 400.0  # job times after the last fault by which a batch has ended
KNOWN = 15  # valid results in a row of a host that is trusted
FIRST_VERSION = 101  # of the app

logging.getLogger("pyboinc").addHandler(logging.NullHandler())
logging.getLogger("pyboinc").propagate = False


class Death(NamedTuple):
    """The one crash point at which a process dies, of the first that is started of its name; with all power, or alone."""

    process: str
    point: int
    power_cut: bool = False


@dataclass
class Outcome:
    """How a world has ended. violation: None if all was well.  points: crash points that each process has passed."""

    plan: Plan
    violation: Violation | None
    trace: str
    happened: dict[str, int]
    jobs: int
    faults: int
    state: str
    points: dict[str, int]
    end: float


class World:
    """See the module's text. keep: the trace.  answers: what masters that came to their end have printed."""

    def __init__(
        self, plan: Plan, keep: bool = False, make_app: Callable[[Plan, Witness], App] = LabApp, death: Death | None = None
    ) -> None:
        self.plan = plan
        self.witness = Witness(keep)
        self._chance = Draw(f"{plan.seed} world")
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._number = 0
        self.disk = MemoryDisk()
        self.disk.folders |= {"/home", "/home/me", "/project", disk.UPLOADS}
        self.disk = self.disk.copy()  # with all of it synced
        config = Config(
            one_result_per_user_per_wu=plan.one_result_per_user,
            daily_result_quota=0,
            delete_delay=plan.delete_delay,
            purge_min_age=plan.purge_min_age,
        )
        self.boinc = Boinc(self.disk, plan.settings, config, plan.seed, self.witness, self._job_made, self._happened)
        self.boinc.add_app("pyboinc", target_nresults=plan.adaptive, homogeneous_redundancy=plan.hr, min_version=FIRST_VERSION)
        self._set_up()
        self.fleet = Fleet(self.boinc, self._run_job, self._happened)
        self.witness.watch(plan, self.boinc, self.fleet.spoiled, slaves.said(plan.settings.comparator))
        for host in plan.hosts:
            volunteer = self.fleet.add_host(host)
            if plan.adaptive and volunteer.host.id % 2:  # what it has done before
                volunteer.host.app_versions[1] = HostAppVersion(0, 0, KNOWN)
        self.server = Server(self.boinc, self.wall, self._committed, lambda kind: self._happened(f"database: {kind}"))
        self.processes: dict[str, Process] = {}
        self._started: list[Process] = []
        self._dozing: dict[str, tuple[Process, float, float]] = {}
        self._power_goes_with: Process | None = None
        self._tools: list[backend.Tool] = []
        self._failing_tools = 0
        self._uploads_away = False
        self._downloads_back = 0.0  # when files can be fetched again
        self._data = ""  # what is wrong with the data files on the master's computer
        self._troubles = 0.0  # until when a master may be refused for what has befallen the server
        self._make_app = make_app
        self._death = death
        self.answers: list[str] = []
        self._waits_for_news = False
        self.state = ""
        self._is_over = self._healed = False
        self.faults = 0

    # -- time

    @property
    def now(self) -> float:
        return self.fleet.now

    def wall(self) -> float:
        """The server's clock, seconds of the simulation; it may jump."""
        return self.now + self.boinc.ahead

    def after(self, seconds: float, what: Callable[[], object]) -> None:
        self._number += 1
        heappush(self._queue, (self.now + seconds, self._number, what))

    def run(self) -> Outcome:
        """To the end of the batch, and a little further."""
        rests = Rests(self._happened)
        logging.getLogger("pyboinc").addHandler(rests)
        try:
            self._begin()
            self._go_on(lambda: bool(self.state) or self.now > self.plan.horizon)
            self._go_on(lambda: bool(self.state))
            self._settle_down()
        except Violation as violation:
            self.witness.violation = violation
        except Exception as error:
            self.witness.violation = Violation("nothing breaks", "".join(traceback.format_exception(error)))
        finally:
            logging.getLogger("pyboinc").removeHandler(rests)
            for process in self.processes.values():
                process.kill()
        plan, witness = self.plan, self.witness
        jobs, points = sum(witness.jobs.values()), dict.fromkeys(PROCESSES, 0)
        for process in self._started:
            points[process.name] += process.points.steps
        return Outcome(plan, witness.violation, witness.trace, witness.happened, jobs, self.faults, self.state, points, self.now)

    def _step(self) -> None:
        fleet, boinc = self.fleet, self.boinc
        alarm = boinc.next_alarm
        times = [(self._queue[0][0], 0)] if self._queue else []
        if fleet._heap:
            times.append((fleet._heap[0][0], 1))
        if alarm is not None:
            times.append((alarm, 2))
        time, source = min(times)
        fleet.now = max(fleet.now, time)
        if source == 0:
            heappop(self._queue)[2]()
        elif source == 1:
            fleet.step()
        else:
            boinc.tick(fleet.now)
        if self.witness.violation:
            raise self.witness.violation
        if self._dozing:
            self._rouse()

    def _stuck(self) -> None:
        left = [wu for wu in self.boinc.workunits.values() if wu.assimilate_state != ASSIMILATE_DONE]
        results = [f"{wu.name}: {[(each.server_state, each.outcome, each.validate_state) for each in wu.results]}" for wu in left[:3]]
        processes = [f"{name} {process.error if process.ended else 'sleeps'}" for name, process in self.processes.items()]
        text = f"{len(left)} jobs are open {TO_THE_END:.0f} job times after the last fault: {', '.join(results + processes)}"
        self.witness.object("every batch ends", text)

    # -- processes

    def _begin(self) -> None:
        for fault in self.plan.faults:
            self.after(fault.at, lambda fault=fault: self._befall(fault))  # type: ignore[misc]
        self.after(self.plan.horizon, self._heal)
        for name in PROCESSES:
            self.after(0.0, partial(self._start, name))

    def _start(self, name: str) -> None:
        if (name == plan.MASTER and self.state) or (name in self.processes and not self.processes[name].ended):
            return
        bodies = {plan.MASTER: self._master, plan.VALIDATOR: self._validator, plan.ASSIMILATOR: self._assimilator}
        process = Process(name, bodies[name], CrashPoints())
        self.processes[name] = process
        self._started.append(process)
        if self._death and self._death.process == name:
            process.points.at = self._death.point
            self._power_goes_with = process if self._death.power_cut else None
            self._death = None
        self._turn(process)

    def _turn(self, process: Process) -> None:
        """The process goes on until it sleeps."""
        if process.ended:
            return
        process.resume()
        if process.ended:
            self._ended(process)

    def sleep(self, process: Process, seconds: float) -> None:
        process.check()
        self._wake(process, seconds)
        process.pause()

    def _wake(self, process: Process, seconds: float) -> None:
        """After this time, if it still sleeps as it does now."""
        turns = process.turns
        self.after(seconds, lambda: self._turn(process) if process.turns == turns else None)

    def doze(self, process: Process, seconds: float) -> None:
        """The sleep of a daemon that has nothing to do: passes that would find nothing are left out."""
        process.check()
        self._dozing[process.name] = process, self.now, seconds
        process.pause()

    def _rouse(self) -> None:
        """Daemons that have got something to do wake at the time of their next pass."""
        for name, (process, since, seconds) in list(self._dozing.items()):
            if process.ended or self._has_work(name):
                del self._dozing[name]
                passes = max(1.0, math.ceil((self.now - since) / seconds))
                self._wake(process, since + passes * seconds - self.now)

    def _has_work(self, name: str) -> bool:
        if name == plan.VALIDATOR:
            return bool(self.boinc.to_validate)
        aborted = any(each.state == "running" and each.boinc_state in ABORTED_STATES for each in self.server.batches.values())
        return bool(self.boinc.to_assimilate) or aborted or bool(self.server.late())

    def wait_for_news(self, seconds: float) -> None:
        """The master sleeps until something has come, or for so long."""
        self._waits_for_news = True
        self.sleep(self.processes[plan.MASTER], seconds)
        self._waits_for_news = False

    def wake_master(self) -> None:
        if self._waits_for_news:
            self._waits_for_news = False
            self._wake(self.processes[plan.MASTER], 0.0)

    def _file_system(self, process: Process, may_write: Callable[[str], bool]) -> disk.ProcessDisk:
        def refused(path: str) -> None:
            self.witness.object("nothing is written outside its folder", f"{process.name} writes {path}")

        def is_away() -> bool:
            if self._uploads_away:
                self._happened(f"{process.name} found no uploads")
            return self._uploads_away

        def arrived(path: str) -> None:
            if path.startswith(f"{disk.BATCH}/new/") or path.endswith(batchdir.CANCEL):
                self.wake_master()

        return disk.ProcessDisk(self.disk, process.points, may_write, refused, arrived, is_away)

    def _master(self, process: Process) -> None:
        self.witness.run_begins()
        batchdir.secrets = SimpleNamespace(token_hex=self._token_hex)  # type: ignore[attr-defined]
        program = self._make_app(self.plan, self.witness)
        self.witness.is_right = program.is_right
        manager = backend.PLUGIN.for_master(self, process)
        options = Options("boinc", "/project", disk.BATCH, False, True, self.plan.settings, {})
        run = Run(options, program.folder, manager, self._file_system(process, disk.of_master), ProcessClock(self, process))
        run.failures = Failures(self.witness)
        run._attachments = DataFiles(partial(self.look_for_data, plan.DATA_GONE))
        program.go(run)
        self.answers.append(program.answer)

    def _validator(self, process: Process) -> None:
        def start(store: SimulatedStore, words: daemon.Words, clock: ProcessClock) -> daemon.Pass:
            fs = self._file_system(process, disk.of_validator)
            return Validator(store.validation, words, clock, fs, wall=self.wall).make_pass

        self._daemon(process, start)

    def _assimilator(self, process: Process) -> None:
        def start(store: SimulatedStore, words: daemon.Words, clock: ProcessClock) -> daemon.Pass:
            return Assimilator(store.assimilation, words, clock, self._file_system(process, disk.of_assimilator)).make_pass

        self._daemon(process, start)

    def _daemon(self, process: Process, start: Callable[..., daemon.Pass]) -> None:
        argv = ["--app", "pyboinc", "-p", "/project", "--sleep_interval", str(self.plan.sleeps)]
        argv += ["--boinc_exact"] if self.plan.boinc_exact and process.name == plan.VALIDATOR else []
        words = daemon.read_words(process.name, "", argv, validators_words)
        clock = ProcessClock(self, process)
        store = SimulatedStore(self.server, clock, float("inf"), process.points)
        try:
            daemon.keep_passing(start(store, words, clock), words, clock)
        finally:
            store.close()

    def _ended(self, process: Process) -> None:
        error, name = process.error, process.name
        if self.witness.violation or isinstance(error, Violation):
            raise self.witness.violation or error
        self.witness.tell(self.now, f"{name} ends: {type(error).__name__}")
        if isinstance(error, (Crash, daemon.Stop, KeyboardInterrupt)):
            if isinstance(error, Crash) and process is self._power_goes_with:
                self._power_cut()
                return
            if isinstance(error, Crash):
                self._happened(f"killed {name}")
            if name == plan.MASTER:
                self._waits_for_news = False
            self.after(max(RESTART, self.boinc.closed_until - self.now), lambda: self._start(name))
        elif name == plan.MASTER and error is None:
            self.witness.run_ended()
            self.state = "finished"
        elif name == plan.MASTER and isinstance(error, BatchError) and "was cancelled" in str(error):
            self.state = "cancelled"
        elif name == plan.MASTER and isinstance(error, PyBoincError) and self._explains(error):
            self._happened("the master was refused")
            self.after(REFUSED, lambda: self._start(name))
        else:
            self.witness.object("nothing ends for no reason", f"{name}: {type(error).__name__}: {error}")

    def _explains(self, error: PyBoincError) -> bool:
        """Whether what has befallen the server is a reason for a master to give up for now."""
        told = "No space left", plan.DATA_GONE, plan.DATA_CHANGED
        reason = isinstance(error, (StoreError, ToolError)) or any(each in str(error) for each in told)
        return reason and self.now <= self._troubles

    # -- what befalls

    def _befall(self, fault: Fault) -> None:
        if self.state or self._is_over:
            return
        self.faults += 1
        self.witness.tell(self.now, str(fault))
        process = self.processes.get(fault.target)
        if fault.kind == plan.KILL and process:
            process.points.at = process.points.steps + int(fault.amount)
        elif fault.kind == plan.KILL_ASLEEP and process:
            self._kill_asleep(process)
        elif fault.kind == plan.POWER_CUT and process:
            process.points.at = process.points.steps + int(fault.amount)
            self._power_goes_with = process
        elif fault.kind in plan.DATABASE:
            self.server.armed.append(fault.kind)
        elif fault.kind == plan.TOOL_FAILS:
            self._failing_tools += 1 + int(self._chance.random() * 6)
        elif fault.kind == plan.CLOCK_JUMP:
            self.fleet.clock_jumps(fault.amount)
            self._happened(f"{fault.kind} {'forward' if fault.amount > 0 else 'back'}")
        else:
            self._happened(fault.kind)
            {
                plan.DISK_FULL: self._fill_disk,
                plan.UPLOADS_AWAY: self._take_uploads,
                plan.DOWNLOADS_AWAY: self._take_downloads,
                plan.DATA_GONE: partial(self._take_data, fault.kind),
                plan.DATA_CHANGED: partial(self._take_data, fault.kind),
                plan.DATABASE_AWAY: self._take_database,
                plan.RECORDS_LOST: self._lose_records,
                plan.CANCEL: self._cancel,
                plan.WEB_ABORT: self._abort_on_the_web,
                plan.SETUP_AGAIN: self._set_up,
                plan.UPGRADE: self._upgrade,
            }[fault.kind](fault.amount)
        if fault.kind in (plan.DISK_FULL, plan.DATABASE_AWAY, plan.TOOL_FAILS, plan.DATA_GONE, plan.DATA_CHANGED):
            self._troubles = max(self._troubles, self.now + fault.amount + 3600.0)

    def _kill_asleep(self, process: Process) -> None:
        if not process.ended:
            self._happened(f"{process.name} asleep killed")
            process.kill()
            self._ended(process)

    def _power_cut(self) -> None:
        """All processes die, and what was not synced may be gone."""
        self._happened(plan.POWER_CUT)
        for process in self.processes.values():
            process.kill()
            self.after(RESTART, lambda name=process.name: self._start(name))  # type: ignore[misc]
        self._waits_for_news = False
        self._power_goes_with = None
        for tool in self._tools:
            tool.cut_off = True
        for name in sorted(self.boinc.unsettled):
            if self._chance.happens(0.5):
                self.boinc.staged.pop(name, None)
        self.boinc.unsettled.clear()
        self.disk = self.boinc.disk = self.disk.after_power_cut(self._chance.random if self._chance.happens(0.7) else None)

    def _fill_disk(self, seconds: float) -> None:
        self.disk.full = True
        self.after(seconds, lambda: setattr(self.disk, "full", False))

    def _take_uploads(self, seconds: float) -> None:
        self._uploads_away = True
        self.after(seconds, lambda: setattr(self, "_uploads_away", False))

    def _lose_records(self, _: float) -> None:
        """Somebody has moved result files away, or put an older copy of the batch directory back, while no master ran."""
        if self.plan.app == plan.NESTED:
            return  # what fails when it is computed again would make other calls
        self._kill_asleep(self.processes[plan.MASTER])
        for path in sorted(self.disk.files):
            if os.path.dirname(path) in (f"{disk.BATCH}/new", f"{disk.BATCH}/old") and "/." not in path and self._chance.happens(0.5):
                self.witness.records_lost([record.job for record in load_records(self.disk.files[path].data)])
                self.disk.drop(path)

    def _take_downloads(self, seconds: float) -> None:
        """What hosts need is late."""
        self._downloads_back = self.now + seconds

    def _take_data(self, kind: str, seconds: float) -> None:
        self._data = kind
        self.after(seconds, lambda: setattr(self, "_data", ""))

    def look_for_data(self, *wrong: str) -> None:
        """Raises PyBoincError if data files are not as they should be in one of these ways."""
        if self._data in wrong:
            self._happened(f"a master met {self._data}")
            raise PyBoincError(self._data)

    def _take_database(self, seconds: float) -> None:
        self.server.away = True
        self.after(seconds, lambda: setattr(self.server, "away", False))

    def _cancel(self, _: float) -> None:
        """``pyboinc cancel``, of another process."""
        if token := self._token():
            process = Process("admin", lambda _: None, CrashPoints())
            with contextlib.suppress(OSError):  # the disk is full
                batchdir.ask_to_cancel(self._file_system(process, disk.of_master), disk.BATCH, token)

    def _abort_on_the_web(self, _: float) -> None:
        for batch in self.server.batches.values():
            if batch.boinc_state == 1:
                batch.boinc_state = 3

    def _set_up(self, _: float = 0.0) -> None:
        """``pyboinc setup``: another version of the app."""
        number = 1 + max((each.version_num for each in self.boinc.versions), default=FIRST_VERSION - 1)
        for platform in dict.fromkeys(plan.PLATFORMS.values()):
            self.boinc.add_version(self.boinc.app, number, platform)

    def _upgrade(self, seconds: float) -> None:
        """An admin stops all processes, installs a newer PyBOINC, sets up again, and starts them."""
        self.boinc.closed_until = self.now + seconds
        self._set_up()
        for name, process in self.processes.items():
            if not process.ended:
                process.asked_to_end = KeyboardInterrupt() if name == plan.MASTER else daemon.Stop("signal")
                self._turn(process)

    def _heal(self) -> None:
        """No faults from now on, and volunteers enough."""
        self.fleet.heal()
        self.server.away = self.disk.full = self._uploads_away = False
        self.boinc.closed_until = self._downloads_back = 0.0
        self._data = ""
        self.server.armed.clear()
        self._failing_tools = 0
        for process in self.processes.values():
            process.points.at = None
        if self._healed:
            return
        self._healed = True
        for _ in range(max(self.plan.settings.max_total_results, 6)):
            for profile in self.plan.profiles if self.plan.hr else [plan.LINUX]:
                self.fleet.add_host(plan.sound(profile))

    # -- what others report

    def _happened(self, what: str) -> None:
        self.witness.happened[what] += 1

    def create_work(self, batch: int, lines: Sequence[str]) -> backend.Tool:
        tool = backend.Tool(self, batch, lines)
        self._tools.append(tool)
        return tool

    def tool_fails(self) -> bool:
        if self._failing_tools:
            self._failing_tools -= 1
            self._troubles = max(self._troubles, self.now + 3600.0)
            self._happened(plan.TOOL_FAILS)
            return True
        return False

    def _committed(self, workunits: Any) -> None:
        self.boinc.changed(workunits)
        self.witness.committed(workunits, self.server)

    def _job_made(self, wu: Workunit) -> None:
        files = wu.job
        assert isinstance(files, Files)
        program, data = self.boinc.staged[files.program], self.boinc.staged[files.input]
        honest = [ran for profile in self.plan.profiles if (ran := slaves.outcome(program, data, profile)) is not None]
        needless = wu.name in self.boinc.needless or self._is_delivered(wu.name)
        self.witness.job_made(wu, honest, needless)

    def _is_delivered(self, job: str) -> bool:
        if job not in self.witness.jobs:
            return False
        folders = f"{disk.BATCH}/new", f"{disk.BATCH}/old"
        there = [file.data for path, file in self.disk.files.items() if path.rpartition("/")[0] in folders and "/." not in path]
        return any(each.job == job for data in there for each in load_records(data))

    def _run_job(self, volunteer: Volunteer, wu: Workunit, result: Result) -> Answer:
        """A host fetches the input files, and computes."""
        files, staged = wu.job, self.boinc.staged
        if not isinstance(files, Files) or not staged.keys() >= {*files.all}:
            return Answer(1.0, NO_FILE, None, b"", "an input file can't be downloaded")
        ran = slaves.outcome(staged[files.program], staged[files.input], volunteer.spec.profile)
        assert ran is not None
        seconds = self.plan.job_seconds * (0.5 + volunteer.chance.random()) / volunteer.speed
        if self._downloads_back > self.now:
            self._happened("a host waited for its files")
            seconds += self._downloads_back - self.now
        return Answer(seconds, 0, ran.output, ran.report)

    # -- the end

    def _token_hex(self, size: int) -> str:
        return f"{int(self._chance.random() * 256**size):0{2 * size}x}"

    def _token(self) -> str:
        file = self.disk.files.get(f"{disk.BATCH}/{batchdir.CHECKPOINT}")
        return Checkpoint.load(file.data, "").token if file else ""

    def _settle_down(self) -> None:
        """The master has ended. Run again, a finished batch has nothing to do; retired or cancelled, its jobs all end."""
        self._is_over = True
        self._heal()
        if self.state == "finished":
            self.state = ""
            self._start(plan.MASTER)
            self._go_on(lambda: bool(self.state))
            self._happened("a finished batch was run again")
        retired = self._chance.happens(0.5)
        if retired:
            self._retire()
        if self.state == "cancelled":
            self._end_late_jobs()
        self._go_on(lambda: all(wu.assimilate_state == ASSIMILATE_DONE for wu in self.boinc.workunits.values()))
        for batch in self.server.batches.values():
            if batch.ended > batch.jobs:
                self.witness.object("counts add up", f"{batch.ended} jobs of batch {batch.id} have ended, of {batch.jobs}")
        if retired:
            self._go_on(lambda: all(map(_is_gone, self.boinc.workunits.values())))
            self._retire()
            if left := [*self.server.files, *self.boinc.staged]:
                self.witness.object("a retired batch leaves nothing", f"{left}")

    def _end_late_jobs(self) -> None:
        """Once no create_work runs any more, and the assimilator has looked, a cancelled batch has nothing that a host could be given."""
        self._go_on(lambda: all(tool.over or tool.cut_off for tool in self._tools))
        looked = self.now + 2 * max(self.plan.sleeps, ABORTED_EVERY) + RESTART + self.plan.jumps
        self.after(looked - self.now, lambda: None)
        self._go_on(lambda: self.now >= looked)
        for wu in self.boinc.workunits.values():
            given_up = wu.error_mask or wu.canonical_resultid or wu.assimilate_state
            if not given_up or any(each.server_state == UNSENT for each in wu.results):
                self.witness.object("a cancelled batch ends", f"{wu.name} goes on: {wu}")

    def _go_on(self, until: Callable[[], bool]) -> None:
        end = self.now + TO_THE_END * self.plan.job_seconds + 2 * self.plan.jumps + 4 * 86400.0
        while not until():
            self._step()
            if self.now > end:
                self._stuck()

    def _retire(self) -> None:
        """``pyboinc retire``, of another process."""
        (table,) = self.server.batches.values()

        def body(process: Process) -> None:
            clock = ProcessClock(self, process)
            fs = self._file_system(process, disk.of_master)
            batch = Batch(table.id, table.token, disk.BATCH, "boinc", "/project", self.plan.settings, {}, fs, clock)
            run = backend.Run(batch, self, process)
            run.retire()
            run.close()

        process = Process("admin", body, CrashPoints())
        process.resume()
        if not process.ended or process.error is not None or table.state != "retired":
            self.witness.object("a batch at its end can be retired", f"{table.state}: {process.error!r}")
        self._happened("retired")


def _is_gone(wu: Workunit) -> bool:
    return wu.file_delete_state == FILE_DELETE_DONE and all(each.server_state == OVER for each in wu.results)


class ProcessClock:
    """A process's clock: its sleep is the turn of others."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process

    def now(self) -> float:
        return self._world.now

    def sleep(self, seconds: float) -> None:
        if seconds == self._world.plan.sleeps and self._process.name != plan.MASTER:
            self._world.doze(self._process, seconds)
        else:
            self._world.sleep(self._process, seconds)

    def check(self) -> None:
        self._process.check()
