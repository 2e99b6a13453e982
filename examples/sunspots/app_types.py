"""What travels between the master and the slave: plain classes, plain fields."""


class Input:
    """One call's share of the search, and the whole series (7 kB), for only inputs reach a volunteer.

    ``frequencies`` in cycles per year; ``series`` a list of (time in decimal years, sunspot number).
    """

    def __init__(self, frequencies, series):
        self.frequencies = frequencies
        self.series = series


class Output:
    """``powers``: a list of (frequency, power). Results arrive in any order, so each says where it belongs."""

    def __init__(self, powers):
        self.powers = powers
