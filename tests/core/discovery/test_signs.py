"""Signs of people: identities as sketches that nobody can read, and places on the globe."""

from __future__ import annotations

import pytest

from expunge.core.discovery import coordinates, people_sketch
from expunge.core.discovery.discovery import Discovery, FoundPlace, UnseenPlace
from expunge.core.discovery.people_sketch import IdentitySketch, PeopleSketch

PEOPLE = ("usr-100k700", "Ada.Quill@example.org", "17", "anna")


def sketch(key: bytes = b"k" * 32) -> PeopleSketch:
    made = IdentitySketch("user", key)
    made.take(PEOPLE)
    return PeopleSketch([made])


@pytest.mark.parametrize(
    "text",
    [
        "usr-100k700",
        " USR-100K700 ",
        "exports/usr-100k700/clip.wav",
        "rec_usr-100k700_2024.json",
        '{"to": ["ada.quill@example.org"], "n": 1}',
        "Please write to <Ada.Quill@example.org>.",
        "id=usr-100k700&at=3",
        "x;usr-100k700;y",
    ],
)
def test_a_text_that_names_person_is_told_in_whatever_capitals_and_between_whatever_signs(text: str) -> None:
    assert sketch().kinds_in(text) == {"user"}


@pytest.mark.parametrize("text", ["", "17", "anna", "anna is 17", "usr-100k7001", "xusr-100k700", "ada.quill@example.com", "a" * 500])
def test_short_numbers_and_words_and_other_identities_tell_nobody(text: str) -> None:
    assert sketch().kinds_in(text) == frozenset()


def test_a_short_identity_is_known_where_it_is_asked_for_by_itself() -> None:
    (users,) = sketch().sketches
    assert "17" in users
    assert "18" not in users
    assert not users.numbers


def test_a_sketch_holds_digests_under_its_key_and_no_value() -> None:
    (one,), (other,) = sketch().sketches, sketch(b"x" * 32).sketches
    assert vars(one)["_digests"].isdisjoint(vars(other)["_digests"])
    assert not [each for each in PEOPLE if each in repr(one) or each.encode() in b"".join(vars(one)["_digests"])]
    assert "kkkk" not in repr(one)


def test_more_identities_than_are_taken_in_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_sketch, "MOST_IDENTITIES", 3)
    made = IdentitySketch("user", b"k" * 32)
    assert made.take(["a", "b", "c", "c"])
    assert not made.cut
    assert not made.take(["a", "d"])
    assert (made.cut, len(made)) == (True, 3)


EXACT = [f"{52 + n / 1013:.5f}" for n in range(20)]


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (("lat", "lon"), [("lat", "lon")]),
        (("id", "homeLatitude", "homeLongitude"), [("homeLatitude", "homeLongitude")]),
        (("pickup_lat", "pickup_lng", "drop_lat"), [("pickup_lat", "pickup_lng")]),
        (("latitudeE7", "longitudeE7"), [("latitudeE7", "longitudeE7")]),
        (("latency", "longest"), []),
        (("lat",), []),
    ],
)
def test_columns_are_pairs_by_their_names(columns: tuple[str, ...], found: list[tuple[str, str]]) -> None:
    assert list(coordinates.pairs(columns)) == found


@pytest.mark.parametrize(
    ("north", "east", "are"),
    [
        (EXACT, EXACT, True),
        (["525200010", "-525200010"], ["134049540", "0134049541"], True),
        (["1", "2", "3"], ["4", "5", "6"], False),
        (EXACT, ["512.12345"] * 3, False),
        ([], [], False),
        (["", " "], EXACT, False),
        (["red"], ["blue"], False),
    ],
)
def test_values_are_coordinates_when_they_are_in_range_and_exact(north: list[str], east: list[str], *, are: bool) -> None:
    assert coordinates.are_coordinates(north, east) is are


def test_points_in_one_column_are_told() -> None:
    for value in (
        "52.52001, 13.40495",
        "(52.52001,13.40495)",
        "POINT(13.40495 52.52001)",
        "SRID=4326;POINT(13.4 52.5)",
        "0101000020" + "E6" * 21,
    ):
        assert coordinates.are_points([value]), value
    for value in ("1.5, 2.5", "10.0.0.1", "version 1.234.567", "", "3.14159"):
        assert not coordinates.are_points([value]), value


FORMS = {
    "GPX": '<gpx><trk><trkseg><trkpt lat="52.1" lon="13.4"/></trkseg></trk></gpx>',
    "KML": "<Placemark><Point><coordinates>13.4,52.1,0</coordinates></Point></Placemark>",
    "GeoJSON": '{"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[13.40495, 52.52001], [13.5, 52.6]]}}',
    "NMEA": "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A",
    "JSON": '{"at": 1, "pos": {"latitude": 52.52001, "longitude": 13.40495}}',
    "CSV": "at,lat,lon\n1,52.52001,13.40495\n2,52.52002,13.40496\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_files_of_places_are_told_by_their_form(form: str) -> None:
    assert coordinates.form_of(FORMS[form]) == form


@pytest.mark.parametrize(
    "text",
    [
        "lat and lon are explained on page 3.14159",
        '{"latency": 52.52001, "longest": 13.40495}',
        "item,count,price\ntea,3,4.50\n",
        "at,lat,lon\n1,52,13\n",
        '{"coordinates": "unknown"}',
        "",
    ],
)
def test_texts_about_no_place_have_no_form(text: str) -> None:
    assert coordinates.form_of(text) == ""


@pytest.mark.parametrize(
    ("found", "unseen", "said"),
    [
        (0, 0, "nothing that holds people is undeclared, as far as was looked"),
        (1, 0, "1 place holds people, and no dataset of the map declares it"),
        (2, 1, "2 places hold people, and no dataset of the map declares them; 1 place could not be looked at"),
        (0, 3, "nothing undeclared was found where one could look; 3 places could not be looked at"),
    ],
)
def test_the_last_sentence_says_what_came_of_it(found: int, unseen: int, said: str) -> None:
    made = Discovery((FoundPlace("app", "x", (), ""),) * found, (UnseenPlace("app", "x", "y"),) * unseen)
    assert (made.said, made.clean) == (said, not found and not unseen)
