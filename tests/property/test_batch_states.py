"""The states of a batch on the local project, with simulated volunteers: honest ones, and some that never answer or fail."""

from batch_states import BatchMachine
from hypothesis import strategies as st
from hypothesis.stateful import initialize

from pyboinc.model import JobSettings
from pyboinc_local.plugin import LocalBackend

FLEETS = {
    "honest": "[[hosts]]\nnumber = 3\n",
    "late": "[[hosts]]\nnumber = 6\nlost = 0.3\nlate = 0.3\nduplicate = 0.5\n",
    "broken": "[[hosts]]\nnumber = 6\ncrash = 0.4\ntruncated = 0.1\n",
}


class OnLocal(BatchMachine):
    interface = "local"
    fleet = "honest"

    @initialize(fleet=st.sampled_from(list(FLEETS)))
    def hosts(self, fleet):
        self.fleet = fleet

    def backend(self):
        return LocalBackend()

    def table(self):
        path = self.app / "fleet.toml"
        path.write_text(FLEETS[self.fleet])
        return {"fleet": str(path), "slave": "model", "run_time": "exponential 1h"}

    def settings(self):
        return JobSettings(deadline=20_000, max_total_results=5, max_error_results=3)

    def expects(self, value):
        return [None] if self.fleet == "honest" else [None, "JobError"]


def test_a_late_output_does_not_replace_the_error_that_was_handled(tmp_path):
    OnLocal.in_folder(tmp_path)
    batch = OnLocal()
    batch.hosts("late")
    batch.submit([0] * 59)
    batch.teardown()
    assert "JobError" in dict(batch.model.handled).values()


def test_states_of_a_batch(tmp_path):
    OnLocal.play(tmp_path, examples=20)
