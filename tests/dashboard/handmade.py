"""A batch of the local project made by hand, with all that a page may have to show."""

import json
import os

from pyboinc import codec
from pyboinc.model import ErrorMask, Outcome, Record, ResultSummary, job_name
from pyboinc.records import dump_records
from pyboinc.slave import files
from pyboinc.states import IN_PROGRESS, INVALID, OVER, UNSENT, VALID, VALIDATE_INIT

HOSTILE = "</pre><script>document.title='pwned'</script><img src=http://192.0.2.1/x onerror=document.title='pwned'>\x1b[2J"
START = 1_700_000_000.0
RESULTS = [  # platform, server_state, outcome, validate_state, turnaround, number
    ("x86_64-pc-linux-gnu", OVER, Outcome.SUCCESS, VALID, 6, 5),
    ("x86_64-pc-linux-gnu", OVER, Outcome.SUCCESS, VALID, 12, 3),
    ("windows_x86_64", OVER, Outcome.SUCCESS, INVALID, 9, 1),
    ("windows_x86_64", OVER, Outcome.CLIENT_ERROR, VALIDATE_INIT, 3, 1),
    (f"aarch64 {HOSTILE}", IN_PROGRESS, 0, VALIDATE_INIT, None, 1),
    ("", UNSENT, 0, VALIDATE_INIT, None, 2),
]


class Made:
    """Ten calls of one slave, a minute between results: 0 to 5 fine (5 after a wrong result), 6 and 7 raised, 8 without output, 9 open."""

    def __init__(self, folder, state="running"):
        self.folder = folder
        self.state = state
        head = f"7\nbackend: local\nproject: \ntoken: c0ffee\nseed: 0\nformat: 1\nstate: {state}\n"
        (folder / "pyboinc_checkpoint").write_text(head)
        journal = [["program", "app_slave.py", "f" * 64], *(["made", str(i), 0, [["d", f"app_slave.py({i})"]]] for i in range(10))]
        journal += [["handled", str(i), True] for i in range(8)] + [["failed", "6"], ["failed", "7"], ["outvoted", "5"]]
        (folder / "pyboinc_journal").write_text("".join(json.dumps(entry) + "\n" for entry in journal))
        (folder / "pyboinc_results").write_text(json.dumps({"format": 1, "token": "c0ffee", "results": RESULTS}))
        for name in ("new", "old"):
            (folder / name).mkdir()
        for i in range(9):
            record = Record(job_name(7, "c0ffee", str(i), 0), elapsed=2.0**i, **self._content(i))
            path = folder / ("new" if i == 8 else "old") / record.job
            path.write_bytes(dump_records([record]))
            os.utime(path, (START + 60 * i,) * 2)

    @staticmethod
    def _content(i):
        if i == 8:
            result = ResultSummary(Outcome.CLIENT_ERROR, 195, f"host 2 {HOSTILE}", f"MemoryError: {HOSTILE}")
            return {"output": None, "error_mask": ErrorMask.TOO_MANY_ERROR_RESULTS, "results": (result,)}
        if i in (6, 7):
            report = files.report_file([("", HOSTILE, HOSTILE, f"Traceback\nValueError: {HOSTILE}\n")])
            return {"output": files.output_file([files.error_entry("ValueError", [("app_slave", "<module>", 3)])]), "report": report}
        wrong = (ResultSummary(Outcome.SUCCESS, 0, "host 1", "", 2),) if i == 5 else ()
        return {"output": files.output_file([files.ok_entry(codec.dumps(i))]), "results": wrong}
