"""One runtime for all tests, built once for its sources and kept in a folder for all sessions."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyboinc import bundle
from pyboinc.slave import files
from pyboinc.wasm import build, engine, runtime


@pytest.fixture(scope="session")
def built() -> runtime.Runtime:
    pytest.importorskip("componentize_py")
    pytest.importorskip("wasmtime")
    cache = Path(os.environ.get("PYBOINC_TEST_RUNTIMES") or Path(tempfile.gettempdir(), f"pyboinc_test_runtimes_{os.getuid()}"))
    cache.mkdir(mode=0o700, exist_ok=True)
    if cache.stat().st_uid != os.getuid():
        pytest.fail(f"{cache} is another user's")
    folder = cache / build.recipe()
    with _alone(cache / f"{folder.name}.lock"):
        found = runtime.find(str(folder)) or runtime.make(str(folder))
        engine.compiled(found)
    return found


class _alone:
    """Tests run in several processes: one builds, the others wait."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        import fcntl

        self._file = self._path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_error: object) -> None:
        self._file.close()


@pytest.fixture(scope="session")
def machine(built: runtime.Runtime) -> engine.Machine:
    return engine.Machine(engine.compiled(built))


LIMITS = engine.Limits(500_000_000, 60)


@pytest.fixture
def job(tmp_path: Path, machine: engine.Machine) -> Callable[..., Any]:
    """Runs a slave in the runtime, in the folder `run` of the job; gives the entries of its output file."""
    folder = tmp_path / "job"

    def run(
        source: str, inputs: tuple[Any, ...] = (None,), limits: engine.Limits = LIMITS, modules: dict[str, str] | None = None
    ) -> list[tuple[Any, ...]]:
        folder.mkdir(exist_ok=True)
        sources = {"app_slave.py": source, **(modules or {})}
        program = bundle.build("app_slave.py", tmp_path, overlay={name: text.encode() for name, text in sources.items()})
        (folder / "program").write_bytes(program.data)
        (folder / "input").write_bytes(files.input_file(0, "0", [files.encode_input(each) for each in inputs]))
        machine.run(str(folder), limits)
        return files.parse_output_file((folder / "output").read_bytes())

    run.folder = folder  # type: ignore[attr-defined]
    return run
