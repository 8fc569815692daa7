"""Files of a store that are copies or leftovers of an earlier time: rows that were deleted since may lie in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from expunge.core.values.copy import RawSource

_ROLES = frozenset({"old version", "temporary", "abandoned"})
_GLANCE = 1 << 16
_NO_TEXT = re.compile(rb"[\0-\x08]")
_ENDING = re.compile(r"\.?([a-z0-9]{1,8})")


def with_bytes(sources: Iterable[RawSource], ignored: Iterable[str] = ()) -> Iterator[str]:
    """Yield what names each such source that is not empty: its role, and its name as far as that tells of nobody.

    A text that the map ignores by name is left out. Pages, and what is packed, may be a copy: no pattern can vouch for that.

    Args:
        sources: all of the store.
        ignored: patterns of the map.

    Raises:
        OSError: as reading raises it.
    """
    every, patterns = [*sources], [*ignored]
    stems = [source.path.stem for source in every if source.role == "data"]
    for source in every:
        if source.role not in _ROLES or not _any_bytes(source.path):
            continue
        if not any(fnmatchcase(source.path.name, each) for each in patterns) or not _is_text(source.path):
            yield f"{source.role} ({_shown(source.path.name, stems)})"


def _any_bytes(path: Path) -> bool:
    """Return whether a file has any bytes, or a folder any files that have."""
    return any(each.stat().st_size for each in (path.rglob("*") if path.is_dir() else (path,)) if each.is_file())


def _is_text(path: Path) -> bool:
    """Return whether a file is text, as far as its beginning shows."""
    if path.is_dir():
        return False
    with path.open("rb") as file:
        return not _NO_TEXT.search(file.read(_GLANCE))


def _shown(name: str, stems: Iterable[str]) -> str:
    """Return the stem of the database and the ending, with dots for what lies between: nobody but the map chose these."""
    stem = next((each for each in stems if each and each in name), "")
    ending = _ENDING.fullmatch(Path(name).suffix)
    if stem and ending and name == f"{stem}.{ending[1]}":
        return name
    return f"{stem}\N{HORIZONTAL ELLIPSIS}{ending[1] if ending else ''}"
