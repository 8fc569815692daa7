"""A first map holds no value of the data, reads back, and leaves to people what only people can decide."""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.datamap import ByField, Through, Undecided
from expunge.core.datamap.path_template import overlap
from expunge.errors import StoreUnavailable, UsageError
from expunge.maps import examine, read_map
from expunge.maps.proposal.from_files import look_at_folder, split_extension
from expunge.maps.proposal.known_words import home_of, is_plain, kind_of
from expunge.stores import Kinds
from expunge.survey import propose

CHILDREN = ("zoe-4f1", "max-77b", "ümit-9")
SECRETS = ("zoe", "max", "ümit", "4f1", "77b", "r0x", "Secretname", "example.com", "kitchen", "51.5", "2026")

SCHEMA = """
    CREATE TABLE accounts (account_id TEXT PRIMARY KEY, email TEXT, created_at TEXT);
    CREATE TABLE profiles (profile_id TEXT PRIMARY KEY, account_id TEXT REFERENCES accounts (account_id), name TEXT);
    CREATE TABLE devices (serial TEXT, account_id TEXT);
    CREATE TABLE participants (profile_id TEXT, recording_id TEXT);
    CREATE TABLE transcripts (recording_id TEXT, text TEXT);
    CREATE VIRTUAL TABLE transcripts_fts USING fts5 (text, content = 'transcripts');
    CREATE TABLE django_migrations (id INTEGER);
    CREATE TABLE newsletter (email TEXT);
    CREATE VIEW everyone AS SELECT * FROM profiles;
    INSERT INTO profiles VALUES ('zoe-4f1', 'a', 'Zoe Secretname');
    INSERT INTO accounts VALUES ('a', 'zoe@example.com', '2026-01-01');
"""


def propose_map(target, folder):
    """One target; the map lies in the folder."""
    return propose([str(target)], folder / "expunge.yaml")


def make_database(path, schema=SCHEMA):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(schema)
    return path


@pytest.fixture
def company(tmp_path):
    home = tmp_path / "company"
    home.mkdir()
    media = home / "media"
    for child in CHILDREN:
        for number in range(2):
            name = f"r0x{number}{child}"
            folder = media / "voice" / child
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.flac").write_bytes(b"fLaC")
            (folder / f"{name}.json").write_text(json.dumps({"profile_id": child, "recording_id": name, "room": "kitchen", "lat": 51.5}))
    (media / "exports").mkdir()
    for day in ("2026-01-01", "2026-01-02"):
        with gzip.open(media / "exports" / f"events-{day}.jsonl.gz", "wt") as file:
            file.write(json.dumps({"profile_id": CHILDREN[0], "zoe_id": 1, "zoe@example.com": 2}) + "\n")
    (media / "calls").mkdir()
    (media / "calls" / "r0x9.wav").write_bytes(b"RIFF")
    (media / "calls" / "r0x8.wav").write_bytes(b"RIFF")
    (media / ".DS_Store").write_bytes(b"\0")
    make_database(home / "app.db")
    return home


def reading_of(text, folder):
    (folder / "expunge.yaml").write_text(text)
    return examine(folder / "expunge.yaml", {}, kinds=Kinds())


@pytest.mark.parametrize(("target", "at"), [("media", "."), ("app.db", "."), (".", "."), (".", ".."), ("media", "media")])
def test_no_value_of_the_data_is_written_down_and_check_reads_it(company, target, at):
    text = propose_map(company / target, company / at)
    assert not [secret for secret in SECRETS if secret.lower() in text.lower().replace(company.name.lower(), "")]
    reading = reading_of(text, (company / at).resolve())
    assert reading.map is not None
    assert reading.faults == ()


def test_a_company_is_seen_as_its_engineers_would_draw_it(company):
    data_map = reading_of(propose_map(company, company.parent), company.parent).map
    assert data_map is not None
    subjects = {name: dataset.subject for name, dataset in data_map.datasets.items()}
    assert data_map.datasets["voice"].paths == (
        "media/voice/{profile_id}/{recording_id}.flac",
        "media/voice/{profile_id}/{recording_id}.json",
    )
    assert subjects["voice"] == ByField({"profile": "profile_id"})
    assert subjects["exports_events"] == ByField({"profile": "profile_id"})
    assert data_map.datasets["exports_events"].format == "jsonl"
    assert data_map.datasets["exports_events"].paths == ("media/exports/events-{day}.jsonl.gz",)
    assert subjects["calls"] == Undecided()
    assert subjects["transcripts"] == Through("voice", "recording_id")
    assert subjects["newsletter"] == Undecided()
    assert subjects["devices"] == ByField({"account": "account_id"})
    assert data_map.identities["profile"].member_of == "account"
    assert data_map.identities["account"].also == ("email",)
    assert "everyone" not in data_map.datasets
    assert "transcripts_fts" not in data_map.datasets
    assert {entry.pattern for entry in data_map.ignore} == {"app.db*", "*.DS_Store"}
    asked = {each.name: each.said for each in data_map.guesses}
    assert asked["voice"] == "{profile_id}: 1 of 3 values match profiles.profile_id"
    assert asked["devices"] == "account_id: named like accounts.account_id, and there is no value yet to compare"
    assert asked["newsletter"] == "email may name people, and no key says whom"
    assert asked.keys().isdisjoint({"accounts", "profiles", "django_migrations"})


def test_state_never_lies_in_the_folder_that_is_the_store(company):
    text = propose_map(company, company)
    assert not [fault for fault in reading_of(text, company).faults if fault.rule == "state-in-store"]
    assert 'path: "expunge.yaml"' in text


def test_folders_of_users_give_the_placeholder_its_name(tmp_path):
    for user in ("1001", "1002", "1003"):
        (tmp_path / "s" / "users" / user / "clips").mkdir(parents=True)
        (tmp_path / "s" / "users" / user / "clips" / f"{user}9.mp4").write_bytes(b"x")
    (dataset,) = read_map(written(tmp_path, propose_map(tmp_path / "s", tmp_path)), {}, kinds=Kinds()).datasets.values()
    assert dataset.paths == ("users/{user_id}/clips/{recording_id}.mp4",)
    assert dataset.subject == ByField({"user": "user_id"})


def written(folder, text):
    (folder / "expunge.yaml").write_text(text)
    return folder / "expunge.yaml"


def test_a_table_named_after_people_with_a_plain_id_lists_them(tmp_path):
    make_database(
        tmp_path / "app.db", "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT); CREATE TABLE clips (user_id INTEGER, url TEXT);"
    )
    data_map = read_map(written(tmp_path, propose_map(tmp_path / "app.db", tmp_path)), {}, kinds=Kinds())
    assert (data_map.identities["user"].dataset, data_map.identities["user"].key) == ("users", "id")
    assert data_map.datasets["users"].subject == ByField({"user": "id"})
    assert data_map.datasets["clips"].subject == ByField({"user": "user_id"})


def test_what_cannot_be_told_is_left_to_decide_and_explained(tmp_path):
    make_database(tmp_path / "app.db", 'CREATE TABLE "odd ""name: #x" (a INTEGER); CREATE TABLE "yes" (user_id);')
    text = propose_map(tmp_path / "app.db", tmp_path)
    reading = reading_of(text, tmp_path)
    assert reading.faults == ()
    assert reading.map is not None
    assert {each.name for each in reading.map.guesses} >= {"odd__name___x", "user"}
    assert {dataset.table for dataset in reading.map.datasets.values()} == {'odd "name: #x', "yes"}


def test_an_address_alone_is_an_identity_too(tmp_path):
    make_database(tmp_path / "app.db", "CREATE TABLE newsletter (email TEXT, since TEXT);")
    data_map = read_map(written(tmp_path, propose_map(tmp_path / "app.db", tmp_path)), {}, kinds=Kinds())
    assert data_map.datasets["newsletter"].subject == ByField({"email": "email"})


def test_an_empty_folder_gives_an_empty_map(tmp_path):
    (tmp_path / "media").mkdir()
    assert reading_of(propose_map(tmp_path / "media", tmp_path), tmp_path).faults == ()


def test_what_is_no_store_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    for target in ("notes.txt", "nowhere"):
        with pytest.raises(UsageError, match="neither a folder nor a SQLite database"):
            propose_map(tmp_path / target, tmp_path)


def test_a_corrupt_database_is_named_and_not_guessed(tmp_path):
    (tmp_path / "app.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        propose_map(tmp_path / "app.db", tmp_path)


def test_looking_changes_nothing(company):
    before = {path: path.read_bytes() for path in company.rglob("*") if path.is_file()}
    propose_map(company, company.parent)
    assert {path: path.read_bytes() for path in company.rglob("*") if path.is_file()} == before


def test_a_key_that_names_a_person_is_not_followed_either(tmp_path):
    for folder, record in (
        ("exports", {"profile_id": "a", "zoe_id": 1, "session_id": 2}),
        ("reports", {"zoe_id": 1}),
        ("logs", {"session_id": 2}),
    ):
        (tmp_path / "media" / folder).mkdir(parents=True)
        (tmp_path / "media" / folder / "events.jsonl").write_text(json.dumps(record))
    text = propose_map(tmp_path / "media", tmp_path)
    assert "zoe" not in text
    assert "subject: {through" not in text.replace("# subject", "#")


def test_links_are_not_followed(tmp_path):
    (tmp_path / "media" / "voice").mkdir(parents=True)
    (tmp_path / "media" / "voice" / "loop").symlink_to(tmp_path / "media")
    (tmp_path / "media" / "voice" / "twin.wav").symlink_to("/etc/passwd")
    assert look_at_folder(tmp_path / "media", "media").guesses == ()


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("profile_id", "profile"),
        ("profileId", "profile"),
        ("user", "user"),
        ("uid", "user"),
        ("ACCOUNT_ID", "account"),
        ("child_uuid", "child"),
        ("recording_id", None),
        ("email", None),
        ("anna_id", None),
        ("", None),
    ],
)
def test_fields_that_name_people_are_known(field, kind):
    assert kind_of(field) == kind


def test_words_names_and_homes_are_told_apart():
    assert is_plain("voice_recordings")
    assert is_plain("wakeWords")
    assert not is_plain("anna")
    assert not is_plain("voice-anna")
    assert not is_plain("2026")
    assert home_of("children") == "child"
    assert home_of("app_users") == "user"
    assert home_of("superusers_log") is None
    assert split_extension("r1.flac.json") == ("r1", ".flac.json")
    assert split_extension("anna.smith") == ("anna.smith", "")


NAMES = st.text(st.sampled_from("abzäQ07-_. é'\"{}$%#:\n"), min_size=1, max_size=9).filter(lambda text: text.strip(".") == text)
TREES = st.lists(
    st.tuples(
        st.lists(st.one_of(NAMES, st.sampled_from(["voice", "users", "2026"])), max_size=3),
        NAMES,
        st.sampled_from([".flac", ".json", ".jsonl", ".csv", ""]),
    ),
    max_size=8,
)


@given(tree=TREES)
def test_whatever_files_are_called_the_proposal_reads_and_names_nobody(tmp_path_factory, tree):
    root = tmp_path_factory.mktemp("world")
    for folders, name, extension in tree:
        folder = root.joinpath("media", *folders)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}{extension}").write_text("zq8id,b\n1,2\n")
        except OSError:
            continue
    (root / "media").mkdir(exist_ok=True)
    text = propose_map(root / "media", root)
    reading = reading_of(text, root)
    assert reading.map is not None
    assert {fault.rule for fault in reading.faults} <= {"overlapping-datasets"}
    paths = [path for dataset in reading.map.datasets.values() for path in dataset.paths]
    literal = re.sub(r"\{\w+\}", "", " ".join(paths))
    assert not re.search(r"[äQé0'\"$%#:]|zq8id", literal)
    for path in (root / "media").rglob("*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts):
            name = re.sub(r"[^/]", "x", path.relative_to(root / "media").as_posix())
            assert [each for each in paths if each.count("/") == name.count("/")]
            assert any(overlap(each, path.relative_to(root / "media").as_posix()) for each in paths)
