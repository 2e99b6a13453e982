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


class Shell:
    """Carries out a master's instructions in memory, as run.py does on disk."""

    def __init__(self, journal=()):
        self.journal = list(journal)
        self.submitted = []
        self.put_away = []
        self.master = Master(self.journal)

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
