"""Files of a store that are copies or leftovers of an earlier time: rows that were deleted since may lie in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from expunge.core.values.copy import RawSource

_ROLES = frozenset({"old version", "temporary", "abandoned"})


def with_bytes(sources: Iterable[RawSource]) -> Iterator[str]:
    """Yield the role of each such source that is not empty. Raises OSError."""
    yield from (source.role for source in sources if source.role in _ROLES and _any_bytes(source.path))


def _any_bytes(path: Path) -> bool:
    """Return whether a file has any bytes, or a folder any files that have."""
    return any(each.stat().st_size for each in (path.rglob("*") if path.is_dir() else (path,)) if each.is_file())
