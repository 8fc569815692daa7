"""Places of one child as pages show them: squares of a coarse grid with counts, and a list. No tile, no name of a place.

A square says *about here*: its side is never less than a hundredth of a degree (about 1.1 km from south to north).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

SIDES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Degrees of the side of a square; the smallest is taken with which the picture has few enough of them."""
MOST_ACROSS = 24
"""Squares in a row or a column of the picture, where the largest side allows it."""
_TURN, _HALF_TURN = 360.0, 180.0
_TOP = 90.0


@dataclass(frozen=True)
class Place:
    """One place at one time, as a dataset holds it."""

    dataset: str
    key: str = field(repr=False)
    """The item, as :attr:`expunge.core.values.copy.Copy.keys` has it; empty where the store names no single record."""
    latitude: float = field(repr=False)
    """Degrees, WGS 84, north is positive."""
    longitude: float = field(repr=False)
    """Degrees, east is positive."""
    at: datetime | None = field(default=None, repr=False)
    """When the child was there, in UTC; None where the item says no time."""


@dataclass(frozen=True)
class Square:
    """One square of the grid with at least one place in it."""

    column: int
    """From the west of the picture, from 0 on."""
    row: int
    """From the north of the picture, from 0 on."""
    items: int
    south: float = field(repr=False)
    west: float = field(repr=False)
    north: float = field(repr=False)
    east: float = field(repr=False)


@dataclass(frozen=True)
class Grid:
    """The squares of one picture."""

    side: float
    """Of each square, in degrees."""
    columns: int
    rows: int
    squares: tuple[Square, ...]
    """Sorted by row and column."""
    stretch: float
    """Width of a square over its height on the picture: what a degree of longitude measures there, by a degree of latitude."""


def is_place(latitude: float, longitude: float) -> bool:
    """Return whether two numbers are a place on the globe."""
    return math.isfinite(latitude) and math.isfinite(longitude) and abs(latitude) <= _TOP and abs(longitude) <= _HALF_TURN


def gridded(places: Sequence[Place]) -> tuple[Grid, tuple[tuple[int, int], ...]] | None:
    """Return the squares in which places lie, and the row and column of each place; None for no place.

    Places on both sides of the 180th meridian stand beside one another: the picture begins behind the widest gap between longitudes.
    """
    if not places:
        return None
    start = _western_edge(each.longitude for each in places)
    unwrapped = [(each.latitude, start + (each.longitude - start) % _TURN) for each in places]
    norths, easts = [north for north, _ in unwrapped], [east for _, east in unwrapped]
    side = next((each for each in SIDES if _across(norths, each) <= MOST_ACROSS and _across(easts, each) <= MOST_ACROSS), SIDES[-1])
    bottom, left = _index(min(norths), side), _index(min(easts), side)
    top, right = _index(max(norths), side), _index(max(easts), side)
    lie = tuple((top - _index(north, side), _index(east, side) - left) for north, east in unwrapped)
    squares = tuple(_square(row, column, items, top, left, side) for (row, column), items in sorted(Counter(lie).items()))
    middle = math.radians(min(max((min(norths) + max(norths)) / 2, -85.0), 85.0))
    return Grid(side, right - left + 1, top - bottom + 1, squares, math.cos(middle)), lie


def _square(row: int, column: int, items: int, top: int, left: int, side: float) -> Square:
    south, west = round((top - row) * side, 6), round((left + column) * side, 6)
    north, east = min(_TOP, round(south + side, 6)), round(west + side, 6)
    west = west if west < _HALF_TURN else round(west - _TURN, 6)
    return Square(column, row, items, max(-_TOP, south), west, north, east if east <= _HALF_TURN else round(east - _TURN, 6))


def _western_edge(longitudes: Iterable[float]) -> float:
    """The longitude after the widest gap between neighbours around the globe."""
    known = sorted(set(longitudes))
    gaps = [((known[(at + 1) % len(known)] - west) % _TURN or _TURN, at) for at, west in enumerate(known)]
    _, widest = max(gaps)
    return known[(widest + 1) % len(known)]


def _across(values: Sequence[float], side: float) -> int:
    return _index(max(values), side) - _index(min(values), side) + 1


def _index(degrees: float, side: float) -> int:
    # Why rounded: 51.48 / 0.01 is 5147.999..., which would be the square beside.
    return math.floor(round(degrees / side, 6))
