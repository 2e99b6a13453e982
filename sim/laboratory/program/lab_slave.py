from lab_types import Output

from pyboinc import pyboinc_get_input, pyboinc_return_output

given = pyboinc_get_input()
if given.fails:
    raise ValueError("as it was told to")
pyboinc_return_output(Output(given.value * given.value, given.children))
