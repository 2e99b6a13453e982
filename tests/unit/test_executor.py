"""`pyboinc.Executor` keeps the contract of `concurrent.futures.Executor`, and lasts. Its calls are of Python's own functions:
those of this module are not beside the script that runs, which is pytest's."""

import concurrent.futures
import json
import operator
import pickle
import sys
import threading
import time
from functools import partial
from types import ModuleType

import pytest

import pyboinc
from pyboinc import Executor, JobError, SlaveError
from pyboinc.batchdir import BatchError
from pyboinc.executor import BrokenBatch
from pyboinc.functions import FunctionError
from pyboinc.model import SettingsError
from pyboinc.overview import Ledger

SECONDS = 60


@pytest.fixture(scope="module", autouse=True)
def prompt(tmp_path_factory):
    """As at Python's prompt: there is no script, and no module beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", ModuleType("__main__"))
        patch.chdir(tmp_path_factory.mktemp("prompt"))
        yield


@pytest.fixture(scope="module")
def executor(prompt):
    with Executor(argv=[]) as made:
        yield made


def test_it_is_one_of_pythons_executors(executor):
    assert isinstance(executor, concurrent.futures.Executor)
    future = executor.submit(pow, 2, exp=5)
    assert isinstance(future, concurrent.futures.Future)
    assert future.result(SECONDS) == 32 and future.exception() is None
    assert future.done() and not future.running() and not future.cancelled() and not future.cancel()


def test_map(executor):
    assert list(executor.map(pow, [1, 2, 3], [2, 2, 2], timeout=SECONDS)) == [1, 4, 9]
    assert list(executor.map(abs, [])) == []
    results = executor.map(operator.truediv, [4, 1, 6], [2, 0, 2], chunksize=2)
    assert next(results) == 2
    with pytest.raises(ZeroDivisionError):
        next(results)
    with pytest.raises(TimeoutError):
        list(executor.map(time.sleep, [0, 1.5], timeout=0.01))


def test_wait_and_as_completed(executor):
    slow, quick = executor.submit(time.sleep, 0.5), executor.submit(abs, -1)
    done, not_done = concurrent.futures.wait([slow, quick], SECONDS, concurrent.futures.FIRST_COMPLETED)
    assert done and quick in done | not_done
    bad = executor.submit(operator.truediv, 1, 0)
    done, _ = concurrent.futures.wait([bad, executor.submit(time.sleep, 0.1)], SECONDS, concurrent.futures.FIRST_EXCEPTION)
    assert bad in done
    assert concurrent.futures.wait([slow, quick, bad], SECONDS) == ({slow, quick, bad}, set())
    assert {each.result() for each in concurrent.futures.as_completed([slow, quick], SECONDS)} == {None, 1}


def test_callbacks(executor):
    called = threading.Event()
    seen = []

    def callback(future):
        seen.append((future.result(), threading.current_thread().name))
        seen.append(executor.submit(abs, -8))  # a callback may submit
        called.set()

    future = executor.submit(abs, -7)
    future.add_done_callback(callback)
    assert called.wait(SECONDS)
    assert seen[0][0] == 7 and seen[1].result(SECONDS) == 8
    future.add_done_callback(seen.append)
    assert seen[-1] is future, "at once if it is done"


def test_submissions_from_several_threads(executor):
    found = {}

    def submit(number):
        found[number] = [executor.submit(pow, number, k) for k in range(20)]

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {n: [each.result(SECONDS) for each in futures] for n, futures in found.items()} == {
        n: [n**k for k in range(20)] for n in range(4)
    }


def test_an_error_is_of_the_built_in_type_too(executor):
    error = executor.submit(operator.truediv, 1, 0).exception(SECONDS)
    assert isinstance(error, ZeroDivisionError) and isinstance(error, SlaveError) and type(error).__name__ == "SlaveError"
    assert (error.type_name, error.message) == ("ZeroDivisionError", "division by zero")
    assert str(error) == "ZeroDivisionError: division by zero" and "ZeroDivisionError" in error.traceback
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    error = executor.submit(json.loads, "{").exception(SECONDS)
    assert error.type_name == "json.decoder.JSONDecodeError" and type(error) is SlaveError, "nothing is imported for it"


@pytest.mark.parametrize("name", ["SystemExit", "KeyboardInterrupt", "BaseException", "ExceptionGroup", "open", "os.error", "", "a b"])
def test_a_stranger_does_not_choose_what_is_raised(name):
    from pyboinc.errors import slave_error

    error = slave_error(name, "text")
    assert type(error) is SlaveError and error.type_name == name
    for kind in (OSError, UnicodeDecodeError, KeyError, MemoryError, SyntaxError, StopIteration):
        error = slave_error(kind.__name__, "text")
        assert isinstance(error, kind) and str(error) == f"{kind.__name__}: text"


def test_a_job_without_a_result():
    with Executor(argv=[], job={"max_error_results": 0}) as executor, pytest.raises(JobError):
        executor.submit(open, "/no such file").result(SECONDS)


def test_what_does_not_travel_is_refused_at_once(executor):
    def nested(x):
        return x

    class Here:
        def method(self):
            return 0

        def __call__(self):
            return 0

    async def sleeping():
        return 0

    for function, why in [
        (lambda: 0, "a lambda has no name"),
        (nested, "nested is defined inside .*move it to the top level"),
        (Here().method, "gets the object as an argument|defined inside"),
        (Here(), "is no function"),
        (sleeping, "defined inside|async"),
        (5, "is not a function"),
    ]:
        with pytest.raises(FunctionError, match=why):
            executor.submit(function)
    with pytest.raises(pyboinc.EncodeError, match="object"):
        executor.submit(abs, object())
    with pytest.raises(FunctionError, match=r"of the module _pytest.*, which volunteers do not have: put .* requires = "):
        executor.submit(pytest.approx, 1)
    assert executor.submit(partial(pow, 2), 3).result(SECONDS) == 8


def test_shutdown():
    executor = Executor(argv=[])
    futures = [executor.submit(abs, -i) for i in range(5)]
    executor.shutdown(wait=False)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(abs, 1)
    assert [each.result(SECONDS) for each in futures] == list(range(5))
    executor.shutdown()
    executor.shutdown(cancel_futures=True)
    assert not [each for each in threading.enumerate() if each is executor._run._thread]


def test_calls_that_wait_can_be_cancelled():
    with Executor(argv=[], in_flight=1) as executor:
        first, second, third = (executor.submit(time.sleep, seconds) for seconds in (1.0, 0, 0))
        while not first.running():
            time.sleep(0.01)
        assert not first.cancel() and second.cancel() and second.cancelled()
        with pytest.raises(concurrent.futures.CancelledError):
            second.result()
        executor.shutdown(wait=True, cancel_futures=True)
        assert first.result() is None and third.cancelled()


def test_calls_share_jobs(tmp_path):
    with Executor(tmp_path, argv=[], calls_per_job=10) as executor:
        futures = [executor.submit(operator.truediv, 1, i) for i in range(25)]
        assert [each.result(SECONDS) for each in futures[1:]] == [1 / i for i in range(1, 25)]
        assert isinstance(futures[0].exception(), ZeroDivisionError), "each keeps its own"
    made = [json.loads(line) for line in (tmp_path / "pyboinc_journal").read_text().splitlines() if line.startswith('["made"')]
    assert [(entry[1], len(entry[3])) for entry in made] == [("0", 10), ("10", 10), ("20", 5)]


def test_settings_are_checked():
    with pytest.raises(SettingsError, match="calls_per_job"):
        Executor(argv=[], calls_per_job=0)
    with pytest.raises(SettingsError, match="exclude each other"):
        Executor(argv=[], calls_per_job=2, job_minutes=1)
    with pytest.raises(SettingsError, match="in_flight"):
        Executor(argv=[], in_flight=0)
    with pytest.raises(pyboinc.PyBoincError, match="no backend is called 'nowhere'"):
        Executor(argv=["-i", "nowhere"])


# ---- a folder that lasts


def ran(folder):
    return Ledger([json.loads(line) for line in (folder / "pyboinc_journal").read_text().splitlines()])


def test_the_same_calls_get_the_same_results(tmp_path):
    stamp = partial(time.time_ns)  # another result each time that it runs
    with Executor(tmp_path, argv=[], calls_per_job=2) as executor:
        first = [executor.submit(stamp).result(SECONDS), executor.submit(stamp).result(SECONDS), executor.submit(pow, 2, 3).result(SECONDS)]
        assert executor.submit(operator.truediv, 1, 0).exception(SECONDS)
    assert first[0] != first[1]
    with Executor(tmp_path, argv=[]) as executor:
        assert executor.submit(pow, 2, 3).result(SECONDS) == 8
        assert [executor.submit(stamp).result(SECONDS) for _ in range(2)] == first[:2], "known by function, arguments and occurrence"
        assert executor.submit(stamp).result(SECONDS) not in first, "a third one is new"
    assert len(ran(tmp_path).jobs) == 5
    assert ran(tmp_path).left == ["3"], "the division is not asked for any more"
    with Executor(tmp_path, argv=[]) as executor:
        assert isinstance(executor.submit(operator.truediv, 1, 0).exception(SECONDS), ZeroDivisionError)
    assert ran(tmp_path).left == ["0", "1", "2", "4"]
    futures = pyboinc.load(tmp_path, argv=[])
    assert [each.result(SECONDS) for each in (*futures[:3], futures[4])][:3] == first
    assert isinstance(futures[3].exception(SECONDS), ZeroDivisionError)


def test_stopped_it_goes_on(tmp_path):
    try:
        with Executor(tmp_path, argv=[], calls_per_job=3) as executor:
            futures = [executor.submit(pow, 2, i) for i in range(3)] + [executor.submit(time.sleep, 1 + i / 1000) for i in range(4)]
            assert futures[0].result(SECONDS) == 1
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert all(each.done() for each in futures)
    assert isinstance(futures[-1].exception(), BrokenBatch)
    with (tmp_path / "pyboinc_calls").open("ab") as file:
        file.write(b"\x07")  # a write that was cut off
    again = pyboinc.load(tmp_path, argv=[])
    assert [each.result(SECONDS) for each in again] == [1, 2, 4, None, None, None, None]
    with pytest.raises(BatchError, match="there is no batch in"):
        pyboinc.load(tmp_path / "nowhere", argv=[])


def test_one_executor_at_a_time(tmp_path):
    with Executor(tmp_path, argv=[]), pytest.raises(BatchError, match="another master is running"):
        Executor(tmp_path, argv=[])


def test_what_is_lost_of_a_batch_is_named(tmp_path):
    with Executor(tmp_path, argv=[]) as executor:
        for number in (1, 2):
            executor.submit(abs, number).result(SECONDS)
    log, programs = tmp_path / "pyboinc_calls", tmp_path / "programs"
    whole = log.read_bytes()
    log.write_bytes(whole[: 8 + int.from_bytes(whole[:4], "little")])
    with pytest.raises(BatchError, match=r"pyboinc_calls has 1 calls, and the journal tells of call 1. Put back"):
        Executor(tmp_path, argv=[])
    log.unlink()
    with pytest.raises(BatchError, match="pyboinc_master, or one whose file pyboinc_calls is lost: give the executor a folder of its own"):
        Executor(tmp_path, argv=[])
    log.write_bytes(whole)
    programs.rename(tmp_path / "away")
    with pytest.raises(BatchError, match=r"programs.*No such file or directory"):
        Executor(tmp_path, argv=[])
    (tmp_path / "away").rename(programs)
    assert [each.result(SECONDS) for each in pyboinc.load(tmp_path, argv=[])] == [1, 2]


# ---- pyboinc.map


def test_map_reads_its_items_as_work_is_needed():
    taken = []

    def endless():
        number = 0
        while True:
            taken.append(number)
            yield number
            number += 1

    results = pyboinc.map(abs, endless(), in_flight=5, argv=[])
    assert [next(results) for _ in range(12)] == list(range(12))
    assert len(taken) <= 12 + 5
    results.close()
    assert sorted(pyboinc.map(abs, range(-9, 0), as_completed=True, in_flight=4, calls_per_job=2, argv=[])) == list(range(1, 10))
    with pytest.raises(ZeroDivisionError):
        list(pyboinc.map(partial(operator.truediv, 1), [2, 0, 1], argv=[]))
