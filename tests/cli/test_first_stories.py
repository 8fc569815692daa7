"""Companies in the shape of public schemas come from ``init`` to *fulfilled*, and an outside search finds only what an answer kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import yaml

from expunge.demo.company.outside_search import Search
from expunge.servers.postgres import PostgresServer
from tests.cli import chinook, northwind, pagila, rails_shop
from tests.cli.first_story import tell
from tests.cli.running import expunge


def test_a_shop_for_music_on_sqlite(tmp_path: Path) -> None:
    path = chinook.make(tmp_path / "world" / "chinook.db")
    names = tuple(word for row in (*chinook.STAFF, *chinook.CUSTOMERS) for word in row[:2])
    told = tell(tmp_path, ("world/chinook.db",), "ottilie.kessler@post.example", (*names, *chinook.TRACES), {"datasets.Artist": "nobody"})
    assert "fulfilled" in told.applied, told.applied
    assert told.answers == 3
    assert "an order for one of 3 customers would find: Customer 1; Employee 0; Invoice 3; InvoiceLine 6" in told.check
    assert [str(hit.path) for hit in Search(chinook.TRACES).folder(tmp_path / "world")] == []
    with closing(sqlite3.connect(path)) as db:
        assert [row[0] for row in db.execute("SELECT CustomerId FROM Customer ORDER BY 1")] == [1, 3, 4]
        # Why all: two of them have the family name of a customer.
        assert db.execute("SELECT count(*), count(ReportsTo) FROM Employee").fetchone() == (4, 2)
        assert db.execute("SELECT count(*) FROM Invoice").fetchone() == (9,)
        assert db.execute("SELECT count(*) FROM InvoiceLine").fetchone() == (18,)
        assert db.execute("SELECT count(*) FROM PlaylistTrack").fetchone() == (24,)


@pytest.mark.soak
def test_a_wholesaler_on_sqlite(tmp_path: Path) -> None:
    """Text keys, a table with a blank in its name and a key of two columns, pictures, superiors, and contacts at suppliers."""
    path = northwind.make(tmp_path / "world" / "northwind.db")
    names = tuple(word for row in northwind.STAFF for word in row[:2])
    kept = {"datasets.Products": '{subject: {supplier: SupplierID}, on_erase: {keep: "the goods are the company\'s"}}'}
    nobody = dict.fromkeys(("datasets.Categories", "datasets.CustomerDemographics", "datasets.Shippers"), "nobody")
    told = tell(tmp_path, ("world/northwind.db",), northwind.WHO, (*names, *northwind.TRACES, "Cellar"), {**kept, **nobody})
    assert "fulfilled" in told.applied, told.applied
    assert told.answers == 9
    assert "of 3 customers would find: CustomerCustomerDemo 1; Customers 1;" in told.check
    assert f"Order_Details {3 * northwind.EACH}; Orders {northwind.EACH}" in told.check
    assert "ignore" not in yaml.safe_load((tmp_path / "expunge.yaml").read_text())
    assert [str(hit.path) for hit in Search(northwind.TRACES).folder(tmp_path / "world")] == []
    assert northwind.WHO.encode() not in path.read_bytes()
    with closing(sqlite3.connect(path)) as db:
        assert [row[0] for row in db.execute("SELECT CustomerID FROM Customers ORDER BY 1")] == ["NORMA", "OLIVA", "QUILL", "TESSL"]
        counts = {"Orders": 4 * northwind.EACH, '"Order Details"': 12 * northwind.EACH, "Employees": 4, "Suppliers": 4, "Products": 30}
        for table, rows in counts.items():
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,), table
        assert db.execute("SELECT count(ReportsTo), count(Photo) FROM Employees").fetchone() == (3, 4)


@pytest.mark.soak
def test_a_rails_shop_on_postgresql(tmp_path: Path, postgres_server: PostgresServer, database: str) -> None:
    rails_shop.make(database)
    names = tuple(word for row in rails_shop.PEOPLE for word in row[:2])
    answers = {
        "datasets.active_storage_attachments": "subject: {user: record_id}",
        "datasets.active_storage_blobs": "subject: {through: active_storage_attachments, via: {id: blob_id}}",
    }
    secrets = (*names, *rails_shop.TRACES)
    told = tell(tmp_path, (database,), "wilhelmine.zauner@mail.example", secrets, answers, {"SHOP_DB": database})
    assert "fulfilled" in told.applied, told.applied
    assert told.answers == 4
    assert "active_storage_blobs 1; addresses 1; line_items 4; orders 2; reviews 1; users 1" in told.check
    assert [str(hit.path) for hit in Search(rails_shop.TRACES).folder(postgres_server.data)] == []
    with psycopg.connect(database) as db:
        assert [row[0] for row in db.execute("SELECT id FROM users ORDER BY 1")] == [1, 3, 4]
        counts = {"addresses": 3, "orders": 6, "line_items": 12, "reviews": 3, "active_storage_blobs": 3, "active_storage_attachments": 3}
        for table, rows in {**counts, "taxons": 3, "products": 8, "sessions": 0}.items():
            assert db.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (rows,), table


@pytest.mark.soak
def test_a_rental_of_films_on_postgresql(tmp_path: Path, postgres_server: PostgresServer, database: str) -> None:
    """Addresses of customers, employees and shops in one table, payments in partitions, views, and keys that go in a circle."""
    pagila.make(database)
    names = tuple(word for row in (*pagila.STAFF, *pagila.CUSTOMERS) for word in row)
    clerk = "{subject: {customer: customer_id}, mentions: {staff_id: keep}}"
    answers = {
        "datasets.film": "nobody",
        "datasets.inventory": "nobody",
        "datasets.payment": clerk,
        "datasets.rental": clerk,
        "datasets.store": "{subject: {staff: manager_staff_id}, on_erase: {keep: a shop has a manager until another is named}}",
    }
    env = {"FILMS_DB": database}
    told = tell(tmp_path, (database,), pagila.mail(pagila.WHO), (*names, *pagila.TRACES), answers, env)
    assert "fulfilled" in told.applied, told.applied
    assert told.answers == 10
    assert "subject: {through: {customer: address_id, staff: address_id, store: address_id}, via: address_id}" in (
        (tmp_path / "expunge.yaml").read_text()
    )
    assert f"address 1; customer 1; film_actor 0; payment {pagila.EACH}; rental {pagila.EACH}; staff 0; store 0" in told.check
    assert [str(hit.path) for hit in Search(pagila.TRACES[1:]).folder(postgres_server.data)] == []
    kept = len(pagila.CUSTOMERS) - 1
    with psycopg.connect(database) as db:
        counts = {"customer": kept, "address": kept + 3, "rental": pagila.EACH * kept, "payment": pagila.EACH * kept}
        for table, rows in {**counts, "staff": 2, "store": 2, "inventory": 60, "film_actor": 60}.items():
            assert db.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (rows,), table
    # Two people under one address: it goes with the second.
    for number, addresses in zip(pagila.HOUSEHOLD, (kept + 3, kept + 2), strict=True):
        order = expunge("order", "erase", pagila.mail(number), "--yes", "--json", cwd=tmp_path, env=env).json["order"]
        assert expunge("plan", order, cwd=tmp_path, env=env).code == 0
        assert "fulfilled" in expunge("apply", order, "--yes", cwd=tmp_path, env=env).out
        with psycopg.connect(database) as db:
            assert db.execute("SELECT count(*) FROM address").fetchone() == (addresses,)
