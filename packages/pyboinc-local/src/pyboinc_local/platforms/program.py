"""A slave's program as a host of some platform runs it: in this process, with that host's arithmetic.

The rewritten code is made once for each program; a further platform costs its names and the program's own modules.
"""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Sequence
from functools import cache
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, spec_from_loader
from types import CodeType, ModuleType, TracebackType

from pyboinc.slave.runner import HostFault, Program

from .namespace import Arithmetic, Namespace
from .rewrite import compile_routed

HERE = os.path.dirname(__file__)


class RoutedProgram(Program):
    """See `pyboinc.slave.runner.Program`; library: as for `Namespace`. Raises HostFault if it can't be read."""

    def __init__(self, path: str, platform: Arithmetic, library: Arithmetic | None = None) -> None:
        super().__init__(path)
        self.names = Namespace(platform, self.modules, library)
        self.builtins = self.names.builtins
        self._finder = _Finder(path, self.modules, self.builtins)

    def _compile(self, source: bytes) -> CodeType:
        return _routed(self.path, self.slave, self.slave)

    def seed(self, seed: str) -> None:
        super().seed(seed)
        self.names.seed(seed)

    def shown(self, trace: TracebackType | None) -> TracebackType | None:
        """Without the frames in which the host's arithmetic is computed: on the host itself there are none."""
        first = frame = super().shown(trace)
        while frame is not None:
            if frame.tb_next and frame.tb_next.tb_frame.f_code.co_filename.startswith(HERE):
                frame.tb_next = None
            frame = frame.tb_next
        return first

    def enter(self) -> None:
        super().enter()
        sys.meta_path.insert(0, self._finder)

    def leave(self) -> None:
        sys.meta_path.remove(self._finder)
        super().leave()


class _Finder(MetaPathFinder, InspectLoader):
    """Finds and loads the program's own modules."""

    def __init__(self, path: str, modules: frozenset[str], builtins: ModuleType) -> None:
        self._path = path
        self._modules = modules
        self._builtins = builtins

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname not in self._modules:
            return None
        entry = _entries(self._path)[fullname]
        package = entry.endswith("/__init__.py")
        spec = spec_from_loader(fullname, self, origin=_file(self._path, entry), is_package=package)
        assert spec is not None
        spec.has_location = True
        if package:
            spec.submodule_search_locations = [_file(self._path, entry.removesuffix("/__init__.py"))]
        return spec

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = vars(self._builtins)
        entry = _entries(self._path)[module.__name__]
        exec(_routed(self._path, entry, _file(self._path, entry)), module.__dict__)

    def get_source(self, fullname: str) -> str:
        """For tracebacks."""
        return decode_source(_sources(self._path)[_entries(self._path)[fullname]])


def _file(path: str, entry: str) -> str:
    """Its name in tracebacks, as zipimport has it."""
    return path + os.sep + entry.replace("/", os.sep)


@cache
def _sources(path: str) -> dict[str, bytes]:
    """The Python sources in a program's zip, by their names there."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist() if name.endswith(".py")}
    except (OSError, zipfile.BadZipFile) as error:
        raise HostFault(1, f"the program can't be read: {error}") from None


@cache
def _entries(path: str) -> dict[str, str]:
    """The names in the zip by the names of the modules."""
    return {name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): name for name in _sources(path)}


@cache
def _routed(path: str, entry: str, filename: str) -> CodeType:
    return compile_routed(_sources(path)[entry], filename)
