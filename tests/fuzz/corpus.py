"""The inputs that are kept for each target: in text files, a bytes literal a line, so that a change of them can be read.

TARGET.faults.txt: inputs that once were a fault; for ever.  TARGET.txt: others that together go everywhere, as `fuzz.py --keep` finds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "corpus"
ROOM, LARGEST = 24_000, 1_000  # bytes that a target's finds may take together, and one of them


def faults(target: str) -> list[bytes]:
    return _read(FOLDER / f"{target}.faults.txt")


def finds(target: str) -> list[bytes]:
    return _read(FOLDER / f"{target}.txt")


def add_fault(target: str, data: bytes) -> None:
    _write(FOLDER / f"{target}.faults.txt", [*faults(target), data])


def keep(target: str, found: Iterable[bytes]) -> int:
    """The small ones of what was found, as far as there is room; how many."""
    kept: list[bytes] = []
    room = ROOM
    for data in sorted(found, key=lambda each: (len(each), each)):
        room -= len(repr(data))
        if len(data) > LARGEST or room < 0:
            break
        kept.append(data)
    _write(FOLDER / f"{target}.txt", kept)
    return len(kept)


def _read(path: Path) -> list[bytes]:
    if not path.exists():
        return []
    return [_value(ast.parse(line, mode="eval").body) for line in path.read_text("ascii").splitlines() if line[:1] not in ("", "#")]


def _value(node: ast.expr) -> bytes:
    """A literal, or for long ones ``b"a" * 1000 + b"b"``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _value(node.left) + _value(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _value(node.left) * int(ast.literal_eval(node.right))
    value = ast.literal_eval(node)
    assert isinstance(value, bytes)
    return value


def _write(path: Path, lines: Iterable[bytes]) -> None:
    path.write_text("".join(f"{each!r}\n" for each in dict.fromkeys(lines)), "ascii")
