"""Places of a person on a coarse map without tiles: an SVG picture that asks nobody for anything."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

MOST_CELLS = 400
"""Cells that are drawn at most. Where there would be more, they grow tenfold."""
_FINEST = 3
"""Decimals of a degree of the smallest cells: some 100 m."""
_WIDTH, _HEIGHT, _EDGE = 720, 440, 36
_EARTH = 111_320.0
"""Metres of a degree of latitude."""
_LEAST = 0.004
"""Degrees that a picture shows at least."""


@dataclass
class PlacePlot:
    """Points, counted in cells, so that any number of them takes a bounded amount of memory."""

    decimals: int = _FINEST
    points: int = 0
    cells: dict[tuple[int, int], int] = field(default_factory=dict, repr=False)
    """Cell as (latitude, longitude) in its own units -> points in it."""

    def add(self, latitude: float, longitude: float) -> None:
        """Count a point. A pair that is no place on the globe is left out."""
        if not (math.isfinite(latitude) and math.isfinite(longitude)) or abs(latitude) > 90 or abs(longitude) > 180:
            return
        self.points += 1
        self._count(round(latitude * 10**self.decimals), round(longitude * 10**self.decimals), 1)
        while len(self.cells) > MOST_CELLS and self.decimals > 0:
            finer, self.cells = self.cells, {}
            self.decimals -= 1
            for (north, east), count in finer.items():
                self._count(round(north / 10), round(east / 10), count)

    def places(self) -> Iterator[tuple[float, float, int]]:
        """Yield latitude, longitude and count of each cell, the fullest first."""
        scale = 10**self.decimals
        for (north, east), count in sorted(self.cells.items(), key=lambda each: (-each[1], each[0])):
            yield north / scale, east / scale, count

    def svg(self, label: str, north: str) -> str:
        """Return the picture; empty where there is no point.

        Args:
            label: what a reader who does not see it is told.
            north: the letter for north.
        """
        placed = list(self.places())
        if not placed:
            return ""
        frame = _Frame.around(placed)
        parts = [
            f'<svg class="map" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">',
            f'<rect class="sea" x="0" y="0" width="{_WIDTH}" height="{_HEIGHT}"/>',
            *frame.lines(),
        ]
        for latitude, longitude, count in placed:
            x, y = frame.at(latitude, longitude)
            parts.append(f'<circle class="place" cx="{x:.1f}" cy="{y:.1f}" r="{3 + 2 * math.log10(count):.1f}"/>')
        parts += [
            *frame.scale(),
            f'<text class="note" x="{_WIDTH - 16}" y="24" text-anchor="end">{escape(north)} \N{UPWARDS ARROW}</text></svg>',
        ]
        return "\n".join(parts)

    def _count(self, north: int, east: int, count: int) -> None:
        self.cells[north, east] = self.cells.get((north, east), 0) + count


@dataclass(frozen=True)
class _Frame:
    """The part of the globe that a picture shows: flat, with degrees of longitude as long as they are in its middle."""

    south: float
    west: float
    degree: float
    """Pixels of a degree of latitude."""
    narrow: float
    """Length of a degree of longitude, in degrees of latitude."""
    shifted: bool
    """Whether places west of Greenwich count on beyond 180 degrees, so that a trip over the date line is one place."""

    @classmethod
    def around(cls, placed: list[tuple[float, float, int]]) -> _Frame:
        norths, easts = [each[0] for each in placed], [each[1] for each in placed]
        shifted = max(easts) - min(easts) > 180
        easts = [each % 360 if shifted else each for each in easts]
        middle = math.radians((max(norths) + min(norths)) / 2)
        narrow = max(0.05, math.cos(middle))
        tall = max(_LEAST, max(norths) - min(norths))
        wide = max(_LEAST, (max(easts) - min(easts)) * narrow)
        degree = min((_WIDTH - 2 * _EDGE) / wide, (_HEIGHT - 2 * _EDGE) / tall)
        south = (max(norths) + min(norths)) / 2 - _HEIGHT / degree / 2
        west = (max(easts) + min(easts)) / 2 - _WIDTH / degree / narrow / 2
        return cls(south, west, degree, narrow, shifted)

    def at(self, latitude: float, longitude: float) -> tuple[float, float]:
        east = longitude % 360 if self.shifted else longitude
        return (east - self.west) * self.narrow * self.degree, _HEIGHT - (latitude - self.south) * self.degree

    def lines(self) -> Iterator[str]:
        """Lines of latitude and longitude at round numbers, with their degrees."""
        step = _round(120 / self.degree)
        decimals = max(0, -math.floor(math.log10(step)))
        for number in range(math.ceil(self.south / step), math.floor((self.south + _HEIGHT / self.degree) / step) + 1):
            y = _HEIGHT - (number * step - self.south) * self.degree
            yield f'<line class="line" x1="0" y1="{y:.1f}" x2="{_WIDTH}" y2="{y:.1f}"/>'
            yield f'<text class="note" x="4" y="{y - 4:.1f}">{number * step:.{decimals}f}\N{DEGREE SIGN}</text>'
        step = _round(160 / self.degree / self.narrow)
        decimals = max(0, -math.floor(math.log10(step)))
        for number in range(math.ceil(self.west / step), math.floor((self.west + _WIDTH / self.degree / self.narrow) / step) + 1):
            x = (number * step - self.west) * self.narrow * self.degree
            east = number * step if number * step <= 180 else number * step - 360
            yield f'<line class="line" x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{_HEIGHT}"/>'
            yield f'<text class="note" x="{x + 4:.1f}" y="{_HEIGHT - 6}">{east:.{decimals}f}\N{DEGREE SIGN}</text>'

    def scale(self) -> Iterator[str]:
        """A bar of a round length."""
        metres = _round(160 * _EARTH / self.degree)
        long = metres / _EARTH * self.degree
        text = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
        x = _WIDTH - 16 - long
        yield f'<path class="bar" d="M{x:.1f} {_HEIGHT - 34}v8h{long:.1f}v-8"/>'
        yield f'<text class="note" x="{_WIDTH - 16}" y="{_HEIGHT - 40}" text-anchor="end">{text}</text>'


def _round(value: float) -> float:
    """Return the next number down of the form 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (5, 2, 1) if factor * power <= value * (1 + 1e-9))
