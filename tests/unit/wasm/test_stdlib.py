"""The standard library in the runtime, most of which is loaded only when a slave imports it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SLAVE = """
import sys, warnings
from pyboinc import pyboinc_return_output
warnings.simplefilter("ignore")
missing = []
for name in sys.meta_path[-1]._code:
    try:
        __import__(name)
    except ImportError as error:
        missing.append((name, error.name))
import difflib
pyboinc_return_output((missing, difflib.__file__, sorted(sys.modules)))
"""
LACKS = {"_bz2", "_ctypes", "_dbm", "_gdbm", "_interpreters", "_lzma", "_sqlite3", "_zstd", "codecs", "multiprocessing", "termios"}
"""What some of it needs and is not there: C, other systems, processes. (codecs: for Windows' own encodings.)"""


def test_all_of_it_is_there(job: Callable[..., Any]) -> None:
    ((good, (missing, file, loaded)),) = job(SLAVE)
    assert good and {lacks for _, lacks in missing} <= LACKS, missing
    assert file.endswith("/difflib.py")
    there = "argparse encodings.cp437 email.message logging.handlers pyboinc.slave.verify traceback urllib.parse xml.etree.ElementTree"
    assert {*there.split()} <= {*loaded}
