"""`concurrent.futures.Executor` over BOINC jobs: plain functions are called on volunteers' computers.

The executor's thread has the batch: it makes calls of what was submitted, as a program's make_calls would, and gives results
to futures in place of handle_result. In a folder that lasts, the calls are logged as well: a restart makes them again from
there, and a submission of the same function and arguments gets the future of the call that was made for it before.
"""

from __future__ import annotations

import atexit
import concurrent.futures
import contextlib
import functools
import hashlib
import os
import shutil
import tempfile
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from . import bundle, codec, display, plugins, settings
from .attachments import Attachments, DataFiles
from .batchdir import CALLS, CHECKPOINT, BatchError
from .calllog import CallLog, LoggedCall
from .decisions import CallMade, Failed, Finish, Handle, Instruction, Outvoted, Ready, Wait, Write
from .errors import PyBoincError
from .functions import Function, Functions, app_folder, classes_of, unwrap_partial
from .model import Attachment, Call, JobSettings, SettingsError, describe
from .ports import Disk, SystemClock, arrive, make_lasting_folder
from .session import LOOK_EVERY, Session, default_in_flight, disk_errors
from .slave import files

GATHER = 0.02  # seconds to wait for more submissions that may share a job
PROGRAMS = "programs"  # the folder in a batch directory that lasts


class BrokenBatch(PyBoincError, concurrent.futures.BrokenExecutor):
    """The batch can't go on; the text says why. What came so far is kept if the batch has a folder of its own."""


class Future(concurrent.futures.Future[Any]):
    """Of one call. `result` raises a `SlaveError` if the function raised, a `JobError` if no result came."""

    _file_of: Callable[[str], str] | None = None

    def output_file(self, name: str) -> str:
        """The path of a file that the function wrote to `pyboinc.output_file`. Waits for the result; raises what `result` raises."""
        self.result()
        assert self._file_of is not None
        return self._file_of(name)


class Executor(concurrent.futures.Executor):
    """Calls plain functions as jobs of a batch.

    batch (str | None): a folder that lasts: run again, the program gets the futures of the calls that it made before, with
    their results. None: the batch ends with the executor.  job: settings of the jobs, as in `pyboinc_master`; calls_per_job and
    job_minutes may be given by themselves.  data_files: paths of files that the functions may read by `pyboinc.data_file`, or
    names and paths.  in_flight (int): calls that are on their way at a time; others wait, and can
    be cancelled.  argv: PyBOINC's own arguments, as in `pyboinc_master`.

    A call is running, and can't be cancelled any more, when its job is made. Raises PyBoincError if something about the batch
    is refused.
    """

    def __init__(
        self,
        batch: str | os.PathLike[str] | None = None,
        *,
        job: JobSettings | Mapping[str, Any] | None = None,
        calls_per_job: int | None = None,
        job_minutes: float | None = None,
        in_flight: int | None = None,
        data_files: DataFiles = (),
        argv: Sequence[str] | None = None,
    ) -> None:
        given = {key: each for key, each in (("calls_per_job", calls_per_job), ("job_minutes", job_minutes)) if each is not None}
        if given:
            job = job.with_(given) if isinstance(job, JobSettings) else {**(job or {}), **given}
        if in_flight is not None and in_flight < 1:
            raise SettingsError(f"in_flight is {in_flight}: at least one call must be on its way")
        options, lasts = _options(batch, job, argv)
        attached = Attachments(app_folder(), options.job.disk).of(data_files)
        self._run = _Run(options, lasts, in_flight or default_in_flight(options.job), attached)
        self._run.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """Call ``fn(*args, **kwargs)`` on some computer. Raises FunctionError, BundleError or EncodeError if that can't travel."""
        return self._run.submit(fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls. wait: until all that were submitted are done.  cancel_futures: those that are not running are cancelled."""
        self._run.shutdown(cancel_futures)
        if wait:
            self._run.join()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Waits for all calls; but after ^C it stops at once, and a batch with a folder can be gone on with."""
        if kind is not None and not issubclass(kind, Exception):
            self._run.stop()
        else:
            self.shutdown()

    @property
    def in_flight(self) -> int:
        """Calls that are on their way at a time."""
        return self._run.in_flight


def load(batch: str | os.PathLike[str], *, argv: Sequence[str] | None = None) -> list[Future]:
    """The futures of all calls in the folder of an `Executor`, in the order in which they were submitted.

    Calls that are not done go on in the background of this process. Results that hold instances of your classes need these
    classes: load when they are defined.
    """
    options, _ = _options(batch, None, argv)
    if not os.path.exists(os.path.join(options.batch, CHECKPOINT)):
        raise BatchError(f"there is no batch in {options.batch}")
    run = _Run(options, True, default_in_flight(options.job))
    run.start()
    futures = run.claim_all()
    run.shutdown(cancel_futures=False)
    return futures


def map(
    func: Callable[[Any], Any], iterable: Iterable[Any], as_completed: bool = False, **options: Any
) -> Iterator[Any]:
    """``func(item)`` for each item, on volunteers' computers: the results in the order of the items, or as they come.

    The iterable is read as work is needed, and may be endless. options: those of `Executor`. An error of a call is raised in
    its place and ends the calls.
    """
    executor = Executor(**options)
    try:
        yield from _as_completed(executor, func, iterable) if as_completed else _in_order(executor, func, iterable)
        executor.shutdown()
    finally:
        executor._run.stop()


def _in_order(executor: Executor, func: Callable[[Any], Any], iterable: Iterable[Any]) -> Iterator[Any]:
    pending: deque[Future] = deque()
    for item in iterable:
        pending.append(executor.submit(func, item))
        while pending and (pending[0].done() or len(pending) >= executor.in_flight):
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _as_completed(executor: Executor, func: Callable[[Any], Any], iterable: Iterable[Any]) -> Iterator[Any]:
    from queue import SimpleQueue

    done: SimpleQueue[Any] = SimpleQueue()
    pending = 0
    for item in iterable:
        executor.submit(func, item).add_done_callback(done.put)
        pending += 1
        while pending and (pending >= executor.in_flight or not done.empty()):
            yield done.get().result()
            pending -= 1
    for _ in range(pending):
        yield done.get().result()


def _options(
    batch: str | os.PathLike[str] | None, job: JobSettings | Mapping[str, Any] | None, argv: Sequence[str] | None
) -> tuple[settings.Options, bool]:
    """The options of the batch, and whether it lasts."""
    arguments = settings.own_arguments(argv)
    options = settings.resolve(app_folder(), arguments, os.environ, job)
    if batch is None:
        batch = settings.split_arguments(arguments)[0].batch
    if batch is None or settings.scratch is not None:
        return replace(options, batch=tempfile.mkdtemp(prefix="pyboinc_", dir=settings.scratch), durability="kill"), False
    return replace(options, batch=os.path.abspath(batch)), True


# ---- the thread


FOLD = "pyboinc.slave.functions:fold"
_Input = tuple[str, tuple[Any, ...], dict[str, Any]]
"""The function's name, its arguments and its keyword arguments."""


class _Submission(NamedTuple):
    future: Future
    function: Function
    data: codec.Encoded
    digest: str
    description: str


class _Claim(NamedTuple):
    """A call of an earlier run is asked for again."""

    future: Future
    number: int


class _Run(Session):
    """The batch of one executor. Of its methods only those above `open_and_loop` are for other threads."""

    def __init__(self, options: settings.Options, lasts: bool, in_flight: int, attached: tuple[Attachment, ...] = ()) -> None:
        manager, broken = plugins.for_run(options.interface)
        for plugin in broken:
            display.say(f"the plugin {plugin.name} ({plugin.distribution} {plugin.version}) is left out: {plugin.cause}")
        super().__init__(options, manager, Disk(sync=options.durability == "power-cut"), SystemClock())
        self.in_flight = in_flight
        self._lasts = lasts
        self._attached = attached
        self._told_files = b"".join(f"\0{each.name}\0{each.sha256}".encode() for each in attached)
        self._functions = Functions(options.job.requires)
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._idle = False  # the thread waits for submissions
        self._queue: deque[_Submission | _Claim] = deque()
        self._unclaimed: dict[str, deque[int]] = {}  # by digest: calls of earlier runs
        self._closed = self._stopped = False
        self._error: BaseException | None = None
        self._opened = Future()
        self._thread = threading.Thread(target=self._open_and_loop, name="pyboinc-executor", daemon=True)

    def start(self) -> None:
        """Raises what is refused."""
        self._thread.start()
        self._opened.result()
        _running.add(self)

    def submit(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future:
        fn, args, kwargs = unwrap_partial(fn, args, kwargs)
        return self._call((fn,), lambda names: (names[0], args, kwargs))

    def fold(self, map_func: Callable[[Any], Any] | None, reduce_func: Callable[[Any, Any], Any], items: list[Any]) -> Future:
        """``reduce(reduce_func, map(map_func, items))``, as one call."""
        functions = (map_func, reduce_func) if map_func else (reduce_func,)
        return self._call(functions, lambda names: (FOLD, (names[0] if map_func else "", names[-1], items), {}))

    def _call(self, functions: tuple[Callable[..., Any], ...], input_of: Callable[[tuple[str, ...]], _Input]) -> Future:
        """A call by which the functions run. input_of: the input, from their names."""
        self._check_open()
        function = self._functions.of(*functions)
        what = input_of(function.names)
        data = files.encode_input(what, function.classes)
        if missing := self._functions.missing_classes(function, data):
            function = self._functions.of(*functions, classes=missing)
        digest = hashlib.blake2b(function.identity + data.body + self._told_files, digest_size=12).hexdigest()
        future = Future()
        submission = _Submission(future, function, data, digest, _shown(function, *what[1:]) if self._lasts else function.label)
        with self._lock:
            self._check_open()
            earlier = self._unclaimed.get(digest)
            self._queue.append(_Claim(future, earlier.popleft()) if earlier else submission)
            if self._idle:
                self._changed.notify()
        return future

    def claim_all(self) -> list[Future]:
        """Ask for all calls of earlier runs."""
        numbers = sorted(number for each in self._unclaimed.values() for number in each)
        claims = [_Claim(Future(), number) for number in numbers]
        with self._changed:
            self._unclaimed.clear()
            self._queue.extend(claims)
            self._changed.notify()
        return [claim.future for claim in claims]

    def shutdown(self, cancel_futures: bool) -> None:
        with self._changed:
            self._closed = True
            if cancel_futures:
                for each in self._queue:
                    each.future.cancel()
            self._changed.notify()

    def stop(self) -> None:
        """End now; what is not done stays as it is."""
        with self._changed:
            self._closed = self._stopped = True
            self._changed.notify()
        self.join()

    def join(self) -> None:
        if threading.current_thread() is not self._thread:  # a future's callback may shut down
            self._thread.join()

    def _check_open(self) -> None:
        if self._error is not None:
            raise self._as_told(self._error) from self._error
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")

    # -- all below is the thread's

    def _open_and_loop(self) -> None:
        try:
            self._prepare()
        except BaseException as error:
            try:
                self._let_go()
            finally:
                self._opened.set_exception(error)  # the folder is free by then
            return
        self._opened.set_result(None)
        try:
            try:
                self._loop()
            except BaseException as error:  # raised for whoever waits, not lost with this thread
                self._error = error
            self._give_up()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        _running.discard(self)
        with contextlib.suppress(Exception):
            self._log.close()
        self.close()
        if not self._lasts:
            shutil.rmtree(self.options.batch, ignore_errors=True)

    def _prepare(self) -> None:
        self.open(self.in_flight)
        self._log = CallLog(self._dir)
        self._check_log()
        self._futures: dict[int, Future] = {}  # of calls that are claimed and have no result
        self._places: dict[int, Handle] = {}  # results of calls that nobody has claimed
        self._next = len(self._log.before)  # the number of the next call
        self._made: set[int] = set()  # of the calls of earlier runs
        self._programs: dict[str, tuple[bundle.Program, codec.Classes]] = {}
        for number, call in enumerate(self._log.before):
            self._unclaimed.setdefault(call.digest, deque()).append(number)
        self._together = self.master.jobs_before()
        for position in self.master.handled_before():
            self._make_again(int(position))

    def _check_log(self) -> None:
        """The log is written before the journal: it knows all calls of which that tells. Raises BatchError."""
        known = len(self._log.before)
        unknown = [each for each in self.master.told_of if not each.isdecimal() or int(each) >= known]
        if unknown and not known:
            why = f"holds a batch of pyboinc_master, or one whose file {CALLS} is lost: give the executor a folder of its own"
            raise BatchError(f"{self.options.batch} {why}, or put that file back")
        if unknown:
            why = f"its file {CALLS} has {known} calls, and the journal tells of call {unknown[0]}"
            raise BatchError(f"{self.options.batch}: {why}. Put back a copy of which no part is older, or begin in another folder")

    def _loop(self) -> None:
        gathering = False  # calls may wait for others to share their job
        while not self._stopped:
            self._stop_if_cancelled()
            took = self._take() or (gathering and self._wait_for_submission(GATHER) and self._take())
            gathering = took
            last = self._carry_out(self.master.handle(Ready(more=took)))
            while isinstance(last, Handle):
                self._deliver(last)
                last = self._carry_out(self.master.handle(Ready(more=took)))
            if isinstance(last, Wait):
                if not self._take_arrived():
                    self._hooks.pyboinc_wait(batch=self.batch, timeout=LOOK_EVERY if self._closed else GATHER)
            elif isinstance(last, Finish) and not self._wait_for_submission(LOOK_EVERY) and self._closed:
                self._note_what_is_left()
                self._set_state("finished")
                return

    def _take(self) -> bool:
        """Make calls of what was submitted; False if there is nothing to make."""
        took = False
        while self._queue and self.master.in_hand < self.in_flight:
            each = self._queue.popleft()
            if each.future.set_running_or_notify_cancel():
                took = True
                self._claim(each) if isinstance(each, _Claim) else self._make(each)
        return took

    def _wait_for_submission(self, timeout: float) -> bool:
        with self._changed:
            if not self._queue and not self._closed:
                self._idle = True
                self._changed.wait(timeout)
                self._idle = False
            return bool(self._queue)

    def _make(self, submission: _Submission) -> None:
        future, function, data, digest, description = submission
        number = self._next
        self._next += 1
        if self._lasts:
            self._keep(function.program)
            self._log.add(LoggedCall(digest, function.program.sha256, description, data.body, self._attached))
        self._futures[number] = future
        self._programs[function.program.sha256] = function.program, function.classes
        call = Call(str(number), function.label, function.program.sha256)
        self._carry_out(self.master.handle(CallMade(call, function.program, data, digest, description, self._attached)))

    def _keep(self, program: bundle.Program) -> None:
        """So that a restart can run the call even if the script has changed."""
        if program.sha256 not in self._programs:
            make_lasting_folder(self._fs, self._dir.path(PROGRAMS))
            if not self._fs.exists(self._dir.path(PROGRAMS, f"{program.sha256}.pyz")):
                arrive(self._fs, self._dir.path(PROGRAMS), f"{program.sha256}.pyz", program.data)

    def _claim(self, claim: _Claim) -> None:
        self._futures[claim.number] = claim.future
        place = self._places.pop(claim.number, None)
        if place is not None:
            self._deliver(place)
        for position in self._together.get(str(claim.number), [str(claim.number)]):
            self._make_again(int(position))

    def _make_again(self, number: int) -> None:
        """A call of an earlier run, from the log."""
        if number in self._made:
            return
        self._made.add(number)
        logged = self._log.before[number]
        if logged.program not in self._programs:
            with disk_errors():
                data = self._fs.read(self._dir.path(PROGRAMS, f"{logged.program}.pyz"))
            program = bundle.read(data)
            self._programs[logged.program] = program, classes_of(program)
        call = Call(str(number), logged.description.partition("(")[0], logged.program)
        program = self._programs[logged.program][0]
        made = CallMade(call, program, codec.Encoded(logged.body), logged.digest, logged.description, logged.files)
        self._carry_out(self.master.handle(made))

    def _carry_out(self, instructions: list[Instruction]) -> Instruction | None:
        if instructions and any([type(each) is Write for each in instructions]):
            self._log.sync()  # a call that the journal tells of can be made again
        return super()._carry_out(instructions)

    def _classes(self, call: Call) -> codec.Classes:
        return self._programs[call.input][1]

    def _deliver(self, step: Handle) -> None:
        number = int(step.call.position)
        future = self._futures.pop(number, None)
        if future is None:
            self._places[number] = step
            return
        record = self._read(step.file)[step.record]
        output, error = self._outcome(step, record)
        if record.output is not None and record.results and not step.entry:
            self._carry_out(self.master.handle(Outvoted(step.call.position)))
        future._file_of = functools.partial(self.file_of, step.call.position)
        if error is None:
            future.set_result(output)
        else:
            self._carry_out(self.master.handle(Failed(step.call.position)))
            future.set_exception(error)

    def _note_what_is_left(self) -> None:
        left = sorted(number for each in self._unclaimed.values() for number in each)
        if self._lasts and left != [int(each) for each in self.master.left]:
            self._dir.write_journal([["left", [str(number) for number in left]]])

    def _give_up(self) -> None:
        """No future is left without an end."""
        why = self._error or BatchError(f"the executor was stopped{'; the same program goes on from here' if self._lasts else ''}")
        with self._changed:
            waiting = [each.future for each in self._queue]
            self._queue.clear()
        for future in waiting:
            future.cancel()
            future.set_running_or_notify_cancel()
        for future in self._futures.values():
            future.set_exception(self._as_told(why))
        self._futures.clear()

    @staticmethod
    def _as_told(why: BaseException) -> BaseException:
        """What those hear who wait for a call. Who has ended the program means to end it."""
        return why if isinstance(why, SystemExit) else BrokenBatch(str(why))


def _shown(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    shown = [*(describe(each, 40) for each in args), *(f"{key}={describe(each, 40)}" for key, each in kwargs.items())]
    return f"{function.label}({', '.join(shown)})"


_running: weakref.WeakSet[_Run] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """The process ends: let go of backends, and leave what is not done as it is."""
    for run in list(_running):
        run.stop()
