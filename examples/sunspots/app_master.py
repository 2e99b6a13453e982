"""The master: how long is the sunspot cycle? A period search over three centuries, in 250 calls.

python app_master.py [--plot FILE] [PyBOINC's own options: -i -p --batch --fresh --quiet --runtime]
"""

import argparse
from pathlib import Path

from app_types import Input
from pyboinc import pyboinc_call, pyboinc_master

HERE = Path(__file__).resolve().parent
DATA = HERE / "data" / "SN_y_tot_V2.0.csv"
LONGEST, SHORTEST = 200.0, 2.5  # years; the shortest must stay above 2, the Nyquist limit of yearly values
CALLS, SHARE = 250, 10  # 2500 frequencies: some twenty across the width of a peak, which is 1/(length of the series)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
parser.add_argument("--plot", metavar="FILE", type=Path, default=HERE / "sunspots.png", help="the picture (default: %(default)s)")
options, _ = parser.parse_known_args()  # what is left over is PyBOINC's

rows = [line.split(";") for line in DATA.read_text(encoding="ascii").splitlines()]
series = [(float(row[0]), float(row[1])) for row in rows]  # (year, sunspot number)
spectrum = {}  # power by frequency (cycles per year)


def make_calls():
    """Spread evenly spaced frequencies over the calls."""
    step = (1 / SHORTEST - 1 / LONGEST) / (CALLS * SHARE - 1)
    for first in range(0, CALLS * SHARE, SHARE):
        frequencies = [1 / LONGEST + step * i for i in range(first, first + SHARE)]
        pyboinc_call("app_slave.py", Input(frequencies, series))


def handle_result(output):
    """Put one share of the spectrum in its place."""
    spectrum.update(output.powers)


def peak_and_width():
    """Return the period of the highest peak and the periods on both sides where the power is half of that (years)."""
    frequencies = sorted(spectrum)
    top = max(range(len(frequencies)), key=lambda i: spectrum[frequencies[i]])
    low = high = top
    half = spectrum[frequencies[top]] / 2
    while low > 0 and spectrum[frequencies[low]] > half:
        low -= 1
    while high < len(frequencies) - 1 and spectrum[frequencies[high]] > half:
        high += 1
    return 1 / frequencies[top], 1 / frequencies[high], 1 / frequencies[low]


pyboinc_master(make_calls, handle_result)

period, shorter, longer = peak_and_width()
# The width is the resolution of so long a series, not an error bar: the Sun is no clock (see the README).
print(f"The sunspot cycle: {period:.1f} years (the peak's width at half height: {shorter:.1f} to {longer:.1f} years)")
try:
    from picture import draw
except ImportError as error:
    print(f"No picture, for it needs matplotlib (pip install matplotlib): {error}")
else:
    draw(options.plot, series, spectrum, period, shorter, longer)
    print(f"The picture: {options.plot}")
