"""Signed programs: a program's zip file has the signature in its comment, and is refused without a good one.

RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2.2; the check is by building the encoded message, never by parsing it).
Signed are the project's URL, the app and the program, so that what one project or app has signed is nothing to another.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:  # hashlib loads OpenSSL
        from _sha2 import sha256
    except ImportError:
        try:
            from _sha256 import sha256
        except ImportError:
            from hashlib import sha256

EXPONENT = 65537
MIN_BITS = 2048
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # of SHA-256: RFC 8017, section 9.2, note 1
MAX_COMMENT = 8192
HEAD = "pyboinc-signature 1"
_END = b"PK\5\6"  # of a zip file's last record, which ends in the comment's length and the comment


class SignatureError(ValueError):
    """The program must not run; the text says why."""


class Trust:
    """Whose programs may run. project (str): URL.  app (str).  modulus (int): of the RSA key."""

    def __init__(self, project: str, app: str, modulus: int) -> None:
        self.project = project
        self.app = app
        self.modulus = modulus

    @classmethod
    def parse(cls, data: bytes) -> Trust:
        """Read the file that goes with an app version. Raises ValueError."""
        values = _values(data.decode(), "pyboinc-trust 1", ("project", "app", "modulus"))
        modulus = int(values[2], 16)
        if modulus <= 0:
            raise ValueError("its modulus is no key's")
        return cls(values[0], values[1], modulus)

    def text(self) -> bytes:
        return f"pyboinc-trust 1\nproject {self.project}\napp {self.app}\nmodulus {self.modulus:x}\n".encode()

    @property
    def key_id(self) -> str:
        """16 hexadecimal digits that tell keys apart."""
        return sha256(self.modulus.to_bytes((self.modulus.bit_length() + 7) // 8, "big")).hexdigest()[:16]


def verify(data: bytes, trust: Trust) -> None:
    """Raise SignatureError unless the program is signed for this project and app by this key."""
    content, comment = split(data)
    if not comment:
        raise SignatureError("it is not signed, and this app runs signed programs only")
    try:
        project, app, key, digest, signature = _values(comment.decode("ascii"), HEAD, ("project", "app", "key", "sha256", "signature"))
        proof = bytes.fromhex(signature)
        if proof.hex() != signature:
            raise ValueError("a signature is written in one way")
    except ValueError:
        raise SignatureError("its signature can't be read") from None
    if (project, app) != (trust.project, trust.app):
        raise SignatureError(f"it is signed for the app {app!r} of {project!r}, and this is {trust.app!r} of {trust.project!r}")
    if key != trust.key_id:
        raise SignatureError(f"it is signed with the key {key!r}, and this app's is {trust.key_id}")
    if digest != sha256(content).hexdigest():
        raise SignatureError("it is not what was signed: it has been changed")
    if not verify_signature(trust.modulus, message(trust, content), proof):
        raise SignatureError("its signature is wrong")


def message(trust: Trust, content: bytes) -> bytes:
    """What is signed, of a program without a comment."""
    return f"pyboinc program 1\n{trust.project}\n{trust.app}\n".encode() + content


def verify_signature(modulus: int, message: bytes, signature: bytes) -> bool:
    """RSASSA-PKCS1-v1_5 with SHA-256 and the exponent 65537."""
    size = (modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if modulus.bit_length() < MIN_BITS or len(signature) != size or number >= modulus:
        return False
    return pow(number, EXPONENT, modulus).to_bytes(size, "big") == encoded(message, size)


def encoded(message: bytes, size: int) -> bytes:
    """EMSA-PKCS1-v1_5: RFC 8017, section 9.2."""
    hashed = DIGEST_INFO + sha256(message).digest()
    return b"\0\1" + b"\xff" * (size - len(hashed) - 3) + b"\0" + hashed


def split(data: bytes) -> tuple[bytes, bytes]:
    """The zip file without its comment, and the comment. Raises SignatureError if it is no zip file."""
    end = data.rfind(_END, max(0, len(data) - MAX_COMMENT - 22))
    size = int.from_bytes(data[end + 20 : end + 22], "little")
    if end < 0 or len(data) - end - 22 != size:
        raise SignatureError("it is no zip file")
    return data[: end + 20] + b"\0\0", data[end + 22 :]


def join(content: bytes, comment: bytes) -> bytes:
    """A zip file without a comment, with this one."""
    return content[:-2] + len(comment).to_bytes(2, "little") + comment


def _values(text: str, head: str, names: tuple[str, ...]) -> list[str]:
    """The values of lines that must have these names, in this order."""
    first, *lines = text.split("\n")
    if first != head or len(lines) != len(names) + 1 or lines.pop():
        raise ValueError(f"it is no {head}")
    values = []
    for name, line in zip(names, lines):
        found, space, value = line.partition(" ")
        if found != name or not space:
            raise ValueError(f"it has no {name}")
        values.append(value)
    return values
