"""Hashes of identifiers, as everybody computes them: advertising, analytics and lists of deletion requests pass people on so.

MD5, SHA-1 and SHA-256 of an identifier are spellings of it, as anybody can compute them who has the identifier. One with a secret, a
salt or the key of an HMAC, is one only where the map says how it is made.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode, urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import new


class HashAlgorithm(StrEnum):
    """The function that is taken of an identifier."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"


class SecretPlace(StrEnum):
    """The way in which a secret enters a hash."""

    NONE = "none"
    PREFIX = "prefix"
    """It stands before the identifier."""
    SUFFIX = "suffix"
    """It stands behind the identifier."""
    KEY = "hmac"
    """It is the key of an HMAC (RFC 2104)."""


@dataclass(frozen=True)
class HashRule:
    """The way in which a field's hashes are made."""

    algorithm: HashAlgorithm
    place: SecretPlace = SecretPlace.NONE
    secret: str = field(default="", repr=False)
    """The salt or key itself, with variables filled in: never shown, logged, stored or digested."""

    def digest(self, text: str) -> bytes:
        """Return the hash of a text in UTF-8."""
        data, secret = text.encode("utf-8", "surrogatepass"), self.secret.encode("utf-8", "surrogateescape")
        match self.place:
            case SecretPlace.KEY:
                return hmac.digest(secret, data, self.algorithm.value)
            case SecretPlace.PREFIX:
                data = secret + data
            case SecretPlace.SUFFIX:
                data += secret
        # Why not for security: others chose the algorithm, and who looks for its hashes has to compute them.
        return new(self.algorithm.value, data, usedforsecurity=False).digest()


@dataclass(frozen=True)
class HashedField:
    """A field whose values are hashes of identifiers of a kind: of its key, or of another name that such a person has."""

    kind: str
    name: str
    rule: HashRule


OPEN = tuple(HashRule(each) for each in HashAlgorithm)
"""The hashes that anybody can compute."""
SIZES = frozenset({16, 20, 32})
"""Bytes of these hashes."""
_AS = " as "
"""Stands between a kind of identifier and the algorithm: ``account.email as sha256``."""
_HEX = re.compile(r"(?:\\x)?([0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})")
_BASE64 = re.compile(r"[0-9A-Za-z+/_-]{22,43}={0,2}")


def texts(digest: bytes) -> frozenset[str]:
    """Return the ways in which a cell or a record writes a hash: hex, base64 in both alphabets, bytes as a store shows them."""
    encoded = [b64encode(digest).decode(), urlsafe_b64encode(digest).decode()]
    found = {digest.hex(), digest.hex().upper(), f"\\x{digest.hex()}", *encoded, *(each.rstrip("=") for each in encoded)}
    # Why only then: stores show bytes that are no text in hex.
    with suppress(UnicodeDecodeError):
        found.add(digest.decode())
    return frozenset(found)


def read(text: str) -> bytes:
    """Return the hash that a text may be, in any way of :func:`texts`; nothing for any other text."""
    plain = text.strip()
    if found := _HEX.fullmatch(plain):
        return bytes.fromhex(found[1])
    if not _BASE64.fullmatch(plain):
        return b""
    bare = plain.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        data = b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        return b""
    # Why again: letters at the end of which bits are left over are another text.
    return data if len(data) in SIZES and b64encode(data).decode().rstrip("=") == bare else b""


def kind_in_hashes(kind: str, algorithm: str) -> str:
    """Return what hashes of identifiers of a kind are called: ``account.email as sha256``."""
    return f"{kind}{_AS}{algorithm}"


def kind_and_algorithm(kind: str) -> tuple[str, str]:
    """Return what a kind of :func:`in_hashes` is about, and the algorithm; for any other kind itself, and nothing."""
    plain, _, algorithm = kind.partition(_AS)
    return plain, algorithm
