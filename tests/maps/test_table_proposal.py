"""How rows are proposed to lead to people: along keys alone, with the counts that a guess rests on."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from expunge.core.datamap.datamap import ByField, DataMap, Inherited, ReferenceData, Through, Undecided
from expunge.core.datamap.mentions import MentionAct
from expunge.maps import examine
from expunge.stores import Kinds
from expunge.survey import propose

COMPANY = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, created_at TEXT, deleted_at TEXT);
CREATE TABLE account_emailaddress (id INTEGER PRIMARY KEY, email TEXT UNIQUE, user_id INTEGER NOT NULL REFERENCES users (id));
CREATE TABLE user_profile (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL UNIQUE REFERENCES users (id), bio TEXT,
  friend_id INTEGER REFERENCES users (id));
CREATE TABLE clubs (id INTEGER PRIMARY KEY, title TEXT);
CREATE TABLE club_members (id INTEGER PRIMARY KEY, club_id INTEGER REFERENCES clubs (id), user_id INTEGER REFERENCES users (id));
CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER, title TEXT, approved_by INTEGER REFERENCES users (id));
CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER, body TEXT);
CREATE TABLE messages (id INTEGER PRIMARY KEY, sender_id INTEGER REFERENCES users (id), recipient_id INTEGER REFERENCES users (id));
CREATE TABLE taggings (id INTEGER PRIMARY KEY, taggable_type TEXT, taggable_id INTEGER, label TEXT);
CREATE TABLE historicalusers (history_id INTEGER PRIMARY KEY, id INTEGER, name TEXT, created_at TEXT, deleted_at TEXT, kind TEXT);
CREATE TABLE addresses (id INTEGER PRIMARY KEY, street TEXT, town TEXT);
CREATE TABLE deliveries (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id),
  address_id INTEGER REFERENCES addresses (id));
CREATE TABLE passports (id INTEGER PRIMARY KEY, number TEXT);
CREATE TABLE passport_holders (user_id INTEGER NOT NULL REFERENCES users (id), passport_id INTEGER UNIQUE REFERENCES passports (id));
CREATE TABLE products (id INTEGER PRIMARY KEY, label TEXT);
CREATE TABLE newsletter (email TEXT);
CREATE TABLE settings (id INTEGER PRIMARY KEY, label TEXT, value TEXT);
CREATE TABLE sessions (session_id TEXT PRIMARY KEY, data TEXT);
CREATE TABLE alembic_version (version_num TEXT PRIMARY KEY);
INSERT INTO settings VALUES (1, 'contact', 'boss@example.org');
INSERT INTO sessions VALUES ('a', 'b');
INSERT INTO alembic_version VALUES ('4f');
INSERT INTO clubs VALUES (1, 'chess');
INSERT INTO newsletter VALUES ('p100@example.org');
"""


def fill(db: sqlite3.Connection) -> None:
    for number in range(100, 120):
        db.execute("INSERT INTO users VALUES (?, ?, '2026-01-01', NULL)", (number, f"Person{number}"))
        db.execute("INSERT INTO account_emailaddress VALUES (?, ?, ?)", (number - 99, f"p{number}@example.org", number))
        db.execute("INSERT INTO posts VALUES (?, ?, 'title', 100)", (number + 900, number))
        db.execute("INSERT INTO comments VALUES (?, ?, 'body')", (number, number + 900))
        db.execute("INSERT INTO historicalusers VALUES (?, ?, 'x', 'y', NULL, '+')", (number - 90, number))
        db.execute("INSERT INTO addresses VALUES (?, 'Lane 5', 'Graz')", (number,))
        db.execute("INSERT INTO deliveries VALUES (?, ?, ?)", (number, number, number))
        db.execute("INSERT INTO passports VALUES (?, ?)", (number + 5, f"X{number}"))
        db.execute("INSERT INTO passport_holders VALUES (?, ?)", (number, number + 5))
        db.execute("INSERT INTO products VALUES (?, ?)", (number, f"thing {number}"))
        db.execute("INSERT INTO taggings VALUES (?, 'Post', ?, 'red')", (number, number + 900))


@pytest.fixture
def seen(tmp_path: Path) -> DataMap:
    with closing(sqlite3.connect(tmp_path / "app")) as db, db:
        db.executescript(COMPANY)
        fill(db)
    return read(tmp_path, propose([str(tmp_path / "app")], tmp_path / "expunge.yaml"))


def read(folder: Path, text: str, environ: dict[str, str] | None = None) -> DataMap:
    (folder / "expunge.yaml").write_text(text)
    reading = examine(folder / "expunge.yaml", environ or {}, kinds=Kinds())
    assert reading.faults == ()
    assert reading.map is not None
    return reading.map


def test_each_table_gets_the_rule_that_its_keys_tell(seen: DataMap) -> None:
    rules = {name: dataset.subject for name, dataset in seen.datasets.items()}
    assert {kind: (each.dataset, each.key) for kind, each in seen.identities.items()} == {"user": ("users", "id")}
    of_user = {"users": "id", "account_emailaddress": "user_id", "club_members": "user_id", "deliveries": "user_id"}
    of_user |= {"user_profile": "user_id", "posts": "author_id", "passport_holders": "user_id", "historicalusers": "id"}
    assert {name: rules[name] for name in of_user} == {name: ByField({"user": field}) for name, field in of_user.items()}
    assert rules["messages"] == ByField({"user": "sender_id"}, {"user": ("recipient_id",)})
    assert rules["comments"] == Through("posts", "post_id", "id")
    assert rules["passports"] == Through("passport_holders", "id", "passport_id")
    assert rules["newsletter"] == Through("account_emailaddress", "email")
    assert rules["sessions"] == Inherited(("users",))
    assert {name for name, rule in rules.items() if isinstance(rule, Undecided)} == {"addresses", "taggings", "settings"}
    assert {name for name, rule in rules.items() if isinstance(rule, ReferenceData)} == {"clubs", "products", "alembic_version"}
    emptied = {(name, column) for name, each in seen.datasets.items() for column, rule in each.mentions.items()}
    assert emptied == {("posts", "approved_by"), ("user_profile", "friend_id")}
    assert seen.datasets["posts"].mentions["approved_by"].act is MentionAct.NULL


def test_what_no_key_declares_is_a_guess_with_its_counts_and_what_a_key_declares_is_none(seen: DataMap) -> None:
    said = {each.name: each.said for each in seen.guesses}
    assert said["posts"] == "author_id: 20 of 20 values match users.id"
    assert said["comments"] == "post_id: 20 of 20 values match posts.id"
    assert said["newsletter"] == "email: 1 of 1 values match account_emailaddress.email"
    assert said["historicalusers"] == "id: it has the columns of users; 20 of 20 values match users.id"
    assert said["messages"] == "a row goes with any of its people: sender_id, recipient_id"
    assert said["taggings"] == "taggable_type and taggable_id lead to rows of several tables; nothing else says whose it is"
    assert said["addresses"].startswith("street: deliveries.address_id leads here, and two people may share a row")
    assert said["settings"] == "value names people, and no key says whom"
    assert "user_profile" not in said
    assert said.keys().isdisjoint({"users", "account_emailaddress", "club_members", "deliveries", "passport_holders", "passports"})


@pytest.mark.parametrize(
    ("people", "rows"),
    [
        ("email TEXT", "INSERT INTO users VALUES (1, 'a@example.org'), (2, 'b@example.org')"),
        ("email TEXT UNIQUE COLLATE BINARY", "INSERT INTO users VALUES (1, 'c@example.org'), (2, 'd@example.org')"),
    ],
    ids=["no unique key", "a unique key of other values"],
)
def test_an_address_is_a_way_only_along_a_unique_key_that_holds_it(tmp_path: Path, people: str, rows: str) -> None:
    with closing(sqlite3.connect(tmp_path / "app")) as db, db:
        db.executescript(f"CREATE TABLE users (id INTEGER PRIMARY KEY, {people}); CREATE TABLE newsletter (email TEXT); {rows};")
        db.execute("INSERT INTO newsletter VALUES ('a@example.org')")
    seen = read(tmp_path, propose([str(tmp_path / "app")], tmp_path / "expunge.yaml"))
    assert seen.datasets["newsletter"].subject == Undecided()


def test_a_number_of_another_type_or_of_a_chance_match_is_no_key_of_people(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "app")) as db, db:
        db.executescript(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE stock (id INTEGER PRIMARY KEY, pieces INTEGER)"
        )
        db.executescript("CREATE TABLE visits (id INTEGER PRIMARY KEY, user_id TEXT)")
        db.executemany("INSERT INTO users VALUES (?, 'x')", [(number,) for number in range(1, 50)])
        db.executemany("INSERT INTO stock VALUES (?, ?)", [(number, number) for number in range(1, 50)])
        db.executemany("INSERT INTO visits VALUES (?, ?)", [(number, str(number)) for number in range(1, 50)])
    seen = read(tmp_path, propose([str(tmp_path / "app")], tmp_path / "expunge.yaml"))
    assert isinstance(seen.datasets["stock"].subject, ReferenceData)
    assert seen.datasets["visits"].subject == Undecided()


def test_files_are_led_to_people_of_a_database_and_two_stores_share_one_list_of_identities(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with closing(sqlite3.connect(tmp_path / name)) as db, db:
            db.executescript(
                "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)" if name == "first" else "CREATE TABLE calls (user_id INTEGER)"
            )
            db.executemany(f"INSERT INTO {'users (id)' if name == 'first' else 'calls'} VALUES (?)", [(4711,), (4712,)])
    for user in (4711, 4712):
        (tmp_path / "clips" / str(user)).mkdir(parents=True)
        (tmp_path / "clips" / str(user) / f"a{user}.wav").write_bytes(b"RIFF")
    seen = read(tmp_path, propose([str(tmp_path / each) for each in ("first", "clips", "second")], tmp_path / "expunge.yaml"))
    assert set(seen.stores) == {"first", "second", "clips"}
    assert list(seen.identities) == ["user"]
    assert seen.datasets["calls"].subject == ByField({"user": "user_id"})
    assert seen.datasets["clips"].subject == ByField({"user": "user_id"})
    said = {each.name: each.said for each in seen.guesses}
    assert said["calls"] == "user_id: 2 of 2 values match users.id"
    assert said["clips"] == "{user_id}: 2 of 2 values match users.id"


@pytest.mark.parametrize("same", [True, False], ids=["the same people", "other people"])
def test_people_who_are_listed_in_two_stores_are_one_identity_where_keys_say_so(tmp_path: Path, same: bool) -> None:
    for name, first in (("app", 4000), ("shop", 4000 if same else 9000)):
        with closing(sqlite3.connect(tmp_path / name)) as db, db:
            db.executescript("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)")
            db.executemany("INSERT INTO users (id) VALUES (?)", [(first + number,) for number in range(20)])
            db.executescript("CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), total INTEGER)")
    seen = read(tmp_path, propose([str(tmp_path / "app"), str(tmp_path / "shop")], tmp_path / "expunge.yaml"))
    second = "user" if same else "users"
    assert list(seen.identities) == ["user", *([] if same else ["users"])]
    assert seen.datasets["users_shop"].subject == ByField({second: "id"})
    said = {each.name: each.said for each in seen.guesses}
    assert (said.get("users_shop") == "id: 20 of 20 values match users.id of the store app") is same


def test_whoever_did_something_to_a_row_does_not_own_it_unasked(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "app")) as db, db:
        db.executescript("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)")
        db.executescript("CREATE TABLE songs (id INTEGER PRIMARY KEY, title TEXT, updated_by INTEGER REFERENCES users (id))")
    seen = read(tmp_path, propose([str(tmp_path / "app")], tmp_path / "expunge.yaml"))
    said = {each.name: each.said for each in seen.guesses}
    assert said["songs"] == "updated_by may only say who did something to a row, and a row goes with that person"


def test_a_foreign_key_is_followed_however_its_statement_spells_the_column(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "app")) as db, db:
        db.executescript(
            "CREATE TABLE Users (Id INTEGER PRIMARY KEY, Email TEXT); CREATE TABLE clips (Owner INTEGER REFERENCES users (ID))"
        )
    seen = read(tmp_path, propose([str(tmp_path / "app")], tmp_path / "expunge.yaml"))
    assert seen.datasets["clips"].subject == ByField({"user": "Owner"})
    assert "clips" not in {each.name for each in seen.guesses}


def test_a_guess_says_which_other_people_the_values_match_as_well(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "app")) as db, db:
        for table in ("customers", "players"):
            db.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, email TEXT)")
            db.executemany(f"INSERT INTO {table} (id) VALUES (?)", [(number,) for number in range(1, 60)])
        db.executescript("CREATE TABLE clips (owner_id INTEGER); INSERT INTO clips VALUES (1), (2), (3)")
    seen = read(tmp_path, propose([str(tmp_path / "app")], tmp_path / "expunge.yaml"))
    said = {each.name: each.said for each in seen.guesses}
    assert said["clips"] == "owner_id: 3 of 3 values match customers.id, and most of them players.id as well"


@pytest.mark.parametrize(("names", "rule"), [(("r1", "r2"), Through("clips", "recording_id")), (("r1", "r1"), Undecided())])
def test_rows_are_led_through_files_only_where_no_two_people_have_one_of_the_name(
    tmp_path: Path, names: tuple[str, str], rule: Through | Undecided
) -> None:
    with closing(sqlite3.connect(tmp_path / "app")) as db, db:
        db.executescript(
            "CREATE TABLE said (recording_id TEXT, line TEXT); INSERT INTO said VALUES ('r1', 'the kettle is on in the yard today')"
        )
        db.executescript("CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT); INSERT INTO users VALUES ('u-7x1', NULL), ('u-7x2', NULL)")
    for user, name in zip(("u-7x1", "u-7x2"), names, strict=True):
        (tmp_path / "clips" / user).mkdir(parents=True)
        (tmp_path / "clips" / user / f"{name}.wav").write_bytes(b"RIFF")
    seen = read(tmp_path, propose([str(tmp_path / "app"), str(tmp_path / "clips")], tmp_path / "expunge.yaml"))
    assert seen.datasets["clips"].subject == ByField({"user": "user_id"})
    assert seen.datasets["said"].subject == rule


@pytest.mark.soak
def test_postgresql_is_seen_as_sqlite_is(tmp_path: Path, database: str, seen: DataMap) -> None:
    with psycopg.connect(database) as db:
        db.execute(COMPANY.encode())
        with closing(sqlite3.connect(tmp_path / "app")) as lite:
            for (table,) in lite.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
                db.execute(f"DELETE FROM {table}".encode())
            for table in (
                "users",
                "addresses",
                "clubs",
                "passports",
                "account_emailaddress",
                "posts",
                "comments",
                "historicalusers",
                "deliveries",
            ):
                copy(lite, db, table)
            for table in ("passport_holders", "products", "taggings", "newsletter", "settings", "sessions", "alembic_version"):
                copy(lite, db, table)
    other = read(tmp_path, propose([database], tmp_path / "expunge.yaml"))
    assert {name: each.subject for name, each in other.datasets.items()} == {name: each.subject for name, each in seen.datasets.items()}
    assert [(each.name, each.said) for each in other.guesses] == [(each.name, each.said) for each in seen.guesses]


def copy(lite: sqlite3.Connection, db: psycopg.Connection, table: str) -> None:
    for row in lite.execute(f"SELECT * FROM {table}").fetchall():
        db.execute(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(row))})".encode(), row)


def test_a_password_is_not_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from expunge.maps.proposal.targets import recognised

    address = "postgresql://eraser:hush-hush@db.example.org/school"
    target = recognised(address, tmp_path, {})
    assert (target.url, target.where) == ("${SCHOOL_URL}", address)
    assert not [text for text in (target.url, *target.notes) if "hush" in text]
    assert recognised(address, tmp_path, {"APP_DB": address}).url == "${APP_DB}"
    assert recognised("postgresql://eraser@db.example.org/school", tmp_path, {}).url == "postgresql://eraser@db.example.org/school"


def _mails(number: int) -> str:
    return f"p{number}@example.org"


def test_a_column_of_hashes_of_people_is_proposed_as_one_of_people(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "app")) as db, db:
        db.executescript(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT UNIQUE, created_at TEXT);"
            "CREATE TABLE audience (n INTEGER PRIMARY KEY, who TEXT, created_at TEXT);"
            "CREATE TABLE builds (n INTEGER PRIMARY KEY, digest TEXT, created_at TEXT);"
        )
        for number in range(20):
            db.execute("INSERT INTO customers VALUES (?, ?, '2026-01-01')", (number, _mails(number)))
            db.execute("INSERT INTO audience VALUES (?, ?, '2026-01-01')", (number, hashlib.sha1(_mails(number).encode()).hexdigest()))
            db.execute("INSERT INTO builds VALUES (?, ?, '2026-01-01')", (number, hashlib.sha1(b"build %d" % number).hexdigest()))
    text = propose([str(tmp_path / "app")], tmp_path / "expunge.yaml")
    assert "who: 20 of 20 values are sha1 of customers.email" in text
    seen = read(tmp_path, text)
    audience, builds = seen.datasets["audience"].subject, seen.datasets["builds"].subject
    assert isinstance(audience, ByField)
    assert [(each.kind, each.name, each.rule.algorithm) for each in audience.hashed] == [("customer", "who", "sha1")]
    assert not isinstance(builds, ByField)


def test_a_file_of_hashes_of_people_is_proposed_as_one_of_people(tmp_path: Path) -> None:
    world = tmp_path / "world"
    (world / "exports").mkdir(parents=True)
    with closing(sqlite3.connect(world / "app.db")) as db, db:
        db.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT UNIQUE, created_at TEXT)")
        db.executemany("INSERT INTO customers VALUES (?, ?, '2026-01-01')", [(number, _mails(number)) for number in range(20)])
    lines = [f"{hashlib.sha256(_mails(number).encode()).hexdigest()},autumn\n" for number in range(20)]
    (world / "exports" / "audience.csv").write_text("".join(["email_sha256,segment\n", *lines]))
    seen = read(tmp_path, propose([str(world)], tmp_path / "expunge.yaml"))
    hashed = [each for one in seen.datasets.values() if isinstance(one.subject, ByField) for each in one.subject.hashed]
    assert [(each.kind, each.name, each.rule.algorithm) for each in hashed] == [("customer", "email_sha256", "sha256")]
