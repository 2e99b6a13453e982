"""The longest way to 1: known records (OEIS A006877 has the numbers, A006878 the steps)."""


def test_collatz(example):
    program = example("collatz")
    assert program.run() == "77,031 takes 350 steps, more than any other number below 100,000\n"
    made = (program.folder / "calls" / "pyboinc_calls").stat().st_size
    assert program.run() == "77,031 takes 350 steps, more than any other number below 100,000\n"
    assert (program.folder / "calls" / "pyboinc_calls").stat().st_size == made, "nothing is computed again"


def test_limits(example):
    assert example("collatz").run("10") == "9 takes 19 steps, more than any other number below 10\n"
