"""Work made while results are handled: the same generations in every run, whatever comes home first, also after ^C."""

import re
from pathlib import Path

PICTURE = Path(__file__).resolve().parents[2] / "examples" / "genetic_algorithm" / "tour.svg"


def test_tour(example):
    program = example("genetic_algorithm")
    (program.folder / "tour.svg").unlink()
    printed = program.run("--quiet")
    lengths = [int(number.replace(",", "")) for number in re.findall(r"^generation +\d+: +([\d,]+) km$", printed, re.MULTILINE)]
    assert len(lengths) == 13
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] == 41_022
    assert lengths[-1] == 13_937  # 500 runs of 2-opt and or-opt from random tours find none shorter
    assert "The tour: 13,937 km, from Amsterdam, London, Dublin" in printed
    assert (program.folder / "tour.svg").read_bytes() == PICTURE.read_bytes()  # what the README shows is what one gets


def test_resume(check_resume, example, tmp_path):
    arguments = "--quiet", "--generations", "16", "--plot", str(tmp_path / "tour.svg")
    resumed = check_resume("genetic_algorithm", *arguments, when=lambda program: "generation   3" in program.printed())
    assert resumed == example("genetic_algorithm", "uninterrupted").run(*arguments)
