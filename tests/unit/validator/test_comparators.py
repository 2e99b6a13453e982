"""Comparators: what agrees, how they are named, what they say of a difference."""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Iterator, Mapping
from struct import pack
from typing import Any

import pluggy
import pytest

from pyboinc import hookspecs
from pyboinc.codec import Array, Instance, Made, Scalar, dumps
from pyboinc.errors import DecodeError
from pyboinc.hookspecs import hookimpl
from pyboinc.model import SettingsError
from pyboinc.slave.files import error_entry, ok_entry, output_file
from pyboinc_validator import plugin
from pyboinc_validator.comparators import COMPARATORS, Bitwise, Comparator, candidate, difference, known, load, tolerance, ulp, ulps
from pyboinc_validator.quorum import Check, check_set

NAN, INF = math.nan, math.inf
NEXT = 1.0000000000000002
CLOSE = tolerance(relative=1e-9)


def output(value: Any) -> Instance:
    return Instance("app_types", "Output", {"value": value})


def written(*outputs: Any) -> bytes:
    return output_file(ok_entry(dumps(each)) for each in outputs)


def failed(name: str = "ValueError", line: int = 3) -> bytes:
    return output_file([error_entry(name, [("app_slave", "main", line)])])


def agree(comparator: Comparator, a: Any, b: Any) -> bool:
    """Through the files, as it happens, and both ways."""
    one, other = comparator.parse(written(a)), comparator.parse(written(b))
    answer = comparator.same(one, other)
    assert comparator.same(other, one) == answer
    assert (comparator.difference(one, other) is None) == answer
    if comparator.key is not None:
        assert (comparator.key(one) == comparator.key(other)) == answer
    return answer


SAME = [
    1.5, NAN, INF, -0.0, 1, True, None, "text", b"bytes", [1.0, 2], (), {"a": 1.0, 1: 2.0, (1, 2): [3.0]}, {1, 2}, frozenset(["x"]),
    1 + 2j, complex(NAN, 0), output([output(1.0)]), Made("app_types", "Point", (1.0, 2.0)), Scalar("float32", 0.5), Scalar("int8", 3),
    Scalar("complex64", 1j), Array((2,), "<f8", pack("<2d", 1, NAN)), Array((), "<i4", bytes(4)),
    Instance("m", "Slots", (None, {"x": 1.0})), Instance("m", "Frozen", [1.0, "a"]),
]  # fmt: skip

NEVER = [
    (1, 1.0), (1, True), (1.0, Scalar("float64", 1.0)), (Scalar("float32", 1.0), Scalar("float64", 1.0)), (INF, -INF),
    (INF, sys.float_info.max), (NAN, 1.0), ([1.0], [1.0, 1.0]), ([1.0], (1.0,)), ({"a": 1.0}, {"b": 1.0}),
    ({1: "x"}, {1.0: "x"}), ({1: "x"}, {True: "x"}),
    ({1}, {True}), ({1.0}, {NEXT}), ({1.0: "x"}, {NEXT: "x"}), ("a", "b"), (b"a", b"b"), (1, 2), (10**15, 10**15 + 1), (None, False),
    (Instance("m", "A", {"x": 1.0}), Instance("m", "B", {"x": 1.0})), (Instance("m", "A", {"x": 1.0}), Instance("m", "A", {"y": 1.0})),
    (Instance("m", "A", {"x": 1.0}), Instance("m", "A", (None, {"x": 1.0}))),
    (Instance("m", "A", (None, {"x": 1.0, "y": 1.0})), Instance("m", "A", ({"x": 1.0}, {"y": 1.0}))),
    (Made("m", "P", (1.0,)), Made("m", "P", (1.0, 1.0))), (Made("m", "P", (1.0,)), Made("m", "Q", (1.0,))), (1j, -1j),
    (Array((1,), "<f8", pack("<d", 1)), Array((1,), "<i8", pack("<d", 1))), (Array((2,), "<f4", bytes(8)), Array((1, 2), "<f4", bytes(8))),
    (Array((1,), "<i4", bytes(4)), Array((1,), "<i4", pack("<i", 1))), (Scalar("int8", 1), Scalar("int8", 2)),
    (Array((1,), "<f8", pack("<d", INF)), Array((1,), "<f8", pack("<d", -INF))),
]  # fmt: skip

NEARLY = [
    (1.0, NEXT), (0.0, -0.0), ([1, 1.0], [1, NEXT]), ({"a": {2: 1.0}}, {"a": {2: NEXT}}), (output(1.0), output(NEXT)),
    (complex(1, 1), complex(NEXT, 1)), (complex(1, 1), complex(1, NEXT)), (Made("m", "P", (1.0, "a")), Made("m", "P", (NEXT, "a"))),
    (Scalar("float64", 1.0), Scalar("float64", NEXT)), (Scalar("complex128", 1 + 0j), Scalar("complex128", complex(NEXT, 0))),
    (Array((2,), "<f8", pack("<2d", NAN, 1)), Array((2,), "<f8", pack("<2d", NAN, NEXT))),
    (Array((1,), "<c16", pack("<2d", 0.0, 1)), Array((1,), "<c16", pack("<2d", -0.0, NEXT))),
    (Instance("m", "A", ({"x": 1.0}, {"y": 1})), Instance("m", "A", ({"x": NEXT}, {"y": 1}))),
    (Instance("m", "A", [1.0]), Instance("m", "A", [NEXT])),
]  # fmt: skip


@pytest.mark.parametrize("spec", ["bitwise", "tolerance:relative=1e-9", "ulp:4", "tolerance", "ulp:0"])
class TestEveryComparator:
    @pytest.mark.parametrize("value", SAME, ids=repr)
    def test_a_value_agrees_with_itself(self, spec: str, value: Any) -> None:
        assert agree(load(spec), value, value)

    @pytest.mark.parametrize("a, b", NEVER, ids=repr)
    def test_other_values_do_not(self, spec: str, a: Any, b: Any) -> None:
        assert not agree(load(spec), a, b)

    def test_errors_are_compared_exactly(self, spec: str) -> None:
        comparator = load(spec)

        def same(a: bytes, b: bytes) -> bool:
            one, other = comparator.parse(a), comparator.parse(b)
            assert (comparator.difference(one, other) is None) == comparator.same(one, other)
            return comparator.same(one, other)

        assert same(failed(), failed())
        assert not same(failed(), failed("KeyError"))
        assert not same(failed(), failed(line=4))
        assert not same(failed(), written(1))
        assert not same(written(1), written(1, 1))

    @pytest.mark.parametrize("data", [b"", b"junk", b"\x80\x04N.", b"cos\nsystem\n.", written(1) + b"x", dumps((1, [(True,)]))], ids=repr)
    def test_hostile_bytes_are_refused(self, spec: str, data: bytes) -> None:
        with pytest.raises(DecodeError):
            load(spec).parse(data)
        assert candidate(7, data, load(spec)).check is Check.INVALID

    def test_as_deep_as_an_output_can_be(self, spec: str) -> None:
        value: Any = 1.0
        for _ in range(190):
            value = [value]
        for _ in range(3):
            value = output(value)
        assert agree(load(spec), value, value)


@pytest.mark.parametrize("a, b", NEARLY, ids=repr)
def test_what_nearly_agrees(a: Any, b: Any) -> None:
    assert agree(CLOSE, a, b)
    assert agree(ulp(1), a, b)
    for exact in ("bitwise", "tolerance", "ulp:0"):
        zeros = (a, b) == (0.0, -0.0) and exact != "bitwise"
        assert agree(load(exact), a, b) == zeros


class TestTolerance:
    def test_relative_to_the_larger(self) -> None:
        half = tolerance(relative=0.5)
        assert agree(half, 1.0, 2.0)
        assert not agree(half, 1.0, 2.1)
        assert not agree(half, 1e308, -1e308)
        assert not agree(half, 0.0, 5e-324)

    def test_absolute(self) -> None:
        near = tolerance(absolute=0.5)
        assert agree(near, -0.25, 0.25)
        assert not agree(near, 1e9, 1e9 + 1)

    def test_float32_is_not_widened(self) -> None:
        a, b = (Array((1,), "<f4", pack("<f", each)) for each in (1.0, 1.0000001))
        assert not agree(CLOSE, a, b)
        assert agree(ulp(1), a, b)


class TestUlps:
    def test_distance(self) -> None:
        assert ulps(1.0, NEXT) == 1
        assert ulps(0.0, -0.0) == 0
        assert ulps(0.0, 5e-324) == 1
        assert ulps(-5e-324, 5e-324) == 2
        assert ulps(2.2250738585072014e-308, 2.225073858507201e-308) == 1  # the smallest normal, the largest subnormal
        assert ulps(sys.float_info.max, INF) == 1
        assert ulps(-1.0, 1.0) == 2 * ulps(0.0, 1.0)

    def test_each_width_has_its_own(self) -> None:
        assert ulps(1.0, 1 + 2**-23, 32) == 1
        assert ulps(1.0, 1 + 2**-10, 16) == 1
        for dtype, code, step in (("<f2", "<e", 2**-10), ("<f4", "<f", 2**-23), ("<c8", "<2f", 2**-23)):
            parts = 2 if "c" in dtype else 1
            a, b = (Array((1,), dtype, pack(code, *[1.0] * (parts - 1), each)) for each in (1.0, 1 + 4 * step))
            assert agree(ulp(4), a, b)
            assert not agree(ulp(3), a, b)
        assert agree(ulp(1), Scalar("float32", 1.0), Scalar("float32", 1 + 2**-23))
        assert not agree(ulp(1), Scalar("float64", 1.0), Scalar("float64", 1 + 2**-23))

    def test_an_infinity_is_near_nothing(self) -> None:
        assert not agree(ulp(4), sys.float_info.max, INF)


class TestFields:
    def agrees(self, spec: str, a: Any, b: Any) -> bool:
        return agree(load(spec), a, b)

    @pytest.mark.parametrize(
        "path, a, b",
        [
            ("value", output(1.0), output(1.1)),
            ("value[*][1]", output([(1.0, 2.0)]), output([(1.0, 2.1)])),
            ("value[-1]", output({-1: 1.0}), output({-1: 1.1})),
            ("value['a,b=c']", output({"a,b=c": 1.0}), output({"a,b=c": 1.1})),
            ("*", output(1.0), output(1.1)),
            ("value.*", output(output(1.0)), output(output(1.1))),
            ("[*]", [1.0], [1.1]),
            ("[0].value", [output(1.0)], [output(1.1)]),
            ("[0]", Made("m", "P", (1.0,)), Made("m", "P", (1.1,))),
            ("[1]", Instance("m", "Frozen", ["a", 1.0]), Instance("m", "Frozen", ["a", 1.1])),
            ("value", output([[1.0]]), output([[1.1]])),
            ("[1][0]", Array((2, 1), "<f8", pack("<2d", 1, 1)), Array((2, 1), "<f8", pack("<2d", 1, 1.1))),
            ("imag", complex(0, 1.0), complex(0, 1.1)),
        ],
    )  # fmt: skip
    def test_a_path_leads_to_its_field(self, path: str, a: Any, b: Any) -> None:
        assert not self.agrees("tolerance:relative=1e-9", a, b)
        assert self.agrees(f"tolerance:relative=1e-9,{path}.relative=.2", a, b)
        assert not self.agrees(f"tolerance:relative=1e-9,{path}.relative=.01", a, b)
        assert self.agrees(f"ulp:ulps=0,{path}.ulps={2**60}", a, b)

    @pytest.mark.parametrize("path", ["other", "value.value", "value[1]", "[*]", "[0]", "['value']", "value['0']"])
    def test_and_to_no_other(self, path: str) -> None:
        assert not self.agrees(f"tolerance:{path}.relative=.2", output([1.0]), output([1.1]))

    def test_the_longest_holds_then_that_with_fewer_stars(self) -> None:
        for spec in ("tolerance:value.relative=.2,value[0].relative=0", "tolerance:[*].relative=.2,[0].relative=0"):
            for order in (spec, "tolerance:" + ",".join(reversed(spec.removeprefix("tolerance:").split(",")))):
                make = output if "value" in spec else list
                assert not self.agrees(order, make([1.0, 1.0]), make([1.1, 1.0]))
                assert self.agrees(order, make([1.0, 1.0]), make([1.0, 1.1]))

    def test_what_a_field_leaves_out_is_as_for_the_rest(self) -> None:
        assert self.agrees("tolerance:absolute=1,value.relative=1e-9", output(1.0), output(2.0))


class TestBitwise:
    def test_compares_bytes(self) -> None:
        data = written(1.0)
        assert Bitwise().parse(data) == data
        assert not agree(Bitwise(), 0.0, -0.0)

    def test_key(self) -> None:
        candidates = [candidate(i, written(each), Bitwise()) for i, each in enumerate([1, 1, 2])]
        assert check_set(candidates, 2, None, key=Bitwise.key).canonical == 0


class TestCandidate:
    def test_read(self) -> None:
        made = candidate(7, written(output(1.0)), CLOSE)
        assert (made.id, made.output, made.check, made.suspicious) == (7, [(True, output(1.0))], Check.OK, False)

    def test_not_now(self) -> None:
        assert candidate(7, None, CLOSE).check is Check.TRANSIENT

    def test_as_many_outputs_as_calls(self) -> None:
        assert candidate(7, written(1, 2), CLOSE, calls=2).check is Check.OK
        assert candidate(7, written(1, 2), CLOSE, calls=3).check is Check.INVALID

    @pytest.mark.parametrize("spec", ["bitwise", "ulp:1"])
    def test_an_exception_is_suspicious(self, spec: str) -> None:
        comparator = load(spec)
        first, second = candidate(1, failed(), comparator), candidate(2, failed(), comparator)
        assert first.suspicious
        assert check_set([first], 1, comparator.same).canonical is None
        assert check_set([first, second], 1, comparator.same).canonical == 1


class TestDifference:
    @pytest.mark.parametrize(
        "a, b, text",
        [
            (output([1.0]), output([NEXT]), "output.value[0]: 1.0 and 1.0000000000000002, 1 ulp apart"),
            (0.0, -0.0, "output: 0.0 and -0.0, 0 ulps apart"),
            (1.0, INF, "output: 1.0 and inf"),
            (1, 1.0, "output: 1 and 1.0"),
            ({"a": 1}, {"a": 2}, "output['a']: 1 and 2"),
            ({"a": {1}}, {"a": {True}}, "output['a']: {1} and {True}"),
            (1 + 2j, 1 + 3j, "output.imag: 2.0 and 3.0, 2251799813685248 ulps apart"),
            ([1.0], [1.0, 2.0], "output: [1.0] and [1.0, 2.0]"),
            (Array((1, 2), "<f4", bytes(8)), Array((1, 2), "<f4", bytes(4) + b"\1\0\0\0"),
             "output[0][1]: 0.0 and 1.401298464324817e-45, 1 ulp apart"),
            (Instance("m", "A", {"a\nb": 1}), Instance("m", "A", {"a\nb": 2}), r"output['a\nb']: 1 and 2"),
            ("\x1b[31m", "x", r"output: '\x1b[31m' and 'x'"),
        ],
    )  # fmt: skip
    def test_names_the_place_and_the_values(self, a: Any, b: Any, text: str) -> None:
        assert difference(a, b) == text
        assert difference(a, a) is None

    def test_by_the_comparator(self) -> None:
        a, b = ([(True, [1.0, 1.0])], [(True, [NEXT, 2.0])])
        assert tolerance(relative=1e-9).difference(a, b) == "output[1]: 1.0 and 2.0, 4503599627370496 ulps apart"
        assert tolerance(relative=0.9).difference(a, b) is None

    def test_of_several_calls(self) -> None:
        a, b = written(1, 2), written(1, 3)
        assert Bitwise().difference(a, b) == "call 2 of 2: output: 2 and 3"
        assert Bitwise().difference(a, written(1)) == "outputs of 2 and of 1 calls"
        assert Bitwise().difference(failed(), written(1)) == "'ValueError' at 'app_slave.main line 3' and an output"

    def test_is_short_whatever_the_outputs_are(self) -> None:
        text = difference({"k" * 10000: "a" * 10000}, {"k" * 10000: ["b"] * 10000})
        assert text is not None and len(text) < 300


class TestSpecs:
    @pytest.mark.parametrize(
        "spec, canonical",
        [
            ("bitwise", "bitwise"),
            (" bitwise ", "bitwise"),
            ("tolerance", "tolerance"),
            ("tolerance:1e-9", "tolerance:relative=1e-09"),
            ("tolerance: relative=1e-9 , absolute=1", "tolerance:relative=1e-09,absolute=1.0"),
            ("tolerance:a[*]['x,y=\"z]'].relative=0.1", "tolerance:a[*]['x,y=\"z]'].relative=0.1"),
            ("ulp:4", "ulp:ulps=4"),
            ("ulp:4,[*].ulps=5", "ulp:ulps=4,[*].ulps=5"),
        ],
    )  # fmt: skip
    def test_load_and_spec(self, spec: str, canonical: str) -> None:
        assert load(spec).spec == canonical
        assert load(canonical).spec == canonical

    @pytest.mark.parametrize(
        "spec, text",
        [
            ("", "no comparator is called ''; known are: bitwise, tolerance, ulp"),
            ("tolerence:absolute=1", "no comparator is called 'tolerence'; did you mean 'tolerance'? known are: tolerance, bitwise, ulp"),
            ("tolerance:relativ=1e-9", "there is no parameter 'relativ'; did you mean 'relative'? known are: relative, absolute, fields"),
            ("tolerance:value.relativ=1e-9", "value.relativ: there is no parameter 'relativ'; did you mean 'relative'?"),
            ("tolerance:relative=1", "relative = 1: must be a finite number, at least 0, less than 1"),
            ("tolerance:relative=nan", "relative = nan: must be a finite number"),
            ("tolerance:absolute=inf", "absolute = inf: must be a finite number, at least 0"),
            ("tolerance:absolute=-1", "absolute = -1: must be a finite number, at least 0"),
            ("tolerance:value.relative=x", "value.relative = 'x': must be a finite number, at least 0, less than 1"),
            ("tolerance:relative=.1,relative=.2", "relative is given twice"),
            ("tolerance:relative=.1,", "there is no parameter at ''"),
            ("tolerance:", "there is no parameter at ''"),
            ("tolerance:a[.relative=.1", "there is no parameter at"),
            ("tolerance:a[0.relative=.1", "there is no parameter at"),
            ("tolerance:a[x].relative=.1", "the path 'a[x]' can't be read from '[x]' on"),
            ("tolerance:.a.relative=.1", "the path '.a' can't be read from '.a' on"),
            ("tolerance:.relative=.1", "begins with the field's path"),
            ("tolerance:a..b.relative=.1", "can't be read from '..b' on"),
            ("tolerance:1,2,3,4,5", "takes from 0 to 3 positional arguments but 5 were given"),
            ("ulp", "missing 1 required positional argument: 'ulps'"),
            ("ulp:4.0", "ulps = 4.0: must be a whole number"),
            ("ulp:-1", "ulps = -1: must be a whole number, at least 0"),
            ("bitwise:value.relative=1", "its fields have no parameters of their own, such as 'value'"),
            ("bitwize:same", "did you mean 'bitwise'? known are: bitwise, tolerance, ulp; and the module bitwize can't be imported"),
            ("math:hypott", "the module math has no function 'hypott'; did you mean 'hypot'?"),
            ("math:pi", "the module math has no function 'pi'"),
        ],
    )  # fmt: skip
    def test_errors_say_what_is_wrong(self, spec: str, text: str) -> None:
        with pytest.raises(SettingsError) as caught:
            load(spec)
        assert str(caught.value).startswith(f"comparator {spec!r}: ")
        assert text in str(caught.value)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    made = types.ModuleType("app_compare")
    monkeypatch.setitem(sys.modules, "app_compare", made)
    yield made


class TestOwnFunction:
    def test_gets_neutral_trees(self, module: types.ModuleType) -> None:
        module.same = lambda a, b: round(a.fields["value"]) == round(b.fields["value"])  # type: ignore[attr-defined]
        comparator = load("app_compare:same")
        assert comparator.spec == "app_compare:same"
        assert agree(comparator, output(1.1), output(1.2))
        assert not agree(comparator, output(1.1), output(1.7))
        assert not comparator.same(comparator.parse(failed()), comparator.parse(failed("KeyError")))

    def test_one_that_forgets_to_return(self, module: types.ModuleType) -> None:
        module.same = lambda a, b: None  # type: ignore[attr-defined]
        comparator = load("app_compare:same")
        candidates = [candidate(i, written(1), comparator) for i in (1, 2)]
        verdict = check_set(candidates, 2, comparator.same)
        assert verdict.canonical is None
        assert "app_compare:same returned None" in str(verdict.failures[0].error)


class Rounded(Comparator):
    """The example of the hook's docstring."""

    def __init__(self, digits: int = 6) -> None:
        self.digits = digits

    def agree(self, a: Any, b: Any) -> bool:
        return bool(round(a.fields["value"], self.digits) == round(b.fields["value"], self.digits))


class TestHook:
    def manager(self, *brought: Mapping[str, Any]) -> pluggy.PluginManager:
        class Plugin:
            def __init__(self, names: Mapping[str, Any]) -> None:
                self.names = names

            @hookimpl
            def pyboinc_comparators(self) -> Mapping[str, Any]:
                return self.names

        manager = pluggy.PluginManager("pyboinc")
        manager.add_hookspecs(hookspecs)
        manager.register(plugin)
        for each in brought:
            manager.register(Plugin(each))
        manager.check_pending()
        return manager

    def test_ours(self) -> None:
        assert known(self.manager()) == COMPARATORS

    def test_a_plugins(self) -> None:
        comparator = load("rounded:digits=1", known(self.manager({"rounded": Rounded})))
        assert comparator.spec == "rounded:digits=1"
        assert agree(comparator, output(1.01), output(1.02))
        assert not agree(comparator, output(1.01), output(1.2))

    def test_two_of_one_name(self) -> None:
        with pytest.raises(SettingsError, match="two plugins bring a comparator 'ulp'"):
            known(self.manager({"ulp": Rounded}))

    def test_what_is_no_comparator(self) -> None:
        with pytest.raises(SettingsError, match="makes a dict, which is not"):
            load("odd", {"odd": lambda: {}})  # type: ignore[dict-item, return-value]
        with pytest.raises(SettingsError, match="there is no parameter 'digit'; did you mean 'digits'"):
            load("rounded:digit=1", {"rounded": Rounded})
