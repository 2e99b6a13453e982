"""Fleets: what volunteers' computers are like, when they are on, and what goes wrong with them.

`schema.py` reads a fleet file, `hosts.py` makes its hosts, `availability.py` says when they compute, `faults.py` what becomes
of a result; all of them pure. `tally.py` counts what a simulation does, knowing the truth.
"""
