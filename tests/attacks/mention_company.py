"""A company of a few tables, written down as SQL and a map, in which rows of one customer name another."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg

from expunge.bootstrap import Expunge
from expunge.core.evidence.receipt import Receipt, parse
from expunge.core.log import dsse
from expunge.core.orders.run import Run
from expunge.demo.company.outside_search import Search

ANNA, BELA, CARA, GONE = "cus-an7Q2M9K4T", "cus-be3R8W1Z6P", "cus-ca9D4F2H7S", "u_deleted"
HEAD = """\
version: 1
state: ./state
identities:
  customer: {dataset: customers, key: id}
retention:
  life: {period: 30 days, from: closed_at, purpose: keep the account, need: contract}
"""
CUSTOMERS = f"""
CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, referred_by TEXT, closed_at TEXT);
INSERT INTO customers VALUES ('{ANNA}', 'Anna the first of all customers', NULL, NULL);
INSERT INTO customers VALUES ('{BELA}', 'Bela who came along some time later', '{ANNA}', NULL);
INSERT INTO customers VALUES ('{CARA}', 'Cara who was sent by Bela in the end', '{BELA}', NULL);
"""
CUSTOMERS_SET = "customers: {store: app, table: customers, subject: {customer: id}, retention: life"


@dataclass(frozen=True)
class MentionCompany:
    """One installation with a SQLite database."""

    folder: Path
    server: str = ""
    """The URL of a PostgreSQL database that takes the place of the SQLite one."""
    lake: bool = False
    """Whether there is a lake of Parquet files as well."""

    @property
    def database(self) -> Path:
        return self.folder / "world" / "app.db"

    @property
    def map(self) -> Path:
        return self.folder / "expunge.yaml"

    def open(self) -> Expunge:
        return Expunge.open(self.map)

    def declare(self, *datasets: str) -> None:
        sqlite = '{kind: sqlite, url: "sqlite:///world/app.db", busy_ms: 500}'
        store = f'  app: {{kind: postgres, url: "{self.server}"}}\n' if self.server else f"  app: {sqlite}\n"
        store += "  lake: {kind: parquet, url: ./world/lake}\n" if self.lake else ""
        self.map.write_text(f"{HEAD}stores:\n{store}datasets:\n" + "".join(f"  {each}\n" for each in datasets))

    def run(self, sql: str) -> list[tuple[object, ...]]:
        if self.server:
            with psycopg.connect(self.server) as connection:
                cursor = connection.execute(sql.encode())
                return cursor.fetchall() if cursor.description else []
        with closing(sqlite3.connect(self.database)) as db, db:
            if sql.lstrip().upper().startswith("SELECT"):
                return db.execute(sql).fetchall()
            db.executescript(sql)
            return []

    def erase(self, name: str) -> Run:
        with self.open() as opened:
            order = opened.order_erase([opened.resolve(name)]).order
            opened.plan(order)
            return opened.apply(order)

    def again(self, run: Run) -> Run:
        with self.open() as opened:
            return opened.apply(run.order)

    def receipt(self, run: Run, number: int = 1) -> Receipt:
        with self.open() as opened:
            return parse(dsse.parse(opened.receipt_folder(run.order, number)["receipt.dsse.json"]).payload)

    def found(self, *strings: str) -> list[str]:
        """The files of the company in which an outside search, which shares no code with ours, finds the strings."""
        return [str(hit.path) for hit in Search(strings).folder(self.folder / "world")]


def company(folder: Path, sql: str, *datasets: str, server: str = "", lake: bool = False) -> MentionCompany:
    """Build a company of the customers and some more tables."""
    made = MentionCompany(folder, server, lake)
    made.database.parent.mkdir(parents=True)
    (made.database.parent / "lake").mkdir()
    made.run(sql)
    made.declare(*datasets)
    Expunge.init(made.map)
    return made
