"""Addresses and telephone numbers of the person, written in another way than the company's own, where no rule of the map speaks of them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.core.values.order import OrderState
from tests.attacks.mention_company import MentionCompany, company

CUSTOMERS = """
CREATE TABLE customers (id TEXT PRIMARY KEY, email TEXT, phone TEXT, friend TEXT, name TEXT, closed_at TEXT);
INSERT INTO customers VALUES ('c-1-cara', 'cara@example.org', '+442079460111', '{other}', 'Cara who was the first of them all', NULL);
INSERT INTO customers VALUES ('c-2-mia', 'mia@example.org', '+442079460958', NULL, 'Mia whom nobody should find again', NULL);
INSERT INTO customers VALUES ('c-3-dora', 'dora@example.org', '+442079460333', NULL, 'Dora who came as the last of them', NULL);
"""
NEWSLETTER = (
    "CREATE TABLE newsletter (n INTEGER PRIMARY KEY, contact TEXT); INSERT INTO newsletter VALUES (1, '{other}'), (2, 'Bob@example.org');"
)
DECLARED = "customers: {store: app, table: customers, subject: {customer: id}, retention: life}"
CLICKS = 'clicks: {store: lake, path: "clicks/{day}.parquet", subject: {customer: who}, retention: life}'

LESS = [pytest.param(text, marks=pytest.mark.soak) for text in (" mia@Example.org", "020 7946 0958", "0044 20 7946.0958")]
SPELT = ["Mia@Example.ORG", "(+44) 20-7946 0958", *LESS]
OTHERS = ["Mias@Example.ORG", "020 7946 0959", "20794609 58 pieces", "C-2-MIA"]
STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.soak)]


def spelling(request: pytest.FixtureRequest, folder: Path, store: str, sql: str, *more: str) -> MentionCompany:
    server = request.getfixturevalue("database") if store == "postgres" else ""
    made = company(folder, sql, DECLARED, *more, server=server, lake=bool(more))
    also = "key: id, also: [email, phone], compare: {phone: {type: phone, region: GB}}}"
    made.map.write_text(made.map.read_text().replace("key: id}", also))
    return made


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("other", SPELT)
def test_an_undeclared_table_that_spells_the_person_otherwise_is_found(
    request: pytest.FixtureRequest, tmp_path: Path, other: str, store: str
) -> None:
    run = spelling(request, tmp_path, store, (CUSTOMERS + NEWSLETTER).replace("{other}", other, 2)).erase("c-2-mia")
    assert run.state is OrderState.IN_PART
    assert any("table newsletter" in reason and "contact" in reason for reason in run.reasons)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("other", SPELT)
def test_a_row_of_another_customer_that_spells_the_person_otherwise_is_found(
    request: pytest.FixtureRequest, tmp_path: Path, other: str, store: str
) -> None:
    run = spelling(request, tmp_path, store, CUSTOMERS.replace("{other}", other)).erase("c-2-mia")
    assert run.state is OrderState.IN_PART
    assert any("friend" in reason for reason in run.reasons)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("other", OTHERS)
def test_what_only_looks_alike_is_another_persons(request: pytest.FixtureRequest, tmp_path: Path, other: str, store: str) -> None:
    run = spelling(request, tmp_path, store, (CUSTOMERS + NEWSLETTER).replace("{other}", other)).erase("c-2-mia")
    assert run.state is OrderState.FULFILLED, run.reasons


@pytest.mark.parametrize("other", SPELT[:2])
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
def test_a_file_of_a_lake_that_spells_the_person_otherwise_is_found(
    request: pytest.FixtureRequest, tmp_path: Path, other: str, declared: bool
) -> None:
    made = spelling(request, tmp_path, "sqlite", CUSTOMERS.replace("'{other}'", "NULL"), CLICKS)
    root = tmp_path / "world" / "lake"
    for name, about in {"clicks/monday.parquet": other if declared else "", "old/friends.parquet": "" if declared else other}.items():
        (root / name).parent.mkdir(exist_ok=True)
        table = {
            "who": ["c-1-cara", "c-3-dora"],
            "said": ["a sentence that Cara said", "a sentence that Dora said"],
            "about": [about, "Bob"],
        }
        pq.write_table(pa.table(table), root / name)
    run = made.erase("c-2-mia")
    assert run.state is OrderState.IN_PART
    assert any("about" in reason for reason in run.reasons)
