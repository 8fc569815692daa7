"""The arithmetic of renditions: ranges, blocks, frames, and the place of the mark."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.journal.review_words import Clarity, Sound
from expunge.core.review import rendition
from expunge.core.review.rendition import BLOCKS, LEAST_SIDE, MOST_SEGMENT_MS, MOST_SIDE, PIXELATED_RATE, TICKS, RenditionStyle, Tile
from expunge.errors import UsageError

SIDES = st.integers(1, 8000)
TILE = Tile("a", "b", "c")


def test_what_is_shown_by_default_is_the_least() -> None:
    style = RenditionStyle(TILE)
    assert (style.clarity, style.sound) == (Clarity.PIXELATED, Sound.MUTE)


def test_a_transcript_is_no_rendition() -> None:
    with pytest.raises(UsageError, match="transcript"):
        RenditionStyle(TILE, Clarity.TRANSCRIPT)


@pytest.mark.parametrize("asked", [(-1, 10), (10, 10), (10, 5), (0, MOST_SEGMENT_MS + 1), (2**40, 2**40 - 1)], ids=str)
def test_a_range_that_is_none_is_refused(asked: tuple[int, int]) -> None:
    with pytest.raises(UsageError):
        rendition.require_segment(*asked)


@given(st.integers(0, 10**7), st.integers(1, 10**6))
def test_segments_cover_a_range_without_gap_or_overlap(first: int, length: int) -> None:
    length = length % 100_000 + 1
    ranges = list(rendition.segments(first, first + length))
    assert ranges[0][0] == first
    assert ranges[-1][1] == first + length
    assert all(one[1] == other[0] for one, other in itertools.pairwise(ranges))
    for asked in ranges:
        rendition.require_segment(*asked)


@given(SIDES, SIDES)
def test_a_face_that_fills_half_of_the_shorter_side_has_six_blocks_at_most(width: int, height: int) -> None:
    across, down = rendition.blocks(width, height)
    assert 1 <= min(across, down) <= BLOCKS
    if min(width, height) >= BLOCKS:
        assert min(across, down) == BLOCKS
        assert abs(width / across - height / down) <= max(width, height) / min(across, down) * 0.1 + 1


@given(SIDES, SIDES)
def test_a_rendition_is_even_and_within_bounds(width: int, height: int) -> None:
    shown = rendition.shown_size(width, height)
    assert all(side % 2 == 0 and side >= 16 for side in shown)
    assert LEAST_SIDE - 2 <= max(shown) <= MOST_SIDE


@given(st.floats(0.1, 240), st.sampled_from([Clarity.PIXELATED, Clarity.FACES_HIDDEN, Clarity.CLEAR]))
def test_frames_take_whole_ticks(rate: float, clarity: Clarity) -> None:
    shown = rendition.shown_rate(rate, clarity)
    assert TICKS * 1000 % shown == 0
    assert shown <= (PIXELATED_RATE if clarity is Clarity.PIXELATED else 30)


@given(st.integers(0, 10**7), st.integers(1, MOST_SEGMENT_MS), st.sampled_from([5, 10, 12, 15, 20, 24, 25, 30]))
def test_frames_fill_a_segment_exactly(first: int, length: int, rate: int) -> None:
    frames = list(rendition.frame_times(first, first + length, rate))
    assert frames[0][0] == first * TICKS
    assert all(tick + lasts == following[0] for (tick, lasts), following in itertools.pairwise(frames))
    assert sum(frames[-1]) == (first + length) * TICKS
    assert all(lasts > 0 for _, lasts in frames)


@given(st.floats(0, 10**8), SIDES, SIDES, st.integers(1, 500), st.integers(1, 500))
def test_the_mark_stays_inside_the_frame(at: float, width: int, height: int, wide: int, tall: int) -> None:
    left, top = rendition.tile_place(at, (width, height), (wide, tall))
    assert 0 <= left <= max(0, width - wide)
    assert 0 <= top <= max(0, height - tall)


def test_the_mark_comes_to_every_corner_of_the_frame() -> None:
    places = {rendition.tile_place(at, (1280, 720), (400, 100)) for at in range(0, 391_000, 100)}
    for corner in ((0, 0), (880, 0), (0, 620), (880, 620)):
        assert min(abs(left - corner[0]) + abs(top - corner[1]) for left, top in places) < 60


def test_the_mark_has_no_character_that_is_not_plain() -> None:
    assert Tile("é\x1b[31m\u202e", "x" * 90, "2026").lines == ("??[31m?", "x" * 48, "2026")
