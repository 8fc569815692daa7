"""How a recording is shown to a reviewer: how clearly, in which pieces, under which mark. Pure values and arithmetic.

A reviewer is never given a recording. A rendition is made of it on the server, and only the rendition leaves: pixelated, grey and mute
unless more was granted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from expunge.core.families.media_types import MediaType
from expunge.core.journal.review_words import Clarity, Sound
from expunge.errors import UsageError

SEGMENT_MS = 2_000
"""Milliseconds of a usual segment."""
MOST_SEGMENT_MS = 10_000
"""Milliseconds that are rendered at once, at most."""
BLOCKS = 12
"""Blocks along the shorter side of a pixelated frame. A face that fills half of it has six."""
PIXELATED_RATE = 10
"""Frames a second of a pixelated rendition, at most: a face that moves across the blocks shows less of itself in fewer frames."""
MOST_RATE = 30
"""Frames a second of any rendition, at most."""
MOST_SIDE = 1_280
"""Pixels of the longer side of a rendition, at most."""
LEAST_SIDE = 480
"""Pixels of the longer side, at least: the mark has to be legible."""
SOUND_RATE = 48_000
"""Samples a second of the sound of a rendition: 48 a millisecond."""
TICKS = 90
"""Ticks a millisecond of the picture's clock."""
TILE_ALPHA = 0.28
"""How strongly the mark covers the picture."""
_RATES = (5, 10, 12, 15, 20, 24, 25, 30)
_MOST_LINE = 48
_TILE_ROUND_MS = (23_000, 17_000)
"""Milliseconds in which the mark goes to and fro, across and down: the two meet again after 391 seconds."""


class FormKind(StrEnum):
    """What a recording is to a renderer."""

    FILM = "film"
    SOUND = "sound"
    PICTURE = "picture"


@dataclass(frozen=True)
class MediaForm:
    """What can be rendered of a recording."""

    media: MediaType
    kind: FormKind
    length_ms: int = 0
    """Milliseconds; 0 of a picture."""
    width: int = 0
    """Pixels, upright; 0 of a sound."""
    height: int = 0
    has_sound: bool = False


@dataclass(frozen=True)
class Tile:
    """The mark that is burned into each frame: who looks, for which case, and when."""

    reviewer: str
    case: str
    at: str
    """UTC, as it is to be read."""

    @property
    def lines(self) -> tuple[str, str, str]:
        """Return the lines of the mark: printable ASCII, of 48 characters at most."""
        first, second, third = (
            "".join(character if " " <= character <= "~" else "?" for character in line)[:_MOST_LINE]
            for line in (self.reviewer, self.case, self.at)
        )
        return first, second, third


@dataclass(frozen=True)
class RenditionStyle:
    """How a recording is to be shown. Raises UsageError for a transcript, which is no rendition."""

    tile: Tile
    clarity: Clarity = Clarity.PIXELATED
    sound: Sound = Sound.MUTE

    def __post_init__(self) -> None:
        if self.clarity is Clarity.TRANSCRIPT:
            raise UsageError("a transcript is no rendition", help="ask for the transcript itself, or for `pixelated`")


@dataclass(frozen=True)
class Segment:
    """A part of a rendition that plays alone, and after the segment before it: fragmented MP4 (ISO/IEC 14496-12, 8.8)."""

    head: bytes
    """``ftyp`` and ``moov``, the same for all segments of one rendition."""
    body: bytes
    """``moof`` and ``mdat``; times are those of the recording."""
    first_ms: int
    last_ms: int
    """The end of what is shown: that of the recording, where it ends sooner than asked."""
    codecs: str
    """As a player asks for them (RFC 6381)."""
    clarity: Clarity
    """The clarity that was kept throughout. It is less than asked where a frame had to be pixelated."""
    sound: Sound
    frames: int = 0
    pixelated: int = 0
    """Frames of these that were pixelated as a whole."""

    @property
    def data(self) -> bytes:
        """Return the whole segment."""
        return self.head + self.body


@dataclass(frozen=True)
class Still:
    """A picture as it is shown: a JPEG without metadata."""

    data: bytes
    clarity: Clarity


def segments(first_ms: int, last_ms: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the segments of a range, of :data:`SEGMENT_MS` each; the last one may be shorter."""
    for begin in range(first_ms, last_ms, SEGMENT_MS):
        yield begin, min(begin + SEGMENT_MS, last_ms)


def require_segment(first_ms: int, last_ms: int) -> None:
    """Raise UsageError for a range that is none, or is longer than what is rendered at once."""
    if not 0 <= first_ms < last_ms:
        raise UsageError("a range begins at 0 ms or later and ends after it begins", help="ask for another range")
    if last_ms - first_ms > MOST_SEGMENT_MS:
        message = f"at most {MOST_SEGMENT_MS // 1000} seconds are rendered at once"
        raise UsageError(message, help="ask for segments, one after another")


def blocks(width: int, height: int) -> tuple[int, int]:
    """Return how many blocks a pixelated frame of so many pixels has across and down. They are squares, as nearly as whole numbers go."""
    shorter = min(width, height)
    rows = min(BLOCKS, shorter)
    return max(1, round(width * rows / shorter)), max(1, round(height * rows / shorter))


def shown_size(width: int, height: int) -> tuple[int, int]:
    """Return the pixels of a rendition: those of the recording within bounds, and even, as H.264 has colours."""
    scale = max(min(1.0, MOST_SIDE / max(width, height)), LEAST_SIDE / max(width, height))
    return max(16, round(width * scale) // 2 * 2), max(16, round(height * scale) // 2 * 2)


def shown_rate(rate: float, clarity: Clarity) -> int:
    """Return the frames a second of a rendition, for those of the recording: the next of a few rates whose frames take whole ticks."""
    most = PIXELATED_RATE if clarity is Clarity.PIXELATED else MOST_RATE
    return min(most, next((known for known in _RATES if known >= rate - 0.1), MOST_RATE))


def frame_times(first_ms: int, last_ms: int, rate: int) -> Iterator[tuple[int, int]]:
    """Yield tick and length in ticks of each frame of a segment. The first is at its begin, and the last one lasts until its end."""
    step, end = TICKS * 1000 // rate, last_ms * TICKS
    for tick in range(first_ms * TICKS, end, step):
        yield tick, min(step, end - tick)


def tile_place(at_ms: float, frame: tuple[int, int], tile: tuple[int, int]) -> tuple[int, int]:
    """Return left and top of the mark at a time: it wanders, so that no crop is free of it for long.

    Args:
        at_ms: milliseconds from the beginning of the recording, so that the mark does not jump between segments.
        frame: width and height of the frame.
        tile: those of the mark.
    """
    left, top = (
        int(max(0, room - size) * _to_and_fro(at_ms / period)) for room, size, period in zip(frame, tile, _TILE_ROUND_MS, strict=True)
    )
    return left, top


def _to_and_fro(turns: float) -> float:
    """Return a place from 0 to 1 that goes there and back with each turn."""
    return 1 - abs(turns % 1 * 2 - 1)
