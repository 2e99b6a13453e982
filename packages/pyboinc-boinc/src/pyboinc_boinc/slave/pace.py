"""The pace of the conversation with the client."""

from __future__ import annotations


class Pace:
    """How often things are looked at, and how long is waited for them, in seconds: BOINC's own numbers but for the first."""

    tick = 0.2  # between looks at what the client wants; BOINC's tenth would take twice the CPU time, for the whole of a job
    status = 1.0  # between messages to the client
    client = 10.0  # between looks whether the client's process exists
    heartbeat = 30.0  # without one, when the client's process is not known: the client is gone
    lock = 35.0  # for another task to leave the slot
    away = 600  # if it does not: until the client may try again
    checkpoint = 60.0  # between checkpoints, without a client to say it
    last_words = 10.0  # for the client to take the trickle-ups that are left
    ended = 60  # the same, if somebody ended the slave

    def __init__(self, **changes: float) -> None:
        self.__dict__.update(changes)
