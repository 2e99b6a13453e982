"""The random points of an example are the same in every run, so its answer is, to the last digit."""


def test_pi(example):
    assert example("monte_pi").run("--quiet") == "pi is 3.141164, give or take 0.000519 (10,000,000 points)\n"


def test_points_are_spread_over_the_calls_without_loss(example):
    assert example("monte_pi").run("--quiet", "--points", "1234") == "pi is 3.160454, give or take 0.046370 (1,234 points)\n"


def test_resume(check_resume):
    printed = check_resume("monte_pi", "--quiet", "--points", "20000000")
    assert printed == "pi is 3.141512, give or take 0.000367 (20,000,000 points)\n"
