"""The parts of `pyboinc check`: how far outputs are apart, what the source says, where two platforms part."""

import math
import os

import pytest

from pyboinc import bundle
from pyboinc.slave import files
from pyboinc.slave.channel import Channel
from pyboinc_local.check import compare, trace
from pyboinc_local.check.lints import UNROUTED, lint
from pyboinc_local.check.runs import Outcome


def output(value):
    return files.output_file([files.ok_entry(files.encode_output(value))])


def outcomes(**values):
    """Each profile's outputs, one for each call."""
    return {name: [Outcome(output(each)) for each in calls] for name, calls in values.items()}


def up(x, steps=1):
    for _ in range(steps):
        x = math.nextafter(x, math.inf)
    return x


THREE = outcomes(a=[[1.0, 2.0], 5], b=[[1.0, up(2.0, 3)], 5], c=[[up(1.0), 2.0], 5])


def test_groups_and_hits():
    assert compare.groups(THREE, 1) == [["a", "b", "c"]] and len(compare.groups(THREE, 0)) == 3
    assert compare.hit(THREE) == [0]


def test_disagreement_of_two_hosts_drawn_at_random():
    assert compare.disagreement(THREE, {"a": 0.5, "b": 0.5}) == 0.25  # half of the pairs, on half of the calls
    assert compare.disagreement(THREE, {"a": 3, "elsewhere": 5}) == 0.0
    assert compare.disagreement(THREE, {}) == 0.0


def test_spread_is_that_of_the_two_farthest():
    found = compare.spread(outcomes(a=[[1.0, 2.0]], b=[[up(1.0, 2), 2.0]], c=[[math.nextafter(1.0, 0), 2.0]]), "a")
    assert (found.floats, found.differing, found.ulps) == (2, 1, 3)
    assert found.absolute == up(1.0, 2) - math.nextafter(1.0, 0) and found.relative == found.absolute / up(1.0, 2)
    assert not found.other


@pytest.mark.parametrize("values", [([1.0, 1], [1.0, 2]), ([1.0], [1.0, 1.0]), ("a", 1.0)])
def test_no_tolerance_where_more_than_floats_differ(values):
    both = outcomes(a=[values[0]], b=[values[1]])
    found = compare.spread(both, "a")
    assert found.other and compare.smallest(both, found) == {}


def test_nan_has_no_tolerance():
    both = outcomes(a=[math.nan], b=[1.0])
    found = compare.spread(both, "a")
    assert found.relative == math.inf and compare.smallest(both, found) == {}


def test_the_smallest_comparators_accept_and_smaller_ones_do_not():
    found = compare.spread(THREE, "a")
    made = compare.smallest(THREE, found)
    assert set(made) == {"relative", "absolute", "ulp"} and made["ulp"].spec == "ulp:ulps=3"
    for each in made.values():
        assert compare.agree(each, THREE, 0)
    assert not compare.agree(compare.ulp(2), THREE, 0)
    assert not compare.agree(compare.tolerance(relative=found.relative * 0.99), THREE, 0)
    assert found.relative <= float(made["relative"].spec.rpartition("=")[2]) < found.relative * 1.1


def test_room_counts_doubles():
    assert compare.room([output([1.0, 2.0, "text"])], relative=8 * math.ulp(1.0)) == 16
    assert compare.room([output(1.0)], absolute=3 * math.ulp(1.0)) == 6
    assert compare.room([output("text"), None]) == 0


SOURCE = """\
import numpy as np
import time, random, math
from os import urandom
from struct import pack as packed
names = {"a", "b"}
for name in names: pass
ordered = sorted(names)
text = ",".join({str(x) for x in ordered})
total = sum([0.1, 0.2]) + hash(text) + id(text)
small = math.copysign(1.0, total), packed("d", total), math.hypot(1.0, 2.0)
power = (2.0).__pow__(0.5)
import sys
math2 = sys.modules["math"]
fine = sum, max({1, 2}), len(names), 3 in names, sorted({1, 2}), set(names), {x: 1 for x in ordered}, random.random()
"""


def test_lints():
    found = {(each.line, each.kind) for each in lint({"app_slave.py": SOURCE}, frozenset())}
    assert found == {
        *((1, UNROUTED), (2, "clock"), (6, "order"), (8, "order"), (9, "sum"), (9, "identity"), (10, "nan"), (10, "sum")),
        *((11, UNROUTED), (13, UNROUTED)),
    }
    urandom = lint({"a.py": "from os import urandom as u\nu(8)"}, frozenset())
    assert [(each.line, each.kind) for each in urandom] == [(2, "clock")]


def test_own_modules_are_no_packages_from_outside():
    assert lint({"a.py": "import helper, time"}, frozenset({"helper", "time"})) == []
    assert [each.kind for each in lint({"a.py": "import helper"}, frozenset())] == [UNROUTED]


SLAVE = """
import operation, math
from pyboinc import pyboinc_get_input, pyboinc_return_output
x = pyboinc_get_input()
total = 0.0
for k in range(10):
    total += math.sqrt(k)
pyboinc_return_output(operation.of(x) + total)
"""


class Console:
    def __call__(self):
        return "", ""


@pytest.fixture
def parted(tmp_path, monkeypatch):
    """Where this computer and one that computes `exp` with an error part, in a slave that has this operation."""

    def look(operation, error=up):
        import types

        from pyboinc_local import platforms

        other = types.ModuleType("math")
        vars(other).update(vars(math))
        other.exp = lambda x: error(math.exp(x))
        here = platforms.load("native")
        there = platforms.Platform("other", here.python, other, here.cmath, here.pow, here.abs, here.sum, here.functions)
        monkeypatch.setattr(trace, "arithmetic", lambda name: (here if name == "here" else there,) * 2)
        (tmp_path / "app_slave.py").write_text(SLAVE)
        (tmp_path / "operation.py").write_text(f"import math, random\ndef of(x):\n    {operation}\n")
        path = tmp_path / "program.pyz"
        path.write_bytes(bundle.build("app_slave.py", tmp_path).data)
        return trace.divergence(str(path), files.input_file(1, "0", [files.encode_input(2.0)]), "here", "other", Console(), Channel())

    return look


def test_the_first_operation_and_how_far_it_went(parted):
    found = parted("return math.exp(1.0) + math.exp(x) + (math.exp(0.5) if x > 9 else 0.0)", lambda y: up(y) if y > 7 else y)
    assert (found.file, found.line, found.function, found.arguments) == ("operation.py", 3, "math.exp", "2.0")
    assert (found.number, found.operations, found.differing, found.parted) == (2, 2, 1, False)
    assert float(found.one) == math.exp(2.0) and float(found.other) == up(math.exp(2.0))
    assert found.one_hex == math.exp(2.0).hex() and found.arguments_hex == "0x1.0000000000000p+1"


def test_in_the_standard_library_it_is_the_programs_line(parted):
    found = parted("return random.lognormvariate(0.0, x)")
    assert (found.file, found.line, found.function) == ("operation.py", 3, "math.exp")


def test_another_path(parted):
    found = parted("return math.exp(math.exp(x)) if math.exp(x) > 7.5 else 0.0", lambda y: y + 1.0)
    assert found.parted and (found.number, found.differing) == (1, 1)


def test_nothing_that_is_watched(parted):
    found = parted("return math.sqrt(x)")
    assert (found.number, found.operations, found.differing) == (0, 0, 0)
    assert not os.path.exists("found.json")
