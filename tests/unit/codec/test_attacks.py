"""The attack corpus: refused, quickly, in little memory."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from pyboinc import codec
from pyboinc.testing.attacks import ATTACKS, UNKNOWN_CLASSES


@pytest.fixture(scope="module")
def app_types(app):
    import os
    import sys
    import types

    module = types.ModuleType("app_types")
    exec("from os import getpid\nclass Input: pass", module.__dict__)
    module.os = os  # type: ignore[attr-defined]
    sys.modules["app_types"] = module
    yield codec.Classes(["app_types"])
    del sys.modules["app_types"]


def measured(read, data: bytes) -> str:
    start = time.process_time()
    with pytest.raises(codec.DecodeError) as caught:
        read(data)
    spent = time.process_time() - start
    assert spent < 0.5 + 5e-6 * len(data), "too slow"
    tracemalloc.start()
    try:
        with pytest.raises(codec.DecodeError):
            read(data)
        assert tracemalloc.get_traced_memory()[1] < 200_000 + 40 * len(data), "too much memory"
    finally:
        tracemalloc.stop()
    text = str(caught.value)
    assert text.isascii() and len(text) < 600
    return text


def test_names_are_unique():
    names = [name for name, _, _ in ATTACKS + UNKNOWN_CLASSES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data, _ in ATTACKS])
def test_refused(app_types, data):
    if b"numpy" in data:
        pytest.importorskip("numpy")
    measured(codec.parse, data)
    measured(lambda raw: codec.loads(raw, app_types), data)


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data, _ in UNKNOWN_CLASSES])
def test_unknown_classes(app_types, data):
    assert "is not known here" in measured(lambda raw: codec.loads(raw, app_types), data) or b".os" in data
    assert codec.dumps(codec.parse(data)) == data


def test_every_cut_and_every_byte(app, known):
    data = codec.dumps(
        [app.Data(1), app.Color.MIX, app.Slots(2.5), {"a": {1, 2}, (1, 2): frozenset("x")}, [1.0] * 20, 1 << 70, b"x" * 300], known
    )
    for i in range(len(data)):
        with pytest.raises(codec.DecodeError):
            codec.loads(data[:i], known)
    for i in range(len(data)):
        for byte in (0, 1, 0x28, 0x2E, 0x4B, 0x5D, 0x62, 0x65, 0x7D, 0x81, 0x85, 0x86, 0x8C, 0x91, 0x93, 0xFF, data[i] ^ 1):
            changed = data[:i] + bytes((byte,)) + data[i + 1 :]
            try:
                value = codec.loads(changed, known)
            except codec.DecodeError:
                continue
            assert codec.dumps(value, known) == changed


@pytest.mark.parametrize(
    "make",
    [
        lambda n: [1.0, 2] * n,
        lambda n: [float("nan")] * n,
        lambda n: [(i, 1.5) for i in range(n)],
        lambda n: {i: i for i in range(n)},
        lambda n: {(i, (i, str(i))) for i in range(n)},
        lambda n: [{"a": i} for i in range(n)],
        lambda n: {frozenset([i, frozenset([i])]) for i in range(n)},
        lambda n: 1 << (n * 100),
        lambda n: nested(100, tuple(range(n))),
        lambda n: [300, 1, 70000, 1, 1.0, 1.0, "a", 300, 300] * n,
    ],
)
def test_time_is_linear(make):
    small, large = codec.dumps(make(2_000)), codec.dumps(make(16_000))
    assert best(large) < 30 * best(small) + 0.02  # 8 if it were exact, 64 if quadratic


def nested(depth: int, value):
    for _ in range(depth):
        value = frozenset([value, (1,)])
    return value


def best(data: bytes) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        codec.loads(data)
        times.append(time.process_time() - start)
    return min(times)
