"""Fleets: what volunteers' computers are like, when they are on, and what goes wrong with them.

`schema.py` reads fleet files and `hosts.py` makes their hosts; `availability.py` says when those compute, `faults.py` what becomes of
a result. `tally.py` counts what a simulation does, knowing the truth; `study.py` tries other settings, `estimate.py` says when a
program would be done; `tell.py` and `report.py` put it in words and plots. Only `schema.py` reads files, all others are pure.
"""
