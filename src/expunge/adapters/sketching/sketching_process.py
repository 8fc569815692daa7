"""The process that sketches recordings: it imports what decodes, closes itself, and then answers.

It can open no file, make no connection and start no program. Its memory and the time of its processor are bounded. Films, and sounds that
libsndfile does not read, take the extra ``desk``.
"""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import soundfile

from expunge.adapters.closed import answering, closing
from expunge.adapters.closed.answering import Answered, RangeFile
from expunge.adapters.decoding import pictures
from expunge.adapters.decoding.faults import MediaRefused
from expunge.core.families.media_types import MediaType
from expunge.ports.families.sketching import BARS, MOST_DECODED, SIDE, Sketch

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

try:
    from expunge.adapters.decoding import libraries, quick_look
except ImportError:
    films: ModuleType | None = None
else:
    films = quick_look

_FRAMES = 64 * 48_000 * 4
"""Samples that are decoded at most: about four minutes of a recording of one channel at 48,000 a second."""
_BY_LIBSNDFILE = frozenset({MediaType.WAV, MediaType.FLAC, MediaType.MP3, MediaType.OGG})
_PROCESSOR = 10
"""Seconds of a processor for one sketch."""


def main() -> None:
    """Close this process, and answer until standard input ends."""
    prepare()
    closing.ready()
    answering.answer(_answered)


def prepare() -> None:
    """Use each library once, so that what it loads at its first use is there, and close this process."""
    pictures.load()
    if films is not None:
        libraries.load()
    wave = io.BytesIO()
    soundfile.write(wave, np.zeros(16, np.float32), 8000, format="WAV")
    _sound(io.BytesIO(wave.getvalue()))
    pictures.warm()
    closing.close()


def _answered(request: dict[str, Any], file: RangeFile) -> Answered:
    closing.bound_processor(_PROCESSOR)
    try:
        found = sketch_of(MediaType(request["media"]), file, request["whole"])
    except (*pictures.DAMAGED, MediaRefused, MemoryError):
        return {"damaged": True}, b""
    ms = -1 if found.seconds is None else round(found.seconds * 1000)
    return {"bars": list(found.bars), "ms": ms, "cut": found.cut}, found.picture


def sketch_of(media: MediaType, file: RangeFile, size: int) -> Sketch:
    """Return the sketch of content, of ``size`` bytes in all. Raises whatever a library raises for content that is damaged."""
    if media.is_picture:
        return Sketch(picture=_small(media, io.BufferedReader(file)))
    if not media.is_audio:
        return Sketch() if films is None else _film(films, media, file)
    head = io.BytesIO(io.BufferedReader(file).read(MOST_DECODED))
    heard = None
    if media in _BY_LIBSNDFILE:
        try:
            heard = _sound(head)
        except soundfile.LibsndfileError:
            # Why go on: Ogg may hold what libsndfile does not read.
            head.seek(0)
    if heard is None:
        if films is None:
            return Sketch()
        heard = films.loudness(media, head, _FRAMES)
    peaks, seconds, more = heard
    return Sketch(_bars(peaks), seconds, cut=size > len(head.getvalue()) or more)


def _film(quick: ModuleType, media: MediaType, file: RangeFile) -> Sketch:
    image, seconds = quick.frame_and_length(media, file, SIDE)
    return Sketch(picture=_jpeg(image), seconds=seconds)


def _sound(head: BinaryIO) -> tuple[NDArray[np.float32], float, bool]:
    """Return loudness, seconds of what was decoded, and whether there is more behind it."""
    with soundfile.SoundFile(head) as sound:
        rate, channels = sound.samplerate, max(1, sound.channels)
        samples = sound.read(max(1, _FRAMES // channels), dtype="float32", always_2d=True)
        more = sound.read(1, dtype="float32", always_2d=True)
    if not len(samples) or rate <= 0:
        raise ValueError
    return np.abs(samples).max(axis=1), len(samples) / rate, len(more) > 0


def _bars(loud: NDArray[np.float32]) -> tuple[int, ...]:
    edges = np.linspace(0, len(loud), BARS + 1).astype(int)
    peaks = np.array([loud[first:last].max() if last > first else 0.0 for first, last in pairwise(edges)])
    peaks = np.nan_to_num(peaks, nan=0.0, posinf=1.0)
    top = max(float(peaks.max()), 1e-6)
    return tuple(round(float(each) / top * 100) for each in peaks)


def _small(media: MediaType, file: BinaryIO) -> bytes:
    return _jpeg(pictures.picture(media, file, SIDE))


def _jpeg(image: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=70)
    return out.getvalue()


if __name__ == "__main__":
    main()
