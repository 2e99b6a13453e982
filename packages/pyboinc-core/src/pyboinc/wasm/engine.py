"""Runs the component in this process, by the library of wasmtime (``pip install wasmtime``)."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import math
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .build import RuntimeMissing
from .runtime import Runtime

if TYPE_CHECKING:
    import wasmtime

TICK = 0.5  # seconds: how exact a time limit is, and how often somebody looks at what the job says
STACK = 1 << 20  # bytes of machine stack; Python's own limit is the component's business


@dataclass(frozen=True)
class Limits:
    """Of one job. memory: bytes that the component may take.  seconds: of wall time; a loop that never ends ends then."""

    memory: int
    seconds: float


class Ended(Exception):
    """The component ended without being done; the text is what it said, or why the engine has stopped it."""


def installed() -> bool:
    """Can a runtime run here?"""
    return importlib.util.find_spec("wasmtime") is not None


def version() -> str:
    """Of the engine. Raises RuntimeMissing if there is none."""
    if not installed():
        raise RuntimeMissing("the deterministic runtime needs wasmtime, which is not installed:  pip install 'pyboinc-local[wasm]'")
    return importlib.metadata.version("wasmtime")


def compiled(runtime: Runtime, compiling: Callable[[], object] = lambda: None) -> str:
    """The path of the runtime's machine code for this computer. compiling: is called if it must be made. Raises RuntimeMissing."""
    path = os.path.join(runtime.folder, f"here_{version()}_{runtime.sha256[:16]}.cwasm")
    try:
        _load(path)
        return path
    except RuntimeMissing:  # there is none, or another computer's that shares this folder
        pass
    compiling()
    from wasmtime.component import Component

    new = f"{path}.{os.getpid()}"
    Path(new).write_bytes(Component.from_file(_engine(), runtime.component).serialize())
    os.replace(new, path)
    return path


def _engine() -> wasmtime.Engine:
    import wasmtime

    config = wasmtime.Config()
    config.cranelift_nan_canonicalization = True
    config.epoch_interruption = True
    config.max_wasm_stack = STACK
    return wasmtime.Engine(config)


def _load(path: str) -> tuple[wasmtime.Engine, Any]:
    import wasmtime
    from wasmtime.component import Component

    engine = _engine()
    try:
        return engine, Component.deserialize_file(engine, path)
    except wasmtime.WasmtimeError as error:
        raise RuntimeMissing(f"{path} does not load: {error}") from None


class Machine:
    """The machine code, loaded once, for any number of jobs."""

    def __init__(self, path: str) -> None:
        """path: see `compiled`. Raises RuntimeMissing."""
        from wasmtime.component import Linker

        self._engine, self._component = _load(path)
        self._linker = Linker(self._engine)
        self._linker.add_wasip2()

    def run(self, folder: str, limits: Limits, look: Callable[[], object] = lambda: None) -> None:
        """Run the job in this folder, see `pyboinc.wasm`, in a memory of its own. look: is called now and then. Raises Ended."""
        import wasmtime

        stderr = os.path.join(folder, "stderr")
        wasi = wasmtime.WasiConfig()
        wasi.argv = ["slave"]
        wasi.preopen_dir(folder, "/")
        wasi.stderr_file = stderr
        store = wasmtime.Store(self._engine)
        store.set_wasi(wasi)
        store.set_limits(memory_size=limits.memory)
        store.set_epoch_deadline(math.ceil(limits.seconds / TICK) + 1)
        with self._ticking(look):
            try:
                instance = self._linker.instantiate(store, self._component)
                failed = self._command(store, instance)(store).tag == "err"
            except wasmtime.WasmtimeError as error:
                raise Ended(f"{_said(stderr)}{_why(error, limits)}") from None
            finally:
                store.close()
                _unlink(folder)
        if failed:
            raise Ended(_said(stderr))

    def _command(self, store: wasmtime.Store, instance: Any) -> Callable[[wasmtime.Store], Any]:
        command = instance.get_export_index(store, "wasi:cli/run@0.2.0")
        return instance.get_func(store, instance.get_export_index(store, "run", command))  # type: ignore[no-any-return]

    @contextlib.contextmanager
    def _ticking(self, look: Callable[[], object]) -> Iterator[None]:
        """Another thread lets time go by for the engine, which does not look at clocks."""
        end = threading.Event()

        def tick() -> None:
            while not end.wait(TICK):
                self._engine.increment_epoch()
                look()

        thread = threading.Thread(target=tick, daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()


def _unlink(folder: str) -> None:
    """The engine follows no link out of the folder, but lets a job make one, which a reader of its output would follow."""
    for where, folders, names in os.walk(folder):
        for path in (os.path.join(where, name) for name in folders + names):
            if os.path.islink(path):
                os.unlink(path)


def _said(path: str) -> str:
    try:
        return Path(path).read_bytes()[-64 * 1024 :].decode("utf-8", "backslashreplace")
    except OSError:
        return ""


def _why(error: Exception, limits: Limits) -> str:
    text = str(error)
    if "interrupt" in text:
        return f"stopped after {limits.seconds:g} seconds, its limit (fpops_bound)"
    if "minimum size" in text and "memory" in text:
        return f"{limits.memory:,} bytes of memory are too few even to begin"
    if "call stack exhausted" in text:
        return "its calls are nested too deep for the machine's stack"
    return text
