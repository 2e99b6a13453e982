"""Whose programs volunteers run: an app's key, and signing on the server or on another computer.

The public key lies in the project's folder ``pyboinc``. Where the private key lies beside BOINC's own in ``keys``, programs are
signed as they are staged. Where it does not, the master writes the program to be signed into its batch's folder and stops.
"""

from __future__ import annotations

import hashlib
import os

from pyboinc.bundle import Program
from pyboinc.errors import PyBoincError
from pyboinc.slave.verify import HEAD, SignatureError, Trust, join, message, split, verify

from . import extras, rsa
from .project import Project

FOLDER = "pyboinc_to_sign"
PRIVATE = "pyboinc_sign_private"
_PUBLIC = "pyboinc-key 1 "


class NotSigned(PyBoincError):
    """A program waits for its signature. The text is the instruction."""


def signed(program: bytes, key: rsa.PrivateKey, project: str, app: str) -> bytes:
    """The program with a signature for this app of this project; one that it has is replaced. Raises SignatureError."""
    content, _ = split(program)
    trust = Trust(project, app, key.modulus)
    digest, proof = hashlib.sha256(content).hexdigest(), key.sign(message(trust, content)).hex()
    comment = f"{HEAD}\nproject {project}\napp {app}\nkey {trust.key_id}\nsha256 {digest}\nsignature {proof}\n"
    return join(content, comment.encode("ascii"))


class Signer:
    """Gives programs the signature that the app's volunteers ask for; none if they ask for none."""

    def __init__(self, project: Project, app: str, folder: str) -> None:
        """folder: the batch's."""
        self._folder = os.path.join(folder, FOLDER)
        modulus = extras.modulus(project.folder)
        self._trust = Trust(project.config.master_url, app, modulus) if modulus else None
        self._private = os.path.join(project.config.key_dir or project.path("keys"), PRIVATE)

    def __call__(self, program: Program) -> bytes:
        """What is staged. Raises NotSigned, KeyFileError."""
        trust = self._trust
        if trust is None:
            return program.data
        if os.path.exists(self._private):
            key = read_key(self._private)
            if key.modulus != trust.modulus:
                raise rsa.KeyFileError(f"{self._private} is not the private part of the key that volunteers ask for. {_HOW_TO_CHANGE}")
            return signed(program.data, key, trust.project, trust.app)
        path = os.path.join(self._folder, f"{os.path.basename(program.slave)}.{program.sha256[:16]}.zip")
        reason = ""
        try:
            with open(path, "rb") as file:
                data = file.read()
            verify(data, trust)
            if split(data)[0] == program.data:
                return data
            reason = " (the file there is another program)"
        except FileNotFoundError:
            os.makedirs(self._folder, exist_ok=True)
            with open(path, "wb") as file:
                file.write(program.data)
        except SignatureError as error:
            reason = f" (the file there: {error})"
        raise NotSigned(
            f"volunteers of the app {trust.app} run signed programs only, and the private key is not on this computer{reason}. "
            f"Copy {path} to the computer that has it, and sign it there:\n"
            f"  pyboinc sign --key KEY --project {trust.project} --app {trust.app} {os.path.basename(path)}\n"
            "Copy it back to where it was, and run the master again: it goes on from here."
        )


_HOW_TO_CHANGE = "The project's admin changes it:  pyboinc setup -p PROJECT_DIR --sign-key FILE"


def read_key(path: str) -> rsa.PrivateKey:
    """Raises KeyFileError."""
    try:
        with open(path, "rb") as file:
            return rsa.read(file.read(), path)
    except OSError as error:
        raise rsa.KeyFileError(f"{path}: {error.strerror}") from None


def sign_file(path: str, key: rsa.PrivateKey, url: str, app: str) -> None:
    """Sign a program in place. Raises PyBoincError."""
    try:
        with open(path, "rb") as file:
            data = signed(file.read(), key, url, app)
        with open(f"{path}.new", "wb") as file:
            file.write(data)
        os.replace(f"{path}.new", path)
    except OSError as error:
        raise PyBoincError(f"{path}: {error.strerror}") from None
    except SignatureError as error:
        raise PyBoincError(f"{path} can't be signed: {error}") from None


def make_key(path: str) -> None:
    """A new private key, which nobody else can read, and beside it the public one. Raises KeyFileError."""
    key = rsa.make()
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key.pem())
        with open(f"{path}.pub", "w", encoding="ascii") as public:
            public.write(f"{_PUBLIC}{key.modulus:x}\n")
    except OSError as error:
        raise rsa.KeyFileError(f"{error.filename or path}: {error.strerror}") from None


def read_modulus(path: str) -> int:
    """Of a public or a private key. Raises KeyFileError."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        if data.startswith(_PUBLIC.encode()):
            return int(data[len(_PUBLIC) :], 16)
    except OSError as error:
        raise rsa.KeyFileError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise rsa.KeyFileError(f"{path} is damaged") from None
    return rsa.read(data, path).modulus
