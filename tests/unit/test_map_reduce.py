"""`pyboinc.map_reduce`, and joblib's calls as jobs."""

import math
import operator
import sys
from types import ModuleType

import pytest

import pyboinc
from pyboinc.mapreduce import NotAssociative, check_associative


@pytest.fixture(autouse=True)
def prompt(tmp_path, monkeypatch):
    """As at Python's prompt: there is no script, and no module beside it."""
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    monkeypatch.chdir(tmp_path)


def test_the_order_is_kept_and_everything_is_reduced_elsewhere(tmp_path):
    for count in (1, 2, 9, 40, 300):
        found = pyboinc.map_reduce(str, operator.add, range(count), chunk=3, batch=tmp_path / str(count), calls_per_job=5, argv=[])
        assert found == "".join(map(str, range(count))), count
    journal = (tmp_path / "300" / "pyboinc_journal").read_text()
    assert journal.count('["str(') >= 0 and (tmp_path / "300" / "pyboinc_calls").stat().st_size > 0
    again = pyboinc.map_reduce(str, operator.add, range(300), chunk=3, batch=tmp_path / "300", argv=[])
    assert again == "".join(map(str, range(300)))
    assert (tmp_path / "300" / "pyboinc_journal").read_text() == journal, "a restart computes nothing again"


def test_no_map_no_data_initial():
    assert pyboinc.map_reduce(None, max, [3, 9, 4], argv=[]) == 9
    assert pyboinc.map_reduce(abs, operator.add, [-1, -2], initial=10, argv=[]) == 13
    assert pyboinc.map_reduce(abs, operator.add, [], initial=10, argv=[]) == 10
    with pytest.raises(TypeError, match="give initial="):
        pyboinc.map_reduce(abs, operator.add, [], argv=[])
    with pytest.raises(ValueError, match="math domain error"):
        pyboinc.map_reduce(math.sqrt, operator.add, range(5, -5, -1), chunk=2, argv=[])


def test_associativity_is_tried_in_debug_mode():
    with pytest.raises(NotAssociative, match=r"sub is not associative: of 1, 2 and 3, sub\(sub\(a, b\), c\) is -4"):
        pyboinc.map_reduce(abs, operator.sub, [1, 2, 3], debug=True, argv=[])
    check_associative(operator.add, [0.1, 0.2, 0.3, 1e300, -1e-9])
    check_associative(lambda a, b: {"n": a["n"] + b["n"], "xs": [*a["xs"], *b["xs"]]}, [{"n": i / 3, "xs": [i]} for i in range(5)])
    with pytest.raises(NotAssociative):
        check_associative(lambda a, b: (a + b) / 2, [1.0, 2.0, 4.0])
    check_associative(operator.sub, [1, 2])


def test_joblib(tmp_path):
    joblib = pytest.importorskip("joblib")
    import pyboinc.joblib

    with joblib.parallel_backend("pyboinc", calls_per_job=10, argv=[]):
        assert joblib.Parallel()(joblib.delayed(pow)(i, 2) for i in range(50)) == [i * i for i in range(50)]
        assert joblib.Parallel(n_jobs=3, batch_size=4)(joblib.delayed(pow)(i, k) for i in range(5) for k in range(3)) == [
            i**k for i in range(5) for k in range(3)
        ]
        with pytest.raises(ZeroDivisionError):
            joblib.Parallel()(joblib.delayed(operator.truediv)(1, i) for i in (1, 0, 2))
        parallel = joblib.Parallel(return_as="generator")
        assert list(parallel(joblib.delayed(abs)(-i) for i in range(5))) == list(range(5))
    with joblib.parallel_config("pyboinc", batch=tmp_path, argv=[]):
        for count, n_jobs in ((2, None), (2, 1), (3, None)):  # 1 is joblib's word for here and now
            assert joblib.Parallel(n_jobs)(joblib.delayed(abs)(-i) for i in range(count)) == list(range(count))
    assert [each.result() for each in pyboinc.load(tmp_path, argv=[])] == [0, 1, 2]
