"""PyBOINC on a real project, end to end: what an admin and a user do, and what goes wrong."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse

import pytest

from pyboinc.dashboard.source import Source
from pyboinc_boinc import appversion

SLOW_SLAVE = """import time
from app_types import Output
from pyboinc import pyboinc_get_input, pyboinc_return_output
input = pyboinc_get_input()
time.sleep({seconds})
pyboinc_return_output(Output(input.value * input.value))
"""
CRASHING_SLAVE = """import os, signal
from app_types import Output
from pyboinc import pyboinc_get_input, pyboinc_return_output
input = pyboinc_get_input()
if input.value == 7:
    os.kill(os.getpid(), signal.SIGSEGV)
if input.value == 8:
    raise ValueError("eight \\x1b[31m")
pyboinc_return_output(Output(input.value * input.value))
"""
SHARED = "[job]\ncalls_per_job = 4\n"
ANSWER = "The answer is 338350\n"


def calls(server, folder):
    """What `pyboinc status` counts, once there is something to count."""
    try:
        return json.loads(server.pyboinc("status", folder, "--json"))["calls"]
    except AssertionError:
        return {"made": 0, "handled": 0}


def handled(server, folder, count):
    server.until(lambda: calls(server, folder)["handled"] >= count)


def workunits(server, folder):
    """Rows of the batch in a folder: name, error_mask, whether it has a canonical result, assimilate_state."""
    sql = "SELECT name, error_mask, canonical_resultid > 0, assimilate_state FROM workunit WHERE batch = %s"
    return server.rows(sql, server.batch(folder))


def test_setup_on_a_made_project(server):
    said = server.said
    assert said["again"] == f"Nothing to change: {server.folder}\n"
    assert said["doctor"].startswith(f"All is well: {server.folder}\n")
    if not said["fresh"]:
        pytest.skip("the project was set up before")
    assert "the project has no app for PyBOINC's jobs" in said["doctor before"] and "was never started" in said["doctor before"]
    changes = said["dry run"].partition("\n\n")[0]
    assert said["setup"].startswith(changes) and "project.xml: new app pyboinc" in changes and "next_rpc_delay" not in changes
    for name, text in said["texts"].items():
        now = said["texts after"][name]
        assert text.splitlines() != now.splitlines() and (server.folder / f"{name}.backup-1").exists()
        kept = [line for line in text.splitlines() if line in now.splitlines()]
        assert len(text.splitlines()) - len(kept) <= 1, "one line at most is changed (one_result_per_user_per_wu), none is lost"
    assert server.config.next_rpc_delay == 5, "what the admin chose stays"
    assert server.rows("SELECT name, min_version FROM app")[0][1] == 100
    rows = server.rows("SELECT p.name FROM app_version v JOIN platform p ON p.id = v.platformid WHERE v.version_num = 100")
    assert {_text(name) for (name,) in rows} == set(appversion.platforms()), "an app version for each platform"


def test_what_a_batch_asks_for_and_the_app_lacks(server, example):
    folder = example("sum_of_squares", pyboinc='[boinc]\nhr = "fine"\n')
    with server.running(folder) as master:
        _, err = server.finished(master, 2)
    assert "homogeneous redundancy is none there, not fine" in err


def test_the_reference_example(server, volunteers, example):
    folder = example("sum_of_squares")
    assert server.run(folder) == ANSWER
    rows = workunits(server, folder)
    assert len(rows) == 100 and all(row[1:] == (0, 1, 2) for row in rows)
    [(jobs, done, state)] = server.rows("SELECT njobs, fraction_done, state FROM batch WHERE id = %s", server.batch(folder))
    assert (jobs, done, state) == (100, 1.0, 2)
    assert server.run(folder) == ANSWER, "a finished run answers at once"
    assert len(workunits(server, folder)) == 100
    assert str(server.batch(folder)) in server.page("submit.php?action=show_user_batches"), "BOINC's web pages show it"


def test_sunspots_with_a_quorum_of_two(server, volunteers, example):
    settings = "[job]\ncalls_per_job = 10\n"
    alone = subprocess.run(
        [sys.executable, "app_master.py", "-i", "local"], cwd=example("sunspots", "local"), capture_output=True, text=True, timeout=600
    )
    assert alone.returncode == 0, alone.stderr
    folder = example("sunspots", pyboinc=settings)
    found = server.run(folder, "--quorum", "2")
    assert found.splitlines()[0] == alone.stdout.splitlines()[0] and "sunspot cycle: 11.0 years" in found
    assert len(workunits(server, folder)) == 25
    users = server.rows(
        "SELECT workunitid, COUNT(DISTINCT userid) FROM result WHERE batch = %s AND validate_state = 1 GROUP BY 1", server.batch(folder)
    )
    assert len(users) == 25 and all(count == 2 for _, count in users), "nobody confirmed his own result"
    shown = Source(str(folder)).look()
    assert shown.platforms is not None and shown.platforms[appversion.LINUX]["accepted"] == sum(shown.turnaround.counts) == 50


def test_interrupted_and_gone_on_with(server, volunteers, example):
    folder = example("sum_of_squares", app_slave=SLOW_SLAVE.format(seconds=2), pyboinc=SHARED)
    with server.running(folder) as master:
        handled(server, folder, 5)
        master.send_signal(signal.SIGINT)
        server.finished(master, 130)
    made = {row[0] for row in workunits(server, folder)}
    assert server.run(folder) == ANSWER
    names = [row[0] for row in workunits(server, folder)]
    assert len(names) == len(set(names)) == 25 and made <= set(names), "no job was made twice"


def test_cancel_beside_a_second_batch(server, volunteers, example):
    doomed = example("sum_of_squares", "doomed", app_slave=SLOW_SLAVE.format(seconds=2), pyboinc=SHARED)
    other = example("sum_of_squares", "other", pyboinc=SHARED)
    with server.running(doomed) as first:
        handled(server, doomed, 1)
        with server.running(other) as second:
            server.until(lambda: (other / "pyboinc_checkpoint").exists() and server.batch(other) and workunits(server, other))
            server.pyboinc("cancel", doomed)
            server.finished(first, 2)
            out, _ = server.finished(second, 0)
    assert out == ANSWER
    assert all(row[1:] == (0, 1, 2) for row in workunits(server, other)), "only the batch's own workunits are cancelled"
    server.until(lambda: all(row[3] == 2 for row in workunits(server, doomed)))
    assert sum(row[1] == 16 for row in workunits(server, doomed)) > 5


@pytest.mark.parametrize("way", ["page", "rpc"])
def test_aborted_on_the_web_page(server, volunteers, example, way):
    folder = example("sum_of_squares", app_slave=SLOW_SLAVE.format(seconds=2), pyboinc=SHARED)
    with server.running(folder) as master:
        handled(server, folder, 1)
        number = server.batch(folder)
        if way == "page":
            server.page(f"submit.php?action=abort_batch&batch_id={number}&confirmed=1")
        else:
            [(key,)] = server.rows("SELECT authenticator FROM user WHERE id = %s", server.config.submit_user)
            request = f"<abort_batch><authenticator>{_text(key)}</authenticator><batch_id>{number}</batch_id></abort_batch>"
            answer = server.page("submit_rpc_handler.php", data=urllib.parse.urlencode({"request": request}).encode())
            assert "<success>1</success>" in answer
        aborted = time.monotonic()
        _, err = server.finished(master, 2)
        assert "cancelled" in err
    assert time.monotonic() - aborted < 120, "the master ends within a minute, with time for a slow machine"
    server.until(lambda: all(row[3] == 2 for row in workunits(server, folder)), 300)
    assert server.rows("SELECT state FROM batch WHERE id = %s", number) == [(3,)]


def test_a_crashing_slave(server, volunteers, example):
    folder = example("sum_of_squares", app_slave=CRASHING_SLAVE, pyboinc="[job]\nmax_error_results = 1\n")
    master = (folder / "app_master.py").read_text().replace("range(1, 101)", "range(1, 11)")
    (folder / "app_master.py").write_text(master)
    with server.running(folder) as process:
        server.finished(process, 1)
    answer = json.loads(server.pyboinc("errors", folder, "--json", status=1))
    assert answer["failed"] == 2
    kinds = {group["error"]: group for group in answer["groups"]}
    assert set(kinds) == {"JobError", "SlaveError"}
    text = server.pyboinc("errors", folder, status=1)
    assert "SIGSEGV" in text and "ValueError: eight" in text and "\x1b[31m" not in text
    sql = "SELECT r.outcome FROM result r JOIN workunit w ON w.id = r.workunitid WHERE w.batch = %s AND w.error_mask > 0"
    results = server.rows(sql, server.batch(folder))
    assert len(results) == 2 and all(row == (3,) for row in results), "BOINC tried another host"


def test_a_killed_assimilator(server, volunteers, example):
    folder = example("sum_of_squares", app_slave=SLOW_SLAVE.format(seconds=1), pyboinc=SHARED)
    pid_file = server.folder / f"pid_{server.host}" / "pyboinc_assimilator_pyboinc.pid"
    with server.running(folder) as master:
        for count in (5, 30):
            handled(server, folder, count)
            os.kill(int(pid_file.read_text()), signal.SIGKILL)
            assert "not running:" in server.until(lambda: _complains(server), 60)
            server.tool("bin/start", "--cron")
        out, _ = server.finished(master, 0)
    assert out == ANSWER
    assert all(row[1:] == (0, 1, 2) for row in workunits(server, folder))
    [counters] = server.rows("SELECT jobs, succeeded, failed FROM pyboinc_batch WHERE id = %s", server.batch(folder))
    assert counters == (25, 25, 0)


def _text(value):
    return value if isinstance(value, str) else bytes(value).decode()


def _complains(server):
    with contextlib.suppress(AssertionError):
        return server.pyboinc("doctor", "-p", server.folder, status=1)
    return ""


def test_an_app_of_its_own_kind(server, volunteers, example):
    """Homogeneous redundancy and adaptive replication are an app's, made beside the first one; both take jobs after a restart."""
    said = server.pyboinc("setup", "-p", server.folder, "--app", "alike", "--hr", "fine", "--adaptive", "2")
    if not server.said["fresh"] and said.startswith("Nothing"):
        pytest.skip("the project has it from an earlier run")
    assert "project.xml: new app alike" in said and "apps/alike/1.00/x86_64-pc-linux-gnu" in said
    assert server.rows("SELECT homogeneous_redundancy, target_nresults, min_version FROM app WHERE name = 'alike'") == [(1, 2, 100)]
    assert server.pyboinc("setup", "-p", server.folder).startswith("Nothing to change")
    assert server.config.pyboinc_apps == ["pyboinc", "alike"]
    server.tool("bin/xadd")
    assert {oldest for (oldest,) in server.rows("SELECT min_version FROM app")} == {100}, "older versions stay in use"
    server.stop()
    server.tool("bin/start")
    assert server.pyboinc("doctor", "-p", server.folder).startswith(f"All is well: {server.folder}\n")
    shared = "[job]\ncalls_per_job = 20\n[boinc]\n"
    folders = [example("sum_of_squares", app, pyboinc=f'{shared}app = "{app}"\n') for app in ("pyboinc", "alike")]
    assert [server.run(folder) for folder in folders] == [ANSWER, ANSWER]
    results = [server.rows("SELECT COUNT(*) FROM result WHERE batch = %s", server.batch(folder))[0][0] for folder in folders]
    assert results == [5, 10], "hosts that are not trusted yet have their results confirmed"
    (folders[0] / "pyboinc.toml").write_text(f'{shared}hr = "fine"\n')
    with server.running(folders[0], "--fresh") as master:
        assert "The app alike has it" in server.finished(master, 2)[1]
