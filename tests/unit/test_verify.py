"""Signatures of programs: the standard's own vectors, and what a program must not get away with."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from pyboinc import bundle
from pyboinc.slave.verify import SignatureError, Trust, join, split, verify, verify_signature

DATA = json.loads((Path(__file__).parents[1] / "data" / "rsa-vectors.json").read_text())
PROGRAM = bundle.reproducible_zip({"a.py": b"pass\n"})


@pytest.mark.parametrize("vector", DATA["vectors"], ids=lambda each: f"{each['source']}-{each['comment'][:40]}")
def test_the_standard_s_vectors(vector):
    modulus = int(DATA["moduli"][vector["key"]], 16)
    message, signature = bytes.fromhex(vector["message"]), bytes.fromhex(vector["signature"])
    assert verify_signature(modulus, message, signature) is vector["valid"]
    assert not verify_signature(modulus, message + b"x", signature)
    assert not verify_signature(modulus, message, signature[:-1]) and not verify_signature(modulus, message, b"\0" + signature)


def test_a_key_that_is_too_short():
    assert not verify_signature(3, b"", b"\1")


@pytest.mark.parametrize("comment", [b"", b"x", b"y" * 8000])
def test_the_comment_of_a_zip_file(comment):
    made = join(PROGRAM, comment)
    assert split(made) == (PROGRAM, comment)
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.comment == comment and archive.read("a.py") == b"pass\n"


@pytest.mark.parametrize("data", [b"", b"PK", PROGRAM[:-1], PROGRAM + b"x", join(PROGRAM, b"x" * 9000)])
def test_no_zip_file(data):
    with pytest.raises(SignatureError, match="it is no zip file"):
        split(data)


def test_the_file_of_an_app_version():
    trust = Trust("http://example.org/p/", "pyboinc", 12345)
    again = Trust.parse(trust.text())
    assert (again.project, again.app, again.modulus, again.key_id) == ("http://example.org/p/", "pyboinc", 12345, trust.key_id)
    for damaged in (b"", trust.text()[:-1], trust.text() + b"\n", trust.text().replace(b"app ", b"apps "), b"\xff"):
        with pytest.raises(ValueError):
            Trust.parse(damaged)


@pytest.mark.parametrize(
    "comment", [b"pyboinc-signature 1\n", b"\xff\xfe", b"pyboinc-signature 1\nproject a\napp b\nkey c\nsha256 d\nsignature xyz\n"]
)
def test_a_signature_that_cannot_be_read(comment):
    with pytest.raises(SignatureError, match="can't be read"):
        verify(join(PROGRAM, comment), Trust("a", "b", 1 << 3071))
