"""The master: a short round trip through the capitals of Europe, bred over 12 generations of 20 calls.

python app_master.py [--generations N] [--plot FILE] [PyBOINC's own options: -i -p --batch --fresh --quiet --runtime]
"""

import argparse
from pathlib import Path
from random import Random

from app_types import Input
from cities import CITIES
from picture import draw
from pyboinc import pyboinc_call, pyboinc_master
from tours import length

HERE = Path(__file__).resolve().parent
TOURS = 20  # that live at a time
COUPLES = 20  # in a generation: a call for each
PLACES = [(east, north) for _, east, north in CITIES]

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
parser.add_argument("--generations", metavar="N", type=int, default=12, help="when to stop (default: %(default)s)")
parser.add_argument("--plot", metavar="FILE", type=Path, default=HERE / "tour.svg", help="the picture (default: %(default)s)")
options, _ = parser.parse_known_args()  # what is left over is PyBOINC's

dice = Random(1)  # the master's own, the same in every run: replay depends on it
population = []  # (length, tour), the shortest first
children = []  # the same, of the generation that is under way
generation = 0


def make_calls():
    """Begin with random tours."""
    tours = [dice.sample(range(len(PLACES)), len(PLACES)) for _ in range(TOURS)]
    population[:] = sorted((length(tour, PLACES), tour) for tour in tours)
    next_generation()


def handle_result(output):
    """Collect the children; when the last one is home, the shortest tours live on."""
    children.append((output.length, output.tour))
    if len(children) == COUPLES:
        different = {}  # one tour of each length, or soon all would be the same
        for kilometres, tour in sorted(population + children):
            different.setdefault(kilometres, tour)
        population[:] = list(different.items())[:TOURS]
        children.clear()
        next_generation()


def next_generation():
    """Show how far we are and, unless this is the end, pair the living at random: a call for each couple."""
    global generation
    print(f"generation {generation:3}: {population[0][0]:6,} km", flush=True)
    if generation < options.generations:
        generation += 1
        for _ in range(COUPLES):
            (_, mother), (_, father) = dice.sample(population, 2)
            pyboinc_call("app_slave.py", Input(mother, father, PLACES, dice.getrandbits(32)))


pyboinc_master(make_calls, handle_result)

kilometres, tour = population[0]
print(f"The tour: {kilometres:,} km, from", ", ".join(CITIES[i][0] for i in tour), "and back")
draw(options.plot, tour, CITIES, kilometres)
print(f"The picture: {options.plot}")
