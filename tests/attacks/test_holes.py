"""Places where something of a person could stay, or something of another go, without a word about it."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote_plus

import numpy as np
import pytest
import soundfile

from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.errors import UsageError
from tests.engine.household import ANNA, PEOPLE, SAID, Household, build, wav


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


def rows(home: Household, *statements: str, many: tuple[str, list[tuple[object, ...]]] | None = None) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        for each in statements:
            db.executescript(each)
        if many is not None:
            db.executemany(*many)


def outcomes(home: Household, run: Run) -> dict[str, str]:
    with home.open() as opened:
        envelope = json.loads(opened.receipt_folder(run.order, 1)["receipt.dsse.json"])
    return {each["dataset"]: each["outcome"] for each in json.loads(base64.b64decode(envelope["payload"]))["predicate"]["datasets"]}


# --- what a scan could not read --------------------------------------------------------------------


def test_an_encrypted_archive_in_a_store_keeps_its_datasets_from_reading_as_erased(home: Household) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", (SAID[ANNA][0] + ANNA) * 5)
    data = bytearray(packed.getvalue())
    data[6] |= 1
    (home.world / "lake" / "old.zip").write_bytes(data)
    run = home.erase(ANNA)
    assert run.state.value == "in part"
    assert outcomes(home, run)["events"] == "unable"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_what_is_packed_deeper_than_the_scan_goes_is_not_read_as_gone(home: Household, pack: Callable[[bytes], bytes]) -> None:
    data = ("x".join(str(number * 7919) for number in range(400)) + SAID[ANNA][0] + ANNA).encode()
    for _ in range(5):
        data = pack(data + b"pad " * 20 + os.urandom(40))
    (home.world / "lake" / "x.bin").write_bytes(data)
    run = home.erase(ANNA)
    assert run.state.value == "in part"
    assert outcomes(home, run)["events"] == "unable"


# --- links -------------------------------------------------------------------------------------------


def test_a_folder_of_the_path_that_is_a_link_is_not_read_as_absent(home: Household) -> None:
    rows(home, "DELETE FROM transcripts; INSERT INTO words(words) VALUES('rebuild'); DELETE FROM participants;")
    for each in (home.world / "media" / "shared").iterdir():
        each.unlink()
    away = home.folder / "other-disk"
    shutil.move(home.world / "media" / "voice", away)
    (home.world / "media" / "voice").symlink_to(away)
    run = home.erase(ANNA)
    assert run.state.value == "in part"
    assert (away / ANNA).exists()


def test_a_link_to_a_declared_file_that_leads_to_nobody_does_not_pass_for_the_recording(home: Household) -> None:
    archive = home.world / "media" / "archive"
    archive.mkdir()
    for number, name in enumerate(sorted((home.world / "media" / "voice" / ANNA).iterdir())):
        shutil.move(name, archive / f"blob-{number}.wav")
        name.symlink_to(f"../../archive/blob-{number}.wav")
    home.write_map(
        more='  archive: {store: media, path: "archive/blob-{blob_id}.wav", subject: {through: blobs, via: blob_id}, retention: life}\n'
        "  blobs: {store: app, table: blobs, subject: {profile: profile_id}, retention: life}\n"
    )
    rows(home, "CREATE TABLE blobs (blob_id TEXT, profile_id TEXT, closed_at TEXT)")
    assert home.erase(ANNA).state.value == "in part"


# --- one of many -------------------------------------------------------------------------------------


def test_an_undeclared_copy_of_one_sentence_of_many_is_found(home: Household) -> None:
    said = [f"sentence number {each} is about the topic {each * 7919} and nothing else" for each in range(60)]
    insert = "INSERT INTO transcripts (recording_id, text) VALUES ('rec-anna-0-X7', ?)"
    rows(home, many=(insert, [(each,) for each in said]))
    for each in (3, 17, 31, 44):
        (home.world / "lake" / f"debug{each}.txt").write_text(said[each])
    run = home.erase(ANNA)
    with home.open() as opened:
        assert {Path(each.path).name for each in opened.residue(run.order)} >= {f"debug{each}.txt" for each in (3, 17, 31, 44)}


def test_an_undeclared_copy_of_one_recording_of_many_is_found(home: Household) -> None:
    for number in range(20):
        (home.world / "media" / "voice" / ANNA / f"rec-zz{number:02d}-X7.wav").write_bytes(wav(f"z{number}"))
    (home.world / "media" / "tmp.wav").write_bytes(wav("z13"))
    assert home.erase(ANNA).state.value == "in part"


# --- other ways of keeping the same ------------------------------------------------------------------


@pytest.mark.parametrize("spelt", [quote_plus, str.upper, str.lower], ids=["form", "capitals", "small"])
def test_words_in_an_access_log_are_found_however_they_are_spelt(home: Household, spelt: Callable[[str], str]) -> None:
    said = "Remind Me About Grandmothers Purple Hedgehog"
    rows(home, many=("INSERT INTO transcripts (recording_id, text) VALUES ('rec-anna-0-X7', ?)", [(said,)]))
    (home.world / "lake" / "access.log").write_text(f"GET /s?q={spelt(said)} HTTP/1.1\n")
    assert home.erase(ANNA).state.value == "in part"


@pytest.mark.parametrize("kind", ["AIFF", "AU"])
def test_the_same_samples_with_the_other_byte_first_are_found(home: Household, kind: str) -> None:
    samples, rate = soundfile.read(min((home.world / "media" / "voice" / ANNA).iterdir()), dtype="int16")
    soundfile.write(home.world / "lake" / "a.snd", samples, rate, format=kind, subtype="PCM_16")
    assert home.erase(ANNA).state.value == "in part"


def test_half_precision_copies_of_an_embedding_are_found(home: Household) -> None:
    draw = np.random.default_rng(5)
    vectors = {each: draw.normal(size=64).astype("<f4") for each in PEOPLE}
    rows(
        home,
        "CREATE TABLE emb (profile_id TEXT, vec BLOB, closed_at TEXT)",
        many=("INSERT INTO emb VALUES (?, ?, NULL)", [(each, vector.tobytes()) for each, vector in vectors.items()]),
    )
    home.write_map(more="  emb: {store: app, table: emb, subject: {profile: profile_id}, retention: life}\n")
    (home.world / "lake" / "e16.bin").write_bytes(vectors[ANNA].astype("<f2").tobytes())
    assert home.erase(ANNA).state.value == "in part"


# --- other places ------------------------------------------------------------------------------------


def test_a_copy_of_the_database_beside_it_under_another_name_is_seen(home: Household) -> None:
    shutil.copy(home.database, home.world / "app-2026.db")
    assert home.erase(ANNA).state.value == "in part"


def test_a_contentless_index_that_nobody_declared_is_not_passed_over(home: Household) -> None:
    rows(home, "CREATE VIRTUAL TABLE cl USING fts5(text, content=''); INSERT INTO cl (rowid, text) SELECT id, text FROM transcripts;")
    run = home.erase(ANNA)
    assert run.state.value == "in part"
    rows(home, "DROP TABLE cl")
    assert home.apply(run.order).state.value == "fulfilled"


# --- who is meant ------------------------------------------------------------------------------------


def test_a_name_that_can_be_read_in_two_ways_is_not_erased_with_one_of_the_two(home: Household) -> None:
    clips = home.world / "media" / "clips"
    clips.mkdir()
    for name in ("anna_1.wav", "anna_bell_1.wav"):
        (clips / name).write_bytes(wav(name))
    rows(home, "INSERT INTO profiles VALUES ('anna', 'acc-north-51XK', NULL), ('anna_bell', 'acc-south-82LM', NULL)")
    home.write_map(more='  clips: {store: media, path: "clips/{profile_id}_{clip}.wav", subject: {profile: profile_id}, retention: life}\n')
    run = home.erase("profile:anna")
    assert [each.name for each in clips.iterdir()] == ["anna_bell_1.wav"]
    assert outcomes(home, run)["clips"] == "unable"
    run = home.erase("profile:anna", "profile:anna_bell")
    assert not list(clips.iterdir()) or run.state.value == "in part"


def test_a_number_is_the_same_person_however_json_writes_it(home: Household) -> None:
    rows(home, "INSERT INTO profiles VALUES ('10234567', 'acc-north-51XK', NULL)")
    day = home.world / "lake" / "events" / "2026-05-03.jsonl.gz"
    day.write_bytes(gzip.compress(b'{"profile_id": 10234567.0, "said": "float identity thing spoken here"}\n'))
    home.erase("profile:10234567")
    assert not home.search("float identity thing spoken here")


def test_an_order_for_a_short_id_can_be_fulfilled(home: Household) -> None:
    rows(home, "INSERT INTO profiles VALUES ('7', 'acc-north-51XK', NULL)")
    assert home.erase("profile:7").state.value == "fulfilled"


@pytest.mark.parametrize("order", ["'", "ord-\udcff", "a" * 300, "No Such", "../up", ""])
def test_an_order_id_that_none_can_be_is_a_usage_error(home: Household, order: str) -> None:
    with home.open() as opened, pytest.raises(UsageError):
        opened.status(OrderId(order))
