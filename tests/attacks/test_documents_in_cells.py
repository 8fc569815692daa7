"""JSON documents in cells: their strings are values of their own, for copies that lie elsewhere and for other people's rows."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.core.values.order import OrderState
from tests.attacks.mention_company import MentionCompany, company

TOLD = "the red boathouse"
"""Shorter than the windows of a longer text."""
SQL = """
CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, closed_at TEXT);
INSERT INTO customers VALUES ('a-12', 'Anna whom nobody should find again', NULL), ('b-34', 'Bela who stays where he always was', NULL);
CREATE TABLE notes (n INTEGER PRIMARY KEY, author TEXT, doc <json>);
"""
MAP = (
    "customers: {store: app, table: customers, subject: {customer: id}, retention: life}",
    "notes: {store: app, table: notes, subject: {customer: author}, retention: life}",
)
HERS = json.dumps({"text": {"place": TOLD, "when": "in the first week of the holidays"}, "tags": ["walnut harvest", "x"]})
STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.soak)]


def built(request: pytest.FixtureRequest, folder: Path, store: str, theirs: str, more: str = "") -> MentionCompany:
    server = request.getfixturevalue("database") if store == "postgres" else ""
    sql = SQL.replace("<json>", "jsonb" if store == "postgres" else "TEXT")
    rows = f"INSERT INTO notes VALUES (1, 'a-12', '{HERS}'), (2, 'b-34', '{theirs}');"
    return company(folder, sql + rows + more, *MAP, server=server)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("part", [TOLD, "walnut harvest"])
def test_a_stray_copy_of_one_value_of_a_document_is_residue(request: pytest.FixtureRequest, tmp_path: Path, part: str, store: str) -> None:
    more = f"CREATE TABLE drafts (said TEXT); INSERT INTO drafts VALUES ('{part}');"
    run = built(request, tmp_path, store, "{}", more).erase("a-12")
    assert run.state is OrderState.IN_PART


@pytest.mark.parametrize("store", STORES)
def test_the_same_value_in_a_document_of_another_is_theirs(request: pytest.FixtureRequest, tmp_path: Path, store: str) -> None:
    run = built(request, tmp_path, store, json.dumps({"place": TOLD, "tags": ["walnut harvest"]})).erase("a-12")
    assert run.state is OrderState.FULFILLED, run.reasons


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("document", [{"by": "a-12"}, {"people": [{"id": "b-34"}, {"id": "a-12"}]}, ["b-34", "a-12"]], ids=str)
def test_a_short_identifier_that_is_a_value_of_anothers_document_is_a_mention(
    request: pytest.FixtureRequest, tmp_path: Path, document: object, store: str
) -> None:
    run = built(request, tmp_path, store, json.dumps(document)).erase("a-12")
    assert run.state is OrderState.IN_PART
    assert any("mentions: {doc: keep}" in reason for reason in run.reasons), run.reasons


@pytest.mark.parametrize("store", STORES)
def test_a_document_in_which_it_is_a_part_of_another_value_is_none(request: pytest.FixtureRequest, tmp_path: Path, store: str) -> None:
    run = built(request, tmp_path, store, json.dumps({"by": "a-123", "a-12": 1, "said": "from a-12 to a-13"})).erase("a-12")
    assert run.state is OrderState.FULFILLED, run.reasons


def test_a_document_in_a_cell_of_a_lake_is_taken_apart_as_well(tmp_path: Path) -> None:
    lines = 'lines: {store: lake, path: "lines/{day}.parquet", subject: {customer: who}, retention: life}'
    made = company(tmp_path, SQL.replace("<json>", "TEXT"), MAP[0], lines, lake=True)
    path = tmp_path / "world" / "lake" / "lines" / "monday.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"who": ["a-12", "b-34"], "doc": [HERS, json.dumps({"by": "a-12"})]}), path)
    run = made.erase("a-12")
    assert run.state is OrderState.IN_PART
    assert any("mentions: {doc: keep}" in reason for reason in run.reasons), run.reasons
