"""A run's dealings with its batch directory and its backend: what every kind of run shares. Decisions are `decisions.py`'s."""

from __future__ import annotations

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pluggy

from . import attachments, codec, display, settings
from .batchdir import FILES, BatchDir, BatchError, Checkpoint
from .bundle import Program
from .decisions import IN_FLIGHT, Arrival, Arrived, Handle, Instruction, Master, Note, PutAway, Submit, Write
from .errors import DecodeError, PyBoincError, slave_error
from .model import Attachment, Batch, Call, Job, JobSettings, Record, SettingsError, job_name, parse_job_name
from .packing import Packer
from .ports import Clock, FileSystem
from .records import contents, job_error, report_part
from .slave import files

if TYPE_CHECKING:
    from .wasm.runtime import Runtime

LOOK_EVERY = 0.5  # seconds between looks into new/ when the backend says nothing
KEPT_BYTES = 64 * 1024 * 1024  # of result files read, for the handlers that are next


def default_in_flight(job: JobSettings) -> int:
    """Calls that may be made and not handled, for programs that make them as work is needed."""
    return max(IN_FLIGHT, 100 * job.calls_per_job)


class Session(ABC):
    """The batch of `options`, between `open` and `close`."""

    master: Master
    batch: Batch

    def __init__(self, options: settings.Options, manager: pluggy.PluginManager, fs: FileSystem, clock: Clock) -> None:
        self.options = options
        self._hooks = manager.hook
        self._clock = clock
        self._dir = BatchDir(fs, options.batch)
        self._fs = fs
        self._seen: set[str] = set()
        self._kept: dict[str, tuple[list[Record], int]] = {}
        self._decoded: tuple[tuple[str, int], list[tuple[Any, ...]]] | None = None
        self._last_flush = self._next_look = clock.now()

    @abstractmethod
    def _classes(self, call: Call) -> codec.Classes:
        """The classes that outputs of the call may hold."""

    # -- start

    def open(self, in_flight: int) -> None:
        """Take the folder, find or start the batch, look what has arrived. Raises PyBoincError; `close` it then too."""
        with disk_errors():
            self._open(in_flight)

    def close(self) -> None:
        """Let go of folder and backend."""
        try:
            if hasattr(self, "batch"):
                self._hooks.pyboinc_stop(batch=self.batch)
        finally:
            self._dir.close()

    def _open(self, in_flight: int) -> None:
        directory = self._dir
        directory.lock()
        aside = directory.set_aside() if self.options.fresh else None
        try:
            checkpoint = self._start_batch(in_flight)
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

    def _start_batch(self, in_flight: int) -> Checkpoint:
        """The checkpoint that is here or a new one, its journal, and the project's number for the batch."""
        directory = self._dir
        runtime = self._runtime()
        checkpoint = directory.begin(
            self.options.interface, self.options.project_home, self.options.job.seed, runtime.sha256 if runtime else ""
        )
        if checkpoint.state in ("cancelled", "retired"):
            raise BatchError(f"the batch in {self.options.batch} was {checkpoint.state}: --fresh starts anew (what is there is set aside)")
        self._checkpoint = checkpoint
        job = self.options.job
        self.master = directory.journal(
            lambda entries: Master(entries, Packer(job.calls_per_job, 60 * (job.job_minutes or 0)), in_flight)
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
            runtime,
        )
        try:
            self.batch.id = self._hooks.pyboinc_start_batch(batch=self.batch)
        except SettingsError as error:
            raise settings.placed(error, self.batch.options) from error.__cause__
        return checkpoint

    def _runtime(self) -> Runtime | None:
        """The deterministic runtime if this run is for it; the first time it is built. Raises PyBoincError."""
        if self.options.runtime != settings.WASM:
            return None
        if self.options.job.requires:
            needs = ", ".join(self.options.job.requires)
            raise SettingsError(f"runtime wasm: it has Python's standard library, and the program requires {needs}: run it natively")
        from .wasm import runtime

        found = runtime.find()
        if found is None:
            self._say("building the deterministic runtime, once: half a minute")
            found = runtime.make()
        return found

    # -- instructions

    def _carry_out(self, instructions: list[Instruction]) -> Instruction | None:
        """Carry out what this can; the last one, which is the loop's to carry out, is returned."""
        if not instructions:
            return None
        if len(instructions) > 1 or not isinstance(instructions[0], Handle):
            with disk_errors():
                self._write_and_submit(instructions)
        return instructions[-1]

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
        self, program: Program, first: str, attempt: int, inputs: list[codec.Encoded], attached: tuple[Attachment, ...]
    ) -> Job:
        name = job_name(self.batch.id, self.batch.token, first, attempt)
        data = files.input_file(self.options.job.seed, first, inputs, {each.name: each.file_name for each in attached})
        return Job(name, program, first, len(inputs), attempt, data, attached)

    def _set_state(self, state: str) -> None:
        if self._checkpoint.state != state:
            self._checkpoint = replace(self._checkpoint, state=state)
            with disk_errors():
                self._dir.write_checkpoint(self._checkpoint)

    def _stop_if_cancelled(self, at_the_end: bool = False) -> None:
        """Anybody may ask for it at any time: ``pyboinc cancel``. A batch whose last calls ended by that has not finished."""
        if self._checkpoint.state != "cancelled":
            if self._clock.now() < self._next_look and not at_the_end:
                return
            self._next_look = self._clock.now() + LOOK_EVERY
            if not self._dir.asked_to_cancel(self._checkpoint):
                return
            self._hooks.pyboinc_cancel_batch(batch=self.batch)
            self._set_state("cancelled")
            self._dir.forget_to_cancel()
        raise BatchError(f"batch {self.batch.id} in {self.options.batch} was cancelled; the results that came are kept there")

    # -- results

    def _take_arrived(self) -> bool:
        """Tell the master of the result files that came; True if there were any."""
        with disk_errors():
            names = [name for name in self._dir.arrived() if name not in self._seen]
            if names:
                self._dir.keep_arrived()
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
            kept = self._kept[name] = records, sum(len(each.output or b"") + len(each.report) + 500 for each in records)
            while len(self._kept) > 1 and sum(size for _, size in self._kept.values()) > KEPT_BYTES:
                del self._kept[next(iter(self._kept))]
        return kept[0]

    def _outcome(self, step: Handle, record: Record) -> tuple[Any, Exception | None]:
        """The call's output, or its error."""
        if record.output is None:
            return None, job_error(record)
        try:
            entry = self._entries(step, record.output)[step.entry]
        except (DecodeError, IndexError) as error:
            return None, DecodeError(f"the output of {step.call.slave} can't be read: {error}")
        if entry[0]:
            try:
                for written in entry[2:]:
                    with disk_errors():
                        attachments.keep(self._fs, self._dir.folder, step.call.position, written, contents(record, step.entry))
            except DecodeError as error:
                return None, error
            return entry[1], None
        _, _, message, trace = report_part(record, step.entry)
        return None, slave_error(entry[1], message, trace)

    def _entries(self, step: Handle, output: bytes) -> list[tuple[Any, ...]]:
        place = step.file, step.record
        if self._decoded is None or self._decoded[0] != place:
            self._decoded = place, files.read_output_file(output, self._classes(step.call))
        return self._decoded[1]

    def file_of(self, position: str, name: str) -> str:
        """The path of a file that a call wrote. Raises PyBoincError."""
        folder = self._dir.path(FILES, position)
        if not files.is_file_name(name) or not self._fs.exists(os.path.join(folder, name)):
            there = sorted(self._fs.listdir(folder)) if self._fs.exists(folder) else []
            raise PyBoincError(f"call {position} wrote no file {name!r}; it wrote {', '.join(there) or 'none'}")
        return os.path.join(folder, name)

    # -- people

    def _say(self, text: str) -> None:
        if not self.options.quiet:
            display.say(text)


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """What the disk refuses to PyBOINC itself, in words. Never around a handler: its errors are the program's."""
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise BatchError(f"{where}{error.strerror or error}. Nothing is lost: mend that and give the same command again") from error


