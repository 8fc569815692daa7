"""The truth before the erasure: the strings and sounds that were one person's alone, checked when they are written down."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from expunge.demo.company.outside_search import Hit
from expunge.demo.company.people import Profile
from expunge.demo.company.world import STORES, World

_FEWEST = 12


def candidates(world: World, person: Profile) -> list[str]:
    """Strings of at least 8 characters that are this person's alone, by the book; :func:`require_plain` holds them against the bytes.

    Sentences count from 14 characters on: shorter ones may stand in any text by chance.
    """
    return [text for text in world.book.own_strings(person.profile_id) if text.count(" ") < 2 or len(text) >= 14]


def require_plain(strings: list[str], hits: list[Hit]) -> None:
    """Raise ValueError unless each string was found as plain UTF-8, and there are enough of them to show anything."""
    seen = {hit.what for hit in hits if hit.how == "utf-8"}
    missing = {string for string in strings if string not in seen}
    if missing or len(strings) < _FEWEST:
        message = f"{len(strings)} strings of one person, {len(missing)} of which are not in the world as plain text"
        raise ValueError(message)


def write_before(path: Path, strings: list[str]) -> None:
    """Write ``before.json``: a JSON list of strings, not escaped."""
    path.write_text(json.dumps(strings, ensure_ascii=False, indent=1) + "\n", "utf-8")


def by_store(world: Path, hits: Iterable[Hit]) -> dict[str, int]:
    """Return the number of different strings and pieces left in each store of a world. A database's journals count as the database."""
    counts = {}
    found = list(hits)
    for name, place in STORES.items():
        root = world / place
        inside = {hit.what for hit in found if hit.path == root or root in hit.path.parents or hit.path.name.startswith(f"{root.name}-")}
        counts[name] = len(inside)
    return counts
