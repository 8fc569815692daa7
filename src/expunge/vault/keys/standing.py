"""The state of the key table: living epochs with the keys under them, and deaths with the epochs that they wait for."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

from expunge.ports.vault.key_epochs import KeyDeath, KeyEpoch
from expunge.vault.keys import deaths
from expunge.vault.keys.objects import micros, time_of
from expunge.vault.keys.wrapping import epoch_of


def epochs(database: sqlite3.Connection, living: Mapping[int, datetime]) -> tuple[KeyEpoch, ...]:
    """Return the living epochs, oldest first."""
    current = deaths.fact(database, "current")
    subjects, recordings = _below(database, "subjects"), _below(database, "objects")
    return tuple(KeyEpoch(each, living[each], each == current, subjects[each], recordings[each]) for each in sorted(living))


def last_death(database: sqlite3.Connection, until: datetime, living: Mapping[int, datetime]) -> KeyDeath | None:
    """Return the last death up to a time; None where there was none. Earlier deaths are irrecoverable no later than it."""
    query = "SELECT at, newest FROM shreds WHERE at <= ? ORDER BY number DESC LIMIT 1"
    found: tuple[int, int] | None = database.execute(query, (micros(until),)).fetchone()
    return found and _death(database, *found, living)


def waiting(database: sqlite3.Connection, living: Mapping[int, datetime]) -> Iterator[KeyDeath]:
    """Yield the deaths that are not yet irrecoverable, oldest first. Those waiting for the same epochs are one, of the last one's time."""
    for at, newest, count in database.execute("SELECT max(at), newest, count(*) FROM shreds GROUP BY newest ORDER BY newest").fetchall():
        found = _death(database, at, newest, living, count)
        if found.irrecoverable is None:
            yield found


def _death(database: sqlite3.Connection, at: int, newest: int, living: Mapping[int, datetime], shreds: int = 1) -> KeyDeath:
    count, last = database.execute("SELECT count(*), max(at) FROM destroyed WHERE epoch <= ?", (newest,)).fetchone()
    ended = time_of(max(last or 0, at)) if count == newest else None
    return KeyDeath(time_of(at), ended, {epoch: made for epoch, made in living.items() if epoch <= newest}, shreds)


def _below(database: sqlite3.Connection, table: str) -> Counter[int]:
    """Return how many rows of a table have their slot under each epoch."""
    query = f"SELECT substr(s.wrapped, 1, 2), count(*) FROM {table} t JOIN slots s ON s.slot = t.slot GROUP BY 1"  # noqa: S608
    return Counter({epoch_of(prefix): count for prefix, count in database.execute(query)})
