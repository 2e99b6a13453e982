"""Jobs take four hours, and the scientist gives hosts three.

Nearly every result comes late. The project gives each up at its deadline and sends another, which is late too: hosts compute
the same again and again. Late results are still welcome if they come before their job has failed, but ten results without one in
time are the end of a job. The cure is what `pyboinc simulate` tries: one and a half times what 95 of 100 results took.
"""

from pyboinc_local.fleet.study import DEADLINE_ROOM, DEADLINE_SHARE
from pyboinc_local.fleet.tally import percentile

FLEET = "[[hosts]]\nnumber = 50\nspeed = 'lognormal 1.0 0.2'\n"
HOURS = 3600.0


def test_hosts_compute_the_same_again_and_again(play):
    tally = play(FLEET, hours=4, jobs=300, deadline=3 * HOURS)
    assert tally.no_reply > 0.5 * tally.results_sent
    assert tally.sent_per_canonical > 1.5
    assert tally.total_time > 1.3 * tally.useful


def test_the_deadline_that_is_tried_is_long_enough(play):
    short = play(FLEET, hours=4, jobs=300, deadline=3 * HOURS)
    longer = percentile(short.turnaround, DEADLINE_SHARE) * DEADLINE_ROOM
    tally = play(FLEET, hours=4, jobs=300, deadline=longer)
    assert 6 * HOURS < longer < 16 * HOURS
    assert tally.sent_per_canonical < 1.02 and not tally.failed
    assert tally.last < short.last
