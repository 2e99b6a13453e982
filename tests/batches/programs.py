"""Programs whose batch directories are saved. With STOP=N in the environment a program ends after N handled results, as by kill -9.

A later version bundles them to the same bytes, or refuses the saved batch as one of another program: they must stay as they are.
New ones may be added.
"""

TYPES = """class Input:
    def __init__(self, value): self.value = value

class Output:
    def __init__(self, value): self.value = value
"""
SLAVE = """from app_types import Output
from pyboinc import pyboinc_get_input, pyboinc_return_output
value = pyboinc_get_input().value
"""
HEAD = """import os, time
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
"""
TAIL = "print(sorted(handled), sorted(errors), sum(map(int, map(str, handled))))\n"
SQUARE = SLAVE + "pyboinc_return_output(Output(value * value))\n"

PROGRAMS = {
    "squares": {
        "app_types.py": TYPES,
        "app_slave.py": SQUARE,
        "app_master.py": f"""{HEAD}
def make_calls():
    for i in range(12): pyboinc_call("app_slave.py", Input(i), name=f"square of {{i}}")

pyboinc_master(make_calls, handle_result, handle_error)
{TAIL}""",
    },
    "packed": {
        "app_types.py": TYPES,
        "app_slave.py": SQUARE,
        "app_master.py": f"""{HEAD}
def make_calls():
    for i in range(60):
        pyboinc_call("app_slave.py", Input(i))
        yield

pyboinc_master(make_calls, handle_result, handle_error, job={{"calls_per_job": 4}}, in_flight=24)
{TAIL}""",
    },
    "children": {
        "app_types.py": TYPES,
        "app_slave.py": SQUARE,
        "app_master.py": f"""{HEAD}
def make_calls():
    for i in range(2, 6): pyboinc_call("app_slave.py", Input(i))

def handle(output):
    if output.value < 1000: pyboinc_call("app_slave.py", Input(output.value))
    handle_result(output)

pyboinc_master(make_calls, handle, handle_error)
{TAIL}""",
    },
    "errors": {
        "app_types.py": TYPES,
        "app_slave.py": SLAVE
        + """
class TooOdd(Exception): pass

print("called with", value)
if value % 4 == 1: raise TooOdd(value)
if value == 2: 1 / 0
if value == 6: raise SystemExit("this host can't")
pyboinc_return_output(Output(value))
""",
        "app_master.py": f"""{HEAD}
def make_calls():
    for i in range(10): pyboinc_call("app_slave.py", Input(i))

pyboinc_master(make_calls, handle_result, handle_error, job={{"max_error_results": 2}})
{TAIL}""",
    },
    "files": {
        "app_types.py": TYPES,
        "app_slave.py": SLAVE
        + """
from pyboinc import output_file
with open(output_file("table.txt"), "w") as file: file.write("x" * value)
pyboinc_return_output(Output(value))
""",
        "app_master.py": f"""{HEAD}
def make_calls():
    for i in range(6): pyboinc_call("app_slave.py", Input(i))

def handle(output):
    assert os.path.getsize(output_file("table.txt")) == output.value
    handle_result(output)

pyboinc_master(make_calls, handle, handle_error)
{TAIL}""",
    },
    "executor": {
        "work.py": "def cube(x): return x ** 3\n\ndef ratio(a, b=1): return a / b\n",
        "app_master.py": """import os
from pyboinc import Executor
from work import cube, ratio

if __name__ == "__main__":
    done = []
    with Executor(batch="batch", argv=["--quiet"]) as executor:
        futures = [executor.submit(cube, i) for i in range(8)] + [executor.submit(ratio, 1, b=i) for i in range(3)]
        for future in futures:
            done.append(repr(future.exception() or future.result()))
            if len(done) == int(os.environ.get("STOP", -1)): os._exit(9)
    print(done)
""",
    },
}

SAVED = [  # name, program, STOP or None for a batch that has finished
    ("squares-finished", "squares", None),
    ("squares-half", "squares", 4),
    ("packed-half", "packed", 17),
    ("packed-finished", "packed", None),
    ("children-half", "children", 5),
    ("errors-finished", "errors", None),
    ("errors-half", "errors", 3),
    ("files-half", "files", 3),
    ("executor-finished", "executor", None),
    ("executor-half", "executor", 4),
]
