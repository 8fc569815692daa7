"""The port of sketches: the outline of a sound, a small copy of a picture or of a frame of a film.

Decoding happens where a hostile file can do nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from expunge.core.families.media_types import MediaType
from expunge.ports.review.range_source import RangeSource

BARS = 96
"""Bars of an outline."""
MOST_DECODED = 2 << 20
"""Bytes from the beginning of a sound or a picture that a sketch is made from."""
MOST_OF_A_FILM = 8 << 20
"""Bytes of a film that are read for a sketch, wherever in it they lie."""
SIDE = 256
"""Pixels of the longer side of a small picture."""


@dataclass(frozen=True)
class Sketch:
    """A recording at a glance."""

    bars: tuple[int, ...] = field(default=(), repr=False)
    """Loudness from 0 to 100 of :data:`BARS` parts of equal length; empty where it is no sound that can be decoded."""
    seconds: float | None = None
    """How long the sound or the film is: of what was decoded, where ``cut``."""
    cut: bool = False
    """Whether it goes on behind what was decoded."""
    picture: bytes = field(default=b"", repr=False)
    """A JPEG without metadata, of at most :data:`SIDE` pixels a side; empty where it is no picture and no film."""


class Sketcher(Protocol):
    """Makes sketches. Safe between threads."""

    def sketch(self, media: MediaType, source: RangeSource, size: int) -> Sketch:
        """Return the sketch of content.

        Args:
            media: its type, as it was told by content.
            source: the content; of a sound or a picture, its first :data:`MOST_DECODED` bytes are enough.
            size: bytes of the whole.

        Raises:
            Unplayable: it is damaged, too large when decoded, or takes too long.
            StoreUnavailable: sketches cannot be made here now.
            Whatever the source raises.
        """
        ...

    def close(self) -> None:
        """End what runs for it. Safe to call twice."""
        ...
