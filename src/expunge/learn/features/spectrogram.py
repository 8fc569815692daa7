"""The sound of a recording as numbers: the logarithm of its energy in each band of pitch over time."""

from __future__ import annotations

import numpy as np

from expunge.learn.records.refusals import BadInput

_QUIET = 1e-10
"""Added to each energy: silence has a logarithm too."""


def log_mel(waveform: np.ndarray, rate: int = 16_000, mels: int = 40, window: float = 0.025, step: float = 0.010) -> np.ndarray:
    """Return the log-mel spectrogram of one recording, (mels, frames).

    Args:
        waveform: (samples,), full scale 1, or int16.
        rate: samples a second.
        mels: bands, of equal width on the mel scale (O'Shaughnessy, *Speech Communication*, 1987) up to half the rate.
        window: seconds that one frame looks at.
        step: seconds from one frame to the next.

    Raises:
        BadInput: not one channel, not finite, or shorter than a window.
    """
    found = np.asarray(waveform)
    sound = found.astype(np.float64) / (32768.0 if found.dtype == np.int16 else 1.0)
    size, hop = round(window * rate), round(step * rate)
    if sound.ndim != 1 or len(sound) < size or hop < 1 or not np.isfinite(sound).all():
        message = f"a waveform of shape {found.shape}: it must be one channel of finite samples, {size} at least"
        raise BadInput(message)
    points = 1 << (size - 1).bit_length()
    frames = np.lib.stride_tricks.sliding_window_view(sound, size)[::hop] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, points)) ** 2
    return np.asarray(np.log(_bands(rate, points, mels) @ power.T + _QUIET))


def _bands(rate: int, points: int, mels: int) -> np.ndarray:
    """(mels, points / 2 + 1) triangles that overlap by half."""
    top = 2595.0 * np.log10(1.0 + rate / 2 / 700.0)
    edges = 700.0 * (10.0 ** (np.linspace(0.0, top, mels + 2) / 2595.0) - 1.0)
    pitch = np.fft.rfftfreq(points, 1.0 / rate)
    rising = (pitch - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - pitch) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0.0, np.minimum(rising, falling))
