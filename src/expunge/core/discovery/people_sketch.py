"""Identities as keyed sketches: sets of short digests under a random key that lives as long as one look and is never written.

A sketch tells whether a value is among those that it took in. Nobody can read a value out of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

from expunge.core.datamap.mentions import distinctive
from expunge.core.datamap.spelling import hashed_texts
from expunge.core.values.hashed_identifiers import OPEN, kind_in_hashes, read

MOST_IDENTITIES = 200_000
"""Identities of one kind that are taken in."""
MOST_HASHED = 50_000
"""Identities of one kind whose hashes are taken in."""
KEY = 32
"""Bytes of the key."""
_DIGEST = 8
"""Bytes: a value that is no identity is taken for one less often than once in 10^13 times."""
_LONGEST = 200
_PARTS = 8
_WORD = re.compile(r"[^\s,;:\"'`<>{}()\[\]|=/\\&?!#*\0]+")
_FIELD = re.compile(r"[^,;\t\r\n\"|<>=\0]+")
_JOINT = re.compile(r"[-_.]+")


@dataclass
class IdentitySketch:
    """The identities of one kind, or of one other name that people of a kind have."""

    kind: str
    """``profile``, ``account.email``."""
    key: bytes = field(repr=False)
    cut: bool = False
    """Whether there are more than were taken in."""
    numbers: bool = True
    """Whether every identity is a whole number."""
    _digests: set[bytes] = field(default_factory=set, repr=False)
    _hashes: dict[str, set[bytes]] = field(default_factory=dict, repr=False)
    """Algorithm -> digests of the hashes of identities."""

    def __len__(self) -> int:
        """Count the identities, as far as digests differ."""
        return len(self._digests)

    def take(self, values: Iterable[str]) -> bool:
        """Take in some values; return whether there is room for more."""
        for value in values:
            if len(self._digests) >= MOST_IDENTITIES:
                self.cut = self.cut or digest_of(self.key, value) not in self._digests
                continue
            if value.strip():
                self.numbers = self.numbers and value.strip().lstrip("-").isdecimal()
                if len(self._digests) < MOST_HASHED:
                    self._take_hashes(value)
                self._digests.add(digest_of(self.key, value))
        return not self.cut

    @property
    def hashes_cut(self) -> bool:
        """Whether there are identities whose hashes were not taken in."""
        return len(self._digests) > MOST_HASHED

    def _take_hashes(self, value: str) -> None:
        for rule in OPEN:
            taken = self._hashes.setdefault(rule.algorithm, set())
            taken.update(_short(self.key, rule.digest(text)) for text in hashed_texts(value))

    def algorithm_of(self, digest: bytes) -> str:
        """Return the algorithm by which a hash is that of an identity; empty where it is of none."""
        short = _short(self.key, digest)
        return next((algorithm for algorithm, taken in self._hashes.items() if short in taken), "")

    def __contains__(self, value: str) -> bool:
        """Return whether a value is an identity, in whatever capitals."""
        return self.has(digest_of(self.key, value))

    def has(self, digest: bytes) -> bool:
        """Return whether the digest of a value is among those of identities."""
        return digest in self._digests


def digest_of(key: bytes, value: str) -> bytes:
    """Return the digest of a value, which is the same for every use of capitals."""
    plain = value.strip()
    plain = plain if plain.isascii() else unicodedata.normalize("NFC", plain)
    return blake2b(plain.casefold().encode("utf-8", "surrogatepass"), key=key, digest_size=_DIGEST).digest()


def _short(key: bytes, digest: bytes) -> bytes:
    return blake2b(digest, key=key, digest_size=_DIGEST).digest()


@dataclass
class PeopleSketch:
    """The identities of all kinds."""

    sketches: list[IdentitySketch] = field(default_factory=list)

    def __len__(self) -> int:
        """Count the identities."""
        return sum(map(len, self.sketches))

    def kind_of(self, value: str) -> str:
        """Return the kind of a value that tells a person in whatever place it stands; empty for any other."""
        if not distinctive(value.strip()) or len(value) > _LONGEST:
            return ""
        digests: dict[bytes, bytes] = {}
        for each in self.sketches:
            # Why not once a sketch: all sketches of a look have one key.
            digest = digests.get(each.key) or digests.setdefault(each.key, digest_of(each.key, value))
            if each.has(digest):
                return each.kind
        hashed = read(value)
        told = ((each.kind, each.algorithm_of(hashed)) for each in self.sketches) if hashed else ()
        return next((kind_in_hashes(kind, algorithm) for kind, algorithm in told if algorithm), "")

    def kinds_in(self, text: str) -> frozenset[str]:
        """Return the kinds of identities that a text names: as words, as parts of words, as fields between commas."""
        return frozenset(kind for each in _candidates(text) if (kind := self.kind_of(each)))


def _candidates(text: str) -> set[str]:
    found = {each.strip() for each in _FIELD.findall(text)} if len(text) > _LONGEST or any(map(text.__contains__, ',;\t\n"|')) else set()
    found.add(text.strip())
    for word in set(_WORD.findall(text)):
        found.add(word.strip(".-_"))
        found.update(_runs(word))
    return {each for each in found if 0 < len(each) <= _LONGEST}


def _runs(word: str) -> Iterator[str]:
    """The stretches of a word between its joints: ``rec_p-17.wav`` has ``p-17``."""
    joints = [each.span() for each in _JOINT.finditer(word)]
    if not 0 < len(joints) < _PARTS or len(word) > _LONGEST:
        return
    begins, ends = [0, *(end for _, end in joints)], [*(start for start, _ in joints), len(word)]
    for at, begin in enumerate(begins):
        for end in ends[at:]:
            yield word[begin:end]
