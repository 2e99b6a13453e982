"""The sunspots on the fleet `volunteers`, two results that must agree bit for bit: natively, and in the deterministic runtime.

    python benchmarks/wasm_fleet.py WASMTIME [NAME=COMMAND ...] [--calls 250]

Natively a host computes with its platform's arithmetic. In the runtime each result is a run of its own, whatever came of the
job elsewhere: by the engine that is given for the host's platform (as for wasm_bits.py), else by WASMTIME. Jobs, hosts, their
faults and their times are the same both times.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from wasm_bits import by_command, output

from pyboinc.model import JobSettings
from pyboinc.ports import SystemClock
from pyboinc.wasm import runtime
from pyboinc_local.check import collect, runs
from pyboinc_local.fleet import hosts, schema
from pyboinc_local.fleet.study import Start, Study
from pyboinc_local.fleet.tally import Tally
from pyboinc_local.options import default_run_time
from pyboinc_local.project import Answer, Submit
from pyboinc_local.server.rows import Workunit
from pyboinc_local.simulation import Volunteer
from pyboinc_local.stage import Setup

MASTER = Path(__file__).resolve().parents[1] / "examples" / "sunspots" / "app_master.py"
FLEET, SEED, QUORUM = "volunteers", 1, 2
AT_ONCE = 2  # runs of the runtime, and processes of Python


class Call(NamedTuple):
    name: str
    call: collect.Sampled


def play(calls: list[Call], start: Start) -> Tally:
    """All jobs, to their end."""
    settings = JobSettings(quorum=QUORUM)
    setup = Setup(settings, hosts.hosts(schema.load(FLEET), SEED), SEED)
    study = Study(setup, default_run_time(settings.fpops_estimate), start)
    study.played.simulation.handle(Submit(study.played.batch, calls))
    while study.played.simulation.advance():
        pass
    return study.played.tally


def natively(calls: list[Call], place: Path) -> Start:
    profiles = sorted({each.profile for each in hosts.hosts(schema.load(FLEET), SEED)})
    sampled = [each.call for each in calls]
    outcomes = runs.under(profiles, sampled, AT_ONCE, str(place), SystemClock(), lambda done, of: None)
    outputs = {(profile, call.name): each.output for profile, some in outcomes.items() for call, each in zip(calls, some, strict=True)}

    def start(volunteer: Volunteer, wu: Workunit) -> Callable[[], Answer]:
        answer = Answer(0.0, 0, outputs[volunteer.spec.profile, wu.name])
        return lambda: answer

    return start


class InTheRuntime:
    """A `Start`. engines: BOINC's platform -> what runs a job in its folder.  count: results, by what ran them."""

    def __init__(self, place: Path, pool: ThreadPoolExecutor, engines: dict[str, Callable], own: Callable) -> None:
        self._place = place
        self._pool = pool
        self._engines = engines
        self._own = own
        self.count = Counter[str]()

    def __call__(self, volunteer: Volunteer, wu: Workunit) -> Callable[[], Answer]:
        platform = volunteer.spec.platforms[0]
        self.count[platform if platform in self._engines else "this computer's engine"] += 1
        call = wu.job.call
        run = self._pool.submit(output, self._place, self._engines.get(platform, self._own), call.program.data, call.data, {})
        return lambda: Answer(0.0, 0, run.result())


HEAD = "jobs", "without quorum", "honest hosts disagree", "pairs of honest results", "agree", "refused", "sent for each"


def tell(name: str, tally: Tally) -> None:
    compared, agreed = (sum(pair[k] for pair in tally.pairs.values()) for k in (0, 1))
    counts = tally.jobs, len(tally.failed), tally.split_jobs, compared, agreed, tally.honest_refused
    row(name, *(f"{each:,}" for each in counts), f"{tally.sent_per_canonical:.2f}")


def row(name: str, *cells: str) -> None:
    print(f"{name:16}" + "".join(f"{text:>{len(head) + 3}}" for text, head in zip(cells, HEAD, strict=True)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("wasmtime")
    parser.add_argument("others", nargs="*", metavar="NAME=COMMAND")
    parser.add_argument("--calls", type=int, default=250)
    options = parser.parse_args()
    found = runtime.find() or runtime.make()
    own = shutil.which(options.wasmtime) or options.wasmtime
    here = "x86_64-pc-linux-gnu"
    commands = dict(other.split("=", 1) for other in options.others)
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(AT_ONCE) as pool:
        place = Path(name)
        calls = [Call(f"call {each.position}", each) for each in collect.sample(str(MASTER), [], options.calls, name).calls]
        engines = {}
        for platform, command in {here: shlex.quote(own), **commands}.items():
            code = shutil.copyfile(runtime.compile_by(own, found, platform), place / f"{platform}.cwasm").name
            engines[platform] = partial(by_command, shlex.split(command), code, [])
        print(f"{len(calls)} calls of the sunspots on the fleet {FLEET}, quorum {QUORUM}, bitwise; runtime {found.sha256[:16]}\n")
        row("", *HEAD)
        tell("natively", play(calls, natively(calls, place)))
        start = InTheRuntime(place, pool, {name: engines[name] for name in commands}, engines[here])
        tell("in the runtime", play(calls, start))
        print("\nresults in the runtime: " + ", ".join(f"{count:,} by {name}" for name, count in start.count.most_common()))


if __name__ == "__main__":
    main()
