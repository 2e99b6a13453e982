"""The master: which words are the most frequent in a text? One call for each ten lines.

python app_master.py [--text FILE] [PyBOINC's own options: -i -p --batch --fresh --quiet --runtime]
"""

import argparse
from collections import Counter
from pathlib import Path

from app_types import Input
from pyboinc import pyboinc_call, pyboinc_master

HERE = Path(__file__).resolve().parent
LINES = 10  # in a call
SHOWN = 10  # words in the answer

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
parser.add_argument("--text", metavar="FILE", type=Path, default=HERE / "GPL-3.txt", help="the text, in UTF-8 (default: %(default)s)")
options, _ = parser.parse_known_args()  # what is left over is PyBOINC's

lines = options.text.read_text(encoding="utf-8").splitlines(keepends=True)
counts = Counter()


def make_calls():
    """Cut the text between lines, so that no word is cut."""
    for first in range(0, len(lines), LINES):
        pyboinc_call("app_slave.py", Input("".join(lines[first : first + LINES])))


def handle_result(output):
    """The *reduce*: add the counts of one piece to the others'."""
    counts.update(output.counts)


pyboinc_master(make_calls, handle_result)

print(f"{options.text.name}: {sum(counts.values()):,} words, {len(counts):,} different ones. The most frequent:")
# Equally frequent words stand in alphabetical order: Counter.most_common would show them as the results came in.
for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]:
    print(f"{count:8,}  {word}")
