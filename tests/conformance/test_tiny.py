"""The backend printed in docs/writing-a-backend.md passes the suite, and broken copies of it do not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyboinc.testing.conformance import CAPABILITIES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "writing-a-backend.md").read_text("utf-8")
PRINTED = dict(re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
[ENTRY_POINT] = re.findall(r"^```toml\n\[project\.entry-points\.pyboinc\]\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)

exec(PRINTED["test_tiny_backend.py"])  # defines TestTinyBackend


def install(folder, backend=PRINTED["tiny_backend.py"]):
    """Put the backend into a folder as pip would."""
    information = folder / "tiny_backend-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-backend\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[pyboinc]\n" + ENTRY_POINT.replace('"', ""))
    (folder / "tiny_backend.py").write_text(backend)
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return install(tmp_path_factory.mktemp("site"))


@pytest.fixture(autouse=True)
def installed(site, monkeypatch):
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))


def test_the_page_explains_every_capability():
    shown = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
    assert {name: text.replace("`", "") for name, text in shown.items()} == CAPABILITIES


BROKEN = {
    "waiting spins": ("batch.clock.sleep(timeout)", "pass", "an_empty_batch_is_quiet"),
    "waiting oversleeps": ("batch.clock.sleep(timeout)", "batch.clock.sleep(timeout + 2)", "an_empty_batch_is_quiet"),
    "a job is made twice": ("setdefault(job.name, job)", "setdefault(object(), job)", "a_job_that_exists_is_not_made_again"),
    "a batch is not found again": ("return 1\n", "import time; return time.monotonic_ns()\n", "a_batch_is_found_again_by_its_token"),
    "options are not looked at": ("for key in batch.options:", "for key in ():", "an_option_that_it_does_not_know_is_refused"),
    "a record is not delivered again": (
        "self.queue.setdefault(job.name, job)",
        "known = Path(batch.folder, f'{job.name}.known')\n"
        "            if not known.exists(): self.queue[job.name] = job\n"
        "            known.touch()",
        "a_lost_record_is_delivered_again",
    ),
    "stderr is dropped": ('"this computer", stderr)', '"this computer", "")', "a_fault_of_the_host_is_no_output"),
    "seeds are dropped": (".write_bytes(job.data)", ".write_bytes(job.data.replace(b'K\\x07', b'K\\x08'))", "random_is_seeded_by_the_rule"),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_the_suite_notices(defect, tmp_path, monkeypatch):
    sound, broken, test = BROKEN[defect]
    backend = PRINTED["tiny_backend.py"]
    assert sound in backend
    site = tmp_path / "site"
    site.mkdir()
    install(site, backend.replace(sound, broken))
    test_file = site / "test_tiny_backend.py"
    test_file.write_text(PRINTED["test_tiny_backend.py"] + "    job_seconds = -26.0\n")  # so that a run may take 4 seconds
    monkeypatch.setenv("PYTHONPATH", str(site))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test_file), "-k", f"test_{test}"]
    ran = subprocess.run(command, cwd=site, capture_output=True, text=True)
    assert ran.returncode == 1 and "1 failed" in ran.stdout, ran.stdout + ran.stderr
