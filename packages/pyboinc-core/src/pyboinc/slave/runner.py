"""Runs a slave's program: its script once from top to bottom for each call, in a clean namespace.

What a call raises is its output (BOINC hosts must agree on it), unless the host is to blame: then `HostFault`.
"""

from __future__ import annotations

import builtins
import os
import sys
from zipimport import ZipImportError, zipimporter

from .. import codec
from ..errors import DecodeError
from . import api, files
from .channel import Channel, TemporaryExit
from .checkpoint import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, TracebackType
    from typing import Any, Callable

    Console = Callable[[], tuple[str, str]]

MAX_TEXT = 64 * 1024  # of a message, a traceback or what was printed: as much as BOINC keeps of stderr
MAX_FRAMES = 100

OUTPUT_FILES = "output_files"  # the folder, in that of the job, of the files that a call writes

FORMAT = 2  # of a program, see docs/formats.md

FUNCTIONS = "pyboinc_call.py"
"""The slave of every program of plain functions, see `functions.py`."""

ModuleType = type(sys)


class HostFault(Exception):
    """The task failed for a reason that another host may not have: BOINC's client error."""

    def __init__(self, exit_status: int, text: str) -> None:
        super().__init__(text)
        self.exit_status = exit_status
        self.text = text


def check_signature(path: str, trust_path: str) -> None:
    """Raise HostFault unless the program may run. Without the file that says whose programs may, all may."""
    if not os.path.exists(trust_path):
        return
    from .verify import Trust, verify

    try:
        with open(trust_path, "rb") as trust, open(path, "rb") as program:
            verify(program.read(), Trust.parse(trust.read()))
    except (OSError, ValueError) as error:
        raise HostFault(1, f"the program is refused: {error}") from None


class Program:
    """A slave's program, read from its zip application at `path`. Raises HostFault if it can't be read.

    builtins: the module whose names are built in for the slave's script.
    """

    builtins: Any = builtins

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            archive = zipimporter(path)  # unlike zipfile it is there already, and a task's start is short
            manifest = read_manifest(archive.get_data("pyboinc.txt"))
            self.slave: str = manifest["slave"][0]
            self.modules = frozenset(manifest["module"])
            self.requires = manifest["requires"]
            main = "".join(manifest["main"])
            source = archive.get_data(self.slave)
        except (OSError, ValueError, ZipImportError) as error:
            raise HostFault(1, f"the program can't be read: {error}") from None
        self._files = {self.slave}
        self._loaded: dict[str, Any] = {}
        self._source = source
        self.classes = codec.Classes(self.modules, aliases={main: "__main__"} if main else None, resolve=self._import)
        self._code: CodeType | None = None

    @property
    def code(self) -> CodeType:
        if self._code is None:
            self._code = self._compile(self._source)
        return self._code

    def _compile(self, source: bytes) -> CodeType:
        return compile(source, self.slave, "exec", dont_inherit=True)

    def get_source(self, _name: str) -> str:
        """The script's text, for tracebacks: it is in no file. (This makes the program the loader of its script.)"""
        import io
        import tokenize

        encoding, _ = tokenize.detect_encoding(io.BytesIO(self._source).readline)
        return self._source.decode(encoding, "replace")

    def seed(self, seed: str) -> None:
        """What `random` starts from in a call."""
        if "random" not in self.modules:
            _seed.set(seed)

    def enter(self) -> None:
        """Make this program's modules the importable ones."""
        sys.path.insert(0, self.path)
        sys.modules.update(self._loaded)

    def leave(self) -> None:
        """Give way to another program; its modules stay loaded for the next `enter`."""
        sys.path.remove(self.path)
        for name in self.modules:
            if name in sys.modules:
                self._loaded[name] = sys.modules.pop(name)

    def run(self, data: bytes, console: Console, channel: Channel) -> tuple[bytes, bytes]:
        """See `run_job`."""
        return run_job(self, data, console, channel)

    def owns(self, filename: str) -> bool:
        return filename.startswith(self.path) or filename == self.slave != FUNCTIONS  # a script of ours, not of the app

    def shown(self, trace: TracebackType | None) -> TracebackType | None:
        """A traceback from the program's first frame on."""
        while trace is not None and not self.owns(trace.tb_frame.f_code.co_filename):
            trace = trace.tb_next
        return trace

    def _import(self, name: str) -> Any:
        __import__(name)  # the package importlib would have to be imported
        return sys.modules[name]


def read_manifest(data: bytes) -> dict[str, list[str]]:
    """The values of each name in the manifest of a program. Raises ValueError if it is none of this format."""
    values: dict[str, list[str]] = {"format": [], "slave": [], "module": [], "requires": [], "main": []}
    for line in data.decode().split("\n")[:-1]:
        name, space, value = line.partition(" ")
        if not space or name not in values:
            raise ValueError(f"its manifest has the line {line!r}")
        values[name].append(value)
    if values["format"] != [str(FORMAT)] or len(values["slave"]) != 1 or len(values["main"]) > 1:
        raise ValueError(f"its manifest has the format {' '.join(values['format']) or 'of nobody'}, not {FORMAT}")
    return values


def run_job(program: Program, data: bytes, console: Console, channel: Channel | None = None) -> tuple[bytes, bytes]:
    """Run each call of the input file, or those that an earlier start has left; the output file and the report.

    console: gives what was printed since it was last asked, as (stdout, stderr). Raises HostFault, TemporaryExit.
    """
    channel = channel or Channel()
    try:
        seed, first, inputs, data_files = files.read_input_file(data, program.classes)
    except DecodeError as error:
        raise HostFault(1, f"the input file can't be read: {error}") from None
    parent, dot, number = first.rpartition(".")
    folder = os.path.abspath(OUTPUT_FILES)
    progress = Progress(channel, seed, first, len(inputs))
    for k in range(len(progress.entries), len(inputs)):
        call = api.Call(inputs[k], program.classes, progress, channel, data_files, folder)
        entry, message, trace, written = run_call(program, call, f"{seed}/{parent}{dot}{int(number) + k}")
        progress.end_call(entry, (*console(), message, trace, written))
    return files.output_file(progress.entries), files.report_file(progress.parts)


def run_call(program: Program, call: api.Call, seed: str) -> tuple[codec.Encoded, str, str, dict[str, bytes]]:
    """Run the script once. The entry for the output file, if it raised its message and traceback, and the files that it wrote.

    seed: what `random` starts from: the same on every host that runs this call. Raises HostFault, TemporaryExit.
    """
    main = ModuleType("__main__")
    main.__dict__.update(__file__=program.slave, __builtins__=program.builtins, __loader__=program)
    before = sys.modules["__main__"]
    sys.modules["__main__"] = main
    api.current = call
    program.seed(seed)
    try:
        exec(program.code, main.__dict__)
        if call.written:
            return _entry_with_files(program, call)
    except TemporaryExit:
        call.progress.save()
        raise
    except BaseException as error:
        fault = _host_fault(error, program)
        if fault is not None:
            raise fault from None
        if not isinstance(error, SystemExit):
            return (*_error(error, program), {})
    finally:
        api.current = None
        sys.modules["__main__"] = before
    return _entry(program, call)


def _entry_with_files(program: Program, call: api.Call) -> tuple[codec.Encoded, str, str, dict[str, bytes]]:
    from hashlib import sha256

    try:
        contents = api.take_written(call, sum(len(each) for part in call.progress.parts for each in part[4].values()))
    finally:
        api.drop_written(call)
    return _entry(program, call, contents, [(name, len(each), sha256(each).digest()) for name, each in contents.items()])


def _entry(
    program: Program, call: api.Call, contents: dict[str, bytes] | None = None, written: list[files.WrittenFile] | None = None
) -> tuple[codec.Encoded, str, str, dict[str, bytes]]:
    if call.output is not None and call.returned == 1:
        return files.ok_entry(call.output, written or ()), "", "", contents or {}
    text = "returned more than one output" if call.returned > 1 else "ended without pyboinc_return_output"
    message = f"{program.slave} {text}: a call returns exactly one output"
    return files.error_entry("pyboinc.slave.api.OutputError", ()), message, "", {}


class _Seed:
    """Seeds `random`, and if it is not there yet as soon as the slave imports it: many don't, and it is slow to import."""

    def __init__(self) -> None:
        self._value = ""

    def set(self, value: str) -> None:
        """What `random` starts from."""
        self._value = value
        if "random" in sys.modules:
            sys.modules["random"].seed(value)
        elif self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name == "random":
            sys.meta_path.remove(self)
            for finder in sys.meta_path:
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    self._loader: Any = spec.loader
                    spec.loader = self  # type: ignore[assignment]
                    return spec
        return None

    def create_module(self, spec: object) -> None: ...

    def exec_module(self, module: Any) -> None:
        module.__loader__ = module.__spec__.loader = self._loader
        exec(self._loader.get_code("random"), module.__dict__)
        module.seed(self._value)


_seed = _Seed()


def _host_fault(error: BaseException, program: Program) -> HostFault | None:
    """A fault of this host, or None if the app is to blame.

    `sys.exit()` with status 0 is a usual way to end a script and no fault.
    """
    if isinstance(error, SystemExit):
        if error.code is None or error.code == 0:
            return None
        return HostFault(error.code if type(error.code) is int else 1, f"{program.slave} ended with sys.exit({error.code!r})")
    if isinstance(error, ImportError):
        if (error.name or "").partition(".")[0] in program.modules:
            return None
        return HostFault(1, f"this host's Python can't import what the slave needs: {error}\n{_traceback(error, program)}")
    if isinstance(error, (MemoryError, OSError)) or not isinstance(error, Exception):
        return HostFault(1, _traceback(error, program))
    return None


def _error(error: BaseException, program: Program) -> tuple[codec.Encoded, str, str]:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        message = str(error)
    except Exception as second:  # a user's own __str__
        message = f"<its text raises {type(second).__name__}>"
    return files.error_entry(name, _frames(error.__traceback__, program)), _cut(message), _traceback(error, program)


def _frames(trace: TracebackType | None, program: Program) -> list[tuple[str, str, int]]:
    """The app's own frames, outermost first, each once: how deep a recursion goes differs from host to host."""
    found: dict[tuple[str, str, int], None] = {}
    while trace is not None and len(found) < MAX_FRAMES:
        code = trace.tb_frame.f_code
        if program.owns(code.co_filename):
            found[str(trace.tb_frame.f_globals.get("__name__")), code.co_name, trace.tb_lineno] = None
        trace = trace.tb_next
    return list(found)


def _traceback(error: BaseException, program: Program) -> str:
    import traceback

    trace = program.shown(error.__traceback__)
    if isinstance(error, SyntaxError) or trace is not None:
        text = "".join(traceback.format_exception(type(error), error, trace))
    else:
        text = "".join(traceback.format_exception_only(type(error), error))
    return _cut(text.replace(program.path + "/", "").replace(program.path + "\\", ""))


def _cut(text: str) -> str:
    """At most MAX_TEXT characters, the middle left out; only what can be encoded."""
    if len(text) > MAX_TEXT:
        text = text[: MAX_TEXT // 2] + "\n[...]\n" + text[-MAX_TEXT // 2 :]
    return text.encode("utf-8", "backslashreplace").decode()


def main() -> None:
    """What the zip application starts: runs the job in the current folder, from ``input`` to ``output`` and ``report``."""
    stdout, stderr = sys.stdout, sys.stderr
    try:
        program = Program(sys.path[0])
        sys.path.pop(0)
        program.enter()
        with open("input", "rb") as file:
            data = file.read()
        output, report = run_job(program, data, lambda: ("", ""))
        for name, content in (("output", output), ("report", report)):
            with open(name, "wb") as file:
                file.write(content)
    except HostFault as fault:
        stdout.flush()
        print(fault.text, file=stderr)
        sys.exit(fault.exit_status or 1)
