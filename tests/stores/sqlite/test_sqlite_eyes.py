"""The residue scanner's verdict on an erased SQLite store: its tracer hears what lies there, and finds it before and not after."""

from __future__ import annotations

import os
import random
import sqlite3
import struct
from contextlib import closing

import pytest

from expunge.core.values.outcome import Erased
from expunge.residue.scanning.scanner import ResidueScanner
from tests.stores.sqlite.sqlite_company import KEY, dataset, erased, located, opened


def company(path, *settings):
    drawn = random.Random(7)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for each in settings:
            connection.execute(f"PRAGMA {each}").fetchall()
        connection.executescript(
            """
            CREATE TABLE talks (n INTEGER PRIMARY KEY, id TEXT, said TEXT, voice BLOB, vector BLOB, east REAL, serial INTEGER);
            CREATE INDEX by_said ON talks (said);
            CREATE VIRTUAL TABLE words USING fts5 (said, content='talks', content_rowid='n');
            CREATE TRIGGER w_in AFTER INSERT ON talks BEGIN INSERT INTO words (rowid, said) VALUES (new.n, new.said); END;
            CREATE TRIGGER w_out AFTER DELETE ON talks BEGIN
              INSERT INTO words (words, rowid, said) VALUES ('delete', old.n, old.said); END;
            """
        )
        for number in range(300):
            said = " ".join(f"{drawn.getrandbits(48):012x}" for _ in range(12))
            vector = struct.pack("<64f", *(drawn.gauss(0, 1) for _ in range(64)))
            values = (f"person-{number % 30:08d}", said, drawn.randbytes(3000), vector, drawn.random() * 90, drawn.getrandbits(62))
            connection.execute("INSERT INTO talks (id, said, voice, vector, east, serial) VALUES (?, ?, ?, ?, ?, ?)", values)
        connection.execute("UPDATE talks SET said = said || ' again' WHERE n % 3 = 0")


@pytest.mark.parametrize(
    "settings", [("journal_mode=delete", "secure_delete=0"), ("journal_mode=persist", "secure_delete=0"), ("journal_mode=wal",)]
)
def test_found_before_and_not_after(tmp_path, settings):
    path, talks, scanner = tmp_path / "app.db", dataset("talks"), ResidueScanner()
    company(path, *settings)
    tracer = scanner.tracer(os.urandom(32), budget=8)
    with opened(path, talks) as store:
        copies = located(store, talks, "person-00000007", "person-00000011")
        store.trace(talks, copies, tracer)
        few = list(store.bystanders(talks, copies, 3))
        store.trace(talks, few, tracer)
        traces = tracer.traces({each.subject for each in few})
        gone = {at for at, each in enumerate(traces.traces) if each.subject not in traces.controls}
        assert {"id", "said", "voice", "vector"} <= {traces.traces[at].part for at in gone}
        holder = scanner.holder(traces, gone)
        store.trace(talks, list(store.bystanders(talks, copies, None)), holder)
        gone -= holder.held()
        before = scanner.scan(list(store.raw()), traces).seen
        assert {traces.traces[at].part for at in before & gone} >= {"id", "said", "voice", "vector"}
        assert all(isinstance(each, Erased) for each in erased(store, talks, "person-00000007", "person-00000011").values())
        assert isinstance(store.purge([talks], KEY), Erased)
        after = scanner.scan(list(store.raw()), traces)
    assert not after.seen & gone
    assert {traces.traces[at].subject for at in after.seen} == set(traces.controls)
    assert not after.coverage.skipped
