"""The demonstration's own book: the owner of each item of the world, and the strings in it.

It exists so that claims about the world (*this string was that person's alone*, *the data of all bystanders is unchanged*) do not rest on
Expunge's own answers. It is never written into the world.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

HOUSEHOLD: frozenset[str] = frozenset()
"""Owner of what belongs to nobody alone: accounts, devices of the family, settings."""


@dataclass(frozen=True)
class Entry:
    """One item: a file, a row, an event, a line of an export."""

    key: str
    """``media:<path>``, ``app:<table>:<key>``, ``analytics:<path>:<event>`` ..."""
    owners: frozenset[str]
    """Profiles whose data it is: it goes when any of them is erased. Empty: the household's or the company's."""
    strings: tuple[str, ...]
    """Everything in it, as text."""
    telling: tuple[str, ...] = ()
    """Those of the strings that identify or repeat a person: candidates for ``before.json``."""
    samples: tuple[bytes, ...] = field(default=(), repr=False)
    """Bytes of sound or vectors that are in it."""


@dataclass
class Book:
    """All entries of one world."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def note(self, entry: Entry) -> None:
        """Add one entry. Raises ValueError when the key was noted before."""
        if entry.key in self.entries:
            message = f"noted twice: {entry.key}"
            raise ValueError(message)
        self.entries[entry.key] = entry

    def of(self, profile: str) -> Iterator[Entry]:
        """Entries that go when this person is erased."""
        return (entry for entry in self.entries.values() if profile in entry.owners)

    def staying(self, erased: frozenset[str]) -> frozenset[str]:
        """Keys of the entries that must be untouched after these people were erased."""
        return frozenset(key for key, entry in self.entries.items() if not entry.owners & erased)

    def own_strings(self, profile: str, shortest: int = 8) -> list[str]:
        """Return the strings of this person alone. None is part of any item that stays when the person is erased."""
        own = frozenset({profile})
        staying = (entry for entry in self.entries.values() if profile not in entry.owners)
        others = "\n".join(text for entry in staying for text in (entry.key, *entry.strings)).casefold()
        found = {text for entry in self.entries.values() if entry.owners == own for text in entry.telling}
        return sorted(text for text in found if len(text) >= shortest and text.casefold() not in others)

    def own_samples(self, profile: str) -> list[bytes]:
        """Pieces of sound and of vectors of this person alone."""
        own = frozenset({profile})
        return [piece for entry in self.entries.values() if entry.owners == own for piece in entry.samples]
