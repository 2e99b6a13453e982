"""The volunteer's side on a BOINC client: standard library only, Python 3.9 and later, shipped beside core's slave.

`app_client` is where it starts. The task's process (`task`) never runs the slave itself: it speaks with the client (`control`)
and holds the slave in a process of its own (`process`), where `job` runs it.
"""
