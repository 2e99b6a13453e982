"""Who volunteers: what the computers of a fleet report to the project, and what they compute with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..fleet.hosts import hosts
from ..fleet.schema import Fleet
from ..server.hr import hr_class
from ..server.rows import HR_COARSE, HR_FINE, Host
from ..simulation import HostSpec
from ..systems import this_profile
from ..worker import NATIVE

HR_TYPES = {"coarse": HR_COARSE, "fine": HR_FINE}


@dataclass(frozen=True)
class Kind:
    """Hosts that are alike. system: operating system, processor's vendor and model, as they report them.  share (float): of all hosts."""

    profile: str
    system: tuple[str, str, str]
    share: float

    def hr_class(self, hr_type: int) -> int:
        """Its class of homogeneous redundancy, see `pyboinc_local.server.hr`."""
        return hr_class(Host(1, 1, (), *self.system), hr_type)


def kinds(fleet: Fleet) -> list[Kind]:
    """The kinds of hosts of a fleet, the most frequent first."""
    made = hosts(fleet, 0)
    counts = Counter((_profile(host), (host.os_name, host.p_vendor, host.p_model)) for host in made)
    return [Kind(profile, system, count / len(made)) for (profile, system), count in counts.most_common()]


def _profile(host: HostSpec) -> str:
    """Without the version of its Python."""
    return this_profile() if host.profile == NATIVE else host.profile.partition("@")[0]


def shares_of(population: Sequence[Kind]) -> dict[str, float]:
    """The share of each profile."""
    return {profile: sum(kind.share for kind in population if kind.profile == profile) for profile in {kind.profile for kind in population}}
