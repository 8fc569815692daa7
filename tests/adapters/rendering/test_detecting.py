"""Faces are hidden where they can be followed; everywhere else, and whenever the detector fails, the whole frame is pixelated."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from expunge.adapters.decoding import containers
from expunge.adapters.rendering import detecting, rendering_process
from expunge.adapters.rendering.detecting import Budget, CannotTell, Detector
from expunge.adapters.rendering.renderer import ClosedRenderer
from expunge.core.families.media_types import MediaType
from expunge.core.journal.review_words import Clarity
from tests.adapters.rendering.conftest import TILE, style
from tests.adapters.rendering.recorded import Held, decoded, man_in_a_car, street, written

HIDDEN = style(Clarity.FACES_HIDDEN)


@functools.cache
def detector() -> Detector:
    return Detector(detecting.weights())


@functools.cache
def man() -> list[np.ndarray]:
    """Return frames of the man, with colours."""
    with av.open(io.BytesIO(man_in_a_car())) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def found_in(content: bytes) -> list[int]:
    """Return how many faces the detector finds in frames of what was received."""
    with av.open(io.BytesIO(content)) as container:
        return [len(detector().boxes(frame)) for number, frame in enumerate(container.decode(video=0)) if not number % 10]


def test_a_face_is_hidden_in_every_frame_and_the_rest_is_in_colour(renderer: ClosedRenderer) -> None:
    segment = renderer.segment(Held(man_in_a_car()), HIDDEN, 500, 2000)
    assert (segment.clarity, segment.pixelated) == (Clarity.FACES_HIDDEN, 0)
    assert decoded(segment.data).colours > 20
    assert set(found_in(segment.data)) == {0}
    clear = renderer.segment(Held(man_in_a_car()), style(Clarity.CLEAR), 500, 2000)
    assert set(found_in(clear.data)) == {1}, "the control: it is found where it is not hidden"


def test_what_is_over_a_face_is_one_grey(renderer: ClosedRenderer) -> None:
    shown = decoded(renderer.segment(Held(man_in_a_car()), HIDDEN, 500, 1000).data)
    height, width = shown.frames[0].shape
    middle = np.stack([frame[int(height * 0.45) : int(height * 0.55), int(width * 0.42) : int(width * 0.54)] for frame in shown.frames])
    assert middle.std() < 4


def film_of(frames: Iterator[np.ndarray]) -> bytes:
    made = (VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24").reformat(format="yuv420p") for frame in frames)
    return written("mp4", made, "mpeg4", (176, 144))


def test_a_face_that_is_lost_makes_the_frames_around_it_pixelated(renderer: ClosedRenderer) -> None:
    """Five frames of the man have no face: the second around them is pixelated, and no frame shows what was not found."""

    def frames() -> Iterator[np.ndarray]:
        for number in range(100):
            frame = man()[number].copy()
            if 48 <= number < 53:
                frame[20:110, 40:125] = frame[0, 0]
            yield frame

    segment = renderer.segment(Held(film_of(frames())), HIDDEN, 800, 3200)
    assert segment.clarity is Clarity.PIXELATED
    assert 24 <= segment.pixelated < segment.frames
    shown = decoded(segment.data)
    greys = [colour < 10 for colour in colours(segment.data)]
    assert all(greys[number] for number, at in enumerate(shown.times) if 1.5 <= at <= 2.5)
    assert not greys[0]


def colours(content: bytes) -> list[float]:
    with av.open(io.BytesIO(content)) as container:
        return [
            float(np.abs(frame.to_ndarray(format="yuv420p")[frame.height :].astype(int) - 128).max()) for frame in container.decode(video=0)
        ]


def test_a_film_without_a_face_is_pixelated(renderer: ClosedRenderer) -> None:
    """Nothing found is no proof that nothing is there."""
    segment = renderer.segment(Held(street()), HIDDEN, 0, 800)
    assert (segment.clarity, segment.pixelated) == (Clarity.PIXELATED, segment.frames)
    assert decoded(segment.data).colours <= 3


def test_without_a_detector_all_is_pixelated() -> None:
    renderer = ClosedRenderer(most=1, seconds=60)
    renderer._pools[Clarity.FACES_HIDDEN]._words = ()
    try:
        segment = renderer.segment(Held(man_in_a_car()), HIDDEN, 500, 1500)
        assert (segment.clarity, segment.pixelated) == (Clarity.PIXELATED, segment.frames)
        assert decoded(segment.data).colours <= 3
    finally:
        renderer.close()


def samples_of(content: bytes) -> list[object]:
    with containers.opened(io.BytesIO(content), MediaType.MP4) as container:
        film = containers.picture_of(container)
        assert film is not None
        return list(rendering_process._Film(container, film, Clarity.FACES_HIDDEN, TILE, (1000, 1400, 4004), detector())._samples())


def test_no_time_left_makes_all_pixelated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(samples_of(man_in_a_car())) == 15
    monkeypatch.setattr(detecting, "BUDGET", 0.0)
    assert samples_of(man_in_a_car()) == []
    with pytest.raises(CannotTell):
        Budget(-1.0).check()


def test_other_weights_are_not_loaded() -> None:
    weights = detecting.weights()
    with pytest.raises(CannotTell):
        Detector(weights[:-1] + bytes([weights[-1] ^ 1]))


def test_missing_weights_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CannotTell):
        detecting.weights()


def answer(rows: int = 8, columns: int = 8) -> list[np.ndarray]:
    heat = np.zeros((1, 1, rows, columns), np.float32)
    heat[0, 0, 3, 4] = 0.9
    return [heat, *(np.zeros((1, depth, rows, columns), np.float32) for depth in (2, 2, 10))]


def test_an_answer_in_order_is_read() -> None:
    (box,) = detecting.read(answer(), 32, 32)
    assert (box.left, box.right) == (pytest.approx(16 / 32), pytest.approx(20 / 32))
    assert (box.top, box.bottom) == (pytest.approx(12 / 32), pytest.approx(16 / 32))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("which", [0, 1, 2])
def test_an_answer_that_is_no_number_is_not_believed(which: int, value: float) -> None:
    broken = answer()
    broken[which].flat[0] = value
    with pytest.raises(CannotTell):
        detecting.read(broken, 32, 32)


@pytest.mark.parametrize("broken", [answer()[:3], answer(8, 9), [*answer(), answer()[0]], [None] * 4], ids=["few", "wide", "many", "none"])
def test_an_answer_of_another_shape_is_not_believed(broken: list[np.ndarray]) -> None:
    with pytest.raises(CannotTell):
        detecting.read(broken, 32, 32)


def test_sizes_of_frames_do_not_disturb_one_another() -> None:
    """OpenCV's network answers wrongly once the size of its input has changed; nothing says so."""
    one = VideoFrame.from_ndarray(man()[30], "rgb24")
    before = Detector(detecting.weights()).boxes(one)
    used = Detector(detecting.weights())
    used.boxes(VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24"))
    assert used.boxes(one) == before
