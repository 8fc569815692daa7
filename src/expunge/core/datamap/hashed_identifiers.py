"""Hashes of identifiers, as everybody computes them: advertising, analytics and lists of deletion requests pass people on so.

MD5, SHA-1 and SHA-256 of an identifier are spellings of it, as anybody can compute them who has the identifier. One with a secret, a
salt or the key of an HMAC, is one only where the map says how it is made.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import new

from expunge.core.datamap.spelling import trimmed


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
_E164 = re.compile(r"\+[1-9][0-9]{5,14}")
_AS = " as "
"""Stands between a kind of identifier and the algorithm: ``account.email as sha256``."""
_HEX = re.compile(r"(?:\\x)?([0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})")
_BASE64 = re.compile(r"[0-9A-Za-z+/_-]{22,43}={0,2}")


def hashed_texts(value: str) -> frozenset[str]:
    """Return the texts of which a hash is taken for one: trimmed, as it is and in small letters; a phone number without its plus."""
    plain = trimmed(unicodedata.normalize("NFC", value))
    forms = {plain, plain.lower()}
    if _E164.fullmatch(plain):
        forms.add(plain[1:])
    return frozenset(forms - {""})


def digests(values: Iterable[str], rule: HashRule, unclear: frozenset[str] = frozenset()) -> frozenset[bytes]:
    """Return the hashes of identifiers in a field of their kind: of each as it is, in small letters where that is nobody else's."""
    return frozenset(rule.digest(text) for value in values for text in hashed_texts(value) if text == trimmed(value) or text not in unclear)


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


def named_by(identifiers: Mapping[str, frozenset[str]], also: Mapping[str, frozenset[str]], kind: str) -> frozenset[str]:
    """Return the identifiers of a kind of which a field may hold the hash: keys, and the other names that such people have."""
    names = (values for each, values in also.items() if each.startswith(f"{kind}."))
    return identifiers.get(kind, frozenset()).union(*names)


def in_hashes(pairs: Iterable[tuple[str, str]], unclear: frozenset[str] = frozenset()) -> Iterator[tuple[str, bytes]]:
    """Yield the open hashes of identifiers, given with their kinds: the kind that says what it is, and the hash.

    Not of texts that are ``unclear``: in a place of which no map tells the kind, their hash is anybody's.
    """
    for kind, value in pairs:
        for text in sorted(hashed_texts(value) - unclear) if _AS not in kind else ():
            yield from ((kind_in_hashes(kind, rule.algorithm), rule.digest(text)) for rule in OPEN)


def kind_in_hashes(kind: str, algorithm: str) -> str:
    """Return what hashes of identifiers of a kind are called: ``account.email as sha256``."""
    return f"{kind}{_AS}{algorithm}"


def kind_and_algorithm(kind: str) -> tuple[str, str]:
    """Return what a kind of :func:`in_hashes` is about, and the algorithm; for any other kind itself, and nothing."""
    plain, _, algorithm = kind.partition(_AS)
    return plain, algorithm
