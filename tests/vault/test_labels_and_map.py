"""What a label says stays what it was, and the map changes: nobody is called erased whose recordings no order finds any more."""

from __future__ import annotations

import io
import os
import signal
import sqlite3
from contextlib import closing

import pytest

from expunge.core.values.order import OrderState
from expunge.errors import UsageError
from expunge.testing.forked import in_child
from expunge.vault.keys.key_table import KeyTable
from tests.vault.doorbells import ANNA, BELA, CARA, Doorbells, path_of, speech

HOUSES = ("hh-one-8W2K5L1N", "hh-two-7R3M9C4B")


def names(home: Doorbells) -> list[str]:
    with home.open() as opened:
        return sorted(each.name for each in opened.vault.recordings("doorbell"))


def change(home: Doorbells, *changes: tuple[str, str]) -> None:
    text = home.map.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    home.map.write_text(text)


def test_a_path_that_was_changed_hides_nobody(home: Doorbells):
    """Names that fit no path of today are a finding, and no order is clean beside them; with the old path in the list they are erased."""
    for number, one in enumerate((ANNA, BELA)):
        home.ring(one, "r-1", speech(number))
    change(home, ('"doorbell/{profile_id}/{recording_id}.flac"', '"bell/{profile_id}/{recording_id}.flac"'))
    with home.open() as opened:
        found = [each.what for each in opened.check() if each.store == "recordings"]
    assert any("2 recordings that no order finds" in each for each in found)
    order = home.order(ANNA)
    assert home.apply(order).state is OrderState.IN_PART
    change(home, ('"bell/{profile_id}', '["doorbell/{profile_id}/{recording_id}.flac", "bell/{profile_id}'), ('.flac"\n', '.flac"]\n'))
    with home.open() as opened:
        opened.plan(order)
    assert home.apply(order).state is OrderState.FULFILLED
    assert names(home) == [path_of(BELA, "r-1")]


def test_a_rule_of_spelling_that_was_changed_hides_nobody(home: Doorbells):
    """The table knows people by ids of the rule of then: under another rule labels are asked, also where both rules were used."""
    tall = ANNA.title()
    with closing(sqlite3.connect(home.folder / "world" / "app.db")) as database, database:
        database.execute("UPDATE profiles SET profile_id = ? WHERE profile_id = ?", (tall, ANNA))
    home.ring(tall, "r-1", speech(0))
    exact, fold = "key: profile_id}", "key: profile_id, case: fold}"
    change(home, (exact, fold))
    home.ring(BELA.title(), "r-2", speech(1))
    home.ring(CARA, "r-3", speech(2))
    assert home.erase(tall).state is OrderState.FULFILLED
    assert names(home) == sorted([path_of(BELA.title(), "r-2"), path_of(CARA, "r-3")])
    change(home, (fold, exact))
    assert home.read(BELA.title(), "r-2") == speech(1), "the id was made by the other rule"


def test_somebody_for_whom_the_path_has_no_field_does_not_come_in(home: Doorbells):
    """Of two paths each has a field of its own: who is said beside the name is refused where no look by that field would find them."""
    change(
        home,
        ('{recording_id}.flac"\n    sub', '{recording_id}.flac", "hall/{house_id}/{recording_id}.flac"]\n    sub'),
        ('path: "doorbell', 'path: ["doorbell'),
        ("    subject: {profile: profile_id}\n    categories", "    subject: {profile: profile_id, house: house_id}\n    categories"),
        ("key: profile_id}", "key: profile_id}\n  house: {dataset: houses, key: house_id}"),
        ("datasets:\n", "datasets:\n  houses: {store: app, table: houses, subject: {house: house_id}, retention: life}\n"),
    )  # fmt: skip
    with closing(sqlite3.connect(home.folder / "world" / "app.db")) as database, database:
        database.execute("CREATE TABLE houses (house_id TEXT PRIMARY KEY, closed_at TEXT)")
        database.executemany("INSERT INTO houses VALUES (?, NULL)", [(each,) for each in HOUSES])
    with home.open() as opened:
        opened.vault.renew_gate()
        with pytest.raises(UsageError, match="found by no order"):
            opened.vault.ingest("doorbell", path_of(ANNA, "r-1"), io.BytesIO(speech(0)), [("house", HOUSES[0])])
        opened.vault.ingest("doorbell", f"hall/{HOUSES[0]}/r-1.flac", io.BytesIO(speech(0)), [("house", HOUSES[1])])
    assert home.erase(f"house:{HOUSES[1]}").state is OrderState.FULFILLED
    assert names(home) == []


def test_the_same_again_with_somebody_more_in_it_is_refused(home: Doorbells):
    """Who is in a recording is in its label: "in already" would be no answer for somebody whom the label does not name."""
    home.ring(ANNA, "r-1", speech(0), CARA)
    assert not home.ring(ANNA, "r-1", speech(0)).fresh
    with pytest.raises(UsageError, match="a person who is named now"):
        home.ring(ANNA, "r-1", speech(0), BELA)


def test_an_ingest_that_died_after_an_order_is_taken_back(home: Doorbells):
    """Its key came when the order had ended, and it was killed before it asked again: the next purge does not finish it."""
    home.ring(BELA, "r-1", speech(1))

    class Slow(io.BytesIO):
        def read(self, *size) -> bytes:
            if not self.tell():
                assert home.erase(ANNA).state is OrderState.FULFILLED
            return super().read(*size)

    def die(monkeypatch: pytest.MonkeyPatch) -> None:
        really = KeyTable.add

        def added(table: KeyTable, objects) -> None:
            really(table, objects)
            os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(KeyTable, "add", added)
        with home.open() as opened:
            opened.vault.ingest("doorbell", path_of(ANNA, "r-1"), Slow(speech(0)))

    assert in_child(lambda: die(pytest.MonkeyPatch())).killed_by == signal.SIGKILL
    assert names(home) == [path_of(ANNA, "r-1"), path_of(BELA, "r-1")]
    assert home.erase(CARA).state is OrderState.FULFILLED
    assert names(home) == [path_of(BELA, "r-1")]
    assert len([path for path in home.vault.rglob("*") if path.is_file()]) == 1


def test_a_purge_removes_no_file_that_only_looks_like_a_leftover(home: Doorbells):
    """A name that begins like a temporary file's is not enough: what is not named by an id lies there by another hand, and blocks."""
    home.ring(BELA, "r-1", speech(1))
    strange = home.vault / ".expunge-notes"
    strange.write_bytes(speech(7)[:50_000][::-1])
    order = home.order(ANNA)
    assert home.apply(order).state is OrderState.IN_PART
    assert strange.exists()
    strange.unlink()
    assert home.apply(order).state is OrderState.FULFILLED
