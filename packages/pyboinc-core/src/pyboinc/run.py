"""The shell around `decisions.py`: carries out its instructions, calls the program's handlers, waits, shows progress."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import os
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import FrameType
from typing import Any, TypeVar

import pluggy

from . import bundle, codec, display, plugins, settings
from .batchdir import BatchDir, BatchError, Checkpoint
from .decisions import (
    IN_FLIGHT,
    Arrival,
    Arrived,
    CallMade,
    Failed,
    Finish,
    Flush,
    Handle,
    Instruction,
    Master,
    More,
    Note,
    Outvoted,
    ProgramBuilt,
    PutAway,
    Ready,
    Submit,
    Wait,
    Write,
)
from .errors import DecodeError, PyBoincError, SlaveError
from .model import Attachment, Batch, Call, Job, JobSettings, Record, SettingsError, describe, job_name, parse_job_name
from .packing import Packer
from .ports import Clock, Disk, FileSystem, SystemClock
from .records import job_error, report_part
from .slave import files

FLUSH_AFTER = 0.05  # seconds: calls made earlier than this are not held back to be submitted with later ones
LOOK_EVERY = 0.5  # seconds between looks into new/ when the backend says nothing
KEPT_BYTES = 64 * 1024 * 1024  # of result files read, for the handlers that are next

FAILED_CALLS, REFUSED, INTERRUPTED = 1, 2, 130
"""Exit statuses of a run."""

HandleResult = Callable[[Any], object]
HandleError = Callable[[Call, Exception], object]
T = TypeVar("T")

_current: Run | None = None


def pyboinc_call(slave: str, input: Any, name: str | None = None) -> Call:
    """Ask for one run of a slave; its output comes to handle_result.

    slave (str): the script, relative to the folder of the master.  input: what `pyboinc_get_input` gives the slave; built-in
    values and instances of classes from modules that the slave imports.  name (str | None): a label for messages.

    Only inside make_calls, handle_result and handle_error. Raises EncodeError if the input can't travel, BundleError
    if the slave imports what volunteers do not have, ReplayError if an earlier run made another call here.
    """
    if _current is None:
        raise PyBoincError("pyboinc_call works inside make_calls, handle_result or handle_error, which pyboinc_master calls")
    return _current.call(slave, input, name)


def pyboinc_master(
    make_calls: Callable[[], object],
    handle_result: HandleResult,
    handle_error: HandleError | None = None,
    *,
    job: JobSettings | Mapping[str, Any] | None = None,
    in_flight: int | None = None,
    argv: Sequence[str] | None = None,
) -> None:
    """Run a program: make its calls, and handle each output once; return when all are handled.

    Stopped at any moment, the same command goes on: make_calls runs again, and the outputs that were handled are handled
    again in the same order, so that the handlers' state is what it was.

    make_calls(): makes calls with `pyboinc_call`. A generator function may make calls without end: it goes on from its
    ``yield`` as work is needed.  handle_result(output): gets each output; may make further calls.
    handle_error(call, error): gets each call that failed, with a `SlaveError` (the slave raised) or a `JobError` (no result
    came); without it the run goes on to its end, lists the failed calls and exits with status 1.
    job: settings of the jobs, instead of ``[job]`` in pyboinc.toml.  in_flight (int): a generator make_calls goes on while
    fewer calls than this are made and not handled; 10,000 if not given, and at least 100 jobs' worth of calls_per_job. One that
    looks at what the handlers found needs the same value in every run of a batch.  argv: PyBOINC's own arguments; None takes them from
    `sys.argv` and leaves the others to the program, [] takes none. Those given to ``pyboinc run`` come on top.

    Ends the program (SystemExit) with status 1 if calls failed, 2 if something about the run is refused or the batch was
    cancelled, 130 after ^C.
    An exception in a handler ends the run and is raised here; the next run replays up to it.
    """
    run = None
    try:
        folder = _app_folder()
        options = settings.resolve(folder, settings.own_arguments(argv), os.environ, job)
        manager, broken = plugins.for_run(options.interface)
        for plugin in broken:
            display.say(f"the plugin {plugin.name} ({plugin.distribution} {plugin.version}) is left out: {plugin.cause}")
        run = Run(options, folder, manager, Disk(sync=options.durability == "power-cut"), SystemClock())
        failures = run.go(make_calls, handle_result, handle_error, in_flight)
    except PyBoincError as error:
        display.say(f"error: {_place(error)}{error}")
        raise SystemExit(REFUSED) from None
    except KeyboardInterrupt:
        display.say(_how_to_go_on(run))
        raise SystemExit(INTERRUPTED) from None
    if failures:
        display.say(display.failures_text(failures, run.master.made))
        raise SystemExit(FAILED_CALLS)


class Run:
    """One run of a master over one batch directory."""

    master: Master
    batch: Batch

    def __init__(self, options: settings.Options, app_folder: str, manager: pluggy.PluginManager, fs: FileSystem, clock: Clock) -> None:
        self.options = options
        self.failures: list[display.Failure] = []
        self._app_folder = app_folder
        self._hooks = manager.hook
        self._clock = clock
        self._dir = BatchDir(fs, options.batch)
        self._fs = fs
        self._programs: dict[str, tuple[bundle.Program, codec.Classes]] = {}
        self._seen: set[str] = set()
        self._kept: dict[str, tuple[list[Record], int]] = {}
        self._decoded: tuple[tuple[str, int], list[tuple[Any, ...]]] | None = None
        self._last_flush = self._next_look = clock.now()
        self._interrupted = False
        self._thread = threading.get_ident()

    def go(
        self, make_calls: Callable[[], object], handle_result: HandleResult, handle_error: HandleError | None, in_flight: int | None = None
    ) -> list[display.Failure]:
        """The whole run; the calls that failed, if there is no handle_error. Raises PyBoincError, and what handlers raise."""
        global _current
        for each in (make_calls, handle_result, handle_error):
            if inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each):
                raise PyBoincError(f"{each.__name__} is an async function, which nobody would await: make it a plain one")
        if _current is not None:
            raise PyBoincError("pyboinc_master is running already in this process: call it again when it has returned")
        if in_flight is not None and in_flight < 1:
            raise SettingsError(f"in_flight is {in_flight}: at least one call must be on its way")
        self._in_flight = in_flight or max(IN_FLIGHT, 100 * self.options.job.calls_per_job)
        _current = self
        restore = self._catch_interrupts()
        try:
            with _disk_errors():
                self._open()
            self._progress = display.progress(self.options.quiet, self._clock)
            try:
                self._loop(make_calls, handle_result, handle_error)
            finally:
                self._progress.close()
        finally:
            _current = None
            try:
                if hasattr(self, "batch"):
                    self._hooks.pyboinc_stop(batch=self.batch)
            finally:
                self._dir.close()
                restore()
        return self.failures

    # -- start

    def _open(self) -> None:
        directory = self._dir
        directory.lock()
        aside = directory.set_aside() if self.options.fresh else None
        try:
            checkpoint = self._start_batch()
        except PyBoincError:
            if aside:
                directory.put_back(aside)
            raise
        if aside:
            self._say(f"what was here is in {aside}")
        if self.batch.id != checkpoint.batch_id:
            self._checkpoint = replace(checkpoint, batch_id=self.batch.id)
            directory.write_checkpoint(self._checkpoint)
        self._stop_if_cancelled()
        directory.bring_back()
        self._take_arrived()
        if self._seen:
            self._say(f"going on with batch {self.batch.id} in {self.options.batch}")

    def _start_batch(self) -> Checkpoint:
        """The checkpoint that is here or a new one, its journal, and the project's number for the batch."""
        directory = self._dir
        checkpoint = directory.begin(self.options.interface, self.options.project_home, self.options.job.seed)
        if checkpoint.state in ("cancelled", "retired"):
            raise BatchError(f"the batch in {self.options.batch} was {checkpoint.state}: --fresh starts anew (what is there is set aside)")
        self._checkpoint = checkpoint
        job = self.options.job
        self.master = directory.journal(
            lambda entries: Master(entries, Packer(job.calls_per_job, 60 * (job.job_minutes or 0)), self._in_flight)
        )
        self.batch = Batch(
            checkpoint.batch_id,
            checkpoint.token,
            self.options.batch,
            self.options.interface,
            self.options.project_home,
            self.options.job,
            self.options.tables.get(self.options.interface, {}),
            self._fs,
            self._clock,
        )
        try:
            self.batch.id = self._hooks.pyboinc_start_batch(batch=self.batch)
        except SettingsError as error:
            raise settings.placed(error, self.batch.options) from error.__cause__
        return checkpoint

    # -- the loop

    def _loop(self, make_calls: Callable[[], object], handle_result: HandleResult, handle_error: HandleError | None) -> None:
        calls = self._run_user_code(make_calls)
        step = functools.partial(next, calls, self) if isinstance(calls, Iterator) else None
        while True:
            self._stop_if_cancelled()
            last = self._carry_out(self.master.handle(Ready(more=step is not None)))
            self._progress.update(self.master.handled, self.master.made, len(self.failures))
            if isinstance(last, Handle):
                self._hand_over(last, handle_result, handle_error)
            elif isinstance(last, More) and step is not None:
                if self._run_user_code(step) is self:
                    step = None
            elif isinstance(last, Wait):
                if not self._take_arrived():
                    self._hooks.pyboinc_wait(batch=self.batch, timeout=LOOK_EVERY)
            else:
                assert isinstance(last, Finish)
                self._set_state("finished")
                return

    def _carry_out(self, instructions: list[Instruction]) -> Instruction | None:
        """Carry out what this can; the last one, which is the loop's to carry out, is returned."""
        if instructions:
            with _disk_errors():
                self._write_and_submit(instructions)
        return instructions[-1] if instructions else None

    def _write_and_submit(self, instructions: list[Instruction]) -> None:
        for each in instructions:
            if isinstance(each, Write):
                self._dir.write_journal(each.entries)
            elif isinstance(each, Note):
                self._dir.write_journal(each.entries, sync=False)
            elif isinstance(each, Submit):
                self._set_state("running")
                jobs = [self._job(*planned) for planned in each.jobs]
                self._hooks.pyboinc_submit_jobs(batch=self.batch, jobs=jobs)
                self._last_flush = self._clock.now()
            elif isinstance(each, PutAway):
                self._dir.put_away(each.file)
                self._seen.discard(each.file)
                self._kept.pop(each.file, None)

    def _job(
        self, program: bundle.Program, first: str, attempt: int, inputs: list[codec.Encoded], attached: tuple[Attachment, ...]
    ) -> Job:
        name = job_name(self.batch.id, self.batch.token, first, attempt)
        return Job(name, program, first, len(inputs), attempt, files.input_file(self.options.job.seed, first, inputs), attached)

    def _set_state(self, state: str) -> None:
        if self._checkpoint.state != state:
            self._checkpoint = replace(self._checkpoint, state=state)
            self._dir.write_checkpoint(self._checkpoint)

    def _stop_if_cancelled(self) -> None:
        """Anybody may ask for it at any time: ``pyboinc cancel``."""
        if self._checkpoint.state != "cancelled":
            if self._clock.now() < self._next_look:
                return
            self._next_look = self._clock.now() + LOOK_EVERY
            if not self._dir.asked_to_cancel(self._checkpoint):
                return
            self._hooks.pyboinc_cancel_batch(batch=self.batch)
            self._set_state("cancelled")
            self._dir.forget_to_cancel()
        raise BatchError(f"batch {self.batch.id} in {self.options.batch} was cancelled; the results that came are kept there")

    def _run_user_code(self, code: Callable[[], T]) -> T:
        result = code()
        if self._interrupted:  # and the program swallowed it
            raise KeyboardInterrupt
        return result

    # -- calls

    def call(self, slave: str, input: Any, name: str | None) -> Call:
        """See `pyboinc_call`."""
        if threading.get_ident() != self._thread:
            raise PyBoincError("pyboinc_call in another thread than pyboinc_master's: the order of calls would differ from run to run")
        self._stop_if_cancelled()
        program, classes = self._programs.get(slave) or self._build(slave)
        data = files.encode_input(input, classes)
        call = Call(self.master.next_position(), slave, input, name)
        digest = hashlib.blake2b(b"%b\0%b" % (slave.encode(), data.body), digest_size=12).hexdigest()
        self._carry_out(self.master.handle(CallMade(call, program, data, digest, f"{slave}({describe(input)})")))
        if self._clock.now() - self._last_flush > FLUSH_AFTER:
            self._carry_out(self.master.handle(Flush()))
            self._last_flush = self._clock.now()
            self._progress.update(self.master.handled, self.master.made, len(self.failures))
        return call

    def _build(self, slave: str) -> tuple[bundle.Program, codec.Classes]:
        program = bundle.build(slave, self._app_folder, self.options.job.requires)
        self._carry_out(self.master.handle(ProgramBuilt(slave, program.sha256)))
        self._programs[slave] = program, codec.Classes(program.modules)
        return self._programs[slave]

    # -- results

    def _take_arrived(self) -> bool:
        """Tell the master of the result files that came; True if there were any."""
        with _disk_errors():
            names = [name for name in self._dir.arrived() if name not in self._seen]
        for name in sorted(names, key=lambda each: (len(each), each)):
            self._seen.add(name)
            arrivals = []
            for record in self._read(name):
                parsed = parse_job_name(record.job)
                if parsed is None or parsed[1] != self.batch.token:
                    raise BatchError(f"{self._dir.path('new', name)} holds a result of another batch ({record.job[:80]!r}): move it away")
                arrivals.append(Arrival(parsed[2], parsed[3], record.output is not None, record.elapsed))
            self._carry_out(self.master.handle(Arrived(name, arrivals)))
        return bool(names)

    def _read(self, name: str) -> list[Record]:
        kept = self._kept.get(name)
        if kept is None:
            records = self._dir.read_records(name)
            kept = self._kept[name] = records, sum(len(each.output or b"") + 500 for each in records)
            while len(self._kept) > 1 and sum(size for _, size in self._kept.values()) > KEPT_BYTES:
                del self._kept[next(iter(self._kept))]
        return kept[0]

    def _hand_over(self, step: Handle, handle_result: HandleResult, handle_error: HandleError | None) -> None:
        record = self._read(step.file)[step.record]
        call = step.call
        output, error = self._outcome(step, record)
        if record.output is not None and record.results and not step.entry:
            self._carry_out(self.master.handle(Outvoted(call.position)))
        if error is None:
            self._run_user_code(lambda: handle_result(output))
            return
        self._carry_out(self.master.handle(Failed(call.position)))
        if handle_error is not None:
            self._run_user_code(lambda: handle_error(call, error))
        else:
            self.failures.append((call, error, *report_part(record, step.entry)[:2]))

    def _outcome(self, step: Handle, record: Record) -> tuple[Any, Exception | None]:
        """The call's output, or its error."""
        if record.output is None:
            return None, job_error(record)
        try:
            entry = self._entries(step, record.output)[step.entry]
        except (DecodeError, IndexError) as error:
            return None, DecodeError(f"the output of {step.call.slave} can't be read: {error}")
        if entry[0]:
            return entry[1], None
        _, _, message, trace = report_part(record, step.entry)
        return None, SlaveError(entry[1], message, trace)

    def _entries(self, step: Handle, output: bytes) -> list[tuple[Any, ...]]:
        place = step.file, step.record
        if self._decoded is None or self._decoded[0] != place:
            classes = self._programs[step.call.slave][1]
            self._decoded = place, files.read_output_file(output, classes)
        return self._decoded[1]

    # -- people

    def _say(self, text: str) -> None:
        if not self.options.quiet:
            display.say(text)

    def _catch_interrupts(self) -> Callable[[], None]:
        """The first ^C stops the run in order, the second at once. Returns what restores the handler that was there."""
        if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            return lambda: None

        def on_interrupt(_signum: int, _frame: FrameType | None) -> None:
            if self._interrupted:
                os._exit(INTERRUPTED)
            self._interrupted = True
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGINT, on_interrupt)
        return lambda: void(signal.signal(signal.SIGINT, before))


def void(_value: object) -> None: ...


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """What the disk refuses to PyBOINC itself, in words. Never around a handler: its errors are the program's."""
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise BatchError(f"{where}{error.strerror or error}. Nothing is lost: mend that and give the same command again") from error


def _how_to_go_on(run: Run | None) -> str:
    if run is None or not hasattr(run, "master"):
        return "stopped before anything was done"
    command = settings.command_to_go_on()
    done = f"{run.master.handled} of {run.master.made} calls were handled, and every result is kept"
    return f"stopped; {done}. Go on with the same command:\n  {shlex.join(command)}"


def _app_folder() -> str:
    """The folder of the master's script; the current one in a notebook or prompt."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.dirname(os.path.abspath(file)) if file else os.getcwd()


def _place(error: PyBoincError) -> str:
    """The line of the program at which the error was raised, if it was raised under it."""
    folder = _app_folder()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        own = not frame.filename.startswith("<") and os.path.dirname(os.path.abspath(frame.filename)) == folder
        if own and frame.name != "<module>":
            return f"{os.path.basename(frame.filename)}, line {frame.lineno}: "
    return ""
