"""The local project does what every backend must."""

from pyboinc.testing.conformance import CAPABILITIES, Conformance


class TestLocal(Conformance):
    interface = "local"
    capabilities = sorted(CAPABILITIES.keys() - {"lasting"})  # its jobs live as long as the run
    refused_options = ({"workers": 0}, {"workers": "many"})
