"""A BOINC project's server as functions of rows: what its daemons decide, without their store, clock, random source or files.

A function gets rows (`rows.py`), changes them in place and says what is to follow. The names are BOINC's; each module
says which of BOINC's sources it follows (HEAD of August 2026).
"""
