"""What the page of a batch says, from its files: figures, and the time left with its uncertainty."""

import random

import pytest
from handmade import HOSTILE, START

from pyboinc.dashboard import page
from pyboinc.dashboard.figures import Histogram
from pyboinc.dashboard.source import Source
from pyboinc.forecast import Arrival, duration, forecast


def test_figures_of_a_batch(batch):
    found = Source(str(batch.folder)).look()
    assert (found.heading.batch, found.heading.state) == (7, "stopped")
    assert (found.calls.made, found.calls.handled, found.calls.arrived, found.calls.failed) == (10, 8, 1, 3)
    assert found.done[0] == (0.0, 0.0) and found.done[-1] == (480.0, 9.0)
    assert found.outcomes == {"accepted": 8, "found wrong": 1, "failed": 1}
    assert found.hosts == {"host 1": {"found wrong": 1}, f"host 2 {HOSTILE}": {"failed": 1}}
    assert found.computing == Histogram(0, [1] * 8)
    assert [len(group) for group in found.failures] == [2, 1]
    assert found.forecast is None  # nobody works on it


def test_results_by_platform_and_their_turnaround(batch):
    found = Source(str(batch.folder)).look()
    assert found.platforms == {
        "x86_64-pc-linux-gnu": {"accepted": 8},
        "windows_x86_64": {"found wrong": 1, "failed": 1},
        f"aarch64 {HOSTILE}": {"on a host": 1},
        "": {"not sent yet": 2},
    }
    assert found.turnaround == Histogram(6, [5, 0, 0, 1, 0, 0, 3])  # what failed has none
    shown = page.overview(found)
    assert "<h2>Results by platform</h2>" in shown and "<h2>Results</h2>" not in shown
    assert "no host yet" in shown and "The one in the middle: 1.1 min to 2.1 min." in shown


def test_without_a_word_of_the_project_the_page_tells_what_the_batch_knows(batch):
    (batch.folder / "pyboinc_results").unlink()
    shown = page.overview(Source(str(batch.folder)).look())
    assert "<h2>Results</h2>" in shown and "Results by platform" not in shown and "can't be asked" not in shown
    checkpoint = batch.folder / "pyboinc_checkpoint"
    checkpoint.write_text(checkpoint.read_text().replace("local", "<elsewhere>"))
    shown = page.overview(Source(str(batch.folder)).look())
    assert (
        "The project can&#x27;t be asked" in shown
        and "no backend is called &#x27;&lt;elsewhere&gt;&#x27;" in shown
        and "<h2>Results</h2>" in shown
    )


def test_a_result_file_is_read_once_and_new_ones_are_seen(batch, monkeypatch):
    source = Source(str(batch.folder))
    source.look()
    kept = batch.folder / "old" / "pyboinc_7_c0ffee_0"
    kept.write_bytes(b"x" * kept.stat().st_size)  # would be an error if it were read again
    (batch.folder / "new" / "pyboinc_7_c0ffee_8").unlink()
    source.forget()
    assert source.look().outcomes == {"accepted": 8, "found wrong": 1}


def test_every_text_of_strangers_is_escaped(batch):
    shown = page.overview(Source(str(batch.folder)).look())
    assert "<script" not in shown and "<img" not in shown and "\x1b" not in shown
    assert shown.count("&lt;script&gt;") >= 4  # host, message, traceback, stderr
    assert " style=" not in shown and "on" + "error=" in shown  # as text


def test_the_time_left_of_independent_arrivals_is_in_its_interval():
    """Poisson arrivals at 1 a second, 500 to go: the interval holds the truth in about 90 of 100 cases."""
    dice = random.Random(4)
    hits = 0
    for _ in range(200):
        times, now = [], 0.0
        for _ in range(1000):
            now += dice.expovariate(1.0)
            times.append(now)
        found = forecast([Arrival(time, 1) for time in times[:500]], 500, times[499])
        assert found is not None and 0.7 < found.rate < 1.5
        hits += found.low <= times[999] - times[499] <= found.high
    assert 166 <= hits <= 196  # 180 +- 3.3 standard deviations


def test_silence_makes_it_longer_and_too_few_arrivals_tell_nothing():
    steady = [Arrival(10.0 * i, 1) for i in range(41)]
    assert forecast(steady, 10, 400.0).left == pytest.approx(100.0)
    assert forecast(steady, 10, 800.0).left > 250.0
    assert forecast(steady, 0, 400.0) is None
    assert forecast(steady[:8], 10, 70.0) is None
    assert forecast([], 10, 0.0) is None
    assert forecast([Arrival(START, 1)] * 40, 10, START) is None  # all at once: no speed
    assert duration(3 * 86400.0) == "3.0 days"
