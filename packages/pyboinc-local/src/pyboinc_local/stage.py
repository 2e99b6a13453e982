"""A project with simulated volunteers, from what decides its course."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyboinc.model import JobSettings
from pyboinc_validator.comparators import Comparator, bitwise

from .eventlog import EventLog
from .pace import Pace, PacedSimulation
from .project import Project, Read
from .server.rows import Config
from .simulation import HostSpec, Runner, Simulation

HR = ("none", "fine", "coarse")


@dataclass(frozen=True)
class Setup:
    """All that decides what happens, but for the jobs and what their slaves return.

    hr, adaptive: the app's homogeneous redundancy, and target_nresults of adaptive replication.  fpops_estimate and the like
    are in settings.  pace: the waits of clients and daemons, none if it is None.
    """

    settings: JobSettings
    hosts: tuple[HostSpec, ...]
    seed: int = 0
    comparator: Comparator = field(default_factory=bitwise)
    hr: str = HR[0]
    adaptive: int = 0
    one_result_per_user_per_wu: bool = True
    pace: Pace | None = None


def simulation(setup: Setup, run: Runner, log: EventLog | None = None, read: Read | None = None) -> tuple[Simulation, int]:
    """The simulation, ready for jobs, and the number of its one batch. read: what outputs are, if not PyBOINC's files."""
    config = Config(one_result_per_user_per_wu=setup.one_result_per_user_per_wu, daily_result_quota=0)
    project = Project(config=config, seed=setup.seed, log=log)
    app = project.add_app("pyboinc", target_nresults=setup.adaptive, homogeneous_redundancy=HR.index(setup.hr))
    for platform in sorted({platform for host in setup.hosts for platform in host.platforms}):
        project.add_version(app, 1, platform)
    estimate = setup.settings.fpops_estimate / 1e9  # operations a second of a host of speed 1
    made = PacedSimulation(project, run, setup.pace, estimate) if setup.pace else Simulation(project, run)
    for host in setup.hosts:
        made.add_host(host)
    return made, project.add_batch(app, setup.settings, setup.comparator, read=read)
