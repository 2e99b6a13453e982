"""Does the deterministic runtime compute the same bits everywhere? One hash over 32 functions, and the examples' outputs, by engine.

    python benchmarks/wasm_bits.py WASMTIME [NAME=COMMAND ...] [--arguments 20000] [--only ROW ...]

WASMTIME is the engine's command line for this computer; each further one runs where COMMAND does, e.g.

    "aarch64-unknown-linux-gnu=qemu-aarch64 -L / /opt/aarch64/wasmtime"  "windows_x86_64=wine /opt/windows/wasmtime.exe"

NAME is BOINC's name of its platform; all must be of one version, which compiles for the others. In the first row is this
computer's own Python, by the same program: it is what the runtime is not. ROW is the beginning of a row's name,
for some of them only.
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from pyboinc import bundle
from pyboinc.slave import files
from pyboinc.wasm import engine, runtime
from pyboinc_local.check.collect import sample

EXAMPLES = ("collatz", "genetic_algorithm", "monte_pi", "prime_finder", "string_counter", "sum_of_squares", "sunspots")
CALLS = 2  # of each example

FUNCTIONS = '''
import hashlib, math, random, struct
from pyboinc import pyboinc_get_input, pyboinc_return_output

ONE = """acos acosh asin asinh atan atanh cbrt cos cosh erf erfc exp exp2 expm1 gamma lgamma log log10 log1p log2 sin sinh sqrt
tan tanh""".split()
TWO = "atan2 fmod hypot pow remainder".split()
functions = {name: getattr(math, name) for name in ONE + TWO} | {"**": lambda x, y: x**y, "abs": lambda x, y: abs(complex(x, y))}
assert len(functions) == 32
RANGES = [1.0, 10.0, 750.0, 1e9]

def argument(draw):
    if draw.random() < 0.1:  # any double there is, infinities and NaN too
        return struct.unpack("<d", draw.getrandbits(64).to_bytes(8, "little"))[0]
    return draw.uniform(-1, 1) * draw.choice(RANGES)

digest = hashlib.sha256()
for name, function in functions.items():
    draw = random.Random(name)
    for _ in range(pyboinc_get_input()):
        arguments = [argument(draw)] if name in ONE else [argument(draw), argument(draw)]
        try:
            value = function(*arguments)
        except (ValueError, OverflowError, ZeroDivisionError) as error:
            digest.update(type(error).__name__.encode())
        else:
            for part in (value.real, value.imag) if isinstance(value, complex) else (value, value - value):
                digest.update(struct.pack("<d", part))
pyboinc_return_output(digest.hexdigest())
'''


def jobs(arguments: int, place: Path) -> dict[str, list[tuple[bytes, bytes, dict[str, Path]]]]:
    """Program, input and data files, by what they are a row's column for."""
    program = bundle.build("functions.py", place, overlay={"functions.py": FUNCTIONS.encode()})
    found = {"functions": [(program.data, files.input_file(0, "0", [files.encode_input(arguments)]), {})]}
    for name in EXAMPLES:
        folder = shutil.copytree(Path(__file__).resolve().parents[1] / "examples" / name, place / name)
        code = "import sys; sys.path.insert(0, sys.argv[1]); from wasm_bits import dump; dump(*sys.argv[2:])"
        target = place / f"{name}.sample"
        command = [sys.executable, "-c", code, str(Path(__file__).parent), str(folder / "app_master.py"), str(target)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found[name] = pickle.loads(target.read_bytes())  # which we have just written
    return found


def dump(script: str, target: str) -> None:
    """The first calls of a master, in a process of its own: it thinks that it is the program."""
    with tempfile.TemporaryDirectory() as folder:
        calls = sample(script, [], CALLS, folder).calls
    rows = [(call.program.data, call.data, {each.file_name: Path(each.path) for each in call.files}) for call in calls]
    Path(target).write_bytes(pickle.dumps(rows))


def digest(outputs: list[bytes]) -> str:
    return hashlib.sha256(b"".join(outputs)).hexdigest()[:16]


def outputs(all_jobs, place: Path, execute) -> dict[str, str]:
    """What `execute` makes of each job, as a digest for each column."""
    return {name: digest([output(place, execute, *job) for job in some]) for name, some in all_jobs.items()}


def output(place: Path, execute, program: bytes, data: bytes, attached: dict[str, Path]) -> bytes:
    """The output file of a job that `execute` runs in a folder of its own."""
    folder = Path(tempfile.mkdtemp(dir=place))
    (folder / "program").write_bytes(program)
    (folder / "input").write_bytes(data)
    for name, path in attached.items():
        shutil.copyfile(path, folder / name)
    execute(folder)
    return (folder / "output").read_bytes()


def natively(folder: Path) -> None:
    """This computer's Python."""
    (folder / "runtime.zip").write_bytes(bundle.runtime_zip())
    code = "import sys, runpy; sys.path.insert(0, 'runtime.zip'); runpy.run_path('program', run_name='__main__')"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def by_command(command: list[str], code: str, flags: list[str], folder: Path) -> None:
    """The engine's command line: how volunteers run it."""
    line = [*command, "run", *runtime.RUN_OPTIONS, *flags, "--dir", f"{folder.name}::/", code]
    with tempfile.TemporaryFile() as said:  # no pipe: Wine's services, which outlive the engine, would hold its other end
        done = subprocess.run(line, cwd=folder.parent, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        said.seek(0)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, line, stderr=said.read())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("wasmtime")
    parser.add_argument("others", nargs="*", metavar="NAME=COMMAND")
    parser.add_argument("--arguments", type=int, default=20_000)
    parser.add_argument("--only", action="append", metavar="ROW")
    options = parser.parse_args()
    found = runtime.find() or runtime.make()
    own = shutil.which(options.wasmtime) or options.wasmtime
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        all_jobs = jobs(options.arguments, place)
        print(f"runtime {found.sha256[:16]}: {32 * options.arguments:,} results, and {CALLS} calls of each of {len(EXAMPLES)} examples\n")
        print(f"{'':34}{'functions':18}{'examples':18}{'seconds':>8}")

        def show(name: str, make) -> None:
            if not name.startswith(tuple(options.only or [""])):
                return
            try:
                execute = make()
                begun = time.perf_counter()
                hashes = outputs(all_jobs, place, execute)
            except (subprocess.CalledProcessError, runtime.RuntimeMissing) as error:
                said = error.stderr.decode("utf-8", "replace") if isinstance(error, subprocess.CalledProcessError) else str(error)
                print(f"{name:34}did not run: {' '.join(said.split())[:150]}", flush=True)
                return
            seconds = time.perf_counter() - begun
            examples = digest([hashes[each].encode() for each in EXAMPLES])
            print(f"{name:34}{hashes['functions']:18}{examples:18}{seconds:8.1f}", flush=True)

        def compiled(*flags: str) -> str:
            path = str(place / f"{len(list(place.iterdir()))}.cwasm")
            line = [own, "compile", *runtime.CODE_OPTIONS, *flags, "-o", path, found.component]
            done = subprocess.run(line, capture_output=True, text=True)
            if done.returncode:
                raise runtime.RuntimeMissing(done.stderr)
            return path

        show("this computer's Python, natively", lambda: natively)
        machine = engine.Machine(engine.compiled(found))
        limits = engine.Limits(2**30, 3600)
        show("x86-64, the library", lambda: lambda folder: machine.run(str(folder), limits))
        for what, flags in {
            "Cranelift": [],
            "Cranelift, not optimised": ["-O", "opt-level=0"],
            "Winch": ["-C", "compiler=winch"],
            "Pulley, an interpreter": ["--target", "pulley64"],
        }.items():
            own_flags = [] if "-O" in flags else flags
            show(f"x86-64, {what}", lambda flags=flags, again=own_flags: partial(by_command, [own], compiled(*flags), again))
        for other in options.others:
            platform, _, command = other.partition("=")
            shutil.copyfile(runtime.compile_by(own, found, platform), place / f"{platform}.cwasm")
            show(platform, lambda p=platform, c=command: partial(by_command, shlex.split(c), f"{p}.cwasm", []))


if __name__ == "__main__":
    main()
