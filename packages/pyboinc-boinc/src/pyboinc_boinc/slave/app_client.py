"""Where a task starts."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from .process_windows import SlaveProcess
else:
    from .process import SlaveProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import NoReturn

    from .pace import Pace
else:
    import _signal as signal  # the module `signal` imports half of the standard library


def main(pace: Pace | None = None) -> NoReturn:
    """Run the task in the slot that is the current folder, and exit as the client expects it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    slave = SlaveProcess()
    from .task import run  # while the slave's process gets ready

    run(slave, pace, sys.argv[1:])
