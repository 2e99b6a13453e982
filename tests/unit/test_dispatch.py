"""Which worker gets which job: decisions only."""

from pyboinc_local.dispatch import Dispatcher, Revoke, Send


def dispatcher(workers, jobs):
    made = Dispatcher()
    for worker in range(workers):
        made.worker_came(worker, 0.0)
    made.add(list(range(jobs)))
    return made


def test_one_job_each_while_run_times_are_unknown():
    assert dispatcher(2, 10).assign(0.0) == [Send(0, [0]), Send(1, [1])]


def test_short_jobs_are_sent_ahead_and_long_ones_are_not():
    for seconds, at_least, at_most in ((0.001, 8, 20), (10.0, 1, 1)):
        made = dispatcher(1, 100)
        made.assign(0.0)
        made.answered(0, 0, seconds)
        (sent,) = made.assign(seconds)
        assert at_least <= len(sent.jobs) <= at_most


def test_the_last_jobs_are_spread():
    made = dispatcher(2, 12)
    made.assign(0.0)
    made.answered(0, 0, 0.0001)
    made.answered(1, 1, 0.0001)
    assert [len(each.jobs) for each in made.assign(0.0001)] == [5, 3]


def test_a_dead_worker_costs_only_the_job_that_ran():
    made = dispatcher(1, 50)
    made.assign(0.0)
    made.answered(0, 0, 0.001)
    (sent,) = made.assign(0.001)
    assert made.worker_died(0) == sent.jobs[0]
    made.worker_came(1, 1.0)
    (again,) = made.assign(1.0)
    assert again.jobs[0] == sent.jobs[1]


def test_a_worker_that_dies_idle_costs_nothing():
    assert dispatcher(1, 0).worker_died(0) is None


def test_jobs_behind_a_long_one_are_taken_back_for_an_idle_worker():
    made = dispatcher(2, 2)
    made.assign(0.0)
    made.answered(0, 0, 0.001)
    made.add([2, 3, 4, 5, 6, 7])
    made.assign(0.001)
    made.answered(1, 1, 0.002)
    made.assign(0.002)
    waiting = made._workers[0].jobs if made._workers[0].jobs else made._workers[1].jobs
    assert len(waiting) > 1
    for job in list(made._workers[1].jobs):
        made.answered(1, job, 0.003)
    assert made.take_back(0.004) == []
    revoke, *sends = made.take_back(1.0)
    assert isinstance(revoke, Revoke)
    assert [send.jobs for send in sends] == [[min(revoke.jobs)]], "one at a time, now that jobs are known to be long"
    assert made.waiting == len(revoke.jobs) - 1


def test_the_answer_to_a_job_taken_back_is_not_taken():
    made = dispatcher(2, 0)
    made.add([0, 1])
    made._workers[0].jobs.extend([10, 11])
    assert made.answered(0, 99, 1.0) is False
    assert made.answered(0, 10, 2.0) is True
