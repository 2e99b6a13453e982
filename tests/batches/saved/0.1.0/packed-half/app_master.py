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
    for i in range(60):
        pyboinc_call("app_slave.py", Input(i))
        yield

pyboinc_master(make_calls, handle_result, handle_error, job={"calls_per_job": 4}, in_flight=24)
print(sorted(handled), sorted(errors), sum(map(int, map(str, handled))))
