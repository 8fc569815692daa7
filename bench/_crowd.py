"""A crowd in PostgreSQL: profiles and what they said, with vectors and four kinds of index, and the same erasure typed in by hand.

The cluster is made once, stopped and copied, so that both sides begin with the same bytes: the same tables, the same write-ahead log.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg

from expunge.servers.postgres import PostgresServer, running_postgres

EACH = 5
"""Transcripts of one profile."""
WIDTH = 384
SETTINGS = {"shared_buffers": "128MB"}
"""Of both sides; everything else is PostgreSQL's own default, but that autovacuum is off and cleans up for neither."""
MAP = """\
version: 1
state: {state}
{extra}identities:
  profile: {{dataset: profiles, key: profile_id, also: [email]}}
stores:
  app: {{kind: postgres, url: "{url}"}}
retention:
  life: {{period: 30 days, from: recorded_at, purpose: answer the request, need: the service itself}}
datasets:
  profiles: {{store: app, table: profiles, subject: {{profile: profile_id}}, retention: life}}
  transcripts: {{store: app, table: transcripts, subject: {{profile: profile_id}}, retention: life}}
"""
SCHEMA = """
CREATE EXTENSION vector;
CREATE TABLE profiles (profile_id text PRIMARY KEY, email text NOT NULL, name text, settings jsonb, recorded_at timestamptz DEFAULT now());
CREATE TABLE transcripts (
  id bigint PRIMARY KEY, profile_id text NOT NULL REFERENCES profiles ON DELETE CASCADE, text text NOT NULL, heard jsonb NOT NULL,
  embedding vector({width}), words tsvector GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED,
  recorded_at timestamptz DEFAULT now());
"""
INDEXES = """
CREATE INDEX transcripts_by_profile ON transcripts (profile_id);
CREATE INDEX transcripts_by_words ON transcripts USING gin (words);
CREATE INDEX transcripts_by_heard ON transcripts USING gin (heard);
CREATE INDEX transcripts_by_time ON transcripts (recorded_at);
"""
_SEGMENTS = """
SELECT ('x' || substr(name, 9, 8))::bit(32)::bigint * 256 + ('x' || substr(name, 17, 8))::bit(32)::bigint
FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'"""
_SYLLABLES = [first + last for first in "bdfgklmnprstvz" for last in ("a", "e", "i", "o", "u")]


@dataclass(frozen=True)
class Crowd:
    """A stopped cluster in a folder."""

    folder: Path
    profiles: int

    def chosen(self, people: int) -> list[str]:
        """Profiles to be erased, spread evenly."""
        step = self.profiles / people
        return [profile(int(number * step)) for number in range(people)]

    def copy(self, folder: Path) -> Crowd:
        """The same bytes once more."""
        shutil.copytree(self.folder, folder)
        return Crowd(folder, self.profiles)

    @contextmanager
    def serving(self) -> Iterator[tuple[PostgresServer, str]]:
        """Run it; gives the server and the database's address."""
        with running_postgres(self.folder, settings=SETTINGS) as server:
            yield server, server.url.removesuffix("/postgres") + "/app"


def scaled(number: int) -> int:
    """A size, made smaller where a test only wants to see the measurement work."""
    return max(1, number // int(os.environ.get("EXPUNGE_BENCH_PART", "1")))


def profile(number: int) -> str:
    return f"prf-{number * 7919 % 1_000_003:07d}-{(number + 1) * 2654435761 % 2**32:08x}"


def said(rng: np.random.Generator, count: int) -> list[str]:
    """Sentences of nine made-up words; two people hardly ever say the same."""
    syllables = np.array(_SYLLABLES)[rng.integers(0, len(_SYLLABLES), (count, 9, 3))]
    return [" ".join("".join(word) for word in sentence) for sentence in syllables.tolist()]


def build(folder: Path, profiles: int, width: int = WIDTH) -> Crowd:
    """Make the cluster, fill it as an app would have, stop it."""
    crowd = Crowd(folder, profiles)
    with running_postgres(folder, settings=SETTINGS) as server:
        url = server.database("app")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SCHEMA.format(width=width))
            _fill(connection, profiles, width)
            connection.execute(INDEXES)
            connection.execute("VACUUM ANALYZE")
    return crowd


def _fill(connection: psycopg.Connection, profiles: int, width: int) -> None:
    rng = np.random.default_rng(7)
    with connection.cursor() as cursor:
        with cursor.copy("COPY profiles (profile_id, email, name, settings) FROM STDIN") as copy:
            for number in range(profiles):
                name = profile(number)
                settings = {"language": "en", "wakes_on": name[-8:], "volume": number % 10}
                copy.write_row((name, f"{name}@example.org", f"Name of {name}", json.dumps(settings)))
        head = struct.pack(">hh", width, 0)
        with cursor.copy("COPY transcripts (id, profile_id, text, heard, embedding) FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int8", "text", "text", "jsonb", "bytea"])
            for first in range(0, profiles, 1000):
                count = min(1000, profiles - first) * EACH
                sentences, vectors = said(rng, count), rng.normal(size=(count, width)).astype(">f4")
                for at, (text, vector) in enumerate(zip(sentences, vectors, strict=True)):
                    owner = profile(first + at // EACH)
                    heard = json.dumps({"device": f"speaker-{at % 40}", "for": owner})
                    copy.write_row((first * EACH + at, owner, text, heard, head + vector.tobytes()))


def by_hand(url: str, people: Sequence[str]) -> dict[str, float]:
    """The bare ladder, as somebody who knows it would type it once; seconds of each part. Nothing is looked at, nothing is signed."""
    taken: dict[str, float] = {}
    with psycopg.connect(url, autocommit=True) as connection:

        def run(name: str, *statements: str) -> None:
            start = time.perf_counter()
            for each in statements:
                connection.execute(each)
            taken[name] = taken.get(name, 0.0) + time.perf_counter() - start

        connection.execute("CREATE TEMPORARY TABLE leaving (profile_id text)")
        with connection.cursor() as cursor, cursor.copy("COPY leaving FROM STDIN") as copy:
            for each in people:
                copy.write_row((each,))
        run("delete", "DELETE FROM profiles USING leaving WHERE profiles.profile_id = leaving.profile_id")
        run("vacuum full", "VACUUM FULL transcripts", "VACUUM FULL profiles")
        run("statistics", "ANALYZE transcripts", "ANALYZE profiles", "VACUUM FULL pg_statistic")
        run("log", "ALTER SYSTEM SET wal_recycle = off", "SELECT pg_reload_conf()")
        # Why waited, and not timed: the process that recycles segments hears of the setting from the server, a moment later.
        time.sleep(0.3)
        run("log", "CHECKPOINT")
        last = max(row[0] for row in connection.execute(_SEGMENTS))
        while min(row[0] for row in connection.execute(_SEGMENTS)) <= last:
            run("log", "SELECT pg_logical_emit_message(false, 'bench', 'next')", "SELECT pg_switch_wal()", "CHECKPOINT")
        run("log", "ALTER SYSTEM RESET wal_recycle", "SELECT pg_reload_conf()")
    return taken


def left_of(server: PostgresServer, people: Sequence[str], most: int = 50) -> list[str]:
    """Files in which the names of some of the people still stand: both sides are looked at alike, outside their time."""
    step = max(1, len(people) // most)
    wanted = [each.encode() for each in people[::step]]
    found = []
    for path in server.data.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            found += [path.name for each in wanted if each in data]
    return found
