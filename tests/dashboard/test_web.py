"""The dashboard's server, spoken to as a browser, a stranger and another site would."""

import http.client
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from pyboinc.batchdir import BatchDir
from pyboinc.cli import change
from pyboinc.ports import Disk

HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


def ask(link, method="GET", path=None, body=None, **headers):
    """Status, headers and text of an answer; nothing is followed."""
    parts = urlsplit(link)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    connection.request(method, path or f"{parts.path}?{parts.query}", body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def entered(link):
    """The cookie that the link gives."""
    status, headers, _ = ask(link)
    assert status == 303 and headers["Location"] == "/"
    assert "HttpOnly" in headers["Set-Cookie"] and "SameSite" in headers["Set-Cookie"]
    return headers["Set-Cookie"].partition(";")[0]


def test_only_who_has_the_token_sees_the_page(batch, serve):
    link = serve(batch.folder)
    for path in ("/", "/cancel", "/retire", "/?token=wrong", "/?token="):
        status, headers, text = ask(link, path=path)
        assert status == 403 and "calls" not in text and str(batch.folder) not in text
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self';")
    assert ask(link, path="/", Cookie="pyboinc_0=wrong")[0] == 403
    cookie = entered(link)
    status, headers, text = ask(link, path="/", Cookie=cookie)
    assert status == 200 and "calls done" in text
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert urlsplit(link).query.partition("=")[2] not in text  # the token is in no page that is only looked at


def test_another_name_for_this_computer_gets_nothing(batch, serve):
    link = serve(batch.folder)
    status, headers, text = ask(link, Host="evil.example:80")
    assert status == 421 and "Set-Cookie" not in headers and text == "not here"


def test_cancelling_needs_a_form_with_the_token(batch, serve):
    link = serve(batch.folder)
    cookie = entered(link)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    token = urlsplit(link).query
    assert ask(link, "POST", "/cancel", token, **form)[0] == 403
    assert ask(link, "POST", "/cancel", "token=", Cookie=cookie, **form)[0] == 403
    assert ask(link, "POST", "/retire", token, Cookie=cookie, **form)[0] == 409  # not at its end
    assert "state: running" in (batch.folder / "pyboinc_checkpoint").read_text()
    status, headers, _ = ask(link, "POST", "/cancel", token, Cookie=cookie, **form)
    assert status == 303 and headers["Location"] == "/"
    assert "state: cancelled" in (batch.folder / "pyboinc_checkpoint").read_text()
    assert ">cancelled<" in ask(link, path="/", Cookie=cookie)[2]
    assert ask(link, "POST", "/retire", token, Cookie=cookie, **form)[0] == 303
    assert "state: retired" in (batch.folder / "pyboinc_checkpoint").read_text()


def test_a_master_that_does_not_end_yet_is_told_of(batch, serve, monkeypatch):
    monkeypatch.setattr(change, "PATIENCE", 0.2)
    master = BatchDir(Disk(), str(batch.folder))
    master.lock()
    try:
        link = serve(batch.folder)
        cookie = entered(link)
        assert ">running<" in ask(link, path="/", Cookie=cookie)[2]
        form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
        status, _, text = ask(link, "POST", "/cancel", urlsplit(link).query, **form)
        assert status == 202 and "told to end" in text
        assert (batch.folder / "pyboinc_cancel").read_text() == "c0ffee"
    finally:
        master.close()


def test_a_damaged_folder_and_unknown_pages_are_plain(batch, serve):
    link = serve(batch.folder)
    cookie = entered(link)
    (batch.folder / "pyboinc_checkpoint").write_text("<b>1</b>\nformat: 9\n")
    status, headers, text = ask(link, path="/", Cookie=cookie)
    assert status == 409 and "its format is 9" in text and "<b>" not in text
    status, headers, text = ask(link, path="/<script>", Cookie=cookie)
    assert status == 404 and "<script>" not in text and headers["Content-Type"].startswith("text/plain")


def test_the_command(batch, tmp_path):
    pytest.importorskip("bottle")
    command = [sys.executable, "-c", "from pyboinc.cli import main; main()", "dashboard", str(batch.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            link = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=\S{32}", link)
            assert "10 calls done" in ask(link, path="/", Cookie=entered(link))[2]
        finally:
            process.terminate()
