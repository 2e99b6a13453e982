"""What travels between the master and the slave: plain classes, plain fields."""

SHOWN = 5  # primes at the end of the answer


class Input:
    """One call's share of the search: the numbers from ``start`` up to, and without, ``stop``."""

    def __init__(self, start, stop):
        self.start = start
        self.stop = stop


class Output:
    """``count``: how many primes there are in the share; ``last``: the last ``SHOWN`` of them, in order."""

    def __init__(self, count, last):
        self.count = count
        self.last = last
