"""``pyboinc-validator``: decides which results of a BOINC project's workunits are right, and who gets credit.

Outputs are read and compared first; then, in one transaction for many workunits, whatever follows from that is written. A crash
between the two costs nothing but the comparison.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from pyboinc import daemon, plugins
from pyboinc.daemon import Resting, Words
from pyboinc.errors import PyBoincError
from pyboinc.ledger import CheckedResult, CheckedWorkunit, Ledger
from pyboinc.ports import Clock, Disk, FileSystem, Store, Validation
from pyboinc.rows import BatchRow

from . import comparators
from .comparators import Comparator, Factory, candidate
from .credit import DEFAULT_MAX_GRANTED, Mode, Rule
from .explain import Explanation, explain
from .judge import Judgement, judge, settle, summary
from .quorum import Candidate, Check

ABOUT = "Validates the results of a BOINC app's jobs, and grants credit."
OUTPUT, REPORT = "output", "report"  # logical names
AT_ONCE = 200  # workunits in a transaction
MAX_OUTPUT = 1 << 30  # bytes; larger files are no output. The upload handler refuses more than a job's own limit
log = logging.getLogger("pyboinc")


class Validator:
    """Makes passes over the workunits that wait.

    wall: seconds since 1970.  comparator: for batches that name none, and for workunits of no batch of PyBOINC's.
    """

    def __init__(
        self,
        tables: Validation,
        words: Words,
        clock: Clock,
        fs: FileSystem,
        known: Mapping[str, Factory] = comparators.COMPARATORS,
        wall: Callable[[], float] = time.time,
    ) -> None:
        own = words.own
        self._tables = tables
        self._app = tables.app(words.app)
        self._share = words.share(self._app.id)
        self._dry_run = words.dry_run
        self._exact = own.boinc_exact
        self._rule = Rule(own.credit, own.max_granted_credit, own.boinc_exact)
        self._fs = fs
        self._known = known
        self._wall = wall
        self._default = comparators.load(own.comparator, known)
        self._forced = own.comparator if own.force_comparator else ""
        self._loaded: dict[tuple[str, str], Comparator] = {}
        self._resting = Resting(clock)

    def make_pass(self) -> bool:
        """Whether anything was done."""
        workunits = self._tables.pending(self._share, AT_ONCE, self._resting.now())
        batches = self._tables.batches({each.batch for each in workunits if each.batch})
        judged = {wu.id: (wu, judgement) for wu, judgement in self._judge(workunits, batches)}
        judgements = [judgement for _, judgement in judged.values()]
        for wu, judgement in judged.values():
            for failure in judgement.failures:
                log.error("workunit %d %s: the comparator raised %s: %s", wu.id, wu.name, type(failure.error).__name__, failure.error)
        if self._dry_run or not judgements:
            for wu, judgement in judged.values():
                print(told(wu, judgement))
            return False
        done, lines = self._tables.settle(self._app, [*judged], lambda ledger: self._settle(ledger, judgements))
        for line in lines:
            log.info("%s", line)
        return done > 0

    def explain(self) -> Explanation | None:
        """Of the workunit that was named, what its results are; None if there is none. Raises SettingsError."""
        found = self._tables.pending(self._share, 1)
        if not found:
            return None
        comparator = self._comparator(self._tables.batches([found[0].batch]).get(found[0].batch))
        return explain(found[0], self._app, comparator, lambda result: self._output(result, comparator))

    def _judge(self, workunits: Sequence[CheckedWorkunit], batches: Mapping[int, BatchRow]) -> Iterator[tuple[CheckedWorkunit, Judgement]]:
        for wu in workunits:
            try:
                comparator = self._comparator(batches.get(wu.batch))
            except PyBoincError as error:
                if wu.batch not in self._resting:
                    self._resting.put(wu.batch, f"batch {wu.batch} can't be validated: {error}")
                continue
            self._resting.works(wu.batch)
            yield wu, judge(wu, self._app, comparator, self._reader(comparator), self._exact)

    def _settle(self, ledger: Ledger, judgements: Sequence[Judgement]) -> tuple[int, list[str]]:
        settled = settle(ledger, judgements, self._rule, self._wall())
        return len(settled), [summary(ledger.workunits[each.workunit]) for each in settled]

    # -- outputs

    def _reader(self, comparator: Comparator) -> Callable[[CheckedResult], Candidate]:
        if self._exact and comparator.key is not None:
            return self._digests
        return lambda result: self._output(result, comparator)

    def _output(self, result: CheckedResult, comparator: Comparator) -> Candidate:
        paths = {each.logical_name: each.path for each in result.outputs}
        if OUTPUT not in paths:
            return Candidate(result.id, check=Check.INVALID)
        read = self._read(paths[OUTPUT])
        if isinstance(read, Check):
            return Candidate(result.id, check=read)
        return candidate(result.id, read, comparator, report=lambda: self._report(paths.get(REPORT, "")))

    def _report(self, path: str) -> bytes | None:
        """Empty if there is none, None if it can't be read now."""
        read = self._read(path) if path else b""
        return read if isinstance(read, bytes) else None if read is Check.TRANSIENT else b""

    def _digests(self, result: CheckedResult) -> Candidate:
        """What BOINC's sample_bitwise_validator compares: all files, whatever is in them. One that can't be opened is none."""
        digests = []
        for file in (each for each in result.outputs if each.validated):
            read = self._read(file.path)
            if not isinstance(read, bytes) and not file.optional:
                return Candidate(result.id, check=Check.INVALID)
            digests.append(hashlib.sha256(read).digest() if isinstance(read, bytes) else b"")
        return Candidate(result.id, tuple(digests))

    def _read(self, path: str) -> bytes | Check:
        """A file that is not there is none; if its folder is not there either, the disk is away (BOINC's `sched/validate_util.cpp`)."""
        try:
            if self._fs.size(path) > MAX_OUTPUT:
                return Check.INVALID
            return self._fs.read(path)
        except FileNotFoundError:
            return Check.INVALID if self._fs.exists(os.path.dirname(path)) else Check.TRANSIENT
        except OSError as error:
            log.warning("%s can't be read now: %s", path, error.strerror or error)
            return Check.TRANSIENT

    # -- comparators

    def _comparator(self, batch: BatchRow | None) -> Comparator:
        """The batch's own. Raises SettingsError."""
        if batch is None or not batch.comparator or self._forced:
            return self._default
        place = batch.directory, batch.comparator
        if place not in self._loaded:
            self._loaded[place] = load_for(batch, self._known)
        return self._loaded[place]


def load_for(batch: BatchRow, known: Mapping[str, Factory]) -> Comparator:
    """The comparator that a batch names. A module is looked for in the batch's folder first. Raises SettingsError."""
    with _modules_of(batch.directory):
        return comparators.load(batch.comparator, known)


@contextmanager
def _modules_of(folder: str) -> Iterator[None]:
    """Import from the folder; what comes from there is not found by the next one, which may have modules of the same names."""
    before = set(sys.modules)
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(folder)
        for name in set(sys.modules) - before:
            if os.path.dirname(getattr(sys.modules[name], "__file__", None) or "") == folder:
                del sys.modules[name]


def told(wu: CheckedWorkunit, judgement: Judgement) -> str:
    """What a dry run says of a workunit."""
    if judgement.verdict is None and not judgement.late:
        return f"workunit {wu.id} {wu.name}: too few results to compare" if not judgement.retry else f"workunit {wu.id} {wu.name}: later"
    states = dict(judgement.verdict.states) if judgement.verdict else {each.result: each.state for each in judgement.late}
    words = ", ".join(f"result {number} {state.name.lower()}" for number, state in states.items()) or "no agreement"
    canonical = judgement.verdict.canonical if judgement.verdict else wu.canonical_resultid
    return f"workunit {wu.id} {wu.name}: {f'canonical result {canonical}; ' if canonical else ''}{words}"


def own_words(parser: argparse.ArgumentParser) -> None:
    """The words of this daemon alone; those for credit are BOINC's."""
    about = "for batches that name none: bitwise, tolerance:relative=1e-9, ulp:4, ... [bitwise]"
    parser.add_argument("--comparator", default="bitwise", metavar="SPEC", help=about)
    parser.add_argument("--force_comparator", action="store_true", help="use --comparator for all batches")
    credit = parser.add_mutually_exclusive_group()
    for mode, source in {
        Mode.FROM_WU: "what create_work --credit said",
        Mode.FROM_RUNTIME: "what results claim by their run time",
        Mode.NONE: "none is granted",
    }.items():
        word = "--no_credit" if mode is Mode.NONE else f"--credit_{mode.value}"
        credit.add_argument(word, dest="credit", action="store_const", const=mode, help=f"credit: {source} (default: adaptive)")
    parser.set_defaults(credit=Mode.ADAPTIVE)
    about = f"for a result at most [{DEFAULT_MAX_GRANTED:.0f}]"
    parser.add_argument("--max_granted_credit", type=float, default=DEFAULT_MAX_GRANTED, metavar="X", help=about)
    parser.add_argument("--boinc_exact", action="store_true", help="do what BOINC does also where that is questionable; see the README")


def validator_of(store: Store, words: Words, clock: Clock, fs: FileSystem) -> Validator:
    """A validator with the comparators of all plugins."""
    extensions, _ = plugins.for_commands()
    return Validator(store.validation, words, clock, fs, comparators.known(extensions))


def main() -> None:
    """The script ``pyboinc-validator``."""

    def start(store: Store, words: Words, clock: Clock) -> daemon.Pass:
        return validator_of(store, words, clock, Disk()).make_pass

    sys.exit(daemon.main("pyboinc-validator", ABOUT, start, own_words=own_words))
