"""The launcher finds a Python, under each shell that is here."""

import os
import re
import shutil
import sys

import pytest

from pyboinc_boinc import appversion

SHELLS = [[path] for path in filter(None, map(shutil.which, ("dash", "bash")))]
SHELLS += [[path, "sh"] for path in filter(None, [shutil.which("busybox")])]


@pytest.fixture(params=SHELLS, ids=lambda shell: os.path.basename(shell[0]))
def launch(request, client):
    """The launcher as a client starts it, from a copy that knows no folders beside PATH; PATH is `bin` and what the script needs."""
    bin = client.data / "bin"
    bin.mkdir()
    tools = client.data / "tools"
    tools.mkdir()
    for tool in ("env", "timeout", "sleep"):
        (tools / tool).symlink_to(shutil.which(tool))
    client.job()
    client.talks()
    launcher = client.project / "launch_1.sh"

    def run(status=0, path=f"{bin}:{tools}"):
        launcher.write_text(re.sub(r"(?m)^PATH=.*$", "", launcher.read_text(), count=1))
        return client.run(*request.param, "../../projects/www.example.org/launch_1.sh", status=status, environ={"PATH": path})

    run.bin = bin
    run.command = [*request.param, "../../projects/www.example.org/launch_1.sh"]
    return run


def candidate(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


GOOD = f'exec {sys.executable} "$@"'


def test_python3_on_the_path(client, launch):
    candidate(launch.bin, "python3", GOOD)
    assert launch() == ""
    assert len(client.outputs()) == 2


@pytest.mark.parametrize("name", ["python3.9", "python3.14"])
def test_another_name(client, launch, name):
    candidate(launch.bin, name, GOOD)
    assert launch() == ""


@pytest.mark.parametrize("bad", ["echo False", "exit 127", "exit 0", "echo 'Python was not found'", "kill -9 $$"])
def test_what_is_no_good_is_passed_over(client, launch, bad):
    candidate(launch.bin, "python3", bad)
    candidate(launch.bin, "python3.12", GOOD)
    assert launch() == ""


def test_none(client, launch):
    candidate(launch.bin, "python3", "echo False")
    text = launch(206)
    assert text.startswith("pyboinc: this computer has no Python 3.9 or later in any of /") and text.count("\n") == 1
    assert not (client.slot / "output").exists()


def test_never_from_the_slot(client, launch):
    candidate(client.slot, "python3", GOOD)
    assert "no Python 3.9" in launch(206, f".::{launch.bin}:{launch.bin.parent / 'tools'}")


@pytest.mark.parametrize("how", ["softlink", "symlink"])
def test_the_runtime_as_a_link(client, launch, how):
    for path in client.slot.iterdir():
        path.unlink()
    client.job(how=how)
    candidate(launch.bin, "python3", GOOD)
    assert launch() == ""
    assert len(client.outputs(client.project / "output_0f3a")) == 2


def test_it_becomes_the_runtime(client, launch, eventually):
    """A client stops and kills the process that it has started, not a shell in front of it."""
    client.job("open('parent', 'w').write(str(os.getppid()))\ntime.sleep(.3)\n" + "pyboinc_return_output(Output(1))\n", values=(1,))
    candidate(launch.bin, "python3", GOOD)
    launch()
    assert (client.slot / "slave" / "parent").read_text() == str(client.task.pid)


def test_as_it_is(client):
    client.job()
    client.talks()
    assert client.run("../../projects/www.example.org/launch_1.sh") == ""
    assert len(client.outputs()) == 2


def test_with_no_path_at_all(client):
    client.job()
    if not any(os.path.exists(f"{folder}/python3") for folder in ("/usr/bin", "/usr/local/bin", "/bin")):
        pytest.skip("no Python in the usual folders")
    assert client.run("../../projects/www.example.org/launch_1.sh", environ={"PATH": ""}) == ""


# -- what the last task found


def linked(client, launch, text):
    """A task whose files are in the project's folder, where things can be kept."""
    for path in client.slot.iterdir():
        path.unlink()
    client.job(how="softlink")
    candidate(launch.bin, "python3", text)
    (client.data / "bin" / "python3").chmod(0o755)


def test_what_was_found_is_taken_again_without_a_trial(client, launch):
    log = client.data / "log"
    linked(client, launch, f'case "$4" in *print*) echo trial >> {log} ;; esac\n{GOOD}')
    for _ in range(3):
        assert launch() == ""
    assert log.read_text() == "trial\n"
    assert (client.project / "pyboinc_python").read_text() == f"{sys.executable}\n"


def test_one_that_has_been_spoilt_fails_once(client, launch):
    linked(client, launch, GOOD)
    bad = client.data / "bad"
    bad.write_text("#!/bin/sh\nexit 9\n")
    bad.chmod(0o755)
    (client.project / "pyboinc_python").write_text(f"{bad}\n")
    launch(9)
    assert launch() == ""
    for gone in ("/nowhere/python3\n", "/\n", f"{bad}"):  # the last one is half a line: another task is about to write it
        (client.project / "pyboinc_python").write_text(gone)
        assert launch() == ""


def test_the_python_of_macos_that_offers_to_install_xcode(client, launch):
    if not os.path.exists("/usr/bin/python3"):
        pytest.skip("no /usr/bin/python3")
    linked(client, launch, "exit 1")
    tools = client.data / "tools"
    candidate(tools, "uname", "echo Darwin")
    for xcode, good in (("exit 2", False), ("echo /Library/Developer", True)):
        candidate(tools, "xcode-select", xcode)
        (client.project / "pyboinc_python").unlink(missing_ok=True)
        client.start(*launch.command, environ={"PATH": f"{tools}:/usr/bin"})
        client.task.wait(60)
        chosen = (client.project / "pyboinc_python").read_text() if (client.project / "pyboinc_python").exists() else ""
        assert (chosen.strip() == "/usr/bin/python3") is good


def test_the_compiled_runtime_is_kept_and_replaced(client, launch):
    linked(client, launch, GOOD)
    old = client.project / "pyboinc_runtime_0.zip.cpython-39-1.cache"
    old.write_bytes(b"of a runtime that is gone")
    assert launch() == ""
    (cache,) = client.project.glob("*.cache")
    assert cache.name.startswith("runtime.zip_0f3a.")
    good = cache.read_bytes()
    cache.write_bytes(good[:5000] + bytes(len(good) - 5000))  # a disk that lost power
    assert launch() == ""
    assert cache.read_bytes() == good


def test_each_part_of_the_launcher_for_windows_is_there_once_and_ends():
    """`goto` and `call` take the first label that they find, and cmd runs on into whatever follows."""
    lines = appversion.launcher(windows=True).decode().split("\r\n")
    labels = [line[1:].strip() for line in lines if line.startswith(":")]
    assert len(labels) == len({*labels})
    asked = {*re.findall(r"(?:goto|call) :(\w+)", "\n".join(lines))}
    assert asked == {*labels}
    called = {*re.findall(r"call :(\w+)", "\n".join(lines))}
    for label in called:
        above = [line for line in lines[: lines.index(f":{label}")] if line and not line.startswith("rem")]
        assert above[-1].startswith("exit /b"), f"nothing may run into :{label}"
    assert lines[-2:] == ["exit /b", ""]
