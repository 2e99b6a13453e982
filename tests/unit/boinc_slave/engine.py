"""In place of the command line of wasmtime: takes the words of it that sandbox.sh uses, and runs the component by the library."""

import re
import sys
from pathlib import Path

from pyboinc.wasm import engine, runtime

line = re.fullmatch(f"run {' '.join(runtime.RUN_OPTIONS)} -W max-memory-size=(\\d+) --dir (job)::/ (\\S+)", " ".join(sys.argv[1:]))
assert line, sys.argv
try:
    engine.Machine(line[3]).run(line[2], engine.Limits(int(line[1]), 600))
except engine.Ended as end:
    sys.exit(str(end) or 1)
said = Path(line[2], "stderr")
sys.stderr.write(said.read_text())
said.unlink()
