"""A journal that was written before tags were written out opens, holds together and folds to what it folded to then."""

from __future__ import annotations

import json
import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

import pytest

from expunge.adapters.database.journal_django import DjangoJournal, open_journal
from expunge.adapters.state.url import sqlite_url
from expunge.core.disgorgement.disgorgement import Disgorgement
from expunge.core.journal import events as ev
from expunge.core.values import canonical, codec, tags
from tests import journal_kit as kit
from tests.journal_kit import HERE
from tests.journal_states import states
from tests.journal_vectors import DATABASE, STATES

TAGS = frozenset(tags.tag_of(each) for each in get_args(ev.Event))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    copy = tmp_path / DATABASE
    copy.write_bytes((HERE / DATABASE).read_bytes())
    return copy


def opened(file: Path) -> DjangoJournal:
    return open_journal(sqlite_url(file))


def in_present_form(value: Any) -> Any:
    """A state in which every event stands as the present code writes it: a field may have come since, or be spelled in another way."""
    if isinstance(value, list):
        return [in_present_form(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("is") in TAGS:
        return codec.to_json(ev.decode(canonical.encode(value)))
    if value.get("is") == "Disgorgement":
        return codec.to_json(codec.from_json(Disgorgement, value))
    return {key: in_present_form(each) for key, each in value.items()}


def test_it_folds_to_the_states_of_then(file: Path) -> None:
    with opened(file) as journal:
        found = states(journal, kit.NOW)
    written = in_present_form(json.loads((HERE / STATES).read_text(encoding="utf-8")))
    assert json.loads(json.dumps(found)) == written


def test_its_events_read_as_the_values_they_were_written_from(file: Path) -> None:
    now = kit.streams()
    with opened(file) as journal:
        read = {stream: [ev.decode(data) for data in journal.read(stream)] for stream in journal.streams()}
    assert set(read) <= set(now)
    assert all(event in now[stream] for stream, events in read.items() for event in events)


def test_its_chain_is_the_one_of_the_specification() -> None:
    with sqlite3.connect(f"file:{HERE / DATABASE}?mode=ro&immutable=1", uri=True) as database:
        streams = database.execute("SELECT id, name, length, head FROM expunge_stream ORDER BY id").fetchall()
        for number, name, length, head in streams:
            rows = database.execute(
                "SELECT position, digest, body FROM expunge_event WHERE stream_id = ? ORDER BY position", [number]
            ).fetchall()
            digest = sha256(b"expunge/journal/1\0" + name.encode()).digest()
            for position, (stored, found, body) in enumerate(rows):
                digest = sha256(digest + body).digest()
                assert (stored, found) == (position, digest)
            assert (len(rows), digest) == (length, head)
    database.close()
    assert streams


def test_orders_in_it_go_on(file: Path) -> None:
    with opened(file) as journal:
        journal.append(str(kit.LATER), 2, [ev.encode(ev.Cancelled(kit.NOW, "nothing is there any more"))])
    with opened(file) as journal:
        assert states(journal, kit.NOW)[str(kit.LATER)]["state"] == "cancelled"
