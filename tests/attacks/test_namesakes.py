"""A map as it was proposed, with every guess taken for right, leaves the namesake of the person alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.core.values.order import OrderState
from expunge.survey import check, propose

SHOP = """
CREATE TABLE employee (EmployeeId INTEGER PRIMARY KEY, LastName TEXT NOT NULL, FirstName TEXT NOT NULL, Email TEXT,
  ReportsTo INTEGER REFERENCES employee (EmployeeId));
CREATE TABLE customer (CustomerId INTEGER PRIMARY KEY, FirstName TEXT NOT NULL, LastName TEXT NOT NULL, City TEXT, Email TEXT NOT NULL,
  SupportRepId INTEGER REFERENCES employee (EmployeeId));
CREATE TABLE invoice (InvoiceId INTEGER PRIMARY KEY, CustomerId INTEGER NOT NULL REFERENCES customer (CustomerId), BillingCity TEXT);
CREATE TABLE track (TrackId INTEGER PRIMARY KEY, Name TEXT NOT NULL, UnitPrice NUMERIC NOT NULL);
CREATE TABLE invoice_line (InvoiceLineId INTEGER PRIMARY KEY, InvoiceId INTEGER NOT NULL REFERENCES invoice (InvoiceId),
  TrackId INTEGER NOT NULL REFERENCES track (TrackId));
CREATE TABLE waiting_list (LastName TEXT, City TEXT, wish TEXT);
INSERT INTO employee VALUES (1, 'Mitterbauer', 'Agathe', 'agathe.mitterbauer@shop.example', NULL),
  (2, 'Szentgyorgyi', 'Bela', 'bela.szentgyorgyi@shop.example', 1);
INSERT INTO customer VALUES (1, 'Roswitha', 'Mitterbauer', 'Graz', 'roswitha.m@mail.example', 2),
  (2, 'Ferdinand', 'Oberleitner', 'Linz', 'ferdinand.o@mail.example', 2), (3, 'Cosima', 'Oberleitner', 'Wels', 'cosima.o@mail.example', 2);
INSERT INTO invoice VALUES (1, 1, 'Graz'), (2, 2, 'Linz');
INSERT INTO track VALUES (1, 'Silent Harbour', 0.99), (2, 'Copper Lanterns', 0.99);
INSERT INTO invoice_line VALUES (1, 1, 1), (2, 2, 1), (3, 2, 2);
INSERT INTO waiting_list VALUES ('Mitterbauer', 'Bruck', 'the record with the copper lanterns on it');
"""
WRITTEN = "    # subject: {KIND"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "world" / "shop"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.executescript(SHOP)
    return path


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(f"SELECT * FROM {table}").fetchall()


def test_a_join_is_never_proposed_along_a_name_that_two_people_may_share(shop: Path, tmp_path: Path) -> None:
    map_file = tmp_path / "expunge.yaml"
    proposed = propose([str(shop)], map_file).replace("DECIDE: ", "")
    assert "via: LastName" not in proposed
    assert "via: City" not in proposed
    map_file.write_text(proposed)
    Expunge.init(map_file)
    with Expunge.open(map_file) as opened:
        order = opened.order_erase([opened.resolve("customer:1")]).order
    # The one table that nothing leads to is declared as being about nobody, and every guess is taken for right.
    lines = [line for line in proposed.splitlines() if not line.strip().startswith("guess:")]
    waiting = lines.index("  waiting_list:")
    lines[waiting + 3 :] = ["    about: nobody", *(line for line in lines[waiting + 3 :] if "retention" not in line and "# " not in line)]
    map_file.write_text("\n".join(lines) + "\n")
    employees, others = rows(shop, "employee"), rows(shop, "waiting_list")
    with Expunge.open(map_file) as opened:
        opened.plan(order)
        opened.apply(order)
    assert rows(shop, "employee") == employees
    assert rows(shop, "waiting_list") == others
    assert [row[0] for row in rows(shop, "customer")] == [2, 3]
    assert rows(shop, "invoice_line") == [(2, 2, 1), (3, 2, 2)]


def test_a_map_with_such_a_join_decided_by_hand_is_not_proposed_and_the_sound_one_is_fulfilled(shop: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(shop)) as db:
        db.execute("DROP TABLE waiting_list")
        db.execute("ALTER TABLE customer ADD COLUMN created_at TEXT")
    map_file = tmp_path / "expunge.yaml"
    proposed = propose([str(shop)], map_file).replace("DECIDE: ", "")
    map_file.write_text("".join(line + "\n" for line in proposed.splitlines() if not line.strip().startswith("guess:")))
    assert check(map_file).sound
    Expunge.init(map_file)
    with Expunge.open(map_file) as opened:
        order = opened.order_erase([opened.resolve("customer:1")]).order
        opened.plan(order)
        run = opened.apply(order)
        assert run.state is OrderState.FULFILLED, run.reasons


def test_a_support_person_goes_and_the_customers_stay(shop: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(shop)) as db:
        db.execute("DROP TABLE waiting_list")
    map_file = tmp_path / "expunge.yaml"
    proposed = propose([str(shop)], map_file).replace("DECIDE: ", "")
    map_file.write_text("".join(line + "\n" for line in proposed.splitlines() if not line.strip().startswith("guess:")))
    customers = rows(shop, "customer")
    Expunge.init(map_file)
    with Expunge.open(map_file) as opened:
        order = opened.order_erase([opened.resolve("employee:2")]).order
        opened.plan(order)
        opened.apply(order)
    assert [row[:5] for row in rows(shop, "customer")] == [row[:5] for row in customers]
    assert {row[5] for row in rows(shop, "customer")} == {None}
    assert [row[0] for row in rows(shop, "employee")] == [1]
