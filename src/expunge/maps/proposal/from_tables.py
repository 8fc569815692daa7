"""Propose datasets for the tables of a SQLite database. Reads the schema only, never a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import quote

from expunge.errors import StoreUnavailable
from expunge.maps.proposal.guesses import Guess
from expunge.maps.proposal.known_words import ALSO, FRAMEWORK, home_of, kind_of

_TIMES = ("recorded_at", "created_at", "created", "captured_at", "started_at", "timestamp", "time", "date", "joined_at")
_HEADER = b"SQLite format 3\0"


def is_database(path: Path) -> bool:
    """Return whether a file begins as a SQLite database does."""
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except OSError:
        return False


def look_at_tables(path: Path, store: str) -> tuple[tuple[Guess, ...], tuple[tuple[str, str], ...]]:
    """Guesses for the tables, and (pattern, reason) for those of frameworks. Raises StoreUnavailable."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as connection:
            tables = list(_tables(connection))
            guesses = tuple(_guess(connection, name, store) for name in tables if not _framework(name))
    except sqlite3.Error as error:
        message = f"the database of store {store} cannot be read: {type(error).__name__}"
        raise StoreUnavailable(message, help="it may be encrypted, corrupt or locked; try again, or describe it by hand") from error
    patterns = {pattern: reason for name in tables if (found := _framework(name)) for pattern, reason in [found]}
    return guesses, tuple(patterns.items())


def _tables(connection: sqlite3.Connection) -> Iterator[str]:
    """Tables that hold rows of their own: no views, nothing of SQLite's own, no index over a table that is listed anyway."""
    rows = connection.execute("SELECT name, type FROM pragma_table_list WHERE schema = 'main' ORDER BY name").fetchall()
    statements = dict(connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").fetchall())
    for name, kind in rows:
        statement = "".join((statements.get(name) or "").lower().split())
        follows = kind == "virtual" and "content=" in statement and "content=''" not in statement and 'content=""' not in statement
        if kind in {"table", "virtual"} and not name.lower().startswith("sqlite_") and not follows:
            yield name


def _framework(name: str) -> tuple[str, str] | None:
    return next(((pattern, reason) for pattern, reason in FRAMEWORK if fnmatchcase(name.lower(), pattern)), None)


def _guess(connection: sqlite3.Connection, table: str, store: str) -> Guess:
    columns = [row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]
    kinds: dict[str, str] = {}
    home = home_of(table)
    for column in columns:
        kind = kind_of(column)
        if kind and kind not in kinds:
            kinds[kind] = column
    if home and home not in kinds:
        key = next((column for column in columns if column.lower() in {"id", "uuid", "key"}), None)
        kinds |= {home: key} if key else {}
    by_name = [column for column in columns if column.lower() in ALSO]
    notes = [f"{', '.join(by_name)}: may name people as well"] if by_name and home not in kinds else []
    references = connection.execute('SELECT "table", "from", "to" FROM pragma_foreign_key_list(?)', (table,)).fetchall()
    notes += [
        f"{column} refers to {other}.{target}: fields of different names cannot be followed"
        for other, column, target in references
        if target and column.lower() != target.lower() and not kind_of(column)
    ]
    since = next((column for wanted in _TIMES for column in columns if column.lower() == wanted), "")
    return Guess(table, store, tuple(columns), kinds, table=table, since=since, notes=tuple(notes))
