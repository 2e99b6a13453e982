"""Coverage-guided fuzzing of all that reads bytes from elsewhere: see `targets.py`.

    python tests/fuzz/fuzz.py --minutes 10            all targets in turn; ends with a table, and status 1 if there was a fault
    python tests/fuzz/fuzz.py --minutes 10 decoder    these only
    python tests/fuzz/fuzz.py --run decoder FILE      one input again, for the debugger
    python tests/fuzz/fuzz.py --fault decoder FILE    it was a fault and is repaired: replayed for ever
    python tests/fuzz/fuzz.py --keep                  what all runs have found, the fewest that go everywhere, into the corpus

Needs atheris (Linux), but for --run, --fault and --keep. What is found stays in .nox/fuzz, and the next run begins with it.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import corpus

WORK = Path(__file__).resolve().parents[2] / ".nox" / "fuzz"
PATIENCE = 60  # seconds for an input of up to MOST bytes: what takes longer grows faster than its input
MOST = 1 << 16
MEMORY = 2048  # MiB


def main() -> None:
    about, _, epilog = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(description=about, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, metavar="N", help="of all targets together")
    parser.add_argument("--run", nargs=2, metavar=("TARGET", "FILE"))
    parser.add_argument("--fault", nargs=2, metavar=("TARGET", "FILE"))
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--child", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    words = parser.parse_args()
    if words.child:
        fuzz(*words.child)
    elif words.run or words.fault:
        from targets import TARGETS

        name, path = words.run or words.fault
        data = Path(path).read_bytes()
        TARGETS[name].run(data)
        if words.fault:
            corpus.add_fault(name, data)
    else:
        from targets import TARGETS

        names = words.targets or list(TARGETS)
        if unknown := [name for name in names if name not in TARGETS]:
            parser.error(f"there is no target {unknown[0]}; there are: {', '.join(TARGETS)}")
        if words.keep:
            for name in names:
                print(f"{name}: {keep(name)} inputs kept")
        elif words.minutes:
            sys.exit(run_all(names, words.minutes))
        else:
            parser.error("say how long: --minutes N")


def run_all(names: list[str], minutes: float) -> int:
    """The exit status."""
    begin = time.monotonic()
    total = faulty = 0
    for number, name in enumerate(names):
        left = minutes * 60 - (time.monotonic() - begin)
        executions, files = run(name, max(5, round(left / (len(names) - number))))
        total += executions
        faulty += bool(files)
        print(f"{name:16} {executions:>12,} executions" + ("" if not files else "  FAULT"), flush=True)
        for file in files:
            print(f"  again: {Path(sys.executable).name} tests/fuzz/fuzz.py --run {name} {file}", flush=True)
    spent = (time.monotonic() - begin) / 60
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    computed = (used.ru_utime + used.ru_stime) / 60
    print(f"{total:,} executions of {len(names)} targets in {spent:.1f} minutes ({computed:.1f} of processor time), {faulty} with a fault")
    return 1 if faulty else 0


def run(name: str, seconds: int) -> tuple[int, list[Path]]:
    """Executions, and the inputs that were a fault."""
    faults = WORK / "faults"
    faults.mkdir(parents=True, exist_ok=True)
    before = set(faults.iterdir())
    command = [sys.executable, __file__, "--child", name, f"-max_total_time={seconds}", "-print_final_stats=1"]
    command += [f"-timeout={PATIENCE}", f"-report_slow_units={PATIENCE}", f"-rss_limit_mb={MEMORY}", f"-artifact_prefix={faults}/{name}-"]
    log = WORK / f"{name}.log"
    with log.open("wb") as file:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False).returncode
    text = log.read_text("utf-8", "replace")
    found = sorted(set(faults.iterdir()) - before)
    if status and not found:
        sys.exit(f"{name} did not run:\n{text[-3000:]}")
    counts = re.findall(r"^stat::number_of_executed_units: (\d+)|^#(\d+)\t", text, re.MULTILINE)
    if found:
        print(text[text.rfind(" === Uncaught Python exception: ===") :][:3000], flush=True)
    return int(next(filter(None, reversed(counts[-1] if counts else ("0",))))), found


def fuzz(name: str, *flags: str) -> None:
    """Does not return. flags: libFuzzer's."""
    import atheris

    with atheris.instrument_imports(include=["pyboinc", "pyboinc_assimilator", "pyboinc_boinc", "pyboinc_local", "pyboinc_validator"]):
        from targets import TARGETS
    target = TARGETS[name]
    home = WORK / name
    seeds = [*target.seeds, *corpus.finds(name), *corpus.faults(name)]
    for data in seeds:
        unpack(home, data)
    dictionary = WORK / f"{name}.dict"
    lines = ['"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in target.words]
    dictionary.write_text("".join(lines))
    standard = [f"-max_len={MOST}", "-len_control=0", *([f"-dict={dictionary}"] if lines else [])]
    atheris.Setup([name, *standard, *flags, str(home)], target.run, custom_mutator=mutated)
    atheris.Fuzz()


def unpack(folder: Path, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """libFuzzer's own mutations, and now and then a piece many times: what is not linear takes too long then."""
    import atheris

    chance = random.Random(seed)
    if not data or chance.random() > 0.01:
        return bytes(atheris.Mutate(data, most))
    start = chance.randrange(len(data))
    end = start + chance.randint(1, 24)
    piece = data[start:end]
    times = chance.choice((10, 300, most)) // len(piece)
    return (data[:start] + piece * times)[: max(0, most - len(data) + start)] + data[end:]


def keep(name: str) -> int:
    """How many inputs."""
    from targets import TARGETS

    target = TARGETS[name]
    been: set[tuple[object, int, int]] = set()
    for data in target.seeds:
        been |= steps(target.run, data)
    kept = []
    found = [path.read_bytes() for path in (WORK / name).iterdir()] if (WORK / name).exists() else []
    for data in sorted([*corpus.finds(name), *found], key=lambda each: (len(each), each)):
        if len(data) <= corpus.LARGEST and (new := steps(target.run, data) - been):
            been |= new
            kept.append(data)
    return corpus.keep(name, kept)


def steps(run: Callable[[bytes], None], data: bytes) -> set[tuple[object, int, int]]:
    """Where the input leads in PyBOINC's code: from which line to which."""
    taken: set[tuple[object, int, int]] = set()

    def enter(frame: FrameType, event: str, _about: object) -> object:
        if "pyboinc" not in frame.f_globals.get("__name__", ""):
            return None
        last = 0

        def step(frame: FrameType, event: str, _about: object) -> object:
            nonlocal last
            taken.add((frame.f_code, last, frame.f_lineno))
            last = frame.f_lineno
            return step

        return step

    sys.settrace(enter)  # type: ignore[arg-type]
    try:
        run(data)
    finally:
        sys.settrace(None)
    return taken


if __name__ == "__main__":
    main()
