"""A client on Windows, as far as a task can see it; a Windows Python runs this. Argument: the launcher's path."""

import mmap
import os
import subprocess
import sys
import time

PROCESS_CONTROL, APP_STATUS = 0, 5
INIT = (
    f"<app_init_data>\n<comm_obj_name>boinc_7</comm_obj_name>\n<client_pid>{os.getpid()}</client_pid>\n"
    "<wu_cpu_time>100.5</wu_cpu_time>\n<checkpoint_period>60</checkpoint_period>\n</app_init_data>\n"
)
memory = mmap.mmap(-1, 8192, "shm_boinc_7")


def send(text):
    assert not memory[0]
    data = text.encode() + b"\0"
    memory[1 : 1 + len(data)] = data
    memory[0] = 1


def receive():
    start = APP_STATUS * 1024
    text = memory[start + 1 : start + 1024].partition(b"\0")[0].decode() if memory[start] else ""
    memory[start] = 0
    return text


def until(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def steps():
    """How many bytes the slave has written: one after the other, as long as it runs."""
    try:
        return os.path.getsize("slave/steps")
    except OSError:
        return 0


def stands():
    before = steps()
    time.sleep(1)
    return steps() == before


def start():
    return subprocess.Popen(["cmd", "/c", sys.argv[1]], stdin=subprocess.DEVNULL)


def main():
    memory[:] = bytes(8192)
    with open("init_data.xml", "w") as file:
        file.write(INIT)
    task = start()
    until(lambda: "<fraction_done>2.500000e-01" in receive())
    send("<suspend/>")
    until(stands)
    send("<resume/>")
    until(lambda: not stands())
    send("<abort/>")
    assert task.wait(60) == 194
    assert stands(), "somebody is left behind"
    task = start()
    until(lambda: "<fraction_done>5.000000e-01" in receive())  # from the checkpoint
    send("<quit/>")
    assert task.wait(60) == 0
    assert stands() and not os.path.exists("boinc_finish_called")
    os.remove("init_data.xml")  # alone
    with open("slave/go", "w"):
        pass
    assert start().wait(120) == 0
    assert os.path.exists("boinc_finish_called")
    print("all is well")


main()
