import os, time
from app_types import Input
from pyboinc import output_file, pyboinc_call, pyboinc_master

handled, errors = [], []

def handle_error(call, error):
    errors.append((call.position, type(error).__name__, getattr(error, "error_mask", 0)))
    stop()

def handle_result(output):
    handled.append(output.value)
    stop()

def stop():
    end, now = int(os.environ.get("STOP", -1)), len(handled) + len(errors)
    if 0 < now == end - 2: time.sleep(1)  # the next results come together, and some are left in new/
    if now == end: os._exit(9)

def make_calls():
    for i in range(2, 6): pyboinc_call("app_slave.py", Input(i))

def handle(output):
    if output.value < 1000: pyboinc_call("app_slave.py", Input(output.value))
    handle_result(output)

pyboinc_master(make_calls, handle, handle_error)
print(sorted(handled), sorted(errors), sum(map(int, map(str, handled))))
