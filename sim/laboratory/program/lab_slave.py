from math import sinh

from lab_types import Output

from pyboinc import data_file, output_file, pyboinc_get_input, pyboinc_return_output

given = pyboinc_get_input()
if given.fails:
    raise ValueError("as it was told to")
value = given.value * given.value
for name in given.reads:
    with open(data_file(name)) as file:
        value *= int(file.read())
if given.writes:
    with open(output_file("lab.txt"), "w") as file:
        file.write(f"{value} " * 10)
pyboinc_return_output(Output(value, given.children, sinh(given.value % 12 * 0.7306 + 0.31)))
