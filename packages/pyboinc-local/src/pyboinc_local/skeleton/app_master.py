"""The area of the Mandelbrot set, by counting points of a grid. The master makes the calls and puts the results together."""

from app_types import Row

from pyboinc import pyboinc_call, pyboinc_master

ROWS = 40
inside = {}


def make_calls():
    for number in range(ROWS):
        pyboinc_call("app_slave.py", Row(number, ROWS), name=f"row {number}")


def handle_result(output):
    inside[output.number] = output.points


pyboinc_master(make_calls, handle_result)
print(f"area {sum(inside.values()) / (2 * ROWS * ROWS) * 2.5 * 2.5:.3f}")
