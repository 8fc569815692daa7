"""Sound of a recording by its time: samples at one rate, whatever it was recorded at."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, cast

import numpy as np
from av.audio.resampler import AudioResampler

from expunge.adapters.decoding.containers import begin_of, faults

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from numpy.typing import NDArray

_BEFORE = Fraction(1, 5)
"""Seconds that are decoded before the first sample: some codecs begin with what they heard before."""


def samples(container: InputContainer, stream: AudioStream, first: int, last: int, rate: int, channels: int = 1) -> NDArray[np.float32]:
    """Return samples from ``first`` to before ``last``, counted at ``rate`` from the beginning of the track; silence where there is none.

    Args:
        container: the open recording.
        stream: its track.
        first: may be negative.
        last: behind ``first``.
        rate: samples a second.
        channels: 1 or 2. The result has a row for each.

    Raises MediaRefused.
    """
    out = np.zeros((channels, last - first), np.float32)
    for at, part in _parts(container, stream, Fraction(max(0, first), rate), rate, channels):
        begin = at - first
        if begin >= last - first:
            break
        cut = part[:, max(0, -begin) : last - first - begin]
        out[:, max(0, begin) : max(0, begin) + cut.shape[1]] = cut
    return out


def _parts(
    container: InputContainer, stream: AudioStream, since: Fraction, rate: int, channels: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    base, begin = cast("Fraction", stream.time_base), begin_of(stream)
    resampler = AudioResampler("fltp", "stereo" if channels == 2 else "mono", rate)
    with faults():
        container.seek(int((max(Fraction(0), since - _BEFORE) + begin) / base), stream=stream)
        following: int | None = None
        for frame in chain(container.decode(stream), [None]):
            for part in resampler.resample(frame):
                told = None if part.pts is None or part.time_base is None else round((part.pts * part.time_base - begin) * rate)
                # Why not each told time: it is rounded to the clock of the file, and sound must not have holes of a sample.
                if following is None or (told is not None and abs(told - following) > rate // 50):
                    following = told or 0
                yield following, np.nan_to_num(np.asarray(part.to_ndarray(), np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
                following += part.samples
