"""The runtime, loaded once, and jobs in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyboinc import bundle
from pyboinc.slave import files
from pyboinc.wasm import engine, runtime


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
