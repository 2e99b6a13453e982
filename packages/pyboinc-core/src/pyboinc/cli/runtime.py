"""``pyboinc build-runtime``."""

from __future__ import annotations

import os

import click

from ..errors import PyBoincError
from ..wasm import runtime
from . import voice


@click.command("build-runtime")
@click.argument("folder", required=False)
@click.option("--engine", metavar="FILE", help="The command line of wasmtime, to compile the runtime for volunteers' computers.")
@click.option("--platform", "platforms", multiple=True, type=click.Choice([*runtime.TARGETS]), help="Compile for it [Linux, Windows].")
@voice.json_option
def build_runtime(folder: str | None, engine: str | None, platforms: tuple[str, ...], as_json: bool) -> None:
    """Build the deterministic runtime: CPython as WebAssembly, with the standard library and the slave's side of PyBOINC.

    It goes into FOLDER, by default one of the user's cache, which runs with --runtime wasm use. What is there already is kept
    as it is: two builds differ, and results of one are not to meet those of another. With --engine it is also compiled ahead
    of time, for that version of the engine.

    Exit status: 0 if it is there; 2 if it can't be built.
    """
    folder = os.path.abspath(folder) if folder else None
    try:
        found = runtime.find(folder)
        if found is None:
            click.echo("Building the runtime: a quarter of a minute", err=True)
            found = runtime.make(folder)
        names = platforms or ("x86_64-pc-linux-gnu", "windows_x86_64")
        compiled = {platform: runtime.compile_by(engine, found, platform) for platform in names} if engine else {}
    except OSError as error:
        raise PyBoincError(f"{error.filename}: {error.strerror}") from None
    if as_json:
        voice.answer_json({"folder": found.folder, "sha256": found.sha256, "compiled": compiled})
        return
    click.echo(f"{found.component}: {os.path.getsize(found.component):,} bytes\nsha256 {found.sha256}")
    for path in compiled.values():
        click.echo(f"{path}: {os.path.getsize(path):,} bytes")
