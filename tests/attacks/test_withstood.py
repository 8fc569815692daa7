"""Ways in which something of a person could have stayed unseen, or somebody else's data could have gone: none of them works."""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
import zlib
from pathlib import Path

import pytest
import soundfile

from expunge.engine.kernel.context import Progress
from expunge.errors import IllegalTransition, UsageError
from tests.engine.household import ANNA, BELA, CARA, SAID, Household, build, difference, strings_of, wav


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


def change(home: Household, *statements: str | tuple[str, tuple[object, ...]]) -> None:
    """Run statements in the company's database."""
    db = sqlite3.connect(home.database)
    for each in statements:
        if isinstance(each, tuple):
            db.execute(*each)
        else:
            db.executescript(each)
    db.commit()
    db.close()


# --- triggers --------------------------------------------------------------------------------------


def test_a_trigger_that_brings_rows_back_is_seen_by_a_normal_read(home: Household) -> None:
    change(
        home,
        "CREATE TRIGGER back AFTER DELETE ON participants BEGIN "
        "INSERT INTO participants VALUES (old.recording_id, old.profile_id, NULL); END;",
    )
    assert home.erase(ANNA).state.value == "in part"


def test_a_trigger_that_writes_rows_in_hex_into_a_table_of_its_own_leaves_residue(home: Household) -> None:
    change(
        home,
        "CREATE TABLE history (row BLOB);"
        "CREATE TRIGGER keep AFTER DELETE ON transcripts BEGIN INSERT INTO history VALUES (hex(old.text)); END;",
    )
    assert home.erase(ANNA).state.value == "in part"


def test_a_trigger_that_silently_keeps_rows_is_said_before_what_points_to_them_goes(home: Household) -> None:
    change(home, "CREATE TRIGGER keep BEFORE DELETE ON transcripts BEGIN SELECT RAISE(IGNORE); END;")
    assert home.erase(ANNA).state.value == "in part"
    assert (home.world / "media" / "voice" / ANNA).is_dir(), "the recordings lead to the transcripts, which are still there"


# --- hidden copies ---------------------------------------------------------------------------------


def test_a_compressed_column_of_an_undeclared_table_is_looked_into(home: Household) -> None:
    packed = zlib.compress(json.dumps({"text": SAID[ANNA][0], "who": ANNA}).encode())
    change(home, "CREATE TABLE cache (name TEXT, value BLOB)", ("INSERT INTO cache VALUES ('a', ?)", (packed,)))
    assert home.erase(ANNA).state.value == "in part"


def test_a_mail_in_base64_with_line_ends_is_read(home: Household) -> None:
    letter = base64.encodebytes(f"Dear friend of the house: {SAID[ANNA][0]}".encode())
    (home.world / "lake" / "old.eml").write_bytes(letter)
    assert home.erase(ANNA).state.value == "in part"


@pytest.mark.parametrize("width", ["PCM_16", "PCM_24"])
def test_the_same_sound_as_flac_inside_a_packed_archive_is_heard(home: Household, width: str) -> None:
    recording = min((home.world / "media" / "voice" / ANNA).iterdir())
    samples, rate = soundfile.read(recording, dtype="float32")
    copy = home.folder / "copy.flac"
    soundfile.write(copy, samples, rate, subtype=width)
    (home.world / "lake" / "old.tgz").write_bytes(gzip.compress(bytes(512) + copy.read_bytes()))
    assert home.erase(ANNA).state.value == "in part"


def test_a_database_in_utf_16_with_small_pages_and_freed_overflow_chains_is_scrubbed(home: Household) -> None:
    path = home.world / "notes.db"
    db = sqlite3.connect(path)
    db.executescript(
        "PRAGMA encoding='UTF-16le'; PRAGMA page_size=512; PRAGMA auto_vacuum=2; PRAGMA secure_delete=0;"
        "CREATE TABLE notes (profile_id TEXT, body TEXT, closed_at TEXT)"
    )
    db.executemany("INSERT INTO notes VALUES (?, ?, NULL)", [(each, said[1] * 60) for each, said in SAID.items()])
    db.executescript("CREATE TABLE old AS SELECT body FROM notes; DELETE FROM old;")
    db.close()
    home.write_map(more="  notes: {store: notes, table: notes, subject: {profile: profile_id}, retention: life}\n")
    store = '  notes: {kind: sqlite, url: "sqlite:///world/notes.db"}\n'
    home.map.write_text(home.map.read_text().replace("  lake: {kind", f"{store}  lake: {{kind"))
    assert SAID[ANNA][1].encode("utf-16-le") in path.read_bytes()
    assert home.erase(ANNA).state.value == "fulfilled"
    assert SAID[ANNA][1].encode("utf-16-le") not in path.read_bytes()
    assert SAID[BELA][1].encode("utf-16-le") in path.read_bytes()


def test_words_whose_recordings_have_gone_already_do_not_read_as_done(home: Household) -> None:
    folder = home.world / "media" / "voice" / ANNA
    for each in folder.iterdir():
        each.unlink()
    folder.rmdir()
    assert home.erase(ANNA).state.value == "in part"


# --- everybody else --------------------------------------------------------------------------------


def test_ids_that_begin_alike_are_different_people(home: Household) -> None:
    others = (f"{ANNA}2", ANNA[:-1])
    for each in others:
        change(home, ("INSERT INTO profiles VALUES (?, 'acc-south-82LM', NULL)", (each,)))
        (home.world / "media" / "voice" / each).mkdir()
        (home.world / "media" / "voice" / each / "rec-1.wav").write_bytes(wav(each))
    before = home.logical()
    home.erase(ANNA)
    gone = difference(before, home.logical())
    assert not [each for each in gone if f"/{others[0]}/" in each or f"/{others[1]}/" in each]
    assert not [each for each in gone if f"'{others[0]}'" in each or f"'{others[1]}'" in each]


def test_csv_with_a_mark_and_line_breaks_in_quotes_loses_the_persons_records_alone(home: Household) -> None:
    table = home.world / "lake" / "csv" / "notes.csv"
    table.parent.mkdir()
    head, tail = b"\xef\xbb\xbfprofile_id;said\r\n", f'{BELA};"also\nof two lines"\r\n'.encode()
    first = f'{ANNA};"of two\r\nlines; and ""quoted"" by anna"\r\n'.encode()
    table.write_bytes(head + first + tail + f'"{ANNA}";the last line has no end'.encode())
    home.write_map(more='  notes: {store: lake, path: "csv/{name}.csv", format: csv, subject: {profile: profile_id}, retention: life}\n')
    assert home.erase(ANNA).state.value == "fulfilled"
    assert table.read_bytes() == head + tail


# --- orders that cross -----------------------------------------------------------------------------


def test_orders_for_a_child_and_for_the_whole_household_may_cross(home: Household) -> None:
    child, house = home.order(ANNA), home.order("account:acc-north-51XK")
    home.plan(child.order)
    home.plan(house.order)
    assert home.apply(house.order).state.value == "fulfilled"
    assert home.apply(child.order).state.value == "fulfilled"
    assert not home.search(*strings_of(ANNA), *strings_of(BELA))
    assert home.search(*strings_of(CARA))


def test_what_is_written_between_erasing_and_looking_is_seen_and_goes_in_the_next_round(home: Household) -> None:
    order = home.order(ANNA).order
    home.plan(order)

    def write(progress: Progress) -> None:
        if progress.step == "verify:app" and progress.state == "start":
            for child in ("anna", "bela"):
                text = f"{child} says something late"
                change(home, ("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", (f"rec-{child}-0-X7", text)))

    with home.open() as opened:
        assert opened.apply(order, report=write).state.value == "in part"
    assert home.search("anna says something late", where=("world",))
    assert home.apply(order).state.value == "fulfilled"
    assert not home.search("anna says something late")
    assert home.search("bela says something late", where=("world",))


def test_an_order_that_ended_in_part_is_not_cancelled_and_ends_well_later(home: Household) -> None:
    stray = home.world / "lake" / "dump.txt"
    stray.write_text(SAID[ANNA][0])
    run = home.erase(ANNA)
    assert run.state.value == "in part"
    with home.open() as opened, pytest.raises(IllegalTransition):
        opened.order_cancel(run.order)
    stray.unlink()
    assert home.apply(run.order).state.value == "fulfilled"


def test_residue_stays_residue_when_its_dataset_is_taken_out_of_the_map(home: Household) -> None:
    (home.world / "lake" / "dump.txt").write_text(SAID[ANNA][0])
    run = home.erase(ANNA)
    text = home.map.read_text()
    home.map.write_text(text[: text.index("  events:")] + 'ignore:\n  - {store: lake, path: "*", reason: nothing in it}\n')
    assert home.apply(run.order).state.value == "in part"


# --- names -----------------------------------------------------------------------------------------


ODD = ["prf%_x'\"q-9999\n\t", "prf-\u202e\u00e9e\u0301-12", "prf/../../x-12345", "*?[a]-prf-12345", "nul\0byte-12345"]


@pytest.mark.parametrize("name", ODD)
def test_an_odd_id_means_exactly_who_bears_it(home: Household, name: str) -> None:
    change(home, ("INSERT INTO profiles VALUES (?, 'acc-north-51XK', NULL)", (name,)))
    before = home.logical()
    assert home.erase(f"profile:{name}").state.value == "fulfilled"
    assert len(difference(before, home.logical())) == 1
    assert not home.search(name)


def test_a_name_that_is_no_text_is_refused_with_a_reason(home: Household) -> None:
    with home.open() as opened, pytest.raises(UsageError):
        opened.resolve("profile:\ud800-12345")
