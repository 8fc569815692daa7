"""What was true before: the strings and sounds that were one person's alone, checked when they are written down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from expunge.demo.outside_search import Hit, Search
from expunge.demo.people import Profile
from expunge.demo.world import World

_FEWEST = 12


def own_strings(world: World, person: Profile) -> list[str]:
    """Strings of at least 8 characters that are this person's alone, each of which lies in the world as plain UTF-8.

    Sentences count from 14 characters on: shorter ones may stand in any text by chance.

    Raises:
        ValueError: when a string cannot be found, or there are too few to show anything.
    """
    strings = candidates(world, person)
    require_plain(strings, Search(strings).folder(world.folder / "world"))
    return strings


def candidates(world: World, person: Profile) -> list[str]:
    """The same by the book alone; :func:`require_plain` is what holds them against the bytes."""
    return [text for text in world.book.own_strings(person.profile_id) if text.count(" ") < 2 or len(text) >= 14]


def require_plain(strings: list[str], hits: list[Hit]) -> None:
    """Raise ValueError unless each string was found as plain UTF-8, and there are enough of them to show anything."""
    missing = set(strings) - {hit.what for hit in hits if hit.how == "utf-8"}
    if missing or len(strings) < _FEWEST:
        message = f"{len(strings)} strings of one person, {len(missing)} of which are not in the world as plain text"
        raise ValueError(message)


def write_before(path: Path, strings: list[str]) -> None:
    """Write ``before.json``: a JSON list of strings, not escaped."""
    path.write_text(json.dumps(strings, ensure_ascii=False, indent=1) + "\n", "utf-8")


def by_store(stores: Mapping[str, Path], hits: list[Hit]) -> dict[str, int]:
    """How many different strings and pieces are left in each store; a database's journals count as the database."""
    counts = {}
    for name, root in stores.items():
        inside = {hit.what for hit in hits if hit.path == root or root in hit.path.parents or hit.path.name.startswith(f"{root.name}-")}
        counts[name] = len(inside)
    return counts


def places(stores: Mapping[str, Path]) -> list[Path]:
    """The folders and files to search for some stores: a database comes with its journals."""
    found = []
    for root in stores.values():
        found += [root] if root.is_dir() else sorted(root.parent.glob(f"{root.name}*"))
    return found
