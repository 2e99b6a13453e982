from app_types import Output
from pyboinc import pyboinc_get_input, pyboinc_return_output
value = pyboinc_get_input().value

class TooOdd(Exception): pass

print("called with", value)
if value % 4 == 1: raise TooOdd(value)
if value == 2: 1 / 0
if value == 6: raise SystemExit("this host can't")
pyboinc_return_output(Output(value))
