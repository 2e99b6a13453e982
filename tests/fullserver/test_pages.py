"""The commands of documentation pages, word for word, on the project: only names of places are this project's."""

import doctest
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT, URL, KEY = "/srv/boinc/cubes", "http://cubes.example.org/cubes/", "4e0111a6a9c760028fb77101d339967c"

NOT_RUN = {
    "cd boinc/tools": "the project was just made; so it is given to these tests",
    "./make_project": "the same",
    "python3 -m venv": "PyBOINC is installed, or these tests would not run",
    "~/pyboinc/bin/pip install": "the same",
    "for host in": "it goes on another ninety-nine computers",
    "(crontab -l": "it changes what belongs to the user, not to the project",
    "cp -r examples": "the example is there",
    "pip install 'pyboinc-core[wasm]'": "the same; and it needs files that an admin brings, with which test_wasm.py does what follows",
    "pyboinc build-runtime": "the same",
    f"pyboinc setup -p {PROJECT} --runtime": "the same",
    "export PYBOINC_RUNTIME": "the same",
}
"""How a command begins that is not run, and why."""

ONCE = {
    f"pyboinc setup -p {PROJECT} --quorum 1": "setup",
    f"pyboinc doctor -p {PROJECT} --fix": "fix",
}
"""What has been done to the project before any test, and what it said."""

SHELL = """
set -e
shopt -s expand_aliases
python() {{ ~/pyboinc/bin/python "$@"; }}
boinccmd() {{
    local key=$(sed -n 's/^account key: //p' ~/said 2>/dev/null)
    command boinccmd --host 127.0.0.1:{port} --passwd volunteer "${{@//{key}/$key}}" | tee -a ~/said
}}
"""


def session(page):
    """(command, what it prints as the page shows it, None if it shows nothing) of a page, in order."""
    found = []
    for block in re.findall(r"^```text\n(\$ .*?)^```$", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE):
        for command, shown in re.findall(r"^\$ ([^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", block, re.MULTILINE):
            found.append((command, shown or None))
    return found


@pytest.mark.parametrize("page", ["docs/an-hour.md", "docs/admin.md", "packages/pyboinc-boinc/README.md"])
def test_commands_of_a_page(server, volunteers, newcomer, example, tmp_path, page, capsys):
    home = tmp_path / "home"
    home.mkdir()
    (home / "pyboinc").symlink_to(sys.prefix)
    example("sum_of_squares", "home/sum_of_squares")
    newcomer.register()
    places = {PROJECT: str(server.folder), URL: server.config.master_url, "ACCOUNT_KEY": newcomer.key}
    commands = [each for each in session(page) if not each[0].startswith(tuple(NOT_RUN))]
    assert commands
    script, end = SHELL.format(port=newcomer.port, key=KEY), "=== the next command ==="
    for command, _ in commands:
        script += f"{':' if command in ONCE else command}\necho {shlex.quote(end)} $(date +%s)\n"
    script = re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], script)
    environment = {**server.environment(), "HOME": str(home)}
    begun = time.time()
    ran = subprocess.run(["bash", "-c", script], cwd=home / "sum_of_squares", env=environment, capture_output=True, text=True, timeout=1200)
    assert ran.returncode == 0, (ran.stdout, ran.stderr[-3000:])
    printed = re.split(rf"{end} (\d+)\n", ran.stdout)
    for (command, shown), output, ended in zip(commands, printed[::2], printed[1::2], strict=False):
        with capsys.disabled():
            print(f"\n{float(ended) - begun:4.0f} s  $ {command}", end="")
        begun = float(ended)
        if command in ONCE and not server.said["fresh"]:
            continue
        output = server.said[ONCE[command]] if command in ONCE else output
        output = output.replace(str(server.folder), PROJECT).replace(server.config.master_url, URL)
        if shown is not None and page == "docs/an-hour.md":
            shown = shown.replace(KEY, "...")
            assert doctest.OutputChecker().check_output(shown, output, doctest.ELLIPSIS), f"{command}\nprinted:\n{output}\nshown:\n{shown}"
