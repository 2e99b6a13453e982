"""Six hosts of sixty are in league: they give the same wrong output, and are honest until the project trusts them.

Adaptive replication lets a host that was right ten times in a row work alone, most of the time. That is what the league has
waited for: a lie that nobody compares is accepted, and earns more trust. A plain quorum of 2 accepts a lie only where two of the
league get the same job. Three that must agree would be safe against a league this small, but BOINC's quorum of 3 asks for a
majority, and two are one.
"""

FLEET = """
[[hosts]]
number = 54
[[hosts]]
number = 6
wrong = 0.5
collude = "league"
honest_until = 10
"""
JOBS = 3000


def test_adaptive_replication_believes_the_league(play):
    tally = play(FLEET, jobs=JOBS, adaptive=2)
    assert tally.sent_per_canonical < 1.6, "this is what it is for: hosts that are trusted work alone"
    assert tally.wrong_accepted > 0.02 * JOBS


def test_a_plain_quorum_leaves_it_only_what_two_of_them_get(play):
    adaptive, plain, three = (play(FLEET, jobs=JOBS, **settings) for settings in ({"adaptive": 2}, {"quorum": 2}, {"quorum": 3}))
    assert plain.sent_per_canonical > 2.0
    assert plain.wrong_accepted < adaptive.wrong_accepted / 4
    assert three.wrong_accepted < adaptive.wrong_accepted / 2, "a majority of three is two: no better than a quorum of 2"


def test_without_the_league_adaptive_replication_is_cheap_and_right(play):
    tally = play("[[hosts]]\nnumber = 60", jobs=JOBS, adaptive=2)
    assert tally.wrong_accepted == 0 and tally.sent_per_canonical < 1.5
