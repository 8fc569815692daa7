"""Links that are asked for by value lead to the same rows as links that are read from one end to the other."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge.engine.kernel import store_calls
from expunge.engine.subjects import orphaned_items
from tests.engine.household import Household, build


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


@pytest.mark.parametrize("few", [orphaned_items.FEW, 1])
def test_a_few_rows_lead_to_the_same_people_by_value(home: Household, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("INSERT INTO transcripts (recording_id, text) VALUES ('rec-of-nobody', 'a parrot in the greenhouse')")
    monkeypatch.setattr(orphaned_items, "FEW", few)
    with home.open() as opened:
        context = opened.context
        dataset = context.data_map.datasets["transcripts"]
        store = context.open_store(dataset.store)
        everybody = list(store_calls.bystanders(store, dataset, (), None))
        whole = {copy.subject for copy in orphaned_items.owned(context, dataset, everybody, {})}
        assert {copy.subject for copy in orphaned_items.a_few_owned(context, dataset, everybody, {})} == whole
        assert 0 < len(whole) < len(everybody)
