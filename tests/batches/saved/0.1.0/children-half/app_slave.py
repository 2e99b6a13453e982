from app_types import Output
from pyboinc import pyboinc_get_input, pyboinc_return_output
value = pyboinc_get_input().value
pyboinc_return_output(Output(value * value))
