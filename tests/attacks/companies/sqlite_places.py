"""Places of a SQLite database where a copy can hide: a line each, its SQL with ``<said>``, ``<id>`` and the other words of the cast."""

from __future__ import annotations

import base64
import gzip
import random
import shutil
import sqlite3
import zlib
from contextlib import closing
from typing import Any

from tests.attacks.companies.forms import FORMS, Write
from tests.attacks.companies.world import Leaves, Place, Plant, World

_AGAIN = "UPDATE notes SET said = said;"


def _run(world: World, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(world.database)) as database, database:
        database.execute(world.fill(sql), values)


def _pragma(world: World, *statements: str) -> None:
    with closing(sqlite3.connect(world.database, isolation_level=None)) as database:
        for statement in statements:
            database.execute(world.fill(statement)).fetchall()


def _blob(pack: str) -> Plant:
    def plant(world: World) -> None:
        text = world.cast.anna.said[0].encode()
        packed = {
            "gzip": gzip.compress(text * 3),
            "zlib": zlib.compress(text * 3),
            "utf-16": text.decode().encode("utf-16-le"),
            "base64": base64.b64encode(text),
            "hex": text.hex().encode(),
        }[pack]
        _run(world, "CREATE TABLE drafts (n INTEGER PRIMARY KEY, body BLOB)")
        _run(world, "INSERT INTO drafts VALUES (1, ?)", packed)

    return plant


def _cell(write: Write, whose: int = 0) -> Plant:
    def plant(world: World) -> None:
        people = (world.cast.anna, *world.cast.others)
        _run(world, "CREATE TABLE drafts (n INTEGER PRIMARY KEY, body BLOB)")
        _run(world, "INSERT INTO drafts VALUES (1, ?)", write(people[whose].said[0]))

    return plant


def _quoting(write: Write) -> Plant:
    def plant(world: World) -> None:
        _run(world, "ALTER TABLE notes ADD COLUMN draft TEXT")
        _run(world, "UPDATE notes SET draft = ? WHERE author = '<bela>'", write(world.cast.anna.said[0]).decode("latin-1"))

    return plant


def _picture(world: World) -> None:
    _run(world, "ALTER TABLE notes ADD COLUMN picture TEXT")
    picture = base64.b64encode(random.Random(world.company.name).randbytes(20_000)).decode()
    _run(world, "UPDATE notes SET picture = ? WHERE author = '<bela>'", picture)


def _copy(name: str) -> Plant:
    def plant(world: World) -> None:
        shutil.copy(world.database, world.database.with_name(name))

    return plant


def _dump(world: World) -> None:
    with closing(sqlite3.connect(world.database)) as database:
        world.database.with_name("app.sql.gz").write_bytes(gzip.compress("\n".join(database.iterdump()).encode()))


def _journal(mode: str) -> Plant:
    def plant(world: World) -> None:
        _pragma(world, f"PRAGMA journal_mode={mode}", "PRAGMA secure_delete=OFF", "UPDATE notes SET said = said || ' ' WHERE n > 0")
        _pragma(world, "UPDATE notes SET said = trim(said)")

    return plant


def _left_log(world: World) -> None:
    _pragma(world, "PRAGMA journal_mode=WAL")
    with closing(sqlite3.connect(world.database, isolation_level=None)) as database:
        database.execute("PRAGMA wal_autocheckpoint=0")
        for _ in range(5):
            database.execute("UPDATE notes SET said = said || ' '")
            database.execute("UPDATE notes SET said = trim(said)")
        with closing(sqlite3.connect(world.database)) as reader:
            reader.execute("SELECT count(*) FROM notes").fetchall()
            saved = [(path, path.read_bytes()) for path in world.database.parent.glob("app.db*")]
    for path, content in saved:
        path.write_bytes(content)


def _attached(table: str) -> Plant:
    def plant(world: World) -> None:
        with closing(sqlite3.connect(world.database.with_name("old.db"))) as database, database:
            database.execute(f"CREATE TABLE {table} (said TEXT)")
            database.execute(f"INSERT INTO {table} VALUES (?)", (world.cast.anna.said[0],))
        world.options["app"] = "attach: {old: ./world/old.db}, "

    return plant


def _beside(name: str) -> Plant:
    def plant(world: World) -> None:
        path = world.database.with_name(name)
        path.write_text(world.cast.anna.said[0])

    return plant


def _long(world: World) -> None:
    _run(world, "CREATE TABLE drafts (n INTEGER PRIMARY KEY, body TEXT)")
    _run(world, "INSERT INTO drafts VALUES (1, ?)", "x" * 30_000 + world.cast.anna.said[0] + "y" * 30_000)


def _place(name: str, sql: str | Plant, leaves: Leaves = Leaves.STAYS, **more: Any) -> Place:
    return Place(name, "sqlite", sql, leaves, **more)


GOES, STAYS, EITHER = Leaves.GOES, Leaves.STAYS, Leaves.EITHER
_DRAFTS = "CREATE TABLE drafts (n INTEGER PRIMARY KEY, said TEXT); INSERT INTO drafts VALUES (1, '<said>');"

PLACES = (
    _place("undeclared table", _DRAFTS),
    _place("undeclared table with another spelling", "CREATE TABLE drafts (who TEXT); INSERT INTO drafts VALUES ('<other>');"),
    _place("undeclared table with the id alone", "CREATE TABLE drafts (who TEXT); INSERT INTO drafts VALUES ('<id>');"),
    _place(
        "undeclared table without rowid", "CREATE TABLE drafts (said TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO drafts VALUES ('<said>');"
    ),
    _place("ignored table", _DRAFTS, ignore="table: drafts"),
    _place("undeclared table, an overflowing value", _long),
    _place("undeclared table, id in capitals", "CREATE TABLE drafts (who TEXT); INSERT INTO drafts VALUES (lower('<id>'));"),
    _place("undeclared table, JSON", """CREATE TABLE drafts (doc JSON); INSERT INTO drafts VALUES ('{"a": ["<said>"]}');"""),
    _place(
        "undeclared table, many rows", _DRAFTS + "INSERT INTO drafts SELECT NULL, said FROM drafts, (VALUES (1), (2), (3), (4), (5), (6));"
    ),
    _place("undeclared table, beside other text", "CREATE TABLE drafts (said TEXT); INSERT INTO drafts VALUES ('Re: <said> (fwd)');"),
    *(_place(f"blob in {pack}", _blob(pack)) for pack in ("gzip", "zlib", "utf-16", "base64", "hex")),
    *(_place(f"ignored table with {form}", _cell(write), ignore="table: drafts") for form, write in FORMS.items()),
    *(_place(f"words of others with {form}", _cell(write, whose=1), GOES, ignore="table: drafts") for form, write in FORMS.items()),
    *(_place(f"another's cell with {form}", _quoting(write), GOES, others=("<said>",)) for form, write in FORMS.items()),
    _place("another's picture in base64", _picture, GOES),
    _place("row without an owner", "INSERT INTO notes VALUES (90, NULL, '<said>', NULL);"),
    _place("row whose owner is blank", "INSERT INTO notes VALUES (90, '', '<said>', NULL), (91, ' ', '<said>', NULL);"),
    _place("row of a guest without an account", "INSERT INTO notes VALUES (90, 'guest-41', '<said>', NULL);", GOES, others=("<said>",)),
    _place(
        "log fed by a trigger on deletion",
        "CREATE TABLE log (was TEXT); CREATE TRIGGER gone AFTER DELETE ON notes BEGIN INSERT INTO log VALUES (old.said); END;",
    ),
    _place(
        "history fed by a trigger on change",
        "CREATE TABLE log (who TEXT, was TEXT); CREATE TRIGGER changed AFTER UPDATE ON notes BEGIN"
        " INSERT INTO log VALUES (old.author, old.said); END;" + _AGAIN,
    ),
    _place("temporary-looking table", "CREATE TABLE _tmp_notes AS SELECT * FROM notes;"),
    _place("renamed old table", "CREATE TABLE notes_old AS SELECT * FROM notes; ALTER TABLE notes_old RENAME TO notes_2024;"),
    _place("full-text index of its own", "CREATE VIRTUAL TABLE words USING fts5(said); INSERT INTO words SELECT said FROM notes;"),
    _place("full-text index, version 4", "CREATE VIRTUAL TABLE words USING fts4(said); INSERT INTO words SELECT said FROM notes;"),
    _place("default of a column", "CREATE TABLE drafts (n INTEGER, said TEXT DEFAULT '<said>');"),
    _place("check of a column", "CREATE TABLE drafts (n INTEGER, who TEXT CHECK (who <> '<id>'));"),
    _place("comment in a statement", "CREATE TABLE drafts (n INTEGER /* asked for by <id> */);"),
    _place("comment with a sentence in a statement", "CREATE TABLE drafts (n INTEGER -- <said>\n);"),
    _place("name of a table", 'CREATE TABLE "<id>" (n INTEGER);'),
    _place("name of a column", 'CREATE TABLE drafts (n INTEGER, "<id>" TEXT);'),
    _place("name of an index", 'CREATE INDEX "notes of <id>" ON notes (said);'),
    _place("name of a column of a declared table", 'ALTER TABLE notes ADD COLUMN "<id>" TEXT;'),
    _place("view about one person", "CREATE VIEW hers AS SELECT * FROM notes WHERE author = '<id>';"),
    _place("partial index about one person", "CREATE INDEX hers ON notes (n) WHERE author = '<id>';"),
    _place("trigger about one person", "CREATE TRIGGER hers AFTER INSERT ON notes WHEN new.author = '<id>' BEGIN SELECT 1; END;"),
    _place("default of a declared table", "ALTER TABLE notes ADD COLUMN assistant TEXT DEFAULT '<id>';"),
    _place(
        "generated column of an undeclared table",
        "CREATE TABLE drafts (n INTEGER, said TEXT AS ('<said>') STORED); INSERT INTO drafts (n) VALUES (1);",
    ),
    _place(
        "auxiliary column of an r-tree",
        "CREATE VIRTUAL TABLE spots USING rtree(n, a, b, +said); INSERT INTO spots VALUES (1, 1, 2, '<said>');",
    ),
    _place("copy with a date beside it", _copy("app-2024-05-01.db")),
    _place("copy with a suffix beside it", _copy("app.db.bak")),
    _place("packed dump beside it", _dump),
    _place("text beside it", _beside("app.db.notes.txt")),
    _place("undeclared table of an attached file", _attached("drafts")),
    _place(
        "row that a trigger puts back",
        "CREATE TRIGGER back AFTER DELETE ON notes BEGIN INSERT INTO notes SELECT old.n, old.author, old.said, NULL; END;",
    ),
    _place(
        "row that a trigger hands on",
        "CREATE TRIGGER give AFTER DELETE ON notes WHEN old.author = '<id>' BEGIN"
        " INSERT INTO notes SELECT old.n + 1000, '<bela>', old.said, NULL; END;",
        hands_on=True,
    ),
    _place("owner as bytes", "INSERT INTO notes VALUES (90, CAST('<id>' AS BLOB), '<said>', NULL);", EITHER),
    _place("owner behind a mark of order", "INSERT INTO notes VALUES (90, char(65279) || '<id>', '<said>', NULL);", EITHER),
    _place("owner with a zero behind", "INSERT INTO notes VALUES (90, '<id>' || char(0), '<said>', NULL);", EITHER),
    _place("owner behind a prefix", "INSERT INTO notes VALUES (90, 'customer:<id>', '<said>', NULL);", EITHER),
    _place("strict table of any type", "CREATE TABLE drafts (said ANY) STRICT; INSERT INTO drafts VALUES ('<said>');"),
    _place(
        "full-text index without sizes",
        "CREATE VIRTUAL TABLE words USING fts5(said, content='notes', content_rowid='n', columnsize=0);"
        "INSERT INTO words(words) VALUES ('rebuild');",
        GOES,
    ),
    _place(
        "full-text index with prefixes",
        "CREATE VIRTUAL TABLE words USING fts5(said, content='notes', content_rowid='n', prefix='2 3 4',"
        " detail=column); INSERT INTO words(words) VALUES ('rebuild');",
        GOES,
    ),
    *(
        _place(
            f"full-text index without positions, {tokenize}",
            f"CREATE VIRTUAL TABLE words USING fts5(said, author, content='notes', content_rowid='n', tokenize={tokenize}, detail=none);"
            "INSERT INTO words(words) VALUES ('rebuild');",
            GOES,
        )
        for tokenize in ("unicode61", "trigram")
    ),
    _place(
        "full-text index over a view",
        "CREATE VIEW told AS SELECT n, author || ' ' || said AS line FROM notes;"
        "CREATE VIRTUAL TABLE words USING fts5(line, content='told', content_rowid='n'); INSERT INTO words(words) VALUES ('rebuild');",
        GOES,
    ),
    _place(
        "table without rowid and its index",
        "CREATE TABLE more (author TEXT, said TEXT, PRIMARY KEY (said, author)) WITHOUT ROWID;"
        "CREATE INDEX by_author ON more (author); INSERT INTO more SELECT author, said FROM notes;",
        GOES,
        datasets=("more: {store: STORE, table: more, subject: {customer: author}, retention: life}",),
    ),
    _place("view", "CREATE VIEW everything AS SELECT * FROM notes JOIN customers ON author = id;", GOES),
    _place("index over an expression", "CREATE INDEX by_small ON notes (lower(said)); CREATE INDEX by_two ON notes (author, said);", GOES),
    _place(
        "generated columns",
        "CREATE TABLE more (author TEXT, said TEXT, small TEXT AS (lower(said)) STORED);INSERT INTO more SELECT author, said FROM notes;",
        GOES,
        datasets=("more: {store: STORE, table: more, subject: {customer: author}, retention: life}",),
    ),
    _place(
        "full-text index over the notes",
        "CREATE VIRTUAL TABLE words USING fts5(said, content='notes', content_rowid='n'); INSERT INTO words(words) VALUES ('rebuild');",
        GOES,
    ),
    _place(
        "trigram index over the notes",
        "CREATE VIRTUAL TABLE words USING fts5(said, content='notes', content_rowid='n', tokenize='trigram');"
        "INSERT INTO words(words) VALUES ('rebuild');",
        GOES,
    ),
    _place("deleted rows", "PRAGMA secure_delete=OFF;" + _DRAFTS + "DELETE FROM drafts; DROP TABLE drafts;", GOES),
    _place(
        "dropped column",
        "ALTER TABLE notes ADD COLUMN draft TEXT; UPDATE notes SET draft = '<said>'; ALTER TABLE notes DROP COLUMN draft;",
        GOES,
    ),
    _place("statistics", "CREATE INDEX by_said ON notes (said); ANALYZE;", GOES),
    *(_place(f"journal in mode {mode}", _journal(mode), GOES) for mode in ("PERSIST", "TRUNCATE", "WAL")),
    _place("write-ahead log of a crash", _left_log, GOES),
    _place("small pages", "PRAGMA page_size=512; VACUUM; CREATE INDEX by_said ON notes (said);", GOES),
    _place("text in UTF-16", _DRAFTS, STAYS, before="PRAGMA encoding='UTF-16le';"),
    _place("notes in UTF-16", "", GOES, before="PRAGMA encoding='UTF-16be';"),
    _place(
        "shared cell of another",
        "ALTER TABLE notes ADD COLUMN draft TEXT; UPDATE notes SET draft = '<said>' WHERE author = '<bela>';",
        GOES,
        others=("<said>",),
    ),
)
