"""What goes wrong with a result on a host. Pure: the host's stream of chance is given.

    fate = draw(faults, chance, valid_in_a_row, delay_bound)     # when the host gets the result
    spoiled = upload(output, fate, liar)                         # what the server gets
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from math import prod
from typing import NamedTuple

from ..model_time import Chance, normal
from ..wrong import wrong_output

LATEST = 0.5  # a late report comes up to this part of the deadline after it
AGAIN = 600.0  # seconds until a report whose answer was lost is made again


@dataclass(frozen=True)
class Faults:
    """Probabilities for each result, from 0 to 1, unless said otherwise.

    crash: it ends in an error, after a part of its time.  wrong: the output is wrong.  truncated: the upload breaks off.
    doubled: the upload begins anew at the end of what is there.  lost: it is never reported: the deadline goes by.
    late: it is reported after the deadline.  duplicate: it is reported twice.

    collude (str): members of one group give the same wrong output; others lie each in its own way.
    honest_until (int): it is wrong only while it has so many valid results in a row, which earn it trust.
    clock_skew (float): standard deviation of hosts' clocks, in seconds; see `ahead`.
    """

    crash: float = 0.0
    wrong: float = 0.0
    truncated: float = 0.0
    doubled: float = 0.0
    lost: float = 0.0
    late: float = 0.0
    duplicate: float = 0.0
    collude: str = ""
    honest_until: int = 0
    clock_skew: float = 0.0

    @cached_property
    def any(self) -> float:
        """The probability that something happens to a result."""
        return 1.0 - prod(1.0 - float(getattr(self, name)) for name in PROBABILITIES)


NONE = Faults()
LIAR = Faults(wrong=1.0)
PROBABILITIES = tuple(each.name for each in fields(Faults) if each.name not in ("collude", "honest_until", "clock_skew"))


class Fate(NamedTuple):
    """What will become of one result.

    crash_after: the part of its time after which it crashes, or None.  arrives: the part of the output that is uploaded.
    delay: seconds after the deadline at which it is reported, or None.
    """

    crash_after: float | None = None
    wrong: bool = False
    arrives: float = 1.0
    doubled: bool = False
    lost: bool = False
    delay: float | None = None
    duplicate: bool = False

    @property
    def spoils(self) -> bool:
        """The output that the server gets is not the one that the slave gave."""
        return self.wrong or self.arrives < 1.0 or self.doubled


GOOD = Fate()


def draw(faults: Faults, chance: Chance, valid_in_a_row: int, delay_bound: float) -> Fate:
    """The fate of a result that a host gets now. valid_in_a_row: what the project knows of the host."""
    if faults.any == 0.0 or chance.random() >= faults.any:
        return GOOD  # as nearly always, after one number
    while True:  # one of them happens, or several; which ones, each on its own
        happens = {name: chance.random() < getattr(faults, name) for name in PROBABILITIES}
        if any(happens.values()):
            break
    if happens["crash"]:
        return Fate(crash_after=chance.random())
    return Fate(
        wrong=happens["wrong"] and valid_in_a_row >= faults.honest_until,
        arrives=chance.random() if happens["truncated"] else 1.0,
        doubled=happens["doubled"],
        lost=happens["lost"],
        delay=LATEST * delay_bound * chance.random() if happens["late"] else None,
        duplicate=happens["duplicate"],
    )


def upload(output: bytes, fate: Fate, liar: int) -> bytes:
    """What the server gets for this output. liar: the number of the host, or of its group, that no other liar has."""
    if fate.wrong:
        output = wrong_output(output, liar)
    if fate.doubled:
        output += output
    return output[: int(fate.arrives * len(output))] if fate.arrives < 1.0 else output


def ahead(faults: Faults, chance: Chance) -> float:
    """Seconds by which a host's clock is ahead of the server's.

    A client whose clock is further ahead than a job's deadline takes the job for late before it has begun, and aborts it.
    """
    return faults.clock_skew * normal(chance) if faults.clock_skew else 0.0
