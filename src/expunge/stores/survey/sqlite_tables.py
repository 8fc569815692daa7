"""Survey a database that no map declares yet: its tables with their keys, and samples of single columns."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values are bound
from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from expunge import descriptors
from expunge.errors import StoreUnavailable
from expunge.ports.optional.table_survey import ColumnType, SurveyedColumn, SurveyedReference, SurveyedTable
from expunge.stores.sqlite.catalogue import SqliteSchema, quoted

_LOOKED_AT = 100_000
"""Rows of which a sample is taken."""
_COUNTED = 1_000_000
_FORM, _LOGGED = 18, b"\2"
"""Where the header says whether the database writes a log (SQLite's file format, section 1.3.3), and what it says then."""
_TIMES = ("date", "time")
_TYPES = {
    "integer": ColumnType.NUMBER,
    "numeric": ColumnType.NUMBER,
    "real": ColumnType.NUMBER,
    "text": ColumnType.TEXT,
    "blob": ColumnType.OTHER,
}


class SqliteSurvey:
    """Implements :class:`expunge.ports.optional.table_survey.TableSurvey` over one connection."""

    def __init__(self, connection: sqlite3.Connection, store: str) -> None:
        """Read over a connection; ``store`` is the name for messages."""
        self._connection = connection
        self._schema = SqliteSchema(connection)
        self._store = store

    def tables(self) -> tuple[SurveyedTable, ...]:
        """Return the ordinary and virtual tables, but for indexes over a table that is listed anyway."""
        with self._looking():
            follows = {index.name for index in self._schema.full_text if index.content}
            names = sorted(name for name, (kind, _) in self._schema.kinds.items() if kind in {"table", "virtual"} and name not in follows)
            return tuple(self._table(name) for name in names)

    def sampled(self, table: str, column: str, most: int) -> frozenset[str]:
        """Return some of the values."""
        name = quoted(column)
        some = f"SELECT {name} FROM main.{quoted(table)} WHERE {name} IS NOT NULL LIMIT {_LOOKED_AT}"
        sql = f"SELECT DISTINCT CAST({name} AS TEXT) FROM ({some}) LIMIT ?"
        with self._looking():
            return frozenset(row[0] for row in self._connection.execute(sql, (most,)).fetchall())

    def held(self, table: str, column: str, values: Collection[str]) -> int:
        """Return how many of the values stand there."""
        sql = f"SELECT count(DISTINCT CAST({quoted(column)} AS TEXT)) FROM main.{quoted(table)} "
        sql += f"WHERE CAST({quoted(column)} AS TEXT) IN (SELECT value FROM json_each(?))"
        with self._looking():
            return int(self._connection.execute(sql, (json.dumps(sorted(values)),)).fetchone()[0])

    def heads(self, table: str, column: str, most: int, length: int) -> tuple[bytes, ...]:
        """Return the first bytes of some values."""
        name = quoted(column)
        some = f"SELECT {name} AS v FROM main.{quoted(table)} WHERE typeof({name}) = 'blob' LIMIT ?"
        with self._looking():
            rows = self._connection.execute(f"SELECT CAST(substr(v, 1, ?) AS BLOB) FROM ({some})", (length, most)).fetchall()
            return tuple(bytes(row[0]) for row in rows)

    def unreadable(self) -> tuple[str, ...]:
        """Return none: who may read the file may read all of it."""
        return ()

    def _table(self, name: str) -> SurveyedTable:
        rows = self._connection.execute(f"PRAGMA main.table_xinfo({quoted(name)})").fetchall()
        affinities = {column.name: column.affinity for column in self._schema.columns(name)}
        columns = tuple(
            SurveyedColumn(row[1], _type(row[2] or "", affinities[row[1]]), bool(row[3] or row[5])) for row in rows if row[1] in affinities
        )
        primary = tuple(row[1] for row in sorted((row for row in rows if row[5]), key=lambda row: int(row[5])))
        (count,) = self._connection.execute(f"SELECT count(*) FROM (SELECT 1 FROM main.{quoted(name)} LIMIT {_COUNTED})").fetchone()
        keys = dict.fromkeys((*([primary] if primary else []), *self._unique(name)))
        return SurveyedTable(name, columns, tuple(keys), tuple(self._references(name)), count)

    def _unique(self, name: str) -> Iterator[tuple[str, ...]]:
        for row in self._connection.execute(f"PRAGMA main.index_list({quoted(name)})").fetchall():
            parts = [part[2] for part in self._connection.execute(f"PRAGMA main.index_info({quoted(row[1])})").fetchall()]
            if row[2] and not row[4] and all(parts):
                yield tuple(parts)

    def _references(self, name: str) -> Iterator[SurveyedReference]:
        grouped: dict[int, list[tuple[str, str, str | None]]] = {}
        for row in self._connection.execute(f"PRAGMA main.foreign_key_list({quoted(name)})").fetchall():
            grouped.setdefault(row[0], []).append((row[2], row[3], row[4]))
        for _, rows in sorted(grouped.items()):
            parent = self._schema.named(rows[0][0])
            if parent is None:
                continue
            columns = self._schema.columns(parent)
            primary = [column.name for column in sorted(columns, key=lambda each: each.primary) if column.primary]
            # Why by small letters: the statement may spell the column in another way than its own table does.
            spelt = {column.name.lower(): column.name for column in columns}
            pairs = tuple(
                (here, spelt.get(there.lower(), there) if there else primary[at])
                for at, (_, here, there) in enumerate(rows)
                if there or at < len(primary)
            )
            if len(pairs) == len(rows):
                yield SurveyedReference(pairs, parent)

    @contextmanager
    def _looking(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            message = f"the database of store {self._store} cannot be read: {type(error).__name__}"
            # Why nothing is chained: the message of the library may quote a value.
            raise StoreUnavailable(message, help="it may be encrypted, corrupt or locked; try again, or describe it by hand") from None


@contextmanager
def survey_sqlite(path: Path, store: str) -> Iterator[SqliteSurvey]:
    """Open a database for reading alone. Raises StoreUnavailable."""
    how = "immutable=1" if _is_at_rest(path) else "mode=ro"
    with closing(sqlite3.connect(f"file:{quote(os.fsencode(path.absolute()))}?{how}", uri=True)) as connection:
        # Why any bytes: a column of text may hold what is none, and that is no reason to look at nothing.
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        yield SqliteSurvey(connection, store)


def _is_at_rest(path: Path) -> bool:
    """Whether a database writes a log and has none now, so that nobody has it open; to read it otherwise would leave files beside it."""
    try:
        with descriptors.reading(path) as descriptor:
            head = os.pread(descriptor, _FORM + 1, 0)
    except OSError:
        return False
    return head[_FORM:] == _LOGGED and not path.with_name(f"{path.name}-wal").exists()


def _type(declared: str, affinity: str) -> ColumnType:
    if any(word in declared.lower() for word in _TIMES):
        return ColumnType.TIME
    return _TYPES.get(affinity, ColumnType.OTHER)
