"""What the stories are told with: `play` in model mode, `simulate` with a program's slaves."""

import json
import os
import subprocess
import sys
from typing import NamedTuple

import pytest

sys.path.insert(0, os.path.dirname(__file__))  # for the package laboratory

from pyboinc.model import JobSettings
from pyboinc_local.fleet import hosts, schema, study
from pyboinc_local.model_time import LogNormal
from pyboinc_local.project import Submit
from pyboinc_local.simulation import Model
from pyboinc_local.stage import Setup


class Job(NamedTuple):
    name: str


@pytest.fixture
def play():
    """play(fleet, jobs=..., hours=..., adaptive=..., **settings of jobs): a simulation's tally, after its end."""

    def play(fleet, jobs=500, hours=1.0, adaptive=0, seed=1, **settings):
        made = hosts.hosts(schema.parse(fleet, "fleet.toml"), seed)
        setup = Setup(JobSettings(**settings), made, seed, adaptive=adaptive)
        played = study.play(setup, Model(LogNormal(3600 * hours, 0.3), seed), read=Model.read)
        played.simulation.handle(Submit(played.batch, [Job(f"job {each}") for each in range(jobs)]))
        played.simulation.run()
        return played.tally

    return play


@pytest.fixture
def simulate(tmp_path):
    """simulate(files, fleet, toml, *arguments): what `pyboinc simulate --json` says of that program, and what it printed."""

    def simulate(files, fleet, toml="", *arguments):
        for name, text in {**files, "fleet.toml": fleet, "pyboinc.toml": toml}.items():
            (tmp_path / name).write_text(text)
        pyboinc = [sys.executable, "-c", "from pyboinc.cli import main; main()"]
        command = [*pyboinc, "simulate", "app_master.py", "--fleet", "fleet.toml", "--json", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC")}
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout), ran.stderr

    return simulate
