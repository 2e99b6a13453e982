"""pytest runs these; the fixtures come with pyboinc-local."""


def test_answer(run_app):
    """On this computer. The area of the Mandelbrot set is 1.507; so coarse a grid gives a little more."""
    name, area = run_app("app_master.py").split()
    assert name == "area"
    assert 1.45 < float(area) < 1.65


def test_volunteers(run_app):
    """On five simulated volunteers, of whom two must agree on each result."""
    assert run_app("app_master.py", hosts=5, quorum=2) == run_app("app_master.py")


def test_platforms(assert_same_on_all_platforms):
    """Windows, macOS and Linux computers would return the same bits."""
    assert_same_on_all_platforms("app_master.py", sample=4)
