"""One host of ten lies, always, and in its own way.

With quorum 1 a project believes it: a tenth of the results are wrong, and nobody knows. With quorum 2 every job that the liar
gets is sent to a third host, which settles it: not one wrong result is accepted, and the price is small.
"""

FLEET = """
[[hosts]]
number = 9
[[hosts]]
number = 1
wrong = 1.0
"""


def test_without_a_quorum_the_liar_is_believed(play):
    tally = play(FLEET)
    assert 30 <= tally.wrong_accepted <= 75 and tally.wrong_accepted == tally.wrong_credited
    assert tally.sent_per_canonical == 1.0


def test_with_a_quorum_it_is_outvoted(play):
    tally = play(FLEET, quorum=2)
    assert (tally.wrong_accepted, tally.wrong_credited, tally.honest_refused) == (0, 0, 0)
    assert tally.canonical == 500 and not tally.failed
    assert 60 <= tally.disagreed <= 150, "all that the liar sent"
    assert 2.1 < tally.sent_per_canonical < 2.3
