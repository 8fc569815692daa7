"""``check`` fails on what would go wrong later, names the line and the fix, and shows what an order for some people would find."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.running import Ran, expunge

SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, created_at TEXT);
CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES users (id), title TEXT, posted_at TEXT);
CREATE TABLE likes (post_id INTEGER, at TEXT);
INSERT INTO users VALUES (4711, 'zerlina.q@example.org', '2026-01-01'), (4712, 'ambros.t@example.org', '2026-01-02'),
  (4713, 'cosima.v@example.org', '2026-01-03');
INSERT INTO posts VALUES (1, 4711, 'about mills', '2026-02-01'), (2, 4711, 'about weirs', '2026-02-02'), (3, 4712, 'on bees', '2026-02-03');
INSERT INTO likes VALUES (1, '2026-03-01'), (3, '2026-03-02');
"""
MAP = """\
version: 1
identities:
  user: {dataset: users, key: id, also: [email]}
stores:
  app: {kind: sqlite, url: "sqlite:///app.db"}
retention:
  life: {period: 2 years, from: created_at, purpose: keep the account, need: contract}
  posted: {period: 1 year, from: posted_at, purpose: show what was written, need: the service}
datasets:
  users: {store: app, table: users, subject: {user: id}, retention: life}
  posts: {store: app, table: posts, subject: {user: author_id}, retention: posted}
  likes: {store: app, table: likes, subject: {through: posts, via: {post_id: id}}, retention: posted}
"""


def company(folder: Path, more: str = "", text: str = MAP) -> Path:
    with closing(sqlite3.connect(folder / "app.db")) as db, db:
        db.executescript(SCHEMA + more)
    (folder / "expunge.yaml").write_text(text)
    return folder


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def failing(ran: Ran) -> list[dict[str, Any]]:
    assert (ran.code, ran.json["sound"]) == (1, False), ran.out
    return [each for each in ran.json["findings"] if each["kind"] != "note"]


def the_finding(folder: Path) -> dict[str, Any]:
    (found,) = failing(expunge("check", "--json", cwd=folder))
    return found


def test_a_sound_map_passes_and_the_samples_show_counts_and_no_identifier(tmp_path: Path) -> None:
    company(tmp_path)
    ran = expunge("check", cwd=tmp_path)
    assert ran.code == 0, ran.out
    assert "an order for one of 3 users would find: users 1; posts 0 to 2; likes 0 to 1" in ran.out
    assert "zerlina" not in ran.out
    assert "4711" not in ran.out
    (sample,) = expunge("check", "--json", cwd=tmp_path).json["samples"]
    assert sample == {"kind": "user", "people": 3, "items": {"users": [1, 1], "posts": [0, 2], "likes": [0, 1]}}


def test_a_period_that_runs_from_a_column_that_is_not_there(tmp_path: Path) -> None:
    company(tmp_path, text=MAP.replace("from: posted_at", "from: recorded_at"))
    found = the_finding(tmp_path)
    assert (
        found["what"] == "dataset posts: retention posted runs from recorded_at, which is no column of it: no retention reaches its items"
    )
    assert found["line"] == line_of(MAP, "  posts:")
    assert found["mend"] == "a retention with `from: posted_at`"
    out = expunge("check", cwd=tmp_path).out
    assert f"line {found['line']}" in out
    assert f"expunge.yaml:{found['line']}: error" in expunge("check", "--ci", cwd=tmp_path).out


def test_a_period_of_whole_files_runs_from_their_path_or_from_when_they_were_written(tmp_path: Path) -> None:
    text = MAP.replace("retention:\n", "  media: {kind: files, url: ./media}\nretention:\n", 1)
    text += '  clips: {store: media, path: "clip/{user_id}/{name}.wav", subject: {user: user_id}, retention: life}\n'
    company(tmp_path, text=text)
    (tmp_path / "media" / "clip" / "4711").mkdir(parents=True)
    (tmp_path / "media" / "clip" / "4711" / "a.wav").write_bytes(b"RIFF")
    found = the_finding(tmp_path)
    assert (
        found["what"] == "dataset clips: retention life runs from created_at, which its path does not name: no retention reaches its items"
    )
    assert (found["line"], found["mend"]) == (
        line_of(text, "  clips:"),
        "a retention with `from: modified`: when each file was last written",
    )


def test_a_table_without_any_time_is_told_and_no_fault(tmp_path: Path) -> None:
    more = "CREATE TABLE memberships (user_id INTEGER, club INTEGER); INSERT INTO memberships VALUES (4711, 1)"
    company(tmp_path, more, MAP + "  memberships: {store: app, table: memberships, subject: {user: user_id}, retention: life}\n")
    ran = expunge("check", "--json", cwd=tmp_path)
    assert ran.code == 0, ran.out
    assert [each["what"] for each in ran.json["findings"]] == [
        "dataset memberships: no column of it is a time: no retention reaches its items, and they go by orders for their people alone"
    ]


def test_columns_that_are_compared_and_of_different_types(tmp_path: Path) -> None:
    more = "CREATE TABLE visits (user_id TEXT, created_at TEXT); INSERT INTO visits VALUES ('4711', '2026-01-01')"
    company(tmp_path, more, MAP + "  visits: {store: app, table: visits, subject: {user: user_id}, retention: life}\n")
    found = the_finding(tmp_path)
    assert found["what"] == "dataset visits: user_id is text, and users.id, which it is compared with, is a number"
    assert found["line"] == 13


def test_through_a_column_of_another_type(tmp_path: Path) -> None:
    company(tmp_path, "DROP TABLE likes; CREATE TABLE likes (post_id TEXT, at TEXT); INSERT INTO likes VALUES ('1', '2026-03-01')")
    assert the_finding(tmp_path)["what"] == "dataset likes: post_id is text, and posts.id, which it is compared with, is a number"


def test_through_a_column_that_is_not_unique_counts_the_rows_that_two_people_would_share(tmp_path: Path) -> None:
    more = "ALTER TABLE likes ADD COLUMN title TEXT; UPDATE posts SET title = 'on bees' WHERE id = 2; UPDATE likes SET title = 'on bees'"
    company(tmp_path, more, MAP.replace("via: {post_id: id}", "via: title"))
    found = the_finding(tmp_path)
    assert found["what"] == "2 rows of likes lead to two or more people, to 2 at most"
    assert "many: true" in found["mend"]
    assert found["line"] == line_of(MAP, "  likes:")


@pytest.mark.parametrize(
    ("table", "column", "why"),
    [
        ("CREATE TABLE audit (id INTEGER PRIMARY KEY, who INTEGER REFERENCES users (id), at TEXT)", "who", "refers to users"),
        ("CREATE TABLE audit (id INTEGER PRIMARY KEY, post INTEGER REFERENCES posts (id), at TEXT)", "post", "refers to posts"),
        (
            "CREATE TABLE audit (id INTEGER PRIMARY KEY, author_id INTEGER); INSERT INTO audit VALUES (1, 4711), (2, 4712)",
            "author_id",
            "holds keys or addresses of people",
        ),
        (
            "CREATE TABLE audit (id INTEGER PRIMARY KEY, target TEXT); INSERT INTO audit VALUES (1, 'x'), (2, 'Zerlina.Q@example.org')",
            "target",
            "holds keys or addresses of people",
        ),
    ],
    ids=["key to people", "key to rows of people", "keys by name", "addresses"],
)
def test_an_ignored_table_that_names_people(tmp_path: Path, table: str, column: str, why: str) -> None:
    text = MAP + "ignore:\n  - {store: app, table: audit, reason: our own log}\n"
    company(tmp_path, table, text)
    found = the_finding(tmp_path)
    assert found["what"] == f"ignored table audit: {column} {why}"
    assert found["line"] == line_of(text, "table: audit")
    assert "datasets:" in found["mend"]


def test_a_column_that_the_map_ignores_by_name_is_settled_and_other_tables_may_be_ignored(tmp_path: Path) -> None:
    more = """
    CREATE TABLE audit (id INTEGER PRIMARY KEY, author_id INTEGER);
    CREATE TABLE prices (id INTEGER PRIMARY KEY, label TEXT, amount INTEGER);
    INSERT INTO audit VALUES (1, 4711), (2, 4712);
    INSERT INTO prices VALUES (4711, 'a mill', 4711), (4712, 'a weir', 4712);
    """
    text = MAP + "ignore:\n  - {store: app, table: audit, reason: our own log}\n"
    text += "  - {store: app, table: audit.author_id, reason: authors of the handbook}\n  - {store: app, table: prices, reason: prices}\n"
    company(tmp_path, more, text)
    ran = expunge("check", "--json", cwd=tmp_path)
    assert (ran.code, ran.json["findings"]) == (0, [])


def test_a_trigger_that_copies_rows_where_no_dataset_looks(tmp_path: Path) -> None:
    more = "CREATE TABLE gone (what TEXT); CREATE TRIGGER keep AFTER DELETE ON posts BEGIN INSERT INTO gone VALUES (OLD.title); END"
    ignored = "ignore:\n  - {store: app, table: gone, reason: our own log}\n"
    company(tmp_path, more, MAP + ignored)
    found = the_finding(tmp_path)
    assert found["what"].startswith("dataset posts: rows that triggers write elsewhere (keep: gone)")
    assert found["line"] == line_of(MAP, "  posts:")
    accepted = MAP.replace('app.db"}', 'app.db", triggers: {keep: keeps titles of our own}}') + ignored
    (tmp_path / "expunge.yaml").write_text(accepted)
    assert expunge("check", cwd=tmp_path).code == 0


def test_the_last_use_that_the_register_alone_will_say_is_noted(tmp_path: Path) -> None:
    rule = "also: [email], inactive_after: 18 months, last_used: {posts: posted_at}}"
    company(tmp_path, text=MAP.replace("also: [email]}", rule))
    ran = expunge("check", "--json", cwd=tmp_path)
    (noted,) = ran.json["findings"]
    assert (ran.code, noted["kind"], noted["line"]) == (0, "note", 3)
    assert noted["what"] == (
        "identity user: inactive after 18 months, and posts, which say when one was last used, are kept for 1 year: "
        "by then the noted day alone says it"
    )
    longer = MAP.replace("also: [email]}", rule).replace("period: 1 year", "period: 2 years")
    (tmp_path / "expunge.yaml").write_text(longer)
    assert expunge("check", "--json", cwd=tmp_path).json["findings"] == []


def test_a_dataset_that_is_empty_for_everybody(tmp_path: Path) -> None:
    text = MAP + "  visits: {store: app, table: visits, subject: {user: user_id}, retention: life}\n"
    more = "CREATE TABLE visits (user_id INTEGER, created_at TEXT); INSERT INTO visits VALUES (1, '2026-01-01'), (2, '2026-01-01')"
    company(tmp_path, more, text)
    what = "dataset visits: none of its items leads to anybody: an order finds nothing in it, whoever asks"
    found = [each for each in failing(expunge("check", "--json", cwd=tmp_path)) if each["what"] == what]
    assert [each["line"] for each in found] == [line_of(text, "  visits:")]


def test_a_path_that_no_file_fits_is_noted_and_files_that_it_should_fit_are_undeclared(tmp_path: Path) -> None:
    retention = "  media: {kind: files, url: ./media}\nretention:\n  w: {period: 1 year, from: modified, purpose: p, need: n}\n"
    clips = '  clips: {store: media, path: "clip/{user_id}/{name}.wav", subject: {user: user_id}, retention: w}\n'
    text = MAP.replace("retention:\n", retention, 1) + clips
    (tmp_path / "media").mkdir()
    company(tmp_path, text=text)
    ran = expunge("check", "--json", cwd=tmp_path)
    assert [(each["kind"], each["what"], each["line"]) for each in ran.json["findings"]] == [
        ("note", "dataset clips: no file fits its path", line_of(text, "  clips:"))
    ]
    assert ran.code == 0
    (tmp_path / "media" / "clips" / "4711").mkdir(parents=True)
    (tmp_path / "media" / "clips" / "4711" / "a.wav").write_bytes(b"RIFF")
    assert failing(expunge("check", "--json", cwd=tmp_path))


def test_an_empty_table_is_no_fault(tmp_path: Path) -> None:
    company(tmp_path, "DELETE FROM likes")
    assert expunge("check", cwd=tmp_path).code == 0


@pytest.mark.soak
def test_postgresql_is_held_against_the_map_as_sqlite_is(tmp_path: Path, database: str) -> None:
    with psycopg.connect(database) as db:
        db.execute(SCHEMA.replace("INTEGER PRIMARY KEY", "integer PRIMARY KEY").encode())
        db.execute(
            b"""
            CREATE TABLE visits (user_id text, came_at timestamptz);
            INSERT INTO visits VALUES ('4711', '2026-01-01');
            CREATE TABLE audit (id integer PRIMARY KEY, who integer REFERENCES users (id));
            CREATE TABLE gone (what text);
            CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO gone VALUES (OLD.title); RETURN OLD; END';
            CREATE TRIGGER keep AFTER DELETE ON posts FOR EACH ROW EXECUTE FUNCTION keep();
            """
        )
    text = MAP.replace('{kind: sqlite, url: "sqlite:///app.db"}', '{kind: postgres, url: "${APP_DB}"}').replace("table: ", "table: public.")
    text += "  visits: {store: app, table: public.visits, subject: {user: user_id}, retention: life}\n"
    text += (
        "ignore:\n  - {store: app, table: public.audit, reason: our own log}\n  - {store: app, table: public.gone, reason: our own log}\n"
    )
    (tmp_path / "expunge.yaml").write_text(text)
    found = {each["what"]: each["line"] for each in failing(expunge("check", "--json", cwd=tmp_path, env={"APP_DB": database}))}
    lines = {part: line_of(text, part) for part in ("  visits:", "  posts:", "public.audit")}
    wrong = "dataset visits: retention life runs from created_at, which is no column of it: no retention reaches its items"
    assert found.pop(wrong) == lines["  visits:"]
    assert found.pop("dataset visits: user_id is text, and users.id, which it is compared with, is a number") == lines["  visits:"]
    assert found.pop("ignored table audit: who refers to users") == lines["public.audit"]
    (trigger,) = [what for what in found if "rows that triggers write elsewhere (keep: gone)" in what]
    assert found.pop(trigger) == lines["  posts:"]
    assert found == {}
