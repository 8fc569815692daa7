from __future__ import annotations

import re
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from expunge import clock, faults
from expunge.errors import (
    Conflict,
    IllegalTransition,
    KeyDestroyed,
    KeyUnknown,
    Misconfigured,
    RootUnavailable,
    StateCorrupt,
    StateRolledBack,
    StateUnavailable,
    UsageError,
)
from expunge.ports.vault.shred_register import Deed, Entry
from expunge.testing.forked import start
from expunge.vault.keys import rotation
from expunge.vault.keys.key_table import KeyTable
from tests.architecture.source import SOURCE
from tests.vault.keys.installation import AT, Installation, is_dark, recording, subject, thief

ANNA, BERT, CLEO = map(subject, (1, 2, 3))
NOW = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_what_was_added_is_there_after_reopening_with_its_label_and_only_for_its_owners(world: Installation) -> None:
    hers, theirs = recording(ANNA, label=b"cam 1"), recording(ANNA, BERT, label=b"cam 2", at=AT + timedelta(microseconds=1))
    other = recording(CLEO, dataset="voice")
    with world.open() as table:
        keys = table.add([hers, theirs, other])
        assert len(set(keys)) == 3
        assert {len(key) for key in keys} == {32}
    with world.open() as table:
        assert [table.key(each.id) for each in (hers, theirs, other)] == list(keys)
        assert [(each.id, each.owners, each.label, each.at, each.clear_before) for each in table.objects("doorbell")] == [
            (hers.id, (ANNA,), b"cam 1", AT, False),
            (theirs.id, (ANNA, BERT), b"cam 2", AT + timedelta(microseconds=1), False),
        ]
        assert [each.id for each in table.objects("doorbell", [BERT])] == [theirs.id]
        assert [each.id for each in table.objects("voice", [ANNA, CLEO])] == [other.id]
        assert table.replayed == 0


def test_what_cannot_be_kept_is_refused_and_nothing_of_the_batch_is_added(world: Installation) -> None:
    with world.open() as table:
        good = recording(ANNA)
        for bad in (recording(), recording(ANNA, ANNA), recording(b"short"), recording(ANNA, label=bytes(4097))):
            with pytest.raises(UsageError):
                table.add([good, bad])
        with pytest.raises(Conflict):
            table.add([good, good])
        table.add([good])
        with pytest.raises(Conflict):
            table.add([recording(BERT), good])
        assert [each.id for each in table.objects("doorbell")] == [good.id]
        with pytest.raises(KeyUnknown):
            table.key(bytes(16))


def test_a_shredded_subject_takes_what_is_theirs_alone_and_comes_back_with_another_key(world: Installation) -> None:
    hers, theirs, his = recording(ANNA), recording(ANNA, BERT), recording(BERT)
    with world.open() as table:
        _, shared, kept = table.add([hers, theirs, his])
        before = dict(table.wrapped([ANNA, BERT]))
        assert table.shred_subjects([ANNA]) == 1
        assert table.shred_subjects([ANNA]) == 0
        assert is_dark(table, hers.id)
        assert (table.key(theirs.id), table.key(his.id)) == (shared, kept), "of several people: whoever calls decides"
        assert dict(table.wrapped([ANNA, BERT])) == {BERT: before[BERT]}
        again = recording(ANNA)
        table.add([again])
        assert dict(table.wrapped([ANNA]))[ANNA] != before[ANNA]
        assert table.shredded_at(ANNA) is None, "she lives"
        assert table.shred([theirs.id, bytes(16)]) == 1
        assert is_dark(table, theirs.id)
        with pytest.raises(KeyDestroyed):
            table.add([hers])


def test_a_recording_that_dies_alone_opens_by_no_key_of_its_subject_that_lives(world: Installation) -> None:
    dying, staying = recording(ANNA), recording(ANNA, label=b"stays")
    with world.open() as table:
        _, key = table.add([dying, staying])
        copy = world.keep("before")
        assert table.shred([dying.id]) == 1
        table.rotate(NOW)
        table.destroy_epoch(1)
        assert table.key(staying.id) == key
        assert [each.label for each in table.objects("doorbell")] == [b"stays"]
        assert table.irrecoverable_at(dying.id)
        assert {each.id for each in thief([copy, world.table_folder], world.roots(), world.folder / "scratch")} == {staying.id}
        table.shred([staying.id])
        assert list(table.wrapped([ANNA])) == [], "without recordings, no key"


def test_both_times_of_a_death(world: Installation) -> None:
    early, late = recording(ANNA), recording(BERT)
    with world.open() as table:
        table.add([early, late])
        table.shred_subjects([ANNA])
        assert table.shredded_at(early.id) == table.shredded_at(ANNA)
        table.rotate(NOW)
        assert table.destroyable() == (1,)
        table.shred([late.id])
        assert table.irrecoverable_at(ANNA) is None
        gone = clock.now() + timedelta(days=1)
        table.destroy_epoch(1, gone)
        table.destroy_epoch(1)
        assert table.irrecoverable_at(early.id) == table.irrecoverable_at(ANNA) == gone
        assert table.irrecoverable_at(late.id) is None, "it was under the second epoch too"
        with pytest.raises(IllegalTransition):
            table.destroy_epoch(2)
        with pytest.raises(UsageError):
            table.destroy_epoch(9)
    with world.open() as table:
        assert table.irrecoverable_at(early.id) == gone


def test_an_epoch_that_a_rotation_left_keys_under_is_not_destroyed_and_the_next_rotation_finishes(
    world: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 1)
    news = [recording(subject(number)) for number in range(3)]
    with world.open() as table:
        keys = table.add(news)
        with pytest.raises(StateUnavailable), faults.arm("keytable.commit:before", "full", 3):
            table.rotate(NOW)
        assert table.destroyable() == ()
        with pytest.raises(IllegalTransition):
            table.destroy_epoch(1)
        assert [table.key(each.id) for each in news] == list(keys), "two epochs at a time"
        done = table.rotate(NOW)
        assert (done.epoch, done.rewrapped, done.resumed) == (2, 2, True)
        table.destroy_epoch(1)
        assert [table.key(each.id) for each in news] == list(keys)


def test_a_row_that_was_moved_or_edited_does_not_open(world: Installation) -> None:
    first, second, shared, other = recording(ANNA), recording(ANNA), recording(ANNA, BERT), recording(ANNA, BERT)
    with world.open() as table:
        table.add([first, second, shared, other, recording(BERT)])
    for edit in (
        "UPDATE objects SET wrapped = (SELECT wrapped FROM objects WHERE number = 2) WHERE number = 1",
        "UPDATE objects SET clear = 1 WHERE number = 1",
        "UPDATE objects SET owners = (SELECT owners FROM objects WHERE number = 5) WHERE number = 1",
        "UPDATE slots SET wrapped = (SELECT wrapped FROM slots WHERE slot = 4) WHERE slot = 1",
        "UPDATE objects SET slot = (SELECT slot FROM objects WHERE number = 5) WHERE number = 1",
    ):
        copy = Installation(world.folder / re.sub(r"\W", "", edit)[:60])
        for part in ("table", "roots", "vault"):
            (copy.folder / part).parent.mkdir(exist_ok=True)
            (copy.folder / part).symlink_to(world.folder / part)
        database = sqlite3.connect(world.table_folder / "keys.db")
        database.execute("BEGIN")
        before = world.keep(copy.folder.name)
        database.execute(edit)
        database.execute("COMMIT")
        database.close()
        with world.open() as table:
            with pytest.raises(StateCorrupt):
                table.key(first.id)
            if "owners" not in edit and "SET slot" not in edit:
                with pytest.raises(StateCorrupt):
                    table.shred([second.id])
                assert table.key(shared.id), "what cannot be shredded now holds nothing else up"
        world.put_back(before)
    with world.open() as table:
        assert table.key(first.id)


def test_a_table_from_before_a_shred_is_noticed_and_nothing_opens_before_the_shred_is_replayed(world: Installation) -> None:
    hers, his, alone = recording(ANNA), recording(BERT), recording(BERT)
    with world.open() as table:
        table.add([hers, his, alone])
    backup = world.keep("monday")
    with world.open() as table:
        table.shred_subjects([ANNA])
        table.shred([alone.id])
    world.put_back(backup)
    with world.open() as table:
        assert table.replayed == 2
        assert is_dark(table, hers.id)
        assert is_dark(table, alone.id)
        assert table.key(his.id)
    with world.open() as table:
        assert table.replayed == 0


def test_a_recording_that_a_table_put_back_never_had_is_known_as_shredded_all_the_same(world: Installation) -> None:
    first, later = recording(ANNA), recording(ANNA)
    with world.open() as table:
        table.add([first])
        backup = world.keep("monday")
        table.rotate(NOW)
        table.add([later])
        table.shred_subjects([ANNA])
    world.put_back(backup)
    with world.open() as table:
        assert is_dark(table, later.id)
        assert table.rotate(NOW).epoch == 3, "the second may hold what was shredded, in a copy that is newer"
        for epoch in table.destroyable():
            table.destroy_epoch(epoch)
        assert table.irrecoverable_at(later.id)
        assert table.irrecoverable_at(first.id)


def test_a_backup_older_than_a_destroyed_epoch_opens_nothing_and_the_vault_goes_on(world: Installation) -> None:
    hers = recording(ANNA)
    with world.open() as table:
        table.add([hers])
        backup = world.keep("monday")
        table.rotate(NOW)
        table.destroy_epoch(1)
    world.put_back(backup)
    with world.open() as table:
        with pytest.raises(KeyDestroyed):
            table.key(hers.id)
        new = recording(BERT)
        (key,) = table.add([new])
        table.rotate(NOW)
        assert table.key(new.id) == key
        assert [each.id for each in table.objects("doorbell")] == [new.id]


def test_a_register_older_than_the_table_is_refused(world: Installation) -> None:
    register = world.folder / "vault" / "shreds"
    with world.open() as table:
        table.add([recording(ANNA)])
        before = register.read_bytes()
        table.shred_subjects([ANNA])
    register.write_bytes(before)
    with pytest.raises(StateRolledBack):
        world.open()
    world.shreds().append(Entry(Deed.SHRED, NOW, subjects=(BERT,)))
    with pytest.raises(StateRolledBack):
        world.open()
    register.unlink()
    with pytest.raises(StateRolledBack):
        world.open()


def test_a_root_that_lacks_the_current_epoch_is_refused_and_nothing_is_called_irrecoverable(world: Installation) -> None:
    hers = recording(ANNA)
    with world.open() as table:
        table.add([hers])
        table.shred_subjects([ANNA])
    (world.folder / "roots").rename(world.folder / "away")
    with pytest.raises(StateRolledBack):
        world.open()
    for path in (world.folder / "roots" / "root.json", *(world.folder / "roots").glob("*.key")):
        path.unlink()
    (world.folder / "roots").rename(world.folder / "fresh")
    (world.folder / "away").rename(world.folder / "roots")
    with world.open() as table:
        assert table.irrecoverable_at(hers.id) is None


def test_an_epoch_that_a_copy_of_the_root_brings_back_is_destroyed_again(world: Installation) -> None:
    file = world.folder / "roots" / "epoch-1.key"
    with world.open() as table:
        table.add([recording(ANNA)])
        kept = file.read_bytes()
        table.rotate(NOW)
        table.destroy_epoch(1)
    file.write_bytes(kept)
    (world.folder / "roots" / "destroyed" / "1").unlink()
    world.open().close()
    assert not file.exists()


def test_a_reader_in_the_way_of_a_scrub_is_said(world: Installation) -> None:
    with world.open() as table:
        table.add([recording(ANNA)])
        reader = sqlite3.connect(world.table_folder / "keys.db")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM slots").fetchone()
        table._file._database.execute("PRAGMA busy_timeout = 50")
        table.shred_subjects([ANNA])
        assert not table.scrub()
        reader.close()
        assert table.scrub()


def test_people_are_shredded_while_the_root_is_away_and_recordings_are_refused_whole(world: Installation) -> None:
    hers, his = recording(ANNA), recording(BERT)
    with world.open() as table:
        table.add([hers, his, recording(BERT)])

    class Away:
        copyable = False

        def _refuse(self, *_: object) -> None:
            raise RootUnavailable("the token does not answer")

        epochs = make = open = destroy = _refuse

    with KeyTable.open(world.table_folder / "keys.db", Away(), world.shreds()) as table:
        with pytest.raises(RootUnavailable):
            table.key(his.id)
        with pytest.raises(RootUnavailable):
            table.shred([his.id])
        assert table.shred_subjects([ANNA]) == 1
        assert is_dark(table, hers.id)
    with world.open() as table:
        assert table.replayed == 0
        assert table.key(his.id)


def test_two_shredders_in_two_processes_and_threads_shred_each_person_once(world: Installation) -> None:
    people = [subject(number) for number in range(40)]
    news = [recording(each) for each in people]
    with world.open() as table:
        table.add(news)

    def shred() -> int:
        with world.open() as table:
            return sum(table.shred_subjects(people[at : at + 8]) for at in range(0, 40, 4))

    children = [start(shred), start(shred)]
    assert sum(child.wait().returned() for child in children) == 40
    with world.open() as table:
        counts: list[int] = []
        table.add([recording(each) for each in people])
        threads = [threading.Thread(target=lambda: counts.append(table.shred_subjects(people))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(counts) == [0, 0, 0, 40]
        assert all(is_dark(table, each.id) for each in news)


def test_a_table_that_was_open_learns_of_what_another_process_did(world: Installation) -> None:
    hers, his = recording(ANNA), recording(BERT)
    with world.open() as table, world.open() as other:
        table.add([hers, his])
        assert other.key(his.id) == table.key(his.id)
        other.shred_subjects([ANNA])
        assert is_dark(table, hers.id)
        other.rotate(NOW)
        other.destroy_epoch(1)
        assert table.key(his.id) == other.key(his.id)
        assert 1 not in table._epochs._keys, "no process holds a destroyed epoch in memory once it has looked"


def test_a_table_that_others_can_read_is_refused(world: Installation) -> None:
    with world.open() as table:
        table.add([recording(ANNA)])
        assert {path.stat().st_mode & 0o777 for path in table.files()} == {0o600}
        assert {path.name for path in table.files()} == {"keys.db", "keys.db-wal", "keys.db-shm"}
    assert world.table_folder.stat().st_mode & 0o777 == 0o700
    (world.table_folder / "keys.db").chmod(0o640)
    with pytest.raises(Misconfigured, match="read by other users"):
        world.open()


def test_no_key_is_derived_from_another() -> None:
    """A derived key cannot die alone: whoever has the master makes it again. Only the passphrase of a local root is stretched."""
    folders = [SOURCE / "vault" / "keys", SOURCE / "adapters" / "roots"]
    sources = {path: path.read_text("utf-8") for folder in folders for path in folder.rglob("*.py")}
    assert len(sources) > 8
    assert not [
        path.name for path, text in sources.items() if re.search(r"hkdf|pbkdf|kdf|argon|scrypt|hmac|\bderive\(", text, re.IGNORECASE)
    ]
    assert sources[SOURCE / "vault" / "keys" / "wrapping.py"].count("secrets.token_bytes(") == 1, "where keys come from"


def test_a_subject_takes_at_most_a_hundred_bytes(world: Installation) -> None:
    with world.open() as table:
        for _ in range(10):
            table.add([recording(__import__("secrets").token_bytes(16)) for _ in range(500)])
        table.scrub()
        database = sqlite3.connect(world.table_folder / "keys.db")
        (size,) = database.execute("SELECT sum(pgsize) FROM dbstat WHERE name IN ('subjects', 'slots')").fetchone()
        database.close()
    assert size / 5000 <= 100
