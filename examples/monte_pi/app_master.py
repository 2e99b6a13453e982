"""The master: pi from random points in a square, thrown in 100 calls.

python app_master.py [--points N] [PyBOINC's own options: -i -p --batch --fresh --quiet --runtime]
"""

import argparse
from math import sqrt

from app_types import Input
from pyboinc import pyboinc_call, pyboinc_master

CALLS = 100

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
parser.add_argument("--points", metavar="N", type=int, default=10_000_000, help="how many points in all (default: %(default)s)")
options, _ = parser.parse_known_args()  # what is left over is PyBOINC's
if options.points < 1:
    parser.error("--points: at least 1")

hits = 0


def make_calls():
    """Spread the points over the calls, as evenly as whole numbers go."""
    for i in range(CALLS):
        pyboinc_call("app_slave.py", Input((options.points + i) // CALLS))


def handle_result(output):
    """Add one call's hits to the others'."""
    global hits
    hits += output.hits


pyboinc_master(make_calls, handle_result)

share = hits / options.points  # of the square: about pi/4
error = 4 * sqrt(share * (1 - share) / options.points)  # one standard deviation of a binomial share, times 4
print(f"pi is {4 * share:.6f}, give or take {error:.6f} ({options.points:,} points)")
