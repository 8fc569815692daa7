"""The key table finds a recording by its name without opening anybody's label, and the name dies with the key."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.vault.keys.installation import Installation, recording, subject


@pytest.fixture
def world(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_a_name_finds_its_recording_and_dies_with_it(world: Installation) -> None:
    """By its keyed name and dataset, no other label is opened; after the death no byte of the name is in any file of the table."""
    names = [secrets.token_bytes(16) for _ in range(40)]
    with world.open() as table:
        those = [replace(recording(subject(1)), name=each) for each in names]
        table.add([*those, replace(recording(subject(1), dataset="other"), name=names[0])])
        found = table.named("doorbell", [names[0], names[7], secrets.token_bytes(16)])
        assert found is not None
        assert {each.id for each in found} == {those[0].id, those[7].id}
        table.shred([each.id for each in those[:20]])
        assert table.named("doorbell", names[:20]) == []
        assert table.scrub()
        held = world.bytes_of_table()
        assert [each in held for each in names] == [True] + [False] * 19 + [True] * 20, "the first is another dataset's as well"


def test_a_table_from_before_names_is_taken_on_and_asks_labels(world: Installation) -> None:
    """Its recordings live on, and none is missed by a search for names as long as one of them has none."""
    with world.open() as table:
        before = recording(subject(1), subject(2))
        table.add([before])
    with closing(sqlite3.connect(world.table_folder / "keys.db")) as database, database:
        database.executescript("DROP INDEX names; DROP INDEX unnamed; ALTER TABLE objects DROP COLUMN name;")
        database.execute("UPDATE facts SET value = 1 WHERE name = 'format'")
    with world.open() as table:
        named = replace(recording(subject(1)), name=secrets.token_bytes(16))
        table.add([named])
        assert {each.id for each in table.objects("doorbell")} == {before.id, named.id}
        assert table.named("doorbell", [named.name]) is None
        table.shred([before.id])
        found = table.named("doorbell", [named.name])
        assert found is not None
        assert [each.id for each in found] == [named.id]
