"""A program in a folder, run as a user does; and a backend spoken to by its hooks, as a master does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ... import bundle, codec, plugins
from ...batchdir import NEW, OLD, BatchDir
from ...model import Batch, Job, JobSettings, Record, ResultCount, job_name
from ...ports import Disk, SystemClock
from ...records import load_records
from ...slave import files

SLAVE = """
from pyboinc import pyboinc_get_input, pyboinc_return_output
value = pyboinc_get_input()
"""
MASTER = """
import sys, time
from pyboinc import JobError, SlaveError, pyboinc_call, pyboinc_master
"""


class App:
    """A program: slaves and a master in a folder of their own, on one backend."""

    def __init__(self, folder: Path, interface: str, project_home: str, options: Mapping[str, Any], job_seconds: float) -> None:
        self.folder = folder
        self._arguments = ["-i", interface, *(["-p", project_home] if project_home else [])]
        self._interface = interface
        self._project_home = project_home
        self._options = options
        self._job_seconds = job_seconds
        self._started: list[subprocess.Popen[str]] = []
        self.configure()

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, "utf-8")

    def configure(self, job: Mapping[str, Any] | None = None, **options: Any) -> None:
        """Write pyboinc.toml: settings of the jobs, and options of the backend beside those that its tests always have."""
        tables = {"job": job or {}, self._interface: {**self._options, **options}}
        lines = []
        for name, table in tables.items():
            lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
        self.write("pyboinc.toml", "\n".join(lines) + "\n")

    def slave(self, body: str, name: str = "app_slave.py") -> None:
        """The slave; the body finds its input in `value`."""
        self.write(name, SLAVE + body)

    def master(self, body: str) -> None:
        """The master; the body defines the handlers and calls pyboinc_master."""
        self.write("app_master.py", MASTER + body)

    # -- as a user runs it

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """``python app_master.py``, not awaited."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC")} | {"PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            [sys.executable, "app_master.py", *self._arguments, *arguments],
            cwd=self.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def run(self, *arguments: str, jobs: int = 1, status: int = 0) -> tuple[str, str]:
        """``python app_master.py``: what it prints, on standard output and error.

        jobs: how many it waits for, which sets the time that it may take. It must end with the status.
        """
        process = self.start(*arguments)
        try:
            stdout, stderr = process.communicate(timeout=30 + jobs * self._job_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate()
            raise AssertionError(f"the master did not end. It has said:\n{stdout}\n{stderr}") from None
        assert process.returncode == status, f"status {process.returncode}\n{stdout}\n{stderr}"
        assert "Traceback" not in stderr or status, stderr
        return stdout, stderr

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()

    # -- what is in its batch directory

    def result_files(self) -> list[Path]:
        return [path for folder in (NEW, OLD) for path in self.folder.glob(f"{folder}/[!.]*")]

    def records(self) -> list[Record]:
        return [record for path in self.result_files() for record in load_records(path.read_bytes())]

    # -- as a master speaks to the backend

    def session(self) -> Session:
        """What a run of the master is for the backend: the first one starts the batch, later ones resume it."""
        made = self.visit()
        made.start()
        return made

    def visit(self) -> Session:
        """What a command such as ``pyboinc cancel`` is for the backend: it does not start the batch."""
        return Session(str(self.folder), self._interface, self._project_home, self._options, self._job_seconds)


class Session:
    """One run's talk with its backend, hook by hook. `with` ends it by pyboinc_stop."""

    def __init__(self, folder: str, interface: str, project_home: str, options: Mapping[str, Any], job_seconds: float) -> None:
        self.hook = plugins.for_run(interface)[0].hook
        self._job_seconds = job_seconds
        self._stopped = True
        self._folder = BatchDir(Disk(), folder)
        home = os.path.abspath(project_home) if project_home else ""
        found = self._folder.begin(interface, home, 0)
        self._folder.bring_back()
        self.batch = Batch(found.batch_id, found.token, folder, interface, home, JobSettings(), options, Disk(), SystemClock())

    def start(self) -> None:
        self._stopped = False
        self.batch.id = self.hook.pyboinc_start_batch(batch=self.batch)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._stopped:
            self.stop()

    def jobs(self, inputs: list[Any], slave: str = "app_slave.py") -> list[Job]:
        """A job for each input; their positions are 0, 1, 2, ..."""
        program = bundle.build(slave, self.batch.folder)
        made = []
        for position, value in enumerate(inputs):
            data = files.input_file(self.batch.settings.seed, str(position), [codec.dumps(value)])
            made.append(Job(job_name(self.batch.id, self.batch.token, str(position), 0), program, str(position), 1, 0, data))
        return made

    def submit(self, jobs: list[Job]) -> None:
        self.hook.pyboinc_submit_jobs(batch=self.batch, jobs=jobs)

    def cancel(self) -> None:
        self.hook.pyboinc_cancel_batch(batch=self.batch)

    def retire(self) -> None:
        self.hook.pyboinc_retire_batch(batch=self.batch)

    def count_results(self) -> list[ResultCount]:
        found: list[ResultCount] | None = self.hook.pyboinc_count_results(batch=self.batch)
        assert found is not None, "it says nothing of this batch's results"
        return found

    def wait(self, timeout: float) -> float:
        """The seconds that pyboinc_wait takes."""
        begun = time.monotonic()
        self.hook.pyboinc_wait(batch=self.batch, timeout=timeout)
        return time.monotonic() - begun

    def stop(self) -> float:
        """The seconds that pyboinc_stop takes."""
        self._stopped = True
        begun = time.monotonic()
        self.hook.pyboinc_stop(batch=self.batch)
        return time.monotonic() - begun

    def arrived(self) -> dict[str, Record]:
        """The records in ``new/``, by job."""
        return {record.job: record for name in self._folder.arrived() for record in self._folder.read_records(name)}

    def wait_for(self, jobs: list[Job]) -> dict[str, Record]:
        """Wait until there is a record of each of these jobs; all records."""
        end = time.monotonic() + 30 + len(jobs) * self._job_seconds
        while not {job.name for job in jobs} <= self.arrived().keys():
            assert time.monotonic() < end, f"no record came of {[job.name for job in jobs if job.name not in self.arrived()]}"
            self.wait(0.5)
        return self.arrived()
