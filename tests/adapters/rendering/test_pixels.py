"""Nothing of a recording's detail is left in a default rendition: shown in two ways, each with controls that it can fail."""

from __future__ import annotations

import functools
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame

from expunge.adapters.rendering.renderer import ClosedRenderer
from expunge.core.journal.review_words import Clarity
from expunge.core.review import rendition
from tests.adapters.rendering.conftest import style
from tests.adapters.rendering.measuring import detail_left, pixelated
from tests.adapters.rendering.recorded import Decoded, Held, decoded, film, man_in_a_car, rabbit, street, written

MOST_LEFT = 0.15
CODEC = 1.2
"""Grey levels of 255 by which an encoded frame differs in the mean from the one that was encoded."""
CLIPS: dict[str, Callable[[], bytes]] = {
    "rabbit": rabbit,
    "man in a car": man_in_a_car,
    "street": street,
    "texture": lambda: film(2.0, 640, 360),
}


EACH = 5
"""Of the frames, one of so many is looked at."""
FIRST_MS, LAST_MS = 400, 1900


@functools.cache
def recording(name: str) -> Decoded:
    return decoded(CLIPS[name](), until=2.0)


@functools.cache
def pair(renderer: ClosedRenderer, name: str, clarity: Clarity = Clarity.PIXELATED) -> tuple[Decoded, np.ndarray, np.ndarray, np.ndarray]:
    """Return what was received of a clip, some frames of it, the same frames of the recording, and those of an independent rendition."""
    shown = decoded(renderer.segment(Held(CLIPS[name]()), style(clarity), FIRST_MS, LAST_MS).data)
    got = np.stack(shown.frames[::EACH])
    clear = clear_frames(name, shown.times[::EACH], got.shape[:0:-1])
    return shown, got, clear, expected_of(clear, grid_of(name))


def clear_frames(name: str, times: list[float], size: tuple[int, int]) -> np.ndarray:
    """Return the luminance of frames of the recording at times, of a rendition's size, from a decoder of this process."""
    whole = recording(name)
    at = [max(0, int(np.searchsorted(whole.times, time + 1e-6)) - 1) for time in times]
    frames = [VideoFrame.from_ndarray(whole.frames[number], "gray") for number in at]
    return np.stack(
        [frame.reformat(width=size[0], height=size[1], format="gray", interpolation="BICUBIC").to_ndarray() for frame in frames]
    )


def grid_of(name: str) -> tuple[int, int]:
    """Return blocks across and down: 12 along the shorter side, told here anew, so that finer ones are found to be finer."""
    height, width = recording(name).frames[0].shape
    shorter = min(width, height)
    return round(width * 12 / shorter), round(height * 12 / shorter)


def mark_of(shown: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return where the mark is, and around it: letters differ from blocks more than a codec makes them differ."""
    out = []
    for frame in np.abs(shown.astype(np.float32) - expected) > 14:
        grown = cv2.dilate(frame.astype(np.uint8), np.ones((25, 25), np.uint8))
        out.append(grown > 0)
    return np.stack(out)


def expected_of(clear: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    height, width = clear.shape[1:]
    return np.stack([pixelated(frame, grid[1], grid[0], height, width) for frame in clear])


@pytest.mark.parametrize("name", CLIPS)
def test_detail_is_gone_in_the_worst_region(renderer: ClosedRenderer, name: str) -> None:
    shown, got, clear, expected = pair(renderer, name)
    across, down = grid_of(name)
    left = detail_left(got, clear, down, across, mark_of(got, expected))
    assert left <= MOST_LEFT, left
    assert shown.colours <= 3, "a default rendition is grey"
    assert shown.kinds == {"video"}, "a default rendition is mute"


@pytest.mark.parametrize("name", CLIPS)
def test_a_rendition_is_what_an_independent_one_is(renderer: ClosedRenderer, name: str) -> None:
    _, got, _, expected = pair(renderer, name)
    mark = mark_of(got, expected)
    assert mark.mean() < 0.35, "what differs is the mark, and that is small"
    assert np.abs(got - expected)[~mark].mean() <= CODEC


def blurred(clear: np.ndarray, sigma: float) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(frame.astype(np.float32), (0, 0), sigma) for frame in clear])


def fine_blocks(clear: np.ndarray, side: int = 4) -> np.ndarray:
    height, width = clear.shape[1:]
    return np.stack([pixelated(frame, height // side, width // side, height, width) for frame in clear])


def with_a_clear_patch(clear: np.ndarray) -> np.ndarray:
    height, width = clear.shape[1:]
    grid = rendition.blocks(width, height)
    out = np.stack([pixelated(frame, grid[1], grid[0], height, width) for frame in clear])
    out[:, height // 3 : height // 3 + height // 6, width // 2 : width // 2 + width // 6] = clear[
        :, height // 3 : height // 3 + height // 6, width // 2 : width // 2 + width // 6
    ]
    return out


def mixed_faintly(clear: np.ndarray, share: float = 0.25) -> np.ndarray:
    height, width = clear.shape[1:]
    grid = rendition.blocks(width, height)
    return (1 - share) * np.stack([pixelated(frame, grid[1], grid[0], height, width) for frame in clear]) + share * clear


CONTROLS = {
    "blocks of 4 pixels": fine_blocks,
    "a Gaussian blur": lambda clear: blurred(clear, 4),
    "a clear patch": with_a_clear_patch,
    "a quarter of the clear picture mixed in": mixed_faintly,
    "the clear picture": lambda clear: clear,
}


@pytest.mark.parametrize("control", CONTROLS)
def test_the_measure_finds_what_hides_too_little(control: str) -> None:
    clear = clear_frames("street", [0.4, 0.9, 1.4], (640, 272))
    across, down = grid_of("street")
    assert detail_left(CONTROLS[control](clear), clear, down, across) > MOST_LEFT


def test_the_comparison_finds_what_is_mixed_in() -> None:
    clear = clear_frames("texture", [0.4, 1.4], (640, 360))
    expected = expected_of(clear, grid_of("texture"))
    assert np.abs(mixed_faintly(clear, 0.1) - expected).mean() > CODEC


def test_a_clear_rendition_is_the_recording_and_the_measure_says_so(renderer: ClosedRenderer) -> None:
    _, got, clear, _ = pair(renderer, "street", Clarity.CLEAR)
    across, down = grid_of("street")
    assert detail_left(got, clear, down, across) > 0.8


def test_a_default_rendition_is_the_same_whatever_the_detail_was(renderer: ClosedRenderer) -> None:
    """Two films whose blocks have the same means and whose detail differs give the same picture, but for what rounding makes of it."""
    grid = rendition.blocks(480, 240)
    rough = np.kron(np.random.default_rng(3).integers(60, 190, grid[::-1]), np.ones((240 // grid[1], 480 // grid[0]))).astype(np.uint8)
    marks = np.indices(rough.shape).sum(axis=0) % 2 * 40
    shown = []
    for plain in (rough, (rough - 20 + marks).astype(np.uint8)):
        frames = (VideoFrame.from_ndarray(plain, "gray").reformat(format="yuv420p") for _ in range(26))
        content = written("mp4", frames, "mpeg4", (480, 240))
        shown.append(np.stack(decoded(renderer.segment(Held(content), style(), 0, 1000).data).frames).astype(int))
    assert np.abs(shown[0] - shown[1]).mean() < 3
