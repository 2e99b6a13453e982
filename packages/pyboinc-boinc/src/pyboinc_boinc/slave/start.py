"""The first code of a task: imports the runtime, compiled, from a file beside it, which the first task on a computer writes.

Compiling the runtime takes ten times as long as all the rest of a task's start. The launcher's own few lines (``boot.txt``
beside the launchers) read that file and call `begin`.
"""

from __future__ import annotations

import sys
from _imp import source_hash
from marshal import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    Modules = dict[str, tuple[bytes, bool]]

LAZY = b"from __future__ import annotations"
OLD = 3600.0  # seconds: a file that is still unfinished then is nobody's
ModuleSpec: Any = type(sys.__spec__)  # importlib.machinery would have to be imported


class Runtime:
    """An importer. ``modules``: of each name the marshalled code, and whether it is a package."""

    def __init__(self, path: str, modules: Modules) -> None:
        self.path = path
        self.modules = modules

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name in self.modules:
            return ModuleSpec(name, self, origin=f"{self.path}/{name}", is_package=self.modules[name][1])
        return None

    def create_module(self, spec: object) -> None: ...

    def exec_module(self, module: ModuleType) -> None:
        exec(loads(self.modules[module.__name__][0]), module.__dict__)


def compiled(path: str) -> Modules:
    """All modules of the zip file, this one too.

    The statement that makes annotations lazy becomes a flag: at each start it would import a module from the standard library.
    """
    import __future__

    import zipfile

    modules = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".py"):
                module = name[:-3].replace("/", ".")
                package = module.endswith(".__init__")
                source = archive.read(name).replace(LAZY, b"", 1)
                code = compile(source, f"{path}/{name}", "exec", __future__.annotations.compiler_flag, dont_inherit=True)
                modules[module[:-9] if package else module] = dumps(code), package
    return modules


def keep(path: str, modules: Modules) -> None:
    """Write the file, in one step, and remove those of other versions of Python and of runtimes that are no longer there."""
    import os
    import time

    folder, name = os.path.split(path)
    place = path + TAG
    new = f"{place}.{os.getpid()}.new"
    data = dumps(modules)
    with open(new, "wb") as file:
        file.write(source_hash(0, data) + data)
    os.replace(new, place)
    for each in os.listdir(folder):
        other = os.path.join(folder, each)
        runtime = each.partition(".zip.")[0] + ".zip"
        if each.endswith(".cache") and ".zip." in each and other != place:
            gone = runtime == name or not os.path.exists(os.path.join(folder, runtime))
        else:
            gone = ".cache." in each and each.endswith(".new") and time.time() - os.path.getmtime(other) > OLD
        if gone:
            os.remove(other)


def vouch(folder: str) -> None:
    """Tell the launcher that this Python is good for the next task: it has emptied the file before it tried."""
    try:
        with open(f"{folder}/pyboinc_python", "r+") as file:
            if not file.read(1):
                file.write(f"{sys.executable}\n")
    except OSError:
        pass


TAG = f".{sys.implementation.cache_tag}-{sys.hexversion:x}.cache"  # code is the business of one version of Python


def begin(path: str, modules: Modules | None) -> None:
    """modules: from the file of compiled ones."""
    folder = path[: max(path.rfind("/"), path.rfind("\\"))]
    if modules is None:
        import os

        modules = compiled(path)
        if folder != os.getcwd():  # in a slot it would be in vain
            try:
                keep(path, modules)
            except OSError:
                pass  # no room, or no right to write
    sys.meta_path.insert(0, Runtime(path, modules))
    vouch(folder)
