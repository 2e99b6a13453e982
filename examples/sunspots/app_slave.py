"""The slave: the power of the sunspot series at a few trial frequencies."""

from app_types import Output
from periodogram import periodogram
from pyboinc import pyboinc_get_input, pyboinc_return_output

share = pyboinc_get_input()
pyboinc_return_output(Output(periodogram(share.frequencies, share.series)))
