"""Recognise places on the globe: pairs of columns, single values, and files that devices write (GPX, KML, GeoJSON, NMEA)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

_LATITUDES = frozenset({"lat", "latitude"})
_LONGITUDES = ("lon", "lng", "long", "longitude")
_PLACES = frozenset(
    {
        "geo",
        "gps",
        "geom",
        "geog",
        "location",
        "position",
        "coordinate",
        "coordinates",
        "coords",
        "point",
        "whereabouts",
        "latlng",
        "latlon",
    }
)
"""Words of a column that holds a place whole."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SCALED = frozenset({"e5", "e6", "e7"})
_ENOUGH = 0.9
_NORTH, _EAST = 90.0, 180.0
_DECIMALS = re.compile(r"-?\d{1,3}\.\d{3,}")
_POINT = re.compile(
    r"\(?\s*-?\d{1,2}\.\d{3,}\s*[,; ]\s*-?\d{1,3}\.\d{3,}\s*\)?"
    r"|(?:SRID=\d+;)?\s*POINT\s*(?:Z|M|ZM)?\s*\(\s*-?\d+(?:\.\d+)?\s+-?\d+(?:\.\d+)?.*\)"
    r"|0101000020[0-9A-F]{40,}",
    re.IGNORECASE,
)
_PAIR = re.compile(r"\(?\s*(-?\d{1,2}(?:\.\d+)?)\s*[,; ]\s*(-?\d{1,3}(?:\.\d+)?)\s*\)?")
_WELL_KNOWN = re.compile(
    r"(?:SRID=\d+;)?\s*POINT\s*(?:Z|M|ZM)?\s*\(\s*(-?\d+(?:\.\d+)?)\s+(-?\d+(?:\.\d+)?)(?:\s+-?\d+(?:\.\d+)?)*\s*\)", re.IGNORECASE
)
"""Well-known text (ISO 13249-3): the longitude stands first."""
_NUMBER = r"\"?-?\d{1,3}\.\d{3,}"
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("GPX", re.compile(r"<(?:trkpt|wpt|rtept)\s[^>]*\blat\s*=")),
    ("KML", re.compile(r"<(?:gx:coord|coordinates)>\s*-?\d")),
    ("GeoJSON", re.compile(r"\"coordinates\"\s*:\s*(?:\[\s*)+-?\d+\.\d+\s*,\s*-?\d+\.\d+")),
    ("NMEA", re.compile(r"\$(?:G[A-Z]|BD)(?:RMC|GGA|GLL|GNS),[^\r\n]*\d{3,5}\.\d+,[NS],")),
    ("FIT", re.compile(r"^.{8}\.FIT", re.DOTALL)),
)
_BOTH = (
    re.compile(rf"\"(?:lat|latitude)\"\s*:\s*{_NUMBER}|\"latitudeE[567]\"\s*:\s*-?\d{{5,}}", re.IGNORECASE),
    re.compile(rf"\"(?:lon|lng|long|longitude)\"\s*:\s*{_NUMBER}|\"longitudeE[567]\"\s*:\s*-?\d{{5,}}", re.IGNORECASE),
)
_LINES = 200
EXACT = 3
"""Decimals that the forms of places have at least."""


def pairs(columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of columns that are named after latitude and longitude alike: ``home_lat``, ``home_lng``."""
    by_words = {_words(each): each for each in columns}
    for words, name in by_words.items():
        for at, word in enumerate(words):
            if word in _LATITUDES:
                others = ((*words[:at], other, *words[at + 1 :]) for other in _LONGITUDES)
                found = next((by_words[other] for other in others if other in by_words), None)
                if found is not None:
                    yield name, found


def names_place(column: str) -> bool:
    """Return whether a column is named after places as a whole: ``home_location``, ``geo``."""
    return not _PLACES.isdisjoint(_words(column))


def are_coordinates(latitudes: Iterable[str], longitudes: Iterable[str]) -> bool:
    """Return whether the values of two columns are places: in range, and so exact that they are no round numbers."""
    return _exact(latitudes, _NORTH) and _exact(longitudes, _EAST)


def may_be_coordinates(latitudes: Iterable[str], longitudes: Iterable[str]) -> bool:
    """Return whether the values of two columns that are named after latitude and longitude are degrees, however round."""
    return _in_range(latitudes, _NORTH) and _in_range(longitudes, _EAST)


def _in_range(values: Iterable[str], most: float) -> bool:
    told = [each for value in values if (each := value.strip())]
    inside = [each for each in told if (number := _number(each)) is not None and abs(number) <= most]
    return bool(told) and len(inside) >= _ENOUGH * len(told)


def decimals(value: str) -> int:
    """Return how many decimals of a degree a number has; whole numbers beyond any degree count ten-millionths, as devices write them."""
    text = value.strip()
    number = _number(text)
    if number is None:
        return 0
    _, point, after = text.partition(".")
    if point and after.strip("0"):
        return len(after.rstrip("0"))
    return len(str(number).partition(".")[2].rstrip("0"))


def are_points(values: Iterable[str]) -> bool:
    """Return whether most values of one column are places: two numbers, or a point as databases write it."""
    told = [each.strip() for each in values]
    return bool(told) and sum(1 for each in told if _POINT.fullmatch(each)) >= _ENOUGH * len(told)


def degrees(value: object) -> float | None:
    """Return a number of degrees that a column holds, as number or text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return _number(str(value).strip())


def point(value: object) -> tuple[float, float] | None:
    """Return the latitude and longitude of a column that holds a place whole: ``48.1372, 11.5761`` or ``POINT(11.5761 48.1372)``."""
    if not isinstance(value, str):
        return None
    if found := _WELL_KNOWN.fullmatch(value.strip()):
        return float(found[2]), float(found[1])
    found = _PAIR.fullmatch(value.strip())
    return (float(found[1]), float(found[2])) if found else None


def form_of(text: str) -> str:
    """Return the form in which a text holds places: ``GPX``, ``JSON``, ``CSV``; empty where it holds none."""
    for name, pattern in _FORMS:
        if pattern.search(text):
            return name
    if all(pattern.search(text) for pattern in _BOTH):
        return "JSON"
    return "CSV" if _is_table(text.splitlines()[:_LINES]) else ""


def _is_table(lines: Sequence[str]) -> bool:
    """Whether the first line names two columns of coordinates, and the others hold some."""
    for sign in ",;\t":
        names = [each.strip().strip('"') for each in lines[0].split(sign)] if lines else []
        rows = [line.split(sign) for line in lines[1:]]
        rows = [[each.strip().strip('"') for each in row] for row in rows if len(row) == len(names)]
        for north, east in pairs(names):
            at, beside = names.index(north), names.index(east)
            if are_coordinates([row[at] for row in rows], [row[beside] for row in rows]):
                return True
    return False


def _exact(values: Iterable[str], most: float) -> bool:
    told = [each for value in values if (each := value.strip())]
    inside = [each for each in told if (number := _number(each)) is not None and abs(number) <= most]
    exact = [each for each in inside if _DECIMALS.match(each) or (each.lstrip("-").isdigit() and len(each) > 5)]
    return bool(told) and len(inside) >= _ENOUGH * len(told) and 2 * len(exact) >= len(told)


def _number(text: str) -> float | None:
    """A number of degrees; whole numbers beyond any degree count ten-millionths, as devices write them."""
    try:
        number = float(text)
    except ValueError:
        return None
    scaled = number.is_integer() and abs(number) > 1000
    return number / 1e7 if scaled and abs(number) <= 1.8e9 else number


def _words(name: str) -> tuple[str, ...]:
    words = (each for each in re.split(r"[^a-z0-9]+", _CAMEL.sub("_", name).lower()) if each)
    return tuple(each for each in words if each not in _SCALED)
