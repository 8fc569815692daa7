"""Which names and records of a folder are offered as spellings of others."""

from __future__ import annotations

import json
from pathlib import Path

from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec
from expunge.ports.optional.spelling_search import SpellingSearch, StoreEquality
from expunge.stores.files.store import Files

VOICE = Dataset("voice", "media", ByField({"name": "name"}), "life", layout=PathLayout(("voice/{name}/{take}.wav",)))
EVENTS = Dataset("events", "media", ByField({"email": "who.mail"}), "life", layout=PathLayout(("log/{day}.jsonl",)), format="jsonl")


def opened(folder: Path) -> Files:
    return Files(StoreSpec("media", "files", str(folder)), (VOICE, EVENTS))


def near(store: SpellingSearch, dataset: Dataset, field: str, *texts: str) -> list[str]:
    return sorted(value for values in store.near(dataset, field, texts or None) for value in values)


def test_folders_are_listed_down_to_the_name_and_no_further(tmp_path: Path) -> None:
    for name in ("Mia", "zoe\u0308", "otto", "locked"):
        (tmp_path / "voice" / name).mkdir(parents=True)
        (tmp_path / "voice" / name / "a.wav").write_bytes(b"sound")
    (tmp_path / "voice" / "locked").chmod(0)
    store = opened(tmp_path)
    try:
        assert near(store, VOICE, "name", "mia") == ["Mia", "zoe\u0308"]
        assert near(store, VOICE, "name") == ["Mia", "locked", "otto", "zoe\u0308"]
    finally:
        (tmp_path / "voice" / "locked").chmod(0o700)


def write(path: Path, *mails: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"who": {"mail": mail}}) + "\n" for mail in mails))


def test_records_are_read_again_once_their_file_is_another(tmp_path: Path) -> None:
    write(tmp_path / "log" / "monday.jsonl", "Mia@Example.org", "otto@example.org")
    write(tmp_path / "log" / "tuesday.jsonl", "mia@example.org ")
    store = opened(tmp_path)
    assert near(store, EVENTS, "who.mail", "mia@example.org") == ["Mia@Example.org", "mia@example.org "]
    write(tmp_path / "log" / "monday.jsonl", "otto@example.org", "MIA@example.org", "anna@example.org")
    assert near(store, EVENTS, "who.mail", "mia@example.org") == ["MIA@example.org", "mia@example.org "]
    assert near(store, EVENTS, "who.mail", "otto@example.org") == ["otto@example.org"]
    assert len(near(store, EVENTS, "who.mail")) == 4


def test_a_damaged_file_offers_what_can_be_read(tmp_path: Path) -> None:
    write(tmp_path / "log" / "monday.jsonl", "mia@example.org")
    with (tmp_path / "log" / "tuesday.jsonl").open("wb") as file:
        file.write(b'{"who": {"mail": "MIA@example.org"}}\n\xff\xfe{broken')
    assert "mia@example.org" in near(opened(tmp_path), EVENTS, "who.mail", "mia@example.org")


def test_names_compare_byte_by_byte_in_the_store_itself(tmp_path: Path) -> None:
    store = opened(tmp_path)
    assert store.equality(VOICE, "name") == StoreEquality()
    assert list(store.alike(VOICE, "name", ["mia"])) == []
