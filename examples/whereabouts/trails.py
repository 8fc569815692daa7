"""A town that does not exist, whose people move as people do.

What is taken from measurements of real people, by mobile phones (each is drawn in the example, so that it can be compared):

* Song, Koren, Wang, Barabasi, *Modelling the scaling properties of human mobility*, Nature Physics 6, 818 (2010): the next place is one
  where the person has not been yet with probability 0.6 * S ** -0.21, S being how many they know; otherwise a known one, in proportion to
  how often they were there. From this comes that places are visited in proportion to rank ** -1.2.
* Gonzalez, Hidalgo, Barabasi, *Understanding individual human mobility patterns*, Nature 453, 779 (2008): how far a new place lies away
  goes with (distance + 1.5 km) ** -1.75; radii of gyration differ by orders of magnitude between people.
* Schneider, Belik, Couronne, Smoreda, Gonzalez, *Unravelling daily human mobility motifs*, J. R. Soc. Interface 10 (2013): most days are
  made of few places, with home at both ends, and work or school between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

SIDE = 60
"""Cells along one edge of the town."""
CELL_KM = 0.5
"""Edge of a cell."""
EXPLORE, EXPLORE_DECAY = 0.6, 0.21
JUMP_KM, JUMP_EXPONENT, JUMP_CUT_KM = 1.5, 1.75, 20.0
SCHOOLS = 12
FIRST_DAY = np.datetime64("2026-09-07T00:00:00")
"""A Monday."""


@dataclass(frozen=True)
class Person:
    """One of a household."""

    profile: str
    account: str
    child: bool
    home: int
    """A cell, row * SIDE + column."""
    anchor: int
    """The cell of school or work; a young child's or a pensioner's is the home."""


@dataclass(frozen=True)
class Visit:
    """A stay in one cell."""

    profile: str
    cell: int
    begins: np.datetime64


def household_people(count: int, random: np.random.Generator) -> list[Person]:
    """So many people, in households of two to four, in neighbourhoods of unlike size."""
    centres = random.integers(8, SIDE - 8, (9, 2))
    weight = 1 / np.arange(1, 10) ** 0.8
    schools = [_cell(_near(centres[at % 9], 3.0, random)) for at in range(SCHOOLS)]
    people: list[Person] = []
    house = 0
    while len(people) < count:
        house += 1
        home = _cell(_near(centres[random.choice(9, p=weight / weight.sum())], 5.0, random))
        for member in range(int(random.integers(2, 5))):
            child = member >= 2
            anchor = _nearest(home, schools) if child else _work(home, random)
            people.append(Person(f"p-{house:04}-{member}", f"a-{house:04}", child, home, anchor))
    return people[:count]


def trail(person: Person, days: int, random: np.random.Generator) -> Iterator[Visit]:
    """Where one person stays, in order of time; no two stays in a row are in one cell."""
    times_there: dict[int, int] = {person.home: 8, person.anchor: 5}
    at = -1
    for day in range(days):
        start = FIRST_DAY + np.timedelta64(day, "D")
        for hour, cell in _day(person, day % 7 < 5, times_there, random):
            if cell != at:
                at = cell
                yield Visit(person.profile, cell, start + np.timedelta64(int(np.clip(hour, 0.0, 23.9) * 3600), "s"))


def _day(person: Person, weekday: bool, times_there: dict[int, int], random: np.random.Generator) -> Iterator[tuple[float, int]]:
    """(hour, cell), from home to home but for those who come home after midnight; counts visits in ``times_there``."""
    at, hour = person.home, float(random.normal(7.6 if weekday else 10.0, 0.5))
    yield 0.0, at
    if weekday and random.random() < 0.93:
        at = person.anchor
        times_there[at] += 1
        yield hour, at
        hour += float(random.normal(6.5 if person.child else 8.5, 0.6))
    for _ in range(int(random.poisson(1.1 if weekday else 1.9))):
        if hour > 21:
            break
        at = _next(at, times_there, random)
        times_there[at] = times_there.get(at, 0) + 1
        yield hour, at
        hour += 0.5 + float(random.pareto(1.8))
    if hour < 23.5:
        times_there[person.home] += 1
        yield max(hour, 8.0), person.home


def radius_km(cells: np.ndarray) -> float:
    """Radius of gyration: root of the mean squared distance from the centre of all visits, in kilometres. ``cells`` of shape (n,)."""
    spots = np.stack(np.divmod(cells, SIDE), 1) * CELL_KM
    return float(np.sqrt(((spots - spots.mean(0)) ** 2).sum(1).mean()))


def _next(at: int, times_there: dict[int, int], random: np.random.Generator) -> int:
    known = [each for each in times_there if each != at]
    if not known or random.random() < EXPLORE * len(times_there) ** -EXPLORE_DECAY:
        new = _cell(_jump(at, random))
        while new in times_there:
            new = _cell(_jump(at, random))
        return new
    weight = np.array([times_there[each] for each in known], float)
    return known[int(random.choice(len(known), p=weight / weight.sum()))]


def _jump(at: int, random: np.random.Generator) -> np.ndarray:
    """A place away, its distance by the truncated power law: drawn by inversion, and again where the cut-off or the town's edge refuses."""
    while True:
        distance = JUMP_KM * ((1 - random.random()) ** (-1 / (JUMP_EXPONENT - 1)) - 1)
        angle = random.random() * 2 * np.pi
        spot = np.array(divmod(at, SIDE)) + np.array([np.sin(angle), np.cos(angle)]) * distance / CELL_KM
        if random.random() < np.exp(-distance / JUMP_CUT_KM) and (np.abs(spot - (SIDE - 1) / 2) <= (SIDE - 1) / 2).all():
            return spot


def _work(home: int, random: np.random.Generator) -> int:
    return home if random.random() < 0.12 else _cell(_jump(home, random))


def _near(centre: np.ndarray, spread: float, random: np.random.Generator) -> np.ndarray:
    return centre + random.normal(0, spread, 2)


def _cell(spot: np.ndarray) -> int:
    row, column = np.clip(np.rint(spot), 0, SIDE - 1).astype(int)
    return int(row * SIDE + column)


def _nearest(home: int, among: list[int]) -> int:
    here = np.array(divmod(home, SIDE))
    return min(among, key=lambda each: float(((np.array(divmod(each, SIDE)) - here) ** 2).sum()))
