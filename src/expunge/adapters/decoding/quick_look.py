"""A frame and the length of a film, and the loudness of a sound that only FFmpeg reads: what a list shows of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from expunge.adapters.decoding import containers, films, pictures
from expunge.adapters.decoding.faults import MediaFault, MediaRefused

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from expunge.core.families.media_types import MediaType

_INTO_MS = 1_000
"""Milliseconds into a film of the frame that is shown: many begin with black. Of a short film it is a tenth of its length."""


def frame_and_length(media: MediaType, file: Any, side: int) -> tuple[Image, float]:
    """Return a frame of ``side`` pixels a side at most, and the seconds of the film. Raises MediaRefused."""
    with containers.opened(file, media) as container:
        film = containers.picture_of(container)
        if film is None:
            raise MediaRefused(MediaFault.OTHER_KIND)
        length = containers.length_ms(container, film)
        at = min(_INTO_MS, length // 10)
        _, frame = next(films.frames(container, film, at, max(at + 1, length)))
        scale = min(1.0, side / max(frame.width, frame.height))
        small = frame.reformat(
            width=max(1, round(frame.width * scale)), height=max(1, round(frame.height * scale)), format="rgb24", threads=1
        )
        return pictures.of_pixels(small.to_ndarray()), length / 1000


def loudness(media: MediaType, file: BinaryIO, most: int) -> tuple[NDArray[np.float32], float, bool]:
    """Return loudness by sample, seconds of what was decoded, and whether there is more behind it. Raises MediaRefused."""
    parts: list[NDArray[np.float32]] = []
    held, more = 0, False
    with containers.opened(file, media) as container:
        sound = containers.sound_of(container)
        if sound is None:
            raise MediaRefused(MediaFault.NOTHING)
        rate = sound.codec_context.sample_rate
        try:
            with containers.faults():
                for frame in container.decode(sound):
                    if held * sound.codec_context.channels >= most:
                        more = True
                        break
                    samples: NDArray[Any] = np.asarray(frame.to_ndarray())
                    scale = np.float32(np.iinfo(samples.dtype).max if samples.dtype.kind in "iu" else 1)
                    loud = np.abs(samples.astype(np.float32) / scale)
                    loud = loud.max(axis=0) if frame.format.is_planar else loud.reshape(-1, frame.layout.nb_channels).max(axis=1)
                    parts.append(loud)
                    held += len(loud)
        except MediaRefused:
            # Why go on: only the beginning of a recording is given, and its last frame is cut.
            if not parts:
                raise
    if not parts:
        raise MediaRefused(MediaFault.DAMAGED)
    return np.concatenate(parts), held / rate, more
