"""When faces may be shown hidden, and when a frame is pixelated as a whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.review import faces
from expunge.core.review.faces import AROUND_MS, SAMPLE_MS, Box, FaceSample

FACE = Box(0.4, 0.3, 0.6, 0.6)
OTHER = Box(0.0, 0.0, 0.1, 0.1)
STEADY = [FaceSample(at, (FACE,)) for at in range(0, 3000, SAMPLE_MS)]


def without(at: int, boxes: tuple[Box, ...] = ()) -> list[FaceSample]:
    return [replace(sample, boxes=boxes) if sample.at_ms == at else sample for sample in STEADY]


def test_a_face_that_is_always_found_is_hidden() -> None:
    found = faces.hidden_at(1500, STEADY)
    assert found is not None
    assert set(found) == {FACE.padded()}


def test_what_is_hidden_is_wider_than_the_face_by_a_quarter_on_each_side() -> None:
    padded = FACE.padded()
    assert padded.left == pytest.approx(0.35)
    assert padded.right == pytest.approx(0.65)
    assert padded.top == pytest.approx(0.225)
    assert padded.bottom == pytest.approx(0.675)


@pytest.mark.parametrize("off", [-AROUND_MS, -100, 0, 100, AROUND_MS])
def test_one_frame_without_its_face_makes_frames_around_it_pixelated(off: int) -> None:
    assert faces.hidden_at(1500, without(1500 + off)) is None


def test_a_frame_far_from_a_loss_is_not_touched_by_it() -> None:
    assert faces.hidden_at(1500 + AROUND_MS + SAMPLE_MS, without(1500)) is not None


def test_a_face_of_two_that_is_lost_counts() -> None:
    both = [FaceSample(at, (FACE, OTHER)) for at in range(0, 3000, SAMPLE_MS)]
    assert faces.hidden_at(1500, both) is not None
    both[15] = FaceSample(1500, (FACE,))
    assert faces.hidden_at(1500, both) is None


def test_a_face_that_comes_counts_as_one_that_goes() -> None:
    assert faces.hidden_at(1500, without(1700, (FACE, OTHER))) is None


def test_a_face_that_jumps_is_a_lost_one() -> None:
    assert faces.hidden_at(1500, without(1500, (OTHER,))) is None


def test_no_face_at_all_is_not_believed() -> None:
    assert faces.hidden_at(1500, [replace(sample, boxes=()) for sample in STEADY]) is None


def test_nothing_looked_at_is_not_believed() -> None:
    assert faces.hidden_at(1500, []) is None
    assert faces.hidden_at(9000, STEADY) is None


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")], ids=str)
def test_a_box_that_is_no_number_is_not_believed(wrong: float) -> None:
    assert faces.hidden_at(1500, without(1400, (Box(wrong, 0.3, 0.6, 0.6),))) is None


def test_boxes_of_half_a_second_to_both_sides_are_hidden_together() -> None:
    moving = [FaceSample(at, (Box(at / 10_000, 0.3, at / 10_000 + 0.2, 0.6),)) for at in range(0, 3000, SAMPLE_MS)]
    found = faces.hidden_at(1500, moving)
    assert found is not None
    assert min(box.left for box in found) == pytest.approx(0.1 - 0.05)
    assert max(box.right for box in found) == pytest.approx(0.4 + 0.05)


@given(st.integers(0, 100_000), st.integers(1, 10_000), st.integers(1, 200_000))
def test_what_is_looked_at_reaches_half_a_second_around_each_frame(first: int, length: int, whole: int) -> None:
    last = min(first + length, whole)
    if first >= last:
        return
    times = faces.sample_times(first, last, whole)
    assert times[0] <= max(0, first - AROUND_MS)
    assert times[-1] >= min(last + AROUND_MS, whole) - SAMPLE_MS
    assert all(at < whole for at in times)


@given(*(st.floats(0, 1) for _ in range(4)), st.integers(16, 1280), st.integers(16, 1280))
def test_pixels_cover_their_box(left: float, top: float, right: float, bottom: float, width: int, height: int) -> None:
    width, height = width // 2 * 2, height // 2 * 2
    box = Box(min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    pixels = box.pixels(width, height)
    assert all(each % 2 == 0 for each in pixels)
    assert pixels[0] <= box.left * width
    assert pixels[1] <= box.top * height
    assert pixels[2] >= box.right * width - 1e-6
    assert pixels[3] >= box.bottom * height - 1e-6
