from app_types import Output
from pyboinc import pyboinc_get_input, pyboinc_return_output
value = pyboinc_get_input().value

from pyboinc import output_file
with open(output_file("table.txt"), "w") as file: file.write("x" * value)
pyboinc_return_output(Output(value))
