"""The deterministic runtime beside this computer's Python: start, download, and speed of pure-Python numeric programs.

    python benchmarks/wasm.py [FILE ...]

FILE: what volunteers of a platform download, the engine (stripped, as pyboinc setup does) and build-runtime's machine code; counted as
BOINC's server compresses it. Medians of five.
"""

from __future__ import annotations

import gzip
import math
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from pyboinc import bundle
from pyboinc.slave import files
from pyboinc.wasm import engine, runtime

TIMES = 5
PROGRAMS = {
    "sum of squares": "total = 0\nfor i in range(1_000_000): total += i * i",
    "floats": "x = 0.5\nfor _ in range(1_000_000): x = 3.9 * x * (1.0 - x)",
    "sine and exponential": "import math\nx = 0.0\nfor i in range(300_000): x += math.sin(i) * math.exp(-i * 1e-5)",
    "sieve": """
n = 5_000_000
sieve = bytearray([1]) * n
for i in range(2, 2237):
    if sieve[i]: sieve[i * i :: i] = bytes(len(sieve[i * i :: i]))
""",
    "collatz": "for n in range(1, 12_000):\n    while n != 1: n = 3 * n + 1 if n % 2 else n // 2",
    "matrix product": """
n = 80
a = [[i * j % 7 / 3 for j in range(n)] for i in range(n)]
b = [[sum(x * y for x, y in zip(r, c)) for c in zip(*a)] for r in a]
""",
    "dictionary": "d = {}\nfor i in range(400_000): d[i % 5000] = d.get(i % 5000, 0) + i",
    "sorting": "import random\ndata = [random.random() for _ in range(150_000)]\ndata.sort()",
    "long integers": "x = 3\nfor _ in range(11): x *= x\nfor i in range(10_000): x * (x + i)",
    "objects": """
class P:
    def __init__(self, x): self.x = x
    def moved(self): return P(self.x + 1)
p = P(0)
for _ in range(300_000): p = p.moved()
""",
    "text": """
words = " ".join(str(i % 977) for i in range(150_000)).split()
counts = {}
for w in words: counts[w] = counts.get(w, 0) + 1
""",
}
END = "\nfrom pyboinc import pyboinc_return_output\npyboinc_return_output(None)\n"


def seconds(run) -> float:
    times = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def native(source: str) -> float:
    """Seconds of the program in a Python of its own; the runtime's clock does not tell, so there the start is taken off instead."""
    code = "import sys, time; begun = time.perf_counter(); exec(sys.argv[1], {}); print(time.perf_counter() - begun)"
    return float(subprocess.run([sys.executable, "-I", "-S", "-c", code, source], check=True, capture_output=True).stdout)


def main() -> None:
    found = runtime.find() or runtime.make()
    path = engine.compiled(found)
    machine = engine.Machine(path)
    limits = engine.Limits(2**30, 600)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)

        def prepare(source: str) -> Path:
            folder = Path(tempfile.mkdtemp(dir=place))
            program = bundle.build("s.py", folder, overlay={"s.py": (source + END).encode()})
            (folder / "program").write_bytes(program.data)
            (folder / "input").write_bytes(files.input_file(0, "0", [files.encode_input(None)]))
            return folder

        empty = prepare("")
        start = seconds(lambda: machine.run(str(empty), limits))
        print(f"start of an empty job      {start * 1000:6.0f} ms  (goal 50)")
        sizes = [len(gzip.compress(Path(name).read_bytes())) / 1e6 for name in sys.argv[1:]]
        print(f"download, gzip             {sum(sizes):6.1f} MB  (goal 12; {', '.join(f'{each:.1f}' for each in sizes)})\n")
        ratios = []
        print(f"{'':24}{'native':>9}{'runtime':>9}{'times':>7}")
        for label, source in PROGRAMS.items():
            folder = prepare(source)
            mine = statistics.median(native(source) for _ in range(TIMES))
            theirs = seconds(partial(machine.run, str(folder), limits)) - start
            ratios.append(theirs / mine)
            print(f"{label:24}{mine:8.3f}s{theirs:8.3f}s{ratios[-1]:7.1f}", flush=True)
        print(f"{'geometric mean':42}{math.exp(statistics.fmean(map(math.log, ratios))):7.1f}")


if __name__ == "__main__":
    main()
