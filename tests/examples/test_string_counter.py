"""The counts of the example against a count in one piece, by another definition of a word that agrees on this text."""

from collections import Counter
from pathlib import Path

TEXT = Path(__file__).resolve().parents[2] / "examples" / "string_counter" / "GPL-3.txt"


def frequent(text):
    letters = "".join(each if each.isalpha() or each == "'" else " " for each in text.lower())
    counts = Counter(word.strip("'") for word in letters.split() if word.strip("'"))
    lines = [f"{count:8,}  {word}" for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]]
    return "\n".join([f"{sum(counts.values()):,} words, {len(counts):,} different ones. The most frequent:", *lines, ""])


def test_words(example):
    printed = example("string_counter").run("--quiet")
    assert printed == "GPL-3.txt: " + frequent(TEXT.read_text(encoding="utf-8"))
    assert printed.splitlines()[1].split() == ["345", "the"]


def test_resume(check_resume, tmp_path):
    text = TEXT.read_text(encoding="utf-8") * 40
    (tmp_path / "long.txt").write_text(text, encoding="utf-8")
    printed = check_resume("string_counter", "--quiet", "--text", str(tmp_path / "long.txt"))
    assert printed == "long.txt: " + frequent(text)
