"""Drawings for a list: the outline of a sound, or that there is none. Made of numbers alone, so that nothing from outside is in them."""

from __future__ import annotations

from collections.abc import Sequence

_WIDTH, _HEIGHT, _GAP = 384, 64, 1.2
_COLOUR = "#2f8f7b"
"""Readable on light and on dark ground: contrast of at least 3 to both."""


def drawn(bars: Sequence[int]) -> str:
    """Return the outline of a sound as SVG, from loudness of 0 to 100."""
    step = _WIDTH / max(1, len(bars))
    parts = []
    for number, loud in enumerate(bars):
        height = max(2.0, min(100, loud) / 100 * (_HEIGHT - 4))
        parts.append(f"M{number * step + step / 2:.1f} {(_HEIGHT - height) / 2:.1f}v{height:.1f}")
    return _svg(f'<path d="{"".join(parts)}" stroke="{_COLOUR}" stroke-width="{step - _GAP:.1f}" stroke-linecap="round" fill="none"/>')


def silent() -> str:
    """Return the drawing in the place of an outline that cannot be made: a line, broken in the middle."""
    middle = _HEIGHT / 2
    line = f"M8 {middle}H{_WIDTH / 2 - 26}M{_WIDTH / 2 + 26} {middle}H{_WIDTH - 8}"
    cross = f"M{_WIDTH / 2 - 12} {middle - 12}l24 24m0 -24l-24 24"
    return _svg(f'<path d="{line}{cross}" stroke="#7d8580" stroke-width="4" stroke-linecap="round" fill="none"/>')


def moving() -> str:
    """Return the drawing of a film of which no picture can be made here."""
    middle, half = _WIDTH / 2, _HEIGHT / 2
    frame = f'<rect x="{middle - 44}" y="6" width="88" height="{_HEIGHT - 12}" rx="8" stroke="{_COLOUR}" stroke-width="4" fill="none"/>'
    return _svg(f'{frame}<path d="M{middle - 9} {half - 13}v26l22 -13z" fill="{_COLOUR}"/>')


def _svg(inside: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">{inside}</svg>'
