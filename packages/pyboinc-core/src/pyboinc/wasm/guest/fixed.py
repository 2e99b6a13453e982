"""What differs from host to host, or from run to run, is fixed here, or refused: the same call gives the same bits.

Fixed: clocks (one that stands at `START` when a call begins and goes on by `STEP` whenever it is read), the seeds of
`random`, file times, the order of folders. Refused: what is worth something only if nobody can foresee it (os.urandom, so
secrets, uuid4 and SystemRandom as well), and this computer's address. Must be imported before the modules that take these
functions for themselves.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from pyboinc.errors import PyBoincError

START = 946_684_800_000_000_000  # nanoseconds since 1970: 2000-01-01T00:00:00Z
STEP = 1_000_000

WHY = "in the deterministic runtime a call gives the same on every computer, or no two volunteers could agree"


class NotDeterministic(PyBoincError, NotImplementedError):
    """A slave asked for what would differ on each host."""


def refuse(what: str, instead: str) -> Callable[..., NoReturn]:
    """A function that says why it is none."""

    def refused(*_args: object, **_named: object) -> NoReturn:
        raise NotDeterministic(f"{what} is refused: {WHY}; {instead}")

    return refused


# ---- Time.


class _Clock:
    def __init__(self) -> None:
        self.now = START

    def read(self) -> int:
        self.now += STEP
        return self.now

    def sleep(self, seconds: float) -> None:
        """Over at once; the clock has gone on."""
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self.now += int(seconds * 1e9)


_clock = _Clock()


def _since_start() -> int:
    return _clock.read() - START


def _seconds(nanoseconds: Callable[[], int]) -> Callable[[], float]:
    return lambda: nanoseconds() / 1e9


def _now_by_default(convert: Callable[..., Any], now: Callable[[], Any]) -> Callable[..., Any]:
    return lambda value=None: convert(now() if value is None else value)


def fix_time() -> None:
    """One clock in place of the module's."""
    strftime, asctime = time.strftime, time.asctime
    since_start = dict.fromkeys(("monotonic", "perf_counter", "process_time", "thread_time"), _since_start)
    for name, nanoseconds in {"time": _clock.read, **since_start}.items():
        setattr(time, f"{name}_ns", nanoseconds)
        setattr(time, name, _seconds(nanoseconds))
    time.sleep = _clock.sleep  # type: ignore[assignment]
    time.clock_gettime_ns = lambda which: _clock.read() if which == time.CLOCK_REALTIME else _since_start()
    time.clock_gettime = lambda which: time.clock_gettime_ns(which) / 1e9
    os.times = lambda: os.times_result((time.process_time(), 0.0, 0.0, 0.0, time.monotonic()))
    for name in ("gmtime", "localtime", "ctime"):
        setattr(time, name, _now_by_default(getattr(time, name), time.time))
    time.asctime = _now_by_default(asctime, lambda: time.localtime())
    time.strftime = lambda form, value=None: strftime(form, time.localtime() if value is None else value)
    sys.modules["_datetime"] = None  # type: ignore[assignment]  # it asks the system; the same in Python asks `time`


# ---- Randomness.


class _Seeds:
    """What a generator without a seed starts from: another one each time, the same on each host."""

    def __init__(self) -> None:
        self.call = ""
        self.given = 0

    def next(self) -> str:
        self.given += 1
        return f"{self.call}/{self.given}"


_seeds = _Seeds()


def fix_randomness() -> None:
    """No source of it but the call's seed."""
    instead = "use the module random, which is seeded for each call"
    os.urandom = refuse("os.urandom (so secrets, uuid.uuid4, random.SystemRandom)", instead)
    sys.modules["_sqlite3"] = None  # type: ignore[assignment]  # it asks the system for randomness and time by itself

    import random
    import uuid

    seed = random.Random.seed

    def fixed_seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        seed(self, _seeds.next() if a is None else a, version)

    random.Random.seed = fixed_seed  # type: ignore[method-assign]
    random.seed = random._inst.seed
    uuid.getnode = refuse("uuid.getnode (so uuid.uuid1, uuid.uuid6)", "name things by what they hold, e.g. uuid.uuid5")


# ---- Files.


def fix_files() -> None:
    """Their times and numbers are the host's, and so are a folder's order, size and links."""
    listdir, scandir = os.listdir, os.scandir

    def fixing(system: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        return lambda *args, **named: _fixed(system(*args, **named))

    for name in ("stat", "lstat", "fstat"):
        setattr(os, name, fixing(getattr(os, name)))
    os.listdir = lambda *args: sorted(listdir(*args))  # type: ignore[assignment]
    os.scandir = lambda *args: _Entries(scandir(*args))  # type: ignore[assignment]
    os.DirEntry = _Entry  # type: ignore[assignment,misc]


_inodes: dict[tuple[int, int], int] = {}
_times = {f"st_{which}time_ns": START for which in "amc"}


def _fixed(found: os.stat_result) -> os.stat_result:
    inode = _inodes.setdefault((found.st_dev, found.st_ino), len(_inodes) + 1)
    links, size = (found.st_nlink, found.st_size) if stat.S_ISREG(found.st_mode) else (1, 0)
    return os.stat_result((found.st_mode, inode, 1, links, 0, 0, size, *[START // 10**9] * 3), _times)


class _Entry:
    """An `os.DirEntry` whose `stat` is the fixed one."""

    def __init__(self, entry: os.DirEntry[Any]) -> None:
        self._entry = entry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return _fixed(self._entry.stat(follow_symlinks=follow_symlinks))

    def inode(self) -> int:
        return self.stat(follow_symlinks=False).st_ino

    def __fspath__(self) -> Any:
        return self.path

    def __repr__(self) -> str:
        return repr(self._entry)


class _Entries:
    """A folder's entries by their names."""

    def __init__(self, entries: Any) -> None:
        with entries:
            self._entries = iter([_Entry(entry) for entry in sorted(entries, key=lambda entry: entry.name)])

    def __iter__(self) -> Iterator[_Entry]:
        return self._entries

    def __next__(self) -> _Entry:
        return next(self._entries)

    def __enter__(self) -> _Entries:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


# ---- Calls.


def begin_call(seed: str) -> None:
    """A call begins: for it the clock stands at its start, and nothing has been drawn."""
    _seeds.call = seed
    go_on_from(START, 0)


def moment() -> tuple[int, int]:
    """The running call's: its clock, and how many seeds it has been given."""
    return _clock.now, _seeds.given


def go_on_from(now: int, seeds_given: int) -> None:
    """The call is there again."""
    _clock.now, _seeds.given = now, seeds_given
