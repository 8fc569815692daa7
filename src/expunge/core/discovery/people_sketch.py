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

MOST_IDENTITIES = 200_000
"""Identities of one kind that are taken in."""
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

    def __len__(self) -> int:
        """Count the identities, as far as digests differ."""
        return len(self._digests)

    def take(self, values: Iterable[str]) -> bool:
        """Take in some values; return whether there is room for more."""
        for value in values:
            if len(self._digests) >= MOST_IDENTITIES:
                self.cut = self.cut or self._digest(value) not in self._digests
                continue
            if value.strip():
                self.numbers = self.numbers and value.strip().lstrip("-").isdecimal()
                self._digests.add(self._digest(value))
        return not self.cut

    def __contains__(self, value: str) -> bool:
        """Return whether a value is an identity, in whatever capitals."""
        return self._digest(value) in self._digests

    def _digest(self, value: str) -> bytes:
        plain = unicodedata.normalize("NFC", value.strip()).casefold()
        return blake2b(plain.encode("utf-8", "surrogatepass"), key=self.key, digest_size=_DIGEST).digest()


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
        return next((each.kind for each in self.sketches if value in each), "")

    def kinds_in(self, text: str) -> frozenset[str]:
        """Return the kinds of identities that a text names: as words, as parts of words, as fields between commas."""
        return frozenset(kind for each in _candidates(text) if (kind := self.kind_of(each)))

    def people_in(self, text: str) -> frozenset[str]:
        """Return the identities that a text names. They stay in memory."""
        return frozenset(each for each in _candidates(text) if self.kind_of(each))


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
