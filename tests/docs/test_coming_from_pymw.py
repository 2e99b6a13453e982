"""The program on the page "Coming from PyMW" prints what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "coming-from-pymw.md"


def test_the_program_prints_what_the_page_says(tmp_path: Path) -> None:
    text = PAGE.read_text("utf-8")
    files = dict(re.findall(r"^```python\n# (app_\w+\.py)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    assert sorted(files) == ["app_master.py", "app_slave.py", "app_types.py"]
    for name, content in files.items():
        (tmp_path / name).write_text(content, "utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYBOINC_")}
    command = [sys.executable, "app_master.py", "--quiet"]
    run = subprocess.run(command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    [printed] = re.findall(r"^```text\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert run.stdout == printed
