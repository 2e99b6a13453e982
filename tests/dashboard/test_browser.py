"""The dashboard in a real browser: what a person sees and clicks. PYBOINC_SCREENSHOTS=DIR keeps pictures of it."""

import os
from pathlib import Path

import chromium
import pytest

PROGRAM = chromium.find()
pytestmark = pytest.mark.skipif(PROGRAM is None or os.name == "nt", reason="no Chromium is installed")


@pytest.fixture
def browser(tmp_path):
    with chromium.Browser(PROGRAM, tmp_path / "profile") as made:
        yield made


def pictures(tmp_path, name):
    folder = Path(os.environ.get("PYBOINC_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.png"


def test_a_person_looks_at_a_batch_and_cancels_it(batch, serve, browser, tmp_path):
    browser.look(1100, 900, dark=False)
    browser.open(serve(batch.folder))
    text = browser.text()
    for shown in (
        "Batch 7",
        "stopped",
        "of 10 calls done",
        "Results by platform",
        "windows_x86_64",
        "found wrong",
        "Turnaround",
        "ValueError",
        "host 1",
    ):
        assert shown in text, shown
    assert "<script>" in text and browser.run("document.title") == "Batch 7 - PyBOINC"  # hostile text is text
    assert browser.run("document.querySelectorAll('script, img').length") == 0
    assert browser.run("location.search") == ""  # the token has left the address
    assert browser.run("[...document.querySelectorAll('svg .line-a')].every(e => getComputedStyle(e).strokeWidth == '2.2px')")
    asked = [each["params"]["request"]["url"] for each in browser.events if each["method"] == "Network.requestWillBeSent"]
    assert asked and all(url.startswith("http://127.0.0.1:") for url in asked)
    assert not [each for each in browser.events if each["method"] == "Log.entryAdded"]  # such as a breach of the policy

    colours = {}
    for name, width, height, dark in (("light", 1100, 900, False), ("dark", 1100, 900, True), ("phone", 390, 844, False)):
        picture = pictures(tmp_path, name)
        browser.look(width, height, dark, picture)
        colours[name] = browser.run("getComputedStyle(document.body).backgroundColor")
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert browser.run("document.documentElement.scrollWidth") <= width  # nothing is cut off or needs scrolling sideways
    assert colours["light"] == colours["phone"] != colours["dark"]

    browser.look(1100, 900, dark=False)
    browser.click("a[href='/cancel']")
    assert "Cancel this batch?" in browser.text()
    browser.click("a[href='/']")
    assert "state: running" in (batch.folder / "pyboinc_checkpoint").read_text()
    browser.click("a[href='/cancel']")
    browser.click("button")
    assert "cancelled" in browser.text()
    assert "state: cancelled" in (batch.folder / "pyboinc_checkpoint").read_text()
    assert not browser.run("document.querySelector('meta[http-equiv=refresh]')")  # nothing changes any more


def test_the_policy_holds_against_a_script_that_got_in(batch, serve, browser):
    browser.open(serve(batch.folder))
    browser.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
    browser.run("document.head.append(Object.assign(document.createElement('script'), {textContent: 'document.title=2'}))")
    assert browser.run("document.title") == "Batch 7 - PyBOINC"
