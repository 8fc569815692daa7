"""A company at scale in small: PostgreSQL behind the app, audio in S3, a Parquet lake, SQLite on the hub, and Expunge over all of it."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import botocore.config
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from expunge import Expunge
from expunge.core.evidence.receipt import Receipt
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.core.verification import receipt_verify
from expunge.demo.company.outside_search import Search
from expunge.engine.intake.person_orders import Accepted
from expunge.servers.postgres import PostgresServer
from expunge.servers.seaweedfs import SeaweedServer
from tests.engine.household import shorten_pauses, wav

NAMES = ("ada", "ben", "cem", "dea", "eli", "fay")
DAYS = ("2026-05-01", "2026-05-02", "2026-05-03")

SCHEMA = """
CREATE TABLE accounts (account_id text PRIMARY KEY, email text UNIQUE NOT NULL, settings jsonb, closed_at timestamptz);
CREATE TABLE profiles (profile_id text PRIMARY KEY, account_id text NOT NULL REFERENCES accounts, name text, closed_at timestamptz);
CREATE TABLE recordings (
  recording_id text PRIMARY KEY, profile_id text NOT NULL REFERENCES profiles, seconds real, recorded_at timestamptz);
CREATE INDEX recordings_by_profile ON recordings (profile_id);
CREATE TABLE transcripts (
  transcript_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, recording_id text NOT NULL REFERENCES recordings, text text NOT NULL,
  embedding vector(16), words tsvector GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED, recorded_at timestamptz);
CREATE INDEX transcripts_by_recording ON transcripts (recording_id);
CREATE INDEX transcripts_by_words ON transcripts USING gin (words);
CREATE INDEX transcripts_by_embedding ON transcripts USING hnsw (embedding vector_l2_ops);
"""

MAP = """\
version: 1
state: {state}
{extra}identities:
  account: {{dataset: accounts, key: account_id, also: [email]}}
  profile: {{dataset: profiles, key: profile_id, member_of: account}}
stores:
  app: {{kind: postgres, url: "${{ESTATE_APP}}"}}
  audio:
    kind: s3
    url: s3://{bucket}
    endpoint: "${{ESTATE_S3}}"
    region: us-east-1
    access_key: "${{ESTATE_KEY}}"
    secret_key: "${{ESTATE_SECRET}}"
    vacuum: "${{ESTATE_VACUUM}}"
    clock: removed from the provider's disks within 60 days
  lake: {{kind: parquet, url: ./world/lake}}
  hub: {{kind: sqlite, url: "sqlite:///world/hub.db", busy_ms: 500}}
{stores}retention:
  life: {{period: 30 days, from: closed_at, purpose: keep the account, need: contract}}
  voice: {{period: 90 days, from: recorded_at, purpose: answer the request, need: the service itself}}
datasets:
  accounts: {{store: app, table: accounts, subject: {{account: account_id}}, retention: life}}
  profiles: {{store: app, table: profiles, subject: {{profile: profile_id}}, retention: life}}
  recordings: {{store: app, table: recordings, subject: {{profile: profile_id}}, retention: voice}}
  transcripts:
    {{store: app, table: transcripts, subject: {{through: recordings, via: recording_id}}, derived_from: [voice], on_erase: erase}}
  voice:
    store: audio
    path: ["voice/{{recording_id}}.wav", "voice/{{recording_id}}.json"]
    subject: {{through: recordings, via: recording_id}}
    retention: voice
  events:
    {{store: lake, path: "events/day={{day}}/{{part}}.parquet", subject: {{profile: profile_id}}, retention: voice}}
  training:
    store: lake
    path: "training/{{part}}.parquet"
    subject: {{profile: speaker.profile_id}}
    derived_from: [transcripts]
    on_erase: erase
  places: {{store: hub, table: places, subject: {{profile: profile_id}}, retention: voice}}
"""


@dataclass
class Child:
    """One profile with what it left."""

    name: str
    profile: str
    account: str
    said: tuple[str, ...]
    recordings: tuple[str, ...]

    @property
    def strings(self) -> tuple[str, ...]:
        """What belongs to this profile alone, apart from the names of objects."""
        return (self.profile, f"Name-{self.profile}", *self.said, f"place-{self.profile}")


@dataclass
class Estate:
    """Everything, running."""

    folder: Path
    postgres: PostgresServer
    seaweed: SeaweedServer
    database: str
    bucket: str
    children: tuple[Child, ...]

    @property
    def map(self) -> Path:
        return self.folder / "expunge.yaml"

    @property
    def world(self) -> Path:
        return self.folder / "world"

    def write_map(self, *, state: str = "./state", extra: str = "", stores: str = "") -> None:
        self.map.write_text(MAP.format(state=state, extra=extra, stores=stores, bucket=self.bucket))

    @contextmanager
    def open(self) -> Iterator[Expunge]:
        with Expunge.open(self.map) as opened:
            shorten_pauses(opened)
            yield opened

    def order(self, *names: str) -> Accepted:
        with self.open() as opened:
            return opened.order_erase([opened.resolve(name) for name in names])

    def ordered(self, *names: str) -> list[OrderId]:
        """One planned order for each name."""
        with self.open() as opened:
            orders = [opened.order_erase([opened.resolve(name)]).order for name in names]
            for order in orders:
                opened.plan(order)
        return orders

    def erase(self, *names: str) -> Run:
        order = self.order(*names).order
        with self.open() as opened:
            opened.plan(order)
            return opened.apply(order)

    def receipt(self, order: OrderId, number: int = 1) -> Receipt:
        with self.open() as opened:
            files = opened.receipt_folder(order, number)
        return receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt

    def s3(self):
        return boto3.client(
            "s3", endpoint_url=self.seaweed.endpoint, region_name="us-east-1", aws_access_key_id=self.seaweed.access_key,
            aws_secret_access_key=self.seaweed.secret_key, config=botocore.config.Config(s3={"addressing_style": "path"}),
        )  # fmt: skip

    def search(self, *strings: str) -> list[str]:
        """Where an outside search, which shares no code with us, finds the strings: in every file of every server, lake, hub and state."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        search = Search(strings)
        folders = (self.folder, self.postgres.data, self.seaweed.data)
        found = [f"{hit.path} ({hit.how})" for folder in folders for hit in search.folder(folder)]
        log = self.postgres.log.read_bytes() if self.postgres.log.is_file() else b""
        return found + [f"server log: {each}" for each in strings if each.encode() in log]

    def logical(self) -> set[str]:
        """Everybody's content as normal reads give it."""
        rows: set[str] = set()
        with psycopg.connect(self.database) as connection:
            for table in ("accounts", "profiles", "recordings", "transcripts"):
                rows |= {f"{table}: {row}" for row in connection.execute(f"SELECT * FROM {table}").fetchall()}
        for path in sorted((self.world / "lake").rglob("*.parquet")):
            rows |= {f"{path.relative_to(self.world)}: {row}" for row in pq.read_table(path, partitioning=None).to_pylist()}
        with closing(sqlite3.connect(self.world / "hub.db")) as db:
            rows |= {f"places: {row}" for row in db.execute("SELECT * FROM places")}
        client = self.s3()
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            rows |= {f"object: {each['Key']} {each['ETag']}" for each in page.get("Contents", ())}
        client.close()
        return rows


def child_of(number: int, name: str) -> Child:
    seed = random.Random(f"child {number}")
    tag = "".join(seed.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(10))
    said = tuple(
        " ".join("".join(seed.choice("bcdfghklmnprstvwxz") + seed.choice("aeiou") for _ in range(3)) for _ in range(8)) for _ in range(3)
    )
    recordings = tuple("".join(seed.choice("0123456789abcdef") for _ in range(24)) for _ in range(3))
    return Child(name, f"prf-{name}-{tag}", f"acc-{number // 2}-9KQ2ZX", said, recordings)


def build(
    folder: Path, postgres: PostgresServer, seaweed: SeaweedServer, database: str, bucket: str, names: Sequence[str] = NAMES
) -> Estate:
    """Write every store as the company's own programs would, then the map, and initialise the state."""
    children = tuple(child_of(number, name) for number, name in enumerate(names))
    estate = Estate(folder, postgres, seaweed, database, bucket, children)
    os.environ.update(
        ESTATE_APP=database, ESTATE_S3=seaweed.endpoint, ESTATE_KEY=seaweed.access_key, ESTATE_SECRET=seaweed.secret_key,
        ESTATE_VACUUM=seaweed.master,
    )  # fmt: skip
    (folder / "world" / "lake").mkdir(parents=True)
    _write_app(estate)
    _write_audio(estate)
    _write_lake(estate)
    _write_hub(estate)
    return estate


def vector(text: str) -> list[float]:
    seed = random.Random(text)
    return [seed.uniform(-1, 1) for _ in range(16)]


def _write_app(estate: Estate) -> None:
    with psycopg.connect(estate.database) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute(SCHEMA)
        for account in dict.fromkeys(each.account for each in estate.children):
            settings = json.dumps({"language": "en", "account": account})
            connection.execute("INSERT INTO accounts VALUES (%s, %s, %s, NULL)", (account, f"{account}@example.org", settings))
        for each in estate.children:
            connection.execute("INSERT INTO profiles VALUES (%s, %s, %s, NULL)", (each.profile, each.account, f"Name-{each.profile}"))
            for recording, text in zip(each.recordings, each.said, strict=True):
                connection.execute("INSERT INTO recordings VALUES (%s, %s, 0.3, '2026-05-01')", (recording, each.profile))
                connection.execute(
                    "INSERT INTO transcripts (recording_id, text, embedding, recorded_at) VALUES (%s, %s, %s, '2026-05-01')",
                    (recording, text, str(vector(text))),
                )
    with psycopg.connect(estate.database, autocommit=True) as connection:
        connection.execute("ANALYZE")


def _write_audio(estate: Estate) -> None:
    client = estate.s3()
    client.create_bucket(Bucket=estate.bucket)
    for each in estate.children:
        for recording, text in zip(each.recordings, each.said, strict=True):
            client.put_object(Bucket=estate.bucket, Key=f"voice/{recording}.wav", Body=wav(f"{each.profile}{recording}"))
            sidecar = json.dumps({"heard": text, "profile_id": each.profile})
            client.put_object(Bucket=estate.bucket, Key=f"voice/{recording}.json", Body=sidecar.encode())
    client.close()


def _write_lake(estate: Estate) -> None:
    lake = estate.world / "lake"
    for day in DAYS:
        folder = lake / "events" / f"day={day}"
        folder.mkdir(parents=True)
        rows = [
            {"profile_id": each.profile, "said": each.said[0], "n": n, "v": vector(each.said[0] + day)}
            for n, each in enumerate(estate.children)
        ]
        pq.write_table(pa.Table.from_pylist(rows), folder / "part-0.parquet", compression="zstd", row_group_size=4)
    (lake / "training").mkdir()
    rows = [
        {"speaker": {"profile_id": each.profile, "age": 8}, "text": text, "label": n}
        for each in estate.children
        for n, text in enumerate(each.said)
    ]
    pq.write_table(pa.Table.from_pylist(rows), lake / "training" / "set.parquet", compression="snappy")


def _write_hub(estate: Estate) -> None:
    with closing(sqlite3.connect(estate.world / "hub.db")) as db, db:
        db.execute("CREATE TABLE places (id INTEGER PRIMARY KEY, profile_id TEXT, place TEXT, recorded_at TEXT)")
        for each in estate.children:
            db.execute("INSERT INTO places (profile_id, place) VALUES (?, ?)", (each.profile, f"place-{each.profile}"))
