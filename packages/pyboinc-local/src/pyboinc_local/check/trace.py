"""The first operation of a call that two platforms compute differently.

The call runs again under both, in one process, with every function that goes through the C library (or Python's version) writing
down where in the program it was called, with what, and what it gave. Calls whose outputs agree are never traced.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pyboinc.errors import PyBoincError
from pyboinc.slave import runner
from pyboinc.slave.channel import Channel, TemporaryExit
from pyboinc.slave.console import Console

from .. import workers
from ..platforms.namespace import REEXECUTED
from ..platforms.program import RoutedProgram
from ..platforms.spec import arithmetic
from .collect import Sampled

WINDOW = 500_000
"""Operations that are kept in memory; of a call with more the next ones are looked at only if these agree."""
LONGEST = 8_000_000
"""Operations after which the search is given up."""

Printed = Callable[[], tuple[str, str]]
Operation = tuple[tuple[str, int], str, tuple[Any, ...], Any]
"""(file, line) in the program, function, arguments, result."""


@dataclass
class Divergence:
    """Where two profiles part on a call.

    operations, differing (int): how many operations were compared, and how many of them gave something else.  parted: then another
    path was taken.  number: the first one that differs, from 1; 0 if none does.  file, line: where in the program.  function: empty
    if its arguments differed already, so that something that is not watched came before.  arguments, one, other: as Python
    writes them, and as hexadecimal floats.
    """

    one_profile: str
    other_profile: str
    operations: int = 0
    differing: int = 0
    parted: bool = False
    number: int = 0
    file: str = ""
    line: int = 0
    function: str = ""
    arguments: str = ""
    arguments_hex: str = ""
    one: str = ""
    one_hex: str = ""
    other: str = ""
    other_hex: str = ""


class Watched:
    """A platform whose functions note what they do.

    names: of the functions of `math` and `cmath` that are worth it, e.g. ("math.sin",).
    """

    def __init__(self, platform: Any, names: frozenset[str], owns: Callable[[str], bool]) -> None:
        self.name = platform.name
        self.skip = 0
        self.operations: list[Operation] = []
        self.count = 0
        self._owns = owns
        self.math, self.cmath = (self._module(module, names) for module in (platform.math, platform.cmath))
        self.pow = self._watch("**", platform.pow)
        self.abs = self._watch("abs", platform.abs)
        self.sum = self._watch_sum(platform.sum)

    def _module(self, module: Any, names: frozenset[str]) -> ModuleType:
        """A copy in which the functions with these names are watched."""
        made = ModuleType(module.__name__)
        for name in dir(module):
            value, full = getattr(module, name), f"{module.__name__}.{name}"
            setattr(made, name, self._watch(full, value) if full in names else value)
        return made

    def from_start(self, skip: int) -> None:
        self.skip, self.count = skip, 0
        self.operations = []

    def _watch(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any) -> Any:
            result = function(*arguments)
            if type(result) is not int:
                self._note(name, arguments, result)
            return result

        return watched

    def _watch_sum(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(iterable: Any, /, start: Any = 0) -> Any:
            values = list(iterable)
            result = function(values, start)
            if type(result) is not int:
                self._note("sum", tuple(values) if len(values) <= 8 else (f"{len(values)} values",), result)
            return result

        return watched

    def _note(self, name: str, arguments: tuple[Any, ...], result: Any) -> None:
        self.count += 1
        if not self.skip < self.count <= self.skip + WINDOW:
            return
        frame = sys._getframe(2)
        while frame is not None and not self._owns(frame.f_code.co_filename):
            frame = frame.f_back  # type: ignore[assignment]
        place = (frame.f_code.co_filename, frame.f_lineno) if frame is not None else ("", 0)
        self.operations.append((place, name, arguments, result))


def worth_watching(platforms: Sequence[Any]) -> frozenset[str]:
    """The functions of math and cmath that are not the same object on all platforms."""
    found = set()
    for name in ("math", "cmath"):
        modules = [getattr(platform, name) for platform in platforms]
        for function in {each for module in modules for each in dir(module) if callable(getattr(module, each))}:
            if all(hasattr(module, function) for module in modules) and len({id(getattr(module, function)) for module in modules}) > 1:
                found.add(f"{name}.{function}")
    return frozenset(found)


class _Traced:
    """One call on one platform."""

    def __init__(self, path: str, data: bytes, platform: Any, names: frozenset[str], console: Printed, channel: Channel) -> None:
        own = runner.Program(path)
        self.watched = Watched(platform, names, own.owns)
        self._program = RoutedProgram(path, self.watched)
        for name in REEXECUTED:  # what they compute as they are imported is no operation of the program's
            self._program.names.module(name)
        self._data = data
        self._console = console
        self._channel = channel

    def window(self, skip: int) -> list[Operation]:
        self.watched.from_start(skip)
        self._program.enter()
        try:
            runner.run_job(self._program, self._data, self._console, self._channel)
        except (runner.HostFault, TemporaryExit):
            pass
        finally:
            self._program.leave()
        return self.watched.operations


def divergence(path: str, data: bytes, one: str, other: str, console: Printed, channel: Channel) -> Divergence:
    """Compare one call on two platforms. path: the program.  data: an input file."""
    platforms = arithmetic(one)[0], arithmetic(other)[0]
    names = worth_watching(platforms)
    first, second = (_Traced(path, data, platform, names, console, channel) for platform in platforms)
    found = Divergence(one, other)
    for skip in range(0, LONGEST, WINDOW):
        ours, theirs = first.window(skip), second.window(skip)
        for a, b in zip(ours, theirs, strict=False):
            if a[:2] != b[:2]:
                found.parted = True
                return found
            found.operations += 1
            if not _same(a[3], b[3]):
                found.differing += 1
                if found.differing == 1:
                    _fill(found, a, b, path)
        found.parted = len(ours) != len(theirs)
        if found.differing or len(ours) < WINDOW:
            break
    return found


def _fill(found: Divergence, a: Operation, b: Operation, path: str) -> None:
    (file, line), function, arguments, _ = a
    found.number, found.line, found.file = found.operations, line, file.removeprefix(path).lstrip("/\\")
    if not (len(arguments) == len(b[2]) and all(map(_same, arguments, b[2]))):
        return  # what came before is none of the operations that are watched
    found.function = function
    found.arguments, found.arguments_hex = ", ".join(map(_written, arguments)), ", ".join(filter(None, map(_hex, arguments)))
    found.one, found.one_hex = _written(a[3]), _hex(a[3])
    found.other, found.other_hex = _written(b[3]), _hex(b[3])


def _same(a: Any, b: Any) -> bool:
    if a == b:
        return a != 0 or repr(a) == repr(b)
    return bool(a != a and b != b)


def _written(value: Any) -> str:
    return (value if isinstance(value, str) else repr(value))[:200]


def _hex(value: Any) -> str:
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, complex):
        return f"{value.real.hex()} {value.imag.hex()}j"
    if isinstance(value, tuple):
        return ", ".join(filter(None, map(_hex, value)))
    return ""


class _Files(Channel):
    """The call's data files are in the folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def data_file(self, file_name: str) -> str:
        return os.path.join(self._folder, file_name)


def look(call: Sampled, pairs: Sequence[tuple[str, str]], folder: str) -> list[Divergence]:
    """Where the profiles of each pair part on one call. In a process of its own.

    folder: an empty one.  Raises PyBoincError if that process comes to a bad end.
    """
    os.makedirs(folder)
    Path(folder, "program.pyz").write_bytes(call.program.data)
    Path(folder, "input").write_bytes(call.data)
    for each in call.files:
        shutil.copyfile(each.path, os.path.join(folder, each.file_name))
    Path(folder, "pairs.json").write_text(json.dumps(pairs), "utf-8")
    code = f"import sys; sys.path[:] = [*{workers.homes()!r}, *filter(None, sys.path)]; from {__name__} import main; main()"
    ended = subprocess.run([sys.executable, "-c", code], cwd=folder, env={**os.environ, "PYTHONHASHSEED": "1"}, stderr=subprocess.PIPE)
    if ended.returncode:
        raise PyBoincError(f"a call could not be looked at: {ended.stderr.decode('utf-8', 'replace')[-2000:]}")
    return [Divergence(**each) for each in json.loads(Path(folder, "found.json").read_text("utf-8"))]


def main() -> None:
    """See `look`."""
    folder = os.getcwd()
    path, data = os.path.join(folder, "program.pyz"), Path("input").read_bytes()
    pairs = json.loads(Path("pairs.json").read_text("utf-8"))
    inner = os.path.join(folder, "slave")
    os.mkdir(inner)
    os.chdir(inner)
    console = Console()
    found = []
    for one, other in pairs:
        found.append(asdict(divergence(path, data, one, other, console, _Files(folder))))
        os.chdir(inner)
    Path(folder, "found.json").write_text(json.dumps(found), "utf-8")
