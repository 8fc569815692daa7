"""Ways in which *done* could have been said too early, or an order could have been stuck; each was possible once."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import timedelta

import pytest

from expunge import clock
from expunge.core.values.order import OrderState
from expunge.errors import Drift, NotResolved, StateRolledBack, UsageError
from expunge.faults import arm
from expunge.testing.forked import in_child
from tests.engine.household import ANNA, DINO, PEOPLE, SAID, Erased, Household, strings_of


def test_a_hold_on_one_recording_does_not_cover_a_stray_copy_of_it(home: Household) -> None:
    key = f"voice/{ANNA}/rec-anna-0-X7.wav"
    with home.open() as opened:
        subject = opened.resolve(f"profile:{ANNA}")
        until = clock.now() + timedelta(days=10)
        opened.holds.place(subject, "voice", ground="matter 7", authority="court", until=until, items=[key])
    shutil.copy(home.world / "media" / key, home.world / "media" / "stray.wav")
    run = home.erase(f"profile:{ANNA}")
    assert "voice: residue found" in run.reasons
    with home.open() as opened:
        assert any(each.path.endswith("stray.wav") for each in opened.residue(run.order))


def test_an_id_in_other_capitals_is_not_answered_as_nobodys(home: Household) -> None:
    with home.open() as opened, pytest.raises(NotResolved, match="another spelling"):
        opened.resolve("ACC-NORTH-51xk")


@pytest.mark.parametrize("name", ["email:ACC-NORTH-51XK@example.org", "email: acc-north-51XK@example.org", " acc-north-51XK\t"])
def test_an_address_in_another_spelling_is_the_same_account(home: Household, name: str) -> None:
    with home.open() as opened:
        assert opened.resolve(name).person.subject == opened.resolve("account:acc-north-51XK").person.subject


def test_an_emptied_journal_is_refused_while_anything_shows_that_there_were_orders(erased: Erased) -> None:
    home = erased.home
    for name in ("state.db-wal", "state.db-shm"):
        (home.state / name).unlink(missing_ok=True)
    (home.state / "state.db").write_bytes(b"")
    with home.open() as opened, pytest.raises(StateRolledBack, match="journal is an old copy"):
        opened.gate_publish()


def test_residue_does_not_leave_the_order_with_the_store_that_leaves_the_map(home: Household) -> None:
    (home.world / "lake" / "dump.txt").write_text(SAID[ANNA][0])
    first = home.erase(f"profile:{ANNA}")
    assert first.state is OrderState.IN_PART
    text = home.map.read_text()
    home.map.write_text(text[: text.index("  events:")].replace("  lake: {kind: files, url: ./world/lake}\n", ""))
    again = home.apply(first.order)
    assert again.reasons == ("elsewhere in lake: unreachable",)
    with home.open() as opened:
        assert "lake" in opened.verify(first.order).failed


def test_an_interrupted_order_is_not_stuck_when_its_map_is_gone_for_good(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}")
    home.plan(accepted.order)

    def doomed() -> None:
        with arm("store.erase:after", "kill", 2):
            home.apply(accepted.order)

    assert in_child(doomed).killed_by == 9
    home.write_map(shared="keep")
    with home.open() as opened, pytest.raises(Drift, match="was being carried out"):
        opened.apply(accepted.order)
    home.plan(accepted.order)
    run = home.apply(accepted.order)
    assert [each for each in run.reasons if "kept" not in each] == []
    assert home.search(*strings_of(ANNA)) == []


def test_a_child_with_two_homes_is_shown_before_one_of_them_takes_their_data_along(home: Household) -> None:
    with sqlite3.connect(home.database) as db:
        db.execute("CREATE TABLE old AS SELECT * FROM profiles")
        db.execute("DROP TABLE profiles")
        db.execute("CREATE TABLE profiles (profile_id TEXT, account_id TEXT, closed_at TEXT, PRIMARY KEY (profile_id, account_id))")
        db.execute("INSERT INTO profiles SELECT * FROM old")
        db.execute("DROP TABLE old")
        db.execute("INSERT INTO profiles VALUES (?, ?, NULL)", (DINO, PEOPLE[ANNA]))
    db.close()
    with home.open() as opened:
        resolved = opened.resolve(f"account:{PEOPLE[ANNA]}")
    assert resolved.members == {"profile": 3}
    assert resolved.straddling == 1


def test_a_database_inside_a_folder_of_recordings_does_not_make_its_people_residue(home: Household) -> None:
    """The folder's scan reads the database too; what it finds there of a sibling who said the same is the sibling's."""
    with sqlite3.connect(home.database) as db:
        db.execute("PRAGMA journal_mode=DELETE")
        db.execute("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", ("rec-bela-0-X7", SAID[ANNA][0]))
    db.close()
    home.database.rename(home.world / "media" / "app.db")
    text = home.map.read_text().replace("world/app.db", "world/media/app.db")
    home.map.write_text(text + 'ignore:\n  - {store: media, path: "app.db*", reason: "declared as the store app"}\n')
    assert home.erase(f"profile:{ANNA}").state is OrderState.FULFILLED


def test_a_store_that_cannot_be_looked_at_is_said_even_where_nothing_is_to_be_erased(home: Household) -> None:
    (home.world / "notes").mkdir()
    home.map.write_text(home.map.read_text().replace("  lake:", "  notes: {kind: files, url: ./world/notes}\n  lake:"))
    accepted = home.order(f"profile:{ANNA}")
    home.plan(accepted.order)
    (home.world / "notes").rmdir()
    run = home.apply(accepted.order)
    assert run.state is OrderState.IN_PART
    assert [each for each in run.reasons if "notes" in each]


def test_a_hold_names_items_that_are_there_and_keep_their_names(home: Household) -> None:
    with sqlite3.connect(home.database) as db:
        db.execute("CREATE TABLE moods (profile_id TEXT, mood TEXT)")
        db.execute("INSERT INTO moods VALUES (?, ?)", (ANNA, "cheerful on the whole"))
    db.close()
    home.map.write_text(home.map.read_text() + "  moods: {store: app, table: moods, subject: {profile: profile_id}, retention: life}\n")
    until = clock.now() + timedelta(days=10)
    with home.open() as opened:
        anna = opened.resolve(f"profile:{ANNA}")
        with pytest.raises(UsageError, match="not among"):
            opened.holds.place(anna, "voice", ground="matter 7", authority="court", until=until, items=["voice/nobody/x.wav"])
        (row,) = opened.locate([anna]).copies["moods"][0].keys
        with pytest.raises(UsageError, match="no key of their own that lasts"):
            opened.holds.place(anna, "moods", ground="matter 7", authority="court", until=until, items=[row])
        assert opened.holds.active() == ()


def test_whoever_delivers_notices_can_read_the_address_until_its_end(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}", contact="parent@example.org")
    with home.open() as opened:
        assert opened.contact(accepted.order) == "parent@example.org"
        opened.order_cancel(accepted.order)
        with pytest.raises(UsageError, match="no contact address"):
            opened.contact(accepted.order)


def test_a_later_look_still_sees_when_the_few_others_of_a_small_dataset_were_erased_since(home: Household) -> None:
    with sqlite3.connect(home.database) as db:
        db.execute("CREATE TABLE moods (id INTEGER PRIMARY KEY, profile_id TEXT, mood TEXT)")
        for who in (ANNA, "prf-bela-3R8W1Z6P"):
            db.execute("INSERT INTO moods (profile_id, mood) VALUES (?, ?)", (who, f"the mood of {who} was excellent"))
    db.close()
    home.map.write_text(home.map.read_text() + "  moods: {store: app, table: moods, subject: {profile: profile_id}, retention: life}\n")
    first = home.erase(f"profile:{ANNA}")
    home.erase("profile:prf-bela-3R8W1Z6P")
    with home.open() as opened:
        looked = opened.verify(first.order)
    assert (looked.found, looked.failed) == (0, {})
