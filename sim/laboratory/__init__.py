"""The laboratory: PyBOINC's master, validator and assimilator, as they are in production, in a world in which all goes wrong.

    plan.py       what a seed draws: fleet, faults, app, settings; pure
    world.py      the world of a plan: its time, its processes, what befalls them
    processes.py  production code as a process that sleeps, dies and is started again
    disk.py       a process's way to the simulated disk
    database.py   the simulated database, behind PyBOINC's own connection
    tables.py     what is asked of it, as functions on rows
    fleet.py      the volunteers
    boinc.py      BOINC's own daemons and tools
    backend.py    the master's side of the project: PyBOINC's backend for BOINC, on simulated tables
    app.py        the programs that are run
    slaves.py     what their slaves give on each platform
    witness.py    what must hold at every step, what must have happened some time, and the trace
    crashes.py    every crash point of a run, one after the other
    shrink.py     a failing plan made small
    __main__.py   the command
"""
