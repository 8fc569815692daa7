"""Places of a child: read from every dataset of geolocation, and chosen by square, area or hand."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.core.families.selection import Area, ChosenItems
from expunge.core.families.whereabouts import Place
from expunge.engine.families import whereabouts
from expunge.engine.families.whereabouts import Whereabouts
from expunge.errors import UsageError
from tests.engine.families.company import BEN, HOME, MIA, NOW, Clock, build


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("whereabouts") / "company", places=4).parent


@pytest.fixture
def company(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "company"))


def look(company: Path, profile: str = MIA) -> Whereabouts:
    with Expunge.open(company / "expunge.yaml", clock=Clock()) as opened:
        return whereabouts.look(opened.context, opened.resolve(f"profile:{profile}").person)


def written(company: Path, *statements: str) -> None:
    with closing(sqlite3.connect(company / "world" / "app.db")) as db, db:
        for statement in statements:
            db.execute(statement)


@pytest.mark.duty("AMZ-06")
def test_the_places_of_one_child_are_read_newest_first(company: Path) -> None:
    found = look(company)
    assert (found.unread, found.cut, found.not_looked) == (0, False, ())
    assert found.places[0] == Place("places", "[1]", *HOME, NOW)
    assert [each.key for each in found.places] == ["[1]", "[2]", "[3]", "[4]"]
    assert [each.key for each in look(company, BEN).places] == ["[5]"]


@pytest.mark.duty("AMZ-06")
def test_round_places_of_a_child_are_shown_too_and_a_heatmap_is_not(company: Path) -> None:
    written(
        company,
        "UPDATE places SET lat = 48.1, lng = 11.6 WHERE id = 1",
        "CREATE TABLE heat (id INTEGER PRIMARY KEY, lat REAL, lng REAL, at TEXT)",
    )
    written(company, "INSERT INTO heat VALUES (1, 48.1, 11.6, '2026-11-01')")
    text = (company / "expunge.yaml").read_text()
    heat = """\
  heat:
    store: app
    table: heat
    categories: [user.location.precise]
    retention: places
    aggregate:
      reason: "how often anybody was where"
      safeguards: "ten people at least in each cell"
      prohibition: "nobody may look for people in it"
      release: "two people look at each release"
      no_attempt: "nobody here tries to find anyone"
"""
    (company / "expunge.yaml").write_text(text + heat)
    found = look(company)
    assert (found.places[0].latitude, found.places[0].longitude) == (48.1, 11.6)
    assert {each.dataset for each in found.places} == {"places"}


def test_an_item_without_coordinates_is_counted_and_one_without_a_time_comes_last(company: Path) -> None:
    written(
        company,
        "UPDATE places SET lat = NULL WHERE id = 1",
        "UPDATE places SET lng = 999 WHERE id = 2",
        "UPDATE places SET at = NULL WHERE id = 3",
    )
    found = look(company)
    assert found.unread == 2
    assert [(each.key, each.at is None) for each in found.places] == [("[4]", False), ("[3]", True)]


def test_a_store_that_is_away_is_named_and_never_empty(company: Path) -> None:
    with Expunge.open(company / "expunge.yaml", clock=Clock()) as opened:
        person = opened.resolve(f"profile:{MIA}").person
        (company / "world" / "app.db").write_bytes(b"no database" * 500)
        found = whereabouts.look(opened.context, person)
    assert found.places == ()
    assert [name for name, _ in found.not_looked] == ["places"]


def test_no_more_places_are_read_than_a_page_shows(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whereabouts, "MOST", 3)
    found = look(company)
    assert (len(found.places), found.cut) == (3, True)


def test_places_are_chosen_by_area_by_square_and_one_by_one(company: Path) -> None:
    found = look(company)
    north = Area(frozenset({"places"}), HOME[0] + 0.0015, -180.0, 90.0, 180.0)
    assert whereabouts.within(found, north) == ChosenItems({"places": ("[3]", "[4]")})
    # 48.137 to 48.140, and 11.576 to 11.573: two squares, of which the northern one has the last place.
    assert whereabouts.in_squares(found, {(0, 0)}) == ChosenItems({"places": ("[4]",)})
    assert whereabouts.in_squares(found, {(1, 0)}) == ChosenItems({"places": ("[1]", "[2]", "[3]")})
    assert whereabouts.chosen(found.places[:1]) == ChosenItems({"places": ("[1]",)})
    for nothing in (Area(frozenset({"places"}), 0.0, 0.0, 1.0, 1.0), Area(frozenset({"others"}), -90.0, -180.0, 90.0, 180.0)):
        with pytest.raises(UsageError):
            whereabouts.within(found, nothing)


def test_places_in_files_of_many_records_are_shown_and_not_chosen_one_by_one(company: Path) -> None:
    (company / "world" / "media" / "tracks").mkdir()
    lines = [
        {"profile_id": child, "lat": 48.2, "lng": 11.6, "at": "2026-11-02T10:00:00Z", "n": n} for n, child in enumerate((MIA, MIA, BEN))
    ]
    file = company / "world" / "media" / "tracks" / "2026-11.jsonl.gz"
    file.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
    text = (company / "expunge.yaml").read_text()
    tracks = """\
  tracks:
    store: media
    path: "tracks/{month}.jsonl.gz"
    format: jsonl
    subject: {profile: profile_id}
    categories: [user.location.precise]
    retention: places
"""
    (company / "expunge.yaml").write_text(text + tracks)
    found = look(company)
    mine = [each for each in found.places if each.dataset == "tracks"]
    assert [(each.key, each.latitude) for each in mine] == [("", 48.2), ("", 48.2)]
    with pytest.raises(UsageError):
        whereabouts.chosen(mine)
