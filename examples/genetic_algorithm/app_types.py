"""What travels between the master and the slave: plain classes, plain fields."""


class Input:
    """A couple of tours, ``mother`` and ``father``: lists of indices into ``places``, a list of (east, north) in kilometres.

    ``seed``: where the dice of this couple start.
    """

    def __init__(self, mother, father, places, seed):
        self.mother = mother
        self.father = father
        self.places = places
        self.seed = seed


class Output:
    """The couple's best child: its ``tour``, and the tour's ``length`` in kilometres."""

    def __init__(self, length, tour):
        self.length = length
        self.tour = tour
