"""The processes that render, once for a worker of the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from expunge.adapters.rendering.renderer import ClosedRenderer
from expunge.core.journal.review_words import Clarity, Sound
from expunge.core.review.rendition import RenditionStyle, Tile

TILE = Tile("reviewer 7f3a", "support 12345", "2026-11-30 10:45:12 UTC")


@pytest.fixture(scope="session")
def renderer() -> Iterator[ClosedRenderer]:
    """What renders, with one process of each kind."""
    made = ClosedRenderer(most=1, seconds=120)
    yield made
    made.close()


def style(clarity: Clarity = Clarity.PIXELATED, sound: Sound = Sound.MUTE) -> RenditionStyle:
    return RenditionStyle(TILE, clarity, sound)
