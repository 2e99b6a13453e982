"""The shell around `decisions.py`: carries out its instructions, calls the program's handlers, waits, shows progress."""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import shlex
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

import pluggy

from . import bundle, codec, display, plugins, settings
from .attachments import Attachments, DataFiles
from .decisions import CallMade, Failed, Finish, Flush, Handle, More, Outvoted, ProgramBuilt, Ready, Wait
from .errors import PyBoincError
from .functions import app_folder
from .model import Call, JobSettings, SettingsError, describe
from .ports import Clock, Disk, FileSystem, SystemClock
from .records import report_part
from .session import LOOK_EVERY, Session, default_in_flight
from .slave import files

FLUSH_AFTER = 0.05  # seconds: calls made earlier than this are not held back to be submitted with later ones

FAILED_CALLS, REFUSED, INTERRUPTED = 1, 2, 130
"""Exit statuses of a run."""

HandleResult = Callable[[Any], object]
HandleError = Callable[[Call, Exception], object]
_current: Run | None = None


def pyboinc_call(slave: str, input: Any, name: str | None = None, *, data_files: DataFiles = ()) -> Call:
    """Ask for one run of a slave; its output comes to handle_result.

    slave (str): the script, relative to the folder of the master.  input: what `pyboinc_get_input` gives the slave; built-in
    values and instances of classes from modules that the slave imports.  name (str | None): a label for messages.
    data_files: paths of files that the slave reads by `pyboinc.data_file`, beside those of all calls; or names and paths.

    Only inside make_calls, handle_result and handle_error. Raises EncodeError if the input can't travel, BundleError
    if the slave imports what volunteers do not have, ReplayError if an earlier run made another call here.
    """
    if _current is None:
        raise PyBoincError("pyboinc_call works inside make_calls, handle_result or handle_error, which pyboinc_master calls")
    return _current.call(slave, input, name, data_files)


def came_back(name: str) -> str:
    """See `pyboinc.output_file`."""
    if _current is None or not _current.handling:
        raise PyBoincError("output_file works in a slave, to write a file, and in handle_result, to read it")
    return _current.file_of(_current.handling, name)


def pyboinc_master(
    make_calls: Callable[[], object],
    handle_result: HandleResult,
    handle_error: HandleError | None = None,
    *,
    job: JobSettings | Mapping[str, Any] | None = None,
    in_flight: int | None = None,
    data_files: DataFiles = (),
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
    looks at what the handlers found needs the same value in every run of a batch.  data_files: paths of files that every call's
    slave may read by `pyboinc.data_file`, or names and paths; each goes to a host once.  argv: PyBOINC's own arguments; None takes
    them from `sys.argv` and leaves the others to the program, [] takes none. Those given to ``pyboinc run`` come on top.

    Ends the program (SystemExit) with status 1 if calls failed, 2 if something about the run is refused or the batch was
    cancelled, 130 after ^C.
    An exception in a handler ends the run and is raised here; the next run replays up to it.
    """
    run = None
    try:
        folder = app_folder()
        options = settings.resolve(folder, settings.own_arguments(argv), os.environ, job)
        manager, broken = plugins.for_run(options.interface)
        for plugin in broken:
            display.say(f"the plugin {plugin.name} ({plugin.distribution} {plugin.version}) is left out: {plugin.cause}")
        run = Run(options, folder, manager, Disk(sync=options.durability == "power-cut"), SystemClock())
        failures = run.go(make_calls, handle_result, handle_error, in_flight, data_files)
    except PyBoincError as error:
        display.say(f"error: {_place(error)}{error}")
        raise SystemExit(REFUSED) from None
    except KeyboardInterrupt:
        display.say(_how_to_go_on(run))
        raise SystemExit(INTERRUPTED) from None
    if failures:
        display.say(display.failures_text(failures, run.master.made))
        raise SystemExit(FAILED_CALLS)


class Run(Session):
    """One run of a master over one batch directory."""

    def __init__(self, options: settings.Options, app_folder: str, manager: pluggy.PluginManager, fs: FileSystem, clock: Clock) -> None:
        super().__init__(options, manager, fs, clock)
        self.failures: list[display.Failure] = []
        self._app_folder = app_folder
        self._programs: dict[str, tuple[bundle.Program, codec.Classes]] = {}
        self._attachments = Attachments(app_folder, options.job.disk)
        self.handling = ""  # position of the call whose result the program has in hand
        self._interrupted = False
        self._thread = threading.get_ident()

    def go(
        self,
        make_calls: Callable[[], object],
        handle_result: HandleResult,
        handle_error: HandleError | None,
        in_flight: int | None = None,
        data_files: DataFiles = (),
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
        self._for_all = self._attachments.of(data_files)
        _current = self
        restore = self._catch_interrupts()
        try:
            self.open(in_flight or default_in_flight(self.options.job))
            self._progress = display.progress(self.options.quiet, self._clock)
            try:
                self._loop(make_calls, handle_result, handle_error)
            finally:
                self._progress.close()
        finally:
            _current = None
            try:
                self.close()
            finally:
                restore()
        return self.failures

    # -- the loop

    def _loop(self, make_calls: Callable[[], object], handle_result: HandleResult, handle_error: HandleError | None) -> None:
        calls = make_calls()
        self._stop_if_interrupted()
        step = functools.partial(next, calls, self) if isinstance(calls, Iterator) else None
        while True:
            self._stop_if_cancelled()
            last = self._carry_out(self.master.handle(Ready(more=step is not None)))
            self._progress.update(self.master.handled, self.master.made, len(self.failures))
            if isinstance(last, Handle):
                self._hand_over(last, handle_result, handle_error)
            elif isinstance(last, More) and step is not None:
                if step() is self:
                    step = None
                self._stop_if_interrupted()
            elif isinstance(last, Wait):
                if not self._take_arrived():
                    self._hooks.pyboinc_wait(batch=self.batch, timeout=LOOK_EVERY)
            else:
                assert isinstance(last, Finish)
                self._stop_if_cancelled(at_the_end=True)
                self._set_state("finished")
                return

    def _stop_if_interrupted(self) -> None:
        """The program's code has returned, and may have swallowed it."""
        if self._interrupted:
            raise KeyboardInterrupt

    # -- calls

    def call(self, slave: str, input: Any, name: str | None, data_files: DataFiles = ()) -> Call:
        """See `pyboinc_call`."""
        if threading.get_ident() != self._thread:
            raise PyBoincError("pyboinc_call in another thread than pyboinc_master's: the order of calls would differ from run to run")
        program, classes = self._programs.get(slave) or self._build(slave)
        data = files.encode_input(input, classes)
        call = Call(self.master.next_position(), slave, input, name)
        attached = self._for_all + self._attachments.of(data_files) if data_files else self._for_all
        told = "".join([f"\0{each.name}\0{each.sha256}" for each in attached]) if attached else ""
        digest = hashlib.blake2b(b"%b\0%b%b" % (slave.encode(), data.body, told.encode()), digest_size=12).hexdigest()
        self._carry_out(self.master.handle(CallMade(call, program, data, digest, f"{slave}({describe(input)})", attached)))
        if self._clock.now() - self._last_flush > FLUSH_AFTER:
            self._stop_if_cancelled()
            self._carry_out(self.master.handle(Flush()))
            self._last_flush = self._clock.now()
            self._progress.update(self.master.handled, self.master.made, len(self.failures))
        return call

    def _build(self, slave: str) -> tuple[bundle.Program, codec.Classes]:
        program = bundle.build(slave, self._app_folder, self.options.job.requires)
        self._carry_out(self.master.handle(ProgramBuilt(slave, program.sha256)))
        self._programs[slave] = program, codec.Classes(program.modules)
        return self._programs[slave]

    def _classes(self, call: Call) -> codec.Classes:
        return self._programs[call.slave][1]

    # -- results

    def _hand_over(self, step: Handle, handle_result: HandleResult, handle_error: HandleError | None) -> None:
        record = self._read(step.file)[step.record]
        call = step.call
        output, error = self._outcome(step, record)
        if record.output is not None and record.results and not step.entry:
            self._carry_out(self.master.handle(Outvoted(call.position)))
        if error is None:
            self.handling = call.position
            handle_result(output)
            self._stop_if_interrupted()
            self.handling = ""
            return
        self._carry_out(self.master.handle(Failed(call.position)))
        if handle_error is not None:
            handle_error(call, error)
            self._stop_if_interrupted()
        else:
            self.failures.append((call, error, *report_part(record, step.entry)[:2]))

    # -- people

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


def _how_to_go_on(run: Run | None) -> str:
    if run is None or not hasattr(run, "master"):
        return "stopped before anything was done"
    command = settings.command_to_go_on()
    done = f"{run.master.handled} of {run.master.made} calls were handled, and every result is kept"
    return f"stopped; {done}. Go on with the same command:\n  {shlex.join(command)}"


def _place(error: PyBoincError) -> str:
    """The line of the program at which the error was raised, if it was raised under it."""
    folder = app_folder()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        own = not frame.filename.startswith("<") and os.path.dirname(os.path.abspath(frame.filename)) == folder
        if own and frame.name != "<module>":
            return f"{os.path.basename(frame.filename)}, line {frame.lineno}: "
    return ""
