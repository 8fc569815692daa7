"""Words, numbers and sounds of one person, and a raw search for them in files: by the outside search, which shares no code with Expunge."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from expunge.demo.company.outside_search import Search
from tests.cli import world
from tests.web.site.family_company import PLACES

WINDOW = 48
"""Bytes of a sound that are looked for."""


@dataclass(frozen=True)
class Canaries:
    """What tells that a file is about one person."""

    texts: frozenset[str]
    short: frozenset[bytes]
    """Texts that are too short for the search, which looks for them as they are."""
    pieces: frozenset[bytes]

    @property
    def all(self) -> frozenset[str | bytes]:
        return self.texts | self.short | self.pieces

    def found(self, *folders: Path, but: Iterable[Path] = ()) -> dict[str | bytes, set[str]]:
        """Return each that is found in files or names under folders, with where it is."""
        search, found = Search(self.texts, self.pieces), dict[str | bytes, set[str]]()
        outside = set(but)
        paths = [path for folder in folders for path in sorted([folder, *folder.rglob("*")]) if not outside & {path, *path.parents}]
        for path in (each for each in paths if each.is_file()):
            data = path.read_bytes()
            for what, how in search.bytes(data):
                found.setdefault(what, set()).add(f"{path} ({how})")
            for what in self.short:
                if what in data:
                    found.setdefault(what, set()).add(f"{path} (utf-8)")
        for path in paths:
            name = path.name.encode()
            hits = [what for what, _ in search.bytes(name)] + [what for what in self.short if what in name]
            for hit in hits:
                found.setdefault(hit, set()).add(f"{path} (file name)")
        return found


def of_child(child: str, sounds: Iterable[bytes], further: Iterable[str]) -> Canaries:
    """Return the canaries of a child of the small company: name, address, what was said, where it was, and how it sounds."""
    _, name, spoken = world.PEOPLE[child]
    elsewhere = {place[:2] for other, places in PLACES.items() if other != child for place in places}
    places = [number for place in PLACES[child] if place[:2] not in elsewhere for number in place[:2]]
    texts = {name, *spoken, *(world.SAID[each] for each in spoken), *further, *(str(each) for each in places if abs(each) > 1)}
    pieces = {sound[at : at + WINDOW] for sound in sounds for at in (4_000, 9_001)}
    pieces |= {struct.pack(">d", each) for each in places}
    return Canaries(frozenset(texts), frozenset({child.encode()}), frozenset(pieces))
