"""Orders for some items against companies whose data is linked in odd ways."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from expunge.core.datamap.artefact import DataKind
from expunge.core.families.deletion import PlaceState, Stage, StayReason
from expunge.core.families.selection import TimeRange
from expunge.core.log import dsse
from expunge.core.pages import receipt_v6_spanish, render
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from expunge.core.values.scope import LED_TO_BY_BOTH, Window
from expunge.core.verification.receipt_folder import ENVELOPE
from expunge.errors import UsageError
from tests.engine.families.test_deleting import FORM, MUM, ONE, SESSION, carried, clerk, family, one
from tests.engine.families.test_item_orders import done, named, receipt
from tests.engine.household import ANNA, Household, wav

VOICE = '"voice/{profile_id}/{recording_id}.wav"'


def by_day(home: Household) -> None:
    """Recordings that are numbered anew each day, of which each day has one."""
    home.map.write_text(home.map.read_text().replace(VOICE, '"daily/{profile_id}/{day}/{recording_id}.wav"'))
    shutil.rmtree(home.world / "media" / "voice")
    for day in ("monday", "tuesday"):
        folder = home.world / "media" / "daily" / ANNA / day
        folder.mkdir(parents=True)
        (folder / "rec-0001.wav").write_bytes(wav(f"what was said on {day}"))
    with closing(sqlite3.connect(home.database)) as database, database:
        database.execute("DELETE FROM transcripts")
        said = [("rec-0001", "monday we ate plum dumplings with cinnamon"), ("rec-0001", "tuesday the hamster escaped through the attic")]
        database.executemany("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", said)


def test_a_transcript_to_which_a_recording_that_stays_leads_as_well_stays_and_is_said(home: Household) -> None:
    """Recordings of two days have the same number: whose transcript is whose, nobody can tell."""
    by_day(home)
    run = done(home, {"voice": {f"daily/{ANNA}/monday/rec-0001.wav"}})
    with closing(sqlite3.connect(home.database)) as database:
        assert database.execute("SELECT count(*) FROM transcripts").fetchone() == (2,)
    assert run.state is OrderState.IN_PART
    assert f"transcripts: kept, {LED_TO_BY_BOTH}" in run.reasons
    entry = next(each for each in receipt(home, run)["datasets"] if each["dataset"] == "transcripts")
    assert (entry["outcome"], entry["items"]) == ("kept", 2)
    assert not (home.world / "media" / "daily" / ANNA / "monday" / "rec-0001.wav").exists()


def test_what_one_family_alone_leads_to_goes_although_a_neighbour_has_the_same_field(home: Household) -> None:
    """Of two transcripts, one is found through what stays as well."""
    by_day(home)
    with closing(sqlite3.connect(home.database)) as database, database:
        database.execute("UPDATE transcripts SET recording_id = 'rec-0002' WHERE text LIKE 'monday%'")
    folder = home.world / "media" / "daily" / ANNA / "monday"
    (folder / "rec-0001.wav").rename(folder / "rec-0002.wav")
    run = done(home, {"voice": {f"daily/{ANNA}/monday/rec-0002.wav"}})
    assert run.state is OrderState.FULFILLED, run.reasons
    with closing(sqlite3.connect(home.database)) as database:
        assert database.execute("SELECT recording_id FROM transcripts").fetchall() == [("rec-0001",)]


def with_drawings_and_notes(home: Household) -> None:
    """Two tables of the child, kept until the account is closed, with the time at which each row was made beside it."""
    with closing(sqlite3.connect(home.database)) as database, database:
        for table in ("drawings", "diary"):
            database.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, profile_id TEXT, words TEXT, made_at TEXT, closed_at TEXT)")
        rows = [
            (ANNA, "a yellow submarine under the bed", "2026-05-01T23:30:00Z", "2027-01-01"),
            (ANNA, "a dragon who eats spinach only", "2026-05-02T00:00:00Z", "2026-05-01"),
        ]
        database.executemany("INSERT INTO drawings (profile_id, words, made_at, closed_at) VALUES (?, ?, ?, ?)", rows)
        database.execute("INSERT INTO diary (profile_id, words, made_at) VALUES (?, 'rain all day long', '2026-07-01T00:00:00Z')", (ANNA,))
    rest = "holds: pictures, subject: {profile: profile_id}, collected: made_at, retention: life}"
    home.write_map(more="".join(f"  {table}: {{store: app, table: {table}, {rest}\n" for table in ("drawings", "diary")))


def test_a_stretch_of_time_goes_by_the_day_that_people_are_shown(home: Household) -> None:
    """And not by the field from which the period of retention runs; kinds of which nothing lies in it do not stand in the way."""
    with_drawings_and_notes(home)
    day = TimeRange(frozenset({DataKind.PICTURE}), datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC))
    with clerk(home) as doors:
        shown = doors.preview(MUM, family(doors), SESSION, day)
        assert [(each.kind, each.items) for each in shown.going] == [(DataKind.PICTURE, 1)]
        answer = doors.delete(MUM, family(doors), SESSION, day, FORM, shown.digest)
        carried(doors)
        assert answer.order is not None
        assert doors.status(MUM, family(doors), answer.order).stage is Stage.DONE
    with closing(sqlite3.connect(home.database)) as database:
        assert database.execute("SELECT made_at FROM drawings").fetchall() == [("2026-05-02T00:00:00Z",)]
        assert database.execute("SELECT count(*) FROM diary").fetchone() == (1,)


def test_a_trace_in_a_place_that_the_order_is_not_about_is_among_the_places(home: Household) -> None:
    """An order in part never shows *erased and verified* everywhere."""
    gone = (home.world / "media" / ONE.keys["voice"][0]).read_bytes()
    with closing(sqlite3.connect(home.database)) as database, database:
        database.execute("CREATE TABLE cache (id INTEGER PRIMARY KEY, copied BLOB)")
        database.execute("INSERT INTO cache (copied) VALUES (?)", (gone,))
    with clerk(home) as doors:
        order = one(doors)
        carried(doors)
        status = doors.status(MUM, family(doors), order)
    assert status.stage is Stage.IN_PART
    assert [each.reason for each in status.places if each.state is PlaceState.NOT_YET] == [Reason.RESIDUE]


def test_a_store_without_data_that_could_not_be_looked_through_is_among_the_places(home: Household) -> None:
    with clerk(home) as doors:
        order = one(doors)
        shutil.move(home.world / "lake", home.world / "lake-away")
        carried(doors)
        status = doors.status(MUM, family(doors), order)
        reasons = doors.household.expunge.status(order).reasons
    assert status.stage is Stage.IN_PART, reasons
    assert any(each.state is PlaceState.NOT_YET for each in status.places)


@pytest.mark.duty("COP-11")
def test_items_without_a_time_are_shown_as_staying_and_the_receipt_says_so(home: Household) -> None:
    """They may be of the days that were chosen."""
    with_drawings_and_notes(home)
    with closing(sqlite3.connect(home.database)) as database, database:
        database.execute("INSERT INTO drawings (profile_id, words) VALUES (?, 'an anteater on a swing')", (ANNA,))
    day = TimeRange(frozenset({DataKind.PICTURE}), datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC))
    with clerk(home) as doors:
        shown = doors.preview(MUM, family(doors), SESSION, day)
        assert [(each.kind, each.items, each.reason) for each in shown.staying] == [(DataKind.PICTURE, 1, StayReason.UNDATED)]
        answer = doors.delete(MUM, family(doors), SESSION, day, FORM, shown.digest)
        carried(doors)
        assert answer.order is not None
        run = doors.household.expunge.status(answer.order)
    assert run.state is OrderState.FULFILLED, run.reasons
    (reach,) = [each for each in receipt(home, run)["out_of_scope"] if each.startswith("the order reaches")]
    assert "the items of drawings of a stretch of time, less 1 of which no time can be read" in reach


def test_a_kind_whose_items_have_no_time_is_not_left_out_without_a_word(home: Household) -> None:
    with_drawings_and_notes(home)
    with closing(sqlite3.connect(home.database)) as database, database:
        database.execute("UPDATE diary SET made_at = 'in summer'")
    day = TimeRange(frozenset({DataKind.PICTURE}), datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC))
    with clerk(home) as doors, pytest.raises(UsageError, match="no item of diary lies in it"):
        doors.preview(MUM, family(doors), SESSION, day)


def test_an_item_that_has_another_name_when_the_order_begins_is_not_said_to_be_erased(home: Household) -> None:
    with home.open() as opened:
        order = named(opened, {"voice": set(ONE.keys["voice"])})
        path = home.world / "media" / ONE.keys["voice"][0]
        path.rename(path.with_name("rec-anna-9-X7.wav"))
        opened.plan(order)
        run = opened.apply(order)
    assert run.state is OrderState.IN_PART
    assert f"voice: {Reason.CANNOT_TELL.value}" in run.reasons
    entry = next(each for each in receipt(home, run)["datasets"] if each["dataset"] == "voice")
    assert entry["detail"].startswith("1 of the 1 items that were meant were not there any more")


def test_an_item_whose_time_changed_is_not_said_to_be_erased(home: Household) -> None:
    with_drawings_and_notes(home)
    with home.open() as opened:
        window = Window("made_at", datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 3, tzinfo=UTC))
        order = named(opened, {}, {"drawings": window})
        with closing(sqlite3.connect(home.database)) as database, database:
            database.execute("UPDATE drawings SET made_at = '2026-06-01T00:00:00Z' WHERE words LIKE '%dragon%'")
        opened.plan(order)
        run = opened.apply(order)
    assert run.state is OrderState.IN_PART
    assert f"drawings: {Reason.CANNOT_TELL.value}" in run.reasons
    entry = next(each for each in receipt(home, run)["datasets"] if each["dataset"] == "drawings")
    assert entry["items"] == 1


def test_a_transcript_goes_although_its_recording_was_gone_before_the_order_began(home: Household) -> None:
    with home.open() as opened:
        order = named(opened, {"voice": set(ONE.keys["voice"])})
        (home.world / "media" / ONE.keys["voice"][0]).unlink()
        opened.plan(order)
        run = opened.apply(order)
    assert run.state is OrderState.IN_PART, "who erased the recording, and whether, nobody can tell"
    with closing(sqlite3.connect(home.database)) as database:
        assert database.execute("SELECT count(*) FROM transcripts WHERE recording_id = 'rec-anna-1-X7'").fetchone() == (0,)
        assert database.execute("SELECT count(*) FROM transcripts WHERE recording_id = 'rec-anna-0-X7'").fetchone() == (1,)


@pytest.mark.duty("COP-11")
@pytest.mark.parametrize("stretch", [False, True], ids=["named", "stretch"])
def test_the_page_of_a_receipt_for_items_does_not_read_as_everything_of_the_person(home: Household, *, stretch: bool) -> None:
    with_drawings_and_notes(home)
    if stretch:
        run = done(home, {}, {"drawings": Window("made_at", datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC))})
    else:
        with closing(sqlite3.connect(home.database)) as database, database:
            database.execute("DELETE FROM transcripts WHERE recording_id = 'rec-anna-1-X7'")
        run = done(home, {"voice": set(ONE.keys["voice"])})
    assert run.state is OrderState.FULFILLED, run.reasons
    with home.open() as opened:
        statement = dsse.parse(opened.receipt_folder(run.order)[ENVELOPE]).payload
    plain = render(statement).decode().partition("Technical annex")[0]
    assert b'"reach":"items"' in statement
    assert "All data of this order that was found is erased" in plain
    assert "Everything else about this person stays" in plain
    assert not any(lie in plain for lie in ("All data about this person", "Nothing of this person", "No new data from then on"))
    spanish = receipt_v6_spanish.render(statement).decode()
    assert "Todo lo demás se queda" in spanish
    assert "Sin datos nuevos desde" not in spanish


def test_the_page_of_a_receipt_for_a_person_reads_as_before(home: Household) -> None:
    run = home.erase(f"profile:{ANNA}")
    with home.open() as opened:
        statement = dsse.parse(opened.receipt_folder(run.order)[ENVELOPE]).payload
    plain = render(statement).decode().partition("Technical annex")[0]
    assert b'"reach":"person"' in statement
    assert "All data about this person that was found is erased" in plain
    assert "Everything else about this person stays" not in plain


def test_items_that_an_order_for_everything_erased_meanwhile_are_not_missed(home: Household) -> None:
    with home.open() as opened:
        order = named(opened, {"voice": set(ONE.keys["voice"])})
        opened.plan(order)
        everything = opened.order_erase([opened.resolve(f"profile:{ANNA}")]).order
        opened.plan(everything)
        assert opened.apply(everything).state is OrderState.FULFILLED
        run = opened.apply(order)
    assert run.state is OrderState.FULFILLED, run.reasons
