"""What an admin has added to app versions, kept in the project's folder ``pyboinc`` so that the next setup has it too."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from .appversion import PLATFORMS, Extras
from .project import ProjectError
from .wasm import Deterministic

FOLDER = "pyboinc"
KEY = "sign_public"
RUNTIME = "runtime"  # the deterministic one's SHA-256
DETERMINISTIC = ("runtime_code", "engine", "engine_wrapper")


def load(project: str) -> Extras:
    """What the project has. Raises ProjectError."""
    return Extras(_load(project, "interpreter"), _load(project, "wrapper"))


def load_deterministic(project: str) -> Deterministic:
    """The same of the deterministic runtime. Raises ProjectError."""
    sha256 = _read(os.path.join(project, FOLDER), RUNTIME).decode("ascii", "replace").strip()
    return Deterministic(sha256, *(_load(project, kind) for kind in DETERMINISTIC))


def _load(project: str, kind: str) -> dict[str, bytes]:
    folder = os.path.join(project, FOLDER)
    return {name: data for name in PLATFORMS if (data := _read(folder, f"{kind}_{name}"))}


def added(there: Extras, interpreters: Mapping[str, bytes], wrappers: Mapping[str, bytes]) -> Extras:
    """With these; one without content takes away what is there."""
    return replace(there, interpreters=merged(there.interpreters, interpreters), wrappers=merged(there.wrappers, wrappers))


def merged(there: Mapping[str, bytes], given: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same of one kind, by platform."""
    return {name: data for name, data in {**there, **given}.items() if data}


def save(project: str, extras: Extras, modulus: int, deterministic: Deterministic | None = None) -> None:
    """Keep them, and the modulus of the key by which programs must be signed (0: they need not be). Raises OSError.

    What may fail for lack of room comes first, and then nothing has changed.
    """
    folder = os.path.join(project, FOLDER)
    wasm = deterministic or Deterministic()
    wanted = {KEY: f"{modulus:x}\n".encode() if modulus else b"", RUNTIME: f"{wasm.sha256}\n".encode() if wasm.sha256 else b""}
    kinds = {"interpreter": extras.interpreters, "wrapper": extras.wrappers}
    kinds |= dict(zip(DETERMINISTIC, (wasm.code, wasm.engines, wasm.wrappers), strict=True))
    for kind, files in kinds.items():
        wanted |= {f"{kind}_{name}": files.get(name, b"") for name in PLATFORMS}
    changed = {name: data for name, data in wanted.items() if data != _read(folder, name)}
    new = {name: os.path.join(folder, f"{name}.new") for name, data in changed.items() if data}
    try:
        for name, path in new.items():
            os.makedirs(folder, exist_ok=True)
            with open(path, "wb") as file:
                file.write(changed[name])
    except OSError:
        for path in new.values():
            if os.path.isfile(path):
                os.remove(path)
        raise
    for name in changed:
        if name in new:
            os.replace(new[name], os.path.join(folder, name))
        else:
            os.remove(os.path.join(folder, name))


def modulus(project: str) -> int:
    """Of the key by which programs must be signed; 0 if they need not be. Raises ProjectError."""
    path = os.path.join(project, FOLDER, KEY)
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read(), 16)
    except FileNotFoundError:
        return 0
    except (OSError, ValueError) as error:
        raise ProjectError(f"{path} is not the public key that setup has left there: {error}") from None


def _read(folder: str, name: str) -> bytes:
    try:
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ProjectError(f"{error.filename}: {error.strerror}") from None
