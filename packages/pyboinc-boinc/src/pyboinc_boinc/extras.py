"""What an admin has added to app versions, kept in the project's folder ``pyboinc`` so that the next setup has it too."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from .appversion import PLATFORMS, Extras
from .project import ProjectError

FOLDER = "pyboinc"
KEY = "sign_public"


def load(project: str) -> Extras:
    """What the project has."""
    folder = os.path.join(project, FOLDER)
    found = {kind: {name: data for name in PLATFORMS if (data := _read(folder, kind, name))} for kind in ("interpreter", "wrapper")}
    return Extras(found["interpreter"], found["wrapper"])


def added(there: Extras, interpreters: Mapping[str, bytes], wrappers: Mapping[str, bytes]) -> Extras:
    """With these; one without content takes away what is there."""
    merged = ({**old, **new} for old, new in ((there.interpreters, interpreters), (there.wrappers, wrappers)))
    kept = [{name: data for name, data in each.items() if data} for each in merged]
    return replace(there, interpreters=kept[0], wrappers=kept[1])


def save(project: str, extras: Extras) -> None:
    """Keep them. Raises OSError."""
    folder = os.path.join(project, FOLDER)
    for kind, files in (("interpreter", extras.interpreters), ("wrapper", extras.wrappers)):
        for name in PLATFORMS:
            path = os.path.join(folder, f"{kind}_{name}")
            if name in files and files[name] != _read(folder, kind, name):
                os.makedirs(folder, exist_ok=True)
                with open(f"{path}.new", "wb") as file:
                    file.write(files[name])
                os.replace(f"{path}.new", path)
            elif name not in files and os.path.exists(path):
                os.remove(path)


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


def save_modulus(project: str, value: int) -> None:
    """Keep it; 0: programs need no signature. Raises OSError."""
    path = os.path.join(project, FOLDER, KEY)
    if value:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(f"{path}.new", "w", encoding="ascii") as file:
            file.write(f"{value:x}\n")
        os.replace(f"{path}.new", path)
    elif os.path.exists(path):
        os.remove(path)


def _read(folder: str, kind: str, platform: str) -> bytes:
    try:
        with open(os.path.join(folder, f"{kind}_{platform}"), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""
