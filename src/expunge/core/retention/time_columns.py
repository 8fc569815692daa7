"""Which columns of a table are times by their names, in stores that write times as text or numbers."""

from __future__ import annotations

import re

_TIMES = frozenset({"at", "on", "date", "time", "datetime", "timestamp", "created", "modified", "updated", "joined"})
"""Last words of such columns."""
_BIRTH = frozenset({"birth", "birthday", "birthdate", "born", "dob"})
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def names_time(column: str) -> bool:
    """Return whether a name is one of a time from which a period may run: no birthday."""
    return (_words(column)[-1] in _TIMES or column.lower().endswith(("date", "time"))) and not names_birthday(column)


def names_birthday(column: str) -> bool:
    """Return whether a name says when a person was born: no period runs from there."""
    return not _BIRTH.isdisjoint(_words(column))


def _words(column: str) -> list[str]:
    return _CAMEL.sub("_", column).lower().replace("-", "_").split("_")
