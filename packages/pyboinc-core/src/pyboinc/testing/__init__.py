"""For authors of backends and tests: a clock and a file system that tests steer, attack pickles, a conformance suite.

The suite, `pyboinc.testing.conformance`, needs pytest; the rest needs nothing.
"""

from .clock import ManualClock as ManualClock
from .filesystem import Crash as Crash
from .filesystem import CrashPoints as CrashPoints
from .filesystem import MemoryDisk as MemoryDisk
from .filesystem import MemoryFileSystem as MemoryFileSystem
