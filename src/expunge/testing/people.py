"""Invented people for conformance suites: every detail is random enough to belong to no real person."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from expunge.core.values.ids import Pseudonym, pseudonym

_KEY = b"conformance suite pseudonym key."


@dataclass(frozen=True)
class Person:
    """One invented person: an identifier and content of three sorts."""

    id: str = field(repr=False)
    email: str = field(repr=False)
    text: str = field(repr=False)
    """A sentence with a line break, quotes and letters beyond ASCII."""
    blob: bytes = field(repr=False)
    """Stands for media: 2,048 bytes that do not compress."""

    @property
    def pseudonym(self) -> Pseudonym:
        """The name under which stores are asked about this person."""
        return pseudonym(_KEY, "person", self.id)

    @property
    def marks(self) -> tuple[str, ...]:
        """Strings of at least 24 characters that are this person's alone, at least one of each sort of text."""
        return (self.email, *(word.strip('"') for word in self.text.split() if len(word) >= 24))

    def row(self) -> dict[str, str]:
        """Return the person as flat text fields, the media as hex."""
        return {"id": self.id, "email": self.email, "text": self.text, "blob": self.blob.hex()}


def person(seed: str, *, id: str | None = None) -> Person:  # noqa: A002 - the field's own name
    """Make the person of a seed; the same seed makes the same person.

    Args:
        seed: any text.
        id: the identifier to give instead of a random one (awkward names).
    """
    stream = hashlib.shake_256(b"person\0" + seed.encode("utf-8", "surrogatepass")).digest(2048 + 80)
    name = "p" + stream[:15].hex()
    said = stream[15:47].hex()
    return Person(
        id=name if id is None else id,
        email=f"m{stream[47:62].hex()}@example.org",
        text=f'play "{said[:32]}"\nfür Zoë, it\'s {said[32:]}é 100% now',
        blob=stream[80:],
    )


def people(count: int, *, prefix: str = "crowd") -> list[Person]:
    """Make ``count`` people with plain random identifiers."""
    return [person(f"{prefix}-{number}") for number in range(count)]


AWKWARD = (
    "o'Brien; DROP TABLE people; --",
    'double "quoted" \\ back',
    "two\nlines",
    "carriage\rreturn\ttab",
    "100% %s %41 {profile_id}",
    "ünïcödé-日本-🎙",
    "e\u0301 is not \u00e9",
    "\u00e9 is not e\u0301",
    " leading and trailing ",
    "-rf",
    "*?[a-z]",
    "CASE",
    "case",
    "case ",
    "007",
    "7",
    "null",
    "true",
    "nul\0inside",
    "a/slash",
    "../../etc/passwd",
    "..",
    ".",
    "comma,semicolon;",
    "$HOME `id`",
)
"""Identifiers that break naive code. A store that cannot hold one must still answer, when asked, that nobody is there."""


def holds(data: bytes, one: Person) -> bool:
    """Return whether all of a person's content is in ``data``, the blob in any usual spelling."""
    spellings = (one.blob, one.blob.hex().encode(), base64.b64encode(one.blob))
    return any(spelling in data for spelling in spellings) and all(said(mark, data) for mark in one.marks)


def said(mark: str, data: bytes) -> bool:
    """Return whether a mark is in ``data``, as text or with escapes."""
    return mark.encode() in data or mark.encode("unicode_escape").replace(b"\\x", b"\\u00") in data
