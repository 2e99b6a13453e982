"""The master's decisions, event by event: no file, no process, no clock."""

import pytest

from pyboinc.decisions import (
    FLUSH,
    Arrival,
    Arrived,
    CallMade,
    Failed,
    Finish,
    Flush,
    Handle,
    Master,
    More,
    Note,
    Outvoted,
    ProgramBuilt,
    PutAway,
    Ready,
    ReplayError,
    Submit,
    Wait,
    Write,
)
from pyboinc.model import Call
from pyboinc.packing import Packer


class Shell:
    """Carries out a master's instructions in memory, as run.py does on disk."""

    def __init__(self, journal=(), **more):
        self.journal = list(journal)
        self.submitted = []
        self.put_away = []
        self.master = Master(self.journal, **more)

    def obey(self, instructions):
        for each in instructions:
            if isinstance(each, Write):
                self.journal += each.entries
            elif isinstance(each, Submit):
                self.submitted += [(job.first, job.attempt, len(job.inputs)) for job in each.jobs]
            elif isinstance(each, PutAway):
                self.put_away.append(each.file)
        return instructions[-1] if instructions else None

    def call(self, text="x"):
        position = self.master.next_position()
        call = Call(position, "slave.py", text)
        self.obey(self.master.handle(CallMade(call, "program", text.encode(), f"digest of {text}", f"slave.py({text!r})")))
        return position

    def ready(self):
        return self.obey(self.master.handle(Ready()))

    def arrive(self, file, *records):
        self.obey(self.master.handle(Arrived(file, [Arrival(*each) for each in records])))

    def handled(self):
        """Positions handled until the master waits or finishes."""
        positions = []
        while isinstance(step := self.ready(), Handle):
            positions.append(step.call.position)
        return positions, type(step)


def finished_run():
    """Three calls whose results came in the order 1, 2, 0; handling 1 made the call 1.0."""
    shell = Shell()
    for _ in range(3):
        shell.call()
    shell.ready()
    shell.arrive("b", ("1", 0, True))
    assert shell.ready().call.position == "1"
    assert shell.call("child") == "1.0"
    shell.arrive("c", ("2", 0, True))
    shell.arrive("a", ("0", 0, True))
    shell.arrive("d", ("1.0", 0, True))
    assert shell.handled() == (["2", "0", "1.0"], Finish)
    return shell


def test_jobs_are_journalled_before_they_are_submitted():
    shell = Shell()
    shell.call()
    instructions = shell.master.handle(Flush())
    assert [type(each) for each in instructions] == [Write, Submit]
    assert instructions[0].entries == [["made", "0", 0, [["digest of x", "slave.py('x')"]]]]


def test_calls_are_submitted_in_groups():
    shell = Shell()
    for _ in range(FLUSH - 1):
        shell.call()
    assert shell.submitted == []
    shell.call()
    assert len(shell.submitted) == FLUSH


def test_the_order_is_journalled_before_the_first_handler_is_called():
    shell = Shell()
    shell.call(), shell.call()
    shell.ready()
    shell.arrive("both", ("1", 0, True), ("0", 0, True))
    instructions = shell.master.handle(Ready())
    assert instructions[0].entries == [["handled", "1", True], ["handled", "0", True]]
    assert isinstance(instructions[1], Handle)


def test_a_file_is_put_away_when_its_last_call_is_handled():
    shell = Shell()
    shell.call(), shell.call()
    shell.ready()
    shell.arrive("both", ("0", 0, True), ("1", 0, True))
    shell.ready()
    assert shell.put_away == []
    shell.ready()
    assert shell.put_away == []
    assert isinstance(shell.ready(), Finish)
    assert shell.put_away == ["both"]


def test_no_calls_is_a_finished_run():
    assert isinstance(Shell().ready(), Finish)


def test_a_resumed_run_handles_in_the_same_order_and_makes_nothing():
    before = finished_run()
    shell = Shell(before.journal)
    for file, first in (("a", "0"), ("b", "1"), ("c", "2"), ("d", "1.0")):
        shell.arrive(file, (first, 0, True))
    for _ in range(3):
        shell.call()
    assert shell.ready().call.position == "1"
    assert shell.call("child") == "1.0"
    assert shell.handled() == (["2", "0", "1.0"], Finish)
    assert shell.submitted == []
    assert shell.journal == before.journal
    assert sorted(shell.put_away) == ["a", "b", "c", "d"]


def test_a_resumed_run_submits_again_what_has_no_record():
    shell = Shell([["made", "0", 0, [["digest of x", ""]]], ["made", "1", 0, [["digest of x", ""]]]])
    shell.arrive("a", ("0", 0, True))
    shell.call(), shell.call()
    assert shell.handled() == (["0"], Wait)
    assert shell.submitted == [("1", 0, 1)]


def test_a_new_call_after_the_journalled_ones_is_made():
    before = finished_run()
    shell = Shell(before.journal)
    for _ in range(4):
        shell.call()
    shell.ready()
    assert ("3", 0, 1) in shell.submitted


def test_another_call_at_a_position_shows_both():
    shell = Shell([["made", "0", 0, [["digest of x", "slave.py('x')"]]]])
    with pytest.raises(ReplayError, match=r"(?s)position 0 .*then  slave.py\('x'\).*now   slave.py\('y'\).*--fresh"):
        shell.call("y")


def test_a_handled_call_that_is_not_made_again():
    before = finished_run()
    shell = Shell(before.journal)
    shell.call()
    with pytest.raises(ReplayError, match=r"call 1 .* did not make that call"):
        shell.ready()


def test_a_handled_result_whose_file_is_gone_runs_again_in_its_place():
    before = finished_run()
    shell = Shell(before.journal)
    for file, first in (("a", "0"), ("c", "2"), ("d", "1.0")):
        shell.arrive(file, (first, 0, True))
    for _ in range(3):
        shell.call()
    assert isinstance(shell.ready(), Wait)
    assert shell.submitted == [("1", 0, 1)]
    shell.arrive("b2", ("1", 0, True))
    assert shell.ready().call.position == "1"


def test_the_first_record_stands_and_a_duplicate_is_put_away():
    shell = Shell()
    shell.call(), shell.call()
    shell.ready()
    shell.arrive("a", ("0", 0, True))
    assert shell.handled() == (["0"], Wait)
    shell.arrive("a again", ("0", 0, True))
    shell.arrive("too late an error", ("0", 0, False))
    assert shell.handled() == ([], Wait)
    assert shell.put_away == ["a", "a again", "too late an error"]


@pytest.mark.parametrize("order", [["error", "output"], ["output", "error"]])
def test_an_output_wins_over_an_error(order):
    shell = Shell()
    shell.call()
    shell.ready()
    for file in order:
        shell.arrive(file, ("0", 0, file == "output"))
    step = shell.ready()
    assert step.file == "output"
    assert isinstance(shell.ready(), Finish)
    assert sorted(shell.put_away) == ["error", "output"]


def test_what_was_journalled_stands_even_against_a_late_output():
    shell = Shell()
    shell.call()
    shell.ready()
    shell.arrive("error", ("0", 0, False))
    assert shell.handled() == (["0"], Finish)
    again = Shell(shell.journal)
    again.arrive("late output", ("0", 0, True))
    again.arrive("error", ("0", 0, False))
    again.call()
    assert again.ready().file == "error"
    assert isinstance(again.ready(), Finish)


def test_records_of_calls_not_made_yet_wait_for_them():
    shell = Shell([["made", "0", 0, [["digest of x", ""]]], ["handled", "0", True], ["made", "0.0", 0, [["digest of x", ""]]]])
    shell.arrive("child", ("0.0", 0, True))
    shell.arrive("parent", ("0", 0, True))
    shell.call()
    assert shell.ready().call.position == "0"
    assert shell.call() == "0.0"
    assert shell.handled() == (["0.0"], Finish)


def test_a_job_of_several_calls_is_submitted_whole_and_handled_call_by_call():
    journal = [["made", "0", 0, [["digest of x", ""], ["digest of x", ""], ["digest of x", ""]]]]
    shell = Shell(journal)
    for _ in range(3):
        shell.call()
    shell.ready()
    assert shell.submitted == [("0", 0, 3)]
    shell.arrive("a", ("0", 0, True))
    assert [shell.ready().entry for _ in range(3)] == [0, 1, 2]
    assert isinstance(shell.ready(), Finish)
    assert shell.put_away == ["a"]


def test_a_write_of_handled_lines_that_was_cut_off_counts_for_nothing():
    made = ["made", "0", 0, [["digest of x", ""], ["digest of x", ""]]]
    shell = Shell([made, ["handled", "0", True]])
    shell.arrive("a", ("0", 0, True))
    shell.call(), shell.call()
    assert shell.handled() == (["0", "1"], Finish)
    again = Shell([made, ["handled", "0", True], *shell.journal[2:]])
    again.arrive("a", ("0", 0, True))
    again.call(), again.call()
    assert again.handled() == (["0", "1"], Finish)


def test_failed_and_outvoted_calls_are_noted_once():
    shell = Shell()
    shell.call()
    assert shell.master.handle(Failed("0")) == [Note([["failed", "0"]])]
    assert shell.master.handle(Failed("0")) == []
    assert shell.master.handle(Outvoted("0")) == [Note([["outvoted", "0"]])]
    shell.journal += [["made", "0", 0, [["digest of x", ""]]], ["handled", "0", True], ["failed", "0"], ["outvoted", "0"]]
    assert Master(shell.journal).handle(Failed("0")) == []
    assert Master(shell.journal).handle(Outvoted("0")) == []
    assert len(Master([*shell.journal, ["rerun", ["0"]]]).handle(Failed("0"))) == 1


def test_rerun_gives_a_new_attempt_and_forgets_what_followed():
    before = finished_run()
    shell = Shell([*before.journal, ["rerun", ["1"]]])
    for file, first in (("a", "0"), ("b", "1"), ("c", "2"), ("d", "1.0")):
        shell.arrive(file, (first, 0, True))
    for _ in range(3):
        shell.call()
    assert shell.handled() == (["2", "0"], Wait)
    assert shell.submitted == [("1", 1, 1)]
    shell.arrive("b2", ("1", 1, True))
    assert shell.ready().call.position == "1"
    assert shell.call("child") == "1.0"
    shell.ready()
    assert shell.submitted == [("1", 1, 1), ("1.0", 0, 1)]


def test_a_changed_program_is_refused():
    shell = Shell()
    shell.obey(shell.master.handle(ProgramBuilt("slave.py", "a" * 64)))
    again = Shell(shell.journal)
    assert again.master.handle(ProgramBuilt("slave.py", "a" * 64)) == []
    with pytest.raises(ReplayError, match=r"slave.py .* has changed"):
        Shell(shell.journal).master.handle(ProgramBuilt("slave.py", "b" * 64))


def test_an_unknown_entry_is_refused():
    with pytest.raises(ReplayError, match="line 1: an entry 'banana'"):
        Master([["banana"]])


def test_nothing_is_kept_of_calls_that_are_handled():
    shell = finished_run()
    state = {name: value for name, value in vars(shell.master).items() if isinstance(value, (dict, list)) or hasattr(value, "popleft")}
    kept = {name for name, value in state.items() if value}
    assert kept <= {"_settled", "_next"}


# ---- several calls in one job


def packed(size, journal=(), **more):
    return Shell(journal, packer=Packer(size), **more)


def test_a_packed_job_keeps_its_calls_through_restarts():
    shell = packed(3)
    for text in "abcde":
        shell.call(text)
    assert isinstance(shell.ready(), Wait)
    assert shell.submitted == [("0", 0, 3), ("3", 0, 2)]
    shell.arrive("b", ("3", 0, True))
    assert shell.ready().call.position == "3"
    assert shell.journal[-1] == ["handled", "3", True]
    again = packed(100, shell.journal)  # another size: jobs that exist stay as they are
    again.arrive("b", ("3", 0, True))
    for text in "abcdefg":
        again.call(text)
    assert again.handled() == (["3", "4"], Wait)
    assert again.submitted == [("0", 0, 3), ("5", 0, 2)]
    again.arrive("a", ("0", 0, True))
    again.arrive("c", ("5", 0, False))
    steps = [again.ready() for _ in range(5)]
    assert [(step.call.position, step.entry) for step in steps] == [("0", 0), ("1", 1), ("2", 2), ("5", 0), ("6", 1)]
    assert isinstance(again.ready(), Finish)
    assert set(again.put_away) == {"a", "b", "c"}


def test_rerun_of_a_packed_job_runs_all_its_calls():
    shell = packed(2)
    shell.call(), shell.call()
    shell.ready()
    shell.arrive("a", ("0", 0, True))
    shell.handled()
    again = packed(1, [*shell.journal, ["failed", "1"], ["rerun", ["0", "1"]]])
    again.call(), again.call()
    assert isinstance(again.ready(), Wait)
    assert again.submitted == [("0", 1, 2)]


def test_a_program_that_leaves_out_a_call_of_a_job():
    shell = packed(3)
    for _ in range(3):
        shell.call()
    shell.ready()
    again = packed(3, shell.journal)
    again.call()
    with pytest.raises(ReplayError, match="made the call 1, in one job with the call 0"):
        again.ready()


# ---- a generator of calls


def drive(shell, steps, arrive):
    """Runs a generator `steps`; what happened, in order. arrive(first, count): called for each new job that is submitted."""
    log, seen = [], 0
    while True:
        more = steps is not None
        last = shell.obey(shell.master.handle(Ready(more)))
        for first, _, count in shell.submitted[seen:]:
            log.append(f"job {first}+{count}")
        seen = len(shell.submitted)
        if isinstance(last, Handle):
            log.append(last.call.position)
        elif isinstance(last, More):
            if next(steps, None) is None:
                steps = None
        elif isinstance(last, Wait):
            arrive(log)
        else:
            return log


def test_a_generator_is_asked_as_work_is_needed():
    shell = packed(2, in_flight=4)

    def endless():
        for _ in range(9):
            shell.call()
            assert shell.master.made - shell.master.handled <= 4
            yield True

    arrived = iter(range(0, 9, 2))

    def arrive(log):
        first = next(arrived)
        assert f"job {first}+{1 if first == 8 else 2}" in log
        shell.arrive(f"f{first}", (str(first), 0, True))

    log = drive(shell, endless(), arrive)
    assert [each for each in log if each.isdigit()] == [str(i) for i in range(9)]
    assert log[:5] == ["job 0+2", "job 2+2", "0", "1", "job 4+2"]

    def refuse(log):
        raise AssertionError("every record is there")

    def replayed(in_flight):
        again = packed(5, shell.journal, in_flight=in_flight)
        for first in range(0, 9, 2):
            again.arrive(f"f{first}", (str(first), 0, True))
        log = drive(again, (again.call() for _ in range(9)), refuse)
        assert not again.submitted
        return log

    assert replayed(4) == replayed(100) == replayed(1) == [str(i) for i in range(9)]


def test_a_generator_that_has_nothing_to_add_waits_for_results():
    shell = Shell(in_flight=10)
    asked = []

    def steps():
        shell.call()
        yield True
        for _ in range(3):
            asked.append(shell.master.handled)
            yield True
        shell.call()
        yield True

    waits = []

    def arrive(log):
        waits.append(len(asked))
        shell.arrive(f"f{len(waits)}", (str(len(waits) - 1), 0, True))

    drive(shell, steps(), arrive)
    assert waits[0] == 1, "asked once, it had nothing, and is not asked before the result is handled"
    assert shell.handled() == ([], Finish) and shell.master.handled == 2


def test_more_calls_in_one_step_than_may_be_in_flight():
    shell = packed(10, in_flight=2)

    def steps():
        for _ in range(3):
            for _ in range(5):
                shell.call()
            yield True

    arrived = []

    def arrive(log):
        for each in log:
            if each.startswith("job") and each not in arrived:
                arrived.append(each)
                shell.arrive(each, (each[4:].partition("+")[0], 0, True))

    drive(shell, steps(), arrive)
    assert arrived == ["job 0+5", "job 5+5", "job 10+5"], "a job that will not fill up does not wait for ever"
