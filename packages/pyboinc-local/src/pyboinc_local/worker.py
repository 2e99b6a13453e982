"""What a worker process runs: a slave's program as it is, or as a host of another platform would compute it."""

from __future__ import annotations

from pyboinc.slave import pipe
from pyboinc.slave.runner import Program

NATIVE = "native"
"""The profile of this computer: nothing is in between."""

WASM = "wasm"
"""The platform that is the deterministic runtime: a model of it, if the runtime itself is not there."""

RUNTIME = "runtime:"
"""How the profile of a job in the deterministic runtime begins."""


def load(path: str, profile: str) -> Program:
    """The program at `path` with the arithmetic of a profile. Raises HostFault.

    profile: a platform's name (`pyboinc_local.platforms`), its Python's version after it if it is another: "windows11@3.12".
    One that this computer is itself needs nothing in between either. Or what `pyboinc_local.deterministic.profile` gives.
    """
    if profile == NATIVE:
        return Program(path)
    if profile.startswith(RUNTIME):
        from . import deterministic  # needs what not everybody has installed

        return deterministic.load(path, profile)
    from .systems import this_profile

    if profile == this_profile():
        return Program(path)
    from .platforms.program import RoutedProgram  # only for those who need it: it is much to import
    from .platforms.spec import arithmetic

    return RoutedProgram(path, *arithmetic(profile))


def main() -> None:
    pipe.main(load)
