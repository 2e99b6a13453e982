"""What dishonest hosts return: well-formed, not the truth, and each its own."""

import math
import struct

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pyboinc.codec import Array, DecodeError, Instance, Made, Scalar, dumps, parse
from pyboinc.slave.files import encode_output, error_entry, ok_entry, output_file, parse_output_file
from pyboinc_local.wrong import wrong_output


def lie(data, host):
    return wrong_output(data, host)


def a_file(*outputs):
    return output_file([ok_entry(encode_output(each)) for each in outputs])


def lies_of(value, *hosts):
    found = []
    for host in hosts:
        ((ok, changed), (_, other)) = parse_output_file(lie(a_file(value, 5), host))
        assert ok is True and other == 5
        found.append(changed)
    return found


INTS = {f"<{sign}{size}" if size > 1 else f"|{sign}1": size for sign in "iu" for size in (1, 2, 4, 8)}
FLOATS = {"<f2": 16, "<f4": 32, "<f8": 64}
SCALARS = st.one_of(
    st.builds(Scalar, st.just("bool_"), st.booleans()),
    *[st.builds(Scalar, st.just(f"int{n}"), st.integers(-(1 << n - 1), (1 << n - 1) - 1)) for n in (8, 16, 32, 64)],
    *[st.builds(Scalar, st.just(f"uint{n}"), st.integers(0, (1 << n) - 1)) for n in (8, 16, 32, 64)],
    *[st.builds(Scalar, st.just(f"float{n}"), st.floats(width=n)) for n in FLOATS.values()],
    st.builds(Scalar, st.just("complex64"), st.complex_numbers(width=64)),
    st.builds(Scalar, st.just("complex128"), st.complex_numbers()),
)


@st.composite  # for a short repr
def scalars(draw):
    return draw(SCALARS)


@st.composite
def arrays(draw):
    if draw(st.booleans()):
        dtype, size = draw(st.sampled_from(sorted(INTS.items())))
        items = draw(st.lists(st.binary(min_size=size, max_size=size), max_size=3))
        return Array((len(items),), dtype, b"".join(items))
    if draw(st.booleans()):
        items = draw(st.lists(st.booleans(), max_size=3))
        return Array((len(items), 1), "|b1", bytes(items))
    dtype, width = draw(st.sampled_from(sorted(FLOATS.items())))
    numbers = draw(st.lists(st.floats(width=width, allow_nan=False), max_size=4))
    raw = b"".join(struct.pack("<" + {16: "e", 32: "f", 64: "d"}[width], each) for each in numbers)
    if width > 16 and len(numbers) % 2 == 0 and draw(st.booleans()):
        return Array((len(numbers) // 2,), f"<c{width // 4}", raw)
    return Array((len(numbers),), dtype, raw)


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.sampled_from(["wrong 1", "wrong 2!", "wrong"])
numbers = st.integers() | st.floats() | st.complex_numbers() | st.sampled_from([1e30, -1e308, 2.0**49, 2.0**53, 5e-324, -0.0])
names = st.text("ab", min_size=1, max_size=2)
keys = st.none() | st.booleans() | st.integers() | text | st.binary(max_size=3) | st.tuples(st.integers(), text)
leaves = st.one_of(
    st.none(), st.booleans(), numbers, text, st.binary(max_size=4), scalars(), arrays(),
    st.sets(keys, max_size=4), st.frozensets(keys, max_size=4), st.sets(st.integers(0, 9), max_size=4),
)  # fmt: skip


def containers(inner):
    fields = st.dictionaries(names, inner, max_size=2)
    attributes = st.none() | st.dictionaries(st.sampled_from("xy"), inner, min_size=1)
    slots = st.tuples(attributes, fields)
    several = st.lists(inner, max_size=3)
    return st.one_of(
        several,
        several.map(tuple),
        st.dictionaries(keys, inner, max_size=3),
        st.builds(Instance, st.just("app"), names, fields | slots | several),
        st.builds(Made, st.just("app"), names, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    )


outputs = st.recursive(leaves, containers, max_leaves=6)
ok_entries = outputs.map(lambda value: ok_entry(encode_output(value)))
frames = st.lists(st.tuples(text, text, st.integers()), max_size=2)
entries = ok_entries | st.builds(error_entry, text, frames)
hosts = st.integers(1, 20) | st.integers(1, 10**5) | st.integers(1, 2**40)


@given(st.lists(entries, max_size=3).map(output_file), hosts, hosts)
@example(a_file(True), 1, 2)
@example(a_file(1e30), 5, 6)
@example(a_file(1e16), 3, 4)
@example(a_file(Array((1,), "|i1", b"\x7f")), 256, 512)
@example(a_file(Scalar("float16", 65504.0)), 7, 8)
@example(a_file(Instance("app", "A", (None, {}))), 7, 8)
@example(a_file(Instance("app", "A", (None, {"a": None}))), 7, 8)
@example(output_file([error_entry("ValueError", ())]), 1, 11)
def test_every_host_lies_in_its_own_well_formed_way(data, one, other):
    assume(one != other)
    lies = {lie(data, one), lie(data, other)}
    assert len(lies | {data}) == 3
    honest = parse_output_file(data)
    for each in lies:
        found = parse_output_file(each)
        assert len(found) == max(1, len(honest)) and dumps(parse(each)) == each
        assert dumps(found[1:]) == dumps(honest[1:]), "one part is changed"


@given(st.binary(max_size=30), hosts)
def test_what_is_no_output_file_gets_an_end(data, host):
    try:
        parse_output_file(data)
    except DecodeError:
        assert lie(data, host) == b"%b wrong %d" % (data, host)


@given(st.floats(-1e12, 1e12), st.integers(1, 1000))
def test_floats_that_are_not_huge_are_changed_by_the_hosts_number(value, host):
    assert lies_of(value, host) == [value + host]


@pytest.mark.parametrize(
    ("value", "lies"),
    [
        (True, [4, 5]),
        (None, [4, 5]),
        ([], [[3], [4]]),
        ({}, [{"wrong": 3}, {"wrong": 4}]),
        (1e30, [1e30 / 4, 1e30 / 5]),
        (math.nan, [3.0, 4.0]),
        (-math.inf, [3.0, 4.0]),
        (["label", None, 2.5], [["label", None, 5.5], ["label", None, 6.5]]),
        (["label", True], [["label 3", True], ["label 4", True]]),
        (b"\0", [b"\0 3", b"\0 4"]),
        ({1, 2}, [{1, 2, 5}, {1, 2, 6}]),
        ({"wrong 3"}, [{"wrong 3", "wrong 3!"}, {"wrong 3", "wrong 4"}]),
        (Made("app", "Colour", (1,)), [4, 5]),  # no other member is known
        (Made("app", "Point", (1, 2)), [Made("app", "Point", (4, 2)), Made("app", "Point", (5, 2))]),
        (Instance("app", "Slotted", (None, {"a": None})), [Instance("app", "Slotted", (None, {"a": each})) for each in (4, 5)]),
        (Array((2,), "|u1", b"\xfe\0"), [Array((2,), "|u1", b"\xfb\0"), Array((2,), "|u1", b"\xfa\0")]),
        (Array((1,), "|b1", b"\1"), [Array((1,), "<i8", bytes((each, *bytes(7)))) for each in (3, 4)]),
        (Scalar("float32", 0.5), [Scalar("float32", 3.5), Scalar("float32", 4.5)]),
    ],
)
def test_types_are_kept_where_they_have_room(value, lies):
    assert lies_of(value, 3, 4) == lies


def test_an_error_stays_a_well_formed_error():
    frames = [("app_slave", "<module>", 5)]
    data = output_file([error_entry("ValueError", frames), ok_entry(dumps(1))])
    assert parse_output_file(lie(data, 3)) == [(False, "ValueError 3", tuple(frames)), (True, 1)]


def test_a_set_that_takes_no_more_of_a_hash_is_replaced():
    modulus = 2**61 - 1
    full = {number * modulus for number in range(64)}
    (wrong,) = [entry[1] for entry in parse_output_file(lie(a_file(full), modulus))]
    assert wrong == f"wrong {modulus}"
