"""What the slave's process tells the task's: memory that both share, so that telling costs nothing and never waits."""

from __future__ import annotations

import mmap
from struct import Struct

SIZE = 4096
_FRACTION = Struct("<d")
_CPU_TIME_AT, _TRICKLES_AT, _ENDED_AT = 8, 16, 24
DONE, LEFT = 1, 2


class Progress:
    """tag: a name by which another process finds the memory (Windows); without one only forked processes have it."""

    def __init__(self, tag: str | None = None) -> None:
        self._memory: mmap.mmap = mmap.mmap(-1, SIZE, tag) if tag else mmap.mmap(-1, SIZE)  # type: ignore[arg-type]

    @property
    def fraction_done(self) -> float:
        """From 0 to 1."""
        value: float = _FRACTION.unpack_from(self._memory)[0]
        return min(max(0.0, value), 1.0)

    @fraction_done.setter
    def fraction_done(self, value: float) -> None:
        _FRACTION.pack_into(self._memory, 0, value)

    @property
    def checkpoint_cpu_time(self) -> float:
        """CPU time in seconds, of this start, at the last checkpoint; 0 if there was none."""
        value: float = _FRACTION.unpack_from(self._memory, _CPU_TIME_AT)[0]
        return value if 0 <= value < 1e9 else 0.0

    @checkpoint_cpu_time.setter
    def checkpoint_cpu_time(self, value: float) -> None:
        _FRACTION.pack_into(self._memory, _CPU_TIME_AT, value)

    @property
    def trickles(self) -> int:
        """How many trickle-ups the slave has left in the slot."""
        return int(_FRACTION.unpack_from(self._memory, _TRICKLES_AT)[0])

    @trickles.setter
    def trickles(self, value: int) -> None:
        _FRACTION.pack_into(self._memory, _TRICKLES_AT, value)

    @property
    def done(self) -> bool:
        """Is the output written? (Exit status 0 does not say so: a slave may end its process itself.)"""
        return self._memory[_ENDED_AT] == DONE

    @property
    def left(self) -> bool:
        """Has the slave made a temporary exit?"""
        return self._memory[_ENDED_AT] == LEFT

    def set_done(self) -> None:
        self.fraction_done = 1.0
        self._memory[_ENDED_AT] = DONE

    def set_left(self) -> None:
        self._memory[_ENDED_AT] = LEFT
