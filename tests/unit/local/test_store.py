"""The indexes that spare scans."""

from pyboinc.states import NEVER, OVER
from pyboinc_local.server.rows import Result, Workunit
from pyboinc_local.store import Alarms, Archive, Lane, Unsent


def results(*workunits):
    return [Result(number, wu, 0) for number, wu in enumerate(workunits, 1)]


def lane(*workunits):
    made = Lane(lambda result: result.server_state == OVER)
    for result in results(*workunits):
        made.add(result)
    return made


def emptied(lane):
    return [result.workunitid for result in iter(lane.pop, None)]


def test_results_of_older_workunits_come_first():
    assert emptied(lane(3, 4, 5, 1, 4, 9, 2)) == [1, 2, 3, 4, 4, 5, 9]


def test_stale_results_are_passed_over():
    made = lane(2, 3, 1)
    for _ in range(2):
        made.head().server_state = OVER
    assert emptied(made) == [3]


def test_take_looks_at_a_limited_number_and_keeps_the_order():
    made = lane(1, 2, 3, 4, 2)
    assert made.take(lambda result: result.workunitid == 4, 3) is None
    assert made.take(lambda result: result.workunitid == 3, 4).workunitid == 3
    assert emptied(made) == [1, 2, 2, 4]


def test_levels_are_in_order_of_priority():
    workunits = {n: workunit(n) for n in (1, 2, 3)}
    unsent = Unsent(workunits)
    for number, priority in ((1, 0), (2, 7), (3, -1)):
        unsent.add(Result(number, number, priority), workunits[number])
    heads = [classes[0].head().workunitid for level in unsent.levels() for classes in level.values()]
    assert heads == [2, 1, 3] and unsent.count == 3


def workunit(number, transition_time=NEVER):
    return Workunit(number, "wu", 1, 1, None, 0.0, 2, 2, 3, 10, 6, 100.0, 1e12, transition_time=transition_time)


def test_an_alarm_rings_once_when_its_time_lies_in_the_past():
    wu, alarms = workunit(1, 50.0), Alarms()
    workunits = {1: wu}
    alarms.set(wu)
    alarms.set(wu)
    assert alarms.next() == 51.0
    assert alarms.due(50.5, workunits) is None
    assert alarms.due(51.0, workunits) is wu
    assert alarms.due(99.0, workunits) is None and alarms.next() is None


def test_an_alarm_can_be_set_earlier_and_put_off():
    wu, alarms = workunit(1, 50.0), Alarms()
    alarms.set(wu)
    wu.transition_time = 30.0
    alarms.set(wu)
    wu.transition_time = 70.0
    assert alarms.due(60.0, {1: wu}) is None
    assert alarms.due(71.0, {1: wu}) is wu
    wu.transition_time = NEVER
    alarms.set(wu)
    assert alarms.due(1e9, {1: wu}) is None


def test_an_alarm_of_a_purged_workunit_is_dropped():
    alarms = Alarms()
    alarms.set(workunit(1, 50.0))
    assert alarms.due(100.0, {}) is None and alarms.next() is None


def test_the_archive_keeps_what_became_of_a_workunit():
    archive, wu = Archive(), workunit(4)
    wu.results = results(4, 4)
    wu.results[1].hostid = 8
    wu.canonical_resultid = 2
    archive.add(wu, 60.0)
    assert len(archive) == 1 and list(archive) == [(4, 0, 2, 8, 0.0, 60.0)]
