"""What a dataset holds is held against its categories: a fault where they say otherwise, and what `expunge obligations` counts by."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.survey import propose
from tests.cli.running import expunge as command
from tests.engine.household import wav

MAP = """\
version: 1
state: ./state
identities: {{child: {{dataset: children, key: child_id}}}}
stores:
  app: {{kind: sqlite, url: "sqlite:///app.db"}}
  media: {{kind: files, url: ./media}}
retention:
  life: {{period: 30 days, from: at, purpose: answer, need: the service}}
  files: {{period: 30 days, from: modified, purpose: answer, need: the service}}
guardians: {{child: 13 years}}
datasets:
  children: {{store: app, table: children, subject: {{child: child_id}}, retention: life, categories: [user.childrens]}}
  visits: {{store: app, table: visits, subject: {{child: child_id}}, retention: life{visits}}}
  heat: {{store: app, table: heat, retention: life, categories: [system.operations],
          aggregate: {{reason: "how often anybody was where, in cells", safeguards: "ten people at least in each cell",
                      prohibition: "nobody may look for people in it", release: "two people look at each release",
                      no_attempt: "nobody here tries to find anyone"}}}}
  voice: {{store: media, path: "{{child_id}}/{{recording}}.bin", subject: {{child: child_id}}, retention: files{voice}}}
"""
NOTES, OTHERWISE = "", ", categories: [user.behavior]"


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Two children, where they were to a hundredth of a degree, what they said, and a heatmap in cells of a tenth."""
    noise = random.Random(7)
    with sqlite3.connect(tmp_path / "app.db") as db:
        db.execute("CREATE TABLE children (child_id TEXT PRIMARY KEY, at TEXT)")
        db.execute("CREATE TABLE visits (id INTEGER PRIMARY KEY, child_id TEXT, lat REAL, lng REAL, at TEXT)")
        db.execute("CREATE TABLE heat (id INTEGER PRIMARY KEY, latitude REAL, longitude REAL, visits INTEGER, at TEXT)")
        for child in ("child-mia-4411", "child-ben-5522"):
            db.execute("INSERT INTO children VALUES (?, '2026-11-01')", (child,))
            for _ in range(20):
                where = round(52 + noise.random(), 2), round(13 + noise.random(), 2)
                db.execute("INSERT INTO visits (child_id, lat, lng, at) VALUES (?, ?, ?, '2026-11-01')", (child, *where))
            (tmp_path / "media" / child).mkdir(parents=True)
            (tmp_path / "media" / child / "r1.bin").write_bytes(wav(child))
        db.executemany("INSERT INTO heat (latitude, longitude, visits, at) VALUES (?, ?, 12, '2026-11-01')", [(52.5, 13.4), (52.6, 13.1)])
    db.close()
    return tmp_path


def checked(world: Path, visits: str, voice: str) -> tuple[int, dict[str, str]]:
    """The exit code of check, and kind of finding by dataset of what it says of categories."""
    (world / "expunge.yaml").write_text(MAP.format(visits=visits, voice=voice))
    said = command("check", "--map", world / "expunge.yaml", "--json")
    found = {each["what"].split(":")[0]: each["kind"] for each in said.json["findings"] if "categories" in each["what"]}
    return said.code, found


def obliged(world: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    if not (world / "state").exists():
        Expunge.init(world / "expunge.yaml")
    said = command("obligations", "--map", world / "expunge.yaml", "--json").json
    return {each["duty"]: each for each in said["duties"]}, said["scope"]


@pytest.mark.duty("AMZ-06", "COP-01")
def test_categories_that_say_otherwise_are_a_fault(world: Path) -> None:
    code, found = checked(world, OTHERWISE, OTHERWISE)
    assert code == 1
    # Two decimals are in scope where a child can be linked to them.
    assert found == {"dataset visits": "category", "dataset voice": "category"}
    duties, scope = obliged(world)
    assert duties["AMZ-06"]["today"] == duties["COP-01"]["today"] == "no"
    assert "lat with lng holds places on the globe, which is geolocation" in duties["AMZ-06"]["why"]
    assert "it holds recordings of sound, which is voice" in duties["COP-01"]["why"]
    assert scope["geolocation"] == {"datasets": [], "children": []}


@pytest.mark.duty("AMZ-06")
def test_no_categories_at_all_are_a_note_but_for_columns_that_are_plainly_coordinates(world: Path) -> None:
    code, found = checked(world, NOTES, NOTES)
    assert code == 1
    assert found == {"dataset visits": "category", "dataset voice": "note"}
    duties, _ = obliged(world)
    assert duties["AMZ-06"]["today"] == duties["COP-01"]["today"] == "no"
    ran = command("check", "--map", world / "expunge.yaml")
    assert (
        "categories: [user.location.precise]; or, where these are no places, ignore: - {store: app, table: visits.lat, reason: WHY}"
        in ran.out
    )


def test_columns_of_numbers_that_are_no_places_are_settled_by_the_map(world: Path) -> None:
    (world / "expunge.yaml").write_text("")
    text = MAP + "ignore: [{{store: app, table: visits.lat, reason: squares of a game}}]\n"
    (world / "expunge.yaml").write_text(text.format(visits=NOTES, voice=NOTES))
    ran = command("check", "--map", world / "expunge.yaml", "--json")
    assert (ran.code, [each["what"].split(":")[0] for each in ran.json["findings"] if "categories" in each["what"]]) == (
        0,
        ["dataset voice"],
    )


@pytest.mark.parametrize(
    ("column", "values", "kind"),
    [
        ("home_location", ("52.51234, 13.41234", "52.62345, 13.10345"), "category"),
        ("note", ("52.51234, 13.41234", "52.62345, 13.10345"), "note"),
        ("location", ("shelf 4", "shelf 5"), ""),
    ],
)
def test_points_are_told_by_name_and_values(world: Path, column: str, values: tuple[str, str], kind: str) -> None:
    with sqlite3.connect(world / "app.db") as db:
        db.execute("DROP TABLE visits")
        db.execute(f"CREATE TABLE visits (id INTEGER PRIMARY KEY, child_id TEXT, {column} TEXT, at TEXT)")
        for child, value in zip(("child-mia-4411", "child-ben-5522"), values, strict=True):
            db.execute("INSERT INTO visits VALUES (NULL, ?, ?, '2026-11-01')", (child, value))
    db.close()
    assert checked(world, NOTES, NOTES)[1].get("dataset visits", "") == kind


@pytest.mark.duty("AMZ-06", "COP-01")
def test_categories_that_say_it_are_sound_and_say_what_is_in_scope(world: Path) -> None:
    code, found = checked(world, ", categories: [user.location.imprecise]", ", categories: [user.content.audio]")
    assert (code, found) == (0, {})
    duties, scope = obliged(world)
    assert duties["AMZ-06"]["today"] == duties["COP-01"]["today"] == "met"
    assert scope["geolocation"] == {"datasets": ["visits"], "children": ["visits"]}
    assert scope["voice"] == {"datasets": ["voice"], "children": ["voice"]}


@pytest.mark.duty("AMZ-06")
def test_exact_places_are_in_scope_even_where_nobody_can_be_linked_to_them(world: Path) -> None:
    with sqlite3.connect(world / "app.db") as db:
        db.execute("UPDATE heat SET latitude = latitude + 0.0041")
    db.close()
    code, _ = checked(world, ", categories: [user.location.imprecise]", ", categories: [user.content.audio]")
    assert code == 1
    assert "geolocation, linked to people or not" in obliged(world)[0]["AMZ-06"]["why"]


@pytest.mark.soak
def test_points_of_postgresql_are_places(tmp_path: Path, database: str) -> None:
    with psycopg.connect(database) as db:
        db.execute("CREATE TABLE users (id text PRIMARY KEY, at timestamptz)")
        db.execute("CREATE TABLE rides (id integer PRIMARY KEY, user_id text REFERENCES users (id), home_location point, at timestamptz)")
        db.execute("INSERT INTO users VALUES ('child-mia-4411', %s)", [clock.now()])
        db.execute("INSERT INTO rides VALUES (1, 'child-mia-4411', '(52.51234, 13.41234)', %s)", [clock.now()])
    (tmp_path / "expunge.yaml").write_text(
        "version: 1\nstate: ./state\nidentities: {user: {dataset: users, key: id}}\n"
        f'stores: {{app: {{kind: postgres, url: "{database}"}}}}\n'
        "retention: {life: {period: 30 days, from: at, purpose: ride, need: the service}}\n"
        "datasets:\n  users: {store: app, table: users, subject: {user: id}, retention: life}\n"
        "  rides: {store: app, table: rides, subject: {user: user_id}, retention: life}\n"
    )
    found = command("check", "--json", cwd=tmp_path).json["findings"]
    assert [each["kind"] for each in found if "home_location (points) holds places" in each["what"]] == ["category"], found
    proposed = propose([database], tmp_path / "first.yaml")
    assert "1 values of home_location are places on the globe" in proposed
    assert "categories: [user.location.precise]" in proposed
