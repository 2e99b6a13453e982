"""``pyboinc check``: which operation of the slave makes two honest platforms disagree, and what each cure would do for the program.

`collect` gets a sample of the program's calls, `runs` runs them on every platform, `trace` finds the first operation that
differs, `compare` and `cures` say how far it goes and what helps, `lints` reads the source; `report` and `page` tell it all.
"""
