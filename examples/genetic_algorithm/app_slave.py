"""The slave: raise two children of a couple, send home the better one."""

from random import Random

from app_types import Output
from pyboinc import pyboinc_get_input, pyboinc_return_output
from tours import crossed, length, straightened

couple = pyboinc_get_input()
dice = Random(couple.seed)
children = [
    straightened(crossed(couple.mother, couple.father, dice), couple.places),
    straightened(crossed(couple.father, couple.mother, dice), couple.places),
]
best = min(children, key=lambda tour: length(tour, couple.places))
pyboinc_return_output(Output(length(best, couple.places), best))
