"""Places of a PostgreSQL database where a copy can hide: a line each, its SQL with ``<said>``, ``<id>`` and the other words of the cast."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.attacks.companies.world import Leaves, Place, Plant, World

GOES, STAYS = Leaves.GOES, Leaves.STAYS
_DRAFTS = "CREATE TABLE drafts (n int PRIMARY KEY, said text); INSERT INTO drafts VALUES (1, '<said>');"


def _steps(*statements: str) -> Plant:
    """Run statements one by one, each in a transaction of its own."""

    def plant(world: World) -> None:
        with psycopg.connect(world.server, autocommit=True) as connection:
            for statement in statements:
                connection.execute(world.fill(statement).encode())

    return plant


def _place(name: str, sql: str | Plant, leaves: Leaves = STAYS, **more: Any) -> Place:
    return Place(name, "postgres", sql, leaves, **more)


def _notes(name: str) -> tuple[str, ...]:
    return (f"{name}: {{store: STORE, table: {name}, subject: {{customer: author}}, retention: life}}",)


PLACES = (
    _place("undeclared table", _DRAFTS),
    _place("undeclared table with the id alone", "CREATE TABLE drafts (who text); INSERT INTO drafts VALUES ('<id>');"),
    _place("ignored table", _DRAFTS, ignore="table: public.drafts"),
    _place("table of another schema", "CREATE SCHEMA etl; CREATE TABLE etl.notes AS SELECT * FROM notes;"),
    _place("unlogged table", "CREATE UNLOGGED TABLE drafts (said text); INSERT INTO drafts VALUES ('<said>');"),
    _place(
        "undeclared table, a long value",
        "CREATE TABLE drafts (said text); ALTER TABLE drafts ALTER said SET STORAGE EXTERNAL;"
        "INSERT INTO drafts VALUES (repeat('x', 9000) || '<said>' || repeat('y', 9000));",
    ),
    _place(
        "undeclared table, a compressed value",
        "CREATE TABLE drafts (said text); INSERT INTO drafts VALUES ('<said>' || repeat('z', 20000));",
    ),
    _place("undeclared table, jsonb", """CREATE TABLE drafts (doc jsonb); INSERT INTO drafts VALUES ('{"a": ["<said>"]}');"""),
    _place("undeclared table, key of jsonb", """CREATE TABLE drafts (doc jsonb); INSERT INTO drafts VALUES ('{"<id>": 1}');"""),
    _place("undeclared table, bytes", "CREATE TABLE drafts (doc bytea); INSERT INTO drafts VALUES ('<said>'::bytea);"),
    _place(
        "undeclared table, row type", "CREATE TABLE drafts (doc notes); INSERT INTO drafts SELECT x FROM notes x WHERE author = '<id>';"
    ),
    _place(
        "undeclared table, dropped column",
        "CREATE TABLE drafts (n int, said text); INSERT INTO drafts VALUES (1, '<said>');ALTER TABLE drafts DROP COLUMN said;",
    ),
    _place("undeclared table, deleted row", _DRAFTS + "DELETE FROM drafts;"),
    _place("large object", "SELECT lo_from_bytea(0, '<said>'::bytea);"),
    _place("materialised view over an undeclared table", _DRAFTS + "CREATE MATERIALIZED VIEW seen AS SELECT * FROM drafts;"),
    _place("materialised view that outlives its rows", _DRAFTS + "CREATE MATERIALIZED VIEW seen AS SELECT * FROM drafts; TRUNCATE drafts;"),
    _place(
        "detached partition",
        "CREATE TABLE logs (at int, said text) PARTITION BY RANGE (at); CREATE TABLE logs_1 PARTITION OF logs"
        " FOR VALUES FROM (1) TO (9); INSERT INTO logs VALUES (1, '<said>'); ALTER TABLE logs DETACH PARTITION logs_1; DROP TABLE logs;",
    ),
    _place(
        "bound of a partition",
        "CREATE TABLE logs (who text) PARTITION BY LIST (who); CREATE TABLE logs_1 PARTITION OF logs FOR VALUES IN ('<id>');",
    ),
    _place(
        "child of an undeclared table",
        "CREATE TABLE drafts (said text); CREATE TABLE more () INHERITS (drafts); INSERT INTO more VALUES ('<said>');",
    ),
    _place(
        "log fed by a trigger on deletion",
        "CREATE TABLE log (was text); CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN INSERT INTO log VALUES (old.said); RETURN old; END$$;"
        "CREATE TRIGGER gone BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION keep();",
    ),
    _place(
        "log fed by a rule",
        "CREATE TABLE log (was text); CREATE RULE gone AS ON DELETE TO notes DO ALSO INSERT INTO log VALUES (old.said);",
    ),
    _place(
        "history fed by a trigger on change",
        "CREATE TABLE log (was notes); CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN INSERT INTO log VALUES (old); RETURN new; END$$;"
        "CREATE TRIGGER changed AFTER UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION keep(); UPDATE notes SET said = said;",
    ),
    _place("row without an owner", "INSERT INTO notes VALUES (90, NULL, '<said>', NULL);"),
    _place("default of a column", "CREATE TABLE drafts (n int, said text DEFAULT '<said>');"),
    _place(
        "default of a declared table", "ALTER TABLE notes ADD COLUMN assistant text; ALTER TABLE notes ALTER assistant SET DEFAULT '<id>';"
    ),
    _place(
        "missing value of a declared table",
        "ALTER TABLE notes ADD COLUMN draft text DEFAULT '<said>'; ALTER TABLE notes ALTER draft DROP DEFAULT;",
    ),
    _place("check of a column", "CREATE TABLE drafts (n int, who text CHECK (who <> '<id>'));"),
    _place("comment of a table", "COMMENT ON TABLE notes IS 'asked for by <id>';"),
    _place("comment with a sentence", "COMMENT ON COLUMN notes.said IS 'such as: <said>';"),
    _place("comment of the database", "DO $$BEGIN EXECUTE format('COMMENT ON DATABASE %I IS ''of <id>''', current_database()); END$$;"),
    _place("label of an enum", "CREATE TYPE owner AS ENUM ('nobody', '<id>');"),
    _place("name of a table", 'CREATE TABLE "<id>" (n int);'),
    _place("name of a schema", 'CREATE SCHEMA "<id>";'),
    _place("name of a column of a declared table", 'ALTER TABLE notes ADD COLUMN "<id>" text;'),
    _place("name of a sequence", 'CREATE SEQUENCE "notes of <id>";'),
    _place("name of a constraint", 'ALTER TABLE notes ADD CONSTRAINT "not <id>" CHECK (n > 0);'),
    _place("body of a function", "CREATE FUNCTION hers() RETURNS text LANGUAGE sql AS $$SELECT '<said>'$$;"),
    _place("view about one person", "CREATE VIEW hers AS SELECT * FROM notes WHERE author = '<id>';"),
    _place("partial index about one person", "CREATE INDEX hers ON notes (n) WHERE author = '<id>';"),
    _place("policy about one person", "CREATE TABLE drafts (who text); CREATE POLICY hers ON drafts USING (who = '<id>');"),
    _place(
        "trigger about one person",
        "CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN new; END$$;"
        "CREATE TRIGGER hers BEFORE INSERT ON notes FOR EACH ROW WHEN (new.author = '<id>') EXECUTE FUNCTION pass();",
    ),
    _place(
        "setting of the database", "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET shop.last TO ''<id>''', current_database()); END$$;"
    ),
    _place("row filter of a publication", "CREATE PUBLICATION hers FOR TABLE customers WHERE (id <> '<id>');"),
    _place("domain about one person", "CREATE DOMAIN who AS text CHECK (value <> '<id>');"),
    _place(
        "rows of an undeclared extended statistic",
        _steps(
            "CREATE TABLE drafts (a text, b text)",
            "INSERT INTO drafts SELECT '<said>', '<said>' FROM generate_series(1, 50)",
            "CREATE STATISTICS both_of_them (mcv) ON a, b FROM drafts",
            "ANALYZE drafts",
            "DELETE FROM drafts",
            "VACUUM drafts",
        ),
    ),
    _place(
        "samples of an undeclared table",
        _steps(
            "CREATE TABLE drafts (said text)",
            "INSERT INTO drafts SELECT '<said>' FROM generate_series(1, 50)",
            "ANALYZE drafts",
            "DELETE FROM drafts",
            "VACUUM drafts",
        ),
    ),
    _place(
        "row that a trigger puts back",
        "CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN INSERT INTO notes VALUES (old.n, old.author, old.said, NULL); RETURN old; END$$;"
        "CREATE TRIGGER back AFTER DELETE ON notes FOR EACH ROW EXECUTE FUNCTION back();",
    ),
    _place(
        "row that a trigger hands on",
        "CREATE FUNCTION give() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN INSERT INTO notes VALUES (old.n + 1000, '<bela>', old.said, NULL); RETURN old; END$$;"
        "CREATE TRIGGER give AFTER DELETE ON notes FOR EACH ROW EXECUTE FUNCTION give();",
        hands_on=True,
    ),
    _place("rule that keeps rows", "CREATE RULE never AS ON DELETE TO notes DO INSTEAD NOTHING;"),
    _place("owner behind a prefix", "INSERT INTO notes VALUES (90, 'customer:<id>', '<said>', NULL);", Leaves.EITHER),
    _place(
        "undeclared table, XML", "CREATE TABLE drafts (doc xml); INSERT INTO drafts VALUES ('<a><said></a>');", lender="debian_database"
    ),
    _place("undeclared table, words", "CREATE TABLE drafts (words tsvector); INSERT INTO drafts VALUES ($$'<id>':1$$);"),
    _place(
        "undeclared table, range",
        "CREATE TYPE ids AS RANGE (subtype = text); CREATE TABLE drafts (span ids); INSERT INTO drafts VALUES (ids('<id>', 'cus-~'));",
    ),
    _place("view", "CREATE VIEW everything AS SELECT n, said, name FROM notes JOIN customers ON author = id;", GOES),
    _place("materialised view", "CREATE MATERIALIZED VIEW seen AS SELECT author, said FROM notes; CREATE INDEX ON seen (said);", GOES),
    _place(
        "index over an expression",
        "CREATE INDEX ON notes (lower(said)); CREATE INDEX ON notes (author, said); CREATE INDEX ON notes USING hash (said);"
        "CREATE INDEX ON notes USING brin (said); CREATE INDEX ON notes (n) INCLUDE (said);",
        GOES,
    ),
    _place("full-text index", "CREATE INDEX ON notes USING gin (to_tsvector('english', said));", GOES),
    _place(
        "full-text column",
        "ALTER TABLE notes ADD COLUMN words tsvector GENERATED ALWAYS AS (to_tsvector('simple', said)) STORED;"
        "CREATE INDEX ON notes USING gin (words);",
        GOES,
    ),
    _place(
        "full-text index with pending entries",
        "CREATE INDEX ON notes USING gin (to_tsvector('simple', said)) WITH (fastupdate = on);UPDATE notes SET said = said;",
        GOES,
    ),
    _place("search tree over words", "CREATE INDEX ON notes USING gist (to_tsvector('simple', said));", GOES),
    _place("space-partitioned index", "CREATE INDEX ON notes USING spgist (said);", GOES),
    _place(
        "statistics",
        _steps("CREATE INDEX ON notes (lower(said))", "CREATE STATISTICS both_of_them (mcv) ON author, said FROM notes", "ANALYZE"),
        GOES,
    ),
    _place("deleted rows", _DRAFTS + "DROP TABLE drafts; UPDATE notes SET said = said || ' '; UPDATE notes SET said = trim(said);", GOES),
    _place(
        "dropped column",
        "ALTER TABLE notes ADD COLUMN draft text; UPDATE notes SET draft = '<said>'; ALTER TABLE notes DROP COLUMN draft;",
        GOES,
    ),
    _place(
        "partitions",
        "CREATE TABLE logs (at int, author text, said text) PARTITION BY RANGE (at); CREATE TABLE logs_1 PARTITION OF logs"
        " FOR VALUES FROM (1) TO (5); CREATE TABLE logs_2 PARTITION OF logs DEFAULT;"
        "INSERT INTO logs VALUES (1, '<id>', '<later>'), (7, '<id>', '<said>'), (2, '<bela>', '<bela_said>');",
        GOES,
        datasets=_notes("logs"),
    ),
    _place(
        "child of a declared table", "CREATE TABLE more () INHERITS (notes); INSERT INTO more VALUES (91, '<id>', '<later>', NULL);", GOES
    ),
    _place(
        "long values",
        "CREATE TABLE logs (author text, said text); ALTER TABLE logs ALTER said SET STORAGE EXTERNAL;"
        "INSERT INTO logs VALUES ('<id>', repeat('<later> ', 200)), ('<bela>', repeat('<bela_said> ', 200));",
        GOES,
        datasets=_notes("logs"),
    ),
    _place(
        "compressed values",
        "CREATE TABLE logs (author text, said text);"
        "INSERT INTO logs VALUES ('<id>', repeat('<later> ', 900)), ('<bela>', repeat('<bela_said> ', 900));",
        GOES,
        datasets=_notes("logs"),
    ),
    _place(
        "unlogged declared table",
        "CREATE UNLOGGED TABLE logs (author text, said text);INSERT INTO logs VALUES ('<id>', '<later>'), ('<bela>', '<bela_said>');",
        GOES,
        datasets=_notes("logs"),
    ),
    _place(
        "shared cell of another",
        "ALTER TABLE notes ADD COLUMN draft text; UPDATE notes SET draft = '<said>' WHERE author = '<bela>';",
        GOES,
        others=("<said>",),
    ),
)
