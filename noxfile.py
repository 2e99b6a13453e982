"""Every check of the project, one session each.

python3 noxfile.py             all of them; Python and git are enough, the rest is set up in .nox
python3 noxfile.py -s demo     the examples, as a user runs them
python3 noxfile.py -l          the list

With nox installed, plain `nox` does the same.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
LOCKS = ROOT / "tests" / "requirements"


def bootstrap() -> None:
    """Put nox and uv, as locked, into a virtual environment of their own and go on there."""
    if sys.version_info < (3, 10):
        sys.exit(f"PyBOINC's tests need Python 3.10 or later; this is {sys.version.split()[0]}.")
    try:
        import ensurepip  # noqa: F401  (Debian leaves it out of python3)
    except ImportError:
        sys.exit("Python's venv module is missing. On Debian and Ubuntu: apt install python3-venv")
    home = ROOT / ".nox" / f"bootstrap-{sys.version_info[0]}.{sys.version_info[1]}"
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    python = str(scripts / "python")
    lock, done = LOCKS / "nox.txt", home / "installed.txt"
    if not done.exists() or done.read_bytes() != lock.read_bytes():
        print("Setting up nox in", home, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", "--require-hashes", "-r", str(lock)], check=True)
        shutil.copy(lock, done)
    os.environ["PATH"] = os.pathsep.join([str(scripts), os.environ["PATH"]])
    command = [python, "-m", "nox", "-f", __file__, *sys.argv[1:]]
    if os.name == "posix":
        os.execv(python, command)  # so that ^C has one receiver
    sys.exit(subprocess.call(command))


signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it may be ignored, and tests send it to what they start

if __name__ == "__main__":
    bootstrap()

import nox  # noqa: E402

nox.needs_version = ">=2025.11.12"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False  # which CI=true turns on
nox.options.sessions = ["lint", "types", "docs", "site", "core_only", "lowest", "integration", "sim", "tests"]
os.environ["UV_PYTHON_DOWNLOADS"] = "never"
if Path("/etc/ssl/certs/ca-certificates.crt").exists():
    os.environ.setdefault("UV_SYSTEM_CERTS", "1")  # behind a company's proxy uv's own certificates don't do

DIST = ROOT / ".nox" / "dist"
TESTS = ["tests/unit", "tests/property", "tests/fuzz", "tests/batches", "tests/conformance", "tests/examples", "tests/dashboard"]
WITH_DEPENDENCIES = [  # what a dependency's version can break; what ships to volunteers has none
    *("tests/unit/boinc", "tests/unit/codec", "tests/unit/validator", "tests/unit/test_hooks.py", "tests/unit/test_plugins.py"),
    *("tests/unit/test_settings.py", "tests/unit/test_cli.py", "tests/conformance/test_local.py", "tests/dashboard"),
]
IN_PARALLEL = ["--numprocesses=auto", "--dist=worksteal"]  # tests mostly wait for processes that they started
TOOLS = nox.project.load_toml(ROOT / "pyproject.toml")
TEST_TOOLS = nox.project.dependency_groups(TOOLS, "tests")
TYPE_TOOLS = nox.project.dependency_groups(TOOLS, "types")
PYTHONS = nox.project.python_versions(nox.project.load_toml(ROOT / "packages/pyboinc-core/pyproject.toml"))


def install(session: nox.Session, *packages: str) -> None:
    """Install locked versions, hashes checked. pip refuses a lock together with our wheels, so it takes the newest."""
    session.install(*(["-c", str(LOCKS / "dev.txt")] if session.venv_backend == "uv" else []), *packages)


def wheels(name: str = "*") -> list[str]:
    return [str(wheel) for wheel in sorted(DIST.glob(f"pyboinc_{name}-*.whl"))]


def has_tests(session: nox.Session, folder: str) -> None:
    if not any((ROOT / folder).rglob("test_*.py")):
        session.skip(f"{folder} has no tests yet")


@nox.session
def build(session: nox.Session) -> None:
    """The five wheels, each by way of its sdist, as a release makes them."""
    install(session, "uv")
    shutil.rmtree(DIST, ignore_errors=True)
    session.run("uv", "build", "--quiet", "--all-packages", "--build-constraints", str(LOCKS / "dev.txt"), "--out-dir", str(DIST))


@nox.session
def lint(session: nox.Session) -> None:
    """ruff."""
    install(session, "ruff")
    session.run("ruff", "check")


@nox.session(requires=["build"])
def types(session: nox.Session) -> None:
    """mypy, strict, over the five packages."""
    install(session, *wheels(), *TYPE_TOOLS)
    session.run("mypy")


@nox.session(requires=["build"])
def tests(session: nox.Session) -> None:
    """What users get: the installed wheels. `-s tests-3.13` takes another Python, if it is there."""
    install(session, *wheels(), *TEST_TOOLS)
    session.run("pytest", *IN_PARALLEL, *(session.posargs or TESTS))


for version in PYTHONS:
    nox.session(name=f"tests-{version}", python=version, requires=["build"])(tests)


@nox.session(requires=["build"])
def core_only(session: nox.Session) -> None:
    """pyboinc-core without a backend."""
    install(session, *wheels("core"), "pytest")
    session.run("pytest", "tests/core_only")


@nox.session(requires=["build"])
def lowest(session: nox.Session) -> None:
    """The oldest dependencies that the packages say they accept."""
    install(session, "uv", *TEST_TOOLS)
    projects = [f"--requirements={project}" for project in sorted(ROOT.glob("packages/*/pyproject.toml"))]
    session.run("uv", "pip", "install", "--upgrade", "--resolution=lowest-direct", "--no-sources", *projects, *wheels())
    session.run("pytest", *IN_PARALLEL, *WITH_DEPENDENCIES)


@nox.session(requires=["build"])
def integration(session: nox.Session) -> None:
    """Against a database in a container (PYBOINC_TEST_IMAGE names its image); `-- --boinc-project DIR`: and a real BOINC project."""
    install(session, *wheels(), *TEST_TOOLS, *nox.project.dependency_groups(TOOLS, "integration"))
    session.run("pytest", "tests/integration", "tests/fullserver", *session.posargs)


@nox.session(requires=["build"])
def sim(session: nox.Session) -> None:
    """The laboratory: crash points, faults, invariants. `-- --seeds 10000 --jobs 2` runs many; `-- --help` says what else it takes."""
    has_tests(session, "sim")
    install(session, *wheels(), *TEST_TOOLS, *nox.project.dependency_groups(TOOLS, "sim"))
    if session.posargs:
        session.run("python", "-m", "laboratory", *session.posargs, env={"PYTHONPATH": str(ROOT / "sim")})
    else:
        session.run("pytest", *IN_PARALLEL, "sim")


@nox.session(requires=["build"])
def docs(session: nox.Session) -> None:
    """Links resolve, snippets run."""
    install(session, *wheels(), "pytest", "bottle")
    session.run("pytest", "tests/docs")


@nox.session(requires=["build"])
def site(session: nox.Session) -> None:
    """The documentation as a site, into .nox/website/html."""
    install(session, *wheels(), *nox.project.dependency_groups(TOOLS, "site"))
    session.run("python", "docs/site.py", ".nox/website/pages")
    session.run("mkdocs", "build", "--quiet", "--strict", "--config-file", "docs/mkdocs.yml", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session(requires=["build"])
def release(session: nox.Session) -> None:
    """A release, dry: its changelog, what would be uploaded, and each wheel alone in a clean environment. Nothing is uploaded."""
    install(session, *nox.project.dependency_groups(TOOLS, "release"))
    session.run("python", "docs/release.py", "changelog")
    session.run("python", "docs/release.py", "check", str(DIST))
    session.run("twine", "check", "--strict", *map(str, [*DIST.glob("*.whl"), *DIST.glob("*.tar.gz")]))
    for wheel in wheels():
        home = Path(session.create_tmp()) / Path(wheel).name.partition("-")[0]
        session.run("uv", "venv", "--quiet", "--clear", "--python", str(Path(session.bin) / "python"), str(home))
        python = str(home / ("Scripts" if os.name == "nt" else "bin") / "python")
        constraints = ["--constraints", str(LOCKS / "dev.txt"), "--find-links", str(DIST)]
        constraints += [f"--refresh-package={each.name}" for each in ROOT.glob("packages/*")]  # not an earlier build of this version
        session.run("uv", "pip", "install", "--quiet", "--python", python, *constraints, wheel)
        session.run("uv", "pip", "check", "--quiet", "--python", python)
        session.run(python, "-I", "-c", f"import {'pyboinc' if home.name == 'pyboinc_core' else home.name}", external=True)
        session.run(python, "-I", "-c", "from pyboinc.cli import main; main()", "plugins", external=True)
        if home.name == "pyboinc_local":
            program = shutil.copytree(ROOT / "examples" / "sum_of_squares", home / "program")
            session.run(python, str(program / "app_master.py"), "--quiet", external=True, env={"PYBOINC_DIR": None})


@nox.session(requires=["build"])
def save_batches(session: nox.Session) -> None:
    """At a release: batch directories as this version leaves them, into tests/batches/saved, where all later ones find them."""
    install(session, *wheels())
    session.run("python", "tests/batches/save.py")


@nox.session(requires=["build"])
def demo(session: nox.Session) -> None:
    """The examples, in a copy: a run leaves its checkpoint beside the master."""
    install(session, *wheels(), "matplotlib")
    copy = shutil.copytree(ROOT / "examples", Path(session.create_tmp()) / "examples", dirs_exist_ok=True)
    for example in ("sum_of_squares", "sunspots"):
        with session.chdir(copy / example):
            session.run("python", "app_master.py", env={"PYBOINC_DIR": None})


@nox.session(requires=["build"])
def bench(session: nox.Session) -> None:
    """A benchmark, with the wheels and what they are compared with: `nox -s bench -- calls`."""
    name, *arguments = session.posargs or ["calls"]
    install(session, *wheels(), "joblib", "distributed", "numpy")
    session.run("python", f"benchmarks/{name}.py", *arguments)


@nox.session(requires=["build"])
def fuzz(session: nox.Session) -> None:
    """Coverage-guided fuzzing of all that reads bytes from elsewhere: `nox -s fuzz -- --minutes 10`, see tests/fuzz/fuzz.py."""
    install(session, *wheels(), "numpy", *nox.project.dependency_groups(TOOLS, "fuzz"))
    session.run("python", "tests/fuzz/fuzz.py", *(session.posargs or ["--minutes", "10"]))


@nox.session(requires=["build"])
def libm(session: nox.Session) -> None:
    """A million arguments of each exact function of a platform against the C library itself: musl and openlibm if installed, glibc."""
    install(session, *wheels(), *TEST_TOOLS)
    session.run("pytest", "tests/unit/platforms", *session.posargs, env={"PYBOINC_LIBM_ARGUMENTS": "1000000"})


@nox.session
def lock(session: nox.Session) -> None:
    """Renew tests/requirements: hashes, and no registry addresses (uv.lock has them, so it goes)."""
    session.install("uv")
    session.run("uv", "lock", "--upgrade")
    for name, groups in {"nox": ["--only-group=nox"], "dev": ["--all-packages", "--all-groups"]}.items():
        export = ["uv", "export", "--quiet", *groups, "--no-emit-workspace", "--no-header", "--no-annotate", "--format=requirements.txt"]
        session.run(*export, f"--output-file={LOCKS / name}.txt")
    (ROOT / "uv.lock").unlink()
