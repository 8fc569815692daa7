"""The measurements over PostgreSQL, made so small that only their soundness shows: what they erase is gone, on both sides."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import _crowd, orders_postgres
from expunge.servers.postgres import missing


@pytest.mark.soak
@pytest.mark.skipif(bool(missing("embedded")), reason=missing("embedded") or "-")
def test_both_sides_erase_the_same_people_and_leave_nothing(tmp_path: Path) -> None:
    crowd = _crowd.build(tmp_path / "crowd", 60, width=8)
    people = crowd.chosen(4)
    mine = orders_postgres.ours(crowd.copy(tmp_path / "ours" / "crowd"), [people[:2], people[2:]], "./state")
    bare = orders_postgres.hand(crowd.copy(tmp_path / "hand"), people)
    row = orders_postgres.beside("four people", mine, bare, 4)
    assert row.ratio
    assert row.note.startswith("4 receipts")
    assert {"resolve", "receive", "plan", "trace", "look", "erase", "purge", "verify"} <= mine.parts.keys()
    assert set(bare) == {"delete", "vacuum full", "statistics", "log"}
    left = _crowd.Crowd(tmp_path / "hand", 60)
    with left.serving() as (server, _):
        assert server.sql("SELECT count(*) FROM transcripts", database="app") == str(56 * _crowd.EACH)
