"""Keys, and programs signed on the server or elsewhere."""

import subprocess
from dataclasses import dataclass
from functools import cache

import pytest
from click.testing import CliRunner

from pyboinc import bundle
from pyboinc.slave.verify import SignatureError, Trust, join, split, verify
from pyboinc_boinc import extras, rsa, sign
from pyboinc_boinc.appversion import LINUX, Extras
from pyboinc_boinc.commands import sign as command

URL, APP = "http://example.org/p/", "pyboinc"


@cache
def _made(_number):
    return rsa.make(2048)  # sooner than 3072


def key(number=1):
    return _made(number)


@dataclass
class Config:
    master_url: str = URL
    key_dir: str = ""


class Project:
    def __init__(self, folder):
        self.folder = str(folder)
        self.config = Config(key_dir=str(folder / "keys"))
        (folder / "keys").mkdir()

    def path(self, name):
        return f"{self.folder}/{name}"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project")


@pytest.fixture
def program(tmp_path):
    (tmp_path / "app_slave.py").write_text("pass\n")
    return bundle.build("app_slave.py", tmp_path)


def trust(project=URL, app=APP, number=1):
    return Trust(project, app, key(number).modulus)


def test_a_signed_program_is_accepted_where_it_belongs(program):
    made = sign.signed(program.data, key(), URL, APP)
    verify(made, trust())
    assert split(made)[0] == program.data
    assert sign.signed(made, key(), URL, APP) == made, "a signature is replaced, and the same each time"


@pytest.mark.parametrize(
    "other, reason",
    [
        (
            {"project": "http://other.org/p/"},
            "it is signed for the app 'pyboinc' of 'http://example.org/p/', and this is 'pyboinc' of 'http://other.org/p/'",
        ),
        ({"app": "pyboinc2"}, "and this is 'pyboinc2' of"),
        ({"number": 2}, "it is signed with the key"),
    ],
)
def test_replay_is_refused(program, other, reason):
    made = sign.signed(program.data, key(), URL, APP)
    with pytest.raises(SignatureError) as refusal:
        verify(made, trust(**other))
    assert reason in str(refusal.value)
    # Nor does it help to say that it is for this one: what was signed is another message.
    content, comment = split(made)
    there = trust(**other)
    lied = comment.replace(URL.encode(), there.project.encode()).replace(b"app pyboinc\n", f"app {there.app}\n".encode())
    lied = lied.replace(trust().key_id.encode(), there.key_id.encode())
    with pytest.raises(SignatureError, match="its signature is wrong"):
        verify(join(content, lied), there)


def test_every_changed_byte_is_found(program):
    made = sign.signed(program.data, key(), URL, APP)
    for at in range(0, len(made), 7):
        changed = bytearray(made)
        changed[at] ^= 1
        with pytest.raises(SignatureError):
            verify(bytes(changed), trust())


def test_unsigned(program):
    with pytest.raises(SignatureError, match="it is not signed"):
        verify(program.data, trust())


def test_key_files(tmp_path):
    assert rsa.read(key().pem(), "k") == key()
    for data, why in (
        (b"", "is no private RSA key"),
        (key().pem()[:400] + b"\n-----END RSA PRIVATE KEY-----", "can't be read"),
        (rsa.make(1024).pem(), "2048 bits or more"),
    ):
        with pytest.raises(rsa.KeyFileError, match=why):
            rsa.read(data, "k")


def test_openssl_agrees(tmp_path, program):
    (tmp_path / "k").write_bytes(key().pem())
    (tmp_path / "m").write_bytes(program.data)
    try:
        subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", "k", "-out", "k8"], cwd=tmp_path, check=True)
        done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", "k", "m"], cwd=tmp_path, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl here")
    assert done.stdout == key().sign(program.data)
    assert rsa.read((tmp_path / "k8").read_bytes(), "k8") == key()


def test_without_a_key_nothing_is_signed(project, program, tmp_path):
    assert sign.Signer(project, APP, str(tmp_path))(program) == program.data


def test_with_the_private_key_on_the_server(project, program, tmp_path):
    extras.save(project.folder, Extras(), key().modulus)
    with open(f"{project.config.key_dir}/{sign.PRIVATE}", "wb") as file:
        file.write(key().pem())
    verify(sign.Signer(project, APP, str(tmp_path))(program), trust())
    extras.save(project.folder, Extras(), key(2).modulus)
    with pytest.raises(rsa.KeyFileError, match="not the private part"):
        sign.Signer(project, APP, str(tmp_path))(program)


def test_with_the_private_key_elsewhere(project, program, tmp_path):
    """The master stops with an instruction; followed to the letter, it goes on."""
    extras.save(project.folder, Extras(), key().modulus)
    signer = sign.Signer(project, APP, str(tmp_path))
    for _ in range(2):
        with pytest.raises(sign.NotSigned) as stop:
            signer(program)
    line = next(each for each in str(stop.value).splitlines() if each.startswith("  pyboinc sign")).split()
    place = tmp_path / sign.FOLDER / line[-1]
    assert str(place) in str(stop.value)
    (tmp_path / "k.pem").write_bytes(key().pem())
    line[line.index("KEY")] = str(tmp_path / "k.pem")
    line[-1] = str(place)
    ran = CliRunner().invoke(command, line[2:])
    assert ran.exit_code == 0, ran.output
    verify(signer(program), trust())


def test_another_key_or_another_program_in_its_place(project, program, tmp_path):
    extras.save(project.folder, Extras(), key().modulus)
    signer = sign.Signer(project, APP, str(tmp_path))
    with pytest.raises(sign.NotSigned):
        signer(program)
    (place,) = (tmp_path / sign.FOLDER).iterdir()
    place.write_bytes(sign.signed(program.data, key(2), URL, APP))
    with pytest.raises(sign.NotSigned, match=r"the file there: it is signed with the key"):
        signer(program)
    place.write_bytes(sign.signed(bundle.reproducible_zip({"b": b""}), key(), URL, APP))
    with pytest.raises(sign.NotSigned, match="is another program"):
        signer(program)


def test_a_new_key(tmp_path, monkeypatch):
    monkeypatch.setattr(rsa, "make", lambda: key())
    path = tmp_path / "k.pem"
    assert CliRunner().invoke(command, ["--key", str(path), "--new-key"]).exit_code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert sign.read_modulus(f"{path}.pub") == sign.read_modulus(str(path)) == key().modulus
    assert CliRunner().invoke(command, ["--key", str(path), "--new-key"]).exit_code != 0, "a key is never overwritten"


def test_extras_are_kept_together_or_not_at_all(project, tmp_path):
    """In the last step of setup's transaction, which a failure undoes."""
    place = tmp_path / extras.FOLDER
    extras.save(str(tmp_path), Extras({LINUX: b"python"}, {LINUX: b"wrapper"}), 7)
    assert extras.load(str(tmp_path)) == Extras({LINUX: b"python"}, {LINUX: b"wrapper"}) and extras.modulus(str(tmp_path)) == 7
    before = {each.name: each.read_bytes() for each in place.iterdir()}
    (place / f"wrapper_{LINUX}.new").mkdir()
    with pytest.raises(OSError):
        extras.save(str(tmp_path), Extras({LINUX: b"another"}, {LINUX: b"another"}), 8)
    (place / f"wrapper_{LINUX}.new").rmdir()
    assert {each.name: each.read_bytes() for each in place.iterdir()} == before
    extras.save(str(tmp_path), Extras(), 0)
    assert not list(place.iterdir())
