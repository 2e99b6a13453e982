"""The master: how many primes are there below a limit, and which are the last? One call for each 50,000 numbers.

python app_master.py [--below N] [PyBOINC's own options: -i -p --batch --fresh --quiet --runtime]
"""

import argparse

from app_types import SHOWN, Input
from pyboinc import pyboinc_call, pyboinc_master

SHARE = 50_000  # numbers in a call

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
parser.add_argument("--below", metavar="N", type=int, default=2_000_000, help="where to stop (default: %(default)s)")
options, _ = parser.parse_known_args()  # what is left over is PyBOINC's

count = 0
last = []


def make_calls():
    """Cut the numbers below the limit into segments."""
    for start in range(0, options.below, SHARE):
        pyboinc_call("app_slave.py", Input(start, min(start + SHARE, options.below)))


def handle_result(output):
    """Add up the counts; of all primes seen so far keep the greatest, whichever segment came first."""
    global count, last
    count += output.count
    last = sorted(last + output.last)[-SHOWN:]


pyboinc_master(make_calls, handle_result)

print(f"There are {count:,} primes below {options.below:,}")
print("The last of them:", *last)
