"""The demo's world: big enough, the same every time, honest about whose each thing is."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge.adapters.datamap import read_map
from expunge.demo import people, truth
from expunge.demo.book import HOUSEHOLD, Book, Entry
from expunge.demo.company import build_company, write_map
from expunge.demo.outside_search import Search
from expunge.demo.schema import data_map
from expunge.demo.speech import Tones
from expunge.demo.survey import survey
from expunge.demo.twin import copy_world, delete_ordinarily
from expunge.demo.world import EXPORT, World


def test_there_are_eight_families_and_twenty_people_of_all_ages(company: World) -> None:
    families = [home for home in company.households if any(person.child for person in home.profiles)]
    assert len(families) >= 8
    assert len(company.people) >= 20
    assert {person.child for person in company.people} == {True, False}
    assert len({person.profile_id for person in company.people}) == len(company.people)


def test_the_same_seed_gives_the_same_company(company: World, tmp_path: Path) -> None:
    again = build_company(tmp_path / "again", 7, Tones())
    assert survey(again.folder / "world") == survey(company.folder / "world")
    other = build_company(tmp_path / "other", 8, Tones())
    assert not {person.profile_id for person in other.people} & {person.profile_id for person in company.people}


def test_the_book_names_exactly_what_is_in_the_stores(company: World) -> None:
    assert set(survey(company.folder / "world")) == set(company.book.entries)


def test_whoever_asks_has_recordings_of_their_own_and_one_with_others(company: World) -> None:
    assert len(company.requests) == 3
    assert [request.person.child for request in company.requests] == [True, True, False]
    for request in company.requests:
        mine = [recording for recording in company.recordings if request.person in recording.who]
        assert sum(len(recording.who) == 1 for recording in mine) >= 2
        assert sum(len(recording.who) > 1 for recording in mine) >= 1
        assert request.person.profile_id in company.late


def test_strings_of_before_lie_in_the_world_and_in_nobody_elses_data(company: World) -> None:
    for request in company.requests:
        strings = truth.own_strings(company, request.person)
        assert request.person.profile_id in strings
        assert request.person.tablet in strings
        assert sum("," in text for text in strings) >= 3, "coordinates"
        assert sum(text.count(" ") >= 3 for text in strings) >= 3, "sentences"
        assert all(len(text) >= 8 for text in strings)
        rows = _rows_of_others(company, request.person.profile_id)
        assert not [text for text in strings if text in rows]


def _rows_of_others(company: World, who: str) -> str:
    """Read by other means than the book: rows, events and lines that name somebody else and not this person."""
    others = {person.profile_id for person in company.people} - {who}
    lines = []
    # Read only: a connection that may write folds the write-ahead log into the database when it closes.
    with closing(sqlite3.connect(f"file:{company.stores['app']}?mode=ro", uri=True)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'transcripts%'"):
            lines += [repr(row) for row in connection.execute(f"SELECT * FROM {table}")]
    for path in (company.folder / "world" / "analytics").rglob("*.gz"):
        lines += gzip.decompress(path.read_bytes()).decode().splitlines()
    lines += gzip.decompress((company.folder / "world" / "media" / EXPORT).read_bytes()).decode().splitlines()
    lines += [path.read_text() for path in (company.folder / "world" / "media").rglob("*.json")]
    return "\n".join(line for line in lines if any(other in line for other in others) and who not in line)


def test_a_string_that_somebody_else_holds_is_left_out() -> None:
    book = Book()
    book.note(Entry("a", frozenset({"child"}), ("my green grasshopper", "LN-1234-5678"), ("my green grasshopper", "LN-1234-5678")))
    book.note(Entry("b", frozenset({"brother"}), ("I saw My Green Grasshopper jump",)))
    book.note(Entry("c", HOUSEHOLD, ("kitchen",)))
    book.note(Entry("d", frozenset({"child", "brother"}), ("both with LN-1234-5678",)))
    assert book.own_strings("child") == ["LN-1234-5678"]
    assert book.staying(frozenset({"child"})) == {"b", "c"}


def test_a_string_that_is_not_in_the_world_is_an_error(company: World, tmp_path: Path) -> None:
    world = build_company(tmp_path / "copy", 7, Tones())
    person = world.requests[0].person
    world.book.note(Entry("nowhere", frozenset({person.profile_id}), ("nowhere to be found",), ("nowhere to be found",)))
    with pytest.raises(ValueError, match="1 of which"):
        truth.own_strings(world, person)


def test_the_newest_rows_are_in_the_write_ahead_log_and_searching_finds_words(company: World) -> None:
    path = company.stores["app"]
    assert path.with_name("app.db-wal").stat().st_size > 10_000
    person = company.requests[0].person
    sentence = next(text for text in truth.own_strings(company, person) if text.count(" ") >= 3)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT text FROM transcripts_search WHERE transcripts_search MATCH ?", (f'"{sentence}"',)).fetchall()
        assert (sentence,) in found
        assert (person.name, sentence) in connection.execute("SELECT name, text FROM heard").fetchall()
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()


def test_the_map_leaves_the_export_out_until_it_is_declared(tmp_path: Path) -> None:
    world = build_company(tmp_path, 7, Tones())
    assert "asr_errors" not in (tmp_path / "expunge.yaml").read_text()
    write_map(tmp_path, with_export=True)
    assert "asr_errors" in (tmp_path / "expunge.yaml").read_text()
    rows = list(csv.DictReader(io.StringIO(gzip.decompress((world.stores["media"] / EXPORT).read_bytes()).decode())))
    assert {row["profile_id"] for row in rows} == {person.profile_id for person in world.people}


def test_an_ordinary_delete_hides_people_and_leaves_their_strings(company: World, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    copy_world(company, twin)
    erased = [request.person for request in company.requests]
    delete_ordinarily(twin, erased)
    with closing(sqlite3.connect(twin / "app.db")) as connection:
        for person in erased:
            assert connection.execute("SELECT count(*) FROM recordings WHERE profile_id=?", (person.profile_id,)).fetchone() == (0,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    stores = {"media": twin / "media", "app": twin / "app.db", "analytics": twin / "analytics"}
    strings = [text for person in erased for text in truth.own_strings(company, person)]
    left = truth.by_store(stores, Search(strings).folder(twin))
    assert left["app"] > 50
    assert left["analytics"] > 10
    assert left["media"] > 10, "the export, and the conversations with others"


def test_before_json_is_a_plain_list(company: World, tmp_path: Path) -> None:
    strings = truth.own_strings(company, company.requests[0].person)
    truth.write_before(tmp_path / "before.json", strings)
    assert json.loads((tmp_path / "before.json").read_text("utf-8")) == strings
    assert "\\u" not in (tmp_path / "before.json").read_text("utf-8")


def test_nobody_says_the_same_sentence() -> None:
    everybody = tuple(person for home in people.households(3) for person in home.profiles)
    said = [text for texts in people.sentences(everybody, 8, 3).values() for text in texts]
    assert len(said) == len(set(said)) == 8 * len(everybody)


def test_both_maps_are_sound(company: World, tmp_path: Path) -> None:
    for declared in (False, True):
        path = tmp_path / "expunge.yaml"
        path.write_text(data_map(with_export=declared), "utf-8")
        read = read_map(path, {})
        assert set(read.stores) == set(company.stores)
        assert ("asr_errors" in read.datasets) is declared
