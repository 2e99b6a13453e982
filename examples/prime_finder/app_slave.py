"""The slave: find the primes of one segment, count them, keep the last few."""

from app_types import SHOWN, Output
from pyboinc import pyboinc_get_input, pyboinc_return_output
from sieve import primes_between

segment = pyboinc_get_input()
primes = primes_between(segment.start, segment.stop)
pyboinc_return_output(Output(len(primes), primes[-SHOWN:]))
