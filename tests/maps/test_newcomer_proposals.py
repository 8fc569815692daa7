"""What a newcomer with a choir, a dentist's practice and an app for dogs was proposed wrongly: each is a question, or right."""

from __future__ import annotations

import json
from pathlib import Path

from expunge.core.datamap.datamap import ByField, ReferenceData, Undecided
from tests.maps.test_proposal_oddities import database, seen

MEMBERS = """
CREATE TABLE members (member_no INTEGER PRIMARY KEY, fullname TEXT, mail TEXT);
INSERT INTO members VALUES (1, 'a', 'a@x.example'), (2, 'b', 'b@x.example'), (3, 'c', 'c@x.example'), (4, 'd', 'd@x.example');
"""


def said(found: object, name: str) -> str:
    return "; ".join(each.said for each in getattr(found, "guesses", ()) if each.name == name)


def test_a_log_full_of_addresses_is_about_somebody(tmp_path: Path) -> None:
    lines = ", ".join(f"({n}, 'donation by {name}@post.example')" for n, name in enumerate(("olive", "pit", "quinn")))
    database(tmp_path / "app.db", MEMBERS + f"CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT); INSERT INTO log VALUES {lines};")
    found = seen(tmp_path, "app.db")
    assert isinstance(found.datasets["log"].subject, Undecided)
    assert said(found, "log") == "line names people, and no key says whom"


def test_an_address_within_an_url_is_no_persons(tmp_path: Path) -> None:
    rows = "(1, 'https://user@proxy:8080/a.html'), (2, 'ssh://git@host/x')"
    database(tmp_path / "app.db", MEMBERS + f"CREATE TABLE hosts (id INTEGER PRIMARY KEY, url TEXT); INSERT INTO hosts VALUES {rows};")
    assert isinstance(seen(tmp_path, "app.db").datasets["hosts"].subject, ReferenceData)


def test_folders_by_kind_are_taken_for_people_with_a_question_alone(tmp_path: Path) -> None:
    for kind in ("lists", "xray"):
        (tmp_path / "co" / kind).mkdir(parents=True)
        (tmp_path / "co" / kind / "newsletter.txt").write_text("nothing\n")
    found = seen(tmp_path, "co")
    (name,) = found.datasets
    assert found.datasets[name].subject == ByField({"profile": "profile_id"})
    assert said(found, name) == "{profile_id}: that a folder is a person's is told by nothing but its place; it may be a kind of files"


def test_no_file_fits_two_datasets_of_a_proposal(tmp_path: Path) -> None:
    """``seen`` reads the map, and finds no fault in it."""
    for name in ("backup/2026.zip", "lists/newsletter.txt", "lists/members-2025.json", "backup/zq1", "letters/zq.json"):
        (tmp_path / "co" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "co" / name).write_text("[]")
    database(tmp_path / "co" / "choir.db", MEMBERS)
    found = seen(tmp_path, "co", "co/choir.db")
    assert "backup/{day}.zip" in [path for each in found.datasets.values() for path in each.paths]
    (shared,) = [each for each in found.datasets.values() if len(each.paths) > 1]
    assert isinstance(shared.subject, Undecided)
    assert "no path tells them apart" in said(found, shared.name)


def test_who_stands_in_front_of_the_others_is_asked_about(tmp_path: Path) -> None:
    script = """
    CREATE TABLE rehearsals (id INTEGER PRIMARY KEY, date TEXT, conductor INTEGER REFERENCES members (member_no));
    CREATE TABLE dogs (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES members (member_no), name TEXT);
    CREATE TABLE fees (id INTEGER PRIMARY KEY, member INTEGER REFERENCES members (member_no), day TEXT);
    """
    database(tmp_path / "app.db", MEMBERS + script)
    found = seen(tmp_path, "app.db")
    assert said(found, "rehearsals") == "conductor may only say who did something to a row, and a row goes with that person"
    assert (said(found, "dogs"), said(found, "fees")) == ("", "")


def test_the_one_database_of_a_folder_is_opened_whatever_its_name(tmp_path: Path) -> None:
    database(tmp_path / "co" / "choir.db", MEMBERS)
    (tmp_path / "co" / "backup").mkdir()
    (tmp_path / "co" / "backup" / "2026.zip").write_bytes(b"PK")
    found = seen(tmp_path, "co")
    assert found.stores["choir"].kind == "sqlite"
    assert found.datasets["members"].subject == ByField({"member": "member_no"})


def test_one_of_several_databases_may_be_a_persons(tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        database(tmp_path / "co" / f"{name}.db", MEMBERS)
    assert [each.kind for each in seen(tmp_path, "co").stores.values()] == ["files"]
    assert "ann" not in (tmp_path / "expunge.yaml").read_text().replace("cannot", "").replace("planned", "").replace("any", "")


def test_a_period_runs_from_no_column_that_is_not_there(tmp_path: Path) -> None:
    database(tmp_path / "app.db", MEMBERS + "CREATE TABLE pets (id INTEGER PRIMARY KEY, member_no INTEGER REFERENCES members (member_no));")
    found = seen(tmp_path, "app.db")
    assert [each.start for each in found.retention.values()] == ["DECIDE: from which field it runs; nothing here has a time"]


def test_the_row_above_in_a_tree_is_no_member(tmp_path: Path) -> None:
    script = "CREATE TABLE pages (id INTEGER PRIMARY KEY, parent_id INTEGER, title TEXT);"
    rows = "INSERT INTO pages VALUES (1, NULL, 'a'), (2, NULL, 'b'), (3, 1, 'c'), (4, 2, 'd');"
    database(tmp_path / "app.db", MEMBERS + script + rows)
    assert isinstance(seen(tmp_path, "app.db").datasets["pages"].subject, ReferenceData)


def test_a_broken_line_below_the_first_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "events"
    folder.mkdir()
    (folder / "events-2026-01-01.jsonl").write_text(json.dumps({"user_id": 1}) + '\n{"user_id": 4\n' + json.dumps({"user_id": 2}) + "\n")
    (folder / "events-2026-01-02.jsonl").write_text(json.dumps({"user_id": 2}) + "\n")
    found = seen(tmp_path, "events")
    (name,) = found.datasets
    assert "1 of 2 files that were looked at cannot be read as jsonl" in said(found, name)
