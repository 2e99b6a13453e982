"""Round trips as lists of indices into a list of places. It travels to volunteers with the slave.

Lengths are whole numbers, each leg rounded, so that they are the same on every computer: sums of floats are not
(Python 3.12 adds them up more exactly than 3.11 does).
"""

from math import sqrt


def leg(here, there):
    """Return the kilometres between two places, each (east, north)."""
    east, north = there[0] - here[0], there[1] - here[1]
    return round(sqrt(east * east + north * north))


def length(tour, places):
    """Return the kilometres of a tour and back to where it began."""
    return sum(leg(places[tour[i - 1]], places[tour[i]]) for i in range(len(tour)))


def crossed(mother, father, dice):
    """Return a child: a stretch of one parent's tour stays in its place, the other cities come in the other parent's order."""
    first, last = sorted(dice.sample(range(len(mother) + 1), 2))
    kept = mother[first:last]
    others = [city for city in father if city not in kept]
    return others[:first] + kept + others[first:]


def straightened(tour, places):
    """Look once at each pair of legs: where the way is shorter with the stretch between them turned round, turn it round."""
    tour = tour[:]
    for first in range(1, len(tour) - 1):
        for last in range(first + 1, len(tour)):
            before, start = places[tour[first - 1]], places[tour[first]]
            end, after = places[tour[last]], places[tour[(last + 1) % len(tour)]]
            if leg(before, end) + leg(start, after) < leg(before, start) + leg(end, after):
                tour[first : last + 1] = reversed(tour[first : last + 1])
    return tour
