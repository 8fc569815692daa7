"""What PostgreSQL takes for one, and which values it offers as spellings of others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from expunge.ports.optional.spelling_search import SpellingSearch, StoreEquality
from expunge.servers.postgres import PostgresServer
from tests.stores.postgres.postgres_company import dataset, opened, run

TABLE = dataset("people")
EXACT = StoreEquality()


@pytest.fixture(scope="module")
def emptied(postgres_server: PostgresServer) -> Iterator[str]:
    postgres_server.start()
    yield postgres_server.database("spellings")
    postgres_server.drop("spellings")


def made(database: str, declared: str, *more: str) -> None:
    run(database, "DROP TABLE IF EXISTS people", "CREATE EXTENSION IF NOT EXISTS citext")
    run(database, f"CREATE TABLE people (id {declared}, name text)", *more)


@pytest.mark.parametrize(
    ("declared", "more", "answer"),
    [
        ("text", (), EXACT),
        ("text PRIMARY KEY", (), StoreEquality(unique=True)),
        ("varchar(40) UNIQUE", ("CREATE UNIQUE INDEX u ON people (lower(id))",), StoreEquality(unique=True, unique_folds=True)),
        ("text UNIQUE", ("CREATE UNIQUE INDEX u ON people (lower(name))",), StoreEquality(unique=True)),
        ("text", ("CREATE UNIQUE INDEX u ON people (id) WHERE name IS NULL",), EXACT),
        ("text", ("CREATE UNIQUE INDEX u ON people (id, name)",), EXACT),
        ("citext", (), StoreEquality(folds=True, rule="citext")),
        ("citext PRIMARY KEY", (), StoreEquality(folds=True, rule="citext", unique=True, unique_folds=True)),
        ("jsonb", (), EXACT),
        ("text[]", (), EXACT),
    ],
)
def test_the_type_and_keys_of_a_column_are_told(emptied: str, declared: str, more: tuple[str, ...], answer: StoreEquality) -> None:
    made(emptied, declared, *more)
    with opened(emptied, TABLE) as store:
        assert isinstance(store, SpellingSearch)
        assert store.equality(TABLE, "id") == answer


def test_values_that_the_type_takes_for_one_are_told(emptied: str) -> None:
    made(emptied, "citext", "INSERT INTO people VALUES ('Mia'), ('mia'), ('otto'), ('ZOË'), (NULL)")
    with opened(emptied, TABLE) as store:
        found = sorted(store.alike(TABLE, "id", ["mIa", "nobody"]))
        assert found == [("mIa", "Mia"), ("mIa", "mia")]


def test_what_is_near_or_beyond_ascii_is_offered(emptied: str) -> None:
    made(
        emptied,
        "text",
        "INSERT INTO people VALUES ('mia'), (E' MIA\\t'), (E'mia\\n'), ('miax'), ('otto'), (E'zoe\\u0308'), ('it''s'), ('a\\b')",
    )
    with opened(emptied, TABLE) as store:
        found = {value for values in store.near(TABLE, "id", ["mia", "it's", "a\\b"]) for value in values}
        assert found == {"mia", " MIA\t", "mia\n", "zoe\u0308", "it's", "a\\b"}
        assert len({value for values in store.near(TABLE, "id", None) for value in values}) == 8


def test_elements_of_an_array_are_offered(emptied: str) -> None:
    made(emptied, "text[]", "INSERT INTO people VALUES (ARRAY['MIA', 'otto']), (ARRAY['anna'])")
    with opened(emptied, TABLE) as store:
        assert [value for values in store.near(TABLE, "id", ["mia"]) for value in values] == ["MIA"]
