"""The shell around PyBOINC's daemons, which live under a BOINC project's ``bin/start``.

They take the words that BOINC's own daemons take (its source, `sched/assimilator.cpp`, `sched/validator.cpp`), and end cleanly
on SIGHUP, SIGTERM, ^C and when the file ``stop_daemons`` is in the project's folder.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

from . import plugins
from .errors import PyBoincError, StoreError
from .ports import Clock, Store
from .rows import Share

CONFIG, STOP_FILE, FOLDER_VARIABLE = "config.xml", "stop_daemons", "BOINC_PROJECT_DIR"
LOOK_EVERY = 1.0  # seconds between looks for the stop file while a daemon sleeps
FIRST_REST, LONGEST_REST = 10.0, 600.0  # seconds until what has failed is tried again
LEVELS = {1: logging.ERROR, 2: logging.INFO, 3: logging.INFO, 4: logging.DEBUG}
log = logging.getLogger("pyboinc")


class Stop(BaseException):
    """The daemon is to end. Not an Exception: no handler of errors is to take it for one."""


@dataclass(frozen=True)
class Words:
    """What a daemon was started with. project: the folder of the project.  own: the words of this daemon alone."""

    app: str
    debug_level: int
    modulus: int
    remainder: int
    one_pass: bool
    sleep_interval: float
    wu_id: int
    dry_run: bool
    project: str
    own: argparse.Namespace = field(default_factory=argparse.Namespace, compare=False)

    def share(self, app: int) -> Share:
        return Share(app, self.modulus, self.remainder, self.wu_id)


class DaemonClock(Clock):
    """The computer's clock, whose sleep ends by `Stop` when the daemon is to end."""

    def __init__(self, project: str) -> None:
        self._stop_file = os.path.join(project, STOP_FILE)
        self._signal = 0

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Raises Stop."""
        end = self.now() + seconds
        while True:
            self.check()
            left = end - self.now()
            if left <= 0:
                return
            time.sleep(min(left, LOOK_EVERY))

    def check(self) -> None:
        """Raises Stop if the daemon is to end."""
        if self._signal:
            raise Stop(f"ended by {signal.Signals(self._signal).name}")
        if os.path.exists(self._stop_file):
            raise Stop(f"ended by the file {STOP_FILE}")

    def listen(self) -> None:
        """From now on signals are heard. A sleep ends at once, anything else at the next `check`."""
        for name in ("SIGHUP", "SIGTERM", "SIGINT"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._heard)

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        self._signal = number


Pass = Callable[[], bool]
"""One pass over the work that is there; whether there was any."""
OwnWords = Callable[[argparse.ArgumentParser], object]
"""Adds a daemon's own words to those that all take."""


def main(
    program: str,
    about: str,
    start: Callable[[Store, Words, Clock], Pass],
    argv: Sequence[str] | None = None,
    own_words: OwnWords | None = None,
) -> int:
    """Run a daemon; its exit status. start: gets the store, and gives what makes a pass.  own_words: see `read_words`."""
    try:
        words = read_words(program, about, sys.argv[1:] if argv is None else argv, own_words)
        _tell(words.debug_level)
        clock = DaemonClock(words.project)
        clock.listen()
        _run(program, start, words, clock)
    except Stop as stop:
        log.info("%s: %s", program, stop)
    except PyBoincError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    return 0


def _tell(debug_level: int) -> None:
    """Write what there is to say to standard error, which bin/start leads to the daemon's log."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.handlers = [handler]
    log.propagate = False  # libraries' own loggers stay quiet
    log.setLevel(LEVELS.get(debug_level, logging.INFO))


def _run(program: str, start: Callable[[Store, Words, Clock], Pass], words: Words, clock: DaemonClock) -> None:
    store = open_store(words.project, clock)
    try:
        make_pass = start(store, words, clock)
        log.info("%s: for app %s of %s", program, words.app, words.project)
        keep_passing(make_pass, words, clock)
    finally:
        store.close()


class StoppableClock(Clock, Protocol):
    """Its sleep, too, raises Stop when the daemon is to end."""

    def check(self) -> None:
        """Raises Stop if the daemon is to end."""


def keep_passing(make_pass: Pass, words: Words, clock: StoppableClock) -> None:
    """Pass after pass, until the clock raises Stop; one alone if that is what the words say."""
    while True:
        clock.check()
        if not make_pass() and not words.one_pass:
            clock.sleep(words.sleep_interval)
        if words.one_pass:
            return


def open_store(project: str, clock: Clock) -> Store:
    """The project's database. Raises PyBoincError; if no plugin opens databases, it names the package to install."""
    manager, broken = plugins.for_commands()
    store: Store | None = manager.hook.pyboinc_open_store(project_dir=project, clock=clock)
    if store is None:
        named = "".join(f"\nThe plugin {each.name} ({each.distribution} {each.version}) is broken: {each.cause}" for each in broken)
        raise StoreError(f"no installed plugin opens a project's database. Install it:  pip install {plugins.PROVIDERS['boinc']}{named}")
    return store


def read_words(program: str, about: str, argv: Sequence[str], own_words: OwnWords | None = None) -> Words:
    """BOINC's daemons take ``-app`` for ``--app``, too. Raises PyBoincError; SystemExit after ``--help``."""
    parser = _Parser(prog=program, description=about, allow_abbrev=False)
    parser.add_argument("--app", required=True, metavar="NAME", help="the app whose jobs it takes")
    parser.add_argument("-d", "--debug_level", type=int, default=2, metavar="N", help="how much it tells: 1 errors only ... 4 everything")
    parser.add_argument("--mod", type=int, nargs=2, default=(1, 0), metavar=("N", "I"), help="only jobs whose ID leaves I if divided by N")
    parser.add_argument("--one_pass", action="store_true", help="do what there is to do, then end")
    parser.add_argument("--sleep_interval", type=float, default=5.0, metavar="X", help="seconds between looks if there is nothing to do")
    parser.add_argument("--wu_id", type=int, default=0, metavar="ID", help="only this workunit")
    parser.add_argument("--dry_run", action="store_true", help="say what it would do, and do nothing")
    parser.add_argument("-p", "--project_home", default="", metavar="DIR", help="the project; else where BOINC looks for config.xml")
    if own_words is not None:
        own_words(parser)
    long = {word[1:] for action in parser._actions for word in action.option_strings if word.startswith("--")}
    found = parser.parse_args([f"-{each}" if each in long else each for each in argv])
    modulus, remainder = found.mod
    if not 0 <= remainder < modulus:
        raise PyBoincError(f"--mod {modulus} {remainder}: N must be 1 or more, and I one of 0 to N-1")
    values = found.app, found.debug_level, modulus, remainder, found.one_pass or found.dry_run
    return Words(*values, max(0.0, found.sleep_interval), found.wu_id, found.dry_run, _project(found.project_home), found)


def _project(given: str) -> str:
    """Where BOINC looks: the variable, the current folder, the one above (daemons start in tmp_HOST)."""
    if given:
        return os.path.abspath(given)
    places = [os.environ.get(FOLDER_VARIABLE, ""), ".", ".."]
    for place in places:
        if place and os.path.exists(os.path.join(place, CONFIG)):
            return os.path.abspath(place)
    raise PyBoincError(f"no {CONFIG} is here or in the folder above: start it by the project's bin/start, or name the project by -p DIR")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise PyBoincError(f"{message} (--help shows its words)")


@dataclass
class Rest:
    """Something that has failed is left alone until a time of the clock."""

    until: float
    seconds: float


class Resting:
    """What is not to be tried now, by number; each time longer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rests: dict[int, Rest] = {}

    def put(self, number: int, why: str) -> None:
        before = self._rests.get(number)
        seconds = min(before.seconds * 2, LONGEST_REST) if before else FIRST_REST
        self._rests[number] = Rest(self._clock.now() + seconds, seconds)
        log.error("%s. Tried again in %d s", why, seconds)

    def works(self, number: int) -> None:
        self._rests.pop(number, None)

    def __contains__(self, number: int) -> bool:
        rest = self._rests.get(number)
        return rest is not None and self._clock.now() < rest.until

    def now(self) -> list[int]:
        return [number for number in self._rests if number in self]
