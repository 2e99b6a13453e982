"""One piece of the work, on a volunteer's computer: how many points of one row belong to the Mandelbrot set?"""

from app_types import Inside

from pyboinc import pyboinc_get_input, pyboinc_return_output

STEPS = 200


def stays(x, y):
    """Does z -> z² + c, from 0, stay near for c = x + iy? Multiplication and addition only: all platforms agree, bit for bit."""
    re = im = 0.0
    for _ in range(STEPS):
        re, im = re * re - im * im + x, 2.0 * re * im + y
        if re * re + im * im > 4.0:
            return False
    return True


row = pyboinc_get_input()
y = -1.25 + 2.5 * (row.number + 0.5) / row.rows
columns = 2 * row.rows
points = len([column for column in range(columns) if stays(-2.0 + 2.5 * (column + 0.5) / columns, y)])
pyboinc_return_output(Inside(row.number, points))
