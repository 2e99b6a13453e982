"""Half of the hosts run Windows, half Linux; all are honest, and the project compares their tide tables bit for bit.

The C libraries of the two differ in the last bit of a few sines in a hundred. With forty sines in an output two honest hosts
disagree on most jobs, and a third one, of either kind, must settle it. Each cure, and what it does:

- a tolerance accepts them all;
- homogeneous redundancy keeps a job among hosts of one kind: Windows agrees with Windows. But it knows nothing of the C library
  or of FMA, and two Windows of different age still disagree;
- correctly rounded functions (pyboinc.exactmath) give the same bits everywhere;
- the deterministic runtime, CPython as WebAssembly, gives the same bits everywhere;
- one shipped CPython ends what differs between Python's versions, such as sum(), but the sines are the operating system's.
"""

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
OLD_AND_NEW = """
[[hosts]]
number = 12
platform = "windows_x86_64"
profile = "windows11"
[[hosts]]
number = 12
platform = "windows_x86_64"
profile = "windows10-nofma"
"""
QUORUM = "[job]\nquorum = 2\n"
TIDES = {
    "app_types.py": """
class Input:
    def __init__(self, day): self.day = day
class Output:
    def __init__(self, heights): self.heights = heights
""",
    "app_slave.py": """
from math import sin
from app_types import Output
from pyboinc import pyboinc_get_input, pyboinc_return_output
day = pyboinc_get_input().day
pyboinc_return_output(Output([sin(0.5059 * (24.0 * day + 0.6 * step)) for step in range(40)]))
""",
    "app_master.py": """
from app_types import Input
from pyboinc import pyboinc_call, pyboinc_master
heights = []
def make_calls():
    for day in range(60): pyboinc_call("app_slave.py", Input(day))
def handle_result(output): heights.extend(output.heights)
pyboinc_master(make_calls, handle_result)
print(f"the highest tide: {max(heights):.6f}")
""",
}
ANSWER = "the highest tide: 0.999"


def disagreements(told):
    return {tuple(each["between"]): each["compared"] - each["agreed"] for each in told["pairs"]}


def test_bit_for_bit_they_disagree(simulate):
    told, printed = simulate(TIDES, HALF, QUORUM)
    assert ANSWER in printed, "the quorum settles it in the end"
    found = disagreements(told)
    assert found["linux-glibc-fma", "windows11"] > 20
    assert found["windows11", "windows11"] == found["linux-glibc-fma", "linux-glibc-fma"] == 0
    assert told["truth"]["honest_refused"] > 10 and told["results"]["sent_per_canonical"] > 2.2
    better = {each["change"] for each in told["trials"] if each["verdict"].startswith("better")}
    assert {'comparator = "tolerance:relative=1e-09"', 'hr = "coarse"'} <= better, "and the command says what would help"


def test_a_tolerance_accepts_them_all(simulate):
    told, printed = simulate(TIDES, HALF, QUORUM + 'comparator = "tolerance:relative=1e-9"', "--no-trials")
    assert ANSWER in printed
    assert told["truth"]["jobs_on_which_honest_hosts_disagree"] == told["truth"]["honest_refused"] == 0
    assert told["results"]["sent_per_canonical"] == 2.0


def test_homogeneous_redundancy_keeps_jobs_among_equals(simulate):
    told, printed = simulate(TIDES, HALF, QUORUM + '[local]\nhr = "coarse"', "--no-trials")
    assert ANSWER in printed
    assert ("linux-glibc-fma", "windows11") not in disagreements(told)
    assert told["truth"]["honest_refused"] == 0 and told["results"]["sent_per_canonical"] == 2.0


def test_and_what_it_does_not_know_of_remains(simulate):
    told, _ = simulate(TIDES, OLD_AND_NEW, QUORUM + '[local]\nhr = "coarse"', "--no-trials")
    assert disagreements(told)["windows10-nofma", "windows11"] > 5


def test_correctly_rounded_functions_are_the_same_everywhere(simulate):
    rounded = TIDES["app_slave.py"].replace("from math import sin", "from pyboinc.exactmath import sin")
    told, printed = simulate({**TIDES, "app_slave.py": rounded}, HALF, QUORUM, "--no-trials")
    assert ANSWER in printed
    assert told["truth"]["jobs_on_which_honest_hosts_disagree"] == 0
    assert disagreements(told)["linux-glibc-fma", "windows11"] == 0


def test_the_deterministic_runtime_is_the_same_everywhere(simulate):
    everywhere = HALF.replace("windows11", "wasm").replace("linux-glibc-fma", "wasm")
    told, printed = simulate(TIDES, everywhere, QUORUM, "--no-trials")
    assert ANSWER in printed
    assert told["truth"]["jobs_on_which_honest_hosts_disagree"] == 0


MEANS = {**TIDES, "app_slave.py": TIDES["app_slave.py"].replace("from math import sin\n", "").replace("Output([", "Output([sum([").replace(
    "sin(0.5059 * (24.0 * day + 0.6 * step)) for step in range(40)])", "1 / (1.5 + day + step) for step in range(40)])])"
)}  # fmt: skip


def test_one_cpython_ends_what_differs_between_versions_of_python(simulate):
    old_and_new = OLD_AND_NEW.replace("windows11", "windows11@3.11").replace("windows10-nofma", "windows11@3.13")
    told, _ = simulate(MEANS, old_and_new, QUORUM, "--no-trials")
    assert told["truth"]["jobs_on_which_honest_hosts_disagree"] > 10, "sum() has been compensated since 3.12"
    shipped = old_and_new.replace("@3.11", "@3.13")
    told, _ = simulate(MEANS, shipped, QUORUM, "--no-trials")
    assert told["truth"]["jobs_on_which_honest_hosts_disagree"] == 0


def test_and_not_what_differs_between_operating_systems(simulate):
    one = HALF.replace("windows11", "windows11@3.13").replace("linux-glibc-fma", "linux-glibc-fma@3.13")
    told, _ = simulate(TIDES, one, QUORUM, "--no-trials")
    assert told["truth"]["jobs_on_which_honest_hosts_disagree"] > 20
