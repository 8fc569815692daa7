"""The judge of the tests: places by a plain search of the file, rows by SQLite itself."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from expunge.ports.optional.placing import LiveRows, Lying
from expunge.residue.placing.reader import open_reader

MARK = re.compile(rb"mk[0-9a-f]{12}")


def mark(number: int) -> str:
    """Return fourteen letters that no other number has."""
    return f"mk{number * 2654435761 % (1 << 48):012x}"


def places(path: Path) -> Iterator[tuple[int, str]]:
    """Every place of every mark in a file."""
    for match in MARK.finditer(path.read_bytes()):
        yield match.start(), match[0].decode()


def explained(path: Path) -> list[tuple[int, str, Lying]]:
    """Every place of every mark, with what the reader says of it."""
    with closing(open_reader(path)) as reader:
        return [(at, found, reader.at(at, len(found))) for at, found in places(path)]


def rows_with(connection: sqlite3.Connection, table: str, key: tuple[str, ...] = ("rowid",)) -> dict[str, set[str]]:
    """Mark -> the rows of a table that hold it, spelt as the reader does."""
    found: dict[str, set[str]] = {}
    width = len(key)
    for row in connection.execute(f"SELECT {', '.join(key)}, * FROM {table}").fetchall():
        name = (
            str(row[0])
            if key == ("rowid",)
            else json.dumps([{"b": part.hex()} if isinstance(part, bytes) else part for part in row[:width]])
        )
        for value in row[width:]:
            data = value if isinstance(value, bytes) else str(value).encode()
            for held in MARK.findall(data):
                found.setdefault(held.decode(), set()).add(name)
    return found


def wrong(answers: list[tuple[int, str, Lying]], truth: dict[str, dict[str, set[str]]]) -> list[tuple[int, str, Lying]]:
    """The answers that name a row which does not hold the mark; ``truth`` is table -> mark -> rows."""
    return [
        (at, found, lying)
        for at, found, lying in answers
        if isinstance(lying, LiveRows) and not set(lying.rows) <= truth.get(lying.relation, {}).get(found, set())
    ]


def named(answers: list[tuple[int, str, Lying]]) -> set[tuple[str, str]]:
    """The (table, mark) of every live answer."""
    return {(lying.relation, found) for _, found, lying in answers if isinstance(lying, LiveRows)}
