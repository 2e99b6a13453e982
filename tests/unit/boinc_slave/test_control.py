"""The conversation with the client, message by message; time is a number."""

import mmap as memory
import os
import subprocess
import sys

import pytest

from pyboinc_boinc.slave import mmap, process
from pyboinc_boinc.slave.control import ABORTED, QUIT, Control
from pyboinc_boinc.slave.init_data import InitData
from pyboinc_boinc.slave.pace import Pace


class Slave:
    fraction_done = 0.25
    checkpoint_cpu_time = 0.0
    trickles = 0

    def __init__(self):
        self.progress = self
        self.did = []
        self.stop = lambda: self.did.append("stop")
        self.resume = lambda: self.did.append("resume")

    def cpu_time(self):
        return 2.0


class Talk:
    def __init__(self, init="", reread=lambda: None):
        self.slave = Slave()
        self.init_data = reread
        self.offered = []
        self.taken = True
        self.channels = mmap.Channels(memory.mmap(-1, 8192))
        self.control = Control(self.slave, self.channels, InitData("<app_init_data>" + init), self, Pace(), 0.0)

    def says(self, text, now=0.1, channel=mmap.PROCESS_CONTROL):
        assert self.channels.send(channel, text)
        return self.control.poll(now)

    def offer_trickle(self, number):
        if self.taken:
            self.offered.append(number)
        return self.taken

    def hears(self, now):
        self.control.poll(now)
        return self.channels.receive(mmap.APP_STATUS)


ALIVE = f"<client_pid>{os.getpid()}</client_pid>"  # not the parent of this process
PARENT = f"<client_pid>{os.getppid()}</client_pid>"


@pytest.mark.parametrize(
    "text, status, did",
    [
        ("<suspend/>", None, ["stop"]),
        ("<resume/>", None, ["resume"]),
        ("<suspend/>\n<resume/>", None, ["stop", "resume"]),
        ("<quit/>", QUIT, []),
        ("<abort/>", ABORTED, []),
        ("<reread_app_info/>", None, []),
        ("<dance/>", None, []),
        ("", None, []),
    ],
)
def test_orders(text, status, did):
    talk = Talk()
    assert talk.says(text) is status
    assert talk.slave.did == did
    assert talk.channels.send(mmap.PROCESS_CONTROL, "the channel is free again")


def test_status_each_second_with_the_times_of_all_starts():
    talk = Talk("<wu_cpu_time>100.5</wu_cpu_time>" + PARENT)
    assert talk.hears(0.9) == ""
    assert talk.hears(1.0) == (
        "<current_cpu_time>1.025000e+02</current_cpu_time>\n<checkpoint_cpu_time>1.005000e+02</checkpoint_cpu_time>\n"
        "<want_network>0</want_network>\n<fraction_done>2.500000e-01</fraction_done>\n"
    )
    assert talk.hears(1.9) == ""
    assert talk.hears(2.0) != ""


def test_no_status_while_suspended():
    talk = Talk(PARENT)
    talk.says("<suspend/>")
    assert talk.hears(5) == ""
    talk.says("<resume/>")
    assert talk.hears(6) != ""


def test_part_of_a_compound_job():
    talk = Talk("<fraction_done_start>.5</fraction_done_start><fraction_done_end>.9</fraction_done_end>" + PARENT)
    assert "<fraction_done>6.000000e-01</fraction_done>" in talk.hears(1)


def test_reread():
    talk = Talk(PARENT, reread=lambda: InitData("<app_init_data><fraction_done_end>.5</fraction_done_end><wu_cpu_time>50</wu_cpu_time>"))
    talk.says("<reread_app_info/>")
    heard = talk.hears(1)
    assert "<fraction_done>1.250000e-01" in heard
    assert "<current_cpu_time>2.0" in heard  # what was before this start does not change


def test_without_a_client_pid_heartbeats_count():
    talk = Talk()
    assert talk.control.poll(29) is None
    assert talk.says("<heartbeat/><wss>1e6</wss>", 29.5, mmap.HEARTBEAT) is None
    assert talk.control.poll(59) is None
    assert talk.control.poll(59.6) == QUIT


def test_a_heartbeat_that_waited_while_we_slept_counts():
    talk = Talk()
    assert talk.says("<heartbeat/>", 1000, mmap.HEARTBEAT) is None


def test_with_a_client_pid_they_do_not():
    for known in (ALIVE, PARENT):
        assert Talk(known).control.poll(1000) is None


def test_a_client_that_died_is_seen_each_ten_seconds():
    gone = subprocess.Popen(["true"])
    gone.wait()
    talk = Talk(f"<client_pid>{gone.pid}</client_pid>")
    assert talk.control.poll(9.9) is None
    assert talk.control.poll(10) == QUIT


def test_a_client_of_another_user_is_alive(monkeypatch):
    def kill(pid, number):
        assert (pid, number) == (424242, 0)
        raise PermissionError

    talk = Talk("<client_pid>424242</client_pid>")
    monkeypatch.setattr(os, "kill", kill)
    assert talk.control.poll(10) is None


def test_trickles_one_after_the_other():
    talk = Talk(PARENT)
    talk.slave.trickles = 2
    talk.control.poll(1.0)
    assert talk.channels.receive(mmap.TRICKLE_UP) == "<have_new_trickle_up/>\n"
    talk.taken = False  # the client has read the message and not moved the file yet
    talk.control.poll(2.0)
    assert talk.control.pass_on_trickle()
    assert talk.channels.receive(mmap.TRICKLE_UP) == ""
    talk.taken = True
    talk.control.poll(3.0)
    assert not talk.control.pass_on_trickle()
    assert talk.offered == [1, 2]


def test_the_cpu_time_of_a_checkpoint():
    talk = Talk("<wu_cpu_time>100.5</wu_cpu_time>" + PARENT)
    talk.slave.checkpoint_cpu_time = 1.5
    assert "<checkpoint_cpu_time>1.020000e+02</checkpoint_cpu_time>" in talk.hears(1)


def test_cpu_time_without_proc():
    """What ps says, on a system that has no /proc."""
    burn = "import time\nwhile time.process_time() < 1.2: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as burnt:
        burnt.stdout.readline()
        assert 1 < process._cpu_time(burnt.pid) < 20 and 1 <= process._cpu_time_by_ps(burnt.pid) < 20
        burnt.communicate(b"\n")
    assert process._cpu_time(burnt.pid) is None and process._cpu_time_by_ps(burnt.pid) is None
