"""Simulated hosts compute as their platforms do: honest ones disagree exactly where they would."""

import math

import pytest

from pyboinc.model import SettingsError
from pyboinc_local import options, platforms, systems

HOSTS = """
[job]
quorum = 2
max_success_results = 2
max_total_results = 2
comparator = "{comparator}"
[[local.hosts]]
platform = "x86_64-pc-linux-gnu"
profile = "native"
[[local.hosts]]
platform = "x86_64-pc-linux-gnu"
profile = "linux-musl"
"""
RUN = """
def make_calls():
    for x in {inputs!r}: pyboinc_call("app_slave.py", Input(x))
def handle_error(call, error): failed.append(call.input.value)
failed = []
pyboinc_master(make_calls, handle_result, handle_error)
print(sorted(failed), len(outputs))
"""


@pytest.fixture(scope="module")
def inputs():
    """Arguments at which this computer's exp and musl's are the same, and at which they are not."""
    musl = platforms.load("linux-musl").math.exp
    arguments = [k / 1013.0 for k in range(1, 40_000)]
    different = [x for x in arguments if musl(x) != math.exp(x)][:2]
    if not different:
        pytest.skip("this computer's exp is musl's")
    return arguments[:3], different


@pytest.mark.parametrize("comparator", ["bitwise", "ulp:1"])
def test_honest_hosts_disagree_where_their_platforms_do(app, inputs, comparator):
    same, different = inputs
    app.slave("import helper\npyboinc_return_output(Output(helper.exponential(value)))")
    app.write("helper.py", "from math import exp\ndef exponential(x): return exp(x)\n")
    app.write("pyboinc.toml", HOSTS.format(comparator=comparator))
    app.master(RUN.format(inputs=same + different))
    failed = different if comparator == "bitwise" else []
    assert app.run()[0] == f"{sorted(failed)} {5 - len(failed)}\n"


def test_profiles_are_looked_up():
    table = {"hosts": [{"profile": "linux-musl@3.11"}, {"platform": systems.this_platform() or "x86_64-pc-linux-gnu"}]}
    musl, here = options.read(table, "").hosts
    assert musl.profile == "linux-musl@3.11"
    assert here.profile == "native" or not systems.this_platform()
    for wrong in ("linux-must", "linux-musl@4.1", 3, ""):
        with pytest.raises(SettingsError, match=r"\[\[local.hosts\]\] number 1, profile = "):
            options.read({"hosts": [{"profile": wrong}]}, "")


def test_what_no_profile_reaches_is_told(app):
    """A compiled package computes as this computer does, whatever the host."""
    app.slave("import numpy\npyboinc_return_output(Output(float(numpy.exp(value))))")
    app.write("pyboinc.toml", HOSTS.format(comparator="bitwise").replace("[[local", 'requires = ["numpy"]\n[[local', 1))
    app.master(RUN.format(inputs=[0.5, 1.5]))
    printed, told = app.run()
    assert printed == "[] 2\n" and told.count("app_slave.py, line 5: numpy is compiled code from outside the program") == 1
