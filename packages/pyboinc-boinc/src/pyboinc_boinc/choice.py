"""Which validator an app gets and which quorum its jobs have, and why. Pure.

BOINC's bitwise validator is the default: PyBOINC's outputs are canonical, so that hosts agree on every byte or not at all. But it
checks results by comparing them, so a sole one it believes unread. pyboinc-validator at least decodes it.
"""

from __future__ import annotations

from dataclasses import dataclass

from .apps import default_quorum
from .project import APP_QUORUM, APP_UNCHECKED, BITWISE_VALIDATOR, Config, ProjectError, SetSetting

VALIDATOR = "pyboinc-validator"
VALIDATORS = {"boinc": BITWISE_VALIDATOR, "pyboinc": VALIDATOR}
"""What an app's results can be validated by."""


@dataclass(frozen=True)
class Wish:
    """What an admin asks for an app. None: as it is.

    validator: one of VALIDATORS.  quorum: of batches that say nothing about one.  unchecked: BOINC's may believe sole results.
    """

    validator: str | None = None
    quorum: int | None = None
    unchecked: bool | None = None

    def __post_init__(self) -> None:
        if self.quorum is not None and self.quorum < 1:
            raise ProjectError(f"--quorum {self.quorum}: results of a job that must agree, 1 or more")


@dataclass(frozen=True)
class Choice:
    """validator: one of VALIDATORS; None: as it is, of a new app BOINC's.  settings: of config.xml.  reasons: a line each."""

    validator: str | None
    settings: list[SetSetting]
    reasons: list[str]


def choose(config: Config, app: str, wish: Wish, adaptive: int, adaptive_asked: bool = False) -> Choice:
    """adaptive: the app's replication.  adaptive_asked: whether that was asked for now.

    Raises ProjectError for what would check nothing.
    """
    there = config.validators(app)
    asks = wish != Wish() or adaptive_asked
    quorum = wish.quorum or config.quorum(app) or default_quorum(adaptive)
    unchecked = config.unchecked(app) if wish.unchecked is None else wish.unchecked
    if asks and adaptive > 1 and quorum > 1:
        raise ProjectError(
            f"jobs are replicated adaptively if their quorum is 1, and that of {app} is {quorum}: add --quorum 1 or --adaptive 0"
        )
    bitwise = config.is_bitwise(app) or not there if wish.validator is None else wish.validator == "boinc"
    believes = bitwise and quorum == 1 and adaptive < 2 and not unchecked
    if believes and wish.validator:
        raise ProjectError(
            f"{BITWISE_VALIDATOR} compares results with each other: with quorum 1 it believes whatever one volunteer sends. Leave out "
            "--validator boinc, for pyboinc-validator, or give the jobs --quorum 2; or say --unchecked, if you know all volunteers"
        )
    validator = "pyboinc" if believes and asks else wish.validator
    reasons = []
    if asks or not there:
        program = VALIDATORS[validator] if validator else BITWISE_VALIDATOR if bitwise else there[0].program
        whys = {BITWISE_VALIDATOR: _boincs(quorum, adaptive), VALIDATOR: _ours(believes)}
        reasons.append(f"{app} is validated by {program}: {whys.get(program, 'it was there, and stays')}")
        if quorum > 1:
            trial = f"For a trial with one computer:  pyboinc setup -p PROJECT_DIR --app {app} --quorum 1"
            reasons.append(f"{volunteers_needed(app, quorum)}. {trial}")
    settings = [*_setting(config, APP_QUORUM.format(app), wish.quorum), *_setting(config, APP_UNCHECKED.format(app), wish.unchecked)]
    return Choice(validator, settings, reasons)


def volunteers_needed(app: str, quorum: int) -> str:
    """Why nothing comes back on a project with one computer."""
    return f"a job of {app} needs results of {quorum} volunteers that agree, each with an account of his own: nobody confirms himself"


def _ours(believes: bool) -> str:
    what = "it compares as each batch says, and asks for a second opinion if a sole result is an exception"
    return f"{what}; BOINC's own has nothing to compare a sole result with, and would believe it unread" if believes else what


def _boincs(quorum: int, adaptive: int) -> str:
    if quorum > 1:
        return "BOINC's own; results must be the same byte for byte, which PyBOINC's outputs are wherever their values are"
    if adaptive > 1:
        return "BOINC's own; unless its host is trusted, a sole result is compared with others"
    return "BOINC's own; as you said, a sole result is not checked"


def _setting(config: Config, name: str, value: int | None) -> list[SetSetting]:
    if value is None or int(value) == int(config.number(name)):
        return []
    return [SetSetting(name, config.text(name) if config.has(name) else None, str(int(value)))]
