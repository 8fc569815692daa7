"""A small company that passes hashes of its customers on: accounts in SQLite, files and a lake beside them. hashlib makes the hashes."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from expunge.bootstrap import Expunge
from expunge.core.orders.run import Run

HEAD = """\
version: 1
state: ./state
identities:
  customer: {{dataset: customers, key: id, also: [email, phone]}}
stores:
  app: {{kind: sqlite, url: "sqlite:///world/app.db", busy_ms: 500}}
  media: {{kind: files, url: ./world/media}}
  lake: {{kind: parquet, url: ./world/lake}}
retention:
  life: {{period: 30 days, from: closed_at, purpose: keep the account, need: contract}}
datasets:
  customers: {{store: app, table: customers, subject: {{customer: id}}, retention: life}}
{datasets}ignore:
  - {{store: media, path: "exports/*", reason: audiences that marketing made}}
{ignore}"""
MIA, OTTO, PIA = "cus-51xk-mia", "cus-77qz-otto", "cus-90aa-pia"
EMAIL = {MIA: "Mia.Meadow@Example.org", OTTO: "otto.oak@example.org", PIA: "pia.pine@example.org"}
PHONE = {MIA: "+49 30 1234567", OTTO: "+49 30 7654321", PIA: "+49 89 5550123"}
E164 = {MIA: "+49301234567", OTTO: "+49307654321", PIA: "+49895550123"}
NAME = {MIA: "Mia of the meadow and of the marsh", OTTO: "Otto of the oak and of the orchard", PIA: "Pia of the pine and of the pond"}


def raw(algorithm: str, text: str) -> bytes:
    return hashlib.new(algorithm, text.encode()).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass
class HashedCompany:
    """One installation in a folder."""

    folder: Path
    datasets: str = ""
    ignore: str = ""

    def __post_init__(self) -> None:
        for place in ("media/exports", "lake"):
            (self.world / place).mkdir(parents=True)
        self.rows(
            "CREATE TABLE customers (id TEXT PRIMARY KEY, email TEXT, phone TEXT, name TEXT, closed_at TEXT)",
            "INSERT INTO customers VALUES (?, ?, ?, ?, NULL)",
            [(each, EMAIL[each], PHONE[each], NAME[each]) for each in EMAIL],
        )
        self.declare()

    @property
    def world(self) -> Path:
        return self.folder / "world"

    @property
    def map(self) -> Path:
        return self.folder / "expunge.yaml"

    def declare(self, *datasets: str, ignore: Sequence[str] = ()) -> None:
        lines = "".join(f"  {each}\n" for each in datasets)
        self.map.write_text(HEAD.format(datasets=lines, ignore="".join(f"  - {each}\n" for each in ignore)))

    def rows(self, script: str, statement: str = "", values: Sequence[tuple[object, ...]] = ()) -> None:
        with closing(sqlite3.connect(self.world / "app.db")) as database, database:
            database.executescript(script)
            if statement:
                database.executemany(statement, values)

    def read(self, sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.world / "app.db")) as database:
            return database.execute(sql).fetchall()

    def export(self, name: str, content: bytes) -> Path:
        path = self.world / "media" / "exports" / name
        path.write_bytes(content)
        return path

    def parquet(self, name: str, columns: dict[str, list[object]]) -> Path:
        path = self.world / "lake" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)
        return path

    def open(self) -> Expunge:
        if not (self.folder / "state").exists():
            Expunge.init(self.map)
        return Expunge.open(self.map)

    def erase(self, name: str = f"customer:{MIA}") -> Run:
        with self.open() as opened:
            order = opened.order_erase([opened.resolve(name)]).order
            opened.plan(order)
            return opened.apply(order)
