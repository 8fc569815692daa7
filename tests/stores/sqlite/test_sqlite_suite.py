"""The conformance suite against SQLite: every journal mode, ``secure_delete`` on and off, a schema with most of what SQLite has.

The databases lie on a disk, whatever the rest of the tests use: locks, ``fsync`` and kills are as they are for a company.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager

import pytest

from expunge.core.datamap.datamap import ByField, Dataset, StoreSpec, TableLayout, Through
from expunge.stores.sqlite.store import Sqlite
from expunge.testing import PlacingSuite, StoreSuite
from tests.disk import kind_of_file_system, tmp_path

__all__ = ["tmp_path"]

SCHEMA = """
CREATE TABLE accounts (account_id TEXT PRIMARY KEY, email TEXT NOT NULL, domain TEXT AS (substr(email, instr(email, '@') + 1)) STORED);
CREATE INDEX by_email ON accounts (email);
CREATE TABLE clips (clip_id INTEGER PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts, media BLOB);
CREATE INDEX by_account ON clips (account_id);
CREATE TABLE transcripts (id INTEGER PRIMARY KEY, clip_id INTEGER NOT NULL REFERENCES clips, text TEXT);
CREATE VIRTUAL TABLE words USING fts5 (text, content='transcripts', content_rowid='id');
CREATE TRIGGER words_in AFTER INSERT ON transcripts BEGIN INSERT INTO words (rowid, text) VALUES (new.id, new.text); END;
CREATE TRIGGER words_out AFTER DELETE ON transcripts BEGIN
  INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text);
END;
CREATE VIEW listing AS SELECT account_id, email FROM accounts;
"""


class Company(StoreSuite, PlacingSuite):
    store = Sqlite
    mode = "delete"
    scrub = 0
    patience = 5000

    @contextmanager
    def connected(self, folder):
        with closing(sqlite3.connect(folder / "app.db", timeout=30, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA secure_delete={self.scrub}")
            connection.execute(f"PRAGMA journal_mode={self.mode}")
            yield connection

    def declare(self, folder):
        return StoreSpec("app", "sqlite", str(folder / "app.db"), {"busy_ms": self.patience}), [
            Dataset("accounts", "app", ByField({"account": "account_id"}), "life", layout=TableLayout("accounts")),
            Dataset("clips", "app", ByField({"account": "account_id"}), "life", layout=TableLayout("clips")),
            Dataset("transcripts", "app", Through("clips", "clip_id"), "life", layout=TableLayout("transcripts"), derived_from=("clips",)),
        ]

    def write(self, folder, people):
        with self.connected(folder) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
                connection.execute("COMMIT")
                connection.executescript(SCHEMA)
                connection.execute("BEGIN IMMEDIATE")
            for each in people:
                connection.execute("INSERT OR REPLACE INTO accounts (account_id, email) VALUES (?, ?)", (each.id, each.email))
                clip = connection.execute("INSERT INTO clips (account_id, media) VALUES (?, ?)", (each.id, each.blob)).lastrowid
                connection.execute("INSERT INTO transcripts (clip_id, text) VALUES (?, ?)", (clip, each.text))
            connection.execute("COMMIT")

    def read(self, folder):
        seen = {}
        with self.connected(folder) as connection:
            connection.execute("BEGIN")
            for account, email, domain in connection.execute(
                "SELECT account_id, email, domain FROM accounts JOIN listing USING (account_id, email)"
            ):
                seen[account] = [email, domain]
            for account, media, text, found in connection.execute(
                "SELECT account_id, media, t.text, (SELECT count(*) FROM words w WHERE words MATCH 'play' AND w.rowid = t.id)"
                " FROM clips c JOIN transcripts t USING (clip_id) ORDER BY clip_id"
            ):
                seen.setdefault(account, []).extend((media, text, found))
        return {account: repr(values).encode() for account, values in seen.items()}

    def plant(self, folder, person):
        with self.connected(folder) as connection:
            connection.execute("CREATE TABLE accounts_backup AS SELECT ? AS account_id, ? AS email", (person.id, person.email))

    def spoil(self, folder, person):
        with (folder / "app.db").open("r+b") as file:
            file.write(b"\xfe" * 4096)
        return True

    @contextmanager
    def obstruct(self, folder, person):
        with closing(sqlite3.connect(folder / "app.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM accounts").fetchone()
            self.patience = 200
            yield
        self.patience = 5000


class TestDelete(Company):
    mode = "delete"


class TestWal(Company):
    mode = "wal"


@pytest.mark.soak
class TestPersistScrubbing(Company):
    mode = "persist"
    scrub = 1
    crowd = 100


def test_these_databases_lie_on_a_disk(tmp_path):
    if kind_of_file_system(tmp_path) in ("tmpfs", "ramfs"):
        pytest.skip("/var/tmp is in memory here")
    assert not str(tmp_path).startswith("/dev/shm")
