"""What travels between the master and the slave: plain classes, plain fields."""


class Input:
    """``points``: how many points to throw."""

    def __init__(self, points):
        self.points = points


class Output:
    """``hits``: how many of them fell into the quarter circle."""

    def __init__(self, hits):
        self.hits = hits
