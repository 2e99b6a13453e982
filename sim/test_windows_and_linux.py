"""Half of the hosts run Windows, half Linux; all are honest, and the program compares its sunspots bit for bit.

The C libraries of the two differ in the last bit of a few sines in a hundred, and so do the outputs: two honest hosts disagree on
nearly every job, and a third one of either kind must settle it. Each cure, and what it costs:

- a tolerance accepts them all;
- homogeneous redundancy keeps a job among hosts of one kind: Windows agrees with Windows. It does not know of the C library,
  nor of FMA: two Windows of different age still disagree;
- correctly rounded functions (pyboinc.exactmath) give the same bits everywhere, slower;
- one shipped CPython changes nothing here: the sines are the operating system's;
- the deterministic runtime, CPython as WebAssembly, gives the same bits everywhere, slower.
"""

import pytest

from pyboinc_local import platforms

pytestmark = pytest.mark.skipif("windows11" not in platforms.names(), reason="no such platform yet")

HALF = """
[[hosts]]
number = 12
platform = "windows_x86_64"
profile = "windows11"
[[hosts]]
number = 12
platform = "x86_64-pc-linux-gnu"
profile = "linux-glibc-fma"
"""
OLD_AND_NEW = HALF.replace("number = 12", "number = 8") + """
[[hosts]]
number = 8
platform = "windows_x86_64"
profile = "windows10-nofma"
"""
QUORUM = '[job]\nquorum = 2\n'
SUNSPOTS = "The sunspot cycle: 11.0 years"


def disagreements(told):
    return {tuple(each["between"]): each["compared"] - each["agreed"] for each in told["pairs"]}


def test_bit_for_bit_they_disagree(simulate):
    told, printed = simulate("sunspots", HALF, QUORUM)
    assert SUNSPOTS in printed, "the quorum settles it in the end"
    found = disagreements(told)
    assert found["linux-glibc-fma", "windows11"] > 50
    assert found["windows11", "windows11"] == found["linux-glibc-fma", "linux-glibc-fma"] == 0
    assert told["truth"]["honest_refused"] > 50 and told["results"]["sent_per_canonical"] > 2.3
    better = {each["change"] for each in told["trials"] if each["verdict"].startswith("better")}
    assert {'comparator = "tolerance:relative=1e-09"', 'hr = "coarse"'} <= better, "and the command says what would help"


def test_a_tolerance_accepts_them_all(simulate):
    told, printed = simulate("sunspots", HALF, QUORUM + 'comparator = "tolerance:relative=1e-9"', "--no-trials")
    assert SUNSPOTS in printed
    assert told["truth"]["jobs_on_which_honest_hosts_disagree"] == told["truth"]["honest_refused"] == 0
    assert told["results"]["sent_per_canonical"] == 2.0


def test_homogeneous_redundancy_keeps_jobs_among_equals(simulate):
    told, printed = simulate("sunspots", HALF, QUORUM + '[local]\nhr = "coarse"', "--no-trials")
    assert SUNSPOTS in printed
    assert ("linux-glibc-fma", "windows11") not in disagreements(told)
    assert told["truth"]["honest_refused"] == 0 and told["results"]["sent_per_canonical"] == 2.0


def test_and_what_it_does_not_know_of_remains(simulate):
    told, _ = simulate("sunspots", OLD_AND_NEW, QUORUM + '[local]\nhr = "coarse"', "--no-trials")
    assert disagreements(told)["windows10-nofma", "windows11"] > 10


@pytest.mark.skipif("wasm" not in platforms.names(), reason="no such platform yet")
def test_the_deterministic_runtime_is_the_same_everywhere(simulate):
    everywhere = HALF.replace("windows11", "wasm").replace("linux-glibc-fma", "wasm")
    told, printed = simulate("sunspots", everywhere, QUORUM, "--no-trials")
    assert SUNSPOTS in printed
    assert told["truth"]["jobs_on_which_honest_hosts_disagree"] == 0


def test_correctly_rounded_functions_are_the_same_everywhere(simulate, tmp_path):
    simulate("sunspots", HALF, QUORUM, "--no-trials")  # puts the program there
    module = tmp_path / "sunspots" / "periodogram.py"
    rounded = "from math import pi\nfrom pyboinc.exactmath import cos, sin"
    module.write_text(module.read_text().replace("from math import cos, pi, sin", rounded))
    told, printed = simulate("sunspots", HALF, QUORUM, "--no-trials")
    assert SUNSPOTS in printed
    assert told["truth"]["jobs_on_which_honest_hosts_disagree"] == 0
