"""The line that ``check`` gives for an undeclared table is the right one: pasted as it is, the map is sound and an order finds the rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.cli.running import expunge
from tests.cli.test_check_catches import MAP, SCHEMA, company, failing, the_finding

CASES = {
    "a foreign key to people": (
        "CREATE TABLE votes (user_id INTEGER REFERENCES users (id), choice TEXT); INSERT INTO votes VALUES (4711, 'red'), (4712, 'blue')",
        "{user: user_id}",
        "user_id refers to users",
    ),
    "keys of people": (
        "CREATE TABLE votes (who INTEGER, user_id INTEGER); INSERT INTO votes VALUES (1, 4711), (2, 4712), (3, 4713)",
        "{user: user_id}",
        "user_id holds keys or addresses of people",
    ),
    "addresses": (
        "CREATE TABLE votes (voter TEXT); INSERT INTO votes VALUES ('zerlina.q@example.org'), ('ambros.t@example.org')",
        "{through: users, via: {voter: email}}",
        "voter holds keys or addresses of people",
    ),
    "a foreign key to rows of people": (
        "CREATE TABLE votes (post_id INTEGER REFERENCES posts (id)); INSERT INTO votes VALUES (1), (3)",
        "{through: posts, via: {post_id: id}}",
        "post_id refers to posts",
    ),
}


@pytest.mark.parametrize("case", CASES, ids=lambda each: each.replace(" ", "-"))
def test_a_table_with_people_is_given_their_line(tmp_path: Path, case: str) -> None:
    table, subject, said = CASES[case]
    company(tmp_path, f"{table};")
    (found,) = [each for each in failing(expunge("check", "--json", cwd=tmp_path)) if each["kind"] == "undeclared"]
    line = f"votes: {{store: app, table: votes, subject: {subject}, retention: RULE}}"
    assert found["what"] == f"no dataset declares this table, and {said}"
    assert found["mend"] == f"declare it under `datasets:`: `{line}`"
    (tmp_path / "expunge.yaml").write_text(MAP + f"  {line.replace('RULE', 'life')}\n")
    ran = expunge("check", "--json", cwd=tmp_path)
    assert [each for each in ran.json["findings"] if each["kind"] != "note"] == []
    assert ran.json["samples"][0]["items"]["votes"][1] >= 1


def test_a_list_is_given_the_line_of_lists(tmp_path: Path) -> None:
    company(tmp_path, "CREATE TABLE towns (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO towns VALUES (1, 'Graz'), (2, 'Passau');")
    assert the_finding(tmp_path)["mend"].endswith(": `towns: {store: app, table: towns, about: nobody}`")


def test_the_receipt_of_an_order_gives_the_same_line(tmp_path: Path) -> None:
    company(tmp_path, f"{CASES['keys of people'][0]};")
    mend = the_finding(tmp_path)["mend"]
    assert expunge("init", cwd=tmp_path).code == 0
    order = expunge("order", "erase", "zerlina.q@example.org", "--yes", "--json", cwd=tmp_path).json["order"]
    assert expunge("plan", order, cwd=tmp_path).code == 0
    applied = expunge("apply", order, "--yes", cwd=tmp_path)
    assert mend.partition("`: ")[2] in (applied.out + applied.err), applied.out + applied.err


def test_a_receipt_in_part_counts_the_rows_that_went(tmp_path: Path) -> None:
    company(tmp_path, f"{CASES['addresses'][0]};")
    assert expunge("init", cwd=tmp_path).code == 0
    order = expunge("order", "erase", "zerlina.q@example.org", "--yes", "--json", cwd=tmp_path).json["order"]
    assert expunge("plan", order, cwd=tmp_path).code == 0
    assert "in part" in expunge("apply", order, "--yes", cwd=tmp_path).out
    (made,) = expunge("receipt", "show", order, "--json", cwd=tmp_path).json["receipts"]
    entries = {each["dataset"]: (each["outcome"], each["items"]) for each in made["statement"]["predicate"]["datasets"]}
    assert entries["users"] == ("unable", 1)
    assert expunge("receipt", "show", order, "--out", "out", cwd=tmp_path).code == 0
    assert expunge("receipt", "verify", tmp_path / "out" / "1", cwd=tmp_path).code == 0


@pytest.mark.soak
def test_postgresql_is_given_the_same_line(tmp_path: Path, database: str) -> None:
    with psycopg.connect(database) as db:
        db.execute(f"{SCHEMA}; {CASES['a foreign key to people'][0]}".encode())
    with closing(sqlite3.connect(tmp_path / "app.db")):
        (tmp_path / "expunge.yaml").write_text(MAP.replace('kind: sqlite, url: "sqlite:///app.db"', f'kind: postgres, url: "{database}"'))
    found = [each for each in expunge("check", "--json", cwd=tmp_path).json["findings"] if each["where"].endswith("votes")]
    assert [each["mend"] for each in found] == [
        "declare it under `datasets:`: `votes: {store: app, table: votes, subject: {user: user_id}, retention: RULE}`"
    ]
