"""RSA keys for signing programs: made, read, written and used, with Python's integers alone.

Keys are PEM files that OpenSSL reads too (``RSA PRIVATE KEY``, RFC 8017 appendix A.1.2; ``PRIVATE KEY``, RFC 5208, is read).
A signature is made seldom and on the admin's own computer; the number to sign is blinded all the same.
"""

from __future__ import annotations

import base64
import math
import re
import secrets
from dataclasses import dataclass, field

from pyboinc.errors import PyBoincError
from pyboinc.slave.verify import EXPONENT, MIN_BITS, encoded

BITS = 3072
_ROUNDS = 40  # of Miller and Rabin's test: wrong once in 4**40
_SMALL_PRIMES = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]
_PEM = re.compile(rb"-----BEGIN (RSA )?PRIVATE KEY-----(.*?)-----END (?:RSA )?PRIVATE KEY-----", re.DOTALL)


class KeyFileError(PyBoincError):
    """A file is not a key that can be used. The text says why."""


@dataclass(frozen=True)
class PrivateKey:
    """Two primes; the public exponent is 65537."""

    p: int = field(repr=False)
    q: int = field(repr=False)

    @property
    def modulus(self) -> int:
        return self.p * self.q

    @property
    def _exponent(self) -> int:
        return pow(EXPONENT, -1, math.lcm(self.p - 1, self.q - 1))

    def sign(self, message: bytes) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256: RFC 8017, section 8.2.1."""
        n = self.modulus
        size = (n.bit_length() + 7) // 8
        blind = secrets.randbelow(n - 2) + 2
        number = int.from_bytes(encoded(message, size), "big") * pow(blind, EXPONENT, n) % n
        signature = pow(number, self._exponent, n) * pow(blind, -1, n) % n
        return signature.to_bytes(size, "big")

    def pem(self) -> bytes:
        """The text of its file."""
        d = self._exponent
        numbers = [0, self.modulus, EXPONENT, d, self.p, self.q, d % (self.p - 1), d % (self.q - 1), pow(self.q, -1, self.p)]
        text = base64.encodebytes(_der(0x30, b"".join(map(_der_integer, numbers))))
        return b"-----BEGIN RSA PRIVATE KEY-----\n" + text + b"-----END RSA PRIVATE KEY-----\n"


def make(bits: int = BITS) -> PrivateKey:
    """A new key; takes some seconds."""
    while True:
        p, q = _prime(bits // 2), _prime(bits - bits // 2)
        if abs(p - q).bit_length() > bits // 2 - 100 and (p * q).bit_length() == bits:  # FIPS 186-5, appendix A.1.3
            return PrivateKey(p, q)


def read(data: bytes, name: str) -> PrivateKey:
    """A key from the bytes of its file. Raises KeyFileError."""
    found = _PEM.search(data)
    if not found:
        raise KeyFileError(
            f"{name} is no private RSA key: a PEM file without a password, as  pyboinc sign --new-key  or openssl genrsa make it"
        )
    try:
        numbers = _integers(base64.b64decode(found[2]), bare=bool(found[1]))
        n, e, p, q = numbers[1], numbers[2], numbers[4], numbers[5]
    except (ValueError, IndexError) as error:
        raise KeyFileError(f"{name} can't be read: {error}") from None
    if p * q != n or e != EXPONENT or n.bit_length() < MIN_BITS:
        raise KeyFileError(f"{name} can't be used: an RSA key with the exponent {EXPONENT} and {MIN_BITS} bits or more is needed")
    return PrivateKey(p, q)


def _prime(bits: int) -> int:
    while True:
        n = secrets.randbits(bits) | (3 << (bits - 2)) | 1
        if all(n % each for each in _SMALL_PRIMES) and (n - 1) % EXPONENT and _is_prime(n):
            return n


def _is_prime(n: int) -> bool:
    """Miller and Rabin's test, FIPS 186-5, appendix B.3.1."""
    twos = ((n - 1) & -(n - 1)).bit_length() - 1
    for _ in range(_ROUNDS):
        x = pow(secrets.randbelow(n - 3) + 2, (n - 1) >> twos, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _der_integer(value: int) -> bytes:
    return _der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _integers(data: bytes, bare: bool) -> list[int]:
    """The integers of an RSAPrivateKey; if not bare, of the one inside a PrivateKeyInfo. Raises ValueError."""
    items = _items(_only(data, 0x30))
    if not bare:
        inner = [content for tag, content in items if tag == 4]
        if not inner:
            raise ValueError("it holds no key")
        items = _items(_only(inner[0], 0x30))
    return [int.from_bytes(content, "big", signed=True) for tag, content in items if tag == 2]


def _only(data: bytes, tag: int) -> bytes:
    items = _items(data)
    if len(items) != 1 or items[0][0] != tag:
        raise ValueError("it is not in the form of a key")
    return items[0][1]


def _items(data: bytes) -> list[tuple[int, bytes]]:
    """The elements that stand one after the other in DER: ITU-T X.690."""
    found, at = [], 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + size > len(data):
            raise ValueError("it is cut off")
        found.append((tag, data[at : at + size]))
        at += size
    return found
