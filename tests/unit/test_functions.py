"""Functions of scripts and notebooks travel as source; what can't is refused with what to do."""

import json
import re
import subprocess
import sys
import textwrap

import pytest

SCRIPT = '''
import functools, sys
import helper
from pyboinc import Executor
SCALE = 3
class Point:
    def __init__(self, x): self.x = x
    @staticmethod
    def scaled(x): return x * SCALE
def decorate(function):
    @functools.wraps(function)
    def wrapped(x): return function(x) * 10
    return wrapped
def move(point, by=1):
    if point.x == 5: raise ValueError("five")
    return Point(helper.twice(point.x) + by)
@decorate
def decorated(x): return x
def generator(): yield 1
'''


def refusal(app, call, head=SCRIPT):
    app.write("app_master.py", head + f"\nif __name__ == '__main__':\n  with Executor() as executor:\n    {call}\n")
    _, stderr = app.run(status=1)
    return stderr


@pytest.fixture
def script(app):
    app.write("helper.py", "def twice(x): return 2 * x\n")
    return app


def test_a_script_goes_as_a_file(script):
    script.write(
        "app_master.py",
        SCRIPT
        + """
def main():
    with Executor(sys.argv[1], calls_per_job=2) as executor:
        print([each.x for each in executor.map(move, [Point(1), Point(2)], [1, 10])])
        print(executor.submit(Point.scaled, 2).result(), executor.submit(decorated, 2).result(), executor.submit(helper.twice, 4).result())
        try: executor.submit(move, point=Point(5)).result()
        except ValueError as error: print(error.traceback)
if __name__ == "__main__":
    main()
""",
    )
    stdout, _ = script.run("calls")
    assert stdout.startswith("[3, 14]\n6 20 8\n")
    assert 'Traceback (most recent call last):\n  File "app_master.py", line 15, in move\n' in stdout, "only the app's own lines"
    made = (script.folder / "calls" / "pyboinc_calls").stat().st_size
    # what the functions do not name may change: their calls are the same
    script.write("app_master.py", (script.folder / "app_master.py").read_text().replace("def generator", "def another"))
    assert script.run("calls")[0] == stdout
    assert (script.folder / "calls" / "pyboinc_calls").stat().st_size == made
    script.write("app_master.py", (script.folder / "app_master.py").read_text().replace("SCALE = 3", "SCALE = 4"))
    assert script.run("calls")[0] == stdout.replace("6 20 8", "8 20 8")
    status = json.loads(app_status(script, "--json"))
    assert status["calls"]["made"] == 10 and status["left"] == ["0", "1", "2", "5"], "those that name SCALE, or Point, which does"
    assert "4 calls of earlier runs that the last one did not make: 0, 1, 2, 5\n" in app_status(script)
    script.write("helper.py", "def twice(x): return 3 * x\n")
    assert script.run("calls")[0].startswith("[4, 16]\n8 20 12\n"), "a module that they use has changed"


def app_status(app, *arguments):
    command = [sys.executable, "-c", "from pyboinc.cli import main; main()", "status", "calls", *arguments]
    return subprocess.run(command, cwd=app.folder, capture_output=True, text=True).stdout


def test_an_unguarded_script(script):
    script.write("app_master.py", SCRIPT + "\ndef main():\n    with Executor() as executor: executor.submit(decorated, 1)\nmain()\n")
    _, stderr = script.run(status=1)
    assert re.search(r"app_master.py, line \d+: volunteers import this file", stderr) and 'if __name__ == "__main__":' in stderr


@pytest.mark.parametrize(
    "call, why",
    [
        ("executor.submit(lambda: 0)", "write it as a def at the top level"),
        ("executor.submit(Point(1).__init__, 1)", "submit a function at the top level that gets the object as an argument"),
        ("executor.submit(generator)", "a generator can't travel: return a list"),
        ("exec('def here(): return 0', globals()) or executor.submit(here)", "app_master.py has no here when it is imported"),
        ("executor.submit(__import__('pytest').fixture)", "volunteers do not have: put the module in .* or add requires"),
    ],
    ids=["lambda", "bound", "generator", "made at run time", "missing module"],
)
def test_what_cannot_travel_is_refused(script, call, why):
    assert re.search(why, refusal(script, call))


def test_a_module_from_elsewhere(script):
    (script.folder / "lib").mkdir()
    script.write("lib/far.py", "import near\ndef more(x): return near.one+x\nclass C:\n  @classmethod\n  def make(cls, x): return x + 2\n")
    script.write("lib/near.py", "one = 1\n")
    head = "import sys\nsys.path.append('lib')\nimport far\nfrom pyboinc import Executor\n"
    script.write(
        "app_master.py",
        head + "if __name__ == '__main__':\n  with Executor() as executor:\n"
        "    print(list(executor.map(far.more, [1, 2])), *executor.map(far.C.make, [1, 2]))\n",
    )
    assert script.run()[0] == "[2, 3] 3 4\n"


NOTEBOOK = """
import linecache, sys
def cell(text):
    name = f"<ipython-input-{len(linecache.cache)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(compile(text, name, "exec"), sys.modules["__main__"].__dict__)
"""


def notebook(app, *cells):
    code = NOTEBOOK + "".join(f"\ncell({textwrap.dedent(each)!r})" for each in cells)
    done = subprocess.run([sys.executable, "-c", code], cwd=app.folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


DEFINITIONS = """
    import math as m, threading
    from functools import lru_cache
    from pyboinc import Executor, load
    N = 5
    TABLE = {"a": [1.5, 2]}
    class Base:
        def hello(self): return "hi"
    class P(Base):
        def __init__(self, v): self.v = v
        def get(self) -> "P": return self
    ORIGIN = P(0)
    def helper(x, y=N): return m.sqrt(x) * y + odd(2)
    def odd(n): return 0 if n == 0 else even(n - 1)
    def even(n): return 1 if n == 0 else odd(n - 1)
    @lru_cache(None)
    def work(x):
        from collections import Counter
        return P(helper(x) + TABLE["a"][0] + ORIGIN.v + N), P(1).hello(), len(Counter("abc"))
"""


def test_a_function_of_a_notebook_takes_along_what_it_names(app):
    found = notebook(
        app,
        DEFINITIONS,
        """
        executor = Executor("calls")
        def show(): print(executor.submit(work, 16).result()[0].v, executor.submit(work, 16).result()[1:])
        show()
        N = 6
        show()
        TABLE["a"][0] = 100
        show()
        class Argument:
            def __init__(self, x): self.x = x
        def of_argument(argument): return argument.x
        print(executor.submit(of_argument, Argument(8)).result())
        LOCK = threading.Lock()
        short = lambda x: x
        def locked(): return LOCK
        def shortened(): return short(1)
        for function in (locked, shortened):
            try: executor.submit(function)
            except TypeError as error: print(error)
        executor.shutdown()
        """,
    )
    values = "26.5 ('hi', 3)\n27.5 ('hi', 3)\n126.0 ('hi', 3)\n"
    assert found.startswith(values + "8\n"), "changed globals are seen, also inside of containers; defaults stay"
    assert "locked can't travel: it uses the global LOCK, and " in found and "it uses short, which is a lambda" in found
    again = notebook(app, DEFINITIONS, "print([each.result()[0].v for each in load('calls')[:6]])")
    assert again == "[26.5, 26.5, 27.5, 27.5, 126.0, 126.0]\n"
