"""The conformance suite against real PostgreSQL servers: foreign keys, TOAST, GIN, jsonb, generated columns, a materialised view."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager

import psycopg
import pytest

from expunge.core.datamap.datamap import ByField, Dataset, StoreSpec, TableLayout, Through
from expunge.stores.postgres.store import Postgres
from expunge.testing import StoreSuite
from expunge.testing.forked import in_child

SCHEMA = """
CREATE TABLE accounts (
  account_id text PRIMARY KEY, email text NOT NULL, profile jsonb, domain text GENERATED ALWAYS AS (split_part(email, '@', 2)) STORED);
CREATE INDEX by_email ON accounts (email);
CREATE INDEX by_profile ON accounts USING gin (profile);
CREATE TABLE clips (clip_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id text NOT NULL REFERENCES accounts, media bytea);
CREATE INDEX by_account ON clips (account_id);
CREATE TABLE transcripts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, clip_id bigint NOT NULL REFERENCES clips, text text,
  words tsvector GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED);
CREATE INDEX by_words ON transcripts USING gin (words);
CREATE VIEW listing AS SELECT account_id, email FROM accounts;
CREATE MATERIALIZED VIEW directory AS SELECT account_id, email FROM accounts;
"""
EVERY_ROW = """
SELECT 'accounts', ctid::text, xmin::text, xmax::text, account_id FROM accounts UNION ALL
SELECT 'clips', ctid::text, xmin::text, xmax::text, clip_id::text FROM clips UNION ALL
SELECT 'transcripts', ctid::text, xmin::text, xmax::text, id::text FROM transcripts
"""
NAMES = "SELECT relname::text, relkind::text FROM pg_class WHERE relnamespace <> 'pg_toast'::regnamespace AND relname !~ '^pg_toast'"


class Company(StoreSuite):
    """A company whose store is a database of its own on the session's server; ``folder`` only gives it its name."""

    store = Postgres
    unsayable = "\0"
    patience = 5000
    role = "postgres"
    schema = SCHEMA

    @pytest.fixture(autouse=True)
    def _server(self, postgres_server):
        yield from self._borrow(postgres_server)

    def _borrow(self, server):
        self.server = server
        server.start()
        yield
        server.start()
        for name in server.sql("SELECT datname FROM pg_database WHERE datname ~ '^suite_'").split():
            server.drop(name)

    def name(self, folder):
        return f"suite_{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"

    def number(self, folder):
        """The folder of the database among those of the server; empty when there is none."""
        with psycopg.connect(self.server.url) as connection:
            found = connection.execute("SELECT oid::text FROM pg_database WHERE datname = %s", (self.name(folder),)).fetchone()
        return found[0] if found else ""

    def url(self, folder, role="postgres"):
        return f"postgresql://{role}@127.0.0.1:{self.server.port}/{self.name(folder)}"

    @contextmanager
    def connected(self, folder):
        with psycopg.connect(self.url(folder), autocommit=True) as connection:
            yield connection

    def declare(self, folder):
        return StoreSpec("app", "postgres", self.url(folder, self.role), {"lock_ms": self.patience}), [
            Dataset("accounts", "app", ByField({"account": "account_id"}), "life", layout=TableLayout("accounts")),
            Dataset("clips", "app", ByField({"account": "account_id"}), "life", layout=TableLayout("clips")),
            Dataset("transcripts", "app", Through("clips", "clip_id"), "life", layout=TableLayout("transcripts"), derived_from=("clips",)),
        ]

    def write(self, folder, people):
        if not self.number(folder):
            with psycopg.connect(self.server.url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {self.name(folder)}")
            with self.connected(folder) as connection:
                connection.execute(self.schema)
        with self.connected(folder) as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO accounts (account_id, email, profile) VALUES (%s, %s, %s)"
                " ON CONFLICT (account_id) DO UPDATE SET email = excluded.email, profile = excluded.profile",
                [(each.id, each.email, json.dumps({"mail": each.email})) for each in people],
            )
            cursor.executemany(
                "WITH clip AS (INSERT INTO clips (account_id, media) VALUES (%s, %s) RETURNING clip_id)"
                " INSERT INTO transcripts (clip_id, text) SELECT clip_id, %s FROM clip",
                [(each.id, each.blob, each.text) for each in people],
            )

    def read(self, folder):
        seen = {}
        with self.connected(folder) as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for account, *rest in connection.execute(
                "SELECT account_id, email, domain, profile::text FROM accounts JOIN listing USING (account_id, email)"
            ):
                seen[account] = rest
            for account, *rest in connection.execute(
                "SELECT account_id, media, t.text, words @@ to_tsquery('simple', 'play') FROM clips JOIN transcripts t USING (clip_id)"
                " ORDER BY clip_id"
            ):
                seen.setdefault(account, []).extend(rest)
        return {account: repr(values).encode() for account, values in seen.items()}

    def plant(self, folder, person):
        with self.connected(folder) as connection:
            connection.execute("CREATE TABLE accounts_backup (account_id text, email text)")
            connection.execute("INSERT INTO accounts_backup VALUES (%s, %s)", (person.id, person.email))

    def spoil(self, folder, person):
        with self.connected(folder) as connection:
            connection.execute("CHECKPOINT")
            (path,) = connection.execute("SELECT pg_relation_filepath('accounts')").fetchone()
        self.server.stop()
        with (self.server.data / path).open("r+b") as file:
            file.write(b"\xfe" * 8192)
        self.server.start()
        return True

    @contextmanager
    def obstruct(self, folder, person):
        with self.connected(folder) as reader:
            reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT count(*) FROM accounts").fetchone()
            self.patience = 300
            yield
        self.patience = 5000

    def places(self, folder):
        number = self.number(folder)
        others = {path for path in (self.server.data / "base").iterdir() if path.name != number}
        # Other tests' databases hold the same invented people.
        return [*(each for each in self.server.data.iterdir() if each.name != "base"), self.server.log] + [
            each for each in (self.server.data / "base").iterdir() if each not in others
        ]

    def state(self, folder):
        with self.connected(folder) as connection:
            rows = {row[:2] + row[4:]: row for row in connection.execute(EVERY_ROW)}
            return rows | dict.fromkeys(connection.execute(NAMES), ())

    def deprived(self, folder, function):
        with self.connected(folder) as connection:
            connection.execute("DROP ROLE IF EXISTS suite_reader")
            connection.execute("CREATE ROLE suite_reader LOGIN")
            connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO suite_reader")
        self.role = "suite_reader"
        try:
            return in_child(function)
        finally:
            self.role = "postgres"
            with self.connected(folder) as connection:
                connection.execute("DROP OWNED BY suite_reader; DROP ROLE suite_reader")


class TestPostgres(Company):
    pass


@pytest.mark.soak
@pytest.mark.slow
class TestDebian(Company):
    """Debian's own server, built with lz4: what differs is the server, so the drills of every failpoint are left out."""

    schema = SCHEMA.replace("media bytea", "media bytea COMPRESSION lz4").replace("text text", "text text COMPRESSION lz4")
    test_killed_at_every_failpoint_and_resumed = None
    test_reply_lost_is_settled_by_a_probe = None
    test_disk_full_is_an_answer = None
    test_awkward_identifiers_are_erased_and_only_they = None

    @pytest.fixture(autouse=True)
    def _server(self, debian_postgres):
        yield from self._borrow(debian_postgres)
