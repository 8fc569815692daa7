"""The part of a child's data that a family chooses: to delete it, to export it, or to look at it.

A selection names data and does not say what is done with it. It holds keys of items and places, so that it stays in memory and under an
order's key: it stands in no log, address or error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from expunge.core.datamap.artefact import DataKind
from expunge.core.values.canonical import Json
from expunge.core.values.codec import instant, parse_instant
from expunge.errors import UsageError

MOST_ITEMS = 100_000
"""Items that one selection names by their keys. More than that are chosen by a range of time, an area or as everything."""
_NORTH, _EAST = 90.0, 180.0
_MEND = "go back to the page and choose anew"


@dataclass(frozen=True)
class Everything:
    """All that is held about the child."""


@dataclass(frozen=True)
class ChosenItems:
    """Single items, and what was made from them.

    Raises UsageError when it names none, or more than :data:`MOST_ITEMS`.
    """

    keys: Mapping[str, tuple[str, ...]] = field(repr=False)
    """Dataset -> keys of its items, as :attr:`expunge.core.values.copy.Copy.keys` has them."""

    def __post_init__(self) -> None:
        count = self.items
        if not count or any(not name or not held for name, held in self.keys.items()):
            message = "the selection names no item"
            raise UsageError(message, help=_MEND)
        if count > MOST_ITEMS:
            message = f"the selection names {count} items, and one takes {MOST_ITEMS} at most"
            raise UsageError(message, help="choose a range of time, an area or everything instead")

    @property
    def items(self) -> int:
        """How many items it names."""
        return sum(len(held) for held in self.keys.values())


@dataclass(frozen=True)
class TimeRange:
    """The items of some kinds from ``since`` on and before ``until``, each in UTC; an item without a time that can be read is not meant.

    Raises UsageError when it has no kind or no bound, ends before it begins, or a bound has no time zone.
    """

    kinds: frozenset[DataKind]
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        bounds = [each for each in (self.since, self.until) if each is not None]
        if not self.kinds or not bounds:
            message = "a range of time has at least one kind of data and one bound"
            raise UsageError(message, help=_MEND)
        if any(each.tzinfo is None for each in bounds):
            message = "the bounds of a range have a time zone"
            raise UsageError(message, help=_MEND)
        if len(bounds) == 2 and bounds[0] >= bounds[1]:
            message = "the range ends before it begins"
            raise UsageError(message, help="give a later end")


@dataclass(frozen=True)
class Area:
    """The items whose place lies in a rectangle of latitudes and longitudes, its edges included, in degrees (WGS 84).

    ``west`` greater than ``east`` means the rectangle across the 180th meridian. Raises UsageError for a bound that is no degree, and for
    a south that lies north of the north.
    """

    datasets: frozenset[str]
    """Datasets with places, as the map names them."""
    south: float = field(repr=False)
    west: float = field(repr=False)
    north: float = field(repr=False)
    east: float = field(repr=False)

    def __post_init__(self) -> None:
        bounds = ((self.south, _NORTH), (self.north, _NORTH), (self.west, _EAST), (self.east, _EAST))
        if not self.datasets:
            message = "the area is of no dataset"
            raise UsageError(message, help=_MEND)
        if not all(math.isfinite(degrees) and abs(degrees) <= most for degrees, most in bounds):
            message = "a bound of the area is no latitude or longitude"
            raise UsageError(message, help="give latitudes from -90 to 90 and longitudes from -180 to 180, in degrees")
        if self.south > self.north:
            message = "the southern bound lies north of the northern one"
            raise UsageError(message, help="exchange the two latitudes")

    def holds(self, latitude: float, longitude: float) -> bool:
        """Return whether a place lies in the area."""
        beside = (
            self.west <= longitude <= self.east if self.west <= self.east else longitude >= self.west or longitude <= self.east
        )  # fmt: skip
        return self.south <= latitude <= self.north and beside


Selection: TypeAlias = Everything | ChosenItems | TimeRange | Area
"""What a family chose. What is made from chosen items (transcripts, voiceprints, models) goes with them, as the map says."""


def to_json(selection: Selection) -> Json:
    """Encode a selection, for requests to the clerk and for sealing."""
    match selection:
        case Everything():
            return {"of": "everything"}
        case ChosenItems(keys):
            return {"of": "items", "keys": {name: list(keys[name]) for name in sorted(keys)}}
        case TimeRange(kinds, since, until):
            bounds: dict[str, Json] = {name: instant(at) for name, at in (("since", since), ("until", until)) if at is not None}
            return {"of": "range", "kinds": sorted(kind.value for kind in kinds), **bounds}
        case Area(datasets, south, west, north, east):
            # Canonical JSON has no fractions: degrees travel as text, in the shortest form that reads back as the same number.
            degrees = {"south": south, "west": west, "north": north, "east": east}
            return {"of": "area", "datasets": sorted(datasets), **{name: repr(float(value)) for name, value in degrees.items()}}


def from_json(value: Json) -> Selection:
    """Inverse of :func:`to_json`. Raises UsageError for anything else: the value comes from a page."""
    try:
        return _from_json(value)
    except UsageError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        message = "the selection cannot be read"
        raise UsageError(message, help=_MEND) from error


def _from_json(value: Json) -> Selection:
    if not isinstance(value, dict):
        raise TypeError
    body = dict(value)
    match body.pop("of"):
        case "everything" if not body:
            return Everything()
        case "items":
            keys = body.pop("keys")
            if body or not isinstance(keys, dict):
                raise TypeError
            return ChosenItems({name: _texts(held) for name, held in keys.items()})
        case "range":
            kinds = frozenset(map(DataKind, _texts(body.pop("kinds"))))
            since, until = (parse_instant(_text(body.pop(name))) if name in body else None for name in ("since", "until"))
            if body:
                raise TypeError
            return TimeRange(kinds, since, until)
        case "area":
            datasets = frozenset(_texts(body.pop("datasets")))
            south, west, north, east = (float(_text(body.pop(name))) for name in ("south", "west", "north", "east"))
            if body:
                raise TypeError
            return Area(datasets, south, west, north, east)
        case _:
            raise ValueError


def _texts(value: Json) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(map(_text, value))


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
