"""Targets and tables that a first look got wrong: files seen twice or broken, databases in folders, people who refer to one another."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge.core.datamap.datamap import ByField, DataMap, ReferenceData, Undecided
from expunge.errors import UsageError
from expunge.maps import examine
from expunge.stores import Kinds
from expunge.survey import propose

PEOPLE = """
CREATE TABLE customer (customer_id INTEGER PRIMARY KEY, name TEXT, email TEXT);
CREATE TABLE employee (employee_id INTEGER PRIMARY KEY, last_name TEXT, first_name TEXT, reports_to INTEGER {key}, email TEXT);
INSERT INTO customer VALUES (1, 'x', 'c@x.org'), (2, 'y', 'd@x.org'), (3, 'z', 'e@x.org'), (4, 'w', 'f@x.org');
INSERT INTO employee VALUES (1, 'Adams', 'A', NULL, 'a@x.org'), (2, 'Edwards', 'N', 1, 'n@x.org'), (3, 'Peacock', 'J', 2, 'j@x.org'),
  (4, 'Park', 'M', NULL, 'm@x.org');
"""


def seen(folder: Path, *targets: str) -> DataMap:
    text = propose([each if "://" in each else str(folder / each) for each in targets], folder / "expunge.yaml")
    (folder / "expunge.yaml").write_text(text)
    reading = examine(folder / "expunge.yaml", {}, kinds=Kinds())
    assert reading.faults == ()
    assert reading.map is not None
    return reading.map


def database(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(script)
    return path


@pytest.mark.parametrize("key", ["", "REFERENCES employee (employee_id)"], ids=["by values", "by a key"])
def test_people_who_refer_to_one_another_go_with_nobody_else(tmp_path: Path, key: str) -> None:
    database(tmp_path / "app.db", PEOPLE.format(key=key))
    found = seen(tmp_path, "app.db")
    assert found.datasets["employee"].subject == ByField({"employee": "employee_id"})
    assert list(found.datasets["employee"].mentions) == ["reports_to"]


def test_what_staff_looks_after_goes_with_nobody_of_the_staff_unasked(tmp_path: Path) -> None:
    database(
        tmp_path / "app.db",
        """
        CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT);
        CREATE TABLE staff (staff_id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, email TEXT, username TEXT);
        CREATE TABLE store (store_id INTEGER PRIMARY KEY, manager_staff_id INTEGER NOT NULL REFERENCES staff (staff_id));
        CREATE TABLE inventory (id INTEGER PRIMARY KEY, store_id INTEGER NOT NULL REFERENCES store (store_id));
        """,
    )
    said = {each.name: each.said for each in seen(tmp_path, "app.db").guesses}
    assert said["store"] == "manager_staff_id may only say who did something to a row, and a row goes with that person"
    assert said["inventory"] == "it goes with rows of store, of which it is a question whose they are"


@pytest.mark.parametrize("key", ["", "REFERENCES category (id)"], ids=["by values", "by a key"])
def test_a_tree_of_things_names_no_parents_of_children(tmp_path: Path, key: str) -> None:
    rows = "(1, NULL, 'kitchen'), (2, NULL, 'garden'), (3, 1, 'teapots'), (4, 1, 'cups'), (5, 2, 'rakes')"
    database(
        tmp_path / "app.db",
        f"CREATE TABLE category (id INTEGER PRIMARY KEY, parent_id INTEGER {key}, label TEXT); INSERT INTO category VALUES {rows};"
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)",
    )
    found = seen(tmp_path, "app.db")
    assert list(found.identities) == ["user"]
    assert isinstance(found.datasets["category"].subject, ReferenceData)


def test_no_guess_says_a_thing_twice(tmp_path: Path) -> None:
    database(
        tmp_path / "app.db",
        """
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
        CREATE TABLE post (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id));
        CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id));
        CREATE TABLE clips (user_id INTEGER REFERENCES users (id) REFERENCES users (id), approved_by INTEGER NOT NULL
          REFERENCES users (id) REFERENCES users (id));
        CREATE TABLE remarks (id INTEGER PRIMARY KEY, visit_id INTEGER, post_id INTEGER, body TEXT);
        CREATE TABLE visits (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id));
        INSERT INTO users VALUES (1, 'a@x.org'), (2, 'b@x.org');
        INSERT INTO post VALUES (1, 1), (2, 2);
        INSERT INTO posts VALUES (1, 1), (2, 2);
        INSERT INTO visits VALUES (1, 1), (2, 2);
        INSERT INTO remarks VALUES (1, 1, 1, 'x'), (2, 2, 2, 'y');
        """,
    )
    found = seen(tmp_path, "app.db")
    said = {each.name: each.said for each in found.guesses}
    assert said["remarks"].count("post_id leads") + said["remarks"].count("post_id:") == 1
    assert "post_id, post_id" not in said["remarks"]
    assert said["clips"].count("approved_by names other people") == 1
    assert len(found.guesses) == len({(each.section, each.name) for each in found.guesses})


def test_a_broken_file_of_records_does_not_hide_what_the_others_say_and_is_counted(tmp_path: Path) -> None:
    database(
        tmp_path / "app.db", "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO users VALUES (4711, NULL), (4712, NULL)"
    )
    folder = tmp_path / "events"
    folder.mkdir()
    (folder / "events-2026-01-01.jsonl").write_text('{"user_id": 47')
    for day, user in (("2026-01-02", 4711), ("2026-01-03", 4712)):
        (folder / f"events-{day}.jsonl").write_text(json.dumps({"user_id": user}) + "\n")
    found = seen(tmp_path, "app.db", "events")
    assert found.datasets["events"].subject == ByField({"user": "user_id"})
    (said,) = [each.said for each in found.guesses if each.section == "datasets" and each.name == "events"]
    assert said == "user_id: 2 of 2 values match users.id; 1 of 3 files that were looked at cannot be read as jsonl: expunge check names it"


def test_a_database_in_a_folder_whose_name_may_be_a_persons_is_asked_about(tmp_path: Path) -> None:
    database(tmp_path / "work" / "Zerlina" / "shop-zq.db", "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)")
    found = seen(tmp_path, "work")
    text = (tmp_path / "expunge.yaml").read_text()
    assert "Zerlina" not in text
    assert "shop-zq" not in text
    (dataset,) = found.datasets.values()
    assert dataset.subject == Undecided()
    (said,) = [each.said for each in found.guesses if each.section == "datasets"]
    assert said.startswith("1 SQLite database, whose name may be a person's: expunge init FOLDER FOLDER/NAME proposes its tables")


def test_a_database_that_is_a_target_is_no_file_of_the_folder_around_it(tmp_path: Path) -> None:
    database(tmp_path / "work" / "inner" / "shop-zq.db", "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)")
    for targets in (("work", "work/inner/shop-zq.db"), ("work/inner/shop-zq.db", "work")):
        found = seen(tmp_path, *targets)
        assert set(found.stores) == {"work", "shop_zq"}
        assert list(found.datasets) == ["users"]
        assert {each.pattern for each in found.ignore} == {"inner/shop-zq.db*"}


@pytest.mark.parametrize("kind", ["symlink", "hard link", "same", "url"])
def test_one_place_under_two_names_is_one_store(tmp_path: Path, kind: str) -> None:
    path = database(tmp_path / "app.db", "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)")
    other = tmp_path / "other.db"
    if kind == "symlink":
        other.symlink_to(path)
    elif kind == "hard link":
        os.link(path, other)
    text = {"same": "./app.db", "url": f"sqlite:///{path}"}.get(kind, str(other))
    assert set(seen(tmp_path, "app.db", text).stores) == {"app"}


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "app.db").touch()
    with pytest.raises(UsageError, match="is empty") as raised:
        propose([str(tmp_path / "app.db")], tmp_path / "expunge.yaml")
    assert "neither" not in raised.value.message
