"""The tests. Each makes few jobs: on a real project a job takes seconds."""

from __future__ import annotations

import ast
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import pytest

from ...model import ErrorMask, Outcome, Record
from ...slave import files
from ...states import OVER, SUCCESS, VALID
from .app import App
from .capabilities import check, required, requires

REFERENCE = {
    "app_types.py": """
class Input:
    def __init__(self, value): self.value = value
class Output:
    def __init__(self, value): self.value = value
""",
    "app_slave.py": """
from app_types import Output
from pyboinc import pyboinc_get_input, pyboinc_return_output
input = pyboinc_get_input()
pyboinc_return_output(Output(input.value * input.value))
""",
    "app_master.py": """
from app_types import Input
from pyboinc import pyboinc_call, pyboinc_master
total = 0
def make_calls():
    for i in range(1, CALLS + 1):
        pyboinc_call('app_slave.py', Input(i))
def handle_result(output):
    global total
    total += output.value
pyboinc_master(make_calls, handle_result)
print("The answer is", total)
""",
}

VALUES = '''
from enum import Enum
from typing import NamedTuple

class Plain:
    def __init__(self, value): self.value = value

class Slotted:
    __slots__ = ("left", "right")
    def __init__(self, left, right): self.left, self.right = left, right

class Color(Enum):
    RED = "red"

class Point(NamedTuple):
    x: float
    y: float

NUMBERS = [0, 1, -1, 255, 2**31, -(2**63), 10**100, 0.0, -0.0, 0.1, 1e308, 5e-324, float("inf"), float("nan"), 1 - 2j]
TEXTS = ["", "text", "\\u00e4\\u20ac\\U0001f600\\0\\n", b"", b"\\x00\\xff\\r\\n", "x" * 300, b"y" * 300]
NESTED = [(), (1, (2,), [3]), [], {}, {"k": [1], 2: None, (1, 2): {3}}, set(), {1, "a"}, frozenset({1, 2})]
OBJECTS = [None, True, False, Plain(Plain(1)), Slotted(1, [2]), Color.RED, Point(1.5, -0.0)]
KINDS = [NUMBERS, TEXTS, NESTED, OBJECTS]
'''


class Conformance:
    """Derive a class whose name begins with ``Test``, and set the attributes that differ for the backend.

    interface (str): the name of its entry point.  capabilities: some of `CAPABILITIES`.
    options: its own table of pyboinc.toml for all tests.
    refused_options, refused_settings: each a table, of the backend's own options or of job settings, that it refuses;
    the refusal must name the first key.
    job_seconds: the longest that a job may take here, from submission to record; a run may take 30 seconds more.
    stop_within: seconds in which a run lets go.  reference_calls: calls of the reference example.
    large: bytes of a large input and output.

    The fixture `project_home` gives the project's folder; override it for a backend that needs one.
    """

    interface: ClassVar[str]
    capabilities: ClassVar[Sequence[str]] = ()
    options: ClassVar[Mapping[str, Any]] = {}
    refused_options: ClassVar[Sequence[Mapping[str, Any]]] = ()
    refused_settings: ClassVar[Sequence[Mapping[str, Any]]] = ()
    job_seconds: ClassVar[float] = 10.0
    stop_within: ClassVar[float] = 2.5  # one on a quiet machine
    reference_calls: ClassVar[int] = 100
    large: ClassVar[int] = 3_000_000

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        check(cls.capabilities)

    @pytest.fixture
    def project_home(self) -> str:
        """The folder of the project; empty if the backend needs none."""
        return ""

    @pytest.fixture
    def app(self, tmp_path: Path, project_home: str) -> Iterator[App]:
        """A program in an empty folder; what a test leaves running is killed."""
        folder = tmp_path / "program"
        folder.mkdir()
        made = App(folder, self.interface, project_home, self.options, self.job_seconds)
        yield made
        made.end()

    @pytest.fixture(autouse=True)
    def _only_what_it_can(self, request: pytest.FixtureRequest) -> None:
        missing = [each for each in required(request.function) if each not in self.capabilities]
        if missing:
            pytest.skip(f"{self.interface} does not list: {', '.join(missing)}")

    # ---- what comes back

    def test_the_reference_example(self, app: App) -> None:
        for name, text in REFERENCE.items():
            app.write(name, text.replace("CALLS", str(self.reference_calls)))
        n = self.reference_calls
        stdout, _ = app.run(jobs=n)
        assert stdout == f"The answer is {n * (n + 1) * (2 * n + 1) // 6}\n"
        records = app.records()
        assert len(records) == len({each.job for each in records}) == n, "one record for each job"

    def test_values_of_every_kind_survive(self, app: App) -> None:
        app.write("app_types.py", VALUES)
        app.slave("import app_types\npyboinc_return_output(([type(each).__name__ for each in value[1]], value))")
        app.master("""
from app_types import KINDS
from pyboinc.codec import Classes, dumps
CLASSES = Classes(["app_types"])
def make_calls():
    for each in enumerate(KINDS): pyboinc_call("app_slave.py", each)
def handle_result(output):
    types, (number, values) = output
    print(types == [type(each).__name__ for each in KINDS[number]], dumps(values, CLASSES) == dumps(KINDS[number], CLASSES))
pyboinc_master(make_calls, handle_result)
""")
        assert app.run(jobs=4)[0] == "True True\n" * 4

    @requires.numpy
    def test_arrays_survive(self, app: App) -> None:
        pytest.importorskip("numpy")
        app.slave("import numpy\nassert type(value) is numpy.ndarray\npyboinc_return_output(value * numpy.float32(2))")
        app.master("""
import numpy
array = numpy.arange(6, dtype="float32").reshape(2, 3)
def make_calls(): pyboinc_call("app_slave.py", array)
def handle_result(output): print(output.dtype, output.shape, (output == array * 2).all())
pyboinc_master(make_calls, handle_result, job={"requires": ["numpy"]})
""")
        assert app.run()[0] == "float32 (2, 3) True\n"

    def test_large_inputs_and_outputs(self, app: App) -> None:
        app.slave("pyboinc_return_output(value[::-1])")
        app.master(f"""
data = bytes(range(250)) * ({self.large} // 250)
def make_calls(): pyboinc_call("app_slave.py", data)
def handle_result(output): print(output == data[::-1])
pyboinc_master(make_calls, handle_result)
""")
        assert app.run()[0] == "True\n"

    def test_several_slaves(self, app: App) -> None:
        app.slave("pyboinc_return_output(value + 1)")
        app.slave("from app_slave_helper import half\npyboinc_return_output(half(value))", "other_slave.py")
        app.write("app_slave_helper.py", "def half(value): return value / 2\n")
        app.master("""
outputs = []
def make_calls():
    for i in range(4): pyboinc_call(("app_slave.py", "other_slave.py")[i % 2], i)
pyboinc_master(make_calls, outputs.append)
print(sorted(outputs))
""")
        assert app.run(jobs=4)[0] == "[0.5, 1, 1.5, 3]\n"

    def test_random_is_seeded_by_the_rule(self, app: App) -> None:
        """``random.seed(f"{seed}/{position}")``, the same on every backend."""
        app.slave("import random\npyboinc_return_output((value, random.random()))")
        app.master("""
drawn = {}
def make_calls():
    for position in ("0", "1"): pyboinc_call("app_slave.py", position)
def handle_result(output):
    drawn.update([output])
    if output[0] == "1": pyboinc_call("app_slave.py", "1.0")
pyboinc_master(make_calls, handle_result, job={"seed": 7})
print(drawn)
""")
        assert ast.literal_eval(app.run(jobs=3)[0]) == {position: Random(f"7/{position}").random() for position in ("0", "1", "1.0")}

    def test_calls_made_while_results_are_handled(self, app: App) -> None:
        app.slave("pyboinc_return_output(value)")
        app.master("""
values = []
def make_calls():
    for i in (1, 2): pyboinc_call("app_slave.py", i)
def handle_result(value):
    values.append(value)
    if value < 10:
        for k in (1, 2): pyboinc_call("app_slave.py", value * 10 + k)
pyboinc_master(make_calls, handle_result)
print(values)
""")
        stdout, _ = app.run(jobs=6)
        assert sorted(ast.literal_eval(stdout)) == [1, 2, 11, 12, 21, 22]
        assert app.run()[0] == stdout, "a finished run replays in the order of the first time"

    # ---- several calls in a job, functions

    @requires.calls_per_job
    def test_calls_that_share_a_job(self, app: App) -> None:
        """Each keeps its output, error, position and random numbers."""
        app.slave("import random\nif value == 2: raise ValueError(value)\npyboinc_return_output((value, random.random()))")
        app.master("""
got = {}
def make_calls():
    for i in range(5):
        pyboinc_call("app_slave.py", i)
        yield
def handle_error(call, error): got[call.input] = call.position, error.type_name, error.message
pyboinc_master(make_calls, lambda output: got.update([output]), handle_error, job={"calls_per_job": 3, "seed": 7})
print(got)
""")
        stdout, _ = app.run(jobs=2)
        drawn = {i: Random(f"7/{i}").random() for i in range(5)}
        assert ast.literal_eval(stdout) == drawn | {2: ("2", "ValueError", "2")}
        assert sorted(len(files.read_output_file(each.output or b"")) for each in app.records()) == [2, 3]
        assert app.run()[0] == stdout

    @requires.calls_per_job
    def test_run_times_say_how_many_calls_share_a_job(self, app: App) -> None:
        app.slave("import time\ntime.sleep(0.01)\npyboinc_return_output(value)")
        app.master("""
def make_calls():
    for i in range(300): pyboinc_call("app_slave.py", i)
total = 0
def handle_result(output):
    global total
    total += output
pyboinc_master(make_calls, handle_result, job={"job_minutes": 10})
print(total)
""")
        assert app.run(jobs=20)[0] == "44850\n"
        assert all(each.elapsed > 0 for each in app.records()), "the record tells how long the result ran"
        assert len(app.records()) < 150

    @requires.calls_per_job
    def test_plain_functions(self, app: App) -> None:
        app.write("app_helper.py", "def twice(x): return 2 * x\n")
        app.write(
            "app_master.py",
            """
import sys
from pyboinc import Executor
import app_helper
class Point:
    def __init__(self, x): self.x = x
def move(point, by=1):
    if point.x == 5: raise KeyError("five")
    return Point(app_helper.twice(point.x) + by)
if __name__ == "__main__":
    with Executor("calls", calls_per_job=2) as executor:
        print([each.x for each in executor.map(move, [Point(1), Point(2)], [1, 10])])
        try: executor.submit(move, point=Point(5)).result()
        except KeyError as error: print(error.message, error.traceback.count("app_master.py"))
        print(executor.submit(divmod, 9, 4).result())
""",
        )
        stdout, _ = app.run(jobs=4)
        assert stdout == "[3, 14]\n'five' 1\n(2, 1)\n"
        log = app.folder / "calls" / "pyboinc_calls"
        size = log.stat().st_size
        assert app.run()[0] == stdout, "a restart gets the same results"
        assert log.stat().st_size == size, "and makes nothing anew"

    # ---- files

    @requires.files
    def test_data_files_and_files_of_slaves(self, app: App) -> None:
        (app.folder / "table.txt").write_text("a table\n")
        (app.folder / "other.bin").write_bytes(bytes(range(256)) * 1000)
        app.slave('''
from pyboinc import data_file, output_file
with open(data_file("table.txt"), "rb") as file: table = file.read()
found = [table]
if value: found.append(len(open(data_file("mine"), "rb").read()))
for name in ("a.txt", "b.txt")[:value + 1]:
    with open(output_file(name), "w") as file: file.write(name * (value + 1))
pyboinc_return_output((value, found))
''')
        app.master("""
from pyboinc import output_file
got = {}
def make_calls():
    pyboinc_call("app_slave.py", 0)
    for i in (1, 2): pyboinc_call("app_slave.py", i, data_files={"mine": "other.bin"})
def handle_result(output):
    names = ("a.txt", "b.txt")[:output[0] + 1]
    got[output[0]] = output[1], [open(output_file(name)).read() for name in names]
pyboinc_master(make_calls, handle_result, data_files=["table.txt"])
print(got)
""")
        stdout, _ = app.run(jobs=3)
        table = b"a table\n"
        assert ast.literal_eval(stdout) == {
            0: ([table], ["a.txt"]),
            1: ([table, 256000], ["a.txt" * 2, "b.txt" * 2]),
            2: ([table, 256000], ["a.txt" * 3, "b.txt" * 3]),
        }
        assert app.run()[0] == stdout
        assert (app.folder / "files" / "2" / "b.txt").read_text() == "b.txt" * 3

    @requires.files
    def test_a_data_file_that_changed_makes_another_call(self, app: App) -> None:
        app.slave("from pyboinc import data_file\npyboinc_return_output(open(data_file('table')).read())")
        app.master("""
def make_calls(): pyboinc_call("app_slave.py", 1)
pyboinc_master(make_calls, print, data_files=["table"])
""")
        (app.folder / "table").write_text("one")
        assert app.run()[0] == "one\n"
        (app.folder / "table").write_text("two")
        assert "another call at position 0" in app.run(status=2)[1]
        assert app.run("--fresh")[0] == "two\n"

    # ---- errors

    def failing(self, app: App, body: str, jobs: int = 3, **settings: Any) -> dict[int, Any]:
        """Runs a slave with the inputs 0, 1 and 2; by input, what its handler got."""
        app.slave(body)
        app.master(f"""
got = {{}}
def make_calls():
    for i in range(3): pyboinc_call("app_slave.py", i)
def handle_result(output): got[output] = "output"
def handle_error(call, error):
    if isinstance(error, SlaveError):
        got[call.input] = "SlaveError", error.type_name, error.message, error.traceback
    elif isinstance(error, JobError):
        results = [(each.outcome, each.exit_status, each.stderr) for each in error.results]
        got[call.input] = "JobError", error.error_mask, results
pyboinc_master(make_calls, handle_result, handle_error, job={settings})
print(got)
""")
        got: dict[int, Any] = ast.literal_eval(app.run(jobs=jobs)[0])
        return got

    def test_an_exception_of_the_app_is_an_output(self, app: App) -> None:
        body = "def f(n): return 1 / n\nif value < 2: f(value)\nelse: raise ValueError('no', value)\npyboinc_return_output(value)"
        got = self.failing(app, body)
        kind, type_name, message, trace = got[0]
        assert (kind, type_name, message) == ("SlaveError", "ZeroDivisionError", "division by zero")
        assert 'File "app_slave.py", line 4, in f' in trace and "return 1 / n" in trace
        assert got[1] == "output"
        assert got[2][:3] == ("SlaveError", "ValueError", "('no', 2)")

    def test_a_call_returns_exactly_one_output(self, app: App) -> None:
        got = self.failing(app, "for _ in range(value): pyboinc_return_output(value)")
        assert "ended without pyboinc_return_output" in got[0][2]
        assert got[1] == "output"
        assert got[2][0] == "SlaveError" and "returned an output already" in got[2][2]

    def test_a_fault_of_the_host_is_no_output(self, app: App) -> None:
        body = "if value == 1: raise OSError('the disk is full')\npyboinc_return_output(value)"
        got = self.failing(app, body, jobs=4, max_error_results=1)
        assert got[0] == got[2] == "output"
        kind, mask, results = got[1]
        assert kind == "JobError" and mask & ErrorMask.TOO_MANY_ERROR_RESULTS
        assert results
        for outcome, exit_status, stderr in results:
            assert outcome == Outcome.CLIENT_ERROR and exit_status != 0 and "the disk is full" in stderr

    @requires.retries
    def test_another_result_is_made_until_too_many_have_failed(self, app: App) -> None:
        body = "if value == 1: raise OSError\npyboinc_return_output(value)"
        assert len(self.failing(app, body, jobs=4, max_error_results=1)[1][2]) == 2

    @requires.crashes
    def test_a_slave_that_takes_its_process_with_it(self, app: App) -> None:
        got = self.failing(app, "import os\nif value == 1: os._exit(9)\npyboinc_return_output(value)", max_error_results=0)
        assert got[0] == got[2] == "output"
        kind, _, results = got[1]
        assert kind == "JobError" and [each[:2] for each in results] == [(Outcome.CLIENT_ERROR, 9)]

    @requires.console
    def test_what_slaves_print_is_kept(self, app: App) -> None:
        app.slave("import sys\nprint('to output', value)\nprint('to error', value, file=sys.stderr)\npyboinc_return_output(value)")
        app.master("""
def make_calls():
    for i in range(2): pyboinc_call("app_slave.py", i)
pyboinc_master(make_calls, lambda output: None)
""")
        stdout, stderr = app.run("--quiet", jobs=2)
        assert stdout == stderr == "", "a slave's words are not the master's"
        reports = {each.job.rpartition("_")[2]: files.read_report_file(each.report)[0][:2] for each in app.records()}
        assert reports == {str(i): (f"to output {i}\n", f"to error {i}\n") for i in range(2)}

    # ---- stopping and going on

    RESUMABLE = """
values = []
def make_calls():
    for i in range(6): pyboinc_call("app_slave.py", (FOLDER, i))
def handle_result(value):
    values.append(value)
    if "--hang" in sys.argv:
        print("handled", flush=True)
        time.sleep(600)
pyboinc_master(make_calls, handle_result)
print(values)
"""
    NOTING = """
folder, number = value
if folder:
    with open(f"{folder}/{number}", "a") as file: file.write("x")  # a letter for each run of the call
pyboinc_return_output(number)
"""

    def killed(self, app: App) -> set[int]:
        """Kills the master in handle_result; the calls whose records it leaves."""
        (app.folder / "runs").mkdir()
        runs = str(app.folder / "runs") if "shared_disk" in self.capabilities else ""
        app.slave(self.NOTING)
        app.master(f"FOLDER = {runs!r}\n" + self.RESUMABLE)
        process = app.start("--hang")
        assert process.stdout is not None
        assert process.stdout.readline() == "handled\n"
        process.kill()
        process.communicate()
        return {int(each.job.rpartition("_")[2]) for each in app.records()}

    def runs(self, app: App) -> list[int]:
        """How often each call has run."""
        return [len(path.read_text()) for path in sorted((app.folder / "runs").iterdir())]

    def test_killed_it_goes_on(self, app: App) -> None:
        delivered = self.killed(app)
        assert delivered
        stdout, _ = app.run(jobs=6)
        assert sorted(ast.literal_eval(stdout)) == list(range(6)), "each once"
        assert app.run()[0] == stdout
        assert len({each.job for each in app.records()}) == 6

    @requires.shared_disk
    def test_what_is_delivered_is_not_computed_again(self, app: App) -> None:
        delivered = self.killed(app)
        app.run(jobs=6)
        runs = self.runs(app)
        assert len(runs) == 6
        assert [runs[number] for number in delivered] == [1] * len(delivered)

    @requires.shared_disk
    @requires.lasting
    def test_no_job_is_made_twice(self, app: App) -> None:
        self.killed(app)
        app.run(jobs=6)
        assert self.runs(app) == [1] * 6

    def test_a_lost_record_is_delivered_again(self, app: App) -> None:
        app.slave("pyboinc_return_output(value)")
        app.master("""
values = []
def make_calls():
    for i in range(3): pyboinc_call("app_slave.py", i)
pyboinc_master(make_calls, values.append)
print(values)
""")
        stdout, _ = app.run(jobs=3)
        before = {each.job: replace(each, elapsed=0.0) for each in app.records()}
        app.result_files()[0].unlink()
        assert app.run(jobs=3)[0] == stdout, "the same outputs in the same order"
        assert {each.job: replace(each, elapsed=0.0) for each in app.records()} == before

    @requires.background
    @pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
    def test_interrupted_it_ends_at_once_and_goes_on_later(self, app: App) -> None:
        app.slave("import time\ntime.sleep(value)\npyboinc_return_output(value)")
        long = 2 * self.stop_within
        app.master(f"""
def make_calls():
    for seconds in (0, {long}): pyboinc_call("app_slave.py", seconds)
def handle_result(value):
    print("handled", value, flush=True)
pyboinc_master(make_calls, handle_result)
""")
        process = app.start()
        assert process.stdout is not None
        assert process.stdout.readline() == "handled 0\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=self.stop_within + 10)
        assert process.returncode == 130 and "Traceback" not in stderr, stderr
        assert app.run(jobs=2)[0] == f"handled 0\nhandled {long}\n"

    # ---- what it refuses

    def refused(self, app: App, key: str) -> None:
        app.slave("pyboinc_return_output(value)")
        app.master("def make_calls(): pyboinc_call('app_slave.py', 1)\npyboinc_master(make_calls, print)")
        stdout, stderr = app.run(status=2)
        assert key in stderr and "Traceback" not in stderr and stdout == ""
        assert not app.result_files()

    def test_an_option_that_it_does_not_know_is_refused(self, app: App) -> None:
        app.configure(no_such_option=1)
        self.refused(app, "no_such_option")

    def test_options_and_settings_that_it_lacks_are_refused(self, app: App) -> None:
        if not self.refused_options and not self.refused_settings:
            pytest.skip("neither refused_options nor refused_settings are listed")
        for options in self.refused_options:
            app.configure(**options)
            self.refused(app, next(iter(options)))
        for settings in self.refused_settings:
            app.configure(settings)
            self.refused(app, next(iter(settings)))

    def test_a_program_without_calls(self, app: App) -> None:
        app.master("pyboinc_master(lambda: None, print)\nprint('done')")
        assert app.run("--quiet") == ("done\n", "")

    # ---- hook by hook

    def test_a_batch_is_found_again_by_its_token(self, app: App) -> None:
        with app.session() as first, app.session() as second:
            assert type(first.batch.id) is int and first.batch.id > 0
            assert second.batch.token == first.batch.token
            assert second.batch.id == first.batch.id

    def test_an_empty_batch_is_quiet(self, app: App) -> None:
        with app.session() as session:
            session.submit([])
            taken = sum(session.wait(0.2) for _ in range(4))
            assert 0.2 < taken < 4 * 0.2 + 3, "it neither spins nor sleeps too long"
            assert session.arrived() == {}
            assert session.stop() < self.stop_within

    def test_records_arrive_under_the_names_of_their_jobs(self, app: App) -> None:
        app.slave("pyboinc_return_output(value * 2)")
        with app.session() as session:
            jobs = session.jobs([1, 2])
            session.submit(jobs)
            records = session.wait_for(jobs)
            assert {name: outcome(record) for name, record in records.items()} == {jobs[0].name: 2, jobs[1].name: 4}

    @requires.shared_disk
    def test_a_job_that_exists_is_not_made_again(self, app: App) -> None:
        app.slave("import time\nwith open(value, 'a') as file: file.write('x')\ntime.sleep(0.3)\npyboinc_return_output(0)")
        note = app.folder / "runs.txt"
        with app.session() as session:
            jobs = session.jobs([str(note)])
            session.submit(jobs)
            session.submit(jobs)
            session.wait_for(jobs)
            for _ in range(4):
                session.wait(0.2)
        assert note.read_text() == "x"

    @requires.background
    def test_waiting_and_stopping_do_not_wait_for_slaves(self, app: App) -> None:
        app.slave("import time\ntime.sleep(value)\npyboinc_return_output(0)")
        with app.session() as session:
            session.submit(session.jobs([2 * self.stop_within]))
            assert session.wait(0.3) < 0.3 + 2
            assert session.stop() < self.stop_within

    @requires.result_counts
    def test_it_tells_what_became_of_results(self, app: App) -> None:
        """To another process than the master's, and once more when another run has brought further ones."""
        app.slave("pyboinc_return_output(value)")
        for round_ in (1, 2):
            with app.session() as session:
                jobs = session.jobs(list(range(2 * round_)))
                session.submit(jobs if round_ == 1 else jobs[2:])
                session.wait_for(jobs)
            counts = app.visit().count_results()
            accepted = [each for each in counts if (each.server_state, each.outcome, each.validate_state) == (OVER, SUCCESS, VALID)]
            assert sum(each.number for each in accepted) == 2 * round_
            assert all(each.platform and type(each.turnaround) is int for each in accepted)

    def test_a_cancelled_batch_ends_and_is_retired(self, app: App) -> None:
        app.slave("import time\ntime.sleep(0.5)\npyboinc_return_output(value)")
        with app.session() as session:
            session.submit(session.jobs([0, 1, 2]))
            session.cancel()
            session.cancel()
        outputs = [record for record in app.records() if record.output is not None]
        commands = app.visit()
        commands.cancel()
        commands.retire()
        commands.retire()
        with app.session() as later:
            later.wait(0.4)
            later.wait(0.4)
        assert [record for record in app.records() if record.output is not None] == outputs, "no more than when it was cancelled"


def outcome(record: Record) -> Any:
    """The output of the one call of a record's job."""
    assert record.output is not None, record
    [(succeeded, output)] = files.read_output_file(record.output)
    assert succeeded
    return output
