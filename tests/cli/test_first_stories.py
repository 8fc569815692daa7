"""Companies in the shape of public schemas come from ``init`` to *fulfilled*, and an outside search finds only what an answer kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from expunge.demo.company.outside_search import Search
from expunge.servers.postgres import PostgresServer
from tests.cli import chinook, rails_shop
from tests.cli.first_story import tell


def test_a_shop_for_music_on_sqlite(tmp_path: Path) -> None:
    path = chinook.make(tmp_path / "world" / "chinook.db")
    names = tuple(word for row in (*chinook.STAFF, *chinook.CUSTOMERS) for word in row[:2])
    told = tell(tmp_path, ("world/chinook.db",), "ottilie.kessler@post.example", (*names, *chinook.TRACES), {})
    assert "fulfilled" in told.applied, told.applied
    assert told.answers == 2
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
