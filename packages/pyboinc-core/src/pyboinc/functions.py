"""Plain functions made ready to travel: as source, never as bytecode, so that master and volunteer may have other Pythons.

A function of a script takes the whole file along, which volunteers import under the file's own name; one of a module takes
that module. One of a notebook takes its own source and the globals that it names: functions, classes and imports as source,
values encoded. What can't travel is refused here, before anything is sent, with what to do.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import io
import os
import re
import site
import sys
import zipfile
from collections.abc import Callable
from types import MethodType
from typing import Any, NamedTuple

from . import bundle, codec, extract
from .errors import PyBoincError
from .slave.runner import FUNCTIONS as SLAVE

NOTEBOOK = "notebook"
"""The module that volunteers see in a notebook's place."""

GUARD = 'if __name__ == "__main__":'


class FunctionError(PyBoincError, TypeError):
    """A function can't travel. The text says why, and what to do."""


class Function(NamedTuple):
    """Functions, ready to be called elsewhere by one program; most often one.

    names: how `pyboinc.slave.functions.find` finds each.  program: what volunteers need for them.  classes: those of their
    arguments and outputs.  identity (bytes): changes when their source does, or that of what they name.
    """

    names: tuple[str, ...]
    program: bundle.Program
    classes: codec.Classes
    identity: bytes

    @property
    def label(self) -> str:
        """For people."""
        return self.names[0].rpartition(":")[2]


def app_folder() -> str:
    """The folder of the script that runs; the current one in a notebook or at a prompt."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.dirname(os.path.abspath(file)) if file else os.getcwd()


class _Main(NamedTuple):
    """The script that runs. module: its name on volunteers' computers.  folder: where its local modules are."""

    path: str
    module: str
    folder: str
    source: bytes
    guarded: list[range]  # lines under `if __name__ == "__main__":`


class Functions:
    """The functions of one executor. requires: what volunteers have beside Python, see `JobSettings`."""

    def __init__(self, requires: tuple[str, ...] = ()) -> None:
        self._requires = requires
        self._main = _script()
        self._folder = self._main.folder if self._main else os.getcwd()
        self._programs: dict[str, tuple[bundle.Program, codec.Classes]] = {}
        self._known: dict[tuple[int | str, ...], tuple[Any, Function, extract.Extract | None]] = {}  # by `_identity`

    def of(self, *functions: Callable[..., Any], classes: frozenset[str] = frozenset()) -> Function:
        """The functions made ready. classes: see `missing_classes`. Raises FunctionError, BundleError."""
        key: tuple[int | str, ...] = (*(part for each in functions for part in _identity(each)), *sorted(classes))
        known = self._known.get(key)
        if known is not None and (known[2] is None or known[2].holds()):
            return known[1]
        made, extracted = self._make(functions, sorted(classes))
        self._known[key] = functions, made, None if self._main else extracted
        return made

    def missing_classes(self, function: Function, data: codec.Encoded) -> frozenset[str]:
        """The classes of a notebook that arguments are of, and that the function need not name. (A script goes whole.)"""
        if self._main or not function.program.main or b"__main__" not in data.body:
            return frozenset()
        return frozenset(extract.classes_in(codec.dumps(data)))

    def _make(self, functions: tuple[Callable[..., Any], ...], argument_classes: list[str]) -> tuple[Function, extract.Extract | None]:
        places = [_place(each) for each in functions]
        own = [each for each, (module, _) in zip(functions, places, strict=True) if module == "__main__"]
        main = (self._main.module if self._main else NOTEBOOK) if own else ""
        extracted = None
        try:
            extracted = extract.extract(own, argument_classes) if own else None
        except extract.Unextractable as error:
            if not self._main:
                raise FunctionError(f"{own[0].__qualname__} can't travel: {error}") from None
        files = {}
        if self._main and own:
            for each in own:
                _check_guarded(self._main, each)
            files[f"{main}.py"] = self._main.source
        elif extracted:
            files[f"{main}.py"] = extracted.source.encode()
        names = tuple(f"{main if module == '__main__' else module}:{path}" for module, path in places)
        program, classes = self._program(sorted({name.partition(":")[0] for name in names}), files, main)
        content = [program.data]
        if extracted:  # what the functions do not name may change
            content = [extracted.source.encode(), *_files(program.data, without=(SLAVE, f"{main}.py"))]
        return Function(names, program, classes, _digest(*(name.encode() for name in names), *content)), extracted

    def _program(self, modules: list[str], files: dict[str, bytes], main: str) -> tuple[bundle.Program, codec.Classes]:
        folder = self._folder if main else _folder_of(modules, self._folder)
        key = _digest(folder.encode(), *(each.encode() for each in modules), *files.values()).hex()
        if key not in self._programs:
            script = f"import {', '.join(modules)}\nfrom pyboinc.slave.functions import run\nrun()\n".encode()
            try:
                program = bundle.build(SLAVE, folder, self._requires, {SLAVE: script, **files}, main)
            except bundle.BundleError as error:
                if not str(error).startswith(SLAVE):
                    raise
                raise FunctionError(
                    f"the function is of the module {' or '.join(modules)}, which volunteers do not have: put the module in {folder},"
                    f' or add requires = ["{modules[0].partition(".")[0]}"] to the job settings if they have it installed'
                ) from None
            self._programs[key] = program, classes_of(program)
        return self._programs[key]


def classes_of(program: bundle.Program) -> codec.Classes:
    """The classes of a program of functions, as the master has them."""
    return codec.Classes([*(set(program.modules) - {program.main}), *(["__main__"] if program.main else [])])


def _identity(function: Any) -> tuple[int, int]:
    """Of an object that need not be hashable; class methods are made anew each time that one asks for them."""
    return id(getattr(function, "__func__", function)), id(getattr(function, "__self__", None))


def _folder_of(modules: list[str], folder: str) -> str:
    """Where the functions' modules and what they import are: the script's folder, or another one from which they were imported."""
    tops = {module.partition(".")[0] for module in modules}
    homes = set()
    for top in tops - sys.stdlib_module_names:
        spec = getattr(sys.modules.get(top), "__spec__", None)
        if spec is not None and spec.origin and os.path.isfile(spec.origin):
            home = os.path.dirname(os.path.abspath(spec.origin))
            homes.add(os.path.dirname(home) if spec.submodule_search_locations is not None else home)
    installed = {os.path.abspath(each) for each in (*site.getsitepackages(), site.getusersitepackages())}
    return homes.pop() if len(homes) == 1 and not homes & installed else folder


def _place(function: Callable[..., Any]) -> tuple[str, str]:
    """Module and path of a function. Raises FunctionError if it can't be found by them."""
    if not callable(function):
        raise FunctionError(f"{function!r} is not a function: submit(function, *args)")
    module, path = getattr(function, "__module__", None) or "builtins", getattr(function, "__qualname__", "")
    owner = getattr(function, "__self__", None)
    if path.endswith("<lambda>"):
        raise FunctionError("a lambda has no name by which a volunteer could find it: write it as a def at the top level")
    if "<locals>" in path:
        outer, _, inner = path.rpartition(".<locals>.")
        raise FunctionError(f"{inner} is defined inside {outer}: move it to the top level, and pass what it needs as arguments")
    if isinstance(function, MethodType) and not isinstance(owner, type):
        raise FunctionError(f"{path} is bound to an object: submit a function at the top level that gets the object as an argument")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise FunctionError(f"{path} is async, which nobody would await: make it a plain function")
    if inspect.isgeneratorfunction(function):
        raise FunctionError(f"{path} is a generator function, and a generator can't travel: return a list")
    if not path:
        raise FunctionError(f"an object of class {type(function).__name__} is no function: submit one that gets it as an argument")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    if found is not function and not (isinstance(owner, type) and found == function):
        raise FunctionError(f"{module}.{path} is not this function any more: its name was given to something else")
    return module, path


# ---- the script


def _script() -> _Main | None:
    """None in a notebook or at a prompt."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    if not path or not os.path.isfile(path):
        return None
    path = os.path.abspath(path)
    spec = getattr(main, "__spec__", None)
    name = spec.name if spec else re.sub(r"\W", "_", os.path.splitext(os.path.basename(path))[0])
    folder = os.path.dirname(path)
    for _ in range(name.count(".") if spec else 0):
        folder = os.path.dirname(folder)
    with open(path, "rb") as file:
        source = file.read()
    return _Main(path, name if name.isidentifier() or spec else f"_{name}", folder, source, bundle.guarded_lines(source, path))


def _check_guarded(main: _Main, function: Callable[..., Any]) -> None:
    """Raises FunctionError if importing the script would run this very call, or not define the function."""
    name = os.path.basename(main.path)
    frame = inspect.currentframe()
    while frame is not None and not (frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__main__"):
        frame = frame.f_back
    if frame is not None and not any(frame.f_lineno in lines for lines in main.guarded):
        raise FunctionError(
            f"{name}, line {frame.f_lineno}: volunteers import this file for its functions, and this line would run there too. "
            f"Put what starts the calls under\n    {GUARD}"
        )
    top = function.__qualname__.partition(".")[0]
    if not bundle.may_define(main.source, top):
        raise FunctionError(f"{name} has no {top} when it is imported: define it there, at the top level, by a def")
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is not None and any(code.co_firstlineno in lines for lines in main.guarded) and code.co_filename == main.path:
        raise FunctionError(
            f"{name}, line {code.co_firstlineno}: {function.__name__} is defined under {GUARD} which volunteers skip. Move it above"
        )


def _files(data: bytes, without: tuple[str, ...]) -> list[bytes]:
    """Names and contents of a program's files."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [part for name in archive.namelist() if name not in without for part in (name.encode(), archive.read(name))]


def _digest(*parts: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.digest()


def unwrap_partial(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """A call of a `functools.partial` as one of the function in it."""
    while isinstance(function, functools.partial):
        function, args, kwargs = function.func, (*function.args, *args), {**function.keywords, **kwargs}
    return function, args, kwargs
