"""Take members out of the rows of a batch that stay for others, inside the transaction that deletes the other rows."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values go by COPY
from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy
from expunge.stores.postgres.reading.match import CopyKeys, EncodableTexts, PostgresMatcher, encode_key, escaped, load
from expunge.stores.postgres.reading.members import CellRest, RowMembers, leaving_members, rest_of
from expunge.stores.postgres.schema.catalogue import PostgresTable, quoted
from expunge.stores.postgres.server.connection import Connection
from expunge.stores.postgres.trigger_watch import MeantCells

REST = "expunge_rest"


@dataclass(frozen=True)
class _Row:
    key: tuple[str, ...] = field(repr=False)
    copies: tuple[int, ...]
    """Numbers of the copies whose it is."""
    cells: tuple[Any, ...] = field(repr=False)


class MemberRows:
    """The rows that lose members and stay. They are taken from the keys to be deleted as soon as they are found."""

    def __init__(
        self, connection: Connection, table: PostgresTable, dataset: Dataset, copies: Sequence[Copy], keys: CopyKeys, *, lock: bool
    ) -> None:
        self._connection = connection
        self._table = table
        self._copies = copies
        self._keys = keys
        self._members = leaving_members(table, dataset, copies)
        self._lock = " FOR UPDATE OF t" if lock else ""
        self._rows: list[_Row] = []

    def find(self, matcher: PostgresMatcher) -> None:
        """Find them, hold them against writers, and spare them the deletion."""
        if self._members is None:
            return
        found: dict[tuple[str, ...], _Row] = {}
        names = ", ".join(f"{each.sql}::text" for each in self._table.keys)
        columns = ", ".join(("k.copy", names, *self._members.sql))
        sql = f"SELECT {columns} FROM {self._keys.source} JOIN {self._table.sql} AS t ON {self._keys.named()} WHERE {matcher.belongs()}"
        width = 1 + len(self._table.keys)
        for row in self._connection.execute(f"{sql}{self._lock}".encode()).fetchall():
            key, known = tuple(row[1:width]), found.get(tuple(row[1:width]))
            found[key] = _Row(key, (*(known.copies if known else ()), row[0]), tuple(row[width:]))
        self._rows = [row for row in found.values() if self._rest(row, ()) is not None]
        if self._rows:
            self._spare()

    def of(self, number: int) -> int:
        """Return how many rows one copy leaves."""
        return sum(number in row.copies for row in self._rows)

    @property
    def keys(self) -> frozenset[str]:
        """Keys of these rows."""
        return frozenset(encode_key(row.key) for row in self._rows)

    def write(self, staying: Collection[int], meant: MeantCells | None = None) -> None:
        """Write the rows anew, without the members of all copies but some that are not to be changed. Raises psycopg.Error.

        What is made of which cells is noted in ``meant``.
        """
        if self._members is None:
            return
        by_columns: dict[tuple[str, ...], list[tuple[_Row, dict[str, CellRest]]]] = {}
        for row in self._rows:
            rest = self._rest(row, staying)
            if rest is not None:
                by_columns.setdefault(tuple(rest), []).append((row, rest))
        for columns, changes in by_columns.items():
            self._update(columns, changes, self._members, meant)

    # --- SQL ----------------------------------------------------------------------------------------

    def _rest(self, row: _Row, staying: Collection[int]) -> dict[str, CellRest] | None:
        leaving = [self._copies[number].selector for number in row.copies if number not in staying]
        return rest_of(self._members, row.cells, leaving) if self._members and leaving else None

    def _spare(self) -> None:
        self._make((), [(row, {}) for row in self._rows])
        same = " AND ".join(f"k.k{at} {each.equals} r.k{at}" for at, each in enumerate(self._table.keys))
        self._connection.execute(f"DELETE FROM pg_temp.expunge_keys AS k USING pg_temp.{REST} AS r WHERE {same}".encode())

    def _update(
        self,
        columns: Sequence[str],
        changes: Sequence[tuple[_Row, dict[str, CellRest]]],
        members: RowMembers,
        meant: MeantCells | None,
    ) -> None:
        self._make(columns, changes)
        named = " AND ".join(f"{each.sql} {each.equals} r.k{at}" for at, each in enumerate(self._table.keys))
        types = [members.types[name] for name in columns]
        cells = [f"r.c{at}{'::text[]' if kind.endswith('[]') else ''}::{kind}" for at, kind in enumerate(types)]
        written = ", ".join(f"{quoted(name)} = {cell}" for name, cell in zip(columns, cells, strict=True))
        if meant is not None:
            meant.columns.update(columns)
            key, texts = ", ".join(f"{each.sql}::text" for each in self._table.keys), ", ".join(f"{cell}::text" for cell in cells)
            source = f"{self._table.sql} AS t, pg_temp.{REST} AS r WHERE {named}"
            for row, made in self._connection.execute(f"SELECT ARRAY[{key}], ARRAY[{texts}] FROM {source}".encode()):
                meant.places.update(() if self._table.lasting else (encode_key(row),))
                meant.cells.update(((encode_key(row), name), text) for name, text in zip(columns, made, strict=True))
        self._connection.execute(f"UPDATE {self._table.sql} AS t SET {written} FROM pg_temp.{REST} AS r WHERE {named}".encode())

    def _make(self, columns: Sequence[str], changes: Iterable[tuple[_Row, dict[str, CellRest]]]) -> None:
        """Load keys and new cells into the temporary table."""
        keys = [
            f"k{at} {each.type}{f' COLLATE {each.column.collation}' if each.column and each.column.collation else ''}"
            for at, each in enumerate(self._table.keys)
        ]
        self._connection.execute(f"DROP TABLE IF EXISTS pg_temp.{REST}".encode())
        named = ", ".join((*keys, *(f"c{at} text" for at in range(len(columns)))))
        self._connection.execute(f"CREATE TEMPORARY TABLE {REST} ({named}) ON COMMIT DROP".encode())
        load(self._connection, REST, self._lines(columns, changes))

    def _lines(self, columns: Sequence[str], changes: Iterable[tuple[_Row, dict[str, CellRest]]]) -> Iterator[bytes]:
        sayable = EncodableTexts(self._connection)
        for row, rest in changes:
            texts = (*row.key, *(_written(rest[name].left) for name in columns))
            data = [sayable.bytes(text) for text in texts]
            yield b"\t".join(escaped(each or b"") for each in data) + b"\n"


def _written(left: str | list[str | None]) -> str:
    """A cell as text: an array as PostgreSQL writes one."""
    if isinstance(left, str):
        return left
    return "{" + ",".join("NULL" if each is None else '"' + each.replace("\\", "\\\\").replace('"', '\\"') + '"' for each in left) + "}"
