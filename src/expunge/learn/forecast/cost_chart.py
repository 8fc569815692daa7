"""A drawing of the forecasts: the saving of each layout and its possible loss of accuracy, over the number of shards. Plain SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from expunge.learn.forecast.shard_forecast import Advice, Forecast

_WIDTH, _HEIGHT, _LEFT, _TOP, _BETWEEN = 380, 260, 60, 50, 90
_COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#8e5ea2", "#c77d1e", "#444444")
_MOST_LINES = len(_COLOURS)


def svg(advice: Advice, title: str) -> str:
    """Return two panels side by side: a line for each number of slices (the first six), a ring around the recommended layout."""
    total_width, total_height = 2 * (_WIDTH + _LEFT) + _BETWEEN + 30, _HEIGHT + _TOP + 80
    cheaper = _Panel(0, "times fewer samples learnt from again (ratio of means)", lambda each: each.ratio_of_means, logarithmic=True)
    lost = _Panel(_WIDTH + _LEFT + _BETWEEN, "accuracy that may be lost, points", lambda each: each.accuracy.points, logarithmic=False)
    slices = sorted({forecast.layout.slices for forecast in advice.forecasts})[:_MOST_LINES]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total_width} {total_height}" font-family="sans-serif" font-size="12">',
        f'<title>{escape(title)}</title><rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="15">{escape(title)}</text>',
        *cheaper.draw(advice, slices),
        *lost.draw(advice, slices),
    ]
    for number, each in enumerate(slices):
        x = _LEFT + number * 110
        parts.append(f'<rect x="{x}" y="{total_height - 22}" width="14" height="4" fill="{_COLOURS[number]}"/>')
        parts.append(f'<text x="{x + 20}" y="{total_height - 15}">{each} {"slice" if each == 1 else "slices"}</text>')
    return "\n".join([*parts, "</svg>", ""])


class _Panel:
    def __init__(self, left: int, name: str, value: Callable[[Forecast], float], *, logarithmic: bool) -> None:
        self.left, self.name, self.value, self.logarithmic = left + _LEFT, name, value, logarithmic

    def draw(self, advice: Advice, slices: Sequence[int]) -> list[str]:
        shown = [forecast for forecast in advice.forecasts if forecast.layout.slices in slices]
        shards = sorted({each.layout.shards for each in shown})
        top = max(self._height_of(each) for each in shown) or 1.0
        across = {shard: self.left + _WIDTH * _part(shard, shards) for shard in shards}

        def point(each: Forecast) -> tuple[float, float]:
            return across[each.layout.shards], _TOP + _HEIGHT * (1 - self._height_of(each) / top)

        parts = [
            f'<text x="{self.left}" y="{_TOP - 12}">{escape(self.name)}</text>',
            f'<path d="M{self.left} {_TOP}V{_TOP + _HEIGHT}H{self.left + _WIDTH}" fill="none" stroke="#888"/>',
            f'<text x="{self.left + _WIDTH}" y="{_TOP + _HEIGHT + 34}" text-anchor="end">shards</text>',
        ]
        parts += [f'<text x="{x:.1f}" y="{_TOP + _HEIGHT + 17}" text-anchor="middle">{each}</text>' for each, x in across.items()]
        for height in (0.0, top / 2, top):
            label = math.exp(height) if self.logarithmic else height
            y = _TOP + _HEIGHT * (1 - height / top)
            parts.append(f'<text x="{self.left - 6}" y="{y + 4:.1f}" text-anchor="end">{label:.3g}</text>')
        for colour, each in zip(_COLOURS, slices, strict=False):
            line = [point(one) for one in sorted(shown, key=lambda one: one.layout) if one.layout.slices == each]
            drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
            parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>')
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in line]
        if advice.recommended in shown:
            x, y = point(advice.recommended)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="none" stroke="black" stroke-width="1.5"/>')
        return parts

    def _height_of(self, each: Forecast) -> float:
        return math.log(max(1.0, self.value(each))) if self.logarithmic else self.value(each)


def _part(shards: int, among: Sequence[int]) -> float:
    """Where a number of shards lies from left (0) to right (1), by its logarithm."""
    low, high = math.log(among[0]), math.log(among[-1])
    return (math.log(shards) - low) / (high - low) if high > low else 0.5
