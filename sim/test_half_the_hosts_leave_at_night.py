"""Half of the hosts are office computers: on for 14 hours, off for 10. The others are always on.

At night the project does half of what it does by day, and what an office computer was working on waits for the morning: its
results are the slow ones, but none is lost and no job fails, as the deadline is a week.
"""

FLEET = """
[[hosts]]
number = 20
name = "servers"
[[hosts]]
number = 20
name = "offices"
on = "14h"
off = "10h"
begin = "on"
"""
DAY = 24.0


def done_each_hour(tally, first, last):
    """Jobs done between these hours of any day."""
    hours = [t / 3600 % DAY for t in tally.ended if DAY <= t / 3600 < 4 * DAY]
    return sum(first <= hour < last for hour in hours) / (last - first)


def test_the_nights_are_half_as_fast(play):
    tally = play(FLEET, jobs=4000)
    day, night = done_each_hour(tally, 2, 14), done_each_hour(tally, 15, 24)
    assert 0.4 < night / day < 0.6
    assert not tally.failed and tally.no_reply == 0


def test_what_is_begun_in_the_evening_comes_in_the_morning(play):
    slow = sorted(play(FLEET, jobs=4000).turnaround)
    assert slow[len(slow) // 2] < 1.5 * 3600 and slow[-1] > 10 * 3600


def test_a_deadline_shorter_than_the_night_sends_them_again(play):
    tally = play(FLEET, jobs=4000, deadline=6 * 3600.0)
    assert tally.late > 20 and tally.sent_per_canonical > 1.005
    assert not tally.failed, "another host has time enough"
