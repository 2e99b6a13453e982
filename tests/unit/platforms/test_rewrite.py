"""A slave's source on another host's arithmetic: the same program, other powers and functions, nothing else changed."""

import ast
import builtins
import cmath
import math
import operator
import types
from dataclasses import dataclass, field
from typing import Any

import pytest

from pyboinc import bundle
from pyboinc.slave import files, runner
from pyboinc_local.platforms.namespace import Namespace
from pyboinc_local.platforms.program import RoutedProgram
from pyboinc_local.platforms.rewrite import compile_routed, is_power


class Logged:
    """A module that notes which of its functions are called."""

    def __init__(self, module, log):
        self._module, self._log = module, log

    def __dir__(self):
        return dir(self._module)

    def __getattr__(self, name):
        value = getattr(self._module, name)
        if not callable(value):
            return value

        def noted(*arguments):
            self._log.append((name, *arguments))
            return value(*arguments)

        return noted


@dataclass
class Host:
    """Arithmetic of this computer, noted down; powers are one unit in the last place too large."""

    name: str = "noted"
    log: list[Any] = field(default_factory=list)

    def __post_init__(self):
        self.math, self.cmath = Logged(math, self.log), Logged(cmath, self.log)

    def pow(self, x, y):
        result = x**y
        if type(result) is not int:
            self.log.append(("**", x, y))
        return math.nextafter(result, math.inf) if type(result) is float else result

    def abs(self, z):
        self.log.append(("abs", z))
        return builtins.abs(z)

    def sum(self, values, start=0):
        self.log.append(("sum",))
        return builtins.sum(values, start)


def run(source, host=None):
    """The names that a script leaves, run on the host."""
    names = Namespace(host or Host())
    main = types.ModuleType("__main__")
    vars(main)["__builtins__"] = names.builtins
    exec(compile_routed(source, "app_slave.py"), vars(main))
    return vars(main)


def up(value):
    return math.nextafter(value, math.inf)


POWERS = {
    "2.0 ** 0.5": 2.0**0.5,
    "2 ** 0.5": 2**0.5,
    "2 ** -1": 0.5,
    "2.0 ** 3": 8.0,
    "pow(2.0, 0.5)": 2.0**0.5,
    "pow(base=2.0, exp=0.5)": 2.0**0.5,
    "True ** 0.5": 1.0,
    "__import__('operator').pow(2.0, 0.5)": 2.0**0.5,
    "__import__('builtins').pow(2.0, 0.5)": 2.0**0.5,
    "eval('2.0 ** 0.5')": 2.0**0.5,
    "eval(compile('2.0 ** 0.5', 'x', 'eval'))": 2.0**0.5,
    "(lambda x, y=0.5: x ** y)(2.0)": 2.0**0.5,
    "[x ** 0.5 for x in [2.0]][0]": 2.0**0.5,
    "type('F', (float,), {})(2.0) ** 0.5": 2.0**0.5,
    "float(f'{2.0 ** 0.5!r}')": 2.0**0.5,
}


@pytest.mark.parametrize("expression", POWERS)
def test_powers_are_the_hosts(expression):
    assert run(f"value = {expression}")["value"] == up(POWERS[expression])


@pytest.mark.parametrize("expression", ["2 ** 10", "pow(3, 5)", "pow(3, -1, 7)", "7 ** 2 % 5", "True ** 2", "10 ** 400"])
def test_whole_numbers_are_exact_everywhere(expression):
    host = Host()
    assert run(f"value = {expression}", host)["value"] == eval(expression)
    assert not host.log


def test_powers_in_place_evaluate_their_target_once():
    text = """
class Box:
    __value = 4.0
    def __init__(self): self.items, self.log = [4.0, 9.0], log
    def __getitem__(self, key): log.append(key); return self.items[0]
    def __setitem__(self, key, value): log.append(("set", key)); self.items[0] = value
    def private(self): self.__value **= 0.5; return self.__value
log = []
box = Box()
def which(): log.append("which"); return box
def exponent(): log.append("exponent"); return 0.5
name = 4.0
name **= 0.5
box.value = 4.0
which().value **= exponent()
which()[1:2, "key"] **= exponent()
hidden = box.private()
def local():
    n = 4.0
    n **= 0.5
    return n
inner = local()
class Body:
    attribute = 4.0
    attribute **= 0.5
"""
    found = run(text)
    key = (slice(1, 2), "key")
    assert found["log"] == ["which", "exponent", "which", key, "exponent", ("set", key)]
    values = [found["name"], found["box"].value, found["box"].items[0], found["hidden"], found["inner"], found["Body"].attribute]
    assert values == [up(2.0)] * 6
    assert "attribute" in vars(found["Body"]) and not [name for name in vars(found["Body"]) if "pyboinc" in name]


def test_own_classes_keep_their_powers():
    text = """
from decimal import Decimal
class Own:
    def __pow__(self, other, modulus=None): return "pow", other
    def __rpow__(self, other): return "rpow", other
    def __ipow__(self, other): return "ipow", other
class Half(float):
    def __pow__(self, other): return "half"
own = Own()
values = [own ** 2, 2.0 ** own, pow(own, 3), Half(2.0) ** 2, Decimal(2) ** 2]
own **= 5
values.append(own)
"""
    expected = [("pow", 2), ("rpow", 2.0), ("pow", 3), "half", 4, ("ipow", 5)]
    assert run(text)["values"] == expected


def test_a_function_of_the_same_name_is_the_programs():
    assert run("def pow(x, y): return 'mine'\nvalue = pow(2.0, 0.5)")["value"] == "mine"


def test_functions_come_from_the_host_whatever_way_they_are_imported():
    host = Host()
    text = """
import math, cmath, importlib, importlib.util
import math as m
from math import sin as s, pi
from math import *
import random, statistics, fractions
values = [math.sin(1.0), m.sin(1.0), s(1.0), sin(1.0), importlib.import_module("math").sin(1.0), __import__("math").sin(1.0)]
exec("import math\\nvalues.append(math.sin(1.0))")
for value in (abs(3+4j), sum([1.0, 2.0])): pass
random.seed(1)
gauss = random.gauss(0.0, 1.0)
deviation = statistics.stdev([1.0, 2.0, 4.0])
normal = statistics.NormalDist().inv_cdf(0.001)
root = fractions.Fraction(1, 2) ** 0.5
absolute = abs(-2.0)
spec = importlib.util.find_spec("math")
"""
    found = run(text, host)
    assert found["values"] == [math.sin(1.0)] * 7 and found["pi"] == math.pi and found["spec"].name == "math"
    called = [each[0] for each in host.log]
    assert called.count("sin") >= 7
    assert {"cos", "log", "abs", "sum", "**"} <= set(called)  # gauss needs cos and log
    assert found["root"] == up(0.5**0.5)
    import random

    random.seed(1)
    assert found["gauss"] == random.gauss(0.0, 1.0)


def test_eval_and_exec_see_what_is_around_them():
    text = """
outer = 4.0
def function(inner):
    exec("made = 1")
    return eval("inner ** 0.5 + outer"), eval("n ** 0.5", {"n": 4.0}), eval(" outer")
values = function(9.0)
exec("new = outer ** 0.5")
"""
    found = run(text)
    assert found["values"] == (up(3.0) + 4.0, up(2.0), 4.0) and found["new"] == up(2.0)


def test_deep_sources_and_folding():
    deep = "value = " + " + ".join(["x ** 0.5"] * 800)
    assert run("x = 4.0\n" + deep)["value"] > 1600
    tree = ast.parse("a = 2 ** 3; b = x ** 2; c = 2.0 ** 2")
    assert sum(map(is_power, ast.walk(tree))) == 2
    assert "8" in repr(compile_routed("a = 2 ** 3", "x").co_consts)


SLAVE = """\
import math
from inner.part import half
from pyboinc import pyboinc_get_input, pyboinc_return_output
x = pyboinc_get_input()
if x < 0:
    x ** -0.5 if x < -5 else 0.0 ** x
import random
pyboinc_return_output((half(x), math.sin(x), random.gauss(0.0, 1.0)))
"""
PART = """\
from ..inner import EXPONENT
def half(x):
    if x == 0:
        raise ValueError("zero")
    return x ** EXPONENT
"""


@pytest.fixture
def program(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "app_slave.py").write_text(SLAVE)
    (tmp_path / "inner" / "__init__.py").write_text("EXPONENT = 0.5\n")
    (tmp_path / "inner" / "part.py").write_text(PART.replace("..inner", "."))
    path = tmp_path / "program.pyz"
    path.write_bytes(bundle.build("app_slave.py", tmp_path).data)
    return str(path)


def outputs(program, *inputs):
    data = files.input_file(5, "0", [files.encode_input(value) for value in inputs])
    program.enter()
    try:
        output, report = runner.run_job(program, data, lambda: ("", ""))
    finally:
        program.leave()
    return files.read_output_file(output), [part[3] for part in files.read_report_file(report)]


def test_programs_of_several_hosts_side_by_side(program):
    plain, one, other = runner.Program(program), RoutedProgram(program, Host("one")), RoutedProgram(program, Host("other"))
    before, _ = outputs(plain, 2.0, 3.0)
    for each in (one, other, one):
        (first, second), _ = outputs(each, 2.0, 3.0)
        assert first[1] == (up(before[0][1][0]), *before[0][1][1:])  # its random is seeded as everywhere
        assert second[1][2] == before[1][1][2]
    assert outputs(plain, 2.0, 3.0)[0] == before
    assert ("sin", 2.0) in one.names.platform.log and len(one.names.platform.log) > len(other.names.platform.log) > 0


def test_errors_and_tracebacks_are_the_same(program):
    plain, routed = runner.Program(program), RoutedProgram(program, Host())
    expected = outputs(plain, 0.0, -1.0, -7.0, 2.0)
    found = outputs(routed, 0.0, -1.0, -7.0, 2.0)
    assert [each[:3] for each in found[0][:2]] == [each[:3] for each in expected[0][:2]]
    assert found[1] == expected[1]
    assert found[0][0] == (False, "ValueError", (("__main__", "<module>", 8), ("inner.part", "half", 4)))
    assert "line 4, in half" in found[1][0] and "namespace" not in "".join(found[1])


def test_operator_functions_are_replaced_by_name_only():
    names = Namespace(Host())
    routed = names.module("operator")
    assert routed.add is operator.add and routed.pow is not operator.pow
    assert names.module("json") is None
    assert Namespace(Host(), frozenset({"random"})).module("random") is None  # the program's own
