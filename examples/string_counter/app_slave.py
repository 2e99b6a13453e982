"""The slave, the *map* of map and reduce: count the words of one piece of the text."""

from app_types import Output
from pyboinc import pyboinc_get_input, pyboinc_return_output
from words import count_words

pyboinc_return_output(Output(count_words(pyboinc_get_input().text)))
