"""The slave: throw random points into the unit square, count those inside the quarter circle."""

from random import random

from app_types import Output
from pyboinc import pyboinc_get_input, pyboinc_return_output


def throw(points):
    """Return how many of so many points came down less than 1 from the corner."""
    hits = 0
    for _ in range(points):
        x, y = random(), random()
        hits += x * x + y * y < 1
    return hits


pyboinc_return_output(Output(throw(pyboinc_get_input().points)))
