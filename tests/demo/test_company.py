"""The demo's world: big enough, the same every time, honest about whose each thing is."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from expunge.demo.company import people, truth
from expunge.demo.company.book import HOUSEHOLD, Book, Entry
from expunge.demo.company.build import build_company, write_map
from expunge.demo.company.outside_search import Hit, Search
from expunge.demo.company.schema import ALONE, CONSENT, SHARED, data_map
from expunge.demo.company.survey import survey
from expunge.demo.company.world import EXPORT, STORES, World
from expunge.demo.voices.speech import Tones
from expunge.maps import read_map
from expunge.stores import Kinds


def test_there_are_eight_families_and_twenty_people_of_all_ages(company: World) -> None:
    families = [home for home in company.households if any(person.child for person in home.profiles)]
    assert len(families) >= 8
    assert len(company.people) >= 20
    assert {person.child for person in company.people} == {True, False}
    assert len({person.profile_id for person in company.people}) == len(company.people)


def beside(company: World, folder: Path, name: str, seed: int = 7) -> World:
    """Another company on the same servers."""
    there = replace(company.services, database=name, bucket=name)
    return build_company(folder / name, there, seed, Tones())


@pytest.mark.soak
def test_the_same_seed_gives_the_same_company(company: World, tmp_path: Path) -> None:
    again, other = beside(company, tmp_path, "again"), beside(company, tmp_path, "other", 8)
    assert survey(again.services, again.folder / "world") == survey(company.services, company.folder / "world")
    assert not {person.profile_id for person in other.people} & {person.profile_id for person in company.people}


def test_the_book_names_exactly_what_is_in_the_stores(company: World) -> None:
    assert set(survey(company.services, company.folder / "world")) == set(company.book.entries)


def test_whoever_asks_has_recordings_of_their_own_and_one_with_others(company: World) -> None:
    assert len(company.requests) == 3
    assert [request.person.child for request in company.requests] == [True, True, False]
    for request in company.requests:
        mine = [recording for recording in company.recordings if request.person in recording.who]
        assert sum(len(recording.who) == 1 for recording in mine) >= 2
        assert sum(len(recording.who) > 1 for recording in mine) >= 1
        assert request.person.profile_id in company.late


def test_strings_of_before_lie_in_the_world_and_in_nobody_elses_data(company: World) -> None:
    with company.services.connect(autocommit=True) as session:
        session.execute("CHECKPOINT")
    own = {request.person.profile_id: truth.candidates(company, request.person) for request in company.requests}
    hits = Search(text for strings in own.values() for text in strings).folder(company.folder / "world")
    for request in company.requests:
        strings = own[request.person.profile_id]
        truth.require_plain(strings, hits)
        assert request.person.profile_id in strings
        assert request.person.tablet in strings
        assert sum("," in text for text in strings) >= 3, "coordinates"
        assert sum(text.count(" ") >= 3 for text in strings) >= 3, "sentences"
        assert sum(re.fullmatch("[0-9a-f]{96}", text) is not None for text in strings) >= 3, "waveforms"
        assert all(len(text) >= 8 for text in strings)
        rows = _of_others(company, request.person.profile_id)
        assert not [text for text in strings if text in rows]


def test_no_key_of_the_bucket_is_in_before_and_none_names_a_person(company: World) -> None:
    client = company.services.s3()
    keys = [each["Key"] for each in client.list_objects_v2(Bucket=company.services.bucket)["Contents"]]
    client.close()
    assert len(keys) > 200
    for request in company.requests:
        assert not [text for text in truth.candidates(company, request.person) if any(text in key or key in text for key in keys)]
    assert not [key for key in keys for person in company.people if person.profile_id in key]


def _of_others(company: World, who: str) -> str:
    """Read by other means than the book: rows, objects, events and lines that name somebody else and not this person."""
    others = {person.profile_id for person in company.people} - {who}
    lines = []
    with company.services.connect() as session:
        for table in ("profiles", "devices", "participants", "voiceprints", "consents", "recordings JOIN transcripts USING (recording_id)"):
            lines += [repr(row) for row in session.execute(f"SELECT * FROM {table}")]
    with closing(sqlite3.connect(f"file:{company.hub}?mode=ro", uri=True)) as connection:
        lines += [repr(row) for row in connection.execute("SELECT * FROM locations")]
    for path in company.lake.rglob("*.parquet"):
        lines += [repr(row) for row in pq.ParquetFile(path).read().to_pylist()]
    client = company.services.s3()
    for each in client.list_objects_v2(Bucket=company.services.bucket)["Contents"]:
        data = client.get_object(Bucket=company.services.bucket, Key=each["Key"])["Body"].read()
        if each["Key"] == EXPORT:
            lines += gzip.decompress(data).decode().splitlines()
        elif each["Key"].endswith(".json"):
            lines.append(data.decode())
    client.close()
    return "\n".join(line for line in lines if any(other in line for other in others) and who not in line)


def test_a_string_that_somebody_else_holds_is_left_out() -> None:
    book = Book()
    book.note(Entry("a", frozenset({"child"}), ("my green grasshopper", "LN-1234-5678"), ("my green grasshopper", "LN-1234-5678")))
    book.note(Entry("b", frozenset({"brother"}), ("I saw My Green Grasshopper jump",)))
    book.note(Entry("c", HOUSEHOLD, ("kitchen",)))
    book.note(Entry("d", frozenset({"child", "brother"}), ("both with LN-1234-5678",)))
    assert book.own_strings("child") == ["LN-1234-5678"]
    assert book.staying(frozenset({"child"})) == {"b", "c"}


def test_a_string_that_is_not_in_the_world_is_an_error(company: World) -> None:
    strings = truth.candidates(company, company.requests[0].person)
    seen = [Hit(text, company.folder, "utf-8") for text in strings]
    truth.require_plain(strings, seen)
    with pytest.raises(ValueError, match="1 of which"):
        truth.require_plain([*strings, "nowhere to be found"], seen)
    with pytest.raises(ValueError, match="2 strings"):
        truth.require_plain(strings[:2], seen)


def test_both_ways_of_searching_find_a_sentence(company: World) -> None:
    person = company.requests[0].person
    sentence = next(text for text in truth.candidates(company, person) if text.count(" ") >= 3)
    with company.services.connect() as session:
        words = session.execute("SELECT text FROM transcripts WHERE words @@ phraseto_tsquery('simple', %s)", (sentence,)).fetchall()
        assert (sentence,) in words
        near = "SELECT text FROM transcripts ORDER BY embedding <=> (SELECT embedding FROM transcripts WHERE text = %s) LIMIT 1"
        session.execute("SET enable_seqscan = off")
        assert any("transcripts_by_meaning" in row[0] for row in session.execute(f"EXPLAIN {near}", (sentence,)).fetchall())
        assert session.execute(near, (sentence,)).fetchall() == [(sentence,)]
        assert (person.name, sentence) in session.execute("SELECT name, text FROM heard").fetchall()


def test_the_hubs_newest_rows_are_in_its_write_ahead_log_alone(company: World) -> None:
    assert company.hub.with_name("hub.db-wal").stat().st_size > 10_000
    place = company.recordings[0].place
    assert place.encode() not in company.hub.read_bytes()
    with closing(sqlite3.connect(f"file:{company.hub}?mode=ro", uri=True)) as connection:
        assert connection.execute("SELECT count(*) FROM locations WHERE place=?", (place,)).fetchone() > (0,)


def test_the_map_leaves_the_export_out_until_it_is_declared(company: World, tmp_path: Path) -> None:
    other = replace(company, folder=tmp_path)
    assert "asr_errors" not in write_map(other, with_export=False).read_text()
    assert "asr_errors" in write_map(other, with_export=True).read_text()
    client = company.services.s3()
    data = client.get_object(Bucket=company.services.bucket, Key=EXPORT)["Body"].read()
    client.close()
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(data).decode())))
    assert {row["profile_id"] for row in rows} == {person.profile_id for person in company.people}


def test_before_json_is_a_plain_list(company: World, tmp_path: Path) -> None:
    strings = truth.candidates(company, company.requests[0].person)
    truth.write_before(tmp_path / "before.json", strings)
    assert json.loads((tmp_path / "before.json").read_text("utf-8")) == strings
    assert "\\u" not in (tmp_path / "before.json").read_text("utf-8")


def test_nobody_says_the_same_sentence() -> None:
    everybody = tuple(person for home in people.households(3) for person in home.profiles)
    said = [text for texts in people.sentences(everybody, 8, 3).values() for text in texts]
    assert len(said) == len(set(said)) == 8 * len(everybody)


@pytest.mark.parametrize("state", [ALONE, SHARED])
@pytest.mark.parametrize("desk", [False, True])
@pytest.mark.parametrize("declared", [False, True])
def test_every_map_is_sound(company: World, tmp_path: Path, state: str, *, declared: bool, desk: bool) -> None:
    path = tmp_path / "expunge.yaml"
    path.write_text(data_map(bucket="recordings", with_export=declared, state=state, doorbell=desk, desk=desk), "utf-8")
    (tmp_path / "consent").mkdir()
    (tmp_path / "consent" / "visitors.md").write_text(CONSENT, "utf-8")
    read = read_map(path, {**company.services.environment, "LANTERN_STATE": "postgresql://nobody@127.0.0.1/none"}, kinds=Kinds())
    assert set(read.stores) == {*STORES, *(["doorbells"] if desk else [])}
    assert (read.review is not None) is desk
    assert ("asr_errors" in read.datasets) is declared
