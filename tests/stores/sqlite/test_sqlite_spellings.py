"""What SQLite takes for one, and which values it offers as spellings of others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from expunge.ports.optional.spelling_search import SpellingSearch, StoreEquality
from tests.stores.sqlite.sqlite_company import dataset, opened, run

TABLE = dataset("people", "people")
EXACT = StoreEquality()


def made(path: Path, declared: str, *more: str) -> Path:
    run(path, f"CREATE TABLE people (id {declared}, name TEXT); {' '.join(more)}")
    return path


@pytest.mark.parametrize(
    ("declared", "more", "answer"),
    [
        ("TEXT", (), EXACT),
        ("TEXT COLLATE BINARY PRIMARY KEY", (), StoreEquality(unique=True)),
        ("TEXT COLLATE NOCASE", (), StoreEquality(folds=True, rule="NOCASE")),
        ("TEXT COLLATE RTRIM", (), StoreEquality(folds=True, rule="RTRIM")),
        ("TEXT COLLATE NOCASE PRIMARY KEY", (), StoreEquality(folds=True, rule="NOCASE", unique=True, unique_folds=True)),
        ("TEXT UNIQUE", ("CREATE UNIQUE INDEX u ON people (lower(id));",), StoreEquality(unique=True, unique_folds=True)),
        ("TEXT", ("CREATE UNIQUE INDEX u ON people (id COLLATE NOCASE);",), StoreEquality(unique=True, unique_folds=True)),
        ("TEXT", ("CREATE UNIQUE INDEX u ON people (id) WHERE name IS NULL;",), EXACT),
        ("TEXT", ("CREATE UNIQUE INDEX u ON people (id, name);",), EXACT),
        ("INTEGER PRIMARY KEY", (), StoreEquality(unique=True, unique_folds=True)),
    ],
)
def test_the_collation_and_keys_of_a_column_are_told(tmp_path: Path, declared: str, more: tuple[str, ...], answer: StoreEquality) -> None:
    path = made(tmp_path / "app.db", declared, *more)
    with opened(path, TABLE) as store:
        assert isinstance(store, SpellingSearch)
        assert store.equality(TABLE, "id") == answer


def test_a_field_inside_json_compares_exactly(tmp_path: Path) -> None:
    path = made(tmp_path / "app.db", "TEXT COLLATE NOCASE")
    with opened(path, TABLE) as store:
        assert store.equality(TABLE, "id.owner") == EXACT


@pytest.mark.parametrize("index", ["", "CREATE INDEX by_id ON people (id);"])
def test_values_that_the_column_takes_for_one_are_told(tmp_path: Path, index: str) -> None:
    path = made(tmp_path / "app.db", "TEXT COLLATE NOCASE", index)
    run(path, "INSERT INTO people (id) VALUES ('Mia'), ('mia'), ('MIA'), ('otto'), ('ZOË'), (NULL), (7)")
    with opened(path, TABLE) as store:
        assert sorted(store.alike(TABLE, "id", ["mIa", "zoë", "nobody"])) == [("mIa", "MIA"), ("mIa", "Mia"), ("mIa", "mia")]


def test_a_column_that_compares_exactly_takes_nothing_for_another(tmp_path: Path) -> None:
    path = made(tmp_path / "app.db", "TEXT")
    run(path, "INSERT INTO people (id) VALUES ('Mia'), ('mia')")
    with opened(path, TABLE) as store:
        assert list(store.alike(TABLE, "id", ["mia"])) == []


def test_what_is_near_or_beyond_ascii_is_offered(tmp_path: Path) -> None:
    path = made(tmp_path / "app.db", "TEXT COLLATE NOCASE")
    held = ["mia", " MIA\t", "mia\n", "Mia\x1f", "miax", "otto", "zoe\u0308", "it's"]
    run(path, "INSERT INTO people (id) VALUES " + ", ".join("('" + each.replace("'", "''") + "')" for each in held))
    with opened(path, TABLE) as store:
        found = {value for values in store.near(TABLE, "id", ["mia", "it's"]) for value in values}
        assert {"mia", " MIA\t", "mia\n", "Mia\x1f", "zoe\u0308", "it's"} <= found
        assert found.isdisjoint({"miax", "otto"})
        assert {value for values in store.near(TABLE, "id", None) for value in values} == set(held)
        assert {value for values in store.near(TABLE, "id", ["mia"]) for value in values} >= {"mia"}


@pytest.mark.parametrize("declared", ["TEXT", "TEXT COLLATE NOCASE PRIMARY KEY", "NUMERIC"])
@pytest.mark.parametrize("index", ["(id)", "(id DESC, name)", "(id COLLATE NOCASE)"])
def test_what_is_near_is_offered_wherever_values_repeat(tmp_path: Path, declared: str, index: str) -> None:
    path = made(tmp_path / "app.db", declared, f"CREATE INDEX by_id ON people {index};")
    rare = ["mia", " Mia", "MIA", "m\u0131a", "Mia\x1f", "miax"]
    often = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 6000) "
    run(path, f"{often} INSERT OR IGNORE INTO people SELECT 'a' || (x % 5), x FROM n")
    for each in (*(f"'{value}'" for value in rare), "CAST('mIa' AS BLOB)", "NULL", "7.5"):
        run(path, f"INSERT OR IGNORE INTO people (id) VALUES ({each})")
    with opened(path, TABLE) as store:
        found = {value for values in store.near(TABLE, "id", ["mia", "a3", "7.5"]) for value in values}
    folded = "NOCASE" in declared and "KEY" in declared
    assert found == {"mia", " Mia", "m\u0131a", "Mia\x1f", "mIa", "a3", "7.5"} | (set() if folded else {"MIA"})


def test_threads_look_for_spellings_side_by_side(tmp_path: Path) -> None:
    """None gets in the way of another that is in the middle of the column."""
    path = made(tmp_path / "app.db", "TEXT")
    run(path, "INSERT INTO people (id) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) SELECT 'mia' FROM n")

    with opened(path, TABLE) as store:
        assert isinstance(store, SpellingSearch)
        begun = store.near(TABLE, "id", ["mia"])
        seen = len(next(iter(begun)))
        with ThreadPoolExecutor(4) as pool:
            beside = [pool.submit(lambda: sum(map(len, store.near(TABLE, "id", ["mia"])))) for _ in range(8)]
            assert [each.result() for each in beside] == [9000] * 8
        assert seen + sum(map(len, begun)) == 9000
